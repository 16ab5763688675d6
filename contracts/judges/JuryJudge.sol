// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IHub} from "../interfaces/IHub.sol";
import {IJudge} from "../interfaces/IJudge.sol";
import {IJuryJudge} from "../interfaces/IJuryJudge.sol";
import {Sortition} from "../libraries/Sortition.sol";
import {Challenge, ChallengeStatus} from "../types/Challenge.sol";
import {Ballot, Juror, Trial, TrialStatus, Vote} from "../types/Jury.sol";
import {Commitment} from "../types/Membership.sol";
import {TaskParams} from "../types/Task.sol";
import {JurorPool} from "./JurorPool.sol";

/// @title JuryJudge: HONEST-MAJORITY verdicts
/// @notice See `IJuryJudge`. Every loop runs over one jury, at most 31 jurors.
/// @dev A juror may sit on several juries at once and can lose no more than it has. Serving is not limited, because a
/// cheater could otherwise occupy the whole pool with challenges against itself.
contract JuryJudge is IJuryJudge, JurorPool {
    /// @dev Draws of 31 err in 2.7 % of cases against a third of the pool; more votes cost more gas than a dispute is
    /// worth.
    uint256 private constant MAX_JURY_SIZE = 31;

    /// @inheritdoc IJuryJudge
    address public immutable hub;
    /// @inheritdoc IJuryJudge
    uint256 public immutable jurySize;
    /// @inheritdoc IJuryJudge
    uint32 public immutable commitSeconds;
    /// @inheritdoc IJuryJudge
    uint32 public immutable revealSeconds;

    mapping(uint256 challengeId => Trial) private _trials;
    mapping(uint256 challengeId => address[]) private _juries;
    mapping(uint256 challengeId => mapping(address juror => Ballot)) private _ballots;

    /// @param hub_ The only one who may open trials.
    /// @param token_ Token of the jurors' stakes.
    /// @param jurySize_ 1 to 31 jurors.
    /// @param commitSeconds_ To summon the jury and commit votes, more than zero.
    /// @param revealSeconds_ To reveal votes, more than zero.
    /// @param jurorStake_ Stake of a juror, at least four units so that a penalty is not zero.
    constructor(
        address hub_,
        address token_,
        uint256 jurySize_,
        uint32 commitSeconds_,
        uint32 revealSeconds_,
        uint96 jurorStake_
    ) JurorPool(token_, jurorStake_) {
        bool sized = jurySize_ != 0 && jurySize_ <= MAX_JURY_SIZE;
        if (!sized || commitSeconds_ == 0 || revealSeconds_ == 0 || penalty() == 0) {
            revert JuryJudge_BadTerms();
        }
        hub = hub_;
        jurySize = jurySize_;
        commitSeconds = commitSeconds_;
        revealSeconds = revealSeconds_;
    }

    /// @inheritdoc IJuryJudge
    function guarantee() external pure returns (string memory) {
        return "honest-majority: a drawn jury votes, and a dishonest majority of it decides wrongly";
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
        uint256 needed = uint256(commitSeconds) + revealSeconds;
        // Strictly less: the verdict must reach the hub before its deadline, the last reveal included.
        if (needed >= p.disputeSeconds) revert JuryJudge_DisputeTooShort(needed, p.disputeSeconds);

        Trial memory trial;
        trial.drawBlock = uint64(block.number);
        trial.commitDeadline = uint40(block.timestamp) + commitSeconds;
        trial.revealDeadline = trial.commitDeadline + revealSeconds;
        trial.population = uint32(_pool.length);
        trial.status = TrialStatus.Drawing;
        trial.node = challenge.node;
        trial.challenger = challenge.challenger;
        (,, uint256 parties) = _partiesIn(trial);
        if (parties == trial.population) revert JuryJudge_NoJurors();

        ++pendingDraws;
        _trials[challengeId] = trial;
        emit JuryRequested(challengeId, trial.drawBlock, trial.commitDeadline, trial.revealDeadline, evidence);
        return Verdict.Pending;
    }

    /// @inheritdoc IJuryJudge
    function summon(uint256 challengeId) external {
        Trial memory trial = _trials[challengeId];
        if (trial.status != TrialStatus.Drawing) revert JuryJudge_WrongStatus(challengeId, trial.status);
        if (block.timestamp >= trial.commitDeadline) revert JuryJudge_TooLate(trial.commitDeadline);
        if (block.number <= trial.drawBlock) revert JuryJudge_TooEarlyToSummon(trial.drawBlock);

        bytes32 drawHash = blockhash(trial.drawBlock);
        if (drawHash == bytes32(0)) {
            uint64 drawBlock = uint64(block.number);
            _trials[challengeId].drawBlock = drawBlock;
            emit JuryPostponed(challengeId, drawBlock);
            return;
        }
        --pendingDraws;
        trial.status = TrialStatus.Voting;
        address[] memory jury = _seat(challengeId, trial, drawHash);
        trial.seats = uint8(jury.length);
        _trials[challengeId] = trial;
        emit JurySummoned(challengeId, jury, trial.commitDeadline, trial.revealDeadline);
    }

    /// @inheritdoc IJuryJudge
    function commitVote(uint256 challengeId, bytes32 voteHash) external {
        Trial storage trial = _voting(challengeId);
        if (block.timestamp >= trial.commitDeadline) revert JuryJudge_TooLate(trial.commitDeadline);
        Ballot storage ballot = _ballots[challengeId][msg.sender];
        if (ballot.vote != Vote.Summoned) revert JuryJudge_CannotCommit(msg.sender);

        ballot.vote = Vote.Committed;
        ballot.commitment = voteHash;
        ++trial.committed;
        emit VoteCommitted(challengeId, msg.sender);
    }

    /// @inheritdoc IJuryJudge
    function revealVote(uint256 challengeId, bool guilty, bytes32 salt) external {
        Trial storage trial = _voting(challengeId);
        if (block.timestamp >= trial.revealDeadline) revert JuryJudge_TooLate(trial.revealDeadline);
        if (block.timestamp < trial.commitDeadline && trial.committed != trial.seats) {
            revert JuryJudge_RevealNotOpen(trial.commitDeadline);
        }
        Ballot storage ballot = _ballots[challengeId][msg.sender];
        if (ballot.vote != Vote.Committed) revert JuryJudge_CannotReveal(msg.sender);
        bytes32 voteHash = keccak256(abi.encode(challengeId, msg.sender, guilty, salt));
        if (ballot.commitment != voteHash) revert JuryJudge_VoteMismatch(msg.sender);

        ballot.vote = guilty ? Vote.Guilty : Vote.NotGuilty;
        ++trial.revealed;
        if (guilty) ++trial.guiltyVotes;
        emit VoteRevealed(challengeId, msg.sender, guilty);
    }

    /// @inheritdoc IJuryJudge
    function close(Challenge calldata challenge) external {
        uint256 challengeId = IHub(hub).challengeIdOf(challenge);
        Trial memory trial = _trials[challengeId];
        bool drawing = trial.status == TrialStatus.Drawing;
        if (!drawing && trial.status != TrialStatus.Voting) {
            revert JuryJudge_WrongStatus(challengeId, trial.status);
        }
        ChallengeStatus status = IHub(hub).challengeStatus(challengeId);
        // The accused was slashed for something else: nobody waits for the jury, and nobody is blamed.
        bool moot = status == ChallengeStatus.Moot;
        if (!moot && !_isOver(trial)) revert JuryJudge_VotingOpen(challengeId);

        if (drawing) --pendingDraws;
        _trials[challengeId].status = TrialStatus.Closed;
        bool guilty = 2 * uint256(trial.guiltyVotes) > trial.revealed;
        _dismiss(challengeId, trial, guilty, moot);

        // Asked first instead of caught after: catching would let a caller that brings too little gas lose the verdict.
        bool relayed = status == ChallengeStatus.Pending && block.timestamp < challenge.deadline;
        emit JuryClosed(challengeId, guilty, trial.guiltyVotes, trial.revealed, trial.seats, relayed);
        if (relayed) IHub(hub).verdict(challenge, guilty ? Verdict.Guilty : Verdict.NotGuilty);
    }

    /// @inheritdoc IJuryJudge
    function trialOf(uint256 challengeId) external view returns (Trial memory) {
        return _trials[challengeId];
    }

    /// @inheritdoc IJuryJudge
    function juryOf(uint256 challengeId) external view returns (address[] memory) {
        return _juries[challengeId];
    }

    /// @inheritdoc IJuryJudge
    function ballotOf(uint256 challengeId, address juror) external view returns (Ballot memory) {
        return _ballots[challengeId][juror];
    }

    /// @dev Seats those drawn whose stake covers a penalty.
    function _seat(uint256 challengeId, Trial memory trial, bytes32 drawHash)
        private
        returns (address[] memory)
    {
        uint256[] memory drawn = _draw(trial, keccak256(abi.encode(drawHash, challengeId)));
        address[] storage jury = _juries[challengeId];
        for (uint256 i = 0; i < drawn.length; ++i) {
            address account = _pool[drawn[i]];
            if (_jurors[account].stake < penalty()) continue;
            jury.push(account);
            ++_jurors[account].serving;
            _ballots[challengeId][account].vote = Vote.Summoned;
        }
        return jury;
    }

    /// @dev Indices in the pool: a sample of the population without the parties.
    function _draw(Trial memory trial, bytes32 seed) private view returns (uint256[] memory drawn) {
        (uint256 low, uint256 high, uint256 parties) = _partiesIn(trial);
        uint256 eligible = trial.population - parties;
        drawn = Sortition.draw(seed, eligible, eligible < jurySize ? eligible : jurySize);
        for (uint256 i = 0; i < drawn.length; ++i) {
            if (drawn[i] >= low) ++drawn[i];
            if (drawn[i] >= high) ++drawn[i];
        }
    }

    /// @dev Releases the jurors. Unless the trial is moot, those that did not reveal or were outvoted lose a penalty to
    /// the others; in a tie nobody is outvoted. What nobody earns is burned.
    function _dismiss(uint256 challengeId, Trial memory trial, bool guilty, bool moot) private {
        address[] memory jury = _juries[challengeId];
        bool tie = 2 * uint256(trial.guiltyVotes) == trial.revealed;
        uint256 earners = 0;
        uint128 pot = 0;
        for (uint256 i = 0; i < jury.length; ++i) {
            Juror storage juror = _jurors[jury[i]];
            --juror.serving;
            if (moot) continue;
            if (_earns(challengeId, jury[i], guilty, tie)) {
                ++earners;
                continue;
            }
            uint128 lost = juror.stake < penalty() ? juror.stake : penalty();
            juror.stake -= lost;
            pot += lost;
            emit JurorPenalised(challengeId, jury[i], lost);
        }
        if (pot == 0) return;
        uint128 share = earners == 0 ? 0 : pot / uint128(earners);
        for (uint256 i = 0; i < jury.length && share != 0; ++i) {
            if (!_earns(challengeId, jury[i], guilty, tie)) continue;
            _jurors[jury[i]].stake += share;
            emit JurorRewarded(challengeId, jury[i], share);
        }
        toBurn += pot - share * uint128(earners);
    }

    function _earns(uint256 challengeId, address juror, bool guilty, bool tie) private view returns (bool) {
        Vote vote = _ballots[challengeId][juror].vote;
        if (vote == Vote.Guilty) return guilty || tie;
        return vote == Vote.NotGuilty && !guilty;
    }

    /// @dev Whether no further vote can be revealed.
    function _isOver(Trial memory trial) private view returns (bool) {
        if (trial.status == TrialStatus.Drawing) return block.timestamp >= trial.commitDeadline;
        if (trial.revealed == trial.seats || block.timestamp >= trial.revealDeadline) return true;
        return block.timestamp >= trial.commitDeadline && trial.revealed == trial.committed;
    }

    function _voting(uint256 challengeId) private view returns (Trial storage trial) {
        trial = _trials[challengeId];
        if (trial.status != TrialStatus.Voting) revert JuryJudge_WrongStatus(challengeId, trial.status);
    }

    /// @dev Indices in the pool of accused and challenger in ascending order, and how many of them are in the
    /// population. Who is not stands behind it. Nobody moves while a draw is pending, so `open` and `summon` agree.
    function _partiesIn(Trial memory trial)
        private
        view
        returns (uint256 low, uint256 high, uint256 parties)
    {
        uint256 population = trial.population;
        low = _indexIn(population, trial.node);
        high = trial.challenger == trial.node ? population : _indexIn(population, trial.challenger);
        if (low > high) (low, high) = (high, low);
        parties = (low < population ? 1 : 0) + (high < population ? 1 : 0);
    }

    function _indexIn(uint256 population, address account) private view returns (uint256) {
        uint256 place = _jurors[account].place;
        return place == 0 ? population : place - 1;
    }
}
