// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ICanonicalGame} from "../../interfaces/ICanonicalGame.sol";
import {IPromptRule} from "../../interfaces/IPromptRule.sol";
import {Merkle} from "../../libraries/Merkle.sol";
import {RefereeLayout} from "../../libraries/RefereeLayout.sol";
import {RefereeOpenings} from "../../libraries/RefereeOpenings.sol";
import {RefereeSteps} from "../../libraries/RefereeSteps.sol";
import {RolloutLeaves} from "../../libraries/RolloutLeaves.sol";
import {CanonicalChunk, CanonicalGame, CanonicalStep} from "../../types/CanonicalGame.sol";
import {Challenge} from "../../types/Challenge.sol";
import {RefereePart, RefereeRow, RefereeShape} from "../../types/Referee.sol";

/// @title CanonicalSteps: computes one entry of a trace
/// @notice The part of the judge of computation that does not fit its code. It has no state, so one serves any number of judges;
/// a judge is deployed with its address and refuses any other code there.
/// SOUND: in an honest trace every entry is what its step gives of the rows before it and the version's weights, and every
/// token is one of the vocabulary. The step reads nothing else.
contract CanonicalSteps {
    uint256 private constant TOKEN_BYTES = 4;

    /// @notice Whether the entry that `step` names is not what the chain computes from what `step` opens. Reverts with the
    /// errors of `ICanonicalGame` if that is not what the step reads.
    /// @dev The caller is a judge, whose `shape` is the policy's. The arguments are those of its `execute`.
    /// @param game At its last stage; `step.data` is the block in dispute.
    /// @param chunk That of the game.
    function isWrong(
        Challenge calldata,
        CanonicalGame calldata game,
        CanonicalChunk calldata chunk,
        CanonicalStep calldata step
    ) external view returns (bool) {
        RefereeShape memory policy = ICanonicalGame(msg.sender).shape();
        RefereeRow memory row = RefereeLayout.locate(policy, game.tokens, game.index);
        uint256 column = _columnOf(game, step, RefereeLayout.length(policy, row));
        uint256 token = 0;
        if (row.part == RefereePart.Embed) {
            token = _tokenAt(chunk, step, row.position);
            if (token >= policy.vocabulary) return true;
        }
        _checkWeights(policy, row, chunk, step, RefereeLayout.weightRows(policy, row, column, token));
        _checkSources(policy, row, chunk, step, column);
        return RefereeSteps.compute(policy, row, column, step.sources, step.weights) != _claim(row, step);
    }

    /// @dev Where the entry stands in its row.
    function _columnOf(CanonicalGame calldata game, CanonicalStep calldata step, uint256 length)
        private
        pure
        returns (uint256)
    {
        uint256 entries = RefereeOpenings.blockLength(length, game.part);
        if (step.entry >= entries) revert ICanonicalGame.CanonicalJudge_OutOfRange(step.entry, entries);
        return game.part * RefereeOpenings.BLOCK_ENTRIES + step.entry;
    }

    /// @dev What the accused's block says of the entry.
    function _claim(RefereeRow memory row, CanonicalStep calldata step) private pure returns (int256) {
        return RefereeOpenings.isStatistics(row.part)
            ? RefereeSteps.statistic(step.data, step.entry)
            : RefereeSteps.value(step.data, step.entry);
    }

    function _checkSources(
        RefereeShape memory policy,
        RefereeRow memory row,
        CanonicalChunk calldata chunk,
        CanonicalStep calldata step,
        uint256 column
    ) private pure {
        uint256 tokens = chunk.promptTokens + chunk.numTokens - 1;
        uint256[] memory rows = RefereeLayout.sources(policy, tokens, row, column);
        if (step.sources.length != rows.length) {
            revert ICanonicalGame.CanonicalJudge_WrongCount(step.sources.length, rows.length);
        }
        for (uint256 i = 0; i < rows.length; ++i) {
            if (!RefereeOpenings.shows(step.sources[i], policy, tokens, chunk.traceRoot, rows[i])) {
                revert ICanonicalGame.CanonicalJudge_RowNotProven(rows[i]);
            }
        }
    }

    function _checkWeights(
        RefereeShape memory policy,
        RefereeRow memory row,
        CanonicalChunk calldata chunk,
        CanonicalStep calldata step,
        uint256[] memory rows
    ) private pure {
        if (step.weights.length != rows.length) {
            revert ICanonicalGame.CanonicalJudge_WrongCount(step.weights.length, rows.length);
        }
        if (rows.length == 0) return;
        (bool isShown, bytes32 root) = RefereeOpenings.canonicalRoot(step.manifest, chunk.policyDigest);
        if (!isShown) revert ICanonicalGame.CanonicalJudge_ManifestNotProven();
        uint256 length = row.part == RefereePart.FeedOut ? policy.feedForward : policy.width;
        for (uint256 i = 0; i < rows.length; ++i) {
            if (!RefereeOpenings.showsWeights(step.weights[i], policy, root, rows[i], length)) {
                revert ICanonicalGame.CanonicalJudge_WeightsNotProven(rows[i]);
            }
        }
    }

    /// @dev The token that is read at a position: of the prompt, or of the completion.
    function _tokenAt(CanonicalChunk calldata chunk, CanonicalStep calldata step, uint256 position)
        private
        view
        returns (uint256)
    {
        if (position < chunk.promptTokens) {
            return IPromptRule(chunk.rule.code).prompt(chunk.problem)[position];
        }
        uint256 place = position - chunk.promptTokens;
        uint256 index = place / chunk.chunkTokens;
        uint256 start = TOKEN_BYTES * (place % chunk.chunkTokens);
        uint256 chunks = RolloutLeaves.numChunks(chunk.numTokens, chunk.chunkTokens);
        bool isShown = step.tokens.length >= start + TOKEN_BYTES
            && Merkle.verify(chunk.tokensRoot, Merkle.leaf(step.tokens), index, chunks, step.tokensProof);
        if (!isShown) revert ICanonicalGame.CanonicalJudge_TokensNotProven(index);
        return uint32(bytes4(step.tokens[start:start + TOKEN_BYTES]));
    }
}
