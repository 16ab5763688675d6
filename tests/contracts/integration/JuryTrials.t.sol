// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Courtroom} from "./Courtroom.sol";
import {RolloutLeaf} from "contracts/libraries/RolloutLeaves.sol";
import {ChallengeStatus} from "contracts/types/Challenge.sol";
import {Commitment, MemberStatus} from "contracts/types/Membership.sol";

/// @dev Honest-majority trials before a jury of five.
contract JuryTrialsTest is Courtroom {
    Commitment internal accused;
    uint256 internal id;

    function setUp() public override {
        super.setUp();
        RolloutLeaf[] memory leaves = honest();
        accused = commit(leaves);
        bytes memory evidence = abi.encode(uint32(3), "toploc", keccak256("evidence document"));
        id = challenge(accused, address(jury), evidence);
        vm.roll(block.number + 1);
        vm.warp(block.timestamp + 12);
        jury.summon(id);
    }

    function test_AGuiltyVerdictSlashes() external {
        vote("gggnn");
        closeTrial(id);
        assertStatus(id, uint256(ChallengeStatus.Guilty));
        assertConvicted();
    }

    function test_ANotGuiltyVerdictPaysTheAccused() external {
        vote("ngnng");
        closeTrial(id);
        assertStatus(id, uint256(ChallengeStatus.NotGuilty));
        assertAcquitted();
    }

    function test_ATieIsNotGuilty() external {
        vote("gn-ng");
        closeTrial(id);
        assertStatus(id, uint256(ChallengeStatus.NotGuilty));
        assertAcquitted();
    }

    function test_ASilentJuryHurtsNobodyButItself() external {
        vm.warp(START + 600);
        closeTrial(id);
        assertStatus(id, uint256(ChallengeStatus.Dismissed));
        assertDismissed();
        assertEq(jury.toBurn(), 5 * jury.penalty());
    }

    function test_AnUnclosedTrialExpires() external {
        vote("ggggg");
        vm.warp(START + 1000);
        // The deadline has passed: closing neither relays the verdict nor gets stuck.
        closeTrial(id);
        assertStatus(id, uint256(ChallengeStatus.Pending));
        hub.expire(challenges[id]);
        assertStatus(id, uint256(ChallengeStatus.Expired));
        assertEq(hub.credit(address(token), CHALLENGER), BOND);
        assertEq(uint256(hub.memberOf(task, NODE).status), uint256(MemberStatus.Active));
        assertJurorsFree();
    }

    function test_ATrialClosesAfterItsChallengeExpired() external {
        vote("ggggg");
        vm.warp(START + 1000);
        hub.expire(challenges[id]);
        closeTrial(id);
        assertStatus(id, uint256(ChallengeStatus.Expired));
        assertJurorsFree();
    }

    function test_JurorsResignWhenTheTrialIsOver() external {
        vote("nnnnn");
        closeTrial(id);
        for (uint256 i = 0; i < 5; ++i) {
            vm.prank(jurorAt(i));
            jury.resign();
            assertEq(token.balanceOf(jurorAt(i)), JUROR_STAKE);
        }
        assertEq(token.balanceOf(address(jury)), 0);
    }

    function test_ACheckpointCanBeTried() external {
        vote("nnnnn");
        closeTrial(id);
        vm.warp(START + 3600);
        vm.prank(NODE);
        hub.postCheckpoint(task, 1, keccak256("false weights"));
        bytes32 digest = keccak256("false weights");
        bytes32 root = keccak256(abi.encode(keccak256("cupel.checkpoint.v1"), uint256(1), digest));
        Commitment memory claim = Commitment(1, 1, root, digest, 0, START + 3600);
        id = challenge(claim, address(jury), "aggregate again");
        vm.roll(block.number + 1);
        jury.summon(id);
        vote("ggggg");
        closeTrial(id);
        assertStatus(id, uint256(ChallengeStatus.Guilty));
        assertEq(uint256(hub.memberOf(task, NODE).status), uint256(MemberStatus.Slashed));
    }

    function test_TwoTrialsRunAtOnce() external {
        uint256 other = challenge(accused, address(jury), "again");
        vm.roll(block.number + 1);
        jury.summon(other);
        assertEq(jury.jurorOf(jurorAt(0)).serving, 2);
        vote("ggggg");
        closeTrial(id);
        vm.warp(jury.roundOf(other, 0).commitDeadline);
        closeTrial(other);
        assertStatus(other, uint256(ChallengeStatus.Moot));
        assertEq(hub.credit(address(token), CHALLENGER), 12 * BOND);
        assertJurorsFree();
    }

    /// @dev Votes of 'g'uilty, 'n'ot guilty, '-' nothing, by the jurors in the order they were drawn.
    function vote(bytes memory votes) private {
        address[] memory jurors = jury.juryOf(id, 0);
        for (uint256 i = 0; i < jurors.length; ++i) {
            if (votes[i] == "-") continue;
            vm.prank(jurors[i]);
            jury.commitVote(id, keccak256(abi.encode(id, uint8(0), jurors[i], votes[i] == "g", SALT)));
        }
        vm.warp(jury.roundOf(id, 0).commitDeadline);
        for (uint256 i = 0; i < jurors.length; ++i) {
            if (votes[i] == "-") continue;
            vm.prank(jurors[i]);
            jury.revealVote(id, votes[i] == "g", SALT);
        }
    }

    function assertJurorsFree() private view {
        for (uint256 i = 0; i < 5; ++i) {
            assertEq(jury.jurorOf(jurorAt(i)).serving, 0);
        }
    }
}
