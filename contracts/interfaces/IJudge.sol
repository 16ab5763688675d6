// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Commitment} from "../types/Membership.sol";
import {TaskParams} from "../types/Task.sol";

/// @title What the hub asks of a judge
/// @notice A judge decides one bit. The hub trusts it with nothing else: a judge names no amount and no recipient,
/// cannot re-enter, and if it stays silent until the deadline the commitment earns nothing and the bond goes back.
/// @dev A judge must accept `open` from the hub only. While `open` runs every state-changing function of the hub that
/// touches money reverts; its views answer, and `Hub.challengeOf(challengeId)` is not yet filled.
interface IJudge {
    /// @notice Answer of `open`. Pending means that the judge will call `IHub.verdict` later.
    enum Verdict {
        Pending,
        Guilty,
        NotGuilty
    }

    /// @notice Opens a challenge, or decides it at once. A revert undoes the challenge.
    /// @param challengeId The hub's number for it, unique for ever.
    /// @param taskId Hash of `p`, checked by the hub.
    /// @param p Parameters of the task.
    /// @param node The accused.
    /// @param c The challenged commitment, checked by the hub against the ring.
    /// @param challenger Who put down the bond.
    /// @param evidence What the challenger says; the judge defines its form and must assume it hostile.
    function open(
        uint256 challengeId,
        bytes32 taskId,
        TaskParams calldata p,
        address node,
        Commitment calldata c,
        address challenger,
        bytes calldata evidence
    ) external returns (Verdict verdict);
}
