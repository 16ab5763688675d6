// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Traces} from "../../utils/Traces.sol";
import {CanonicalJudgeTest} from "./CanonicalJudgeTest.sol";
import {ICanonicalGame} from "contracts/interfaces/ICanonicalGame.sol";
import {RefereeLayout} from "contracts/libraries/RefereeLayout.sol";
import {RefereeOpenings} from "contracts/libraries/RefereeOpenings.sol";
import {Tree16} from "contracts/libraries/Tree16.sol";
import {CanonicalAnswer, CanonicalChunk, CanonicalStage} from "contracts/types/CanonicalGame.sol";
import {RefereePart, RefereeRow} from "contracts/types/Referee.sol";

/// @notice See CanonicalDescent.tree.
contract CanonicalDescentTest is CanonicalJudgeTest {
    function test_RevertWhen_TheChunkIsAnother() external {
        beginWithALie(NARROW, RefereePart.FeedIn);
        advanceTo(CanonicalStage.Charge);
        CanonicalChunk memory other = chunk;
        other.first += 1;
        refuse(
            CHALLENGER,
            abi.encodeCall(judge.descend, (challengeId, game, other)),
            abi.encodeWithSelector(ICanonicalGame.CanonicalJudge_OtherSubject.selector, game.subject)
        );
    }

    function test_DisputesTheRoot() external {
        // 336 rows stand under three levels.
        beginWithALie(NARROW, RefereePart.FeedIn);
        advanceTo(CanonicalStage.Node);
        assertEq(game.node, chunk.traceRoot);
        assertEq(game.level, 3);
        assertEq(game.index, 0);
    }

    function test_RevertWhen_TheNodesChildrenAreOthers() external {
        beginWithALie(NARROW, RefereePart.FeedIn);
        advanceTo(CanonicalStage.Node);
        bytes32[16] memory children = Traces.children(accusedLevels, 3, 0);
        children[0] ^= bytes32(uint256(1));
        refuse(NODE, abi.encodeCall(judge.openNode, (challengeId, game, children)), notInDispute());
    }

    function test_RevertWhen_AChildStandsAboveNoRow() external {
        prepare(NARROW);
        lie(0, 0);
        challengeBy(CHALLENGER);
        // Of 336 rows two children of the root stand above some.
        bytes32[16] memory children = Traces.children(ownLevels, 3, 0);
        children[15] = keccak256("a third");
        CanonicalAnswer memory given = honestAnswer(Tree16.node(children));
        answerAs(given);
        vm.prank(CHALLENGER);
        judge.descend(challengeId, game, chunk);
        (game.stage, game.node, game.level) = (CanonicalStage.Node, given.traceRoot, 3);
        refuse(
            NODE,
            abi.encodeCall(judge.openNode, (challengeId, game, children)),
            abi.encodeWithSelector(ICanonicalGame.CanonicalJudge_OutOfRange.selector, 15, 2)
        );
    }

    function test_OpensEveryNodeDownToARow() external {
        // The last row of all: to the last child at every level.
        uint256 index = beginWithALie(WIDE, RefereePart.FinalNorm);
        assertEq(index, rows.length - 1);
        advanceTo(CanonicalStage.Row);
        assertEq(game.index, index);
    }

    function test_RevertWhen_ThePickedChildrenAreOthers() external {
        beginWithALie(NARROW, RefereePart.FeedIn);
        advanceTo(CanonicalStage.Child);
        bytes32[16] memory children = Traces.children(ownLevels, 3, 0);
        refuse(CHALLENGER, abi.encodeCall(judge.pickChild, (challengeId, game, children, 0)), notInDispute());
    }

    function test_RevertWhen_ThereIsNoSuchChild() external {
        beginWithALie(NARROW, RefereePart.FeedIn);
        advanceTo(CanonicalStage.Child);
        bytes32[16] memory children = Traces.children(accusedLevels, 3, 0);
        for (uint32 child = 2; child < 18; ++child) {
            refuse(
                CHALLENGER,
                abi.encodeCall(judge.pickChild, (challengeId, game, children, child)),
                abi.encodeWithSelector(ICanonicalGame.CanonicalJudge_OutOfRange.selector, child, 2)
            );
        }
    }

    function test_GoesOnWithANode() external {
        beginWithALie(NARROW, RefereePart.FinalNorm);
        advanceTo(CanonicalStage.Child);
        pickChild(1);
        assertEq(uint256(game.stage), uint256(CanonicalStage.Node));
        assertEq(game.level, 2);
        assertEq(game.index, 1);
    }

    function test_GoesOnWithARow() external {
        uint256 index = beginWithALie(NARROW, RefereePart.FeedIn);
        advanceTo(CanonicalStage.Row);
        assertEq(game.level, 0);
        assertEq(game.index, index);
    }

    function test_RevertWhen_TheBlocksAreNoneOrTooMany() external {
        beginWithALie(NARROW, RefereePart.FeedIn);
        advanceTo(CanonicalStage.Row);
        for (uint256 blocks = 0; blocks <= 17; blocks += 17) {
            refuse(
                NODE,
                abi.encodeCall(judge.openRow, (challenge, game, 2, 12, new bytes32[](blocks))),
                abi.encodeWithSelector(ICanonicalGame.CanonicalJudge_OutOfRange.selector, blocks, 16)
            );
        }
    }

    function test_RevertWhen_TheRowIsAnother() external {
        uint256 index = beginWithALie(NARROW, RefereePart.FeedIn);
        advanceTo(CanonicalStage.Row);
        bytes32[] memory blocks = Traces.blockHashes(rows[index], 5);
        refuse(NODE, abi.encodeCall(judge.openRow, (challenge, game, 3, 12, blocks)), notInDispute());
    }

    function test_ConvictsForAnotherOperator() external {
        convictsAtTheRow(RefereeLayout.kind(RefereePart.FeedRelu), 12);
    }

    function test_ConvictsForAnotherLength() external {
        convictsAtTheRow(RefereeLayout.kind(RefereePart.FeedIn), 11);
    }

    function test_RevertWhen_TheBlocksAreTooMany() external {
        bytes32[] memory blocks = new bytes32[](2);
        uint8 kind = RefereeLayout.kind(RefereePart.FeedIn);
        toALeaf(NARROW, RefereePart.FeedIn, Tree16.row(kind, 12, RefereeOpenings.rootOf(blocks)));
        refuse(NODE, abi.encodeCall(judge.openRow, (challenge, game, kind, 12, blocks)), wrongCount(2, 1));
    }

    function test_GoesOnWithTheOnlyBlock() external {
        uint256 index = beginWithALie(NARROW, RefereePart.FeedIn);
        advanceTo(CanonicalStage.Row);
        openRow();
        assertEq(uint256(game.stage), uint256(CanonicalStage.Block));
        assertEq(game.node, Tree16.leaf(accusedRows[index]));
        assertEq(game.part, 0);
    }

    function test_GoesOnWithAChoice() external {
        beginWithALie(WIDE, RefereePart.AttentionIn);
        advanceTo(CanonicalStage.Row);
        openRow();
        assertEq(uint256(game.stage), uint256(CanonicalStage.BlockChoice));
    }

    function test_RevertWhen_TheBlocksAreFewer() external {
        beginWithALie(WIDE, RefereePart.AttentionIn);
        advanceTo(CanonicalStage.BlockChoice);
        // 216 entries are four blocks.
        for (uint256 blocks = 3; blocks <= 5; blocks += 2) {
            refuse(
                CHALLENGER,
                abi.encodeCall(judge.pickBlock, (challengeId, game, new bytes32[](blocks), 0)),
                wrongCount(blocks, 4)
            );
        }
    }

    function test_RevertWhen_TheBlocksAreOthers() external {
        uint256 index = beginWithALie(WIDE, RefereePart.AttentionIn);
        advanceTo(CanonicalStage.BlockChoice);
        bytes32[] memory blocks = Traces.blockHashes(rows[index], 5);
        refuse(CHALLENGER, abi.encodeCall(judge.pickBlock, (challengeId, game, blocks, 3)), notInDispute());
    }

    function test_RevertWhen_ThereIsNoSuchBlock() external {
        uint256 index = beginWithALie(WIDE, RefereePart.AttentionIn);
        advanceTo(CanonicalStage.BlockChoice);
        bytes32[] memory blocks = Traces.blockHashes(accusedRows[index], 5);
        refuse(
            CHALLENGER,
            abi.encodeCall(judge.pickBlock, (challengeId, game, blocks, 4)),
            abi.encodeWithSelector(ICanonicalGame.CanonicalJudge_OutOfRange.selector, 4, 4)
        );
    }

    function test_GoesOnWithTheBlock() external {
        beginWithALie(WIDE, RefereePart.AttentionIn);
        advanceTo(CanonicalStage.BlockChoice);
        pickBlock();
        assertEq(uint256(game.stage), uint256(CanonicalStage.Block));
        assertEq(game.part, 3);
    }

    function test_RevertWhen_TheBlockIsAnother() external {
        uint256 index = beginWithALie(NARROW, RefereePart.FeedIn);
        advanceTo(CanonicalStage.Block);
        refuse(NODE, abi.encodeCall(judge.openBlock, (challenge, game, rows[index])), notInDispute());
    }

    function test_ConvictsForABlockOfAnotherLength() external {
        uint8 kind = RefereeLayout.kind(RefereePart.FeedIn);
        bytes memory data = new bytes(5 * 12 - 1);
        uint256 index = toALeaf(NARROW, RefereePart.FeedIn, Tree16.row(kind, 12, Tree16.leaf(data)));
        bytes32[] memory blocks = new bytes32[](1);
        blocks[0] = Tree16.leaf(data);
        vm.prank(NODE);
        judge.openRow(challenge, game, kind, 12, blocks);
        (game.stage, game.node) = (CanonicalStage.Block, blocks[0]);
        assertKept();
        assertEq(game.index, index);
        expectConviction();
        vm.prank(NODE);
        judge.openBlock(challenge, game, data);
        assertConvicted();
    }

    function test_GoesOnWithAStep() external {
        // Statistics: 16 bytes each.
        beginWithALie(NARROW, RefereePart.FinalMoments);
        advanceTo(CanonicalStage.Step);
        assertEq(uint256(game.stage), uint256(CanonicalStage.Step));
    }

    /// @dev The accused's leaf of a row of `FeedIn` says another operator or length, and it shows it.
    function convictsAtTheRow(uint8 kind, uint32 length) private {
        bytes32[] memory blocks = new bytes32[](1);
        toALeaf(NARROW, RefereePart.FeedIn, Tree16.row(kind, length, blocks[0]));
        expectConviction();
        vm.prank(NODE);
        judge.openRow(challenge, game, kind, length, blocks);
        assertConvicted();
    }

    /// @dev Down to the row of this part at the last position, whose leaf is the accused's own invention.
    function toALeaf(uint256 dispute, RefereePart part, bytes32 leafHash) private returns (uint256 index) {
        prepare(dispute);
        index = RefereeLayout.indexOf(shape, traced, RefereeRow(part, 0, 0, traced - 1));
        lie(index, 0);
        lieAboutTheLeaf(index, leafHash);
        challengeBy(CHALLENGER);
        advanceTo(CanonicalStage.Row);
        assertEq(game.index, index);
    }
}
