// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Checks} from "../utils/Checks.sol";
import {Juries, JuryTerms} from "../utils/Juries.sol";
import {Trees} from "../utils/Trees.sol";
import {Work} from "../utils/Work.sol";
import {Hub} from "contracts/Hub.sol";
import {DataJudge} from "contracts/judges/DataJudge.sol";
import {JuryJudge} from "contracts/judges/JuryJudge.sol";
import {ObjectiveJudge} from "contracts/judges/ObjectiveJudge.sol";
import {SortingReward} from "contracts/judges/SortingReward.sol";
import {LeafContext, RolloutLeaf} from "contracts/libraries/RolloutLeaves.sol";
import {TestToken} from "contracts/periphery/TestToken.sol";
import {Challenge, ChallengeStatus} from "contracts/types/Challenge.sol";
import {Commitment, Member, MemberStatus} from "contracts/types/Membership.sol";
import {Pinned, TaskParams} from "contracts/types/Task.sol";

/// @title The real hub with its real judges: one sorting task, one node, one challenger, five jurors
abstract contract Courtroom is Checks {
    address internal constant CREATOR = address(0xC0FFEE);
    address internal constant NODE = address(0xA11CE);
    address internal constant CHALLENGER = address(0xB0B);
    uint40 internal constant START = 1_000_000;
    uint32 internal constant UNITS = 64;
    uint96 internal constant TASK_STAKE = 1000 ether;
    uint96 internal constant BOND = 10 ether;
    uint96 internal constant JUROR_STAKE = 100 ether;
    bytes32 internal constant GENESIS = keccak256("genesis");
    bytes32 internal constant SALT = keccak256("salt");

    Hub internal hub;
    TestToken internal token;
    ObjectiveJudge internal objective;
    JuryJudge internal jury;
    DataJudge internal data;
    SortingReward internal rule;
    bytes32 internal task;
    mapping(uint256 id => Challenge) internal challenges;
    uint256[] internal pending;

    function setUp() public virtual {
        vm.warp(START - 100);
        vm.roll(1000);
        hub = new Hub();
        token = new TestToken();
        objective = new ObjectiveJudge(address(hub));
        jury = Juries.deploy(address(hub), address(token), juryTerms());
        data = new DataJudge(address(hub), 300, 200);
        rule = new SortingReward();
        fund(CREATOR, 100_000 ether);
        vm.prank(CREATOR);
        task = hub.createTask(params(), 100_000);
        fund(NODE, TASK_STAKE);
        vm.prank(NODE);
        hub.join(params(), NODE, NODE, 1000, "");
        fund(CHALLENGER, 10 * BOND);
        for (uint256 i = 0; i < 5; ++i) {
            fund(jurorAt(i), JUROR_STAKE);
            vm.prank(jurorAt(i));
            jury.register(1);
        }
        vm.warp(START);
        vm.roll(1010);
        hub.openRound(task, 0);
    }

    /// @dev Without appeal; 100 seconds are left to close.
    function juryTerms() internal view virtual returns (JuryTerms memory) {
        return JuryTerms({
            jurySize: 5,
            maxAppeals: 0,
            commitSeconds: 600,
            revealSeconds: 300,
            appealSeconds: 0,
            graceSeconds: 100,
            jurorStake: JUROR_STAKE
        });
    }

    function params() internal view virtual returns (TaskParams memory p) {
        p.creator = CREATOR;
        p.token = address(token);
        p.specDigest = keccak256("spec");
        p.genesisDigest = GENESIS;
        p.start = START;
        p.roundSeconds = 3600;
        p.commitSeconds = 1800;
        p.rounds = 10;
        p.problemsPerRound = 16;
        p.groupSize = 4;
        p.problemCount = 1 << 20;
        p.chunkTokens = 32;
        p.topk = 128;
        p.maxTokens = 9;
        p.maxStaleness = 2;
        p.rate = 1 ether;
        p.stake = TASK_STAKE;
        p.bond = BOND;
        p.challengeWindow = 7200;
        p.disputeSeconds = 1000;
        p.exitMargin = 600;
        p.rewardRule = Pinned(address(rule), address(rule).codehash);
        p.judges[0] = Pinned(address(objective), address(objective).codehash);
        p.judges[1] = Pinned(address(jury), address(jury).codehash);
        p.judges[2] = Pinned(address(data), address(data).codehash);
    }

    function context() internal view returns (LeafContext memory) {
        return LeafContext(block.chainid, address(hub), task, NODE, 0, 0);
    }

    function honest() internal view returns (RolloutLeaf[] memory) {
        return Work.honestLeaves(params(), context(), hub.beaconOf(task, 0), UNITS, 0, GENESIS);
    }

    /// @dev The node commits to these leaves as its work of round 0.
    function commit(RolloutLeaf[] memory leaves) internal returns (Commitment memory) {
        return commitTo(Trees.root(Work.leafHashes(context(), leaves)), 0);
    }

    /// @dev The node commits to this root in `round` as its commitment of that number: it has missed none.
    function commitTo(bytes32 root, uint32 round) internal returns (Commitment memory c) {
        c = Commitment(round, round, root, keccak256("manifest"), UNITS, uint40(block.timestamp));
        bytes32 beacon = hub.beaconOf(task, round);
        vm.prank(NODE);
        hub.commit(task, beacon, c.sequence, round, root, c.manifest, UNITS);
    }

    /// @dev The commitment that `commit` would make.
    function commitmentTo(RolloutLeaf[] memory leaves) internal view returns (Commitment memory) {
        bytes32 root = Trees.root(Work.leafHashes(context(), leaves));
        return Commitment(0, 0, root, keccak256("manifest"), UNITS, uint40(block.timestamp));
    }

    function proofOf(RolloutLeaf[] memory leaves, uint256 index) internal view returns (bytes32[] memory) {
        return Trees.proof(Work.leafHashes(context(), leaves), index);
    }

    function challenge(Commitment memory c, address judge, bytes memory evidence) internal returns (uint256) {
        Challenge memory opened = Challenge({
            task: task,
            node: NODE,
            sequence: c.sequence,
            judge: judge,
            challenger: CHALLENGER,
            token: address(token),
            stake: TASK_STAKE,
            bond: BOND,
            deadline: uint40(block.timestamp + params().disputeSeconds),
            evidenceHash: keccak256(evidence)
        });
        vm.prank(CHALLENGER);
        uint256 id = hub.challenge(params(), NODE, c, judge, evidence);
        assertEq(id, hub.challengeIdOf(opened));
        challenges[id] = opened;
        if (hub.challengeStatus(id) == ChallengeStatus.Pending) pending.push(id);
        return id;
    }

    function closeTrial(uint256 id) internal {
        jury.close(challenges[id]);
    }

    function fund(address account, uint256 amount) internal {
        token.mint(account, amount);
        vm.startPrank(account);
        token.approve(address(hub), amount);
        token.approve(address(jury), amount);
        vm.stopPrank();
    }

    function jurorAt(uint256 i) internal pure returns (address) {
        return address(uint160(0x1000 + i));
    }

    /// @dev Slashed to the last unit: ten bonds and the bond to the challenger, the rest burned.
    function assertConvicted() internal view {
        Member memory member = hub.memberOf(task, NODE);
        assertEq(uint256(member.status), uint256(MemberStatus.Slashed));
        assertEq(hub.credit(address(token), CHALLENGER), 11 * BOND);
        assertEq(hub.credit(address(token), hub.BURN()), TASK_STAKE - 10 * BOND);
        assertEq(hub.credit(address(token), NODE), 0);
        assertSolvent();
    }

    /// @dev The stake stands, and the lost bond pays the accused.
    function assertAcquitted() internal view {
        Member memory member = hub.memberOf(task, NODE);
        assertEq(uint256(member.status), uint256(MemberStatus.Active));
        assertEq(hub.credit(address(token), NODE), BOND);
        assertEq(hub.credit(address(token), CHALLENGER), 0);
        assertSolvent();
    }

    /// @dev The stake stands, and the bond went back.
    function assertDismissed() internal view {
        Member memory member = hub.memberOf(task, NODE);
        assertEq(uint256(member.status), uint256(MemberStatus.Active));
        assertEq(hub.credit(address(token), NODE), 0);
        assertEq(hub.credit(address(token), CHALLENGER), BOND);
        assertSolvent();
    }

    function assertStatus(uint256 challengeId, uint256 status) internal view {
        assertEq(uint256(hub.challengeStatus(challengeId)), status);
    }

    function assertSolvent() private view {
        uint256 owed = uint256(hub.taskOf(task).units) * params().rate;
        MemberStatus status = hub.memberOf(task, NODE).status;
        if (status == MemberStatus.Active || status == MemberStatus.Exiting) owed += TASK_STAKE;
        for (uint256 i = 0; i < pending.length; ++i) {
            if (hub.challengeStatus(pending[i]) == ChallengeStatus.Pending) owed += BOND;
        }
        owed += hub.credit(address(token), CREATOR) + hub.credit(address(token), NODE);
        owed += hub.credit(address(token), CHALLENGER) + hub.credit(address(token), hub.BURN());
        assertEq(token.balanceOf(address(hub)), owed);
        uint256 stakes = jury.toBurn() + jury.credit(NODE) + jury.credit(CHALLENGER);
        for (uint256 i = 0; i < 5; ++i) {
            stakes += jury.jurorOf(jurorAt(i)).stake + jury.credit(jurorAt(i));
        }
        assertEq(token.balanceOf(address(jury)), stakes);
    }
}
