// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Which problems a node must solve, and every seed it must sample with
/// @notice All of it follows from chain data alone: nobody assigns work and no node chooses its own.
/// @dev Twin of protocol/spec/assignment.py.
library Assignment {
    /// @notice The slot lies outside the permutation's domain, so cycle walking might never end.
    error Assignment_SlotOutOfRange(uint256 slot, uint256 problemCount);

    bytes32 internal constant ROUND_SEED = keccak256("cupel.round-seed.v1");
    bytes32 internal constant SAMPLE_SEED = keccak256("cupel.sample-seed.v1");
    bytes32 internal constant FEISTEL = keccak256("cupel.feistel.v1");

    /// @dev Four rounds of a Luby-Rackoff network are a strong pseudo-random permutation (Luby and Rackoff 1988).
    uint256 internal constant FEISTEL_ROUNDS = 4;

    /// @notice The one seed of a node's round, on this chain.
    function roundSeed(address hub, bytes32 taskId, address node, uint32 round, bytes32 beacon)
        internal
        view
        returns (bytes32)
    {
        return keccak256(abi.encode(ROUND_SEED, block.chainid, hub, taskId, node, round, beacon));
    }

    /// @notice Sampling seed of the round's rollout `index`.
    function sampleSeed(bytes32 seed, uint256 index) internal pure returns (bytes32) {
        return keccak256(abi.encode(SAMPLE_SEED, seed, index));
    }

    /// @notice Problem of the round's `slot`: a pseudo-random permutation of [0, problemCount), so none repeats.
    /// @dev A Feistel network over the smallest even number of bits that holds `problemCount`, walked until it lands
    /// inside (cycle walking, Black and Rogaway 2002): fewer than four steps are expected.
    function problemIndex(bytes32 seed, uint256 slot, uint256 problemCount)
        internal
        pure
        returns (uint256 value)
    {
        if (slot >= problemCount) revert Assignment_SlotOutOfRange(slot, problemCount);
        uint256 halfBits = 1;
        while ((problemCount - 1) >> (2 * halfBits) != 0) {
            ++halfBits;
        }
        value = slot;
        do {
            value = _feistel(seed, value, halfBits);
        } while (value >= problemCount);
    }

    function _feistel(bytes32 seed, uint256 value, uint256 halfBits) private pure returns (uint256) {
        uint256 mask = (1 << halfBits) - 1;
        uint256 left = value >> halfBits;
        uint256 right = value & mask;
        for (uint256 step = 0; step < FEISTEL_ROUNDS; ++step) {
            uint256 digest = uint256(keccak256(abi.encode(FEISTEL, seed, step, right)));
            (left, right) = (right, left ^ (digest & mask));
        }
        return (left << halfBits) | right;
    }
}
