// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Challenge, ChallengeStatus} from "../types/Challenge.sol";
import {Checkpoint, Commitment, Member, SignedCommit} from "../types/Membership.sol";
import {Task, TaskParams} from "../types/Task.sol";
import {IHubErrors} from "./IHubErrors.sol";
import {IHubEvents} from "./IHubEvents.sol";
import {IJudge} from "./IJudge.sol";

/// @title Hub: the escrow and the rule book of every Cupel task
/// @notice Holds bounties, stakes, bonds and credits. Nobody owns it, nothing in it can be changed, paused or taxed.
/// @dev Times are block timestamps in seconds, amounts are in the smallest unit of the task's token. Where a function
/// takes `TaskParams` or a `Challenge` it hashes them to the id, so a caller cannot pass others than were recorded.
/// Calls can be put together in `multicall`, for instance `permit` and `join`.
interface IHub is IHubErrors, IHubEvents {
    // Tasks

    /// @notice Creates a task and escrows its first bounty. Needs an allowance of `units * p.rate`.
    /// @param p Parameters; the sender must be `p.creator`. Start must not lie in the past, every pinned contract must
    /// have the named code.
    /// @param units What the bounty pays for, more than zero.
    /// @return task The id.
    function createTask(TaskParams calldata p, uint40 units) external returns (bytes32 task);

    /// @notice Adds the pay of `units` to the bounty of a task whose last round is not over. Anyone may; the money counts
    /// as the creator's.
    function topUp(TaskParams calldata p, uint40 units) external;

    /// @notice Credits the creator with the bounty that no member has reserved. Open from
    /// `end + challengeWindow + disputeSeconds + exitMargin` on, as often as reserves are released.
    function refund(TaskParams calldata p) external;

    /// @notice Fixes the randomness of a round whose commit time has begun and is not over. Anyone may, once a round.
    /// @dev `keccak256(abi.encode(prevrandao, blockhash(block.number - 1)))`. It decides samples, never guilt.
    function openRound(bytes32 task, uint32 round) external returns (bytes32 beacon);

    // Membership

    /// @notice Locks `p.stake` of the sender and reserves `quota * p.rate` of the bounty for `node`.
    /// @dev The node may commit from the next round to start. One membership for each node address and task, for ever.
    /// @param node Hot key that will commit.
    /// @param payout Receives pay; cannot be changed.
    /// @param quota Most units the node can be paid for, 1 to 2^24 - 1.
    /// @param consent The node's EIP-712 signature of `Join(bytes32 task,address node,address owner,address payout,
    /// uint32 quota)`, or its EIP-1271 equivalent. Empty when the sender is the node.
    function join(TaskParams calldata p, address node, address payout, uint32 quota, bytes calldata consent)
        external;

    /// @notice Publishes where the sender can be reached. Members, verifiers and anyone else may.
    function setEndpoint(string calldata endpoint) external;

    /// @notice Ends a node's work. Only the owner; the node cannot commit any more, and stays slashable.
    function requestExit(bytes32 task, address node) external;

    /// @notice Moves the stake to the owner's credit and gives back the unspent reserve. Anyone may, once
    /// `challengeWindow + disputeSeconds + exitMargin` have passed since the exit request or the task's end, whichever
    /// came first, and every commitment has been claimed.
    function exit(TaskParams calldata p, address node) external;

    // Work

    /// @notice The sender, a member node, commits to its work for a round.
    /// @dev The round's beacon must be set, its commit time not over, and rounds strictly increase. Keeps the hash of
    /// the `Commitment` in ring slot `sequence % 64`. What the leaves were computed for is named: a transaction that comes
    /// late, or that a reorganisation puts behind another beacon or another commitment, is refused instead of turning
    /// honest leaves into false ones.
    /// @param beacon The round's.
    /// @param sequence The node's next.
    /// @param root Merkle root over the rollout leaves.
    /// @param manifest SHA-256 of the submission manifest.
    /// @param units Number of leaves, 1 to what the round and the quota allow.
    function commit(
        bytes32 task,
        bytes32 beacon,
        uint32 sequence,
        uint32 round,
        bytes32 root,
        bytes32 manifest,
        uint32 units
    ) external;

    /// @notice Commits for many nodes in one transaction that anyone may send. All or none: a batch with one commitment
    /// that `commit` would refuse is refused.
    /// @param batch At least one; each signed over the round's beacon and the node's next sequence, so that a signature
    /// counts once.
    function commitBatch(bytes32 task, uint32 round, SignedCommit[] calldata batch) external;

