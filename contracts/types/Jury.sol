// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice A registered juror.
/// @param stake Held by the judge for this juror.
/// @param place Position in the pool, from 1; zero when the juror cannot be drawn.
/// @param serving Juries it sits on.
struct Juror {
    // slot 0 (192 bits)
    uint128 stake;
    uint32 place;
    uint32 serving;
}

/// @notice Life of a trial: None -> Drawing -> Voting -> Closed, or Drawing -> Closed when nobody summoned the jury.
enum TrialStatus {
    None,
    Drawing,
    Voting,
    Closed
}

/// @notice A challenge before the jury.
/// @param drawBlock The jury is drawn from the hash of this block.
/// @param commitDeadline Votes can be committed before it.
/// @param revealDeadline Votes can be revealed before it.
/// @param population Jurors in the pool when the challenge was opened: only they can be drawn.
/// @param seats Jurors drawn.
/// @param committed How many of them committed a vote.
/// @param revealed How many of them revealed it.
/// @param guiltyVotes How many revealed "guilty".
/// @param node The accused, not drawn.
/// @param challenger Not drawn either.
struct Trial {
    // slot 0 (216 bits)
    uint64 drawBlock;
    uint40 commitDeadline;
    uint40 revealDeadline;
    uint32 population;
    uint8 seats;
    uint8 committed;
    uint8 revealed;
    uint8 guiltyVotes;
    TrialStatus status;
    // slot 1 (160 bits)
    address node;
    // slot 2 (160 bits)
    address challenger;
}

/// @notice What a juror did in a trial. Absent: not on the jury.
enum Vote {
    Absent,
    Summoned,
    Committed,
    Guilty,
    NotGuilty
}

/// @notice A juror's part in a trial.
/// @param commitment `keccak256(abi.encode(challengeId, juror, guilty, salt))`.
struct Ballot {
    // slot 0
    bytes32 commitment;
    // slot 1 (8 bits)
    Vote vote;
}
