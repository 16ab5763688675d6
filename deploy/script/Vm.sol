// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title The Foundry cheat codes that the scripts use
interface Vm {
    function startBroadcast() external;
    function stopBroadcast() external;
    function deployCode(string calldata artefact, bytes calldata arguments) external returns (address place);
    function getCode(string calldata artefact) external view returns (bytes memory creationCode);
    function readFile(string calldata path) external view returns (string memory);
    function keyExistsToml(string calldata toml, string calldata key) external view returns (bool);
    function parseTomlBool(string calldata toml, string calldata key) external pure returns (bool);
    function parseTomlUint(string calldata toml, string calldata key) external pure returns (uint256);
    function parseTomlAddress(string calldata toml, string calldata key) external pure returns (address);
    function parseTomlString(string calldata toml, string calldata key) external pure returns (string memory);
    function parseTomlStringArray(string calldata toml, string calldata key)
        external
        pure
        returns (string[] memory);
    function parseUint(string calldata text) external pure returns (uint256);
    function indexOf(string calldata text, string calldata part) external pure returns (uint256);
    function toString(address value) external pure returns (string memory);
    function toString(uint256 value) external pure returns (string memory);
    function etch(address target, bytes calldata code) external;
    function setNonceUnsafe(address account, uint64 nonce) external;
    function snapshotState() external returns (uint256 snapshot);
    function revertToState(uint256 snapshot) external returns (bool success);
}
