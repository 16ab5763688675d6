// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {JuryTerms} from "../utils/Juries.sol";
import {Work} from "../utils/Work.sol";
import {Courtroom} from "./Courtroom.sol";
import {IJuryJudge} from "contracts/interfaces/IJuryJudge.sol";
import {RolloutLeaf} from "contracts/libraries/RolloutLeaves.sol";
import {ChallengeStatus} from "contracts/types/Challenge.sol";
import {Commitment, MemberStatus} from "contracts/types/Membership.sol";

/// @dev Honest-majority trials before juries of two and five, the real hub around them. One juror holds three places.
contract JuryAppealsTest is Courtroom {
    uint256 internal constant APPEAL_BOND = 5 * 25 ether;
    Commitment internal accused;
    uint256 internal id;

    function setUp() public override {
        super.setUp();
        fund(jurorAt(4), 2 * JUROR_STAKE);
        vm.prank(jurorAt(4));
        jury.register(2);
        RolloutLeaf[] memory leaves = honest();
        leaves[63].problem = leaves[0].problem;
        accused = commit(leaves);
        id = challenge(
            accused, address(jury), abi.encode(uint32(3), "toploc", keccak256("evidence document"))
        );
    }

    function juryTerms() internal pure override returns (JuryTerms memory) {
        return JuryTerms({
            jurySize: 2,
            maxAppeals: 1,
            commitSeconds: 200,
            revealSeconds: 100,
            appealSeconds: 100,
            graceSeconds: 300,
            jurorStake: JUROR_STAKE
        });
    }

    function test_TheAccusedAppealsAgainstAFalseVerdict() external {
        assertEq(jury.neededSeconds(), params().disputeSeconds);
        vote(true);
        appeal(NODE);
        vote(false);
        close();
        assertStatus(id, uint256(ChallengeStatus.NotGuilty));
        assertAcquitted();
        assertBondIsBack(NODE);
        assertJurorsLeaveWithEverything();
    }

    function test_TheChallengerAppealsAgainstAFalseAcquittal() external {
        vote(false);
        appeal(CHALLENGER);
        vote(true);
        close();
        assertStatus(id, uint256(ChallengeStatus.Guilty));
        assertConvicted();
        assertBondIsBack(CHALLENGER);
        assertJurorsLeaveWithEverything();
    }

    function test_AJurorAppealsInVainAndPaysTheLargerJury() external {
        vote(true);
        appeal(jurorAt(0));
        vote(true);
        close();
        assertStatus(id, uint256(ChallengeStatus.Guilty));
        assertConvicted();
        assertEq(jury.credit(jurorAt(0)), 0);
        // All five seats agreed, so the bond is theirs.
        uint256 stakes = 0;
        for (uint256 i = 0; i < 5; ++i) {
            stakes += jury.jurorOf(jurorAt(i)).stake;
        }
        assertEq(stakes, 7 * JUROR_STAKE + APPEAL_BOND);
        assertJurorsLeaveWithEverything();
    }

    function test_NobodyAppeals() external {
        vote(true);
        (, uint256 closable) = jury.resultOf(id);
        vm.warp(closable - 1);
        vm.expectRevert(abi.encodeWithSelector(IJuryJudge.JuryJudge_AppealOpen.selector, id, closable));
        closeTrial(id);
        close();
        assertStatus(id, uint256(ChallengeStatus.Guilty));
        assertConvicted();
        assertJurorsLeaveWithEverything();
    }

    /// @dev The accused is slashed by proof while its appeal runs: its trial is moot, and its appeal bond comes back.
    function test_AProofEndsATrialAndItsAppeal() external {
        vote(true);
        appeal(NODE);
        RolloutLeaf[] memory leaves = honest();
        leaves[63].problem = leaves[0].problem;
        challenge(accused, address(objective), Work.wrongAssignment(leaves[63], proofOf(leaves, 63)));
        assertEq(uint256(hub.memberOf(task, NODE).status), uint256(MemberStatus.Slashed));
        hub.expire(challenges[id]);
        assertStatus(id, uint256(ChallengeStatus.Moot));
        closeTrial(id);
        assertEq(jury.pendingDraws(), 0);
        assertBondIsBack(NODE);
        assertEq(hub.credit(address(token), CHALLENGER), 12 * BOND);
        assertJurorsLeaveWithEverything();
        assertEq(token.balanceOf(jurorAt(4)), 3 * JUROR_STAKE);
    }

    function test_AnUnclosedAppealExpires() external {
        vote(true);
        appeal(NODE);
        vote(false);
        vm.warp(challenges[id].deadline);
        hub.expire(challenges[id]);
        assertStatus(id, uint256(ChallengeStatus.Expired));
        closeTrial(id);
        assertEq(uint256(hub.memberOf(task, NODE).status), uint256(MemberStatus.Active));
        assertBondIsBack(NODE);
        assertJurorsLeaveWithEverything();
    }

    /// @dev The jury of the round that is on is summoned and votes as one.
    function vote(bool guilty) private {
        vm.roll(block.number + 1);
        jury.summon(id);
        uint8 round = jury.trialOf(id).round;
        assertEq(jury.roundOf(id, round).seats, round == 0 ? 2 : 5);
        address[] memory jurors = jury.juryOf(id, round);
        for (uint256 i = 0; i < jurors.length; ++i) {
            vm.prank(jurors[i]);
            jury.commitVote(id, keccak256(abi.encode(id, round, jurors[i], guilty, SALT)));
        }
        for (uint256 i = 0; i < jurors.length; ++i) {
            vm.prank(jurors[i]);
            jury.revealVote(id, guilty, SALT);
        }
    }

    function appeal(address appellant) private {
        fund(appellant, APPEAL_BOND);
        vm.prank(appellant);
        jury.appeal(id);
    }

    function close() private {
        (, uint256 closable) = jury.resultOf(id);
        vm.warp(closable);
        closeTrial(id);
    }

    function assertBondIsBack(address appellant) private {
        uint256 before = token.balanceOf(appellant);
        jury.withdraw(appellant);
        assertEq(token.balanceOf(appellant), before + APPEAL_BOND);
    }

    function assertJurorsLeaveWithEverything() private {
        for (uint256 i = 0; i < 5; ++i) {
            uint256 before = token.balanceOf(jurorAt(i));
            uint256 stake = jury.jurorOf(jurorAt(i)).stake;
            vm.prank(jurorAt(i));
            jury.resign();
            assertEq(token.balanceOf(jurorAt(i)), before + stake);
        }
        assertEq(token.balanceOf(address(jury)), jury.toBurn());
    }
}
