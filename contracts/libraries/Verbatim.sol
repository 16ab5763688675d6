// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IHubEvents} from "../interfaces/IHubEvents.sol";
import {IJudge} from "../interfaces/IJudge.sol";
import {Case, Challenge} from "../types/Challenge.sol";
import {Commitment, Entry} from "../types/Membership.sol";
import {TaskParams} from "../types/Task.sol";

/// @title Hashing and handing on what is ABI-encoded already, without decoding and encoding it again
/// @notice Structs without dynamic fields lie in calldata, and in memory, as `abi.encode` would write them. Each function
/// says which expression it stands for; tests/contracts/unit/libraries/Verbatim.t.sol holds it to that.
/// @dev Calldata is taken as it comes: bytes that are no clean encoding have the hash of nothing the hub knows.
library Verbatim {
    /// @dev 31 words.
    uint256 private constant PARAMS_BYTES = 992;
    uint256 private constant CHALLENGE_BYTES = 320;
    uint256 private constant COMMITMENT_BYTES = 192;

    /// @notice `keccak256(abi.encode(block.chainid, address(this), p))`.
    function taskId(TaskParams calldata p) internal view returns (bytes32 task) {
        uint256 size = PARAMS_BYTES;
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, chainid())
            mstore(add(free, 0x20), address())
            calldatacopy(add(free, 0x40), p, size)
            task := keccak256(free, add(size, 0x40))
        }
    }

    /// @notice `emit IHubEvents.TaskCreated(id, msg.sender, p, units)`.
    function emitTaskCreated(bytes32 task, TaskParams calldata p, uint256 units) internal {
        uint256 size = PARAMS_BYTES;
        bytes32 topic = IHubEvents.TaskCreated.selector;
        assembly ("memory-safe") {
            let free := mload(0x40)
            calldatacopy(free, p, size)
            mstore(add(free, size), units)
            log3(free, add(size, 0x20), topic, task, caller())
        }
    }

    /// @notice `keccak256(abi.encode(c))` of the commitment in `entry`.
    function hash(Entry memory entry) internal pure returns (bytes32 result) {
        uint256 size = COMMITMENT_BYTES;
        assembly ("memory-safe") {
            result := keccak256(add(entry, 0x60), size)
        }
    }

    /// @notice `keccak256(abi.encode(typehash, task, beacon, sequence, round, root, manifest, units))` of the fields of
    /// `entry`.
    function structHash(Entry memory entry) internal pure returns (bytes32 result) {
        assembly ("memory-safe") {
            result := keccak256(entry, 0x100)
        }
    }

    /// @notice Sets the fields of `entry` that `c` has to those of `c`.
    function read(Entry memory entry, Commitment calldata c) internal pure {
        uint256 size = COMMITMENT_BYTES;
        assembly ("memory-safe") {
            calldatacopy(add(entry, 0x60), c, size)
        }
    }

    /// @notice `uint256(keccak256(abi.encode(challenge)))`.
    function id(Case memory challenge) internal pure returns (uint256 result) {
        uint256 size = CHALLENGE_BYTES;
        assembly ("memory-safe") {
            result := keccak256(challenge, size)
        }
    }

    /// @notice `copy = challenge`.
    function read(Challenge calldata challenge) internal pure returns (Case memory copy) {
        uint256 size = CHALLENGE_BYTES;
        assembly ("memory-safe") {
            calldatacopy(copy, challenge, size)
        }
    }

    /// @notice `emit IHubEvents.Challenged(challengeId, challenge.task, challenge.node, challenge, evidence, now)`.
    function emitChallenged(uint256 challengeId, Case memory challenge, bytes calldata evidence) internal {
        bytes32 topic = IHubEvents.Challenged.selector;
        assembly ("memory-safe") {
            let data := mload(0x40)
            mcopy(data, challenge, 320)
            mstore(add(data, 320), 384)
            mstore(add(data, 352), timestamp())
            mstore(add(data, 384), evidence.length)
            calldatacopy(add(data, 416), evidence.offset, evidence.length)
            mstore(add(add(data, 416), evidence.length), 0)
            let size := add(416, and(add(evidence.length, 31), not(31)))
            log4(data, size, topic, challengeId, mload(challenge), mload(add(challenge, 0x20)))
        }
    }

    /// @notice `answer = IJudge(challenge.judge).open(challengeId, challenge, p, c, evidence)`, of a judge that has code;
    /// as the word it is, which may be no verdict, and 2^256 - 1 when it is less than a word.
    function open(
        uint256 challengeId,
        Case memory challenge,
        TaskParams calldata p,
        Commitment calldata c,
        bytes calldata evidence
    ) internal returns (uint256 answer) {
        bytes4 selector = IJudge.open.selector;
        address judge = challenge.judge;
        assembly ("memory-safe") {
            let data := mload(0x40)
            mstore(data, selector)
            mstore(add(data, 4), challengeId)
            mcopy(add(data, 36), challenge, 320)
            calldatacopy(add(data, 356), p, 992)
            calldatacopy(add(data, 1348), c, 192)
            // The evidence lies behind the 49 words of the arguments.
            mstore(add(data, 1540), 1568)
            mstore(add(data, 1572), evidence.length)
            calldatacopy(add(data, 1604), evidence.offset, evidence.length)
            mstore(add(add(data, 1604), evidence.length), 0)
            let size := add(1604, and(add(evidence.length, 31), not(31)))
            if iszero(call(gas(), judge, 0, data, size, 0, 32)) {
                returndatacopy(data, 0, returndatasize())
                revert(data, returndatasize())
            }
            answer := mload(0)
            if lt(returndatasize(), 32) { answer := not(0) }
        }
    }
}
