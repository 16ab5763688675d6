// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ICanonicalJudge} from "../../interfaces/ICanonicalJudge.sol";
import {RefereeLayout} from "../../libraries/RefereeLayout.sol";
import {RefereeMath} from "../../libraries/RefereeMath.sol";
import {RefereeOpenings} from "../../libraries/RefereeOpenings.sol";
import {RefereeSteps} from "../../libraries/RefereeSteps.sol";
import {CanonicalChunk, CanonicalGame, CanonicalStage, RowOpening} from "../../types/CanonicalGame.sol";
import {Challenge} from "../../types/Challenge.sol";
import {RefereePart, RefereeRow, RefereeShape} from "../../types/Referee.sol";
import {CanonicalBase} from "./CanonicalBase.sol";

/// @title What can be wrong with a support
/// @notice SOUND: an honest support is made of the honest trace's final states, and nothing is read but what opens under the
/// accused's own root.
abstract contract CanonicalCharges is ICanonicalJudge, CanonicalBase {
    uint256 private constant POINT_BYTES = 4;
    uint256 private constant MAGNITUDE_MASK = 0x7fff;

    /// @inheritdoc ICanonicalJudge
    function chargeOmitted(
        Challenge calldata challenge,
        CanonicalGame calldata game,
        CanonicalChunk calldata chunk,
        bytes calldata support,
        uint256 element,
        RowOpening calldata opening
    ) external {
        uint256 challengeId = _charge(challenge, game, chunk, support);
        if (element >= chunk.elements) revert CanonicalJudge_OutOfRange(element, chunk.elements);
        for (uint256 place = 0; place < chunk.topk; ++place) {
            (uint256 index,) = _point(support, place);
            if (index == element) revert CanonicalJudge_ChargeFails();
        }
        uint256 magnitude = _patternOf(game, chunk, element, opening) & MAGNITUDE_MASK;
        (uint256 last, uint256 least) = _point(support, chunk.topk - 1);
        least &= MAGNITUDE_MASK;
        bool isAbove = magnitude > least || (magnitude == least && element < last);
        if (!isAbove) revert CanonicalJudge_ChargeFails();

        _convict(challengeId, challenge, game.stage);
    }

    /// @inheritdoc ICanonicalJudge
    function chargeUnlike(
        Challenge calldata challenge,
        CanonicalGame calldata game,
        CanonicalChunk calldata chunk,
        bytes calldata support,
        uint256 point,
        RowOpening calldata opening
    ) external {
        uint256 challengeId = _charge(challenge, game, chunk, support);
        uint256 count = chunk.elements < chunk.topk ? chunk.elements : chunk.topk;
        if (point >= count) revert CanonicalJudge_OutOfRange(point, count);
        (uint256 element, uint256 pattern) = _point(support, point);
        if (pattern == _patternOf(game, chunk, element, opening)) revert CanonicalJudge_ChargeFails();

        _convict(challengeId, challenge, game.stage);
    }

    function _charge(
        Challenge calldata challenge,
        CanonicalGame calldata game,
        CanonicalChunk calldata chunk,
        bytes calldata support
    ) private view returns (uint256 challengeId) {
        challengeId = _idOf(challenge);
        _begin(challengeId, game, CanonicalStage.Charge);
        _requireChunk(game, chunk);
        if (keccak256(support) != chunk.support) revert CanonicalJudge_OtherSubject(chunk.support);
    }

    /// @dev The pattern of an element of the chunk, as the final row shows it.
    function _patternOf(
        CanonicalGame calldata game,
        CanonicalChunk calldata chunk,
        uint256 element,
        RowOpening calldata opening
    ) private view returns (uint256) {
        RefereeShape memory policy = shape();
        uint256 position = chunk.first + element / policy.width;
        RefereeRow memory row = RefereeRow(RefereePart.FinalNorm, 0, 0, position);
        uint256 index = RefereeLayout.indexOf(policy, game.tokens, row);
        if (!RefereeOpenings.shows(opening, policy, game.tokens, chunk.traceRoot, index)) {
            revert CanonicalJudge_RowNotProven(index);
        }
        return RefereeMath.pattern(RefereeSteps.value(opening.data, element % policy.width));
    }

    function _point(bytes calldata support, uint256 place)
        private
        pure
        returns (uint256 index, uint256 pattern)
    {
        uint256 word = uint32(bytes4(support[POINT_BYTES * place:POINT_BYTES * (place + 1)]));
        return (word & 0xffff, word >> 16);
    }
}
