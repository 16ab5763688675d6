// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Traces} from "../../utils/Traces.sol";
import {CanonicalJudgeTest} from "./CanonicalJudgeTest.sol";
import {ICanonicalGame} from "contracts/interfaces/ICanonicalGame.sol";
import {ICanonicalJudge} from "contracts/interfaces/ICanonicalJudge.sol";
import {IJudge} from "contracts/interfaces/IJudge.sol";
import {IPromptRule} from "contracts/interfaces/IPromptRule.sol";
import {CanonicalAnswer, CanonicalMatter, CanonicalStage} from "contracts/types/CanonicalGame.sol";
import {ToplocReason} from "contracts/types/Toploc.sol";

/// @title A rule with other prompts
contract OtherPrompts is IPromptRule {
    /// @inheritdoc IPromptRule
    /// @dev 17 tokens, with five of the completion one more than the policy reads.
    function prompt(uint32) external pure returns (uint32[] memory) {
        return new uint32[](17);
    }
}

/// @notice See CanonicalAnswer.tree.
contract CanonicalAnswerTest is CanonicalJudgeTest {
    function test_RevertWhen_TheMatterIsAnother() external {
        begin(NARROW);
        CanonicalMatter memory other = matter;
        other.topk += 1;
        refuse(
            NODE,
            abi.encodeCall(judge.answer, (challenge, game, other, honest())),
            abi.encodeWithSelector(ICanonicalGame.CanonicalJudge_OtherSubject.selector, game.subject)
        );
    }

    function test_RevertWhen_TheLeafIsAnother() external {
        begin(NARROW);
        CanonicalAnswer memory given = honest();
        given.leaf.reward ^= 1;
        refuseAnswer(given, abi.encodeWithSelector(ICanonicalGame.CanonicalJudge_LeafNotProven.selector));
        given = honest();
        given.leafProof[0] ^= bytes32(uint256(1));
        refuseAnswer(given, abi.encodeWithSelector(ICanonicalGame.CanonicalJudge_LeafNotProven.selector));
    }

    function test_AcquitsWhereThereIsNoSuchChunk() external {
        prepare(SHORT);
        lie(0, 0);
        chunkIndex = 1;
        challengeBy(CHALLENGER);
        CanonicalAnswer memory given = honest();
        (given.proof, given.support, given.traceRoot) = ("", "", 0);
        delete given.proofSiblings;
        vm.expectEmit(address(judge));
        emit ICanonicalGame.GameEnded(challengeId, IJudge.Verdict.NotGuilty, CanonicalStage.Answer, false);
        vm.prank(NODE);
        judge.answer(challenge, game, matter, given);
        assertAcquitted();
    }

    function test_RevertWhen_TheProofIsAnother() external {
        begin(NARROW);
        bytes memory reason = abi.encodeWithSelector(ICanonicalJudge.CanonicalJudge_ProofNotProven.selector);
        CanonicalAnswer memory given = honest();
        given.proof[9] ^= 0x01;
        refuseAnswer(given, reason);
        given = honest();
        given.proofSiblings = new bytes32[](0);
        refuseAnswer(given, reason);
    }

    function test_RevertWhen_TheRuleTellsNoPrompt() external {
        begin(NARROW);
        bytes memory reason = abi.encodeWithSelector(
            ICanonicalGame.CanonicalJudge_NoPrompt.selector, address(rule), leaf.problem
        );
        // It fails; it answers with nothing; it answers with a word that is no list.
        bytes[3] memory codes = [bytes(hex"fe"), hex"00", hex"60205ff3"];
        for (uint256 i = 0; i < codes.length; ++i) {
            vm.etch(address(rule), codes[i]);
            refuseAnswer(honest(), reason);
        }
    }

    function test_RevertWhen_TheSequenceIsTooLong() external {
        begin(NARROW);
        vm.etch(address(rule), address(new OtherPrompts()).code);
        refuseAnswer(
            honest(), abi.encodeWithSelector(ICanonicalGame.CanonicalJudge_SequenceTooLong.selector, 21, 20)
        );
    }

    function test_ConvictsForARefusedProof() external {
        begin(NARROW);
        // Every activation four times as large: the list is in order, and the proof is not of these.
        for (uint256 point = 0; point < 16; ++point) {
            support[4 * point] = bytes1(uint8(support[4 * point]) + 1);
        }
        CanonicalAnswer memory given = honest();
        vm.expectEmit(address(judge));
        emit ICanonicalJudge.ProofRefused(challengeId, ToplocReason.Exponent);
        vm.prank(NODE);
        judge.answer(challenge, game, matter, given);
        assertConvicted();
    }

    function test_FixesAWholeChunk() external {
        begin(NARROW);
        answerAs(honest());
        assertEq(chunk.elements, 2 * shape.width);
        assertEq(game.tokens, 14);
        // The state at the end of the prompt sampled the first token.
        assertEq(chunk.first, 10 - 1 + 2);
    }

    function test_FixesAShortChunk() external {
        begin(WIDE);
        answerAs(honest());
        assertEq(chunk.elements, shape.width);
        assertEq(chunk.first, 10 - 1 + 4);
    }

    function honest() private view returns (CanonicalAnswer memory) {
        return honestAnswer(Traces.root(ownLevels));
    }

    function refuseAnswer(CanonicalAnswer memory given, bytes memory reason) private {
        refuse(NODE, abi.encodeCall(judge.answer, (challenge, game, matter, given)), reason);
    }
}
