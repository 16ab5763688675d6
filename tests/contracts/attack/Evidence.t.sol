// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Courtroom} from "../integration/Courtroom.sol";
import {Trees} from "../utils/Trees.sol";
import {Work} from "../utils/Work.sol";
import {IObjectiveJudge} from "contracts/interfaces/IObjectiveJudge.sol";
import {Assignment} from "contracts/libraries/Assignment.sol";
import {Merkle} from "contracts/libraries/Merkle.sol";
import {LeafContext, RolloutLeaf} from "contracts/libraries/RolloutLeaves.sol";
import {Commitment, MemberStatus} from "contracts/types/Membership.sol";

/// @title Security checklist 7 and 15, before the real judge: copied work, and trees that are not what they seem
/// @dev 14, withheld data, is in Withholding.t.sol.
contract EvidenceAttack is Courtroom {
    function commitRoot(bytes32 root, uint32 units) internal returns (Commitment memory c) {
        c = Commitment(0, 0, root, keccak256("manifest"), units, uint40(block.timestamp));
        bytes32 beacon = hub.beaconOf(task, 0);
        vm.prank(NODE);
        hub.commit(task, beacon, 0, 0, root, c.manifest, units);
    }

    function hashes() internal view returns (bytes32[] memory) {
        return Work.leafHashes(context(), honest());
    }

    /// @dev Evidence about an honest node that the judge must not take, for either verdict would be wrong.
    function assertRefused(Commitment memory c, bytes memory evidence) internal {
        bytes memory call = abi.encodeCall(hub.challenge, (params(), NODE, c, address(objective), evidence));
        vm.prank(CHALLENGER);
        (bool taken, bytes memory reason) = address(hub).call(call);
        assertFalse(taken);
        assertTrue(bytes4(reason) == IObjectiveJudge.ObjectiveJudge_LeafNotProven.selector);
        assertEq(uint256(hub.memberOf(task, NODE).status), uint256(MemberStatus.Active));
        assertEq(token.balanceOf(CHALLENGER), 10 * BOND);
    }

    // 7. A copycat sees another's root in the queue and commits to it first: paid for no work, were it not fatal. Every
    // leaf names its node, and one leaf shown is enough.
    function test_7_ACopiedRootIsFatalToTheCopycat() external {
        LeafContext memory victim = context();
        victim.node = address(0x71C71);
        RolloutLeaf[] memory leaves = honest();
        bytes32[] memory theirs = Work.leafHashes(victim, leaves);
        Commitment memory c = commitRoot(Trees.root(theirs), UNITS);
        bytes memory preimage = Work.preimage(victim, leaves[40]);
        challenge(c, address(objective), Work.malformedLeaf(40, preimage, Trees.proof(theirs, 40)));
        assertConvicted();
    }

    // 7. Nor can a node be paid again for its own work under another sequence, round, task, hub or chain.
    function test_7_OnesOwnRootIsFatalAnywhereElse() external {
        RolloutLeaf[] memory leaves = honest();
        for (uint256 k = 0; k < 5; ++k) {
            uint256 snapshot = vm.snapshotState();
            LeafContext memory other = context();
            if (k == 0) other.sequence = 1;
            if (k == 1) other.round = 1;
            if (k == 2) other.taskId = keccak256("another");
            if (k == 3) other.hub = address(this);
            if (k == 4) other.chainId += 1;
            bytes32[] memory elsewhere = Work.leafHashes(other, leaves);
            Commitment memory c = commitRoot(Trees.root(elsewhere), UNITS);
            bytes memory preimage = Work.preimage(other, leaves[0]);
            challenge(c, address(objective), Work.malformedLeaf(0, preimage, Trees.proof(elsewhere, 0)));
            assertConvicted();
            vm.revertToState(snapshot);
        }
    }

    // 7. Rewriting the name on copied rollouts does not help: seeds and problems follow from the name.
    function test_7_CopiedRolloutsHaveTheWrongSeeds() external {
        LeafContext memory victim = context();
        victim.node = address(0x71C71);
        bytes32 beacon = hub.beaconOf(task, 0);
        RolloutLeaf[] memory leaves = Work.honestLeaves(params(), victim, beacon, UNITS, 0, GENESIS);
        bytes32 mine = Assignment.roundSeed(address(hub), task, NODE, 0, beacon);
        bytes32 theirs = Assignment.roundSeed(address(hub), task, victim.node, 0, beacon);
        assertTrue(mine != theirs);
        Commitment memory c = commit(leaves);
        challenge(c, address(objective), Work.wrongAssignment(leaves[3], proofOf(leaves, 3)));
        assertConvicted();
    }

    // 15. If an inner node passed for a leaf, anyone could have an honest node slashed for a leaf that "does not parse".
    function test_15_AnInnerNodeIsNoLeaf() external {
        Commitment memory c = commit(honest());
        bytes32[] memory level = hashes();
        bytes32[] memory above = Trees.parents(level);
        bytes32[] memory proof = Trees.proof(above, 5);
        bytes memory children = bytes.concat(level[10], level[11]);
        assertRefused(c, Work.malformedLeaf(5, children, proof));
        assertRefused(c, Work.malformedLeaf(5, bytes.concat(hex"01", children), proof));
        assertRefused(c, Work.malformedLeaf(5, bytes.concat(hex"00", children), proof));
        // The root itself, as the one leaf of a smaller tree.
        bytes32[] memory top = above;
        while (top.length > 2) top = Trees.parents(top);
        assertRefused(c, Work.malformedLeaf(0, bytes.concat(top[0], top[1]), new bytes32[](0)));
    }

    // 15. If proofs could be shorter, longer or bent, a true leaf would turn up where it does not belong.
    function test_15_ATrueLeafHasOnePlace() external {
        RolloutLeaf[] memory leaves = honest();
        Commitment memory c = commit(leaves);
        bytes memory preimage = Work.preimage(context(), leaves[2]);
        bytes32[] memory proof = proofOf(leaves, 2);
        bytes32[] memory short = new bytes32[](5);
        bytes32[] memory long = new bytes32[](7);
        for (uint256 k = 0; k < 6; ++k) {
            if (k < 5) short[k] = proof[k];
            long[k] = proof[k];
        }
        assertRefused(c, Work.malformedLeaf(3, preimage, proof));
        assertRefused(c, Work.malformedLeaf(2 + 64, preimage, proof));
        assertRefused(c, Work.malformedLeaf(2 + (1 << 31), preimage, proof));
        assertRefused(c, Work.malformedLeaf(2, preimage, short));
        assertRefused(c, Work.malformedLeaf(2, preimage, long));
        leaves[2].index = 66;
        assertRefused(c, Work.wrongAssignment(leaves[2], proof));
    }

    // 15. A rollout counted at two places of the tree would be paid twice.
    function test_15_ADuplicateLeafIsFatal() external {
        RolloutLeaf[] memory leaves = honest();
        bytes32[] memory level = hashes();
        level[31] = level[30];
        Commitment memory c = commitRoot(Trees.root(level), UNITS);
        bytes memory preimage = Work.preimage(context(), leaves[30]);
        challenge(c, address(objective), Work.malformedLeaf(31, preimage, Trees.proof(level, 31)));
        assertConvicted();
    }

    // 15. Leaves beyond the claimed number, or under another leaf, could be swapped in when asked for data.
    function test_15_AHiddenLeafIsFatal() external {
        RolloutLeaf[] memory leaves = honest();
        bytes32[] memory level = hashes();
        Commitment memory c = commitRoot(Trees.root(level), 48);
        bytes memory preimage = Work.preimage(context(), leaves[50]);
        challenge(c, address(objective), Work.malformedLeaf(50, preimage, Trees.proof(level, 50)));
        assertConvicted();
    }

    function test_15_ALeafBelowTheLeavesIsFatal() external {
        RolloutLeaf[] memory leaves = honest();
        bytes32[] memory level = hashes();
        bytes32 deeper = Merkle.leaf("deeper");
        bytes32 below = keccak256(bytes.concat(hex"01", deeper, level[7]));
        bytes32 under = level[7];
        level[7] = below;
        Commitment memory c = commitRoot(Trees.root(level), UNITS);
        bytes32[] memory proof = Trees.proof(level, 7);
        bytes32[] memory longer = new bytes32[](7);
        longer[0] = under;
        for (uint256 k = 0; k < 6; ++k) {
            longer[k + 1] = proof[k];
        }
        assertEq(leaves[7].index, 7);
        challenge(c, address(objective), Work.malformedLeaf(14, "deeper", longer));
        assertConvicted();
    }

    // 15. What fills an incomplete tree up must not pass for a leaf that its node cannot explain.
    function test_15_FillingIsNoLeaf() external {
        bytes32[] memory level = new bytes32[](48);
        bytes32[] memory all = hashes();
        for (uint256 k = 0; k < 48; ++k) {
            level[k] = all[k];
        }
        Commitment memory c = commitRoot(Trees.root(level), 48);
        bytes32[] memory proof = Trees.proof(level, 60);
        assertRefused(c, Work.malformedLeaf(60, "", proof));
        assertRefused(c, Work.malformedLeaf(60, new bytes(32), proof));
        assertRefused(c, Work.malformedLeaf(60, new bytes(512), proof));
    }
}
