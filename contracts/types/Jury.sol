// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice A registered juror of the honest-majority jury.
/// @param stake Held by the judge for this juror.
/// @param places Places in the pool: its chances to be drawn.
/// @param serving Juries it sits on.
struct Juror {
    // slot 0 (192 bits)
    uint128 stake;
    uint32 places;
    uint32 serving;
}

/// @notice One chance to be drawn.
/// @param juror Whose it is.
/// @param index Which of the juror's places it is, from 0.
struct Place {
    // slot 0 (192 bits)
    address juror;
    uint32 index;
}

/// @notice Life of a trial: None -> Drawing -> Voting -> Closed. An appeal leads from Drawing or Voting back to Drawing,
/// and a jury that nobody summoned from Drawing to Closed.
enum TrialStatus {
    None,
    Drawing,
    Voting,
    Closed
}

/// @notice A challenge before the jury.
/// @param node The accused, never drawn.
/// @param round The round that is on: how many appeals there have been.
/// @param status Where that round stands.
/// @param challenger Never drawn either.
struct Trial {
    // slot 0 (176 bits)
    address node;
    uint8 round;
    TrialStatus status;
    // slot 1 (160 bits)
    address challenger;
}

/// @notice One jury's part of a trial. Votes are counted in seats.
/// @param drawBlock The jury is drawn from the hash of this block.
/// @param commitDeadline Votes can be committed before it.
/// @param revealDeadline Votes can be revealed before it.
/// @param changedAt When the jury was summoned or the newest vote revealed.
/// @param population Places in the pool when the jury was requested: only they can be drawn.
/// @param seats Seats that were filled.
/// @param committed Seats whose juror committed a vote.
/// @param revealed Seats whose juror revealed it.
/// @param guiltyVotes Seats that voted "guilty".
struct Round {
    // slot 0 (248 bits)
    uint64 drawBlock;
    uint40 commitDeadline;
    uint40 revealDeadline;
    uint40 changedAt;
    uint32 population;
    uint8 seats;
    uint8 committed;
    uint8 revealed;
    uint8 guiltyVotes;
}

/// @notice What a juror did in a round. Absent: not on the jury.
enum Vote {
    Absent,
    Summoned,
    Committed,
    Guilty,
    NotGuilty
}

/// @notice A juror's part in a round.
/// @param commitment First 30 bytes of `keccak256(abi.encode(challengeId, round, juror, guilty, salt))`: as hard to
/// open in two ways as 2^120 hashes, and one slot with the rest.
/// @param seats How often the juror was drawn: the weight of its vote.
struct Ballot {
    // slot 0 (256 bits)
    bytes30 commitment;
    uint8 seats;
    Vote vote;
}
