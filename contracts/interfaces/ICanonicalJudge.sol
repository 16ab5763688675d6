// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {
    CanonicalAnswer,
    CanonicalChunk,
    CanonicalGame,
    CanonicalMatter,
    RowOpening
} from "../types/CanonicalGame.sol";
import {Challenge} from "../types/Challenge.sol";
import {ToplocReason} from "../types/Toploc.sol";
import {ICanonicalGame} from "./ICanonicalGame.sol";

/// @title Judge of computation: one honest challenger wins by arithmetic
/// @notice Guarantee: ONE HONEST CHALLENGER is enough. A node whose TOPLOC proof does not bear out what the canonical
/// referee computes loses, whatever it says; a node that computed as it committed to cannot lose, whoever challenges it,
/// as long as it moves in time. docs/referee.md specifies the referee and the game, protocol/spec/referee/game.py is the twin.
///
/// Evidence is `abi.encode(uint32 rollout, uint32 chunk)`, 64 bytes. The game:
/// 1. The accused answers with leaf, TOPLOC proof, root of the referee's trace, and support. The chain judges the proof.
/// 2. The challenger shows that the support leaves out an activation or has a false one, or descends.
/// 3. Descending, the accused opens a node and the challenger picks the first child unlike its own, down to a row, then
///    likewise to a block of at most 64 entries.
/// 4. The challenger names an entry, and the chain computes it from rows and weights that are opened.
///
/// A node must not join a task whose judge has another shape or other thresholds than the task's document, or whose
/// reward rule does not tell the prompts of its problems.
interface ICanonicalJudge is ICanonicalGame {
    /// @notice The chain refused the proof: guilty.
    event ProofRefused(uint256 indexed challengeId, ToplocReason reason);

    /// @notice The task's chunks or proofs have a size that TOPLOC's verdict does not cover.
    error CanonicalJudge_BadTask(uint256 topk, uint256 elements);
    /// @notice Evidence is two words, not `length` bytes.
    error CanonicalJudge_EvidenceUndecodable(uint256 length);
    /// @notice The commitment has `count` rollouts.
    error CanonicalJudge_RolloutOutOfRange(uint256 rollout, uint256 count);
    /// @notice A rollout of the task has at most `count` chunks.
    error CanonicalJudge_ChunkOutOfRange(uint256 chunk, uint256 count);
    /// @notice The TOPLOC proof does not open under the leaf's root.
    error CanonicalJudge_ProofNotProven();

    /// @notice The accused's first move. Guilty if the chain refuses the proof, not guilty if there is no such chunk.
    /// @param matter As the opening told it.
    function answer(
        Challenge calldata challenge,
        CanonicalGame calldata game,
        CanonicalMatter calldata matter,
        CanonicalAnswer calldata move
    ) external;

    /// @notice Convicts an accused whose support leaves out an activation that belongs there.
    /// @param chunk As the answer's event told it.
    /// @param support Likewise.
    /// @param element Of the chunk.
    /// @param opening The final row that holds it.
    function chargeOmitted(
        Challenge calldata challenge,
        CanonicalGame calldata game,
        CanonicalChunk calldata chunk,
        bytes calldata support,
        uint256 element,
        RowOpening calldata opening
    ) external;

    /// @notice Convicts an accused whose support has another pattern than the trace's activation.
    /// @param point Place in the support.
    /// @param opening The final row that holds its element.
    function chargeUnlike(
        Challenge calldata challenge,
        CanonicalGame calldata game,
        CanonicalChunk calldata chunk,
        bytes calldata support,
        uint256 point,
        RowOpening calldata opening
    ) external;

    /// @notice Passes the verdict about a posted version on to the hub. Only for `aggregate`.
    function verdict(Challenge calldata challenge, Verdict answer) external;

    /// @notice The `IAggregateJudge` that plays disputes about posted versions for this judge; zero for none.
    function aggregate() external view returns (address);
}
