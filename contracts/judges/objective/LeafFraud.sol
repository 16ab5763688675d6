// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Merkle} from "../../libraries/Merkle.sol";
import {LeafContext, RolloutLeaves} from "../../libraries/RolloutLeaves.sol";
import {Commitment} from "../../types/Membership.sol";
import {ObjectiveBase} from "./ObjectiveBase.sol";

/// @title Leaves that are not `units` rollouts of the commitment
abstract contract LeafFraud is ObjectiveBase {
    /// @dev Kind 4. SOUND: an honest tree opens to data at its `units` leaves only, and each of these encodes a rollout
    /// of this chain, hub, task, node, sequence and round at its own position. A copied leaf names another of these, a
    /// repeated one another position, and a surplus one lies where no leaf is.
    function _malformedLeaf(Commitment calldata c, LeafContext memory context, bytes memory payload)
        internal
        pure
        returns (bool)
    {
        (uint32 position, bytes memory preimage, bytes32[] memory proof) =
            abi.decode(payload, (uint32, bytes, bytes32[]));
        if (!Merkle.opens(c.root, Merkle.leaf(preimage), position, proof)) {
            revert ObjectiveJudge_LeafNotProven(position);
        }
        return !Merkle.isPlace(position, proof.length, c.units)
            || !RolloutLeaves.isWellFormed(preimage, context, position);
    }

    /// @dev Kind 6. SOUND: the only zeros in an honest tree are the padding's, behind the last of the `units` leaves and
    /// at the leaves' depth. A zero anywhere else would have to be the hash of a leaf or of a node. Whoever counts more
    /// units than it has rollouts must put something in their places: a zero, shown here; a leaf, which kinds 1 and 4
    /// hold to its place; or a hash of nothing known, for a judge of withheld data.
    function _emptyLeaf(Commitment calldata c, bytes memory payload) internal pure returns (bool) {
        (uint256 position, bytes32[] memory proof) = abi.decode(payload, (uint256, bytes32[]));
        if (!Merkle.opens(c.root, bytes32(0), position, proof)) {
            revert ObjectiveJudge_LeafNotProven(position);
        }
        return !Merkle.isPadding(position, proof.length, c.units);
    }
}
