// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Traces} from "../../utils/Traces.sol";
import {CanonicalJudgeTest} from "./CanonicalJudgeTest.sol";
import {ICanonicalGame} from "contracts/interfaces/ICanonicalGame.sol";
import {CanonicalChunk, CanonicalStage, RowOpening} from "contracts/types/CanonicalGame.sol";

/// @notice See CanonicalCharge.tree. An accused's trace may say what it likes: a charge reads the final rows alone.
contract CanonicalChargeTest is CanonicalJudgeTest {
    uint256 internal constant POINTS = 16;

    function test_RevertWhen_AnOmissionIsChargedOfAnother() external {
        answered(WIDE);
        (CanonicalChunk memory other, bytes memory list) = others();
        refuseOmitted(chunk, list, 0, ofAnother(chunk.support));
        refuseOmitted(other, support, 0, ofAnother(game.subject));
    }

    function test_RevertWhen_TheElementIsNotOfTheChunk() external {
        answered(WIDE);
        bytes memory reason = abi.encodeWithSelector(
            ICanonicalGame.CanonicalJudge_OutOfRange.selector, chunk.elements, chunk.elements
        );
        RowOpening memory opening = finalRow(0);
        refuse(
            CHALLENGER,
            abi.encodeCall(judge.chargeOmitted, (challenge, game, chunk, support, chunk.elements, opening)),
            reason
        );
    }

    function test_RevertWhen_TheElementIsListed() external {
        answered(WIDE);
        for (uint256 place = 0; place < POINTS; ++place) {
            refuseOmitted(chunk, support, elementAt(place), fails());
        }
    }

    function test_RevertWhen_AnOmissionsRowIsAnother() external {
        answered(WIDE);
        uint256 element = unlisted(0);
        RowOpening memory opening = finalRow(element);
        uint256 index = finalIndex(element);
        opening.data[0] ^= 0x01;
        refuse(
            CHALLENGER,
            abi.encodeCall(judge.chargeOmitted, (challenge, game, chunk, support, element, opening)),
            abi.encodeWithSelector(ICanonicalGame.CanonicalJudge_RowNotProven.selector, index)
        );
    }

    function test_RevertWhen_TheActivationIsBelow() external {
        answered(WIDE);
        for (uint256 element = unlisted(0); element < chunk.elements; element = unlisted(element + 9)) {
            refuseOmitted(chunk, support, element, fails());
        }
    }

    function test_RevertWhen_TheActivationComesAfter() external {
        prepare(WIDE);
        uint256 element = unlisted(lastElement() + 1);
        beginWithAFinal(element, valueOf(lastElement()));
        refuseOmitted(chunk, support, element, fails());
    }

    function test_ConvictsForOneThatComesBefore() external {
        prepare(WIDE);
        uint256 element = unlisted(0);
        assertTrue(element < lastElement());
        beginWithAFinal(element, valueOf(lastElement()));
        chargeOmitted(element);
        assertConvicted();
    }

    function test_ConvictsForOneThatIsAbove() external {
        // Twice the least on the list, behind it and of either sign.
        prepare(WIDE);
        uint256 element = unlisted(lastElement() + 1);
        int256 least = valueOf(lastElement());
        for (uint256 sign = 0; sign < 2; ++sign) {
            uint256 state = vm.snapshotState();
            beginWithAFinal(element, sign == 0 ? 2 * least : -2 * least);
            chargeOmitted(element);
            assertConvicted();
            vm.revertToState(state);
        }
    }

    function test_RevertWhen_APointIsChargedOfAnother() external {
        answered(NARROW);
        (CanonicalChunk memory other, bytes memory list) = others();
        refuseUnlike(chunk, list, 0, ofAnother(chunk.support));
        refuseUnlike(other, support, 0, ofAnother(game.subject));
    }

    function test_RevertWhen_ThePointIsNotOnTheList() external {
        answered(WIDE);
        refusePlace(POINTS, POINTS);
        refusePlace(type(uint256).max, POINTS);
    }

    function test_RevertWhen_ThePointIsFilling() external {
        answered(SHORT);
        refusePlace(shape.width, shape.width);
    }

    function test_RevertWhen_APointsRowIsAnother() external {
        answered(NARROW);
        uint256 element = elementAt(0);
        RowOpening memory opening = finalRow(element);
        opening.nodes[0][15] ^= bytes32(uint256(1));
        refuse(
            CHALLENGER,
            abi.encodeCall(judge.chargeUnlike, (challenge, game, chunk, support, 0, opening)),
            abi.encodeWithSelector(ICanonicalGame.CanonicalJudge_RowNotProven.selector, finalIndex(element))
        );
    }

    function test_RevertWhen_ThePointIsLikeItsActivation() external {
        answered(WIDE);
        for (uint256 place = 0; place < POINTS; ++place) {
            refuseUnlike(chunk, support, place, fails());
        }
    }

    function test_ConvictsForAPointUnlikeItsActivation() external {
        prepare(NARROW);
        // The sign alone.
        uint256 element = elementAt(3);
        beginWithAFinal(element, -valueOf(element));
        RowOpening memory opening = finalRow(element);
        vm.prank(CHALLENGER);
        judge.chargeUnlike(challenge, game, chunk, support, 3, opening);
        assertConvicted();
    }

    function answered(uint256 dispute) private {
        begin(dispute);
        advanceTo(CanonicalStage.Charge);
    }

    /// @dev The accused answers with a trace whose final rows hold `value` at an element.
    function beginWithAFinal(uint256 element, int256 value) private {
        lie(0, 0);
        accusedRows = rows;
        uint256 index = finalIndex(element);
        bytes memory data = rows[index];
        bytes5 word = bytes5(uint40(int40(value)));
        for (uint256 i = 0; i < 5; ++i) {
            data[5 * (element % shape.width) + i] = word[i];
        }
        accusedRows[index] = data;
        accusedLevels = Traces.levels(Traces.leaves(shape, traced, accusedRows));
        challengeBy(CHALLENGER);
        advanceTo(CanonicalStage.Charge);
    }

    function chargeOmitted(uint256 element) private {
        RowOpening memory opening = finalRow(element);
        vm.prank(CHALLENGER);
        judge.chargeOmitted(challenge, game, chunk, support, element, opening);
    }

    function refuseOmitted(
        CanonicalChunk memory chunk_,
        bytes memory list,
        uint256 element,
        bytes memory reason
    ) private {
        RowOpening memory opening = finalRow(element);
        refuse(
            CHALLENGER,
            abi.encodeCall(judge.chargeOmitted, (challenge, game, chunk_, list, element, opening)),
            reason
        );
    }

    function refuseUnlike(CanonicalChunk memory chunk_, bytes memory list, uint256 point, bytes memory reason)
        private
    {
        RowOpening memory opening = finalRow(elementAt(point));
        refuse(
            CHALLENGER,
            abi.encodeCall(judge.chargeUnlike, (challenge, game, chunk_, list, point, opening)),
            reason
        );
    }

    function refusePlace(uint256 point, uint256 points) private {
        RowOpening memory opening = finalRow(0);
        refuse(
            CHALLENGER,
            abi.encodeCall(judge.chargeUnlike, (challenge, game, chunk, support, point, opening)),
            abi.encodeWithSelector(ICanonicalGame.CanonicalJudge_OutOfRange.selector, point, points)
        );
    }

    function others() private view returns (CanonicalChunk memory other, bytes memory list) {
        (other, list) = (chunk, support);
        other.topk += 1;
        list[1] ^= 0x01;
    }

    function ofAnother(bytes32 expected) private pure returns (bytes memory) {
        return abi.encodeWithSelector(ICanonicalGame.CanonicalJudge_OtherSubject.selector, expected);
    }

    function fails() private pure returns (bytes memory) {
        return abi.encodeWithSelector(ICanonicalGame.CanonicalJudge_ChargeFails.selector);
    }

    function elementAt(uint256 place) private view returns (uint256) {
        return (uint256(uint8(support[4 * place + 2])) << 8) | uint8(support[4 * place + 3]);
    }

    function lastElement() private view returns (uint256) {
        return elementAt(POINTS - 1);
    }

    /// @dev The first element from `element` on that is not on the list.
    function unlisted(uint256 element) private view returns (uint256) {
        for (uint256 place = 0; place < POINTS; ++place) {
            if (elementAt(place) == element) return unlisted(element + 1);
        }
        return element;
    }

    /// @dev An element as the honest trace has it.
    function valueOf(uint256 element) private view returns (int256) {
        bytes memory data = rows[finalIndex(element)];
        uint256 value = 0;
        for (uint256 i = 0; i < 5; ++i) {
            value = (value << 8) | uint8(data[5 * (element % shape.width) + i]);
        }
        return int40(uint40(value));
    }
}