    /// @notice The sender, a member node, claims that `digest` is canonical version `version` and answers for it with
    /// its stake. Possible once round `version - 1` is over, if no such claim stands or its poster was slashed.
    /// @return sequence Position of the claim among the sender's commitments.
    function postCheckpoint(bytes32 task, uint32 version, bytes32 digest) external returns (uint32 sequence);

    // Disputes

    /// @notice Accuses a commitment that is not yet final. Needs an allowance of `p.bond`. Any number of challenges may
    /// run at once, each on its own.
    /// @param c The commitment, as its event tells it.
    /// @param judge One of the task's.
    /// @param evidence In the form the judge asks for.
    /// @return challengeId Number of the challenge.
    function challenge(
        TaskParams calldata p,
        address node,
        Commitment calldata c,
        address judge,
        bytes calldata evidence
    ) external returns (uint256 challengeId);

    /// @notice The judge of a pending challenge decides it, before its deadline.
    /// @dev Guilty: the whole stake is lost, the challenger gets its bond and min(stake / 2, 10 bonds), the rest is
    /// burned. NotGuilty: the bond goes to the accused. Dismissed: it goes back. If the node was slashed before, the
    /// bond goes back whatever the judge says.
    function verdict(Challenge calldata pending, IJudge.Verdict answer) external;

    /// @notice Ends a challenge whose judge was silent until the deadline, or whose accused has been slashed. Anyone may.
    function expire(Challenge calldata pending) external;

    // Money

    /// @notice Pays final commitments to the payout's credit, in sequence from the pay cursor. Anyone may.
    /// @param batch Ascending commitments without gaps; those behind the cursor are skipped.
    function claim(TaskParams calldata p, address node, Commitment[] calldata batch) external;

    /// @notice Sends `account` all its credit in `token`. Anyone may. Burned stake is the credit of `BURN`.
    function withdraw(address token, address account) external;

    /// @notice Lets the hub take `amount` of an EIP-2612 token from the sender by its signature, in the same `multicall`
    /// as what needs it.
    /// @dev A permit that fails is passed over: somebody may have used it a moment before, and if not, the transfer fails.
    /// Only where there is no contract at all it reverts.
    function permit(address token, uint256 amount, uint256 deadline, uint8 v, bytes32 r, bytes32 s) external;

    /// @notice Makes several calls to the hub in one transaction, all or none, as their sender.
    function multicall(bytes[] calldata calls) external returns (bytes[] memory results);

    // Views

    /// @notice Where burned stake goes.
    function BURN() external view returns (address);
    /// @notice Id of a task with these parameters on this hub, created or not.
    function taskIdOf(TaskParams calldata p) external view returns (bytes32);
    /// @notice The stored part of a task; all zero when there is none.
    function taskOf(bytes32 task) external view returns (Task memory);
    /// @notice The round's beacon, zero when it has none.
    function beaconOf(bytes32 task, uint32 round) external view returns (bytes32);
    /// @notice A membership; all zero when there is none.
    function memberOf(bytes32 task, address node) external view returns (Member memory);
    /// @notice What a node signs to consent to a membership.
    function joinDigest(bytes32 task, address node, address owner, address payout, uint32 quota)
        external
        view
        returns (bytes32);
    /// @notice What a node signs for `commitBatch`: EIP-712 `Commit(bytes32 task,bytes32 beacon,uint32 sequence,
    /// uint32 round,bytes32 root,bytes32 manifest,uint32 units)`.
    function commitDigest(
        bytes32 task,
        bytes32 beacon,
        uint32 sequence,
        uint32 round,
        bytes32 root,
        bytes32 manifest,
        uint32 units
    ) external view returns (bytes32);
    /// @notice Hash in ring slot `slot` (0 to 63); zero when unused.
    function commitmentHash(bytes32 task, address node, uint256 slot) external view returns (bytes32);
    /// @notice The claim that stands for a version.
    function checkpointOf(bytes32 task, uint32 version) external view returns (Checkpoint memory);
    /// @notice Where a challenge stands that its judge left open; None when it was answered at once.
    function challengeStatus(uint256 challengeId) external view returns (ChallengeStatus);
    /// @notice Id of a challenge: its hash.
    function challengeIdOf(Challenge calldata challenge_) external pure returns (uint256);
    /// @notice What `withdraw` would send.
    function credit(address token, address account) external view returns (uint256);
}
