// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ICanonicalGame} from "../../interfaces/ICanonicalGame.sol";
import {RefereeLayout} from "../../libraries/RefereeLayout.sol";
import {RefereeOpenings} from "../../libraries/RefereeOpenings.sol";
import {Tree16} from "../../libraries/Tree16.sol";
import {CanonicalChunk, CanonicalGame, CanonicalStage} from "../../types/CanonicalGame.sol";
import {Challenge} from "../../types/Challenge.sol";
import {RefereeRow, RefereeShape} from "../../types/Referee.sol";
import {CanonicalBase} from "./CanonicalBase.sol";

/// @title From the root of the accused's trace to one block of it
/// @notice SOUND: an honest accused can open whatever is picked, because everything that can be picked is there, and the rows
/// of an honest trace have the operators and lengths that `RefereeLayout` tells.
abstract contract CanonicalDescent is CanonicalBase {
    uint256 private constant MAX_BLOCKS = 16;

    /// @inheritdoc ICanonicalGame
    function descend(uint256 challengeId, CanonicalGame calldata game, CanonicalChunk calldata chunk)
        external
    {
        CanonicalGame memory next = _begin(challengeId, game, CanonicalStage.Charge);
        _requireChunk(game, chunk);

        next.stage = CanonicalStage.Node;
        next.node = chunk.traceRoot;
        next.level = uint32(Tree16.depth(RefereeLayout.rowCount(shape(), game.tokens)));
        _keep(challengeId, next);
        emit GameDescended(challengeId, next);
    }

    /// @inheritdoc ICanonicalGame
    function openNode(uint256 challengeId, CanonicalGame calldata game, bytes32[16] calldata children)
        external
    {
        CanonicalGame memory next = _begin(challengeId, game, CanonicalStage.Node);
        _requireInDispute(game, Tree16.node(children));
        for (uint256 i = _present(game); i < children.length; ++i) {
            if (children[i] != 0) revert CanonicalJudge_OutOfRange(i, _present(game));
        }

        next.stage = CanonicalStage.Child;
        _keep(challengeId, next);
        emit NodeOpened(challengeId, next, children);
    }

    /// @inheritdoc ICanonicalGame
    function pickChild(
        uint256 challengeId,
        CanonicalGame calldata game,
        bytes32[16] calldata children,
        uint32 child
    ) external {
        CanonicalGame memory next = _begin(challengeId, game, CanonicalStage.Child);
        _requireInDispute(game, Tree16.node(children));
        uint256 present = _present(game);
        if (child >= present) revert CanonicalJudge_OutOfRange(child, present);

        next.level = game.level - 1;
        next.stage = next.level == 0 ? CanonicalStage.Row : CanonicalStage.Node;
        next.node = children[child];
        next.index = 16 * game.index + child;
        _keep(challengeId, next);
        emit ChildPicked(challengeId, next);
    }

    /// @inheritdoc ICanonicalGame
    function openRow(
        Challenge calldata challenge,
        CanonicalGame calldata game,
        uint8 kind,
        uint32 length,
        bytes32[] calldata blocks
    ) external {
        uint256 challengeId = _idOf(challenge);
        CanonicalGame memory next = _begin(challengeId, game, CanonicalStage.Row);
        if (blocks.length == 0 || blocks.length > MAX_BLOCKS) {
            revert CanonicalJudge_OutOfRange(blocks.length, MAX_BLOCKS);
        }
        _requireInDispute(game, Tree16.row(kind, length, RefereeOpenings.rootOf(blocks)));
        (RefereeRow memory row, uint256 expected) = _rowOf(game);
        if (kind != RefereeLayout.kind(row.part) || length != expected) {
            return _convict(challengeId, challenge, game.stage);
        }
        uint256 count = RefereeOpenings.blockCount(length);
        if (blocks.length != count) revert CanonicalJudge_WrongCount(blocks.length, count);

        next.stage = CanonicalStage.BlockChoice;
        if (count == 1) (next.stage, next.node) = (CanonicalStage.Block, blocks[0]);
        _keep(challengeId, next);
        emit RowOpened(challengeId, next, blocks);
    }

    /// @inheritdoc ICanonicalGame
    function pickBlock(
        uint256 challengeId,
        CanonicalGame calldata game,
        bytes32[] calldata blocks,
        uint32 part
    ) external {
        CanonicalGame memory next = _begin(challengeId, game, CanonicalStage.BlockChoice);
        (RefereeRow memory row, uint256 length) = _rowOf(game);
        uint256 count = RefereeOpenings.blockCount(length);
        if (blocks.length != count) revert CanonicalJudge_WrongCount(blocks.length, count);
        bytes32 root = RefereeOpenings.rootOf(blocks);
        _requireInDispute(game, Tree16.row(RefereeLayout.kind(row.part), uint32(length), root));
        if (part >= count) revert CanonicalJudge_OutOfRange(part, count);

        (next.stage, next.node, next.part) = (CanonicalStage.Block, blocks[part], part);
        _keep(challengeId, next);
        emit BlockPicked(challengeId, next);
    }

    /// @inheritdoc ICanonicalGame
    function openBlock(Challenge calldata challenge, CanonicalGame calldata game, bytes calldata data)
        external
    {
        uint256 challengeId = _idOf(challenge);
        CanonicalGame memory next = _begin(challengeId, game, CanonicalStage.Block);
        _requireInDispute(game, Tree16.leaf(data));
        (RefereeRow memory row, uint256 length) = _rowOf(game);
        uint256 entries = RefereeOpenings.blockLength(length, game.part);
        if (data.length != entries * RefereeOpenings.entryBytes(row.part)) {
            return _convict(challengeId, challenge, game.stage);
        }

        next.stage = CanonicalStage.Step;
        _keep(challengeId, next);
        emit BlockOpened(challengeId, next, data);
    }

    /// @dev The row in dispute, and its length.
    function _rowOf(CanonicalGame calldata game)
        internal
        view
        returns (RefereeRow memory row, uint256 length)
    {
        RefereeShape memory policy = shape();
        row = RefereeLayout.locate(policy, game.tokens, game.index);
        length = RefereeLayout.length(policy, row);
    }

    function _requireInDispute(CanonicalGame calldata game, bytes32 shown) internal pure {
        if (shown != game.node) revert CanonicalJudge_NotInDispute(game.node);
    }

    /// @dev Children of the node in dispute that stand above rows.
    function _present(CanonicalGame calldata game) private view returns (uint256 present) {
        uint256 rows = RefereeLayout.rowCount(shape(), game.tokens);
        uint256 below = 16 ** (game.level - 1);
        present = (rows + below - 1) / below - 16 * uint256(game.index);
        if (present > 16) present = 16;
    }
}
