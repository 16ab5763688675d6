// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAggregateJudge} from "../../interfaces/IAggregateJudge.sol";
import {Bytes8} from "../../libraries/Bytes8.sol";
import {CheckpointFile} from "../../libraries/CheckpointFile.sol";
import {MxInt8} from "../../libraries/MxInt8.sol";
import {OuterStep} from "../../libraries/OuterStep.sol";
import {Pieces} from "../../libraries/Pieces.sol";
import {
    AggregateClaim,
    AggregateGame,
    AggregateInputs,
    AggregateStage,
    AggregateTerm,
    PieceOpening
} from "../../types/AggregateGame.sol";
import {Challenge} from "../../types/Challenge.sol";
import {AggregateBase} from "./AggregateBase.sol";

/// @title The last moves: the chain computes one integer from what is said of its inputs, and looks one of them up
/// @notice SOUND: an honest accused says what stands in its parent's checkpoint and in the updates, so the integer follows,
/// and no opening says otherwise.
abstract contract AggregateInputsStage is AggregateBase {
    /// @inheritdoc IAggregateJudge
    function showInputs(
        Challenge calldata challenge,
        AggregateGame calldata game,
        AggregateClaim calldata claim,
        bytes calldata piece,
        AggregateInputs calldata inputs
    ) external {
        uint256 challengeId = _idOf(challenge);
        AggregateGame memory next = _begin(challengeId, game, AggregateStage.Inputs);
        _requireClaim(game, claim);
        _requireInDispute(game, sha256(piece));
        if (_isWrong(game, claim, piece, inputs)) return _convict(challengeId, challenge, game);

        next.stage = AggregateStage.Refutation;
        next.node = keccak256(abi.encode(inputs));
        _keep(challengeId, next);
        emit InputsShown(challengeId, next, inputs);
    }

    /// @inheritdoc IAggregateJudge
    function refuteParent(
        Challenge calldata challenge,
        AggregateGame calldata game,
        AggregateClaim calldata claim,
        AggregateInputs calldata inputs,
        bool isWeight,
        PieceOpening calldata opening
    ) external {
        uint256 challengeId = _refute(challenge, game, claim, inputs);
        uint256 coordinate = _coordinate(game, claim);
        uint256 offset = isWeight
            ? CheckpointFile.weightAt(claim.fileBytes, parameters, coordinate)
            : CheckpointFile.momentumAt(claim.fileBytes, parameters, coordinate);
        uint256 place = _placeIn(claim.parentRoot, claim.fileBytes, offset, opening);
        int256 found = Bytes8.read(opening.data, place, CheckpointFile.size(isWeight));
        int256 told = isWeight ? int256(inputs.weight) : int256(inputs.momentum);
        if (found == told) revert AggregateJudge_ChargeFails();

        _convict(challengeId, challenge, game);
    }

    /// @inheritdoc IAggregateJudge
    function refuteTerm(
        Challenge calldata challenge,
        AggregateGame calldata game,
        AggregateClaim calldata claim,
        AggregateInputs calldata inputs,
        AggregateTerm calldata shown
    ) external {
        uint256 challengeId = _refute(challenge, game, claim, inputs);
        _requireUpdate(claim, shown);
        uint256 coordinate = _coordinate(game, claim);
        uint256 offset = shown.isMantissa
            ? MxInt8.mantissaAt(parameters, coordinate)
            : MxInt8.exponentAt(parameters, coordinate);
        bytes32 root = bytes32(shown.manifest[:32]);
        uint256 place = _placeIn(root, Pieces.length(shown.manifest), offset, shown.piece);
        bytes1 told = inputs.terms[2 * uint256(shown.term) + (shown.isMantissa ? 0 : 1)];
        if (shown.piece.data[place] == told) revert AggregateJudge_ChargeFails();

        _convict(challengeId, challenge, game);
    }

    function _refute(
        Challenge calldata challenge,
        AggregateGame calldata game,
        AggregateClaim calldata claim,
        AggregateInputs calldata inputs
    ) private view returns (uint256 challengeId) {
        challengeId = _idOf(challenge);
        _begin(challengeId, game, AggregateStage.Refutation);
        _requireClaim(game, claim);
        _requireInDispute(game, keccak256(abi.encode(inputs)));
    }

    function _requireUpdate(AggregateClaim calldata claim, AggregateTerm calldata shown) private pure {
        bytes32[] calldata manifests = shown.manifests;
        if (keccak256(abi.encode(manifests)) != claim.manifests) {
            revert AggregateJudge_OtherSubject(claim.manifests);
        }
        if (shown.term >= manifests.length) {
            revert AggregateJudge_OutOfRange(shown.term, manifests.length);
        }
        bytes32 digest = manifests[shown.term];
        if (sha256(shown.manifest) != digest || !Pieces.hasHead(shown.manifest)) {
            revert AggregateJudge_ManifestNotProven(digest);
        }
    }

    /// @dev Whether the disputed integer is not what the inputs give. Terms that no update has are refused.
    function _isWrong(
        AggregateGame calldata game,
        AggregateClaim calldata claim,
        bytes calldata piece,
        AggregateInputs calldata inputs
    ) private view returns (bool) {
        if (inputs.terms.length != 2 * uint256(claim.count)) {
            revert AggregateJudge_OutOfRange(inputs.terms.length, 2 * uint256(claim.count));
        }
        int256 most = _maxExponent();
        for (uint256 i = 0; i < claim.count; ++i) {
            if (!MxInt8.isTerm(inputs.terms, i, most)) revert AggregateJudge_OutOfRange(i, claim.count);
        }
        (,, bool isWeight,) = CheckpointFile.locate(claim.fileBytes, parameters, game.offset);
        (int256 weight, int256 momentum) = OuterStep.next(rule(), inputs);
        uint256 place = game.offset % Pieces.PIECE_BYTES;
        int256 found = Bytes8.read(piece, place, CheckpointFile.size(isWeight));
        return found != (isWeight ? weight : momentum);
    }

    function _coordinate(AggregateGame calldata game, AggregateClaim calldata claim)
        private
        view
        returns (uint256 coordinate)
    {
        (, coordinate,,) = CheckpointFile.locate(claim.fileBytes, parameters, game.offset);
    }
}
