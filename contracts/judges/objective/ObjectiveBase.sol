// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IObjectiveJudge} from "../../interfaces/IObjectiveJudge.sol";
import {Merkle} from "../../libraries/Merkle.sol";
import {LeafContext, RolloutLeaf, RolloutLeaves} from "../../libraries/RolloutLeaves.sol";

/// @title What the kinds of the objective judge share
/// @notice Two facts carry every argument of soundness. Everything under a commitment's root was put there by the node
/// itself: the hub takes a commitment from the node or under its signature only. And in the tree that the protocol
/// prescribes, finding anything but a leaf at a leaf's place, or a zero hash anywhere but in the padding, takes a
/// collision or a preimage of keccak-256, because leaves and nodes hash under different prefixes.
abstract contract ObjectiveBase is IObjectiveJudge {
    /// @inheritdoc IObjectiveJudge
    address public immutable override hub;

    constructor(address hub_) {
        hub = hub_;
    }

    function _requireLeaf(
        bytes32 root,
        uint256 units,
        LeafContext memory context,
        RolloutLeaf memory leaf,
        bytes32[] memory proof
    ) internal pure {
        if (!Merkle.verify(root, RolloutLeaves.hash(context, leaf), leaf.index, units, proof)) {
            revert ObjectiveJudge_LeafNotProven(leaf.index);
        }
    }
}
