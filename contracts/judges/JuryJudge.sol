// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IHub} from "../interfaces/IHub.sol";
import {IJudge} from "../interfaces/IJudge.sol";
import {IJuryJudge} from "../interfaces/IJuryJudge.sol";
import {Challenge, ChallengeStatus} from "../types/Challenge.sol";
import {Round, Trial, TrialStatus} from "../types/Jury.sol";
import {Commitment} from "../types/Membership.sol";
import {TaskParams} from "../types/Task.sol";
import {JurorPool} from "./JurorPool.sol";
import {JuryRounds} from "./JuryRounds.sol";

/// @title JuryJudge: HONEST-MAJORITY verdicts
/// @notice See `IJuryJudge`. A trial has at most five rounds with at most 77 seats together, because every appeal enlarges
/// the jury.
contract JuryJudge is JuryRounds {
    /// @inheritdoc IJuryJudge
    address public immutable hub;
    /// @inheritdoc IJuryJudge
    uint256 public immutable maxAppeals;
    /// @inheritdoc IJuryJudge
    uint32 public immutable appealSeconds;
    /// @inheritdoc IJuryJudge
    uint32 public immutable graceSeconds;

    /// @param hub_ The only one who may open trials.
    /// @param token_ Token of the jurors' stakes and the appellants' bonds.
    /// @param jurySize_ Seats of the first jury, 1 to 31.
    /// @param maxAppeals_ Appeals a trial may see. Each must enlarge the jury, so there are at most four.
    /// @param commitSeconds_ To summon a jury and commit votes, more than zero.
    /// @param revealSeconds_ To reveal votes, more than zero.
    /// @param appealSeconds_ To appeal after a round's last vote, more than zero if there are appeals.
    /// @param graceSeconds_ To close the trial before the hub's deadline, more than zero.
    /// @param jurorStake_ Price of a place, at least four units so that a penalty is not zero.
    constructor(
        address hub_,
        address token_,
        uint256 jurySize_,
        uint256 maxAppeals_,
        uint32 commitSeconds_,
        uint32 revealSeconds_,
        uint32 appealSeconds_,
        uint32 graceSeconds_,
        uint96 jurorStake_
    ) JurorPool(token_, jurorStake_) JuryRounds(jurySize_, commitSeconds_, revealSeconds_) {
        bool sized = jurySize_ != 0 && jurySize_ <= MAX_SEATS && penalty() != 0;
        bool timed = commitSeconds_ != 0 && revealSeconds_ != 0 && graceSeconds_ != 0;
        if (!sized || !timed) revert JuryJudge_BadTerms();
        if (maxAppeals_ != 0 && (appealSeconds_ == 0 || jurySizeIn(maxAppeals_ - 1) == MAX_SEATS)) {
            revert JuryJudge_BadTerms();
        }
        hub = hub_;
        maxAppeals = maxAppeals_;
        appealSeconds = appealSeconds_;
        graceSeconds = graceSeconds_;
    }

    /// @inheritdoc IJudge
    function open(
        uint256 challengeId,
        Challenge calldata challenge,
        TaskParams calldata p,
        Commitment calldata,
        bytes calldata evidence
    ) external returns (Verdict) {
        if (msg.sender != hub) revert JuryJudge_NotHub(msg.sender);
        uint256 needed = neededSeconds();
        if (needed > p.disputeSeconds) revert JuryJudge_DisputeTooShort(needed, p.disputeSeconds);

        Trial memory trial;
        trial.node = challenge.node;
        trial.challenger = challenge.challenger;
        _request(challengeId, trial, evidence);
        return Verdict.Pending;
    }

    /// @inheritdoc IJuryJudge
    function appeal(uint256 challengeId) external {
        Trial memory trial = _openTrial(challengeId);
        uint256 end = _endOf(trial.status, roundOf(challengeId, trial.round));
        if (trial.round == maxAppeals) revert JuryJudge_NoFurtherAppeal(challengeId);
        if (block.timestamp < end) revert JuryJudge_VotingOpen(challengeId);
        if (block.timestamp >= end + appealSeconds) revert JuryJudge_TooLate(end + appealSeconds);
        ChallengeStatus status = IHub(hub).challengeStatus(challengeId);
        if (status != ChallengeStatus.Pending) revert JuryJudge_NotPending(challengeId);

        if (trial.status == TrialStatus.Drawing) --pendingDraws;
        ++trial.round;
        uint128 bond = appealBond(trial.round);
        appellantOf[challengeId][trial.round] = msg.sender;
        _request(challengeId, trial, "");
        emit Appealed(challengeId, trial.round, msg.sender, bond);
        _pull(bond);
    }

    /// @inheritdoc IJuryJudge
    function close(Challenge calldata challenge) external {
        uint256 challengeId = IHub(hub).challengeIdOf(challenge);
        Trial memory trial = _openTrial(challengeId);
        ChallengeStatus status = IHub(hub).challengeStatus(challengeId);
        // The accused was slashed for something else: nobody waits for the jury, and nobody is blamed.
        bool moot = status == ChallengeStatus.Moot;
        if (!moot) _checkClosable(challengeId, trial);

        if (trial.status == TrialStatus.Drawing) --pendingDraws;
        _trials[challengeId].status = TrialStatus.Closed;
        (Verdict result, bool tie) = _resultAfter(challengeId, trial.round);
        for (uint256 round = 0; round <= trial.round; ++round) {
            uint128 lost = round == 0 ? 0 : _settleBond(challengeId, round, result, moot);
            if (moot) _release(challengeId, round);
            else _dismiss(challengeId, round, lost, result == Verdict.Guilty, tie);
        }
        // Asked first instead of caught after: catching would let a caller that brings too little gas lose the verdict.
        bool relayed = status == ChallengeStatus.Pending && block.timestamp < challenge.deadline;
        emit JuryClosed(challengeId, result, trial.round + 1, relayed);
        if (relayed) IHub(hub).verdict(challenge, result);
    }

    /// @inheritdoc IJuryJudge
    function guarantee() external pure returns (string memory) {
        return "honest-majority: a drawn jury votes, and a dishonest majority of it decides wrongly";
    }

    /// @inheritdoc IJuryJudge
    function neededSeconds() public view returns (uint256) {
        uint256 voting = (maxAppeals + 1) * (uint256(commitSeconds) + revealSeconds);
        return voting + maxAppeals * appealSeconds + graceSeconds;
    }

    /// @inheritdoc IJuryJudge
    function appealBond(uint256 round) public view returns (uint128) {
        if (round == 0 || round > maxAppeals) return 0;
        return uint128((jurySizeIn(1) * penalty()) << (round - 1));
    }

    /// @inheritdoc IJuryJudge
    function resultOf(uint256 challengeId) external view returns (Verdict result, uint256 closable) {
        Trial memory trial = _openTrial(challengeId);
        (result,) = _resultAfter(challengeId, trial.round);
        closable = _closable(challengeId, trial);
    }

    /// @dev Ends an appeal. It was right if the trial's result is not the one that it was raised against.
    /// @return lost The bond, if it is the jurors'.
    function _settleBond(uint256 challengeId, uint256 round, Verdict result, bool moot)
        private
        returns (uint128 lost)
    {
        address appellant = appellantOf[challengeId][round];
        uint128 bond = appealBond(round);
        (Verdict before,) = _resultAfter(challengeId, round - 1);
        if (moot || before != result) {
            credit[appellant] += bond;
            emit BondReturned(challengeId, uint8(round), appellant, bond);
            return 0;
        }
        emit BondLost(challengeId, uint8(round), appellant, bond);
        return bond;
    }

    /// @dev The result of the rounds up to `last`: that of the newest in which anyone voted.
    function _resultAfter(uint256 challengeId, uint256 last) private view returns (Verdict, bool tie) {
        for (uint256 i = last + 1; i > 0; --i) {
            Round memory round = roundOf(challengeId, i - 1);
            if (round.revealed == 0) continue;
            uint256 doubled = 2 * uint256(round.guiltyVotes);
            return (doubled > round.revealed ? Verdict.Guilty : Verdict.NotGuilty, doubled == round.revealed);
        }
        return (Verdict.Dismissed, false);
    }

    function _openTrial(uint256 challengeId) private view returns (Trial memory trial) {
        trial = _trials[challengeId];
        if (trial.status != TrialStatus.Drawing && trial.status != TrialStatus.Voting) {
            revert JuryJudge_WrongStatus(challengeId, trial.status);
        }
    }

    function _checkClosable(uint256 challengeId, Trial memory trial) private view {
        uint256 end = _endOf(trial.status, roundOf(challengeId, trial.round));
        if (block.timestamp < end) revert JuryJudge_VotingOpen(challengeId);
        uint256 closable = _closable(challengeId, trial);
        if (block.timestamp < closable) revert JuryJudge_AppealOpen(challengeId, closable);
    }

    function _closable(uint256 challengeId, Trial memory trial) private view returns (uint256 closable) {
        closable = _endOf(trial.status, roundOf(challengeId, trial.round));
        if (trial.round < maxAppeals) closable += appealSeconds;
    }
}
