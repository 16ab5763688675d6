// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {VectorTest} from "./VectorTest.sol";
import {AttentionJudge} from "contracts/judges/AttentionJudge.sol";
import {CanonicalSteps} from "contracts/judges/canonical/CanonicalSteps.sol";
import {RolloutLeaf} from "contracts/libraries/RolloutLeaves.sol";
import {Commitment} from "contracts/types/Membership.sol";
import {RefereeShape} from "contracts/types/Referee.sol";

/// @dev What verifiers look at, and what their answers hash to, must be the same in Python and here.
contract AttentionVectorsTest is VectorTest {
    function test_TargetsAndDraws() external {
        RefereeShape memory shape = RefereeShape(14, 1, 8, 2, 12, 20);
        AttentionJudge judge = new AttentionJudge(address(this), address(new CanonicalSteps()), shape, 60, 6);
        string memory file = read("attention");
        bytes32 checked = json.parseJsonBytes32(file, ".checked");
        address node = json.parseJsonAddress(file, ".node");
        address verifier = json.parseJsonAddress(file, ".verifier");
        uint256 cases = 0;
        for (; json.keyExistsJson(file, entry(".cases", cases)); ++cases) {
            string memory key = entry(".cases", cases);
            bytes memory words = json.parseJsonBytes(file, string.concat(key, ".commitment"));
            Commitment memory commitment = abi.decode(words, (Commitment));
            bytes32 target = judge.targetOf(checked, node, keccak256(abi.encode(commitment)));
            assertEq(target, json.parseJsonBytes32(file, string.concat(key, ".target")));
            bytes32 beacon = json.parseJsonBytes32(file, string.concat(key, ".beacon"));
            uint256 drawn = judge.drawnOf(beacon, verifier, target, commitment.units);
            assertEq(drawn, json.parseJsonUint(file, string.concat(key, ".drawn")));

            words = json.parseJsonBytes(file, string.concat(key, ".answer_preimage"));
            (,,,,,,, RolloutLeaf memory leaf) =
                abi.decode(words, (bytes32, uint256, address, bytes32, address, uint32, uint32, RolloutLeaf));
            assertEq(leaf.index, cases);
            assertEq(leaf.seed, target);
            assertEq(leaf.reward, drawn);
            assertEq(leaf.toplocRoot, json.parseJsonBytes32(file, string.concat(key, ".trace_root")));
        }
        assertEq(cases, 5);
    }
}
