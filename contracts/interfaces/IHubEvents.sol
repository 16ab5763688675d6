// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Challenge} from "../types/Challenge.sol";
import {TaskParams} from "../types/Task.sol";

/// @title What the hub reports
/// @notice Events alone are enough to rebuild every task: parameters, members,
/// commitments (all fields of `Commitment`), challenges and money.
interface IHubEvents {
    /// @notice A task exists from now on; `params` is the preimage of its id.
    /// Its bounty pays for `units`.
    event TaskCreated(bytes32 indexed task, address indexed creator, TaskParams params, uint40 units);
    /// @notice The bounty grew by the pay of `added` units to that of `units`.
    event BountyAdded(bytes32 indexed task, address indexed from, uint40 added, uint40 units);
    /// @notice The pay of `units` that nobody has reserved went to the creator's credit.
    event Refunded(bytes32 indexed task, address indexed creator, uint40 units, uint256 amount);
    /// @notice A round's randomness is fixed.
    event RoundOpened(bytes32 indexed task, uint32 indexed round, bytes32 beacon, uint40 time);

    /// @notice A node joined; it may commit from round `firstRound` on.
    event Joined(
        bytes32 indexed task,
        address indexed node,
        address owner,
        address payout,
        uint32 quota,
        uint32 firstRound
    );
    /// @notice Where an account can be reached; the newest wins, an empty one withdraws it.
    event EndpointSet(address indexed account, string endpoint);
    /// @notice The node makes no more commitments.
    event ExitRequested(bytes32 indexed task, address indexed node, uint40 time);
    /// @notice The stake went to the owner's credit and `unitsReleased` of the quota went back to the bounty.
    event Exited(
        bytes32 indexed task,
        address indexed node,
        address owner,
        uint96 stake,
        uint32 unitsReleased,
        uint40 time
    );

    /// @notice A node committed to its work for a round.
    event Committed(
        bytes32 indexed task,
        address indexed node,
        uint32 indexed round,
        uint32 sequence,
        bytes32 root,
        bytes32 manifest,
        uint32 units,
        uint40 time
    );
    /// @notice A node claims that `digest` is the canonical version `version`.
    event CheckpointPosted(
        bytes32 indexed task,
        uint32 indexed version,
        address indexed node,
        uint32 sequence,
        bytes32 digest,
        uint40 time
    );

    /// @notice A commitment is accused before `challenge.judge`. `challengeId` is the hash of `challenge`.
    event Challenged(
        uint256 indexed challengeId,
        bytes32 indexed task,
        address indexed node,
        Challenge challenge,
        bytes evidence,
        uint40 time
    );
    /// @notice The judge spoke. `challengerCredit` is bond and share of the stake when guilty, zero otherwise.
    event Resolved(uint256 indexed challengeId, bool guilty, uint96 challengerCredit, uint40 time);
    /// @notice The judge found nobody at fault: the bond went back to the challenger.
    event Dismissed(uint256 indexed challengeId, uint96 challengerCredit, uint40 time);
    /// @notice The node had been slashed for something else: the bond went back to the challenger.
    event Mooted(uint256 indexed challengeId, uint96 challengerCredit, uint40 time);
    /// @notice The judge was silent: the commitment earns nothing, the bond went back to the challenger.
    event Expired(
        uint256 indexed challengeId,
        bytes32 indexed task,
        address indexed node,
        uint32 sequence,
        uint96 challengerCredit,
        uint40 time
    );
    /// @notice The whole stake of a membership is lost: `burned + rewarded == stake`.
    event Slashed(
        bytes32 indexed task,
        address indexed node,
        uint256 challengeId,
        uint96 stake,
        uint96 burned,
        uint96 rewarded,
        uint40 time
    );

    /// @notice `units` were paid to the payout's credit; `paid` is the new cursor.
    event Claimed(
        bytes32 indexed task, address indexed node, uint32 units, uint256 amount, address payout, uint32 paid
    );
    /// @notice Credit left the hub.
    event Withdrawn(address indexed token, address indexed account, uint256 amount);
}
