// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Trees} from "../utils/Trees.sol";
import {VectorTest} from "./VectorTest.sol";
import {Hub} from "contracts/Hub.sol";
import {Assignment} from "contracts/libraries/Assignment.sol";
import {Merkle} from "contracts/libraries/Merkle.sol";
import {LeafContext, RolloutLeaf, RolloutLeaves} from "contracts/libraries/RolloutLeaves.sol";
import {Commitment} from "contracts/types/Membership.sol";
import {TaskParams} from "contracts/types/Task.sol";

/// @dev What nodes commit to must hash the same in Python and here.
contract CommitmentVectorsTest is VectorTest {
    function test_Merkle() external view {
        string memory file = read("merkle");
        assertEq(Merkle.leaf(""), json.parseJsonBytes32(file, ".leaf_of_empty"));
        uint256 trees = 0;
        for (; json.keyExistsJson(file, entry(".trees", trees)); ++trees) {
            string memory tree = entry(".trees", trees);
            bytes32[] memory leaves = json.parseJsonBytes32Array(file, string.concat(tree, ".leaves"));
            bytes32[] memory proof = json.parseJsonBytes32Array(file, string.concat(tree, ".proof"));
            bytes32 root = json.parseJsonBytes32(file, string.concat(tree, ".root"));
            uint256 index = json.parseJsonUint(file, string.concat(tree, ".index"));
            assertEq(leaves.length, json.parseJsonUint(file, string.concat(tree, ".count")));
            assertTrue(Merkle.verify(root, leaves[index], index, leaves.length, proof));
            assertEq(keccak256(abi.encode(Trees.proof(leaves, index))), keccak256(abi.encode(proof)));
            assertEq(Merkle.root(leaves), root);
        }
        assertEq(trees, 9);
    }

    function test_Assignment() external view {
        string memory file = read("assignment");
        assertEq(json.parseJsonUint(file, ".chain_id"), block.chainid);
        uint256 cases = 0;
        for (; json.keyExistsJson(file, entry(".cases", cases)); ++cases) {
            string memory key = entry(".cases", cases);
            bytes32 seed = Assignment.roundSeed(
                json.parseJsonAddress(file, ".hub"),
                json.parseJsonBytes32(file, ".task"),
                json.parseJsonAddress(file, ".node"),
                uint32(json.parseJsonUint(file, string.concat(key, ".round"))),
                json.parseJsonBytes32(file, ".beacon")
            );
            assertEq(seed, json.parseJsonBytes32(file, string.concat(key, ".round_seed")));
            bytes32[] memory seeds = json.parseJsonBytes32Array(file, string.concat(key, ".sample_seeds"));
            for (uint256 i = 0; i < seeds.length; ++i) {
                assertEq(Assignment.sampleSeed(seed, i), seeds[i]);
            }
            uint256[] memory problems = json.parseJsonUintArray(file, string.concat(key, ".problems"));
            uint256 count = json.parseJsonUint(file, string.concat(key, ".problem_count"));
            for (uint256 slot = 0; slot < problems.length; ++slot) {
                assertEq(Assignment.problemIndex(seed, slot, count), problems[slot]);
            }
            assertTrue(seeds.length != 0 && problems.length != 0);
        }
        assertEq(cases, 5);
    }

    function test_RolloutLeaf() external view {
        string memory file = read("rollout");
        RolloutLeaf memory leaf = leafIn(file);
        uint32[] memory tokens = toUint32(json.parseJsonUintArray(file, ".tokens"));
        assertEq(RolloutLeaves.tokensRoot(tokens, json.parseJsonUint(file, ".chunk_tokens")), leaf.tokensRoot);
        bytes[] memory proofs = json.parseJsonBytesArray(file, ".proofs");
        bytes32[] memory hashes = new bytes32[](proofs.length);
        for (uint256 i = 0; i < proofs.length; ++i) {
            hashes[i] = Merkle.leaf(proofs[i]);
        }
        assertEq(Merkle.root(hashes), leaf.toplocRoot);
        assertEq(RolloutLeaves.hash(contextIn(file), leaf), json.parseJsonBytes32(file, ".leaf_hash"));
    }

    function test_Commitment() external view {
        string memory file = read("rollout");
        Commitment memory c = Commitment({
            sequence: uint32(json.parseJsonUint(file, ".commitment.sequence")),
            round: uint32(json.parseJsonUint(file, ".commitment.round")),
            root: json.parseJsonBytes32(file, ".commitment.root"),
            manifest: json.parseJsonBytes32(file, ".commitment.manifest"),
            units: uint32(json.parseJsonUint(file, ".commitment.units")),
            time: uint40(json.parseJsonUint(file, ".commitment.time"))
        });
        assertEq(keccak256(abi.encode(c)), json.parseJsonBytes32(file, ".commitment_hash"));
        bytes32 digest = json.parseJsonBytes32(file, ".checkpoint.digest");
        uint256 version = json.parseJsonUint(file, ".checkpoint.version");
        bytes32 domain = keccak256("cupel.checkpoint.v1");
        bytes32 root = keccak256(abi.encode(domain, version, digest));
        assertEq(root, json.parseJsonBytes32(file, ".checkpoint.root"));
    }

    function test_TaskId() external {
        string memory file = read("task");
        assertEq(json.parseJsonUint(file, ".chain_id"), block.chainid);
        bytes memory encoded = json.parseJsonBytes(file, ".params_abi");
        TaskParams memory p = abi.decode(encoded, (TaskParams));
        // Decoding accepts more than one encoding of the same parameters; the id must come from this one.
        assertEq(keccak256(abi.encode(p)), keccak256(encoded));
        address hub = json.parseJsonAddress(file, ".hub");
        vm.etch(hub, address(new Hub()).code);
        assertEq(Hub(hub).taskIdOf(p), json.parseJsonBytes32(file, ".task_id"));
    }

    function contextIn(string memory file) private pure returns (LeafContext memory) {
        return LeafContext({
            chainId: json.parseJsonUint(file, ".context.chain_id"),
            hub: json.parseJsonAddress(file, ".context.hub"),
            taskId: json.parseJsonBytes32(file, ".context.task"),
            node: json.parseJsonAddress(file, ".context.node"),
            sequence: uint32(json.parseJsonUint(file, ".context.sequence")),
            round: uint32(json.parseJsonUint(file, ".context.round"))
        });
    }

    function leafIn(string memory file) private pure returns (RolloutLeaf memory) {
        return RolloutLeaf({
            index: uint32(json.parseJsonUint(file, ".leaf.index")),
            policyVersion: uint32(json.parseJsonUint(file, ".leaf.policy_version")),
            policyDigest: json.parseJsonBytes32(file, ".leaf.policy_digest"),
            problem: uint32(json.parseJsonUint(file, ".leaf.problem")),
            seed: json.parseJsonBytes32(file, ".leaf.seed"),
            numTokens: uint32(json.parseJsonUint(file, ".leaf.num_tokens")),
            tokensRoot: json.parseJsonBytes32(file, ".leaf.tokens_root"),
            toplocRoot: json.parseJsonBytes32(file, ".leaf.toploc_root"),
            reward: uint32(json.parseJsonUint(file, ".leaf.reward"))
        });
    }
}
