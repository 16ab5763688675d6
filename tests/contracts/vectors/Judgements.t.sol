// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {VectorTest} from "./VectorTest.sol";
import {SortingReward} from "contracts/judges/SortingReward.sol";
import {ToplocFormat} from "contracts/libraries/ToplocFormat.sol";

/// @dev What convicts a node must be the same rule in Python and here.
contract JudgementVectorsTest is VectorTest {
    function test_SortingReward() external {
        string memory file = read("sorting");
        SortingReward rule = new SortingReward();
        uint256 cases = 0;
        uint256 rewarded = 0;
        for (; json.keyExistsJson(file, entry(".cases", cases)); ++cases) {
            string memory key = entry(".cases", cases);
            uint32 problem = uint32(json.parseJsonUint(file, string.concat(key, ".problem")));
            uint32[] memory tokens = toUint32(json.parseJsonUintArray(file, string.concat(key, ".tokens")));
            uint256 reward = json.parseJsonUint(file, string.concat(key, ".reward"));
            assertEq(rule.reward(problem, tokens), reward);
            if (reward != 0) ++rewarded;
        }
        assertTrue(rewarded != 0 && rewarded < cases);
    }

    function test_MalformedToplocProofs() external view {
        string memory file = read("toploc");
        uint256 proofs = 0;
        uint256 refused = 0;
        for (; json.keyExistsJson(file, entry(".proofs", proofs)); ++proofs) {
            string memory key = entry(".proofs", proofs);
            bytes memory proof = json.parseJsonBytes(file, string.concat(key, ".proof"));
            uint256 topk = json.parseJsonUint(file, string.concat(key, ".topk"));
            bool malformed = json.parseJsonBool(file, string.concat(key, ".malformed"));
            assertTrue(ToplocFormat.isMalformed(proof, topk) == malformed);
            if (malformed) ++refused;
        }
        assertTrue(refused != 0 && refused < proofs);
    }
}
