// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Commitment} from "./Membership.sol";

/// @notice What is to be done next; even numbers are the accused's moves, odd ones the challenger's. Twin of `Stage` in
/// protocol/spec/aggregate/game.py.
enum AggregateStage {
    Answer,
    Charge,
    Node,
    Child,
    Piece,
    Entry,
    Inputs,
    Refutation
}

/// @notice How versions follow from updates. Twin of `Rule` in protocol/spec/aggregate/game.py.
/// @param parameters Of the policy.
/// @param learningRateNumerator Of the outer step.
/// @param learningRateDenominator Of the outer step.
/// @param momentumNumerator Of the outer step.
/// @param momentumDenominator Of the outer step.
/// @param maxExponentOffset Largest exponent of a block of an update, above -32.
struct AggregateRule {
    uint32 parameters;
    uint32 learningRateNumerator;
    uint32 learningRateDenominator;
    uint32 momentumNumerator;
    uint32 momentumDenominator;
    uint32 maxExponentOffset;
}

/// @notice Where a game stands. The judge keeps its hash alone: each move shows it again, and each event tells it.
/// @dev Twin of `Game` in protocol/spec/aggregate/game.py. Fields that a stage has no use for keep their last value.
/// @param front Who asked, and gets the verdict: the hub, or a judge that passes disputes about versions on.
/// @param accused The poster; it alone moves for itself.
/// @param challenger Likewise.
/// @param accusedSeconds Left of its clock.
/// @param challengerSeconds Left of its clock.
/// @param movedAt When the last move was made.
/// @param subject Hash of the `AggregateMatter`, and from the answer on of the `AggregateClaim`.
/// @param node In dispute: the hash of a node or of a piece; of the inputs, once they are shown.
/// @param level Of the node above the pieces.
/// @param index Of the node among those of its level; in the end, of the piece.
/// @param offset In the checkpoint's file: where the disputed integer begins.
struct AggregateGame {
    AggregateStage stage;
    address front;
    address accused;
    address challenger;
    uint32 accusedSeconds;
    uint32 challengerSeconds;
    uint40 movedAt;
    bytes32 subject;
    bytes32 node;
    uint32 level;
    uint32 index;
    uint64 offset;
}

/// @notice What is challenged: a version that the accused posted, or one that it rests on.
/// @param task Of the posting.
/// @param version In dispute; the posted one, until the challenger goes back to its parent.
/// @param digest Of that version.
/// @param back How many times the challenger went back.
/// @param postedAt When the accused posted.
/// @param genesisDigest As in the task's parameters, like all that follows.
struct AggregateMatter {
    bytes32 task;
    uint32 version;
    bytes32 digest;
    uint32 back;
    uint40 postedAt;
    bytes32 genesisDigest;
    uint40 start;
    uint32 roundSeconds;
    uint32 commitSeconds;
    uint32 challengeWindow;
    uint32 disputeSeconds;
}

/// @notice What the answer fixed.
/// @dev Twin of `Claim` in protocol/spec/aggregate/game.py.
/// @param matter Hash of the `AggregateMatter`.
/// @param version In dispute.
/// @param task As in the matter.
/// @param root Over the pieces of the version's checkpoint.
/// @param parentDigest Of the version before.
/// @param parentRoot Over the pieces of that version's checkpoint.
/// @param fileBytes Of either checkpoint.
/// @param decidedAt Slashings before it count for the version.
/// @param givenUp Whether the version was decided so late that it is its parent once more.
/// @param nodes `keccak256(abi.encode(address[]))` of the nodes whose commitments are accepted, ascending.
/// @param manifests `keccak256(abi.encode(bytes32[]))` of their manifests, but for those whose update is none.
/// @param count How many manifests.
struct AggregateClaim {
    bytes32 matter;
    uint32 version;
    bytes32 task;
    bytes32 root;
    bytes32 parentDigest;
    bytes32 parentRoot;
    uint64 fileBytes;
    uint40 decidedAt;
    bool givenUp;
    bytes32 nodes;
    bytes32 manifests;
    uint32 count;
}

/// @notice A commitment of a node, as the hub's ring still holds it.
struct AggregateEntry {
    address node;
    Commitment commitment;
}

/// @notice A piece of a file under the root in its manifest.
/// @param proof Siblings bottom up.
struct PieceOpening {
    bytes data;
    bytes32[] proof;
}

/// @notice Why an accepted commitment's update is none.
/// @param entry Of the answer's entries, or of the manifests that count.
/// @param manifest The commitment's. If it has no head, or that of a file of another length, this is enough.
/// @param offset Else a byte of the file that no update has there.
/// @param piece The piece that holds the byte.
struct AggregateFault {
    uint32 entry;
    bytes manifest;
    uint64 offset;
    PieceOpening piece;
}

/// @notice The accused's first move.
/// @param manifest Of the version in dispute.
/// @param parentAt Where in it the parent's digest begins.
/// @param parentManifest Of the version before.
/// @param earliest The first posting of this version or a later one; all zero if it is the accused's own.
/// @param entries The commitments whose updates make the version, by node, ascending.
/// @param faults Those of them whose update is none, ascending, as far as the chain can see it.
/// @param unreadable Whether there is one whose manifest leads to no file, which the chain cannot see.
struct AggregateAnswer {
    bytes manifest;
    uint32 parentAt;
    bytes parentManifest;
    AggregateEntry earliest;
    AggregateEntry[] entries;
    AggregateFault[] faults;
    bool unreadable;
}

/// @notice What the accused says that the disputed integer is made from.
/// @param weight Of the version before, in units of 2^-20.
/// @param momentum Of the version before, in units of 2^-32.
/// @param terms Of each update that counts, the mantissa and the exponent of its block, a byte each.
struct AggregateInputs {
    int32 weight;
    int64 momentum;
    bytes terms;
}

/// @notice The challenger's last move against a term of the inputs.
/// @param manifests As the answer's event told them.
/// @param term Of the inputs.
/// @param isMantissa Which of its two bytes.
/// @param manifest Of that update's commitment.
/// @param piece The piece of the update that holds the byte.
struct AggregateTerm {
    bytes32[] manifests;
    uint32 term;
    bool isMantissa;
    bytes manifest;
    PieceOpening piece;
}
