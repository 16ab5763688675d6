// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";

import {Staking} from "./Staking.sol";
import {IHub} from "./interfaces/IHub.sol";
import {Refusal} from "./libraries/Refusal.sol";
import {Slots} from "./libraries/Slots.sol";
import {Terms} from "./libraries/Terms.sol";
import {Verbatim} from "./libraries/Verbatim.sol";
import {Commitment, Entry, MemberStatus, Work} from "./types/Membership.sol";
import {TaskParams} from "./types/Task.sol";

/// @title Payouts: final work becomes credit, credit leaves
abstract contract Payouts is Staking {
    using Refusal for bytes4;
    using Slots for uint256;
    using Terms for TaskParams;

    /// @inheritdoc IHub
    function claim(TaskParams calldata p, address node, Commitment[] calldata batch) external nonReentrant {
        bytes32 task = Verbatim.taskId(p);
        Work memory work = _member(task, node, MemberStatus.Exiting);
        uint256 units = _advance(work, p.word(Terms.CHALLENGE_WINDOW), batch);
        _save(work);
        uint256 amount = units * p.word(Terms.RATE);
        address payout = _payoutOf(work, node);

        if (units != 0) {
            // INVARIANT: what a member is paid it had reserved.
            _tasks[task] = _tasks[task].spend(units);
            _credit(p.tokenWord(), payout, amount);
        }
        // casting is safe: units are part of a 24-bit quota, the cursor of a 32-bit sequence
        // forge-lint: disable-next-line(unsafe-typecast)
        emit Claimed(task, node, uint32(units), amount, payout, uint32(_cursor(work)));
    }

    /// @inheritdoc IHub
    function withdraw(address token, address account) external nonReentrant {
        mapping(address account => uint256) storage credits = credit[token];
        uint256 amount = credits[account];
        if (amount == 0) Hub_NothingToWithdraw.selector.refuse(token, account);

        credits[account] = 0;
        emit Withdrawn(token, account, amount);
        _push(token, account, amount);
    }

    /// @inheritdoc IHub
    function permit(address token, uint256 amount, uint256 deadline, uint8 v, bytes32 r, bytes32 s) external {
        if (token.code.length == 0) Hub_BadParameter.selector.refuse("token");
        try IERC20Permit(token).permit(msg.sender, address(this), amount, deadline, v, r, s) {} catch {}
    }

    /// @dev Moves the cursor over `batch` and returns the units that earn pay.
    function _advance(Work memory work, uint256 challengeWindow, Commitment[] calldata batch)
        private
        view
        returns (uint256 units)
    {
        uint256 first = _cursor(work);
        uint256 cursor = first;
        Entry memory entry;
        for (uint256 i = 0; i < batch.length; ++i) {
            Verbatim.read(entry, batch[i]);
            if (entry.sequence < cursor) continue;
            if (entry.sequence > cursor) Hub_SequenceGap.selector.refuse(entry.sequence, cursor);
            _checkKept(work, entry);
            unchecked {
                _notBefore(entry.time + challengeWindow);
            }
            uint256 bit = _bit(cursor);
            if (work.challenged & bit != 0) Hub_SequenceBlocked.selector.refuse(cursor);
            unchecked {
                if (work.voided & bit == 0) units += entry.units;
                work.voided &= ~bit;
                ++cursor;
            }
        }
        if (cursor == first) Hub_NothingToClaim.selector.refuse(cursor);

        unchecked {
            // INVARIANT: units paid are units committed, which the quota covered.
            work.unpaid = work.next - cursor;
            work.unitsReserved -= units;
        }
    }
}
