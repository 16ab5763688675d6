// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";

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
        address payout = _payoutOf(key, node);

        if (units != 0) {
            _spend(_tasks[task], units);
            _credit(p.token, payout, amount);
        }
        // casting is safe: units are part of a 24-bit quota, the cursor of a 32-bit sequence
        // forge-lint: disable-next-line(unsafe-typecast)
        emit Claimed(task, node, uint32(units), amount, payout, uint32(_cursor(work)));
    }

    /// @inheritdoc IHub
    function withdraw(address token, address account) external nonReentrant {
        uint256 amount = credit[token][account];
        if (amount == 0) revert Hub_NothingToWithdraw(token, account);

        credit[token][account] = 0;
        emit Withdrawn(token, account, amount);
        _push(token, account, amount);
    }

    /// @inheritdoc IHub
    function permit(address token, uint256 amount, uint256 deadline, uint8 v, bytes32 r, bytes32 s) external {
        try IERC20Permit(token).permit(msg.sender, address(this), amount, deadline, v, r, s) {} catch {}
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

    /// @dev INVARIANT: what a member is paid it had reserved, so neither number runs dry.
    function _spend(Task storage stored, uint256 units) private {
        stored.units -= uint40(units);
        stored.reserved -= uint40(units);
    }
}
