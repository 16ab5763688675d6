// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Courtroom} from "../integration/Courtroom.sol";
import {Trees} from "../utils/Trees.sol";
import {Work} from "../utils/Work.sol";
import {Merkle} from "contracts/libraries/Merkle.sol";
import {RolloutLeaf} from "contracts/libraries/RolloutLeaves.sol";
import {Commitment} from "contracts/types/Membership.sol";

/// @title Fraud proofs of every kind as whole transactions: the challenge, the verdict and the slash
/// @notice Of a round of 64 rollouts, each of nine tokens in one chunk with a proof of 128 coefficients. Under `isolate`
/// each is a transaction of its own, calldata and cold slots included.
/// forge-config: default.isolate = true
contract ObjectiveGasTest is Courtroom {
    function test_WrongAssignment() external {
        RolloutLeaf[] memory leaves = honest();
        leaves[63].seed = leaves[0].seed;
        convict("1 WrongAssignment", commit(leaves), Work.wrongAssignment(leaves[63], proofOf(leaves, 63)));
    }

    function test_WrongReward() external {
        RolloutLeaf[] memory leaves = honest();
        leaves[9].reward = 1;
        bytes memory evidence =
            Work.wrongReward(leaves[9], proofOf(leaves, 9), Work.answer(leaves[9].problem));
        convict("2 WrongReward", commit(leaves), evidence);
    }

    /// @dev The dearest one: every coefficient is read, and only the upper half is zero.
    function test_MalformedProof() external {
        RolloutLeaf[] memory leaves = honest();
        bytes memory proof = Work.toplocProof(128, 1);
        for (uint256 i = 2 + 128; i < proof.length; ++i) {
            proof[i] = 0;
        }
        leaves[5].toplocRoot = Merkle.leaf(proof);
        bytes memory evidence =
            Work.malformedChunk(3, leaves[5], proofOf(leaves, 5), 0, proof, new bytes32[](0));
        convict("3 MalformedProof", commit(leaves), evidence);
    }

    function test_MalformedLeaf() external {
        RolloutLeaf[] memory leaves = honest();
        leaves[7] = leaves[6];
        bytes memory preimage = Work.preimage(context(), leaves[7]);
        convict("4 MalformedLeaf", commit(leaves), Work.malformedLeaf(7, preimage, proofOf(leaves, 7)));
    }

    function test_MalformedTokens() external {
        RolloutLeaf[] memory leaves = honest();
        bytes memory data = Work.tokenData(Work.answer(leaves[5].problem), 0, 8);
        leaves[5].tokensRoot = Merkle.leaf(data);
        bytes memory evidence =
            Work.malformedChunk(5, leaves[5], proofOf(leaves, 5), 0, data, new bytes32[](0));
        convict("5 MalformedTokens", commit(leaves), evidence);
    }

    function test_EmptyLeaf() external {
        RolloutLeaf[] memory leaves = honest();
        bytes32[] memory hashes = Work.leafHashes(context(), leaves);
        hashes[63] = bytes32(0);
        Commitment memory c = commitTo(Trees.root(hashes), 0);
        convict("6 EmptyLeaf", c, Work.emptyLeaf(63, Trees.proof(hashes, 63)));
    }

    function test_RepeatedProof() external {
        RolloutLeaf[] memory leaves = honest();
        leaves[63].toplocRoot = leaves[0].toplocRoot;
        Commitment memory c = commit(leaves);
        bytes memory evidence =
            Work.repeatedProof(leaves[63], proofOf(leaves, 63), c, leaves[0], proofOf(leaves, 0));
        convict("7 RepeatedProof", c, evidence);
    }

    function test_EmptyChunk() external {
        RolloutLeaf[] memory leaves = honest();
        leaves[5].toplocRoot = bytes32(0);
        bytes memory evidence = Work.emptyChunk(leaves[5], proofOf(leaves, 5), false, 0, new bytes32[](0));
        convict("8 EmptyChunk", commit(leaves), evidence);
    }

    /// @dev What a false accusation costs its challenger beside the bond.
    function test_Acquittal() external {
        RolloutLeaf[] memory leaves = honest();
        Commitment memory c = commit(leaves);
        accuse("1 WrongAssignment, acquitted", c, Work.wrongAssignment(leaves[63], proofOf(leaves, 63)));
        assertAcquitted();
    }

    function convict(string memory name, Commitment memory c, bytes memory evidence) private {
        accuse(name, c, evidence);
        assertConvicted();
    }

    function accuse(string memory name, Commitment memory c, bytes memory evidence) private {
        vm.prank(CHALLENGER);
        hub.challenge(params(), NODE, c, address(objective), evidence);
        vm.snapshotGasLastCall("ObjectiveJudge", name);
    }
}
