// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Checks} from "../../utils/Checks.sol";
import {Trees} from "../../utils/Trees.sol";
import {Work} from "../../utils/Work.sol";
import {HubDouble} from "./HubDouble.sol";
import {IJudge} from "contracts/interfaces/IJudge.sol";
import {ObjectiveJudge} from "contracts/judges/ObjectiveJudge.sol";
import {SortingReward} from "contracts/judges/SortingReward.sol";
import {LeafContext, RolloutLeaf} from "contracts/libraries/RolloutLeaves.sol";
import {Challenge} from "contracts/types/Challenge.sol";
import {Commitment} from "contracts/types/Membership.sol";
import {Pinned, TaskParams} from "contracts/types/Task.sol";

/// @title One honest round of six rollouts, to be bent by the tests
abstract contract ObjectiveJudgeTest is Checks {
    address internal constant NODE = address(0xA11CE);
    address internal constant CHALLENGER = address(0xB0B);
    bytes32 internal constant GENESIS = keccak256("genesis");
    uint32 internal constant ROUND = 5;
    uint32 internal constant SEQUENCE = 3;
    uint32 internal constant UNITS = 6;
    uint40 internal constant COMMITTED_AT = 100_000;

    HubDouble internal hub;
    ObjectiveJudge internal judge;
    SortingReward internal rule;

    function setUp() public virtual {
        hub = new HubDouble();
        judge = new ObjectiveJudge(address(hub));
        rule = new SortingReward();
    }

    function params() internal view returns (TaskParams memory p) {
        p.genesisDigest = GENESIS;
        p.problemsPerRound = 3;
        p.groupSize = 2;
        p.problemCount = 1000;
        p.chunkTokens = 4;
        p.topk = 16;
        p.maxTokens = 9;
        p.maxStaleness = 2;
        p.challengeWindow = 1000;
        p.disputeSeconds = 500;
        p.rewardRule = Pinned(address(rule), address(rule).codehash);
    }

    function context() internal view returns (LeafContext memory) {
        return contextOf(params(), ROUND);
    }

    function contextOf(TaskParams memory p, uint32 round) internal view returns (LeafContext memory) {
        return LeafContext(block.chainid, address(hub), hub.taskIdOf(p), NODE, SEQUENCE, round);
    }

    function honest() internal view returns (RolloutLeaf[] memory) {
        return honest(params());
    }

    function honest(TaskParams memory p) internal view returns (RolloutLeaf[] memory) {
        return Work.honestLeaves(p, contextOf(p, ROUND), hub.beacon(), UNITS, 4, keccak256("version 4"));
    }

    function commitmentTo(bytes32[] memory hashes, uint32 units) internal pure returns (Commitment memory) {
        return Commitment(SEQUENCE, ROUND, Trees.root(hashes), keccak256("manifest"), units, COMMITTED_AT);
    }

    function commitmentTo(RolloutLeaf[] memory leaves) internal view returns (Commitment memory) {
        return commitmentTo(params(), leaves);
    }

    function commitmentTo(TaskParams memory p, RolloutLeaf[] memory leaves)
        internal
        view
        returns (Commitment memory)
    {
        return commitmentTo(Work.leafHashes(contextOf(p, ROUND), leaves), uint32(leaves.length));
    }

    function proofOf(RolloutLeaf[] memory leaves, uint256 index) internal view returns (bytes32[] memory) {
        return Trees.proof(Work.leafHashes(context(), leaves), index);
    }

    function ask(Commitment memory c, bytes memory evidence) internal returns (IJudge.Verdict) {
        return ask(params(), c, evidence);
    }

    function ask(TaskParams memory p, Commitment memory c, bytes memory evidence)
        internal
        returns (IJudge.Verdict)
    {
        return hub.ask(judge, challengeOf(p), p, c, evidence);
    }

    function challengeOf(TaskParams memory p) internal view returns (Challenge memory opened) {
        opened.task = keccak256(abi.encode(block.chainid, address(hub), p));
        opened.node = NODE;
        opened.sequence = SEQUENCE;
        opened.judge = address(judge);
        opened.challenger = CHALLENGER;
    }

    function assertGuilty(IJudge.Verdict answer) internal pure {
        assertEq(uint256(answer), uint256(IJudge.Verdict.Guilty));
    }

    function assertNotGuilty(IJudge.Verdict answer) internal pure {
        assertEq(uint256(answer), uint256(IJudge.Verdict.NotGuilty));
    }
}
