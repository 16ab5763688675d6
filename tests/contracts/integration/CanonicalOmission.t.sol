// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Traces} from "../utils/Traces.sol";
import {CanonicalPlay} from "./CanonicalPlay.sol";
import {ICanonicalGame} from "contracts/interfaces/ICanonicalGame.sol";
import {RefereeLayout} from "contracts/libraries/RefereeLayout.sol";
import {RefereeMath} from "contracts/libraries/RefereeMath.sol";
import {RowOpening} from "contracts/types/CanonicalGame.sol";
import {RefereePart, RefereeRow} from "contracts/types/Referee.sol";

/// @notice A support that leaves out an activation, of a chunk that has more of them than the support has points.
contract CanonicalOmissionTest is CanonicalPlay {
    uint256 internal constant POINTS = 16;
    uint256 internal constant MAGNITUDE = 0x7fff;

    function setUp() external {
        prepare(2);
        lie(0, 0);
        accusedRows = rows;
        accusedLevels = ownLevels;
        challengeBy(CHALLENGER);
    }

    function test_AListThatLeavesOutAnActivationConvicts() external {
        uint256 omitted = leaveOutTheLast();
        answerAs(honestAnswer(Traces.root(accusedLevels)));
        RowOpening memory opening = finalRow(omitted);
        vm.prank(CHALLENGER);
        judge.chargeOmitted(challenge, game, chunk, support, omitted, opening);
        assertConvicted();
    }

    function test_NoActivationBelowAnHonestListConvicts() external {
        answerAs(honestAnswer(Traces.root(accusedLevels)));
        for (uint256 element = 0; element < chunk.elements; element += 7) {
            RowOpening memory opening = finalRow(element);
            vm.expectRevert(ICanonicalGame.CanonicalJudge_ChargeFails.selector);
            vm.prank(CHALLENGER);
            judge.chargeOmitted(challenge, game, chunk, support, element, opening);
        }
    }

    function test_NoElementBehindTheChunkIsCharged() external {
        answerAs(honestAnswer(Traces.root(accusedLevels)));
        RowOpening memory opening = finalRow(0);
        vm.expectRevert(
            abi.encodeWithSelector(
                ICanonicalGame.CanonicalJudge_OutOfRange.selector, chunk.elements, chunk.elements
            )
        );
        vm.prank(CHALLENGER);
        judge.chargeOmitted(challenge, game, chunk, support, chunk.elements, opening);
    }

    /// @dev The list ends with the greatest activation that did not belong on it; what did is returned.
    function leaveOutTheLast() private returns (uint256 omitted) {
        omitted = pointAt(POINTS - 1) & 0xffff;
        uint256 best = 0;
        uint256 chosen = 0;
        uint256 states = leaf.numTokens - uint256(chunkIndex) * params().chunkTokens;
        uint256 elements = (states < 2 ? states : 2) * uint256(shape.width);
        for (uint256 element = 0; element < elements; ++element) {
            uint256 found = patternOf(element);
            if ((found & MAGNITUDE) > (best & MAGNITUDE) && !isListed(element)) {
                (best, chosen) = (found, element);
            }
        }
        bytes4 word = bytes4(uint32((best << 16) | chosen));
        for (uint256 i = 0; i < 4; ++i) {
            support[4 * (POINTS - 1) + i] = word[i];
        }
    }

    function isListed(uint256 element) private view returns (bool) {
        for (uint256 place = 0; place < POINTS; ++place) {
            if (pointAt(place) & 0xffff == element) return true;
        }
        return false;
    }

    function pointAt(uint256 place) private view returns (uint256 word) {
        for (uint256 i = 0; i < 4; ++i) {
            word = (word << 8) | uint8(support[4 * place + i]);
        }
    }

    function patternOf(uint256 element) private view returns (uint256) {
        bytes memory data = rows[finalIndex(element)];
        uint256 value = 0;
        for (uint256 i = 0; i < 5; ++i) {
            value = (value << 8) | uint8(data[5 * (element % shape.width) + i]);
        }
        return RefereeMath.pattern(int256(int40(uint40(value))));
    }

    function finalRow(uint256 element) private view returns (RowOpening memory) {
        uint256 index = finalIndex(element);
        return Traces.opening(accusedLevels, index, accusedRows[index]);
    }

    function finalIndex(uint256 element) private view returns (uint256) {
        uint256 first = traced - leaf.numTokens + uint256(chunkIndex) * params().chunkTokens;
        RefereeRow memory row = RefereeRow(RefereePart.FinalNorm, 0, 0, first + element / shape.width);
        return RefereeLayout.indexOf(shape, traced, row);
    }
}
