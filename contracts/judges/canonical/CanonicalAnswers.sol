// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ICanonicalJudge} from "../../interfaces/ICanonicalJudge.sol";
import {IHub} from "../../interfaces/IHub.sol";
import {IJudge} from "../../interfaces/IJudge.sol";
import {Merkle} from "../../libraries/Merkle.sol";
import {Prompts} from "../../libraries/Prompts.sol";
import {LeafContext, RolloutLeaf, RolloutLeaves} from "../../libraries/RolloutLeaves.sol";
import {ToplocPolynomial} from "../../libraries/ToplocPolynomial.sol";
import {ToplocVerdict} from "../../libraries/ToplocVerdict.sol";
import {
    CanonicalAnswer,
    CanonicalChunk,
    CanonicalGame,
    CanonicalMatter,
    CanonicalStage
} from "../../types/CanonicalGame.sol";
import {Challenge} from "../../types/Challenge.sol";
import {Commitment} from "../../types/Membership.sol";
import {TaskParams} from "../../types/Task.sol";
import {ToplocCase, ToplocReason} from "../../types/Toploc.sol";
import {CanonicalBase} from "./CanonicalBase.sol";

/// @title What is disputed, and the accused's first word
abstract contract CanonicalAnswers is ICanonicalJudge, CanonicalBase {
    uint256 private constant EVIDENCE_BYTES = 64;
    uint256 private constant MIN_TOPK = 16;
    uint256 private constant MAX_TOPK = 128;

    /// @inheritdoc ICanonicalJudge
    address public immutable aggregate;

    constructor(address aggregate_) {
        aggregate = aggregate_;
    }

    /// @inheritdoc IJudge
    function open(
        uint256 challengeId,
        Challenge calldata challenge,
        TaskParams calldata p,
        Commitment calldata c,
        bytes calldata evidence
    ) external returns (Verdict) {
        if (msg.sender != hub) revert CanonicalJudge_NotHub(msg.sender);
        if (c.units == 0) {
            // `IJudge(aggregate).open(challengeId, challenge, p, c, evidence)`; without one this fails.
            return Verdict(_passOn(aggregate, IJudge.open.selector));
        }
        uint256 needed = neededSeconds();
        if (needed > p.disputeSeconds) revert CanonicalJudge_DisputeTooShort(needed, p.disputeSeconds);
        _checkTask(p);
        CanonicalMatter memory matter = _read(p, c, evidence);
        matter.task = challenge.task;

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

    /// @inheritdoc ICanonicalJudge
    function verdict(Challenge calldata, Verdict) external {
        if (msg.sender != aggregate) revert CanonicalJudge_NotMover(msg.sender, aggregate);
        _passOn(hub, IHub.verdict.selector);
    }

    /// @inheritdoc ICanonicalJudge
    function answer(
        Challenge calldata challenge,
        CanonicalGame calldata game,
        CanonicalMatter calldata matter,
        CanonicalAnswer calldata move
    ) external {
        uint256 challengeId = _idOf(challenge);
        CanonicalGame memory next = _begin(challengeId, game, CanonicalStage.Answer);
        _requireSubject(game, keccak256(abi.encode(matter)));
        _checkLeaf(game.accused, matter, move);
        uint256 first = uint256(matter.chunk) * matter.chunkTokens;
        if (first >= move.leaf.numTokens) {
            // A chunk that the rollout does not have cannot be false.
            return _end(challengeId, challenge, Verdict.NotGuilty, game.stage, false);
        }
        _checkProof(matter, move);

        CanonicalChunk memory chunk = _fix(matter, move, first);
        ToplocReason reason = ToplocVerdict.judge(
            ToplocCase(move.proof, move.support, matter.topk, chunk.elements), thresholds()
        );
        if (reason != ToplocReason.None) {
            emit ProofRefused(challengeId, reason);
            return _convict(challengeId, challenge, game.stage);
        }
        next.stage = CanonicalStage.Charge;
        next.tokens = chunk.promptTokens + chunk.numTokens - 1;
        next.subject = keccak256(abi.encode(chunk));
        _keep(challengeId, next);
        emit GameAnswered(challengeId, next, chunk, move.support);
    }

    /// @dev Whether the chain can judge such a task's proofs, and tell its prompts.
    function _checkTask(TaskParams calldata p) private view {
        uint256 elements = uint256(p.chunkTokens < p.maxTokens ? p.chunkTokens : p.maxTokens) * width;
        if (p.topk < MIN_TOPK || p.topk > MAX_TOPK || elements > ToplocPolynomial.FIELD) {
            revert CanonicalJudge_BadTask(p.topk, elements);
        }
        if (!Prompts.isFit(p.rewardRule)) revert CanonicalJudge_RuleUnfit(p.rewardRule.code);
    }

    function _read(TaskParams calldata p, Commitment calldata c, bytes calldata evidence)
        private
        pure
        returns (CanonicalMatter memory matter)
    {
        if (evidence.length != EVIDENCE_BYTES) {
            revert CanonicalJudge_EvidenceUndecodable(evidence.length);
        }
        (uint256 rollout, uint256 chunk) = abi.decode(evidence, (uint256, uint256));
        uint256 chunks = RolloutLeaves.numChunks(p.maxTokens, p.chunkTokens);
        if (rollout >= c.units) revert CanonicalJudge_RolloutOutOfRange(rollout, c.units);
        if (chunk >= chunks) revert CanonicalJudge_ChunkOutOfRange(chunk, chunks);

        (matter.sequence, matter.round, matter.root, matter.units) = (c.sequence, c.round, c.root, c.units);
        // casting is safe: units and chunks are at most 2^32
        // forge-lint: disable-next-item(unsafe-typecast)
        (matter.rollout, matter.chunk) = (uint32(rollout), uint32(chunk));
        (matter.chunkTokens, matter.topk, matter.rule) = (p.chunkTokens, p.topk, p.rewardRule);
    }

    function _checkLeaf(address accused, CanonicalMatter calldata matter, CanonicalAnswer calldata move)
        private
        view
    {
        LeafContext memory context =
            LeafContext(block.chainid, hub, matter.task, accused, matter.sequence, matter.round);
        bytes32 leafHash = RolloutLeaves.hash(context, move.leaf);
        if (!Merkle.verify(matter.root, leafHash, matter.rollout, matter.units, move.leafProof)) {
            revert CanonicalJudge_LeafNotProven();
        }
    }

    function _checkProof(CanonicalMatter calldata matter, CanonicalAnswer calldata move) private pure {
        uint256 chunks = RolloutLeaves.numChunks(move.leaf.numTokens, matter.chunkTokens);
        bytes32 proofHash = Merkle.leaf(move.proof);
        if (!Merkle.verify(move.leaf.toplocRoot, proofHash, matter.chunk, chunks, move.proofSiblings)) {
            revert CanonicalJudge_ProofNotProven();
        }
    }

    /// @dev What the rest of the game is about. The state at position `promptTokens - 1 + i` sampled token i, and nothing
    /// reads the state of the last token.
    function _fix(CanonicalMatter calldata matter, CanonicalAnswer calldata move, uint256 first)
        private
        view
        returns (CanonicalChunk memory chunk)
    {
        RolloutLeaf calldata leaf = move.leaf;
        uint256 promptTokens = Prompts.count(matter.rule.code, leaf.problem);
        if (promptTokens == 0) revert CanonicalJudge_NoPrompt(matter.rule.code, leaf.problem);
        uint256 tokens = promptTokens + leaf.numTokens - 1;
        if (tokens > positions) revert CanonicalJudge_SequenceTooLong(tokens, positions);
        uint256 states = leaf.numTokens - first;
        if (states > matter.chunkTokens) states = matter.chunkTokens;

        (chunk.rule, chunk.problem, chunk.policyDigest) = (matter.rule, leaf.problem, leaf.policyDigest);
        (chunk.tokensRoot, chunk.numTokens) = (leaf.tokensRoot, leaf.numTokens);
        (chunk.chunkTokens, chunk.topk) = (matter.chunkTokens, matter.topk);
        (chunk.traceRoot, chunk.support) = (move.traceRoot, keccak256(move.support));
        // casting is safe: a sequence has at most 256 tokens, a state at most 256 elements
        // forge-lint: disable-next-item(unsafe-typecast)
        (chunk.promptTokens, chunk.first, chunk.elements) =
        (uint32(promptTokens), uint32(promptTokens - 1 + first), uint32(states * width));
    }
}
