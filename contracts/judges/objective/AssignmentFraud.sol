// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IHub} from "../../interfaces/IHub.sol";
import {Assignment} from "../../libraries/Assignment.sol";
import {LeafContext, RolloutLeaf} from "../../libraries/RolloutLeaves.sol";
import {Checkpoint, Commitment} from "../../types/Membership.sol";
import {TaskParams} from "../../types/Task.sol";
import {ObjectiveBase} from "./ObjectiveBase.sol";

/// @title Work that the chain did not assign
abstract contract AssignmentFraud is ObjectiveBase {
    /// @dev Kind 1. SOUND: parameters and beacon are fixed before the node can commit: the hub takes a commitment to a
    /// round only once the round has a beacon, and a round gets one beacon, once. Seed and problem are functions of these
    /// and of the node's own address, which it computes as this does; `leaf.index` is below the units that the hub
    /// allowed, so its slot is one of the permutation's. A completion has one to `maxTokens` tokens.
    function _wrongAssignment(
        TaskParams calldata p,
        Commitment calldata c,
        LeafContext memory context,
        bytes memory payload
    ) internal view returns (bool) {
        (RolloutLeaf memory leaf, bytes32[] memory proof) = abi.decode(payload, (RolloutLeaf, bytes32[]));
        _requireLeaf(c.root, c.units, context, leaf, proof);
        if (leaf.numTokens == 0 || leaf.numTokens > p.maxTokens) return true;
        if (_wrongPolicy(p, context, leaf)) return true;
        bytes32 beacon = IHub(hub).beaconOf(context.taskId, context.round);
        bytes32 seed = Assignment.roundSeed(hub, context.taskId, context.node, context.round, beacon);
        return leaf.seed != Assignment.sampleSeed(seed, leaf.index)
            || leaf.problem != Assignment.problemIndex(seed, leaf.index / p.groupSize, p.problemCount);
    }

    /// @dev SOUND: a commitment to a round is made after the round began, when every version up to the round's number
    /// can be computed, whether or not somebody has posted it; so versions from `round - maxStaleness` to `round` are the
    /// node's to choose from, and no other exists that it may use. Version 0 is a parameter. What another member posted
    /// binds nobody here, however long it has stood: that it stands shows only that no judge struck it down, and a task
    /// need not name one that could. A version's digest is for judges that recompute. Its own posting binds a node at
    /// once: of two digests that it states for one version, one is false.
    function _wrongPolicy(TaskParams calldata p, LeafContext memory context, RolloutLeaf memory leaf)
        private
        view
        returns (bool)
    {
        uint32 version = leaf.policyVersion;
        if (version > context.round || context.round - version > p.maxStaleness) return true;
        if (version == 0) return leaf.policyDigest != p.genesisDigest;
        Checkpoint memory posted = IHub(hub).checkpointOf(context.taskId, version);
        return posted.poster == context.node && leaf.policyDigest != posted.digest;
    }
}
