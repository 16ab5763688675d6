// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Staking} from "./Staking.sol";
import {IHub} from "./interfaces/IHub.sol";
import {Commitment, Member} from "./types/Membership.sol";
import {Task, TaskParams} from "./types/Task.sol";

/// @title Payouts: final work becomes credit, credit leaves
abstract contract Payouts is Staking {
    /// @inheritdoc IHub
    function claim(TaskParams calldata p, address node, Commitment[] calldata batch) external nonReentrant {
        bytes32 task = _taskId(p);
        Member storage member = _stakedMember(task, node);
        uint256 units = _advance(task, node, member, p.challengeWindow, batch);
        uint96 amount = uint96(units * p.rate);
        address payout = _payoutOf(member);

        if (amount != 0) _pay(_tasks[task], p.token, payout, amount);
        emit Claimed(task, node, uint32(units), amount, payout, _cursor(member));
    }

    /// @inheritdoc IHub
    function withdraw(address token, address account) external nonReentrant {
        uint256 amount = _takeCredit(token, account);
        if (amount == 0) revert Hub_NothingToWithdraw(token, account);

        emit Withdrawn(token, account, amount);
        _push(token, account, amount);
    }

    /// @dev Moves the cursor over `batch` and returns the units that earn pay.
    function _advance(
        bytes32 task,
        address node,
        Member storage member,
        uint32 challengeWindow,
        Commitment[] calldata batch
    ) private returns (uint256 units) {
        uint32 cursor = _cursor(member);
        uint32 first = cursor;
        uint64 challenged = member.challenged;
        uint64 voided = member.voided;
        for (uint256 i = 0; i < batch.length; ++i) {
            Commitment calldata c = batch[i];
            if (c.sequence < cursor) continue;
            if (c.sequence > cursor) revert Hub_SequenceGap(c.sequence, cursor);
            if (_slot(task, node, cursor) != _hash(c)) revert Hub_CommitmentUnknown(cursor);
            if (block.timestamp < uint256(c.time) + challengeWindow) {
                revert Hub_NotFinal(cursor, uint256(c.time) + challengeWindow);
            }
            uint64 bit = _bit(cursor);
            if (challenged & bit != 0) revert Hub_SequenceBlocked(cursor);
            if (voided & bit == 0) units += c.units;
            else voided &= ~bit;
            ++cursor;
        }
        if (cursor == first) revert Hub_NothingToClaim(task, node);

        member.unpaid = uint8(member.next - cursor);
        member.voided = voided;
        // INVARIANT: units paid are units committed, which the quota covered.
        member.unitsReserved -= uint24(units);
    }

    function _pay(Task storage stored, address token, address payout, uint96 amount) private {
        stored.bounty -= amount;
        stored.reserved -= amount;
        _creditFrom(Purpose.Bounty, token, payout, amount);
    }
}
