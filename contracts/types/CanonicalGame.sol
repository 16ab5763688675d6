// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {RolloutLeaf} from "../libraries/RolloutLeaves.sol";
import {Pinned} from "./Task.sol";

/// @notice What is to be done next; even numbers are the accused's moves, odd ones the challenger's. Twin of `Stage` in
/// protocol/spec/referee/game.py.
enum CanonicalStage {
    Answer,
    Charge,
    Node,
    Child,
    Row,
    BlockChoice,
    Block,
    Step
}

/// @notice Where a game stands. The judge keeps its hash alone: each move shows it again, and each event tells it.
/// @dev Twin of `Game` in protocol/spec/referee/game.py. Fields that a stage has no use for keep their last value.
/// @param accused The node; it alone moves for itself.
/// @param challenger Likewise.
/// @param accusedSeconds Left of its clock.
/// @param challengerSeconds Left of its clock.
/// @param movedAt When the last move was made.
/// @param subject Hash of the `CanonicalMatter`, and from the answer on of the `CanonicalChunk`.
/// @param tokens Traced: the prompt's, and the completion's but for the last. Zero before the answer.
/// @param node In dispute: the hash of a node, of a row's leaf, or of a block.
/// @param level Of the node above the rows.
/// @param index Of the node among those of its level; in the end, of the row.
/// @param part Block of the row.
struct CanonicalGame {
    CanonicalStage stage;
    address accused;
    address challenger;
    uint32 accusedSeconds;
    uint32 challengerSeconds;
    uint40 movedAt;
    bytes32 subject;
    uint32 tokens;
    bytes32 node;
    uint32 level;
    uint32 index;
    uint32 part;
}

/// @notice What is challenged: one chunk of a commitment's rollout.
/// @param task Of the commitment.
/// @param sequence Of the commitment.
/// @param round Of the commitment.
/// @param root Of the commitment.
/// @param units Rollouts under the root.
/// @param rollout Position of the rollout.
/// @param chunk Of that rollout.
/// @param chunkTokens As in the task's parameters.
/// @param topk As in the task's parameters.
/// @param rule The task's reward rule, an `IPromptRule`.
struct CanonicalMatter {
    bytes32 task;
    uint32 sequence;
    uint32 round;
    bytes32 root;
    uint32 units;
    uint32 rollout;
    uint32 chunk;
    uint32 chunkTokens;
    uint32 topk;
    Pinned rule;
}

/// @notice What the answer fixed.
/// @dev Twin of `Chunk` in protocol/spec/referee/game.py.
/// @param rule As in the matter.
/// @param problem Of the rollout.
/// @param promptTokens Tokens of its prompt.
/// @param policyDigest SHA-256 of the weights manifest that the leaf names.
/// @param tokensRoot Of the leaf.
/// @param numTokens Of the leaf.
/// @param chunkTokens As in the task's parameters.
/// @param first Position of the chunk's first state.
/// @param elements Activations of the chunk.
/// @param topk As in the task's parameters.
/// @param traceRoot Of the accused's trace.
/// @param support `keccak256` of the chunk's support.
struct CanonicalChunk {
    Pinned rule;
    uint32 problem;
    uint32 promptTokens;
    bytes32 policyDigest;
    bytes32 tokensRoot;
    uint32 numTokens;
    uint32 chunkTokens;
    uint32 first;
    uint32 elements;
    uint32 topk;
    bytes32 traceRoot;
    bytes32 support;
}

/// @notice The accused's first move.
/// @param leaf Of the disputed rollout.
/// @param leafProof From it to the commitment's root.
/// @param proof The chunk's TOPLOC proof; empty if the rollout has no such chunk.
/// @param proofSiblings From it to the leaf's root.
/// @param traceRoot Of the referee's trace of the sequence.
/// @param support As `ToplocSupport` reads it.
struct CanonicalAnswer {
    RolloutLeaf leaf;
    bytes32[] leafProof;
    bytes proof;
    bytes32[] proofSiblings;
    bytes32 traceRoot;
    bytes support;
}

/// @notice A whole row under the root of a tree over rows.
/// @param data Of its blocks, one behind the other.
/// @param nodes The children of every node above its leaf, bottom up.
struct RowOpening {
    bytes data;
    bytes32[16][] nodes;
}

/// @notice The challenger's last move: one entry of the opened block is not what its step gives.
/// @param data Of the block.
/// @param entry Within the block.
/// @param sources The rows of `RefereeLayout.sources`, under the accused's trace root.
/// @param weights The rows of `RefereeLayout.weightRows`, under the version's canonical root; none at the embedding of a
/// token that is outside the vocabulary.
/// @param manifest Of the version, where there are weights; else empty.
/// @param tokens Where the step embeds a token of the completion: the chunk that holds it; else empty.
/// @param tokensProof From that chunk to the leaf's root.
struct CanonicalStep {
    bytes data;
    uint32 entry;
    RowOpening[] sources;
    RowOpening[] weights;
    bytes manifest;
    bytes tokens;
    bytes32[] tokensProof;
}
