// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {HubActs} from "./HubActs.sol";
import {IJudge} from "contracts/interfaces/IJudge.sol";
import {Challenge, ChallengeStatus} from "contracts/types/Challenge.sol";
import {Commitment, MemberStatus} from "contracts/types/Membership.sol";
import {Task, TaskParams} from "contracts/types/Task.sol";

/// @title Everyone who may use a hub, acting at random on two tasks that pay in one token
/// @dev Node 0 of each task follows the protocol: a judge never finds it guilty. Every step is a call that must succeed;
/// where none is possible the step does nothing.
contract HubHandler is HubActs {
    modifier step() {
        vm.warp(clock);
        _;
        clock = block.timestamp;
    }

    // Steps

    function pass(uint256 seconds_) external step {
        vm.warp(block.timestamp + bound(seconds_, 1, 400));
    }

    function topUp(uint256 i, uint256 units) external step {
        if (block.timestamp >= END) return;
        TaskParams memory p = paramsOf(i % TASKS);
        units = bound(units, 1, 100);
        vm.prank(STRANGER);
        hub.topUp(p, uint40(units));
        bounties += units * p.rate;
        ++taken["topUp"];
    }

    function donate(uint256 amount) external step {
        amount = bound(amount, 1, 5);
        token.mint(address(hub), amount);
        donated += amount;
    }

    function enter(uint256 i, uint256 j, uint256 quota) external step {
        (i, j) = (i % TASKS, j % NODES);
        if (block.timestamp >= roundStart(ROUNDS - 1)) return;
        if (memberAt(i, j).status != MemberStatus.None) return;
        Task memory stored = hub.taskOf(taskAt[i]);
        quota = bound(quota, 1, stored.units - stored.reserved);
        if (quota > 100) quota = 100;
        address node = nodeOf[i][j];
        fund(node, STAKE);
        vm.prank(node);
        hub.join(paramsOf(i), node, node, uint32(quota), "");
        stakeOf[i][j] = STAKE;
        stakes += STAKE;
        ++taken["join"];
    }

    /// @dev Goes on to the next commit window and lets every member work.
    function work(uint256 i, uint256 units) external step {
        i = i % TASKS;
        uint256 round = block.timestamp < START ? 0 : (block.timestamp - START) / ROUND_SECONDS;
        if (block.timestamp >= roundStart(round) + COMMIT_SECONDS) ++round;
        if (round >= ROUNDS) return;
        if (block.timestamp < roundStart(round)) vm.warp(roundStart(round));
        bytes32 id = taskAt[i];
        if (hub.beaconOf(id, uint32(round)) == 0) hub.openRound(id, uint32(round));
        _work(i, uint32(round), units, units % 2 == 1);
    }

    function post(uint256 i, uint256 j, uint256 version) external step {
        (i, j, version) = (i % TASKS, j % NODES, bound(version, 1, ROUNDS));
        address poster = hub.checkpointOf(taskAt[i], uint32(version)).poster;
        bool free = poster == address(0) || hub.memberOf(taskAt[i], poster).status == MemberStatus.Slashed;
        if (!free || memberAt(i, j).status != MemberStatus.Active || block.timestamp < roundStart(version)) {
            return;
        }
        Commitment memory c;
        c.round = uint32(version);
        c.manifest = keccak256(abi.encode(i, j, version));
        c.root = keccak256(abi.encode(keccak256("cupel.checkpoint.v1"), c.round, c.manifest));
        c.time = uint40(block.timestamp);
        vm.prank(nodeOf[i][j]);
        c.sequence = hub.postCheckpoint(taskAt[i], c.round, c.manifest);
        ++taken["postCheckpoint"];
        history[i][j].push(c);
    }

    /// @dev A judge that leaves it open, or answers; guilty only for nodes that may cheat.
    function accuse(uint256 i, uint256 j, uint256 k, uint256 answer) external step {
        (i, j) = (i % TASKS, j % NODES);
        if (!isStaked(i, j) || history[i][j].length == 0) return;
        Commitment memory c = history[i][j][k % history[i][j].length];
        if (block.timestamp >= c.time + WINDOW) return;
        IJudge.Verdict said = IJudge.Verdict(answer % 4);
        if (said == IJudge.Verdict.Guilty && j == 0) said = IJudge.Verdict.Pending;
        uint256 id = _challenge(i, j, c, said);
        ++taken["challenge"];
        if (said == IJudge.Verdict.Pending) {
            pending.push(id);
            return;
        }
        // The hub keeps nothing of it.
        _end(id, ChallengeStatus.None);
        if (said == IJudge.Verdict.Guilty) ++taken["slash at once"];
        if (said == IJudge.Verdict.Dismissed) ++taken["dismiss at once"];
        _countVerdict(i, j, shown[id].bond, said);
    }

    function decideOne(uint256 k, uint256 answer) external step {
        if (pending.length == 0) return;
        k = k % pending.length;
        uint256 id = pending[k];
        Challenge memory c = shown[id];
        if (block.timestamp >= c.deadline) return;
        (uint256 i, uint256 j) = _siteOf(c);
        bool moot = stakeOf[i][j] == 0;
        IJudge.Verdict said = IJudge.Verdict(answer % 3 + 1);
        if (said == IJudge.Verdict.Guilty && j == 0) said = IJudge.Verdict.NotGuilty;
        decide(id, said);
        ++taken["decide"];
        if (said == IJudge.Verdict.Dismissed) ++taken["dismiss later"];
        if (said == IJudge.Verdict.Guilty && !moot) ++taken["slash later"];
        // Guilty, NotGuilty and Dismissed follow each other in both enums.
        _end(id, moot ? ChallengeStatus.Moot : ChallengeStatus(uint256(said) + 1));
        _countVerdict(i, j, c.bond, moot ? IJudge.Verdict.Dismissed : said);
        _forget(k);
    }

    /// @dev Of the first pending challenge, counted from `k`, that nobody waits for any more.
    function expireOne(uint256 k) external step {
        for (uint256 n = 0; n < pending.length; ++n) {
            if (_expire((k % pending.length + n) % pending.length)) return;
        }
    }

    function claimSome(uint256 i, uint256 j, uint256 count) external step {
        (i, j) = (i % TASKS, j % NODES);
        if (isStaked(i, j)) _claim(i, j, bound(count, 1, 10));
    }

    function ask(uint256 i, uint256 j) external step {
        (i, j) = (i % TASKS, j % NODES);
        if (memberAt(i, j).status != MemberStatus.Active) return;
        vm.prank(nodeOf[i][j]);
        hub.requestExit(taskAt[i], nodeOf[i][j]);
    }

    function quit(uint256 i, uint256 j) external step {
        (i, j) = (i % TASKS, j % NODES);
        if (isStaked(i, j)) _exit(i, j);
    }

    function withdraw(uint256 who) external step {
        address[] memory all = accounts();
        _withdraw(all[who % all.length]);
    }

    function refund(uint256 i) external step {
        _refund(i % TASKS);
    }

    /// @dev Everybody does what is left to do, at the last time that any rule names. Nothing may fail.
    function finish() external step {
        vm.warp(block.timestamp > END + SETTLING ? block.timestamp : END + SETTLING);
        vm.warp(block.timestamp + SETTLING);
        while (pending.length != 0) {
            assertTrue(_expire(0), "a challenge outlives its deadline");
        }
        for (uint256 i = 0; i < TASKS; ++i) {
            for (uint256 j = 0; j < NODES; ++j) {
                if (!isStaked(i, j)) continue;
                _claim(i, j, 64);
                assertTrue(_exit(i, j), "a member cannot leave");
            }
            _refund(i);
        }
        address[] memory all = accounts();
        for (uint256 k = 0; k < all.length; ++k) {
            _withdraw(all[k]);
        }
    }
}
