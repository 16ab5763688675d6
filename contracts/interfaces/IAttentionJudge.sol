// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AttentionAnswer} from "../types/Attention.sol";
import {CanonicalGame, CanonicalMatter} from "../types/CanonicalGame.sol";
import {Challenge} from "../types/Challenge.sol";
import {TaskParams} from "../types/Task.sol";
import {ICanonicalGame} from "./ICanonicalGame.sol";

/// @title Judge of attention: a verifier is paid for having looked, and one that did not look loses its stake
/// @notice Guarantee: ONE HONEST CHALLENGER is enough, as before the judge of computation.
///
/// An *audit task* is a task as any other, whose work is to check another one: its `genesisDigest` is the id of the task
/// that is checked. Who joins it stakes; a round's commitment holds one leaf for each *answer*, and each answer is paid.
/// An answer is about a commitment to rollouts of the checked task that was made in the `roundSeconds` before the round
/// began. The round's beacon, which nobody knew then, draws one of its rollouts for this verifier and this target. The
/// answer is the root of the canonical referee's trace of that rollout: every operator of every layer, under the version
/// that the rollout names. Nobody has published it, and nobody else's draw is the same, so there is nothing to copy.
///
/// The leaf is a `RolloutLeaf` in the verifier's own context: `index`, policy, problem, token count and tokens' root are
/// those of the rollout that was looked at but for the index, which is the answer's; `seed` is `targetOf`, `reward` the
/// position that was drawn, `toplocRoot` the root of the trace.
///
/// Evidence is `abi.encode(uint32 index)`, 32 bytes: the verifier has to show the answer, and the challenger descends if
/// its own trace has another root; or `abi.encode(TwiceAnswered)`: guilty at once.
///
/// A verifier must not join an audit task whose judge has another shape, or whose chunk length or reward rule is another
/// than the checked task's; a target whose sequence is longer than the policy reads, or whose leaf it cannot show, it
/// leaves out.
interface IAttentionJudge is ICanonicalGame {
    /// @notice Evidence is one word or two leaves, not `length` bytes.
    error AttentionJudge_EvidenceUndecodable(uint256 length);
    /// @notice The commitment has `count` answers.
    error AttentionJudge_AnswerOutOfRange(uint256 index, uint256 count);
    /// @notice The leaves are one, or about two targets.
    error AttentionJudge_NotTwice();
    /// @notice The parameters shown are not those of the task.
    error AttentionJudge_OtherTask(bytes32 task);
    /// @notice The hub does not hold this commitment of the node to the checked task, or it has no rollouts.
    error AttentionJudge_TargetUnknown(address node, uint32 sequence);
    /// @notice Targets of the round were made from `first` on, before `end`.
    error AttentionJudge_TargetNotOfRound(uint256 time, uint256 first, uint256 end);
    /// @notice The audited leaf does not open under the target's root at the drawn position.
    error AttentionJudge_AuditedNotProven(uint256 drawn);

    /// @notice The accused's first move: it shows what it looked at and what it answered.
    /// @param matter As the opening told it.
    /// @param p Of the audit task.
    function answer(
        Challenge calldata challenge,
        CanonicalGame calldata game,
        CanonicalMatter calldata matter,
        TaskParams calldata p,
        AttentionAnswer calldata move
    ) external;

    /// @notice What a leaf calls a commitment, given as its hash in the hub's ring.
    function targetOf(bytes32 task, address node, bytes32 commitmentHash) external pure returns (bytes32);

    /// @notice Which of a target's `units` rollouts a verifier has to look at.
    function drawnOf(bytes32 beacon, address verifier, bytes32 target, uint32 units)
        external
        pure
        returns (uint32);
}
