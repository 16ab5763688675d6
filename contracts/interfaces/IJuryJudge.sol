// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Challenge} from "../types/Challenge.sol";
import {Ballot, Round, Trial, TrialStatus} from "../types/Jury.sol";
import {IJudge} from "./IJudge.sol";

/// @title HONEST-MAJORITY judge: a jury drawn by stake votes, and a larger one on appeal
/// @notice Guarantee: HONEST MAJORITY of the seats that are drawn, and nothing better. Where the adversary holds a third
/// of the pool's stake, a jury of 7 errs in 17 % of draws, one of 31 in 2.7 %; bribes and a wrong tool that all jurors
/// share are not covered at all. A task names this judge only if its creator and its nodes accept that.
///
/// Course of a round: a request fixes the deadlines and the block whose hash draws the jury; from the next block on
/// anyone calls `summon`; jurors commit votes, then reveal them. The jury is not drawn within the request because a
/// challenger could then repeat a reverting transaction until it likes the jury. Revealing may start when all have
/// committed. `open` requests the first round. From its last vote on, anyone may `appeal` for `appealSeconds`, which
/// requests a round with a jury of `2n + 1`; `close` counts when that time has passed, or after the last possible round.
///
/// Result: the majority of the votes of the newest round in which anyone voted. A tie is not guilty: what half of a
/// jury does not see is not proven. Where nobody voted in any round the challenge is dismissed. Were silence an
/// acquittal, whoever keeps a jury silent would win the bond of an honest challenger. Dismissed, silence gains nobody
/// anything and costs every seat a penalty; the party that wants a verdict can summon the jury itself.
///
/// Money: against the result, a seat that revealed nothing or voted otherwise loses a penalty to the coherent seats of
/// its own round, in earlier rounds too: else a first jury could be bought without risk to it. After a tie nobody counts
/// as outvoted. An appeal is right if the result is another than the one it was raised against, whatever rounds lie
/// between. Its bond goes back then, without a reward: a jury's majority could else decide wrongly and collect by
/// appealing. The bond of a wrong appeal goes to the coherent seats of the round that it caused. What nobody earns is
/// burned. If the accused was slashed for something else meanwhile, bonds go back and nobody is blamed.
///
/// Accused and challenger are never drawn. Appellants are: usually they are outvoted jurors, and the rule would not bind
/// a second account anyway.
///
/// Evidence is for the jurors: `abi.encode(uint32 rolloutIndex, string reason, bytes32 evidenceDigest)`. The chain does
/// not read it.
interface IJuryJudge is IJudge {
    /// @notice A jury will be drawn from the hash of block `drawBlock`, for an honest-majority verdict. `evidence` is
    /// that of the challenge, and empty on appeal.
    event JuryRequested(
        uint256 indexed challengeId,
        uint8 round,
        uint64 drawBlock,
        uint40 commitDeadline,
        uint40 revealDeadline,
        bytes evidence
    );
    /// @notice Nobody summoned the jury while the block hash was known (256 blocks): it is drawn from a later block.
    event JuryPostponed(uint256 indexed challengeId, uint8 round, uint64 drawBlock);
    /// @notice These jurors shall vote, each with the weight of its seats.
    event JurySummoned(
        uint256 indexed challengeId, uint8 round, address[] jurors, uint8[] seats, uint40 time
    );
    /// @notice A juror committed to its vote.
    event VoteCommitted(uint256 indexed challengeId, uint8 round, address indexed juror);
    /// @notice A juror showed its vote.
    event VoteRevealed(
        uint256 indexed challengeId, uint8 round, address indexed juror, bool guilty, uint40 time
    );
    /// @notice The result so far is taken to the larger jury of round `round`, which has just been requested.
    event Appealed(uint256 indexed challengeId, uint8 round, address indexed appellant, uint128 bond);
    /// @notice A juror lost `amount` because it did not reveal, or voted against the result.
    event JurorPenalised(uint256 indexed challengeId, uint8 round, address indexed juror, uint128 amount);
    /// @notice A coherent juror earned `amount` from penalties and a lost bond.
    event JurorRewarded(uint256 indexed challengeId, uint8 round, address indexed juror, uint128 amount);
    /// @notice The appeal was right, or the trial moot: its bond is the appellant's credit.
    event BondReturned(uint256 indexed challengeId, uint8 round, address indexed appellant, uint128 amount);
    /// @notice The appeal was wrong: its bond goes to the coherent jurors of its round, or is burned.
    event BondLost(uint256 indexed challengeId, uint8 round, address indexed appellant, uint128 amount);
    /// @notice The trial is over after `rounds` rounds. `relayed` tells whether the hub still wanted the honest-majority
    /// verdict.
    event JuryClosed(uint256 indexed challengeId, Verdict verdict, uint8 rounds, bool relayed);

