// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {CanonicalPlay} from "../../integration/CanonicalPlay.sol";
import {Traces} from "../../utils/Traces.sol";
import {ICanonicalGame} from "contracts/interfaces/ICanonicalGame.sol";
import {IJudge} from "contracts/interfaces/IJudge.sol";
import {CanonicalSteps} from "contracts/judges/canonical/CanonicalSteps.sol";
import {RefereeLayout} from "contracts/libraries/RefereeLayout.sol";
import {CanonicalStage, CanonicalStep, RowOpening} from "contracts/types/CanonicalGame.sol";
import {RefereePart, RefereeRow} from "contracts/types/Referee.sol";

/// @title What the tests of the judge of computation share
/// @dev The disputes of the vectors: rows of one block and a chunk of as many activations as points, or of fewer; and rows
/// of several blocks, a second layer and a chunk of more activations than points.
abstract contract CanonicalJudgeTest is CanonicalPlay {
    uint256 internal constant NARROW = 0;
    uint256 internal constant SHORT = 1;
    uint256 internal constant WIDE = 2;

    /// @dev A challenge of this dispute's chunk. The accused's trace is the honest one.
    function begin(uint256 dispute) internal {
        prepare(dispute);
        lie(0, 0);
        accusedRows = rows;
        accusedLevels = ownLevels;
        challengeBy(CHALLENGER);
    }

    /// @dev A challenge of an accused that lies about the last entry of this row at the last position.
    function beginWithALie(uint256 dispute, RefereePart part) internal returns (uint256 index) {
        prepare(dispute);
        RefereeRow memory row = RefereeRow(part, 0, 0, traced - 1);
        index = RefereeLayout.indexOf(shape, traced, row);
        lie(index, RefereeLayout.length(shape, row) - 1);
        challengeBy(CHALLENGER);
    }

    /// @dev The same about a leaf: whatever the accused will show of the row has to hash to it.
    function lieAboutTheLeaf(uint256 index, bytes32 leafHash) internal {
        bytes32[] memory leaves = Traces.leaves(shape, traced, rows);
        leaves[index] = leafHash;
        accusedLevels = Traces.levels(leaves);
    }

    /// @dev The next move of an accused and a challenger who play the game out.
    function advance() internal {
        if (game.stage == CanonicalStage.Answer) answerAs(honestAnswer(Traces.root(accusedLevels)));
        else if (game.stage == CanonicalStage.Charge) descend();
        else if (game.stage == CanonicalStage.Node) openNode();
        else if (game.stage == CanonicalStage.Child) pickChild(firstDifference());
        else if (game.stage == CanonicalStage.Row) openRow();
        else if (game.stage == CanonicalStage.BlockChoice) pickBlock();
        else openBlock();
    }

    function advanceTo(CanonicalStage stage) internal {
        while (game.stage != stage) {
            advance();
        }
    }

    /// @dev The final row that holds an element of the chunk, as the accused's trace has it.
    function finalRow(uint256 element) internal view returns (RowOpening memory) {
        uint256 index = finalIndex(element);
        return Traces.opening(accusedLevels, index, accusedRows[index]);
    }

    function finalIndex(uint256 element) internal view returns (uint256) {
        uint256 first = traced - leaf.numTokens + uint256(chunkIndex) * params().chunkTokens;
        RefereeRow memory row = RefereeRow(RefereePart.FinalNorm, 0, 0, first + element / shape.width);
        return RefereeLayout.indexOf(shape, traced, row);
    }

    /// @dev A call of the judge's by `mover` fails with just these bytes.
    function refuse(address mover, bytes memory move, bytes memory reason) internal {
        vm.prank(mover);
        (bool success, bytes memory given) = address(judge).call(move);
        assertFalse(success);
        assertEq(keccak256(given), keccak256(reason));
    }

    function toAnHonestAnswer(uint256 dispute) internal {
        begin(dispute);
        advanceTo(CanonicalStage.Charge);
    }

    /// @dev Asks the steps beside any game, as the judge would.
    function ask(CanonicalStep memory step) internal returns (bool success, bytes memory answer) {
        bytes memory question = abi.encodeCall(CanonicalSteps.isWrong, (challenge, game, chunk, step));
        vm.prank(address(judge));
        return address(steps).staticcall(question);
    }

    function isWrong(CanonicalStep memory step) internal returns (bool) {
        (bool success, bytes memory answer) = ask(step);
        assertTrue(success);
        return abi.decode(answer, (bool));
    }

    function expectConviction() internal {
        vm.expectEmit(address(judge));
        emit ICanonicalGame.GameEnded(challengeId, IJudge.Verdict.Guilty, game.stage, false);
    }

    function notInDispute() internal view returns (bytes memory) {
        return abi.encodeWithSelector(ICanonicalGame.CanonicalJudge_NotInDispute.selector, game.node);
    }

    function wrongCount(uint256 shown, uint256 expected) internal pure returns (bytes memory) {
        return abi.encodeWithSelector(ICanonicalGame.CanonicalJudge_WrongCount.selector, shown, expected);
    }

    function count(string memory) internal override {}
}
