// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Staking} from "./Staking.sol";
import {IHub} from "./interfaces/IHub.sol";
import {Commitment, Work} from "./types/Membership.sol";
import {Task, TaskParams} from "./types/Task.sol";

/// @title Payouts: final work becomes credit, credit leaves
abstract contract Payouts is Staking {
    /// @inheritdoc IHub
    function claim(TaskParams calldata p, address node, Commitment[] calldata batch) external nonReentrant {
        bytes32 task = _taskId(p);
        (bytes32 key, Work memory work) = _stakedWork(task, node);
        uint256 units = _advance(key, work, p.challengeWindow, batch);
        _save(key, work);
        uint256 amount = units * p.rate;
        address payout = _payoutOf(key);

        if (amount != 0) _pay(task, p.token, payout, amount);
        emit Claimed(task, node, uint32(units), uint96(amount), payout, uint32(_cursor(work)));
    }

    /// @inheritdoc IHub
    function withdraw(address token, address account) external nonReentrant {
        uint256 amount = _takeCredit(token, account);
        if (amount == 0) revert Hub_NothingToWithdraw(token, account);

        emit Withdrawn(token, account, amount);
        _push(token, account, amount);
    }

    /// @dev Moves the cursor over `batch` and returns the units that earn pay.
    function _advance(bytes32 key, Work memory work, uint256 challengeWindow, Commitment[] calldata batch)
        private
        view
        returns (uint256 units)
    {
        uint256 first = _cursor(work);
        uint256 cursor = first;
        for (uint256 i = 0; i < batch.length; ++i) {
            Commitment memory c = batch[i];
            if (c.sequence < cursor) continue;
            if (c.sequence > cursor) revert Hub_SequenceGap(c.sequence, cursor);
            if (_ring[key][cursor % RING] != _hash(c)) revert Hub_CommitmentUnknown(cursor);
            _notBefore(c.time + challengeWindow);
            uint64 bit = _bit(cursor);
            if (work.challenged & bit != 0) revert Hub_SequenceBlocked(cursor);
            if (work.voided & bit == 0) units += c.units;
            work.voided &= ~bit;
            ++cursor;
        }
        if (cursor == first) revert Hub_NothingToClaim(cursor);

        work.unpaid = uint8(work.next - cursor);
        // INVARIANT: units paid are units committed, which the quota covered.
        work.unitsReserved -= uint24(units);
    }

    function _pay(bytes32 task, address token, address payout, uint256 amount) private {
        Task storage stored = _tasks[task];
        stored.bounty -= uint96(amount);
        stored.reserved -= uint96(amount);
        _creditFrom(Purpose.Bounty, token, payout, amount);
    }
}
