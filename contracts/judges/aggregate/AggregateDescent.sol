// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAggregateJudge} from "../../interfaces/IAggregateJudge.sol";
import {CheckpointFile} from "../../libraries/CheckpointFile.sol";
import {Merkle} from "../../libraries/Merkle.sol";
import {Pieces} from "../../libraries/Pieces.sol";
import {AggregateClaim, AggregateGame, AggregateStage, PieceOpening} from "../../types/AggregateGame.sol";
import {Challenge} from "../../types/Challenge.sol";
import {AggregateBase} from "./AggregateBase.sol";

/// @title From the root over the pieces of a checkpoint to one integer
/// @notice SOUND: an honest accused can open whatever is picked, because every piece that can be picked is there, and its
/// checkpoint begins as its parent's does.
abstract contract AggregateDescent is AggregateBase {
    /// @inheritdoc IAggregateJudge
    function descend(uint256 challengeId, AggregateGame calldata game, AggregateClaim calldata claim)
        external
    {
        AggregateGame memory next = _begin(challengeId, game, AggregateStage.Charge);
        _requireClaim(game, claim);

        (next.node, next.index) = (claim.root, 0);
        next.level = uint32(Merkle.depth(_pieces(claim)));
        next.stage = next.level == 0 ? AggregateStage.Piece : AggregateStage.Node;
        _keep(challengeId, next);
        emit VersionDescended(challengeId, next);
    }

    /// @inheritdoc IAggregateJudge
    function openNode(uint256 challengeId, AggregateGame calldata game, bytes32[] calldata children)
        external
    {
        AggregateGame memory next = _begin(challengeId, game, AggregateStage.Node);
        _requireChildren(game, children);

        next.stage = AggregateStage.Child;
        _keep(challengeId, next);
        emit NodeOpened(challengeId, next, children);
    }

    /// @inheritdoc IAggregateJudge
    function pickChild(
        uint256 challengeId,
        AggregateGame calldata game,
        AggregateClaim calldata claim,
        bytes32[] calldata children,
        uint32 child
    ) external {
        AggregateGame memory next = _begin(challengeId, game, AggregateStage.Child);
        _requireClaim(game, claim);
        _requireChildren(game, children);
        uint256 stride = _stride(game);
        uint256 level = game.level - stride;
        uint256 index = (uint256(game.index) << stride) + child;
        if (child >= children.length || index << level >= _pieces(claim)) {
            revert AggregateJudge_OutOfRange(child, children.length);
        }

        (next.node, next.level, next.index) = (children[child], uint32(level), uint32(index));
        next.stage = level == 0 ? AggregateStage.Piece : AggregateStage.Node;
        _keep(challengeId, next);
        emit ChildPicked(challengeId, next);
    }

    /// @inheritdoc IAggregateJudge
    function showPiece(
        Challenge calldata challenge,
        AggregateGame calldata game,
        AggregateClaim calldata claim,
        bytes calldata piece
    ) external {
        uint256 challengeId = _idOf(challenge);
        AggregateGame memory next = _begin(challengeId, game, AggregateStage.Piece);
        _requireClaim(game, claim);
        _requireInDispute(game, sha256(piece));
        if (piece.length != Pieces.pieceLength(claim.fileBytes, game.index)) {
            return _convict(challengeId, challenge, game);
        }

        next.stage = AggregateStage.Entry;
        _keep(challengeId, next);
        emit PieceShown(challengeId, next, piece);
    }

    /// @inheritdoc IAggregateJudge
    function chargeHeader(
        Challenge calldata challenge,
        AggregateGame calldata game,
        AggregateClaim calldata claim,
        bytes calldata piece,
        uint64 offset,
        PieceOpening calldata parentPiece
    ) external {
        uint256 challengeId = _idOf(challenge);
        _begin(challengeId, game, AggregateStage.Entry);
        _requireClaim(game, claim);
        _requireInDispute(game, sha256(piece));
        _requireInPiece(game, piece.length, offset);
        (bool isInteger,,,) = CheckpointFile.locate(claim.fileBytes, parameters, offset);
        uint256 place = _placeIn(claim.parentRoot, claim.fileBytes, offset, parentPiece);
        if (isInteger || parentPiece.data[place] == piece[place]) revert AggregateJudge_ChargeFails();

        _convict(challengeId, challenge, game);
    }

    /// @inheritdoc IAggregateJudge
    function nameInteger(
        uint256 challengeId,
        AggregateGame calldata game,
        AggregateClaim calldata claim,
        uint64 offset
    ) external {
        AggregateGame memory next = _begin(challengeId, game, AggregateStage.Entry);
        _requireClaim(game, claim);
        _requireInPiece(game, Pieces.pieceLength(claim.fileBytes, game.index), offset);
        (bool isInteger,,, uint256 start) = CheckpointFile.locate(claim.fileBytes, parameters, offset);
        if (!isInteger || start != offset) revert AggregateJudge_OutOfRange(offset, claim.fileBytes);

        (next.stage, next.offset) = (AggregateStage.Inputs, offset);
        _keep(challengeId, next);
        emit IntegerNamed(challengeId, next);
    }

    function _requireInPiece(AggregateGame calldata game, uint256 length, uint64 offset) private pure {
        uint256 first = game.index * Pieces.PIECE_BYTES;
        if (offset < first || offset - first >= length) {
            revert AggregateJudge_OutOfRange(offset, first + length);
        }
    }

    function _requireChildren(AggregateGame calldata game, bytes32[] calldata children) private pure {
        uint256 count = 1 << _stride(game);
        if (children.length != count) revert AggregateJudge_OutOfRange(children.length, count);
        // The root over the children is the node, for the tree over them is the node's own.
        _requireInDispute(game, Merkle.root(children));
    }

    /// @dev Levels that the next opening goes down: four, so that the last one may have fewer.
    function _stride(AggregateGame calldata game) private pure returns (uint256) {
        return game.level < STRIDE ? game.level : STRIDE;
    }

    function _pieces(AggregateClaim calldata claim) private pure returns (uint256) {
        return (uint256(claim.fileBytes) + Pieces.PIECE_BYTES - 1) / Pieces.PIECE_BYTES;
    }
}
