// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Challenge} from "../types/Challenge.sol";
import {Commitment} from "../types/Membership.sol";
import {TaskParams} from "../types/Task.sol";

/// @title What the hub asks of a judge
/// @notice A judge decides one thing. The hub trusts it with nothing else: a judge names no amount and no recipient,
/// cannot re-enter, and if it stays silent until the deadline the commitment earns nothing and the bond goes back.
/// @dev A judge must accept `open` from the hub only. While `open` runs every state-changing function of the hub that
/// touches money reverts; its views answer, and `Hub.challengeStatus(challengeId)` is still None.
interface IJudge {
    /// @notice Answer of `open`, and later of `IHub.verdict`. Pending means that the judge will call that function.
    /// Guilty: the accused loses its stake. NotGuilty: the accuser loses its bond. Dismissed: nobody loses anything.
    enum Verdict {
        Pending,
        Guilty,
        NotGuilty,
        Dismissed
    }

    /// @notice Opens a challenge, or decides it at once. A revert undoes the challenge.
    /// @param challengeId Hash of `challenge`, the hub's number for it.
    /// @param challenge Who accuses whom; all of it checked by the hub.
    /// @param p Parameters of the task.
    /// @param c The challenged commitment, checked by the hub against the ring.
    /// @param evidence What the challenger says; the judge defines its form and must assume it hostile.
    function open(
        uint256 challengeId,
        Challenge calldata challenge,
        TaskParams calldata p,
        Commitment calldata c,
        bytes calldata evidence
    ) external returns (Verdict verdict);
}
