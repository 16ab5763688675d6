// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Checks} from "../utils/Checks.sol";

interface VectorVm {
    function readFile(string calldata path) external view returns (string memory);
    function keyExistsJson(string calldata json, string calldata key) external view returns (bool);
    function parseJsonUint(string calldata json, string calldata key) external pure returns (uint256);
    function parseJsonUintArray(string calldata json, string calldata key)
        external
        pure
        returns (uint256[] memory);
    function parseJsonBool(string calldata json, string calldata key) external pure returns (bool);
    function parseJsonString(string calldata json, string calldata key) external pure returns (string memory);
    function parseJsonAddress(string calldata json, string calldata key) external pure returns (address);
    function parseJsonBytes(string calldata json, string calldata key) external pure returns (bytes memory);
    function parseJsonBytesArray(string calldata json, string calldata key)
        external
        pure
        returns (bytes[] memory);
    function parseJsonBytes32(string calldata json, string calldata key) external pure returns (bytes32);
    function parseJsonBytes32Array(string calldata json, string calldata key)
        external
        pure
        returns (bytes32[] memory);
    function parseJsonStringArray(string calldata json, string calldata key)
        external
        pure
        returns (string[] memory);
    function parseJsonTypeArray(string calldata json, string calldata key, string calldata typeDescription)
        external
        pure
        returns (bytes memory);
    function toString(uint256 value) external pure returns (string memory);
}

/// @title Golden vectors, written by the Python twins
abstract contract VectorTest is Checks {
    VectorVm internal constant json = VectorVm(address(vm));

    function read(string memory name) internal view returns (string memory) {
        return json.readFile(string.concat("tests/vectors/", name, ".json"));
    }

    /// @notice Key of entry `index` of the list under `list`.
    function entry(string memory list, uint256 index) internal pure returns (string memory) {
        return string.concat(list, "[", json.toString(index), "]");
    }

    function toUint32(uint256[] memory values) internal pure returns (uint32[] memory result) {
        result = new uint32[](values.length);
        for (uint256 i = 0; i < values.length; ++i) {
            assertEq(values[i], uint32(values[i]));
            result[i] = uint32(values[i]);
        }
    }
}
