// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Checks} from "../../utils/Checks.sol";
import {Juries, JuryTerms} from "../../utils/Juries.sol";
import {HubDouble} from "./HubDouble.sol";
import {JuryJudge} from "contracts/judges/JuryJudge.sol";
import {TestToken} from "contracts/periphery/TestToken.sol";
import {Challenge, ChallengeStatus} from "contracts/types/Challenge.sol";
import {Juror, Trial, TrialStatus} from "contracts/types/Jury.sol";
import {Commitment} from "contracts/types/Membership.sol";
import {TaskParams} from "contracts/types/Task.sol";

/// @title Jurors, challengers, appellants and bystanders that call anything at any time
/// @dev Calls that the judge refuses are part of the walk.
contract JuryWalk is Checks {
    uint256 public constant JURORS = 7;
    uint96 private constant STAKE = 400;
    HubDouble public immutable hub;
    TestToken public immutable token;
    JuryJudge public immutable judge;
    uint256 public trials;
    uint256 public closed;
    uint256 public appeals;
    uint256 public refusedResignations;
    uint256 public earlyStakes;
    uint256 public excessiveLosses;
    mapping(uint256 id => uint256) public openedAt;
    Challenge[] internal challenges;

    constructor() {
        hub = new HubDouble();
        token = new TestToken();
        judge = Juries.deploy(address(hub), address(token), JuryTerms(3, 2, 100, 50, 30, 10, STAKE));
        vm.warp(10_000);
        vm.roll(500);
    }

    function register(uint256 who, uint256 places) external {
        address juror = jurorAt(who);
        places = bound(places, 0, 5);
        fund(juror, (places + 1) * STAKE);
        vm.prank(juror);
        try judge.register(uint32(places)) {} catch {}
    }

    function resign(uint256 who) external {
        address account = jurorAt(who);
        Juror memory juror = judge.jurorOf(account);
        uint256 before = token.balanceOf(account);
        bool something = juror.places != 0 || (juror.stake != 0 && juror.serving == 0);
        bool still = judge.pendingDraws() == 0 || juror.places == 0;
        vm.prank(account);
        try judge.resign() {
            assertTrue(something && still);
            if (juror.serving != 0 && token.balanceOf(account) != before) ++earlyStakes;
        } catch {
            // A juror can always leave the pool when no draw is pending, and take its stake when it does not serve.
            if (something && still) ++refusedResignations;
        }
    }

    function evict(uint256 who) external {
        try judge.evict(jurorAt(who)) {} catch {}
    }

    function withdraw(uint256 who) external {
        try judge.withdraw(jurorAt(who)) {} catch {}
    }

    function burn() external {
        try judge.burn() {} catch {}
    }

    function open(uint256 accused, uint256 challenger) external {
        TaskParams memory p;
        p.disputeSeconds = uint32(judge.neededSeconds());
        Commitment memory c;
        Challenge memory challenge;
        challenge.node = jurorAt(accused);
        challenge.judge = address(judge);
        challenge.challenger = challenger % 2 == 0 ? address(0xB0B) : jurorAt(challenger);
        challenge.deadline = uint40(block.timestamp + p.disputeSeconds);
        challenge.evidenceHash = bytes32(trials);
        try hub.ask(judge, challenge, p, c, "") {
            challenges.push(challenge);
            openedAt[trials] = block.timestamp;
            ++trials;
        } catch {}
    }

    function summon(uint256 id) external {
        if (trials == 0) return;
        vm.roll(block.number + 1);
        try judge.summon(id % trials) {} catch {}
    }

    function vote(uint256 id, uint256 choices) external {
        if (trials == 0) return;
        id %= trials;
        uint8 round = judge.trialOf(id).round;
        address[] memory jury = judge.juryOf(id, round);
        for (uint256 i = 0; i < jury.length; ++i) {
            bool guilty = (choices >> i) & 1 == 1;
            vm.startPrank(jury[i]);
            if ((choices >> (16 + 2 * i)) & 3 != 0) {
                bytes32 voteHash = keccak256(abi.encode(id, round, jury[i], guilty, bytes32(0)));
                try judge.commitVote(id, voteHash) {} catch {}
            }
            if ((choices >> (64 + 2 * i)) & 3 != 0) {
                try judge.revealVote(id, guilty, 0) {} catch {}
            }
            vm.stopPrank();
        }
    }

    /// @dev Goes to the trial's appeal window, if that is ahead.
    function appeal(uint256 id, uint256 who) external {
        if (trials == 0) return;
        id %= trials;
        Trial memory trial = judge.trialOf(id);
        if (trial.status == TrialStatus.Closed) return;
        (, uint256 closable) = judge.resultOf(id);
        if (closable - 1 > block.timestamp && who % 2 == 0) vm.warp(closable - 1);
        fund(jurorAt(who), judge.appealBond(trial.round + 1));
        vm.prank(jurorAt(who));
        try judge.appeal(id) {
            ++appeals;
        } catch {}
    }

    function moot(uint256 id) external {
        if (trials == 0 || hub.challengeStatus(id % trials) != ChallengeStatus.Pending) return;
        if (id % 3 == 0) hub.setChallengeStatus(id % trials, ChallengeStatus.Moot);
    }

    function close(uint256 id) external {
        if (trials == 0) return;
        id %= trials;
        uint256[JURORS] memory least;
        for (uint256 i = 0; i < JURORS; ++i) {
            address account = jurorAt(i);
            uint256 stake = judge.jurorOf(account).stake;
            uint256 most = judge.penalty() * seatsIn(id, account);
            least[i] = (stake > most ? stake - most : 0) + judge.credit(account) + token.balanceOf(account);
        }
        try judge.close(challenges[id]) {
            ++closed;
        } catch {}
        for (uint256 i = 0; i < JURORS; ++i) {
            address account = jurorAt(i);
            uint256 left = judge.jurorOf(account).stake + judge.credit(account) + token.balanceOf(account);
            if (left < least[i]) ++excessiveLosses;
        }
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

    /// @dev Seats of an account in all rounds of a trial.
    function seatsIn(uint256 id, address account) private view returns (uint256 seats) {
        for (uint256 round = 0; round <= judge.trialOf(id).round; ++round) {
            seats += judge.ballotOf(id, round, account).seats;
        }
    }

    function fund(address account, uint256 amount) private {
        token.mint(account, amount);
        vm.prank(account);
        token.approve(address(judge), amount);
    }
}
