// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice Life of a membership: None -> Active -> (Exiting ->) Exited, or -> Slashed from Active and Exiting.
enum MemberStatus {
    None,
    Active,
    Exiting,
    Exited,
    Slashed
}

/// @notice A node's place in a task, as `IHub.memberOf` tells it. Kept as a `Work` and a `Holder`.
/// @dev The stake is the task's: it is in the hub while the status is Active or Exiting.
/// @param owner Cold key: joined, may ask to exit, gets the stake back.
/// @param next As in `Work`, like all that is not explained here.
/// @param payout Receives pay and lost bonds.
/// @param exitAt Time of the exit request, or zero.
struct Member {
    address owner;
    uint256 next;
    uint256 unpaid;
    uint256 nextRound;
    uint256 unitsLeft;
    uint256 unitsReserved;
    uint256 challenged;
    uint256 voided;
    MemberStatus status;
    address payout;
    uint256 exitAt;
}

/// @notice The part of a `Member` that work changes: all that a commitment reads and writes.
/// @dev Kept in one slot; `Slots` packs all but the key, in this order, each field in the bits it says.
/// @param key Where it is kept: the hash of task and node.
/// @param next Sequence of the next commitment, which is also how many there have been. 32 bits.
/// @param unpaid Commitments the pay cursor has not passed: the cursor is `next - unpaid`. At most 64. 8 bits.
/// @param nextRound Lowest round the node may still commit to. 24 bits.
/// @param apart One when the `Holder` names an owner or a payout; zero when both are the node. 8 bits.
/// @param unitsLeft Units of the quota not yet committed. 24 bits.
/// @param unitsReserved Units of the quota not yet paid: what the bounty still reserves for this member. 24 bits.
/// @param challenged Bit `sequence % 64` is set while that commitment has a pending challenge; of a slashed member, the
/// time at which it was slashed, which judges of versions ask for. 64 bits.
/// @param voided Bit `sequence % 64` is set when a challenge to that commitment expired: it earns nothing. 64 bits.
/// @param status A `MemberStatus`. 8 bits.
struct Work {
    bytes32 key;
    uint256 next;
    uint256 unpaid;
    uint256 nextRound;
    uint256 apart;
    uint256 unitsLeft;
    uint256 unitsReserved;
    uint256 challenged;
    uint256 voided;
    uint256 status;
}

/// @notice The part of a `Member` that says whose it is.
/// @param owner Zero means the node.
/// @param exitAt Time of the exit request, or zero.
/// @param payout Zero means the owner.
struct Holder {
    // slot 0 (200 bits): untouched while a node holds its own stake and nobody asked to exit
    address owner;
    uint40 exitAt;
    // slot 1 (160 bits): untouched while the owner is the payout
    address payout;
}

/// @notice A node's claim about one round. The hub keeps only its hash, in ring slot `sequence % 64`.
/// @param sequence Position among the node's commitments in this task, from 0.
/// @param round Round it is for; for a checkpoint claim, the version.
/// @param root Merkle root over `units` rollout leaves; for a checkpoint claim
/// `keccak256(abi.encode(keccak256("cupel.checkpoint.v1"), version, digest))`.
/// @param manifest SHA-256 of the submission manifest; for a checkpoint claim, the digest.
/// @param units Rollouts claimed; zero marks a checkpoint claim.
/// @param time Block time of the commitment.
struct Commitment {
    uint32 sequence;
    uint32 round;
    bytes32 root;
    bytes32 manifest;
    uint32 units;
    uint40 time;
}

/// @notice A `Commitment` as the hub works with it: the same words, behind those that make them, but for the time, the
/// struct a node signs for `commitBatch`.
/// @param typehash Of that struct.
struct Entry {
    bytes32 typehash;
    bytes32 task;
    bytes32 beacon;
    uint256 sequence;
    uint256 round;
    bytes32 root;
    bytes32 manifest;
    uint256 units;
    uint256 time;
}

/// @notice A commitment of one node in a relayed batch.
/// @param node The member.
/// @param root As in `Commitment`.
/// @param manifest As in `Commitment`.
/// @param units As in `Commitment`.
/// @param signature Of `IHub.commitDigest`, by the node's key or, where the node is a contract, by EIP-1271.
struct SignedCommit {
    address node;
    bytes32 root;
    bytes32 manifest;
    uint32 units;
    bytes signature;
}

/// @notice A posted claim of what version's canonical weights are.
/// @param digest SHA-256 of the weights manifest.
/// @param poster Node that posted it and answers for it with its stake; zero when none was posted.
/// @param time Block time of the posting.
/// @param sequence Sequence of the poster's commitment.
struct Checkpoint {
    bytes32 digest;
    address poster;
    uint256 time;
    uint256 sequence;
}

/// @notice A `Checkpoint` as the hub keeps it.
/// @param word From the lowest bit on: poster (160 bits), time (40), sequence (32).
struct Posting {
    // slot 0
    bytes32 digest;
    // slot 1 (232 bits)
    uint256 word;
}
