// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Traces} from "../../utils/Traces.sol";
import {CanonicalJudgeTest} from "./CanonicalJudgeTest.sol";
import {ICanonicalGame} from "contracts/interfaces/ICanonicalGame.sol";
import {IJudge} from "contracts/interfaces/IJudge.sol";
import {
    CanonicalAnswer,
    CanonicalGame,
    CanonicalStage,
    CanonicalStep,
    RowOpening
} from "contracts/types/CanonicalGame.sol";
import {RefereePart} from "contracts/types/Referee.sol";

/// @notice See CanonicalMoves.tree. One game through all stages; at each of them every move is tried.
contract CanonicalMovesTest is CanonicalJudgeTest {
    uint256 internal constant MOVES = 10;
    /// @dev Bit s: the game has been at stage s.
    uint256 internal seen;

    function setUp() external {
        beginWithALie(WIDE, RefereePart.AttentionIn);
    }

    function test_RevertWhen_TheStageIsAnother() external {
        for (bool isOn = true; isOn; isOn = goesOn()) {
            refuseOtherStages();
        }
    }

    function test_RevertWhen_AnotherMoves() external {
        for (bool isOn = true; isOn; isOn = goesOn()) {
            refuseOtherMovers();
        }
    }

    function test_RevertWhen_TheTimeIsUp() external {
        for (bool isOn = true; isOn; isOn = goesOn()) {
            refuseLateMoves();
        }
    }

    function test_RevertWhen_TheGameIsAnother() external {
        for (bool isOn = true; isOn; isOn = goesOn()) {
            refuseOtherGames();
        }
    }

    function test_RevertWhen_AnotherGameIsTimedOut() external {
        vm.warp(judge.deadlineOf(game));
        for (uint256 field = 0; field < 12; ++field) {
            refuse(CREATOR, abi.encodeCall(judge.timeOut, (challenge, altered(field))), unknown());
        }
    }

    function test_RevertWhen_TheGameIsOver() external {
        advanceTo(CanonicalStage.Step);
        execute(stepOf(uint256(3 * shape.width - 1) % 64));
        assertConvicted();
        refuseAll(game.challenger, unknown());
        refuse(CREATOR, abi.encodeCall(judge.timeOut, (challenge, game)), unknown());
    }

    function test_RevertWhen_TimeIsLeft() external {
        for (bool isOn = true; isOn; isOn = goesOn()) {
            refuseAnEarlyEnd();
        }
    }

    function test_SilenceLosesAtEveryStage() external {
        for (bool isOn = true; isOn; isOn = goesOn()) {
            endForSilence();
        }
    }

    function test_AMoveRunsItsMoversClockDown() external {
        vm.warp(block.timestamp + 250);
        CanonicalAnswer memory given = honestAnswer(Traces.root(accusedLevels));
        vm.prank(NODE);
        judge.answer(challenge, game, matter, given);
        (game.accusedSeconds, game.movedAt) = (CLOCK - 250, uint40(block.timestamp));
        noteAnswer(given);
        assertEq(judge.deadlineOf(game), block.timestamp + CLOCK);

        vm.warp(block.timestamp + 77);
        vm.prank(CHALLENGER);
        judge.descend(challengeId, game, chunk);
        (game.challengerSeconds, game.movedAt) = (CLOCK - 77, uint40(block.timestamp));
        (game.stage, game.node, game.level) = (CanonicalStage.Node, chunk.traceRoot, 3);
        assertKept();
        assertEq(judge.deadlineOf(game), block.timestamp + CLOCK - 250);
    }

    function test_AClockStopsAtZero() external {
        advanceTo(CanonicalStage.Charge);
        vm.warp(block.timestamp + CLOCK - 1);
        vm.prank(CHALLENGER);
        judge.descend(challengeId, game, chunk);
        (game.challengerSeconds, game.movedAt) = (1, uint40(block.timestamp));
        (game.stage, game.node, game.level) = (CanonicalStage.Node, chunk.traceRoot, 3);
        openNode();

        // Of a clock of one second a move takes the whole grace but for one.
        assertEq(judge.deadlineOf(game), block.timestamp + GRACE);
        vm.warp(block.timestamp + GRACE - 1);
        uint32 child = firstDifference();
        bytes32[16] memory children = Traces.children(accusedLevels, game.level, game.index);
        vm.prank(CHALLENGER);
        judge.pickChild(challengeId, game, children, child);
        (game.challengerSeconds, game.movedAt) = (0, uint40(block.timestamp));
        (game.stage, game.node, game.level, game.index) = (CanonicalStage.Node, children[child], 2, child);
        assertKept();
    }

    /// @dev The next move, if one is left; all stages have been seen in the end.
    function goesOn() private returns (bool) {
        seen |= 1 << uint8(game.stage);
        if (game.stage == CanonicalStage.Step) {
            assertEq(seen, 2 ** (uint256(uint8(type(CanonicalStage).max)) + 1) - 1);
            return false;
        }
        advance();
        return true;
    }

    function refuseOtherStages() private {
        (bytes[] memory calls, CanonicalStage[] memory stages) = moves(game);
        bytes memory reason =
            abi.encodeWithSelector(ICanonicalGame.CanonicalJudge_WrongStage.selector, game.stage);
        for (uint256 i = 0; i < MOVES; ++i) {
            if (stages[i] == game.stage) continue;
            refuse(game.accused, calls[i], reason);
            refuse(game.challenger, calls[i], reason);
        }
    }

    function refuseOtherMovers() private {
        (bytes[] memory calls, CanonicalStage[] memory stages) = moves(game);
        address[3] memory others = [CREATOR, address(hub), isChallengers() ? NODE : CHALLENGER];
        for (uint256 i = 0; i < MOVES; ++i) {
            for (uint256 j = 0; stages[i] == game.stage && j < others.length; ++j) {
                bytes memory reason = abi.encodeWithSelector(
                    ICanonicalGame.CanonicalJudge_NotMover.selector, others[j], mover()
                );
                refuse(others[j], calls[i], reason);
            }
        }
    }

    function refuseLateMoves() private {
        uint256 state = vm.snapshotState();
        (bytes[] memory calls, CanonicalStage[] memory stages) = moves(game);
        uint256 deadline = judge.deadlineOf(game);
        vm.warp(deadline);
        for (uint256 i = 0; i < MOVES; ++i) {
            if (stages[i] != game.stage) continue;
            refuse(
                mover(),
                calls[i],
                abi.encodeWithSelector(ICanonicalGame.CanonicalJudge_TooLate.selector, deadline)
            );
        }
        vm.revertToState(state);
    }

    function refuseOtherGames() private {
        for (uint256 field = 0; field < 12; ++field) {
            CanonicalGame memory other = altered(field);
            (bytes[] memory calls,) = moves(other);
            for (uint256 i = 0; i < MOVES; ++i) {
                refuse(mover(), calls[i], unknown());
            }
        }
    }

    function refuseAnEarlyEnd() private {
        uint256 state = vm.snapshotState();
        uint256 deadline = judge.deadlineOf(game);
        vm.warp(deadline - 1);
        refuse(
            CREATOR,
            abi.encodeCall(judge.timeOut, (challenge, game)),
            abi.encodeWithSelector(ICanonicalGame.CanonicalJudge_TimeLeft.selector, deadline)
        );
        vm.revertToState(state);
    }

    function endForSilence() private {
        uint256 state = vm.snapshotState();
        vm.warp(judge.deadlineOf(game));
        IJudge.Verdict ending = isChallengers() ? IJudge.Verdict.NotGuilty : IJudge.Verdict.Guilty;
        vm.expectEmit(address(judge));
        emit ICanonicalGame.GameEnded(challengeId, ending, game.stage, true);
        vm.prank(CREATOR);
        judge.timeOut(challenge, game);
        if (isChallengers()) assertAcquitted();
        else assertConvicted();
        vm.revertToState(state);
    }

    function refuseAll(address caller, bytes memory reason) private {
        (bytes[] memory calls,) = moves(game);
        for (uint256 i = 0; i < MOVES; ++i) {
            refuse(caller, calls[i], reason);
        }
    }

    /// @dev Every move, about `shown`. What else they show does not matter before it is known whose turn it is.
    function moves(CanonicalGame memory shown)
        private
        view
        returns (bytes[] memory calls, CanonicalStage[] memory stages)
    {
        (calls, stages) = (new bytes[](MOVES), new CanonicalStage[](MOVES));
        RowOpening memory opening;
        CanonicalAnswer memory given;
        CanonicalStep memory step;
        bytes32[16] memory children;
        bytes32[] memory blocks;
        calls[0] = abi.encodeCall(judge.answer, (challenge, shown, matter, given));
        calls[1] = abi.encodeCall(judge.chargeOmitted, (challenge, shown, chunk, "", 0, opening));
        calls[2] = abi.encodeCall(judge.chargeUnlike, (challenge, shown, chunk, "", 0, opening));
        calls[3] = abi.encodeCall(judge.descend, (challengeId, shown, chunk));
        calls[4] = abi.encodeCall(judge.openNode, (challengeId, shown, children));
        calls[5] = abi.encodeCall(judge.pickChild, (challengeId, shown, children, 0));
        calls[6] = abi.encodeCall(judge.openRow, (challenge, shown, 0, 0, blocks));
        calls[7] = abi.encodeCall(judge.pickBlock, (challengeId, shown, blocks, 0));
        calls[8] = abi.encodeCall(judge.openBlock, (challenge, shown, ""));
        calls[9] = abi.encodeCall(judge.execute, (challenge, shown, chunk, step));
        uint8[10] memory numbers = [0, 1, 1, 1, 2, 3, 4, 5, 6, 7];
        for (uint256 i = 0; i < MOVES; ++i) {
            stages[i] = CanonicalStage(numbers[i]);
        }
    }

    /// @dev The game with one of its twelve fields another.
    function altered(uint256 field) private view returns (CanonicalGame memory other) {
        other = game;
        assembly ("memory-safe") {
            let place := add(other, shl(5, field))
            mstore(place, xor(mload(place), 1))
        }
    }

    function unknown() private view returns (bytes memory) {
        return abi.encodeWithSelector(ICanonicalGame.CanonicalJudge_GameUnknown.selector, challengeId);
    }

    function isChallengers() private view returns (bool) {
        return uint8(game.stage) % 2 == 1;
    }

    function mover() private view returns (address) {
        return isChallengers() ? CHALLENGER : NODE;
    }
}
