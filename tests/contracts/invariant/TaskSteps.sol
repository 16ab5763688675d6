// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Vice} from "./HostileToken.sol";
import {World} from "./World.sol";
import {IHub} from "contracts/interfaces/IHub.sol";
import {MemberStatus} from "contracts/types/Membership.sol";
import {TaskParams} from "contracts/types/Task.sol";

/// @title Time, bounties, tokens
abstract contract TaskSteps is World {
    /// @dev Some time, or to a second before, at or after the end of some window.
    function pass(uint256 seed) external step(seed) {
        uint256 to = block.timestamp + 1 + draw(60);
        uint256 kind = draw(8);
        if (kind < 3 && cases.length != 0) to = cases[draw(cases.length)].c.deadline - 1 + draw(3);
        if (kind > 5) to = edge() - 1 + draw(3);
        if (to > block.timestamp) vm.warp(to);
    }

    function topUp(uint256 seed) external step(seed) {
        uint256 i = drawTask();
        TaskParams memory p = paramsOf(i);
        uint40 units = uint40(draw(100));
        bool predicted = units != 0 && block.timestamp < endOf(p) && sites[i].token.movesIn();
        fund(i, STRANGER, units * p.rate);
        attempt(STRANGER, abi.encodeCall(IHub.topUp, (p, units)), predicted, "topUp");
        if (!predicted) return;
        sites[i].units += units;
        bookOf(i).bounties += units * p.rate;
    }

    function refund(uint256 seed) external step(seed) {
        _refund(drawTask(), draw(8) == 0 ? STRANGER : CREATOR);
    }

    function createAgain(uint256 seed) external step(seed) {
        TaskParams memory p = paramsOf(drawTask());
        if (draw(2) == 0) p.start = uint40(block.timestamp - 1);
        attempt(CREATOR, abi.encodeCall(IHub.createTask, (p, 1)), false, "createTask");
    }

    function open(uint256 seed) external step(seed) {
        uint256 i = drawTask();
        TaskParams memory p = paramsOf(i);
        uint256 round = block.timestamp < START ? 0 : (block.timestamp - START) / p.roundSeconds;
        if (draw(4) == 0) round += draw(3);
        openRound(i, round);
    }

    /// @dev The vice of the third task's token begins or ends.
    function tempt(uint256 seed) external step(seed) {
        bool active = draw(3) != 0;
        sites[third].token.tempt(active);
        if (active) count("vice", true);
        if (active && sites[third].token.vice() == Vice.Shrinks) _shrink(draw(100));
    }

    function donate(uint256 seed) external step(seed) {
        uint256 i = drawTask();
        uint256 amount = 1 + draw(5);
        sites[i].token.mint(address(hub), amount);
        bookOf(i).donated += amount;
    }

    /// @dev Opens `round` if that can be done now.
    function openRound(uint256 i, uint256 round) internal {
        TaskParams memory p = paramsOf(i);
        uint256 starts = roundStart(p, round);
        bool inTime =
            round < p.rounds && block.timestamp >= starts && block.timestamp < starts + p.commitSeconds;
        bool predicted = inTime && sites[i].opened <= round;
        bytes memory data = abi.encodeCall(IHub.openRound, (sites[i].id, uint32(round)));
        attempt(STRANGER, data, predicted, "openRound");
        if (predicted) sites[i].opened = round + 1;
    }

    /// @dev Enough for a fee on top.
    function fund(uint256 i, address account, uint256 amount) internal {
        sites[i].token.mint(account, amount + 1);
    }

    function _refund(uint256 i, address from) internal {
        TaskParams memory p = paramsOf(i);
        uint256 units = sites[i].units - sites[i].reserved;
        bool due = block.timestamp >= endOf(p) + settling(p);
        bool predicted = from == CREATOR && due && units != 0;
        attempt(from, abi.encodeCall(IHub.refund, (p)), predicted, "refund");
        if (!predicted) return;
        sites[i].units -= units;
        bookOf(i).bounties -= units * p.rate;
        addCredit(i, CREATOR, units * p.rate);
    }

    function _shrink(uint256 amount) private {
        uint256 held = sites[third].token.balanceOf(address(hub));
        if (amount > held) amount = held;
        sites[third].token.shrink(address(hub), amount);
        bookOf(third).lost += amount;
    }

    /// @dev The end of some window.
    function edge() private returns (uint256) {
        uint256 i = drawTask();
        uint256 j = draw(NODES);
        TaskParams memory p = paramsOf(i);
        uint256 kind = draw(4);
        if (kind == 0) return endOf(p);
        if (kind == 1 && seats[i][j].status == MemberStatus.Exiting) return seats[i][j].exitAt + settling(p);
        if (kind < 3 && history[i][j].length != 0) {
            return history[i][j][draw(history[i][j].length)].c.time + p.challengeWindow;
        }
        uint256 round = block.timestamp < START ? 0 : (block.timestamp - START) / p.roundSeconds + 1;
        return roundStart(p, round) + (draw(2) == 0 ? 0 : p.commitSeconds);
    }
}
