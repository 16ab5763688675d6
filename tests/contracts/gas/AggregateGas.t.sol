// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AggregateCourtroom} from "../integration/AggregateCourtroom.sol";
import {OuterStep} from "contracts/libraries/OuterStep.sol";
import {AggregateInputs, AggregateTerm, PieceOpening} from "contracts/types/AggregateGame.sol";

/// @title Gas of a dispute about a posted version: three updates, a checkpoint of five pieces
/// @notice Each move is a transaction of its own, with its calldata. A whole dispute is the challenge and all moves of both
/// sides, the slash included.
/// forge-config: default.isolate = true
contract AggregateGasTest is AggregateCourtroom {
    uint256 private _used;

    function setUp() external {
        prepare();
    }

    function test_AFalseIntegerWithTrueInputs() external {
        bytes memory file = altered(files[2], weightAt(40));
        bytes memory manifest = manifestFor(manifests[2], file);
        postAndChallenge(manifest);
        answer(answerOf(manifest, manifests[1], 2));
        playDown(file, weightAt(40));
        nameInteger(weightAt(40));
        showInputs(inputsOf(40));
        assertConvicted();
        vm.snapshotValue("AggregateJudge", "true inputs, whole dispute", _used);
    }

    function test_AFalseIntegerWithAFalseTerm() external {
        AggregateInputs memory inputs = inputsOf(77);
        inputs.terms[4] = bytes1(uint8(inputs.terms[4]) ^ 0x03);
        (, int256 momentum) = OuterStep.next(rule, inputs);
        bytes memory file = bytes.concat(files[2]);
        for (uint256 i = 0; i < 8; ++i) {
            file[momentumAt(77) + i] = bytes1(uint8(uint64(int64(momentum)) >> (8 * i)));
        }
        bytes memory manifest = manifestFor(manifests[2], file);
        postAndChallenge(manifest);
        answer(answerOf(manifest, manifests[1], 2));
        playDown(file, momentumAt(77));
        nameInteger(momentumAt(77));
        showInputs(inputs);
        bytes memory update = updates[WORKERS + 2];
        uint256 place = update.length - 32 * ((uint256(rule.parameters) + 31) / 32) + 77;
        PieceOpening memory opening = openingOf(update, place);
        AggregateTerm memory term = AggregateTerm(counted, 2, true, updateManifests[WORKERS + 2], opening);
        vm.prank(CHALLENGER);
        judge.refuteTerm(challenge, game, claim, inputs, term);
        count("refute a term");
        assertConvicted();
        vm.snapshotValue("AggregateJudge", "a false term, whole dispute", _used);
    }

    function count(string memory move) internal override {
        uint256 used = vm.lastCallGas().gasTotalUsed;
        _used += used;
        vm.snapshotValue("AggregateJudge", move, used);
    }
}
