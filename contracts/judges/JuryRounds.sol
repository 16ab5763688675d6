// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IJuryJudge} from "../interfaces/IJuryJudge.sol";
import {Ballot, Juror, Round, Trial, TrialStatus, Vote} from "../types/Jury.sol";
import {JurorPool} from "./JurorPool.sol";

/// @title JuryRounds: one HONEST-MAJORITY jury from its request to its penalties
/// @notice See `IJuryJudge`. Every loop runs over one jury of at most 31 seats.
abstract contract JuryRounds is IJuryJudge, JurorPool {
    /// @inheritdoc IJuryJudge
    uint256 public immutable jurySize;
    /// @inheritdoc IJuryJudge
    uint32 public immutable commitSeconds;
    /// @inheritdoc IJuryJudge
    uint32 public immutable revealSeconds;

    mapping(uint256 challengeId => Trial) internal _trials;
    /// @inheritdoc IJuryJudge
    mapping(uint256 challengeId => mapping(uint256 round => address)) public appellantOf;
    mapping(uint256 challengeId => mapping(uint256 round => Round)) private _rounds;
    mapping(uint256 challengeId => mapping(uint256 round => address[])) private _juries;
    mapping(uint256 challengeId => mapping(uint256 round => mapping(address juror => Ballot))) private
        _ballots;

    constructor(uint256 jurySize_, uint32 commitSeconds_, uint32 revealSeconds_) {
        jurySize = jurySize_;
        commitSeconds = commitSeconds_;
        revealSeconds = revealSeconds_;
    }

    /// @inheritdoc IJuryJudge
    function summon(uint256 challengeId) external {
        Trial memory trial = _trials[challengeId];
        Round memory round = roundOf(challengeId, trial.round);
        if (trial.status != TrialStatus.Drawing) revert JuryJudge_WrongStatus(challengeId, trial.status);
        if (block.timestamp >= round.commitDeadline) revert JuryJudge_TooLate(round.commitDeadline);
        if (block.number <= round.drawBlock) revert JuryJudge_TooEarlyToSummon(round.drawBlock);

        bytes32 drawHash = blockhash(round.drawBlock);
        if (drawHash == bytes32(0)) {
            round.drawBlock = uint64(block.number);
            _save(challengeId, trial.round, round);
            emit JuryPostponed(challengeId, trial.round, round.drawBlock);
            return;
        }
        --pendingDraws;
        _trials[challengeId].status = TrialStatus.Voting;
        round.changedAt = uint40(block.timestamp);
        round.seats = _seat(challengeId, trial, round, drawHash);
        _save(challengeId, trial.round, round);
    }

    /// @inheritdoc IJuryJudge
    function commitVote(uint256 challengeId, bytes32 voteHash) external {
        (uint8 number, Round memory round) = _voting(challengeId);
        if (block.timestamp >= round.commitDeadline) revert JuryJudge_TooLate(round.commitDeadline);
        Ballot memory ballot = ballotOf(challengeId, number, msg.sender);
        if (ballot.vote != Vote.Summoned) revert JuryJudge_CannotCommit(msg.sender);

        ballot.vote = Vote.Committed;
        ballot.commitment = bytes30(voteHash);
        _ballots[challengeId][number][msg.sender] = ballot;
        round.committed += ballot.seats;
        _save(challengeId, number, round);
        emit VoteCommitted(challengeId, number, msg.sender);
    }

    /// @inheritdoc IJuryJudge
    function revealVote(uint256 challengeId, bool guilty, bytes32 salt) external {
        (uint8 number, Round memory round) = _voting(challengeId);
        if (block.timestamp >= round.revealDeadline) revert JuryJudge_TooLate(round.revealDeadline);
        if (block.timestamp < round.commitDeadline && round.committed != round.seats) {
            revert JuryJudge_RevealNotOpen(round.commitDeadline);
        }
        Ballot memory ballot = ballotOf(challengeId, number, msg.sender);
        if (ballot.vote != Vote.Committed) revert JuryJudge_CannotReveal(msg.sender);
        bytes32 voteHash = keccak256(abi.encode(challengeId, number, msg.sender, guilty, salt));
        if (ballot.commitment != bytes30(voteHash)) revert JuryJudge_VoteMismatch(msg.sender);

        _ballots[challengeId][number][msg.sender].vote = guilty ? Vote.Guilty : Vote.NotGuilty;
        round.changedAt = uint40(block.timestamp);
        round.revealed += ballot.seats;
        if (guilty) round.guiltyVotes += ballot.seats;
        _save(challengeId, number, round);
        emit VoteRevealed(challengeId, number, msg.sender, guilty, round.changedAt);
    }

    /// @inheritdoc IJuryJudge
    function jurySizeIn(uint256 round) public view returns (uint256 size) {
        size = jurySize;
        for (uint256 i = 0; i < round && size < MAX_SEATS; ++i) {
            size = 2 * size + 1;
        }
        if (size > MAX_SEATS) size = MAX_SEATS;
    }

    /// @inheritdoc IJuryJudge
    function trialOf(uint256 challengeId) external view returns (Trial memory) {
        return _trials[challengeId];
    }

    /// @inheritdoc IJuryJudge
    function roundOf(uint256 challengeId, uint256 round) public view returns (Round memory) {
        return _rounds[challengeId][round];
    }

    /// @inheritdoc IJuryJudge
    function juryOf(uint256 challengeId, uint256 round) external view returns (address[] memory) {
        return _juries[challengeId][round];
    }

    /// @inheritdoc IJuryJudge
    function ballotOf(uint256 challengeId, uint256 round, address juror) public view returns (Ballot memory) {
        return _ballots[challengeId][round][juror];
    }

    /// @dev Starts the trial's round `trial.round`.
    function _request(uint256 challengeId, Trial memory trial, bytes memory evidence) internal {
        Round memory round;
        round.population = uint32(poolSize());
        if (_partiesIn(trial) == round.population) revert JuryJudge_NoJurors();

        ++pendingDraws;
        trial.status = TrialStatus.Drawing;
        round.drawBlock = uint64(block.number);
        round.commitDeadline = uint40(block.timestamp) + commitSeconds;
        round.revealDeadline = round.commitDeadline + revealSeconds;
        _trials[challengeId] = trial;
        _save(challengeId, trial.round, round);
        emit JuryRequested(
            challengeId, trial.round, round.drawBlock, round.commitDeadline, round.revealDeadline, evidence
        );
    }

    /// @dev When the last vote was in: a time not after now, or else one at which it may be. INVARIANT: once reached, it
    /// does not change.
    function _endOf(TrialStatus status, Round memory round) internal pure returns (uint256) {
        if (status == TrialStatus.Drawing) return round.commitDeadline;
        if (round.revealed == round.seats) return round.changedAt;
        if (round.revealed != round.committed) return round.revealDeadline;
        return round.changedAt > round.commitDeadline ? round.changedAt : round.commitDeadline;
    }

    /// @dev Releases the jurors of a round. Those that did not reveal or voted against the result lose a penalty for
    /// each seat to the others, who also get `pot`; in a tie nobody is outvoted. What nobody earns is burned.
    function _dismiss(uint256 challengeId, uint256 number, uint128 pot, bool guilty, bool tie) internal {
        address[] memory jury = _juries[challengeId][number];
        uint128 earners = 0;
        for (uint256 i = 0; i < jury.length; ++i) {
            Juror memory juror = _jurors[jury[i]];
            --juror.serving;
            uint128 seats = _earningSeats(challengeId, number, jury[i], guilty, tie);
            earners += seats;
            if (seats == 0) {
                uint128 lost = uint128(penalty()) * ballotOf(challengeId, number, jury[i]).seats;
                if (lost > juror.stake) lost = juror.stake;
                juror.stake -= lost;
                pot += lost;
                emit JurorPenalised(challengeId, uint8(number), jury[i], lost);
            }
            _jurors[jury[i]] = juror;
        }
        uint128 share = earners == 0 ? 0 : pot / earners;
        for (uint256 i = 0; i < jury.length && share != 0; ++i) {
            uint128 earned = share * _earningSeats(challengeId, number, jury[i], guilty, tie);
            if (earned == 0) continue;
            _jurors[jury[i]].stake += earned;
            emit JurorRewarded(challengeId, uint8(number), jury[i], earned);
        }
        if (pot != share * earners) toBurn += pot - share * earners;
    }

    /// @dev Releases the jurors of a round that is moot.
    function _release(uint256 challengeId, uint256 number) internal {
        address[] memory jury = _juries[challengeId][number];
        for (uint256 i = 0; i < jury.length; ++i) {
            --_jurors[jury[i]].serving;
        }
    }

    /// @dev Fills the seats of those drawn whose stake covers a penalty for each.
    function _seat(uint256 challengeId, Trial memory trial, Round memory round, bytes32 drawHash)
        private
        returns (uint8 filled)
    {
        bytes32 seed = keccak256(abi.encode(drawHash, challengeId, trial.round));
        (address[] memory drawn, uint256 count) =
            _draw(seed, round.population, jurySizeIn(trial.round), trial.node, trial.challenger);
        address[] storage jury = _juries[challengeId][trial.round];
        mapping(address => Ballot) storage ballots = _ballots[challengeId][trial.round];
        for (uint256 i = 0; i < count; ++i) {
            Ballot memory ballot = ballots[drawn[i]];
            if (_jurors[drawn[i]].stake < uint256(penalty()) * (ballot.seats + 1)) continue;
            if (ballot.seats == 0) {
                jury.push(drawn[i]);
                ++_jurors[drawn[i]].serving;
            }
            ++ballot.seats;
            ++filled;
            ballot.vote = Vote.Summoned;
            ballots[drawn[i]] = ballot;
        }
        uint8[] memory seats = new uint8[](jury.length);
        for (uint256 i = 0; i < seats.length; ++i) {
            seats[i] = ballots[jury[i]].seats;
        }
        emit JurySummoned(challengeId, trial.round, jury, seats, round.changedAt);
    }

    function _earningSeats(uint256 challengeId, uint256 number, address juror, bool guilty, bool tie)
        private
        view
        returns (uint128)
    {
        Ballot memory ballot = ballotOf(challengeId, number, juror);
        bool voted = ballot.vote == Vote.Guilty || ballot.vote == Vote.NotGuilty;
        return voted && (tie || guilty == (ballot.vote == Vote.Guilty)) ? ballot.seats : 0;
    }

    function _voting(uint256 challengeId) private view returns (uint8 number, Round memory round) {
        Trial storage trial = _trials[challengeId];
        if (trial.status != TrialStatus.Voting) revert JuryJudge_WrongStatus(challengeId, trial.status);
        number = trial.round;
        round = roundOf(challengeId, number);
    }

    function _save(uint256 challengeId, uint256 number, Round memory round) private {
        _rounds[challengeId][number] = round;
    }

    /// @dev Places of accused and challenger.
    function _partiesIn(Trial memory trial) private view returns (uint256 places) {
        places = _jurors[trial.node].places;
        if (trial.challenger != trial.node) places += _jurors[trial.challenger].places;
    }
}
