// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Challenge} from "../types/Challenge.sol";
import {Ballot, Trial, TrialStatus} from "../types/Jury.sol";
import {IJudge} from "./IJudge.sol";

/// @title HONEST-MAJORITY judge: a drawn jury votes
/// @notice Guarantee: HONEST MAJORITY of the jury that is drawn, and nothing better. Where the adversary holds a third
/// of the pool, a jury of 7 errs in 17 % of draws, one of 31 in 2.7 %; bribes and a wrong tool that all jurors share
/// are not covered at all. A task names this judge only if its creator and its nodes accept that.
///
/// Course of a trial: `open` fixes the deadlines and the block whose hash draws the jury; from the next block on anyone
/// calls `summon`; jurors commit votes, then reveal them; anyone calls `close`. The jury is not drawn in `open` because
/// a challenger could then repeat a reverting transaction until it likes the jury. Revealing may start when all have
/// committed, closing when no reveal can follow. Jurors that do not reveal, and those in the minority, lose a penalty
/// to the majority. A tie, or silence, is not guilty.
///
/// Evidence is for the jurors: `abi.encode(uint32 rolloutIndex, string reason, bytes32 evidenceDigest)`. The chain does
/// not read it.
interface IJuryJudge is IJudge {
    /// @notice A jury will be drawn from the hash of block `drawBlock`, for an honest-majority verdict.
    event JuryRequested(
        uint256 indexed challengeId,
        uint64 drawBlock,
        uint40 commitDeadline,
        uint40 revealDeadline,
        bytes evidence
    );
    /// @notice Nobody summoned the jury while the block hash was known (256 blocks): it is drawn from a later block.
    event JuryPostponed(uint256 indexed challengeId, uint64 drawBlock);
    /// @notice These jurors shall vote.
    event JurySummoned(
        uint256 indexed challengeId, address[] jurors, uint40 commitDeadline, uint40 revealDeadline
    );
    /// @notice A juror committed to its vote.
    event VoteCommitted(uint256 indexed challengeId, address indexed juror);
    /// @notice A juror showed its vote.
    event VoteRevealed(uint256 indexed challengeId, address indexed juror, bool guilty);
    /// @notice A juror lost `amount` because it did not reveal, or was in the minority.
    event JurorPenalised(uint256 indexed challengeId, address indexed juror, uint128 amount);
    /// @notice A juror of the majority earned `amount` from the penalties.
    event JurorRewarded(uint256 indexed challengeId, address indexed juror, uint128 amount);
    /// @notice The trial is over. `relayed` tells whether the hub still wanted the honest-majority verdict.
    event JuryClosed(
        uint256 indexed challengeId, bool guilty, uint8 guiltyVotes, uint8 revealed, uint8 seats, bool relayed
    );

    /// @notice A constructor argument is out of bounds.
    error JuryJudge_BadTerms();
    /// @notice Only the hub may open challenges.
    error JuryJudge_NotHub(address caller);
    /// @notice The jury needs `needed` seconds and one more to close; the task's disputes last `disputeSeconds`.
    error JuryJudge_DisputeTooShort(uint256 needed, uint256 disputeSeconds);
    /// @notice Nobody but the parties is registered.
    error JuryJudge_NoJurors();
    /// @notice The trial is not in a state that allows this.
    error JuryJudge_WrongStatus(uint256 challengeId, TrialStatus status);
    /// @notice The jury can be drawn after block `drawBlock`.
    error JuryJudge_TooEarlyToSummon(uint64 drawBlock);
    /// @notice The deadline has passed.
    error JuryJudge_TooLate(uint40 deadline);
    /// @notice The account is not on this jury, or has voted already.
    error JuryJudge_CannotCommit(address juror);
    /// @notice Revealing starts when all have committed, at the latest at `commitDeadline`.
    error JuryJudge_RevealNotOpen(uint40 commitDeadline);
    /// @notice The account has no committed vote to reveal, or has revealed it.
    error JuryJudge_CannotReveal(address juror);
    /// @notice Vote and salt do not hash to the commitment.
    error JuryJudge_VoteMismatch(address juror);
    /// @notice Votes can still be committed or revealed.
    error JuryJudge_VotingOpen(uint256 challengeId);

    /// @notice Draws the jury, from the block after the challenge on. Anyone may.
    /// @dev Draws again from a newer block when the hash is no longer known.
    function summon(uint256 challengeId) external;

    /// @notice A juror commits to its vote.
    /// @param voteHash `keccak256(abi.encode(challengeId, juror, guilty, salt))`.
    function commitVote(uint256 challengeId, bytes32 voteHash) external;

    /// @notice A juror shows its vote.
    function revealVote(uint256 challengeId, bool guilty, bytes32 salt) external;

    /// @notice Settles penalties and, if the hub still waits, gives it the verdict. Anyone may.
    function close(Challenge calldata challenge) external;

    /// @notice The hub whose challenges this judge decides.
    function hub() external view returns (address);
    /// @notice What an accused or a challenger has to trust.
    function guarantee() external pure returns (string memory);
    /// @notice Jurors on a full jury; fewer when the pool is smaller.
    function jurySize() external view returns (uint256);
    /// @notice Seconds from the challenge on in which the jury is summoned and votes are committed.
    function commitSeconds() external view returns (uint32);
    /// @notice Seconds after that in which votes are revealed.
    function revealSeconds() external view returns (uint32);
    /// @notice A trial; all zero when there is none.
    function trialOf(uint256 challengeId) external view returns (Trial memory);
    /// @notice The jurors of a trial, empty before they are summoned.
    function juryOf(uint256 challengeId) external view returns (address[] memory);
    /// @notice A juror's part in a trial.
    function ballotOf(uint256 challengeId, address juror) external view returns (Ballot memory);
}
