// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IHub} from "../../interfaces/IHub.sol";
import {LeafContext, RolloutLeaf} from "../../libraries/RolloutLeaves.sol";
import {Commitment} from "../../types/Membership.sol";
import {ObjectiveBase} from "./ObjectiveBase.sol";

/// @title Work that was done once and counted twice
abstract contract RepetitionFraud is ObjectiveBase {
    /// @dev As the hub's.
    uint256 private constant RING = 64;

    /// @dev Kind 7. The states behind a TOPLOC proof depend on the prompt, so proofs that agree to the last byte for two
    /// problems were computed for one of them at most.
    ///
    /// SOUND by a rule of the protocol: a node does not commit to a rollout whose TOPLOC root it has committed to for
    /// another problem, in this commitment or in one the ring still holds; it leaves out that rollout and what follows.
    /// Its own files tell it, and both leaves are its own, so nobody else can bring it into the position. It needs the
    /// rule because honest states can coincide: two problems with one prompt, or a policy that ignores its prompt, as a
    /// creator could publish on purpose.
    ///
    /// What is not held against anybody, because it happens to the honest:
    /// - Equal roots of two nodes. Files are published before they are committed to, so a copier could commit first and
    ///   have the author convicted.
    /// - Equal roots for one problem. Under other seeds a sure policy gives the same short completion, hence the same
    ///   states.
    /// - Equal roots under two policy digests. A round without an accepted update, or with one too small to show in
    ///   bfloat16, gives a version of another digest with the same states.
    function _repeatedProof(Commitment calldata c, LeafContext memory context, bytes memory payload)
        internal
        view
        returns (bool)
    {
        (
            RolloutLeaf memory leaf,
            bytes32[] memory proof,
            Commitment memory other,
            RolloutLeaf memory twin,
            bytes32[] memory twinProof
        ) = abi.decode(payload, (RolloutLeaf, bytes32[], Commitment, RolloutLeaf, bytes32[]));
        _requireLeaf(c.root, c.units, context, leaf, proof);
        bytes32 held = IHub(hub).commitmentHash(context.taskId, context.node, other.sequence % RING);
        if (held != keccak256(abi.encode(other))) revert ObjectiveJudge_CommitmentUnknown(other.sequence);
        context.sequence = other.sequence;
        context.round = other.round;
        _requireLeaf(other.root, other.units, context, twin, twinProof);
        return leaf.toplocRoot == twin.toplocRoot && leaf.problem != twin.problem;
    }
}
