// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Traces} from "../utils/Traces.sol";
import {CanonicalPlay} from "./CanonicalPlay.sol";
import {ICanonicalGame} from "contracts/interfaces/ICanonicalGame.sol";
import {CanonicalJudge} from "contracts/judges/CanonicalJudge.sol";
import {RefereeLayout} from "contracts/libraries/RefereeLayout.sol";
import {
    CanonicalAnswer,
    CanonicalGame,
    CanonicalStage,
    CanonicalStep,
    RowOpening
} from "contracts/types/CanonicalGame.sol";
import {Challenge, ChallengeStatus} from "contracts/types/Challenge.sol";
import {RefereePart, RefereeRow, RefereeShape} from "contracts/types/Referee.sol";
import {ToplocThresholds} from "contracts/types/Toploc.sol";

/// @notice Before the real hub: one honest challenger convicts whoever lies about any operator, nobody convicts an honest
/// node, and whoever is silent loses.
contract CanonicalTrialsTest is CanonicalPlay {
    address internal constant OTHER = address(0xD00D);

    function setUp() external {
        prepare(0);
    }

    function test_ALieAboutAnyOperatorConvicts() external {
        for (uint8 part = 0; part <= uint8(type(RefereePart).max); ++part) {
            uint256 state = vm.snapshotState();
            this.convict(RefereeRow(RefereePart(part), 0, 0, traced - 1));
            vm.revertToState(state);
        }
    }

    function test_ALieAboutThePromptsEmbeddingConvicts() external {
        this.convict(RefereeRow(RefereePart.Embed, 0, 0, 3));
    }

    function test_NoEntryOfAnHonestRowConvicts() external {
        for (uint8 part = 0; part <= uint8(type(RefereePart).max); ++part) {
            uint256 state = vm.snapshotState();
            this.chargeFalsely(RefereeRow(RefereePart(part), 0, isOfHead(part), traced - 1));
            vm.revertToState(state);
        }
    }

    function test_ALateChallengerPaysTheHonestAccused() external {
        begin();
        answerAs(honestAnswer(Traces.root(accusedLevels)));
        vm.warp(block.timestamp + CLOCK - 1);
        vm.expectRevert(
            abi.encodeWithSelector(ICanonicalGame.CanonicalJudge_TimeLeft.selector, block.timestamp + 1)
        );
        judge.timeOut(challenge, game);
        vm.warp(block.timestamp + 1);
        vm.expectRevert(
            abi.encodeWithSelector(ICanonicalGame.CanonicalJudge_TooLate.selector, block.timestamp)
        );
        vm.prank(CHALLENGER);
        judge.descend(challengeId, game, chunk);
        judge.timeOut(challenge, game);
        assertAcquitted();
    }

    function test_ASilentAccusedIsConvicted() external {
        begin();
        vm.warp(block.timestamp + CLOCK);
        judge.timeOut(challenge, game);
        assertConvicted();
    }

    /// @notice Who has used up its clock still has the grace for each move, to its last second.
    function test_AMoveInTheLastSecondCounts() external {
        begin();
        vm.warp(block.timestamp + CLOCK - 1);
        CanonicalAnswer memory given = honestAnswer(Traces.root(accusedLevels));
        vm.prank(NODE);
        judge.answer(challenge, game, matter, given);
        (game.accusedSeconds, game.movedAt) = (1, uint40(block.timestamp));
        noteAnswer(given);
        descend();
        vm.warp(block.timestamp + GRACE - 1);
        bytes32[16] memory children = Traces.children(accusedLevels, game.level, 0);
        vm.prank(NODE);
        judge.openNode(challengeId, game, children);
        (game.accusedSeconds, game.movedAt) = (0, uint40(block.timestamp));
        game.stage = CanonicalStage.Child;
        assertKept();
    }

    function test_ARefusedProofConvictsAtOnce() external {
        begin();
        // Every activation four times as large: the list is in order, and the proof is not of these.
        for (uint256 point = 0; point < 16; ++point) {
            support[4 * point] = bytes1(uint8(support[4 * point]) + 1);
        }
        CanonicalAnswer memory given = honestAnswer(Traces.root(accusedLevels));
        vm.prank(NODE);
        judge.answer(challenge, game, matter, given);
        assertConvicted();
    }

    /// @notice The proof stands, and the list shows another pattern than the trace.
    function test_AListUnlikeTheTraceConvicts() external {
        begin();
        // The mantissa's last bit: within every threshold.
        support[1] ^= 0x01;
        answerAs(honestAnswer(Traces.root(accusedLevels)));
        vm.prank(CHALLENGER);
        judge.chargeUnlike(challenge, game, chunk, support, 0, finalRow(uint8(support[3])));
        assertConvicted();
    }

    function test_NoPointOfAnHonestListConvicts() external {
        begin();
        answerAs(honestAnswer(Traces.root(accusedLevels)));
        for (uint256 point = 0; point < 16; ++point) {
            uint256 element = uint8(support[4 * point + 3]);
            RowOpening memory opening = finalRow(element);
            vm.expectRevert(ICanonicalGame.CanonicalJudge_ChargeFails.selector);
            vm.prank(CHALLENGER);
            judge.chargeUnlike(challenge, game, chunk, support, point, opening);
            vm.expectRevert(ICanonicalGame.CanonicalJudge_ChargeFails.selector);
            vm.prank(CHALLENGER);
            judge.chargeOmitted(challenge, game, chunk, support, element, opening);
        }
    }

    function test_NobodyMovesForAnother() external {
        begin();
        CanonicalAnswer memory given = honestAnswer(Traces.root(accusedLevels));
        vm.expectRevert(
            abi.encodeWithSelector(ICanonicalGame.CanonicalJudge_NotMover.selector, CHALLENGER, NODE)
        );
        vm.prank(CHALLENGER);
        judge.answer(challenge, game, matter, given);
        answerAs(given);
        vm.expectRevert(
            abi.encodeWithSelector(ICanonicalGame.CanonicalJudge_NotMover.selector, NODE, CHALLENGER)
        );
        vm.prank(NODE);
        judge.descend(challengeId, game, chunk);
    }

    function test_AMoveOfAnotherStageOrGameReverts() external {
        begin();
        answerAs(honestAnswer(Traces.root(accusedLevels)));
        bytes32[16] memory children = Traces.children(accusedLevels, 1, 0);
        vm.expectRevert(
            abi.encodeWithSelector(ICanonicalGame.CanonicalJudge_WrongStage.selector, CanonicalStage.Charge)
        );
        vm.prank(NODE);
        judge.openNode(challengeId, game, children);
        descend();
        vm.expectRevert(
            abi.encodeWithSelector(ICanonicalGame.CanonicalJudge_NotInDispute.selector, game.node)
        );
        vm.prank(NODE);
        judge.openNode(challengeId, game, children);
        ++game.level;
        vm.expectRevert(
            abi.encodeWithSelector(ICanonicalGame.CanonicalJudge_GameUnknown.selector, challengeId)
        );
        vm.prank(NODE);
        judge.openNode(challengeId, game, children);
    }

    /// @notice One gives up and pays; the other, at the same commitment, convicts.
    function test_ChallengersPlaySideBySide() external {
        fund(OTHER, BOND);
        lie(RefereeLayout.indexOf(shape, traced, RefereeRow(RefereePart.FeedIn, 0, 0, 2)), 0);
        challengeBy(OTHER);
        answerAs(honestAnswer(Traces.root(accusedLevels)));
        (Challenge memory others, CanonicalGame memory othersGame) = (challenge, game);
        challengeBy(CHALLENGER);
        playDown();
        execute(stepOf(0));
        assertConvicted();
        vm.prank(OTHER);
        hub.expire(others);
        assertEq(uint256(hub.challengeStatus(hub.challengeIdOf(others))), uint256(ChallengeStatus.Moot));
        assertEq(hub.credit(address(token), OTHER), BOND);
        assertEq(judge.gameHash(hub.challengeIdOf(others)), keccak256(abi.encode(othersGame)));
    }

    function test_AJudgeNeedsTheStepsItWasWrittenWith() external {
        ToplocThresholds memory thresholds = judge.thresholds();
        vm.expectRevert(ICanonicalGame.CanonicalJudge_BadTerms.selector);
        new CanonicalJudge(address(hub), address(rule), address(0), shape, thresholds, CLOCK, GRACE);
    }

    function test_AJudgeRefusesAStepThatNoTransactionHolds() external {
        ToplocThresholds memory thresholds = judge.thresholds();
        RefereeShape memory long = shape;
        long.positions = 48;
        new CanonicalJudge(address(hub), address(steps), address(0), long, thresholds, CLOCK, GRACE);
        long.positions = 256;
        vm.expectRevert(ICanonicalGame.CanonicalJudge_BadTerms.selector);
        new CanonicalJudge(address(hub), address(steps), address(0), long, thresholds, CLOCK, GRACE);
    }

    function convict(RefereeRow calldata row) external {
        uint256 last = RefereeLayout.length(shape, row) - 1;
        lie(RefereeLayout.indexOf(shape, traced, row), last);
        challengeBy(CHALLENGER);
        playDown();
        execute(stepOf(last % 64));
        assertConvicted();
    }

    /// @dev The challenger descends an honest trace to the row, and charges each of its entries.
    function chargeFalsely(RefereeRow calldata row) external {
        uint256 index = RefereeLayout.indexOf(shape, traced, row);
        lie(index, 0);
        // Swapped, the accused is honest and the challenger's own trace is the false one.
        bytes32[][] memory honest = ownLevels;
        ownLevels = accusedLevels;
        accusedLevels = honest;
        accusedRows = rows;
        challengeBy(CHALLENGER);
        playDown();
        for (uint256 entry_ = 0; entry_ < RefereeLayout.length(shape, row); ++entry_) {
            CanonicalStep memory step = stepOf(entry_);
            vm.expectRevert(ICanonicalGame.CanonicalJudge_ChargeFails.selector);
            vm.prank(CHALLENGER);
            judge.execute(challenge, game, chunk, step);
        }
        vm.warp(block.timestamp + CLOCK);
        judge.timeOut(challenge, game);
        assertAcquitted();
    }

    function begin() private {
        lie(0, 0);
        accusedRows = rows;
        accusedLevels = ownLevels;
        challengeBy(CHALLENGER);
    }

    function finalRow(uint256 element) private view returns (RowOpening memory) {
        uint256 position = chunk.first + element / shape.width;
        RefereeRow memory row = RefereeRow(RefereePart.FinalNorm, 0, 0, position);
        uint256 index = RefereeLayout.indexOf(shape, traced, row);
        return Traces.opening(accusedLevels, index, accusedRows[index]);
    }

    function isOfHead(uint8 part) private pure returns (uint256) {
        bool isAttention = part >= uint8(RefereePart.Score) && part <= uint8(RefereePart.Mix);
        return isAttention ? 1 : 0;
    }
}
