// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AggregateClaim, AggregateGame, AggregateMatter} from "../types/AggregateGame.sol";
import {Challenge} from "../types/Challenge.sol";
import {Commitment} from "../types/Membership.sol";

/// @title Hashes of structs as they came, without decoding them first
/// @notice Each is `keccak256(abi.encode(value))` of a struct whose fields are all static: its bytes in calldata are that
/// encoding. Bytes that are no encoding hash to something else than any that is.
/// @dev The twins stand at each function, and the tests compute them so.
library AggregateVerbatim {
    uint256 private constant GAME_BYTES = 384;
    uint256 private constant CLAIM_BYTES = 384;
    uint256 private constant MATTER_BYTES = 352;
    uint256 private constant CHALLENGE_BYTES = 320;
    uint256 private constant COMMITMENT_BYTES = 192;

    /// @notice `keccak256(abi.encode(game))`.
    function hash(AggregateGame calldata game) internal pure returns (bytes32) {
        uint256 place;
        assembly ("memory-safe") {
            place := game
        }
        return _hash(place, GAME_BYTES);
    }

    /// @notice `keccak256(abi.encode(claim))`.
    function hash(AggregateClaim calldata claim) internal pure returns (bytes32) {
        uint256 place;
        assembly ("memory-safe") {
            place := claim
        }
        return _hash(place, CLAIM_BYTES);
    }

    /// @notice `keccak256(abi.encode(matter))`.
    function hash(AggregateMatter calldata matter) internal pure returns (bytes32) {
        uint256 place;
        assembly ("memory-safe") {
            place := matter
        }
        return _hash(place, MATTER_BYTES);
    }

    /// @notice `keccak256(abi.encode(challenge))`.
    function hash(Challenge calldata challenge) internal pure returns (bytes32) {
        uint256 place;
        assembly ("memory-safe") {
            place := challenge
        }
        return _hash(place, CHALLENGE_BYTES);
    }

    /// @notice `keccak256(abi.encode(c))`.
    function hash(Commitment calldata c) internal pure returns (bytes32) {
        uint256 place;
        assembly ("memory-safe") {
            place := c
        }
        return _hash(place, COMMITMENT_BYTES);
    }

    /// @dev `keccak256(msg.data[place:place + size])`.
    function _hash(uint256 place, uint256 size) private pure returns (bytes32 result) {
        assembly ("memory-safe") {
            let free := mload(0x40)
            calldatacopy(free, place, size)
            result := keccak256(free, size)
        }
    }
}
