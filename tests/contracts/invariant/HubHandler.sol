// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Base} from "../Base.t.sol";
import {Hub} from "contracts/Hub.sol";
import {IJudge} from "contracts/interfaces/IJudge.sol";
import {TestToken} from "contracts/periphery/TestToken.sol";
import {Challenge, ChallengeStatus} from "contracts/types/Challenge.sol";
import {Commitment, Member, MemberStatus} from "contracts/types/Membership.sol";
import {Task, TaskParams} from "contracts/types/Task.sol";

/// @title Everyone who may use a hub, acting at random on two tasks that pay in one token
/// @dev Node 0 of each task follows the protocol: a judge never finds it guilty. Every step is a call that must succeed;
/// where none is possible the step does nothing.
contract HubHandler is Base {
    uint256 public constant TASKS = 2;
    uint256 public constant NODES = 3;

    /// @dev What the hub should have done, counted from outside.
    uint256 public donated;
    uint256 public slashed;
    uint256 public burned;
    uint256 public rewarded;
    uint256 public withdrawn;
    uint256 public openedChallenges;
    /// @dev How often each step really happened.
    mapping(string step => uint256) public taken;

    uint256 internal clock = NOW;
    mapping(uint256 i => bytes32) public idOf;
    mapping(uint256 i => mapping(uint256 j => Commitment[])) internal history;
    mapping(uint256 i => mapping(uint256 j => uint256)) public paidUnits;
    mapping(uint256 i => mapping(uint256 j => uint256)) public passedUnits;
    uint256[] internal pending;

    modifier step() {
        vm.warp(clock);
        _;
        clock = block.timestamp;
    }

    function begin() external {
        setUp();
        fund(STRANGER, type(uint96).max);
        for (uint256 i = 0; i < TASKS; ++i) {
            fund(CREATOR, BOUNTY);
            vm.prank(CREATOR);
            idOf[i] = hub.createTask(paramsOf(i), BOUNTY);
        }
    }

    // The world

    function theHub() external view returns (Hub) {
        return hub;
    }

    function theToken() external view returns (TestToken) {
        return token;
    }

    /// @dev Task 1 has disputes shorter than its window, ten bonds above half the stake and another rate.
    function paramsOf(uint256 i) public view returns (TaskParams memory p) {
        p = params();
        if (i == 0) return p;
        p.disputeSeconds = 60;
        p.bond = 77;
        p.rate = 7;
    }

    function nodeOf(uint256 i, uint256 j) public pure returns (address) {
        return address(uint160(0x1000 + i * NODES + j));
    }

    function memberAt(uint256 i, uint256 j) public view returns (Member memory) {
        return hub.memberOf(idOf[i], nodeOf(i, j));
    }

    function isStaked(uint256 i, uint256 j) public view returns (bool) {
        MemberStatus status = memberAt(i, j).status;
        return status == MemberStatus.Active || status == MemberStatus.Exiting;
    }

    function now_() external view returns (uint256) {
        return clock;
    }

    function pendingCount() external view returns (uint256) {
        return pending.length;
    }

    function pendingAt(uint256 k) external view returns (Challenge memory) {
        return hub.challengeOf(pending[k]);
    }

    function commitments(uint256 i, uint256 j) external view returns (uint256) {
        return history[i][j].length;
    }

    // Steps

    function pass(uint256 seconds_) external step {
        vm.warp(block.timestamp + bound(seconds_, 1, 400));
    }

    function topUp(uint256 i, uint256 amount) external step {
        if (block.timestamp >= END) return;
        TaskParams memory p = paramsOf(i % TASKS);
        vm.prank(STRANGER);
        hub.topUp(p, uint96(bound(amount, 1, 1000)));
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
        Task memory stored = hub.taskOf(idOf[i]);
        quota = bound(quota, 1, (stored.bounty - stored.reserved) / stored.rate);
        if (quota > 100) quota = 100;
        address node = nodeOf(i, j);
        fund(node, STAKE);
        vm.prank(node);
        hub.join(paramsOf(i), node, node, uint32(quota), "");
        ++taken["join"];
    }

    /// @dev Goes on to the next commit window and lets every member work.
    function work(uint256 i, uint256 units) external step {
        i = i % TASKS;
        uint256 round = block.timestamp < START ? 0 : (block.timestamp - START) / ROUND_SECONDS;
        if (block.timestamp >= roundStart(round) + COMMIT_SECONDS) ++round;
        if (round >= ROUNDS) return;
        if (block.timestamp < roundStart(round)) vm.warp(roundStart(round));
        bytes32 id = idOf[i];
        if (hub.beaconOf(id, uint32(round)) == 0) hub.openRound(id, uint32(round));
        for (uint256 j = 0; j < NODES; ++j) {
            _commit(i, j, uint32(round), units);
        }
    }

    function post(uint256 i, uint256 j, uint256 version) external step {
        (i, j, version) = (i % TASKS, j % NODES, bound(version, 1, ROUNDS));
        address poster = hub.checkpointOf(idOf[i], uint32(version)).poster;
        bool free = poster == address(0) || hub.memberOf(idOf[i], poster).status == MemberStatus.Slashed;
        if (!free || memberAt(i, j).status != MemberStatus.Active || block.timestamp < roundStart(version)) {
            return;
        }
        Commitment memory c;
        c.round = uint32(version);
        c.manifest = keccak256(abi.encode(i, j, version));
        c.root = keccak256(abi.encode(keccak256("cupel.checkpoint.v1"), c.round, c.manifest));
        c.time = uint40(block.timestamp);
        vm.prank(nodeOf(i, j));
        c.sequence = hub.postCheckpoint(idOf[i], c.round, c.manifest);
        ++taken["postCheckpoint"];
        history[i][j].push(c);
    }

    /// @dev A judge that leaves it open, or answers; guilty only for nodes that may cheat.
    function accuse(uint256 i, uint256 j, uint256 k, uint256 answer) external step {
        (i, j) = (i % TASKS, j % NODES);
        if (!isStaked(i, j) || history[i][j].length == 0) return;
        Commitment memory c = history[i][j][k % history[i][j].length];
        TaskParams memory p = paramsOf(i);
        if (block.timestamp >= c.time + p.challengeWindow) return;
        answer = bound(answer, 0, 3);
        bool guilty = answer == 1 && j != 0;
        judge.script(guilty ? IJudge.Verdict.Guilty : IJudge.Verdict(answer == 2 ? 2 : 0));
        fund(CHALLENGER, p.bond);
        uint256 stake = memberAt(i, j).stake;
        vm.prank(CHALLENGER);
        uint256 id = hub.challenge(p, nodeOf(i, j), c, address(judge), "");
        ++openedChallenges;
        ++taken["challenge"];
        if (guilty) {
            ++taken["slash at once"];
            _countSlash(i, j, stake, p.bond);
        } else if (answer != 2) {
            pending.push(id);
        }
    }

    function decide(uint256 k, uint256 answer) external step {
        if (pending.length == 0) return;
        k = k % pending.length;
        Challenge memory c = hub.challengeOf(pending[k]);
        if (block.timestamp >= c.deadline) return;
        (uint256 i, uint256 j) = _siteOf(c);
        bool guilty = answer % 2 == 1 && j != 0;
        uint256 stake = memberAt(i, j).stake;
        judge.decide(hub, pending[k], guilty);
        ++taken["decide"];
        if (guilty && stake != 0) {
            ++taken["slash later"];
            _countSlash(i, j, stake, c.bond);
        }
        _forget(k);
    }

    /// @dev Of the first pending challenge, counted from `k`, that nobody waits for any more.
    function expire(uint256 k) external step {
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
        vm.prank(nodeOf(i, j));
        hub.requestExit(idOf[i], nodeOf(i, j));
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

    function accounts() public pure returns (address[] memory all) {
        all = new address[](3 + TASKS * NODES);
        (all[0], all[1], all[2]) = (CREATOR, CHALLENGER, BURN);
        for (uint256 k = 0; k < TASKS * NODES; ++k) {
            all[3 + k] = nodeOf(k / NODES, k % NODES);
        }
    }

    // Parts of steps

    function _commit(uint256 i, uint256 j, uint32 round, uint256 units) internal {
        Member memory m = memberAt(i, j);
        if (m.status != MemberStatus.Active || m.nextRound > round || m.unitsLeft == 0 || m.unpaid == 64) {
            return;
        }
        uint256 most = m.unitsLeft < UNITS_PER_ROUND ? m.unitsLeft : UNITS_PER_ROUND;
        Commitment memory c;
        c.round = round;
        c.root = keccak256(abi.encode(i, j, round));
        c.units = uint32(bound(units, 1, most));
        c.time = uint40(block.timestamp);
        vm.prank(nodeOf(i, j));
        c.sequence = hub.commit(idOf[i], round, c.root, c.manifest, c.units);
        ++taken["commit"];
        history[i][j].push(c);
    }

    /// @dev Claims up to `count` commitments as far as the rules allow, and checks the pay.
    function _claim(uint256 i, uint256 j, uint256 count) internal {
        Commitment[] memory batch = _claimable(i, j, count);
        if (batch.length == 0) return;
        uint64 voided = memberAt(i, j).voided;
        uint256 units;
        for (uint256 k = 0; k < batch.length; ++k) {
            if (voided & (1 << (batch[k].sequence % 64)) == 0) units += batch[k].units;
            passedUnits[i][j] += batch[k].units;
        }
        uint256 before = credit(nodeOf(i, j));
        hub.claim(paramsOf(i), nodeOf(i, j), batch);
        ++taken["claim"];
        assertEq(credit(nodeOf(i, j)) - before, units * paramsOf(i).rate, "pay");
        paidUnits[i][j] += units;
    }

    function _claimable(uint256 i, uint256 j, uint256 count)
        internal
        view
        returns (Commitment[] memory batch)
    {
        Member memory m = memberAt(i, j);
        uint256 first = m.next - m.unpaid;
        uint256 last = first;
        uint256 open = hub.blockedFrom(idOf[i], nodeOf(i, j));
        while (last < open && last - first < count && block.timestamp >= history[i][j][last].time + WINDOW) {
            ++last;
        }
        batch = new Commitment[](last - first);
        for (uint256 k = first; k < last; ++k) {
            batch[k - first] = history[i][j][k];
        }
    }

    function _expire(uint256 k) internal returns (bool) {
        Challenge memory c = hub.challengeOf(pending[k]);
        (uint256 i, uint256 j) = _siteOf(c);
        bool moot = memberAt(i, j).status == MemberStatus.Slashed;
        if (block.timestamp < c.deadline && !moot) return false;
        hub.expire(pending[k]);
        ++taken["expire"];
        if (moot) ++taken["moot"];
        ChallengeStatus expected = moot ? ChallengeStatus.Moot : ChallengeStatus.Expired;
        assertChallenge(pending[k], expected);
        _forget(k);
        return true;
    }

    function _exit(uint256 i, uint256 j) internal returns (bool) {
        Member memory m = memberAt(i, j);
        TaskParams memory p = paramsOf(i);
        uint256 last = m.exitAt != 0 && m.exitAt < END ? m.exitAt : END;
        if (block.timestamp < last + p.challengeWindow + p.disputeSeconds + p.exitMargin) return false;
        if (m.unpaid != 0) return false;
        hub.exit(p, nodeOf(i, j));
        ++taken["exit"];
        // INVARIANT 3: nothing it stood by can be challenged any more.
        for (uint256 k = 0; k < history[i][j].length; ++k) {
            assertTrue(block.timestamp >= history[i][j][k].time + p.challengeWindow, "left while slashable");
        }
        return true;
    }

    function _refund(uint256 i) internal {
        TaskParams memory p = paramsOf(i);
        Task memory stored = hub.taskOf(idOf[i]);
        if (stored.bounty == stored.reserved) return;
        if (block.timestamp < END + p.challengeWindow + p.disputeSeconds + p.exitMargin) return;
        vm.prank(CREATOR);
        hub.refund(p);
        ++taken["refund"];
    }

    function _withdraw(address account) internal {
        uint256 amount = credit(account);
        if (amount == 0) return;
        uint256 before = token.balanceOf(account);
        hub.withdraw(address(token), account);
        assertEq(token.balanceOf(account) - before, amount, "withdrawn");
        withdrawn += amount;
        ++taken["withdraw"];
    }

    function _countSlash(uint256 i, uint256 j, uint256 stake, uint256 bond) internal {
        // INVARIANT 5: a proof inside the window ends in a slash, whatever happened before.
        assertEq(uint256(memberAt(i, j).status), uint256(MemberStatus.Slashed), "proven but not slashed");
        uint256 reward = 10 * bond < stake / 2 ? 10 * bond : stake / 2;
        slashed += stake;
        rewarded += reward;
        burned += stake - reward;
    }

    function _siteOf(Challenge memory c) internal view returns (uint256 i, uint256 j) {
        i = c.task == idOf[0] ? 0 : 1;
        while (nodeOf(i, j) != c.node) ++j;
    }

    function _forget(uint256 k) internal {
        pending[k] = pending[pending.length - 1];
        pending.pop();
    }
}
