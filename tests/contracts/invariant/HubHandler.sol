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

    /// @dev What the hub should owe, and should have done, counted from outside.
    uint256 public bounties;
    uint256 public stakes;
    uint256 public bonds;
    uint256 public credits;
    uint256 public donated;
    uint256 public slashed;
    uint256 public burned;
    uint256 public rewarded;
    uint256 public withdrawn;
    /// @dev How often each step really happened.
    mapping(string step => uint256) public taken;

    uint256 internal clock = NOW;
    mapping(uint256 i => bytes32) public taskAt;
    mapping(uint256 i => mapping(uint256 j => Commitment[])) internal history;
    mapping(uint256 i => mapping(uint256 j => uint256)) public stakeOf;
    mapping(uint256 i => mapping(uint256 j => uint256)) public paidUnits;
    mapping(uint256 i => mapping(uint256 j => uint256)) public passedUnits;
    uint256[] internal pending;
    uint256[] internal ended;
    mapping(uint256 id => ChallengeStatus) internal outcome;

    modifier step() {
        vm.warp(clock);
        _;
        clock = block.timestamp;
    }

    function begin() external {
        setUp();
        fund(STRANGER, type(uint96).max);
        for (uint256 i = 0; i < TASKS; ++i) {
            TaskParams memory p = paramsOf(i);
            uint256 bounty = uint256(UNITS) * p.rate;
            fund(CREATOR, bounty);
            vm.prank(CREATOR);
            taskAt[i] = hub.createTask(p, UNITS);
            bounties += bounty;
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
        return hub.memberOf(taskAt[i], nodeOf(i, j));
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
        return shown[pending[k]];
    }

    function endedCount() external view returns (uint256) {
        return ended.length;
    }

    function endedAt(uint256 k) external view returns (uint256 id, ChallengeStatus status) {
        return (ended[k], outcome[ended[k]]);
    }

    function commitments(uint256 i, uint256 j) external view returns (uint256) {
        return history[i][j].length;
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
        address node = nodeOf(i, j);
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
        for (uint256 j = 0; j < NODES; ++j) {
            _commit(i, j, uint32(round), units);
        }
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
        vm.prank(nodeOf(i, j));
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
        vm.prank(nodeOf(i, j));
        hub.requestExit(taskAt[i], nodeOf(i, j));
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
        c.sequence = hub.commit(taskAt[i], round, c.root, c.manifest, c.units);
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
        bounties -= units * paramsOf(i).rate;
        credits += units * paramsOf(i).rate;
    }

    function _claimable(uint256 i, uint256 j, uint256 count)
        internal
        view
        returns (Commitment[] memory batch)
    {
        Member memory m = memberAt(i, j);
        uint256 first = m.next - m.unpaid;
        uint256 last = first;
        uint256 open = hub.blockedFrom(taskAt[i], nodeOf(i, j));
        while (last < open && last - first < count && block.timestamp >= history[i][j][last].time + WINDOW) {
            ++last;
        }
        batch = new Commitment[](last - first);
        for (uint256 k = first; k < last; ++k) {
            batch[k - first] = history[i][j][k];
        }
    }

    function _expire(uint256 k) internal returns (bool) {
        uint256 id = pending[k];
        Challenge memory c = shown[id];
        (uint256 i, uint256 j) = _siteOf(c);
        bool moot = stakeOf[i][j] == 0;
        if (block.timestamp < c.deadline && !moot) return false;
        expire(id);
        ++taken["expire"];
        if (moot) ++taken["moot"];
        _end(id, moot ? ChallengeStatus.Moot : ChallengeStatus.Expired);
        _countVerdict(i, j, c.bond, IJudge.Verdict.Dismissed);
        _forget(k);
        return true;
    }

    /// @dev As `Base.challengeBy`, on either task.
    function _challenge(uint256 i, uint256 j, Commitment memory c, IJudge.Verdict said)
        internal
        returns (uint256 id)
    {
        TaskParams memory p = paramsOf(i);
        bytes memory evidence = abi.encode(opened.length);
        Challenge memory accusation = Challenge({
            task: taskAt[i],
            node: nodeOf(i, j),
            sequence: c.sequence,
            judge: address(judge),
            challenger: CHALLENGER,
            token: p.token,
            stake: p.stake,
            bond: p.bond,
            deadline: uint40(block.timestamp + p.disputeSeconds),
            evidenceHash: keccak256(evidence)
        });
        fund(CHALLENGER, p.bond);
        judge.script(said);
        vm.prank(CHALLENGER);
        id = hub.challenge(p, nodeOf(i, j), c, address(judge), evidence);
        assertEq(id, idOf(accusation), "challenge id");
        shown[id] = accusation;
        opened.push(id);
        bonds += p.bond;
    }

    function _exit(uint256 i, uint256 j) internal returns (bool) {
        Member memory m = memberAt(i, j);
        TaskParams memory p = paramsOf(i);
        uint256 last = m.exitAt != 0 && m.exitAt < END ? m.exitAt : END;
        if (block.timestamp < last + p.challengeWindow + p.disputeSeconds + p.exitMargin) return false;
        if (m.unpaid != 0) return false;
        hub.exit(p, nodeOf(i, j));
        ++taken["exit"];
        stakes -= stakeOf[i][j];
        credits += stakeOf[i][j];
        stakeOf[i][j] = 0;
        // INVARIANT 3: nothing it stood by can be challenged any more.
        for (uint256 k = 0; k < history[i][j].length; ++k) {
            assertTrue(block.timestamp >= history[i][j][k].time + p.challengeWindow, "left while slashable");
        }
        return true;
    }

    function _refund(uint256 i) internal {
        TaskParams memory p = paramsOf(i);
        Task memory stored = hub.taskOf(taskAt[i]);
        if (stored.units == stored.reserved) return;
        if (block.timestamp < END + p.challengeWindow + p.disputeSeconds + p.exitMargin) return;
        vm.prank(CREATOR);
        hub.refund(p);
        ++taken["refund"];
        uint256 amount = uint256(stored.units - stored.reserved) * p.rate;
        bounties -= amount;
        credits += amount;
    }

    function _withdraw(address account) internal {
        uint256 amount = credit(account);
        if (amount == 0) return;
        uint256 before = token.balanceOf(account);
        hub.withdraw(address(token), account);
        assertEq(token.balanceOf(account) - before, amount, "withdrawn");
        withdrawn += amount;
        credits -= amount;
        ++taken["withdraw"];
    }

    /// @dev The bond, and a stake that is lost, become credit.
    function _countVerdict(uint256 i, uint256 j, uint256 bond, IJudge.Verdict said) internal {
        bonds -= bond;
        credits += bond;
        if (said != IJudge.Verdict.Guilty) return;
        // INVARIANT 5: a proof inside the window ends in a slash, whatever happened before.
        assertEq(uint256(memberAt(i, j).status), uint256(MemberStatus.Slashed), "proven but not slashed");
        uint256 stake = stakeOf[i][j];
        uint256 reward = 10 * bond < stake / 2 ? 10 * bond : stake / 2;
        stakeOf[i][j] = 0;
        stakes -= stake;
        credits += stake;
        slashed += stake;
        rewarded += reward;
        burned += stake - reward;
    }

    function _end(uint256 id, ChallengeStatus status) internal {
        ended.push(id);
        outcome[id] = status;
    }

    function _siteOf(Challenge memory c) internal view returns (uint256 i, uint256 j) {
        i = c.task == taskAt[0] ? 0 : 1;
        while (nodeOf(i, j) != c.node) ++j;
    }

    function _forget(uint256 k) internal {
        pending[k] = pending[pending.length - 1];
        pending.pop();
    }
}
