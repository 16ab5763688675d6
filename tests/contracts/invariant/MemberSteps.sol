// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Entry, Seat} from "./Model.sol";
import {TaskSteps} from "./TaskSteps.sol";
import {IHub} from "contracts/interfaces/IHub.sol";
import {MemberStatus} from "contracts/types/Membership.sol";
import {TaskParams} from "contracts/types/Task.sol";

/// @title Joining and leaving
abstract contract MemberSteps is TaskSteps {
    function enter(uint256 seed) external step(seed) {
        uint256 i = drawTask();
        uint256 j = drawSeat(i, false);
        uint256 available = sites[i].units - sites[i].reserved;
        uint256 most = available < 250 ? available : 250;
        // Sometimes nothing, or more than there is.
        uint256 quota = draw(8) == 0 ? draw(2) * (available + 1) : 1 + (most == 0 ? 0 : draw(most));
        bool good = quota != 0 && quota <= available && seats[i][j].status == MemberStatus.None;
        good = good && block.timestamp < roundStart(paramsOf(i), paramsOf(i).rounds - 1);
        _enter(i, j, uint32(quota), good && sites[i].token.movesIn());
    }

    function ask(uint256 seed) external step(seed) {
        uint256 i = drawTask();
        uint256 j = drawSeat(i, true);
        Seat storage seat = seats[i][j];
        bool active = seat.status == MemberStatus.Active;
        address from = active && draw(4) != 0 ? seat.owner : PAYOUT;
        bool predicted = active && from == seat.owner;
        attempt(from, abi.encodeCall(IHub.requestExit, (sites[i].id, seat.node)), predicted, "requestExit");
        if (!predicted) return;
        seat.status = MemberStatus.Exiting;
        seat.exitAt = block.timestamp;
    }

    /// @dev Now, or a second before, at or after the time at which it should become possible.
    function quit(uint256 seed) external step(seed) {
        uint256 i = drawTask();
        uint256 j = drawSeat(i, true);
        uint256 opens = exitOpens(i, j) - 1 + draw(3);
        if (seats[i][j].status == MemberStatus.Exiting && draw(3) == 0 && opens > block.timestamp) {
            vm.warp(opens);
        }
        if (draw(4) != 0) claimFinal(i, j);
        bool predicted = canExit(i, j);
        attempt(STRANGER, abi.encodeCall(IHub.exit, (paramsOf(i), seats[i][j].node)), predicted, "exit");
        if (predicted) hasExited(i, j);
    }

    function canExit(uint256 i, uint256 j) internal view returns (bool) {
        bool due = block.timestamp >= exitOpens(i, j);
        return isStaked(i, j) && due && seats[i][j].cursor == history[i][j].length;
    }

    function exitOpens(uint256 i, uint256 j) internal view returns (uint256) {
        TaskParams memory p = paramsOf(i);
        Seat storage seat = seats[i][j];
        uint256 last = endOf(p);
        if (seat.status == MemberStatus.Exiting && seat.exitAt < last) last = seat.exitAt;
        return last + settling(p);
    }

    /// @dev Claims what is final.
    function claimFinal(uint256 i, uint256 j) internal virtual;

    function hasExited(uint256 i, uint256 j) internal {
        Seat storage seat = seats[i][j];
        // INVARIANT 3: nothing it stood by can be challenged any more, and no challenge to it is pending.
        for (uint256 k = 0; k < history[i][j].length; ++k) {
            Entry storage entry = history[i][j][k];
            assertTrue(block.timestamp >= entry.c.time + WINDOW && entry.open == 0, "left while slashable");
        }
        seat.status = MemberStatus.Exited;
        sites[i].reserved -= seat.reserved;
        seat.reserved = 0;
        bookOf(i).stakes -= STAKE;
        addCredit(i, seat.owner, STAKE);
    }

    /// @dev 0: the node by itself. 1: an owner with the node's consent, pay going elsewhere. 2: the same through a permit
    /// that somebody may have used already. 3: with a consent to something else.
    function _enter(uint256 i, uint256 j, uint32 quota, bool good) private {
        Seat storage seat = seats[i][j];
        uint256 how = draw(4);
        address owner = how == 0 ? seat.node : OWNER;
        address payout = how == 0 ? seat.node : PAYOUT;
        bytes memory consent = how == 0 ? bytes("") : _consent(i, j, how == 3 ? quota + 1 : quota);
        bytes memory data = abi.encodeCall(IHub.join, (paramsOf(i), seat.node, payout, quota, consent));
        bool predicted = good && how != 3;
        fund(i, owner, STAKE);
        if (how == 2) data = withPermit(i, OWNER_KEY, STAKE, data);
        attempt(owner, data, predicted, how == 2 ? "join by permit" : how == 3 ? "join unasked" : "join");
        if (how == 2) renewAllowance(i, OWNER);
        if (!predicted) return;

        uint256 round = block.timestamp < START ? 0 : (block.timestamp - START) / paramsOf(i).roundSeconds + 1;
        (seat.owner, seat.payout, seat.status) = (owner, payout, MemberStatus.Active);
        (seat.left, seat.reserved, seat.nextRound) = (quota, quota, round);
        sites[i].reserved += quota;
        bookOf(i).stakes += STAKE;
    }

    function _consent(uint256 i, uint256 j, uint32 quota) private returns (bytes memory) {
        bytes32 digest = hub.joinDigest(sites[i].id, seats[i][j].node, OWNER, PAYOUT, quota);
        if (j == 1) {
            sites[i].judge.approve(digest);
            return "";
        }
        return signed(seats[i][j].key, digest);
    }

    /// @dev Takes the allowance away and puts the call behind a permit for `amount`, which somebody else may use first.
    function withPermit(uint256 i, uint256 key, uint256 amount, bytes memory data)
        internal
        returns (bytes memory)
    {
        address owner = vm.addr(key);
        vm.prank(owner);
        sites[i].token.approve(address(hub), 0);
        bytes[] memory calls = new bytes[](2);
        calls[0] = permitCall(i, key, amount);
        calls[1] = data;
        if (draw(2) == 0) {
            vm.prank(owner);
            (bool used,) = address(hub).call(calls[0]);
            assertTrue(used, "a permit fails");
        }
        return abi.encodeWithSignature("multicall(bytes[])", calls);
    }

    function renewAllowance(uint256 i, address owner) internal {
        vm.prank(owner);
        sites[i].token.approve(address(hub), type(uint256).max);
    }
}
