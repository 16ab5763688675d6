// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAttentionJudge} from "../../interfaces/IAttentionJudge.sol";
import {IHub} from "../../interfaces/IHub.sol";
import {IJudge} from "../../interfaces/IJudge.sol";
import {Merkle} from "../../libraries/Merkle.sol";
import {Prompts} from "../../libraries/Prompts.sol";
import {LeafContext, RolloutLeaf, RolloutLeaves} from "../../libraries/RolloutLeaves.sol";
import {AttentionAnswer, TwiceAnswered} from "../../types/Attention.sol";
import {CanonicalChunk, CanonicalGame, CanonicalMatter, CanonicalStage} from "../../types/CanonicalGame.sol";
import {Challenge} from "../../types/Challenge.sol";
import {Commitment} from "../../types/Membership.sol";
import {TaskParams} from "../../types/Task.sol";
import {CanonicalBase} from "../canonical/CanonicalBase.sol";

/// @title What a verifier has to show of an answer
/// @notice SOUND: whoever looked can show all of it, since the hub's ring holds a target far longer than a dispute may
/// last after the target's round, and the leaf of the answer follows from what it looked at and the root alone.
abstract contract AttentionAnswers is IAttentionJudge, CanonicalBase {
    bytes32 private constant TARGET = keccak256("cupel.attention-target.v1");
    bytes32 private constant DRAW = keccak256("cupel.attention-draw.v1");
    uint256 private constant INDEX_BYTES = 32;
    /// @dev Two leaves of nine words each, and four offsets or lengths at least.
    uint256 private constant LEAST_TWICE_BYTES = 704;
    /// @dev As the hub's.
    uint256 private constant RING = 64;

    /// @inheritdoc IJudge
    function open(
        uint256 challengeId,
        Challenge calldata challenge,
        TaskParams calldata p,
        Commitment calldata c,
        bytes calldata evidence
    ) external returns (Verdict) {
        if (msg.sender != hub) revert CanonicalJudge_NotHub(msg.sender);
        if (c.units == 0) revert CanonicalJudge_NotRollouts(c.sequence);
        if (evidence.length != INDEX_BYTES) return _requireTwice(challenge, c, evidence);
        uint256 needed = neededSeconds();
        if (needed > p.disputeSeconds) revert CanonicalJudge_DisputeTooShort(needed, p.disputeSeconds);
        if (!Prompts.isFit(p.rewardRule)) revert CanonicalJudge_RuleUnfit(p.rewardRule.code);
        uint256 index = abi.decode(evidence, (uint256));
        if (index >= c.units) revert AttentionJudge_AnswerOutOfRange(index, c.units);

        CanonicalMatter memory matter;
        matter.task = challenge.task;
        (matter.sequence, matter.round, matter.root, matter.units) = (c.sequence, c.round, c.root, c.units);
        // casting is safe: less than units
        // forge-lint: disable-next-line(unsafe-typecast)
        matter.rollout = uint32(index);
        (matter.chunkTokens, matter.topk, matter.rule) = (p.chunkTokens, p.topk, p.rewardRule);
        CanonicalGame memory game;
        game.accused = challenge.node;
        game.challenger = challenge.challenger;
        (game.accusedSeconds, game.challengerSeconds) = (clockSeconds, clockSeconds);
        game.movedAt = uint40(block.timestamp);
        game.subject = keccak256(abi.encode(matter));
        _keep(challengeId, game);
        emit GameOpened(challengeId, challenge.node, game, matter);
        return Verdict.Pending;
    }

    /// @inheritdoc IAttentionJudge
    function answer(
        Challenge calldata challenge,
        CanonicalGame calldata game,
        CanonicalMatter calldata matter,
        TaskParams calldata p,
        AttentionAnswer calldata move
    ) external {
        uint256 challengeId = _idOf(challenge);
        CanonicalGame memory next = _begin(challengeId, game, CanonicalStage.Answer);
        _requireSubject(game, keccak256(abi.encode(matter)));
        if (IHub(hub).taskIdOf(p) != matter.task) revert AttentionJudge_OtherTask(matter.task);
        _checkTarget(matter, p, move);
        _checkAnswer(game.accused, matter, p.genesisDigest, move);

        CanonicalChunk memory chunk = _fix(matter, move);
        next.stage = CanonicalStage.Charge;
        next.tokens = chunk.promptTokens + chunk.numTokens - 1;
        next.subject = keccak256(abi.encode(chunk));
        _keep(challengeId, next);
        emit GameAnswered(challengeId, next, chunk, "");
    }

    /// @inheritdoc IAttentionJudge
    function targetOf(bytes32 task, address node, bytes32 commitmentHash) public pure returns (bytes32) {
        return keccak256(abi.encode(TARGET, task, node, commitmentHash));
    }

    /// @inheritdoc IAttentionJudge
    function drawnOf(bytes32 beacon, address verifier, bytes32 target, uint32 units)
        public
        pure
        returns (uint32)
    {
        // casting is safe: less than units
        // forge-lint: disable-next-line(unsafe-typecast)
        return uint32(uint256(keccak256(abi.encode(DRAW, beacon, verifier, target))) % units);
    }

    /// @dev One commitment holds at most one answer to a target, and a target belongs to one round alone.
    function _requireTwice(Challenge calldata challenge, Commitment calldata c, bytes calldata evidence)
        private
        view
        returns (Verdict)
    {
        if (evidence.length < LEAST_TWICE_BYTES) revert AttentionJudge_EvidenceUndecodable(evidence.length);
        TwiceAnswered memory shown = abi.decode(evidence, (TwiceAnswered));
        LeafContext memory context =
            LeafContext(block.chainid, hub, challenge.task, challenge.node, c.sequence, c.round);
        _requireLeaf(c.root, c.units, context, shown.first, shown.firstProof);
        _requireLeaf(c.root, c.units, context, shown.second, shown.secondProof);
        bool isTwice = shown.first.seed == shown.second.seed && shown.first.index != shown.second.index;
        if (!isTwice) revert AttentionJudge_NotTwice();
        return Verdict.Guilty;
    }

    /// @dev That the target is a commitment to rollouts of the checked task, from before the beacon was known.
    function _checkTarget(
        CanonicalMatter calldata matter,
        TaskParams calldata p,
        AttentionAnswer calldata move
    ) private view {
        Commitment calldata target = move.target;
        bytes32 held = IHub(hub).commitmentHash(p.genesisDigest, move.node, target.sequence % RING);
        if (target.units == 0 || held != keccak256(abi.encode(target))) {
            revert AttentionJudge_TargetUnknown(move.node, target.sequence);
        }
        uint256 end = uint256(p.start) + uint256(matter.round) * p.roundSeconds;
        uint256 first = end < p.roundSeconds ? 0 : end - p.roundSeconds;
        if (target.time < first || target.time >= end) {
            revert AttentionJudge_TargetNotOfRound(target.time, first, end);
        }
    }

    /// @dev That the drawn rollout was looked at, and this answer committed to.
    function _checkAnswer(
        address accused,
        CanonicalMatter calldata matter,
        bytes32 checkedTask,
        AttentionAnswer calldata move
    ) private view {
        bytes32 target = targetOf(checkedTask, move.node, keccak256(abi.encode(move.target)));
        bytes32 beacon = IHub(hub).beaconOf(matter.task, matter.round);
        RolloutLeaf memory leaf = move.audited;
        uint32 drawn = drawnOf(beacon, accused, target, move.target.units);
        LeafContext memory context =
            LeafContext(block.chainid, hub, checkedTask, move.node, move.target.sequence, move.target.round);
        bytes32 leafHash = RolloutLeaves.hash(context, leaf);
        bool proven = leaf.index == drawn
            && Merkle.verify(move.target.root, leafHash, drawn, move.target.units, move.auditedProof);
        if (!proven) revert AttentionJudge_AuditedNotProven(drawn);

        (leaf.index, leaf.seed, leaf.toplocRoot, leaf.reward) =
        (matter.rollout, target, move.traceRoot, drawn);
        context = LeafContext(block.chainid, hub, matter.task, accused, matter.sequence, matter.round);
        _requireLeaf(matter.root, matter.units, context, leaf, move.answerProof);
    }

    /// @dev What the rest of the game is about: the whole sequence, so that the chunk is all of it.
    function _fix(CanonicalMatter calldata matter, AttentionAnswer calldata move)
        private
        view
        returns (CanonicalChunk memory chunk)
    {
        RolloutLeaf calldata leaf = move.audited;
        uint256 promptTokens = Prompts.count(matter.rule.code, leaf.problem);
        if (promptTokens == 0) revert CanonicalJudge_NoPrompt(matter.rule.code, leaf.problem);
        uint256 tokens = promptTokens + leaf.numTokens - 1;
        if (tokens > positions) revert CanonicalJudge_SequenceTooLong(tokens, positions);

        (chunk.rule, chunk.problem, chunk.policyDigest) = (matter.rule, leaf.problem, leaf.policyDigest);
        (chunk.tokensRoot, chunk.numTokens) = (leaf.tokensRoot, leaf.numTokens);
        (chunk.chunkTokens, chunk.topk) = (matter.chunkTokens, matter.topk);
        (chunk.traceRoot, chunk.support) = (move.traceRoot, keccak256(""));
        // casting is safe: a sequence has at most 256 tokens, a state at most 256 elements
        // forge-lint: disable-next-item(unsafe-typecast)
        (chunk.promptTokens, chunk.first, chunk.elements) =
        (uint32(promptTokens), uint32(promptTokens - 1), uint32(leaf.numTokens * width));
    }

    function _requireLeaf(
        bytes32 root,
        uint256 units,
        LeafContext memory context,
        RolloutLeaf memory leaf,
        bytes32[] memory proof
    ) private pure {
        if (!Merkle.verify(root, RolloutLeaves.hash(context, leaf), leaf.index, units, proof)) {
            revert CanonicalJudge_LeafNotProven();
        }
    }
}
