// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ONES, POINTS} from "./ToplocMemory.sol";

/// @title The support of a chunk: its activations of greatest magnitude, as `ToplocCase` describes them
/// @notice Twin of protocol/spec/toploc/support.py. A list not of that form is the mistake of whoever passes it and
/// reverts. Whether it is the chunk's, nobody can tell from the list alone: that is for the caller to settle.
/// @dev Works in the memory of `ToplocMemory`, on eight points at a time, in lanes of 32 bits. A lane's highest bit,
/// set before a subtraction, survives it iff what is subtracted was not larger than the rest of the lane.
library ToplocSupport {
    /// @notice The support is not four bytes for each point.
    error ToplocSupport_Length(uint256 length, uint256 expected);

    /// @notice Points out of order, twice or out of the chunk, or others than the +0.0 that fill up a short one.
    error ToplocSupport_NotCanonical();

    /// @notice Leaves the points in `POINTS`, a word of zeros behind them. That no index stands there twice is not
    /// checked here: the polynomial notices it.
    /// @param topk 16 to 128.
    function read(bytes memory support, uint256 topk, uint256 elements) internal pure {
        if (support.length != 4 * topk) revert ToplocSupport_Length(support.length, 4 * topk);
        uint256 last = (elements < topk ? topk : elements) - 1;
        uint256 faults = 0;
        assembly ("memory-safe") {
            let size := mload(support)
            mcopy(POINTS, add(support, 0x20), size)
            mstore(add(POINTS, size), 0)

            let ones := mload(ONES)
            let high := shl(31, ones)
            let rest := sub(high, ones)
            let indices := mul(0xffff, ones)
            let limit := add(high, mul(last, ones))
            faults := shl(31, gt(and(shr(224, mload(POINTS)), 0xffff), last))
            // Eight points and those after them; the last eight pairs overlap the ones before.
            let final := sub(add(POINTS, size), 36)
            for { let cursor := POINTS } 1 { cursor := add(cursor, 0x20) } {
                if gt(cursor, final) { cursor := final }
                let next := mload(add(cursor, 4))
                // Magnitude above an index that counts down: it falls along a canonical list.
                let order := xor(and(mload(cursor), rest), indices)
                let falls := sub(sub(or(order, high), xor(and(next, rest), indices)), ones)
                let isInside := sub(limit, and(next, indices))
                faults := or(faults, not(and(falls, isInside)))
                if eq(cursor, final) { break }
            }
            faults := and(faults, high)
        }
        for (uint256 index = elements; index < topk; ++index) {
            if (point(index) != index) faults = 1;
        }
        if (faults != 0) revert ToplocSupport_NotCanonical();
    }

    /// @notice Point `place` of those in `POINTS`: pattern above, index below.
    function point(uint256 place) internal pure returns (uint256 word) {
        assembly ("memory-safe") {
            word := shr(224, mload(add(POINTS, shl(2, place))))
        }
    }
}
