// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {VectorTest} from "./VectorTest.sol";
import {RefereeMath} from "contracts/libraries/RefereeMath.sol";

/// @dev A step must give the same integer in Python and here.
contract RefereeVectorsTest is VectorTest {
    function test_Exp() external view {
        (bytes32[] memory inputs, bytes32[] memory outputs) = list("exp");
        for (uint256 i = 0; i < inputs.length; ++i) {
            assertEq(bytes32(uint256(RefereeMath.exp(uint256(inputs[i])))), outputs[i]);
        }
    }

    function test_Silu() external view {
        (bytes32[] memory inputs, bytes32[] memory outputs) = list("silu");
        for (uint256 i = 0; i < inputs.length; ++i) {
            assertEq(bytes32(uint256(RefereeMath.silu(int256(uint256(inputs[i]))))), outputs[i]);
        }
    }

    function test_InverseRoot() external view {
        (bytes32[] memory inputs, bytes32[] memory outputs) = list("inverse_root");
        for (uint256 i = 0; i < inputs.length; ++i) {
            (uint256 factor, uint256 shift) = RefereeMath.inverseRoot(uint256(inputs[i]));
            assertEq(bytes32(factor << 8 | shift), outputs[i]);
        }
    }

    function test_PartialDot() external view {
        string memory file = read("referee");
        uint256 dots = 0;
        for (; json.keyExistsJson(file, entry(".dots", dots)); ++dots) {
            string memory key = entry(".dots", dots);
            bytes memory values = json.parseJsonBytes(file, string.concat(key, ".values"));
            bytes memory factors = json.parseJsonBytes(file, string.concat(key, ".factors"));
            int256 sum = this.dot(values, factors);
            assertEq(bytes32(uint256(sum)), json.parseJsonBytes32(file, string.concat(key, ".sum")));
        }
        assertEq(dots, 6);
    }

    function dot(bytes calldata values, bytes calldata factors) external pure returns (int256) {
        return RefereeMath.partialDot(values, factors);
    }

    function list(string memory name)
        private
        view
        returns (bytes32[] memory inputs, bytes32[] memory outputs)
    {
        string memory file = read("referee");
        inputs = json.parseJsonBytes32Array(file, string.concat(".", name, ".inputs"));
        outputs = json.parseJsonBytes32Array(file, string.concat(".", name, ".outputs"));
        assertTrue(inputs.length > 10 && inputs.length == outputs.length);
    }
}