    /// @notice A constructor argument is out of bounds.
    error JuryJudge_BadTerms();
    /// @notice Only the hub may open challenges.
    error JuryJudge_NotHub(address caller);
    /// @notice All rounds need `needed` seconds, grace included; the task's disputes last `disputeSeconds`.
    error JuryJudge_DisputeTooShort(uint256 needed, uint256 disputeSeconds);
    /// @notice Nobody but the parties is registered.
    error JuryJudge_NoJurors();
    /// @notice The trial is not in a state that allows this.
    error JuryJudge_WrongStatus(uint256 challengeId, TrialStatus status);
    /// @notice The jury can be drawn after block `drawBlock`.
    error JuryJudge_TooEarlyToSummon(uint64 drawBlock);
    /// @notice The deadline has passed.
    error JuryJudge_TooLate(uint256 deadline);
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
    /// @notice Until `closable` the result can be appealed against.
    error JuryJudge_AppealOpen(uint256 challengeId, uint256 closable);
    /// @notice The trial has had all its rounds.
    error JuryJudge_NoFurtherAppeal(uint256 challengeId);
    /// @notice The hub does not wait for a verdict any more.
    error JuryJudge_NotPending(uint256 challengeId);

    /// @notice Draws the jury of the round that is on, from the block after its request on. Anyone may.
    /// @dev Draws again from a newer block when the hash is no longer known.
    function summon(uint256 challengeId) external;

    /// @notice A juror commits to its vote in the round that is on.
    /// @param voteHash `keccak256(abi.encode(challengeId, round, juror, guilty, salt))`.
    function commitVote(uint256 challengeId, bytes32 voteHash) external;

    /// @notice A juror shows its vote.
    function revealVote(uint256 challengeId, bool guilty, bytes32 salt) external;

    /// @notice Takes the result so far to a larger jury. Anyone may, from a round's last vote on for `appealSeconds`.
    /// Needs an allowance of `appealBond(round)` for the round that follows.
    function appeal(uint256 challengeId) external;

    /// @notice Settles penalties and bonds and, if the hub still waits, gives it the verdict. Anyone may.
    function close(Challenge calldata challenge) external;

    /// @notice The hub whose challenges this judge decides.
    function hub() external view returns (address);
    /// @notice What an accused or a challenger has to trust.
    function guarantee() external pure returns (string memory);
    /// @notice Seats of the first full jury, 1 to 31; fewer when the pool is smaller.
    function jurySize() external view returns (uint256);
    /// @notice Appeals that a trial may see.
    function maxAppeals() external view returns (uint256);
    /// @notice Seconds from a request on in which the jury is summoned and votes are committed.
    function commitSeconds() external view returns (uint32);
    /// @notice Seconds after that in which votes are revealed.
    function revealSeconds() external view returns (uint32);
    /// @notice Seconds from a round's last vote on in which anyone may appeal.
    function appealSeconds() external view returns (uint32);
    /// @notice Seconds that are left to close the trial before the hub's deadline, whatever happened.
    function graceSeconds() external view returns (uint32);
    /// @notice Least `disputeSeconds` of a task with this judge: all rounds, their appeals, and the grace.
    function neededSeconds() external view returns (uint256);
    /// @notice Seats of a round's full jury: `2n + 1`, at most 31, after each appeal.
    function jurySizeIn(uint256 round) external view returns (uint256);
    /// @notice What it costs to appeal for `round`, from 1: a penalty for each seat of the first appeal's jury, doubling
    /// with every round. Zero for a round that no appeal leads to.
    function appealBond(uint256 round) external view returns (uint128);
    /// @notice The honest-majority result of the votes so far, and from when on `close` takes it if nothing else
    /// happens. Before that time it can be appealed against, if the last vote is in and rounds are left.
    function resultOf(uint256 challengeId) external view returns (Verdict result, uint256 closable);
    /// @notice A trial; all zero when there is none.
    function trialOf(uint256 challengeId) external view returns (Trial memory);
    /// @notice One of its rounds, from 0; all zero when there is none.
    function roundOf(uint256 challengeId, uint256 round) external view returns (Round memory);
    /// @notice Who appealed for a round; nobody for round 0.
    function appellantOf(uint256 challengeId, uint256 round) external view returns (address);
    /// @notice The jurors of a round, each once, in the order drawn; empty before they are summoned.
    function juryOf(uint256 challengeId, uint256 round) external view returns (address[] memory);
    /// @notice A juror's part in a round.
    function ballotOf(uint256 challengeId, uint256 round, address juror) external view returns (Ballot memory);
}
