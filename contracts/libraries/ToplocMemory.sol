// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

// Where the TOPLOC libraries keep what they work on. The addresses are fixed because computing them would cost 14 000
// gas a verdict. Numbers are written out because assembly takes no expressions.

// Nineteen words of seven coefficients each.
uint256 constant LANES = 0x2000;
uint256 constant LANES_END = 0x2260;

// 2^16 - 1 in each of their lanes; behind it the masks of the three steps that spread coefficients.
uint256 constant LANE_MASK = 0x2260;
uint256 constant SPREAD_BY_4 = 0x2280;
uint256 constant SPREAD_BY_2 = 0x22a0;
uint256 constant SPREAD_BY_1 = 0x22c0;

// The coefficients as they come, then zeros: 288 bytes, of which 284 are read.
uint256 constant COEFFICIENTS = 0x22e0;

// A bit for each index, 1 if the polynomial was asked for its value there: 8 KiB.
uint256 constant ASKED = 0x2400;

// Support and claims, four bytes for each of 128 points, and a word behind.
uint256 constant POINTS = 0x4400;
uint256 constant CLAIMS = 0x4620;

// A byte for each sign and exponent, 1 if the support has them.
uint256 constant KEYS = 0x4840;

// What a draw hashes: domain, seed, number.
uint256 constant PREIMAGE = 0x4a40;

// 1 in each lane of 32 bits. In the code such a constant costs 40 gas wherever it is used.
uint256 constant ONES = 0x4aa0;

/// @title The memory of the TOPLOC libraries, from `LANES` to 0x4ac0
/// @dev It lies beyond the free memory pointer, so that neither Solidity nor a compiler's own use of memory meets it.
library ToplocMemory {
    /// @notice The caller has used more than 8 KiB of memory.
    error ToplocMemory_InUse(uint256 free);

    /// @notice Takes the memory until `release(free)`.
    function take() internal pure returns (uint256 free) {
        assembly ("memory-safe") {
            free := mload(0x40)
        }
        if (free > LANES) revert ToplocMemory_InUse(free);
        assembly ("memory-safe") {
            mstore(0x40, 0x4ac0)
            mstore(ONES, div(not(0), 0xffffffff))
        }
    }

    function release(uint256 free) internal pure {
        assembly ("memory-safe") {
            mstore(0x40, free)
        }
    }
}
