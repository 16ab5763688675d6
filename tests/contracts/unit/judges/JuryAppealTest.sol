// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Juries, JuryTerms} from "../../utils/Juries.sol";
import {JuryJudgeTest} from "./JuryJudgeTest.sol";
import {IJudge} from "contracts/interfaces/IJudge.sol";
import {IJuryJudge} from "contracts/interfaces/IJuryJudge.sol";
import {TrialStatus} from "contracts/types/Jury.sol";

/// @title Juries of three, seven and fifteen, 30 s to appeal and ten to close
abstract contract JuryAppealTest is JuryJudgeTest {
    address internal constant APPELLANT = address(0xA99EA1);

    function terms() internal pure override returns (JuryTerms memory) {
        return JuryTerms({
            jurySize: 3,
            maxAppeals: 2,
            commitSeconds: 100,
            revealSeconds: 50,
            appealSeconds: 30,
            graceSeconds: 10,
            jurorStake: STAKE
        });
    }

    /// @dev The first jury of a trial before 31 jurors of one place.
    function firstJury() internal returns (address[] memory) {
        return summonFrom(31);
    }

    function appeal() internal {
        appeal(APPELLANT);
    }

    function appeal(address appellant) internal {
        fund(appellant, judge.appealBond(roundNumber() + 1));
        vm.prank(appellant);
        judge.appeal(ID);
    }

    /// @dev Waits until nobody can appeal any more, and closes.
    function closeAfterAppeals() internal {
        (, uint256 closable) = judge.resultOf(ID);
        if (closable > block.timestamp) vm.warp(closable);
        close(ID);
    }

    function assertResult(IJudge.Verdict expected, uint256 from) internal view {
        (IJudge.Verdict result, uint256 closable) = judge.resultOf(ID);
        assertEq(uint256(result), uint256(expected));
        assertEq(closable, from);
    }

    function wrongStatus(TrialStatus status) internal pure returns (bytes memory) {
        return abi.encodeWithSelector(IJuryJudge.JuryJudge_WrongStatus.selector, ID, status);
    }

    function votingOpen() internal pure returns (bytes memory) {
        return abi.encodeWithSelector(IJuryJudge.JuryJudge_VotingOpen.selector, ID);
    }

    function tooLate(uint256 deadline) internal pure returns (bytes memory) {
        return abi.encodeWithSelector(IJuryJudge.JuryJudge_TooLate.selector, deadline);
    }
}
