// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AggregateCourtroom} from "./AggregateCourtroom.sol";
import {IAggregateJudge} from "contracts/interfaces/IAggregateJudge.sol";
import {CanonicalJudge} from "contracts/judges/CanonicalJudge.sol";
import {CanonicalSteps} from "contracts/judges/canonical/CanonicalSteps.sol";
import {OuterStep} from "contracts/libraries/OuterStep.sol";
import {
    AggregateInputs,
    AggregateStage,
    AggregateTerm,
    PieceOpening
} from "contracts/types/AggregateGame.sol";
import {RefereeShape} from "contracts/types/Referee.sol";
import {ToplocThresholds} from "contracts/types/Toploc.sol";

/// @notice Before the real hub: a false byte of a checkpoint convicts its poster, a true checkpoint nobody, and whoever is
/// silent loses.
contract AggregateTrialsTest is AggregateCourtroom {
    function setUp() external {
        prepare();
    }

    function test_EveryIntegerIsWhatItsInputsGive() external view {
        for (uint256 i = 0; i < rule.parameters; i += 29) {
            (int256 weight, int256 momentum) = OuterStep.next(rule, inputsOf(i));
            assertEq(uint256(weight), uint256(integer(files[2], weightAt(i), 4)));
            assertEq(uint256(momentum), uint256(integer(files[2], momentumAt(i), 8)));
        }
    }

    /// forge-config: default.fuzz.runs = 24
    function testFuzz_AFalseByteConvicts(uint256 drawn) external {
        uint256 offset = headerBytes() + drawn % (files[2].length - headerBytes());
        bytes memory file = altered(files[2], offset);
        bytes memory manifest = manifestFor(manifests[2], file);
        postAndChallenge(manifest);
        answer(answerOf(manifest, manifests[1], 2));
        playDown(file, offset);
        bool isWeight = offset >= weightAt(0);
        uint256 coordinate = isWeight ? (offset - weightAt(0)) / 4 : (offset - momentumAt(0)) / 8;
        nameInteger(isWeight ? weightAt(coordinate) : momentumAt(coordinate));
        showInputs(inputsOf(coordinate));
        assertConvicted();
    }

    function test_AFalseHeaderConvicts() external {
        for (uint256 offset = 0; offset < headerBytes(); offset += 401) {
            uint256 state = vm.snapshotState();
            bytes memory file = altered(files[2], offset);
            bytes memory manifest = manifestFor(manifests[2], file);
            postAndChallenge(manifest);
            answer(answerOf(manifest, manifests[1], 2));
            playDown(file, offset);
            PieceOpening memory opening = openingOf(files[1], offset);
            vm.prank(CHALLENGER);
            judge.chargeHeader(challenge, game, claim, piece, uint64(offset), opening);
            assertConvicted();
            vm.revertToState(state);
        }
    }

    function test_InputsThatFitAFalseWeightLose() external {
        AggregateInputs memory inputs = inputsOf(5);
        inputs.weight += 1;
        play(5, weightAt(5), inputs);
        PieceOpening memory opening = openingOf(files[1], weightAt(5));
        vm.prank(CHALLENGER);
        judge.refuteParent(challenge, game, claim, inputs, true, opening);
        assertConvicted();
    }

    function test_InputsThatFitAFalseMomentumLose() external {
        uint256 coordinate = rule.parameters - 1;
        AggregateInputs memory inputs = inputsOf(coordinate);
        inputs.momentum += 1 << 14;
        play(coordinate, momentumAt(coordinate), inputs);
        PieceOpening memory opening = openingOf(files[1], momentumAt(coordinate));
        vm.prank(CHALLENGER);
        judge.refuteParent(challenge, game, claim, inputs, false, opening);
        assertConvicted();
    }

    function test_InputsThatFitAFalseTermLose() external {
        uint256 coordinate = 77;
        AggregateInputs memory inputs = inputsOf(coordinate);
        inputs.terms[4] = bytes1(uint8(inputs.terms[4]) ^ 0x03);
        play(coordinate, momentumAt(coordinate), inputs);
        AggregateTerm memory term = termOf(2, coordinate, true);
        vm.prank(CHALLENGER);
        judge.refuteTerm(challenge, game, claim, inputs, term);
        assertConvicted();
    }

    function test_InputsThatFitAFalseExponentLose() external {
        uint256 coordinate = 78;
        AggregateInputs memory inputs = inputsOf(coordinate);
        inputs.terms[1] = bytes1(uint8(inputs.terms[1]) + 1);
        play(coordinate, momentumAt(coordinate), inputs);
        AggregateTerm memory term = termOf(0, coordinate, false);
        vm.prank(CHALLENGER);
        judge.refuteTerm(challenge, game, claim, inputs, term);
        assertConvicted();
    }

    /// forge-config: default.fuzz.runs = 24
    function testFuzz_NoInputOfATrueVersionIsRefuted(uint256 drawn) external {
        uint256 coordinate = drawn % rule.parameters;
        AggregateInputs memory inputs = inputsOf(coordinate);
        play(coordinate, weightAt(coordinate), inputs);
        for (uint32 i = 0; i < 3; ++i) {
            refused(inputs, termOf(i, coordinate, true));
            refused(inputs, termOf(i, coordinate, false));
        }
        PieceOpening memory ofWeight = openingOf(files[1], weightAt(coordinate));
        PieceOpening memory ofMomentum = openingOf(files[1], momentumAt(coordinate));
        vm.startPrank(CHALLENGER);
        vm.expectRevert(IAggregateJudge.AggregateJudge_ChargeFails.selector);
        judge.refuteParent(challenge, game, claim, inputs, true, ofWeight);
        vm.expectRevert(IAggregateJudge.AggregateJudge_ChargeFails.selector);
        judge.refuteParent(challenge, game, claim, inputs, false, ofMomentum);
        vm.stopPrank();
        letTimePass();
        assertAcquitted();
    }

    function test_AFalseParentIsFollowedBack() external {
        bytes memory file = altered(files[1], files[1].length - 4);
        bytes memory parent = manifestFor(manifests[1], file);
        bytes memory manifest = manifestOf(manifests[2], sha256(parent));
        postAndChallenge(manifest);
        answer(answerOf(manifest, parent, 2));
        goBack();
        answer(answerOf(parent, manifests[0], 1));
        playDown(file, file.length - 4);
        nameInteger(weightAt(rule.parameters - 1));
        vm.expectRevert(
            abi.encodeWithSelector(IAggregateJudge.AggregateJudge_WrongStage.selector, AggregateStage.Inputs)
        );
        vm.prank(CHALLENGER);
        judge.goBack(challengeId, game, matter, claim);
        letTimePass();
        assertConvicted();
    }

    /// @dev Behind a judge of computation, as a task of the built-in policy names it.
    function test_AJudgeOfComputationPassesTheDisputeOn() external {
        RefereeShape memory shape = RefereeShape(14, 1, 8, 2, 12, 20);
        ToplocThresholds memory thresholds = ToplocThresholds(2, 500, 500);
        CanonicalSteps steps = new CanonicalSteps();
        vm.warp(START - 100);
        named = address(
            new CanonicalJudge(address(hub), address(steps), address(judge), shape, thresholds, CLOCK, GRACE)
        );
        opened();
        bytes memory file = altered(files[2], momentumAt(9));
        bytes memory manifest = manifestFor(manifests[2], file);
        postAndChallenge(manifest);
        assertEq(game.front, named);
        answer(answerOf(manifest, manifests[1], 2));
        playDown(file, momentumAt(9));
        nameInteger(momentumAt(9));
        showInputs(inputsOf(9));
        assertConvicted();
    }

    /// @dev The game in which the poster stands by a false integer with inputs that give it.
    function play(uint256 coordinate, uint256 start, AggregateInputs memory inputs) private {
        (int256 weight, int256 momentum) = OuterStep.next(rule, inputs);
        bool isWeight = start >= weightAt(0);
        bytes memory file = bytes.concat(files[2]);
        uint64 value = uint64(int64(isWeight ? weight : momentum));
        for (uint256 i = 0; i < (isWeight ? 4 : 8); ++i) {
            file[start + i] = bytes1(uint8(value >> (8 * i)));
        }
        bytes memory manifest = manifestFor(manifests[2], file);
        postAndChallenge(manifest);
        answer(answerOf(manifest, manifests[1], 2));
        playDown(file, start);
        nameInteger(start);
        showInputs(inputs);
        assertEq(uint256(game.stage), uint256(AggregateStage.Refutation));
        assertTrue(coordinate < rule.parameters);
    }

    function termOf(uint32 number, uint256 coordinate, bool isMantissa)
        private
        view
        returns (AggregateTerm memory)
    {
        bytes memory file = updates[WORKERS + number];
        uint256 blocks = (uint256(rule.parameters) + 31) / 32;
        uint256 start = file.length - 33 * blocks;
        uint256 place = isMantissa ? start + blocks + coordinate : start + coordinate / 32;
        return
            AggregateTerm(
                counted, number, isMantissa, updateManifests[WORKERS + number], openingOf(file, place)
            );
    }

    function refused(AggregateInputs memory inputs, AggregateTerm memory term) private {
        vm.expectRevert(IAggregateJudge.AggregateJudge_ChargeFails.selector);
        vm.prank(CHALLENGER);
        judge.refuteTerm(challenge, game, claim, inputs, term);
    }
}
