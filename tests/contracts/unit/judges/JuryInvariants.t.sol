// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Checks} from "../../utils/Checks.sol";
import {HubDouble} from "./HubDouble.sol";
import {JuryJudge} from "contracts/judges/JuryJudge.sol";
import {TestToken} from "contracts/periphery/TestToken.sol";
import {Challenge, ChallengeStatus} from "contracts/types/Challenge.sol";
import {Juror, Trial, TrialStatus} from "contracts/types/Jury.sol";
import {Commitment} from "contracts/types/Membership.sol";
import {TaskParams} from "contracts/types/Task.sol";

/// @title Jurors, challengers and bystanders that call anything at any time
/// @dev Calls that the judge refuses are part of the walk.
contract JuryWalk is Checks {
    uint256 public constant JURORS = 7;
    HubDouble public immutable hub;
    TestToken public immutable token;
    JuryJudge public immutable judge;
    uint256 public trials;
    Challenge[] internal challenges;
    uint256 public closed;
    uint256 public refusedResignations;

    constructor() {
        hub = new HubDouble();
        token = new TestToken();
        judge = new JuryJudge(address(hub), address(token), 3, 100, 50, 400);
        vm.warp(10_000);
        vm.roll(500);
    }

    function register(uint256 who) external {
        address juror = jurorAt(who);
        token.mint(juror, 400);
        vm.startPrank(juror);
        token.approve(address(judge), 400);
        try judge.register() {} catch {}
        vm.stopPrank();
    }

    function resign(uint256 who) external {
        Juror memory juror = judge.jurorOf(jurorAt(who));
        bool registered = juror.place != 0 || juror.stake != 0;
        bool free = juror.serving == 0 && (judge.pendingDraws() == 0 || juror.place == 0);
        vm.prank(jurorAt(who));
        try judge.resign() {
            assertTrue(registered && free);
        } catch {
            // A juror can always go when it does not serve and no draw is pending.
            if (registered && free) ++refusedResignations;
        }
    }

    function evict(uint256 who) external {
        try judge.evict(jurorAt(who)) {} catch {}
    }

    function burn() external {
        try judge.burn() {} catch {}
    }

    function open(uint256 accused) external {
        TaskParams memory p;
        p.disputeSeconds = 151;
        Commitment memory c;
        Challenge memory challenge;
        challenge.node = jurorAt(accused);
        challenge.judge = address(judge);
        challenge.challenger = address(0xB0B);
        challenge.deadline = uint40(block.timestamp + 151);
        challenge.evidenceHash = bytes32(trials);
        try hub.ask(judge, challenge, p, c, "") {
            challenges.push(challenge);
            ++trials;
        } catch {}
    }

    function summon(uint256 id) external {
        if (trials != 0) try judge.summon(id % trials) {} catch {}
    }

    function vote(uint256 id, uint256 choices) external {
        if (trials == 0) return;
        id %= trials;
        address[] memory jury = judge.juryOf(id);
        for (uint256 i = 0; i < jury.length; ++i) {
            bool guilty = (choices >> i) & 1 == 1;
            vm.startPrank(jury[i]);
            if ((choices >> (8 + i)) & 3 != 0) {
                try judge.commitVote(id, keccak256(abi.encode(id, jury[i], guilty, bytes32(0)))) {} catch {}
            }
            if ((choices >> (16 + 2 * i)) & 3 != 0) {
                try judge.revealVote(id, guilty, 0) {} catch {}
            }
            vm.stopPrank();
        }
    }

    function moot(uint256 id) external {
        if (trials == 0 || hub.challengeStatus(id % trials) != ChallengeStatus.Pending) return;
        hub.setChallengeStatus(id % trials, ChallengeStatus.Moot);
    }

    function close(uint256 id) external {
        if (trials == 0) return;
        try judge.close(challenges[id % trials]) {
            ++closed;
        } catch {}
    }

    function pass(uint256 time) external {
        vm.warp(block.timestamp + bound(time, 1, 60));
        vm.roll(block.number + bound(time, 1, 60) / 10 + 1);
    }

    function challengeAt(uint256 id) external view returns (Challenge memory) {
        return challenges[id];
    }

    function jurorAt(uint256 i) public pure returns (address) {
        return address(uint160(0x1000 + i % JURORS));
    }
}

contract JuryInvariantsTest is Checks {
    JuryWalk internal walk;
    JuryJudge internal judge;

    function setUp() public {
        walk = new JuryWalk();
        judge = walk.judge();
    }

    /// @dev Only the walk is walked: the hub double and the judge are called through it.
    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(walk);
    }

    function invariant_EveryTokenIsAStakeOrWaitsToBeBurned() external view {
        uint256 owed = judge.toBurn();
        for (uint256 i = 0; i < walk.JURORS(); ++i) {
            owed += judge.jurorOf(walk.jurorAt(i)).stake;
        }
        assertEq(walk.token().balanceOf(address(judge)), owed);
    }

    function invariant_PlacesAndPoolAgree() external view {
        uint256 seen = 0;
        uint256 registered = 0;
        for (uint256 i = 0; i < walk.JURORS(); ++i) {
            uint256 place = judge.jurorOf(walk.jurorAt(i)).place;
            if (place == 0) continue;
            assertTrue(place <= judge.poolSize());
            assertEq((seen >> place) & 1, 0);
            seen |= 1 << place;
            ++registered;
        }
        assertEq(registered, judge.poolSize());
    }

    function invariant_CountsOfServiceAndDrawsAreThoseOfOpenTrials() external view {
        uint256 draws = 0;
        uint256 seats = 0;
        for (uint256 id = 0; id < walk.trials(); ++id) {
            Trial memory trial = judge.trialOf(id);
            if (trial.status == TrialStatus.Drawing) ++draws;
            if (trial.status == TrialStatus.Voting) seats += trial.seats;
            assertTrue(trial.guiltyVotes <= trial.revealed);
            assertTrue(trial.revealed <= trial.committed && trial.committed <= trial.seats);
        }
        uint256 serving = 0;
        for (uint256 i = 0; i < walk.JURORS(); ++i) {
            serving += judge.jurorOf(walk.jurorAt(i)).serving;
        }
        assertEq(judge.pendingDraws(), draws);
        assertEq(serving, seats);
    }

    function invariant_AFreeJurorCanResign() external view {
        assertEq(walk.refusedResignations(), 0);
    }

    /// @dev Whatever happened, every trial can be closed at its reveal deadline, and the hub hears each verdict once.
    function invariant_EveryTrialEnds() external {
        uint256 snapshot = vm.snapshotState();
        vm.warp(block.timestamp + 150);
        for (uint256 id = 0; id < walk.trials(); ++id) {
            if (judge.trialOf(id).status != TrialStatus.Closed) judge.close(walk.challengeAt(id));
        }
        assertEq(judge.pendingDraws(), 0);
        assertTrue(walk.hub().verdicts() <= walk.trials());
        vm.revertToState(snapshot);
    }
}
