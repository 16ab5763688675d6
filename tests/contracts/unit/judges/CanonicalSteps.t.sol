// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {CanonicalJudgeTest} from "./CanonicalJudgeTest.sol";
import {ICanonicalGame} from "contracts/interfaces/ICanonicalGame.sol";
import {Merkle} from "contracts/libraries/Merkle.sol";
import {Pieces} from "contracts/libraries/Pieces.sol";
import {RefereeLayout} from "contracts/libraries/RefereeLayout.sol";
import {RefereeOpenings} from "contracts/libraries/RefereeOpenings.sol";
import {CanonicalChunk, CanonicalStage, CanonicalStep, RowOpening} from "contracts/types/CanonicalGame.sol";
import {RefereePart, RefereeRow} from "contracts/types/Referee.sol";

/// @notice See CanonicalSteps.tree. The last move before the judge, and what it asks `CanonicalSteps` beside any game.
contract CanonicalStepsTest is CanonicalJudgeTest {
    function test_RevertWhen_TheExecutedChunkIsAnother() external {
        beginWithALie(NARROW, RefereePart.FeedIn);
        advanceTo(CanonicalStage.Step);
        CanonicalChunk memory other = chunk;
        other.policyDigest = sha256(bytes("another version"));
        refuse(
            CHALLENGER,
            abi.encodeCall(judge.execute, (challenge, game, other, stepOf(11))),
            abi.encodeWithSelector(ICanonicalGame.CanonicalJudge_OtherSubject.selector, game.subject)
        );
    }

    function test_RevertWhen_TheExecutedBlockIsAnother() external {
        uint256 index = beginWithALie(NARROW, RefereePart.FeedIn);
        advanceTo(CanonicalStage.Step);
        CanonicalStep memory step = stepOf(11);
        step.data = rows[index];
        refuse(CHALLENGER, abi.encodeCall(judge.execute, (challenge, game, chunk, step)), notInDispute());
    }

    function test_RevertWhen_TheStepsRefuse() external {
        beginWithALie(NARROW, RefereePart.FeedIn);
        advanceTo(CanonicalStage.Step);
        CanonicalStep memory step = stepOf(11);
        delete step.sources;
        refuse(CHALLENGER, abi.encodeCall(judge.execute, (challenge, game, chunk, step)), wrongCount(0, 1));
    }

    function test_RevertWhen_TheEntryIsRight() external {
        beginWithALie(NARROW, RefereePart.FeedIn);
        advanceTo(CanonicalStage.Step);
        refuse(
            CHALLENGER,
            abi.encodeCall(judge.execute, (challenge, game, chunk, stepOf(10))),
            abi.encodeWithSelector(ICanonicalGame.CanonicalJudge_ChargeFails.selector)
        );
    }

    function test_ConvictsForAWrongEntry() external {
        beginWithALie(NARROW, RefereePart.FeedIn);
        advanceTo(CanonicalStage.Step);
        CanonicalStep memory step = stepOf(11);
        expectConviction();
        execute(step);
        assertConvicted();
    }

    function test_RevertWhen_TheBlockHasNoSuchEntry() external {
        // 216 entries: the last of four blocks has 24.
        goTo(WIDE, RefereePart.AttentionIn, 0, 192);
        CanonicalStep memory step = stepOf(0);
        step.entry = 24;
        refuseStep(step, abi.encodeWithSelector(ICanonicalGame.CanonicalJudge_OutOfRange.selector, 24, 24));
    }

    function test_ReadsThePromptsTokens() external {
        for (uint256 position = 0; position < 10; ++position) {
            goTo(NARROW, RefereePart.Embed, position, 0);
            assertFalse(isWrong(stepOf(0)));
        }
    }

    function test_ReadsTheCompletionsTokens() external {
        for (uint256 position = 10; position < 14; ++position) {
            goTo(NARROW, RefereePart.Embed, position, 0);
            assertFalse(isWrong(stepOf(0)));
        }
    }

    function test_RevertWhen_TheTokensAreOthers() external {
        goTo(NARROW, RefereePart.Embed, 13, 0);
        bytes memory reason =
            abi.encodeWithSelector(ICanonicalGame.CanonicalJudge_TokensNotProven.selector, 1);
        CanonicalStep memory step = stepOf(0);
        step.tokens[0] ^= 0x01;
        refuseStep(step, reason);
        step = stepOf(0);
        step.tokensProof[0] ^= bytes32(uint256(1));
        refuseStep(step, reason);
        // Of the chunk's two tokens the second is read.
        step = stepOf(0);
        step.tokens = new bytes(7);
        chunk.tokensRoot = Merkle.leaf(step.tokens);
        (chunk.numTokens, chunk.chunkTokens) = (4, 4);
        delete step.tokensProof;
        game.index = 11;
        refuseStep(step, abi.encodeWithSelector(ICanonicalGame.CanonicalJudge_TokensNotProven.selector, 0));
    }

    function test_ATokenOutsideTheVocabularyIsWrong() external {
        goTo(NARROW, RefereePart.Embed, 10, 0);
        CanonicalStep memory step = stepOf(0);
        (step.tokens, step.tokensProof) = (abi.encodePacked(shape.vocabulary, uint32(0)), new bytes32[](0));
        (chunk.tokensRoot, chunk.numTokens) = (Merkle.leaf(step.tokens), 2);
        delete step.weights;
        assertTrue(isWrong(step));
        // The last token of the vocabulary has a row of weights.
        step.tokens = abi.encodePacked(shape.vocabulary - 1, uint32(0));
        chunk.tokensRoot = Merkle.leaf(step.tokens);
        refuseStep(step, wrongCount(0, 2));
    }

    function test_RevertWhen_TheWeightsAreMoreOrFewer() external {
        goTo(NARROW, RefereePart.FinalNorm, 13, 5);
        CanonicalStep memory step = stepOf(5);
        (RowOpening[] memory fewer, RowOpening[] memory more) = otherCounts(step.weights);
        step.weights = fewer;
        refuseStep(step, wrongCount(1, 2));
        step.weights = more;
        refuseStep(step, wrongCount(3, 2));
        goTo(NARROW, RefereePart.FeedAdd, 13, 5);
        step = stepOf(5);
        step.weights = fewer;
        refuseStep(step, wrongCount(1, 0));
    }

    function test_RevertWhen_TheManifestTellsNoRoot() external {
        goTo(NARROW, RefereePart.FeedIn, 13, 5);
        CanonicalStep memory step = stepOf(5);
        refuseManifest(step, bytes.concat(manifest, " "), chunk.policyDigest);
        uint256 first = Pieces.HEAD_BYTES + 19;
        bytes memory short = new bytes(first + 64);
        for (uint256 i = 0; i < short.length; ++i) {
            short[i] = manifest[i];
        }
        refuseManifest(step, short, sha256(short));
        bytes memory long = bytes.concat(manifest, new bytes(1025 - manifest.length));
        refuseManifest(step, long, sha256(long));
        // A key that is spelt otherwise; digits that are none, on either side of each range; no end behind the last.
        refuseCharacter(step, Pieces.HEAD_BYTES, "[");
        refuseCharacter(step, first - 1, "'");
        refuseCharacter(step, first, "/");
        refuseCharacter(step, first + 1, ":");
        refuseCharacter(step, first + 62, "`");
        refuseCharacter(step, first + 63, "g");
        refuseCharacter(step, first + 63, "A");
        refuseCharacter(step, first + 64, "0");
        // As long as may be.
        long = bytes.concat(manifest, new bytes(1024 - manifest.length));
        (step.manifest, chunk.policyDigest) = (long, sha256(long));
        assertFalse(isWrong(step));
    }

    function test_RevertWhen_TheWeightsAreOthers() external {
        goTo(NARROW, RefereePart.FeedOut, 13, 5);
        uint256 row = RefereeLayout.weightRows(shape, rowInDispute(), 5, 0)[0];
        bytes memory reason =
            abi.encodeWithSelector(ICanonicalGame.CanonicalJudge_WeightsNotProven.selector, row);
        CanonicalStep memory step = stepOf(5);
        step.weights[0].data[3] ^= 0x01;
        refuseStep(step, reason);
        step = stepOf(5);
        step.weights[0].data = bytes.concat(step.weights[0].data, bytes4(0));
        refuseStep(step, reason);
        step = stepOf(5);
        step.weights[0].nodes = new bytes32[16][](0);
        refuseStep(step, reason);
        // True weights, of the row beside.
        CanonicalStep memory beside = stepOf(6);
        step = stepOf(5);
        step.weights = beside.weights;
        refuseStep(step, reason);
    }

    function test_RevertWhen_TheSourcesAreMoreOrFewer() external {
        goTo(NARROW, RefereePart.Mix, 13, 1);
        CanonicalStep memory step = stepOf(1);
        (RowOpening[] memory fewer, RowOpening[] memory more) = otherCounts(step.sources);
        step.sources = fewer;
        refuseStep(step, wrongCount(14, 15));
        step.sources = more;
        refuseStep(step, wrongCount(16, 15));
    }

    function test_RevertWhen_ASourceIsAnother() external {
        goTo(NARROW, RefereePart.Score, 13, 7);
        uint256[] memory numbers = RefereeLayout.sources(shape, traced, rowInDispute(), 7);
        for (uint256 i = 0; i < 2; ++i) {
            bytes memory reason =
                abi.encodeWithSelector(ICanonicalGame.CanonicalJudge_RowNotProven.selector, numbers[i]);
            CanonicalStep memory step = stepOf(7);
            step.sources[i].data[8] ^= 0x01;
            refuseStep(step, reason);
            step = stepOf(7);
            step.sources[i].data = bytes.concat(step.sources[i].data, bytes5(0));
            refuseStep(step, reason);
            step = stepOf(7);
            step.sources[i].nodes[2][15] = keccak256("no row is here");
            refuseStep(step, reason);
            // A true row, of another position.
            CanonicalStep memory beside = stepOf(8);
            step = stepOf(7);
            step.sources[i] = beside.sources[1];
            refuseStep(step, reason);
        }
    }

    /// @dev The row of this part at a position, and the block of this entry, as if the game had come there.
    function goTo(uint256 dispute, RefereePart part, uint256 position, uint256 column) private {
        if (rows.length == 0) toAnHonestAnswer(dispute);
        game.index = uint32(RefereeLayout.indexOf(shape, traced, RefereeRow(part, 0, 0, position)));
        game.part = uint32(column / RefereeOpenings.BLOCK_ENTRIES);
    }

    function refuseStep(CanonicalStep memory step, bytes memory reason) private {
        (bool success, bytes memory given) = ask(step);
        assertFalse(success);
        assertEq(keccak256(given), keccak256(reason));
    }

    function refuseManifest(CanonicalStep memory step, bytes memory shown, bytes32 digest) private {
        (step.manifest, chunk.policyDigest) = (shown, digest);
        refuseStep(step, abi.encodeWithSelector(ICanonicalGame.CanonicalJudge_ManifestNotProven.selector));
    }

    /// @dev A version whose manifest has another character there.
    function refuseCharacter(CanonicalStep memory step, uint256 place, bytes1 character) private {
        bytes memory other = manifest;
        other[place] = character;
        refuseManifest(step, other, sha256(other));
    }

    /// @dev All but the last, and the last once more.
    function otherCounts(RowOpening[] memory all)
        private
        pure
        returns (RowOpening[] memory fewer, RowOpening[] memory more)
    {
        (fewer, more) = (new RowOpening[](all.length - 1), new RowOpening[](all.length + 1));
        for (uint256 i = 0; i < more.length; ++i) {
            more[i] = all[i < all.length ? i : i - 1];
            if (i < fewer.length) fewer[i] = all[i];
        }
    }
}
