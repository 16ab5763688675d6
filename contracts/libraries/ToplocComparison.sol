// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {CLAIMS, KEYS, ONES, POINTS} from "./ToplocMemory.sol";
import {ToplocSupport} from "./ToplocSupport.sol";

/// @notice How a proof's claims compare with the support, all points together.
/// @param mismatches Claims whose sign or exponent differs.
/// @param agreeing Claims on the chunk's own elements whose sign and exponent agree.
/// @param errors Sum of their mantissa errors.
/// @param within How many of these are at most the limit.
/// @param keys Different keys, that is signs and exponents, of the chunk's own elements. Set by `survey`.
struct ToplocTally {
    uint256 mismatches;
    uint256 agreeing;
    uint256 errors;
    uint256 within;
    uint256 keys;
}

/// @title Scoring a proof's claims against the support, point by point
/// @notice Twin of protocol/spec/toploc/comparison.py.
/// @dev Works in the memory of `ToplocMemory` as `ToplocSupport` does.
library ToplocComparison {
    /// @dev What a point without agreement counts for.
    uint256 internal constant DISAGREEMENT = 128;

    /// @notice Counts what `CLAIMS` and the `topk` points of a chunk of `elements` elements have in common.
    function count(ToplocTally memory tally, uint256 topk, uint256 elements, uint256 limit) internal pure {
        uint256 asked = 0;
        uint256 most = limit < 127 ? limit : 127;
        assembly ("memory-safe") {
            let high := shl(31, mload(ONES))
            most := add(high, mul(most, mload(ONES)))
            let mismatches := 0
            let errors := 0
            let within := 0
            let shift := sub(CLAIMS, POINTS)
            let cursor := POINTS
            for { let end := add(POINTS, shl(2, topk)) } lt(cursor, end) { cursor := add(cursor, 0x20) } {
                let points := mload(cursor)
                let claims := mload(add(cursor, shift))
                asked := or(asked, claims)
                // The sum reaches bit 16 iff the upper nine bits of the patterns, sign and exponent, differ.
                let upper := mul(0xff80, mload(ONES))
                let differs := add(and(shr(16, xor(claims, points)), upper), upper)
                differs := and(shr(16, differs), mload(ONES))
                mismatches := add(mismatches, differs)
                let agrees := sub(mload(ONES), differs)
                let mantissas := mul(0x7f, agrees)
                claims := and(shr(16, claims), mantissas)
                points := and(shr(16, points), mantissas)
                // Of the two differences the one that is not negative.
                let above := sub(or(claims, high), points)
                let below := sub(or(points, high), claims)
                let distances := and(above, mul(0x7f, and(shr(31, above), mload(ONES))))
                distances := or(distances, and(below, mul(0x7f, and(shr(31, below), mload(ONES)))))
                errors := add(errors, distances)
                within := add(within, and(shr(31, sub(most, distances)), agrees))
            }
            asked := and(asked, mul(0xffff, mload(ONES)))
            // Lanes behind the last point are zero in claims and points, so they agree without an error. A word modulo
            // 2^32 - 1 is the sum of its lanes.
            let lanes := shr(2, sub(cursor, POINTS))
            mismatches := mod(mismatches, 0xffffffff)
            mstore(tally, mismatches)
            mstore(add(tally, 0x20), sub(topk, mismatches))
            mstore(add(tally, 0x40), mod(errors, 0xffffffff))
            mstore(add(tally, 0x60), sub(mod(within, 0xffffffff), sub(lanes, topk)))
        }
        if (asked != 0) revert ToplocSupport.ToplocSupport_NotCanonical();
        if (elements < topk) _leaveOutPadding(tally, topk, elements, limit);
    }

    /// @dev What fills up a short chunk is known to all: a right claim there earns nothing.
    function _leaveOutPadding(ToplocTally memory tally, uint256 topk, uint256 elements, uint256 limit)
        private
        pure
    {
        for (uint256 index = elements; index < topk; ++index) {
            uint256 claim;
            assembly ("memory-safe") {
                claim := shr(240, mload(add(CLAIMS, shl(2, index))))
            }
            if (claim >= DISAGREEMENT) continue;
            tally.agreeing -= 1;
            tally.errors -= claim;
            if (claim <= limit) tally.within -= 1;
        }
    }

    /// @notice Least penalty of a constant at the first `own` points, all finite, if it is at most `bound`; anything
    /// greater if not. Marks the points' keys in `KEYS` and counts them in `tally.keys`. Overwrites what is behind the
    /// points.
    /// @dev A constant agrees with one group: the elements of its sign and exponent. Groups that are too small to
    /// matter are not looked into, so that an honest proof is spared that for nearly all.
    function survey(ToplocTally memory tally, uint256 own, uint256 bound)
        internal
        pure
        returns (uint256 least)
    {
        assembly ("memory-safe") {
            // The points from `place` on that share its exponent, how many are negative, and the end of their words.
            function run(place) -> length, negative, cursor {
                let exponents := mul(0x7f800000, mload(ONES))
                let exponent := mul(shr(224, mload(place)), mload(ONES))
                cursor := and(place, not(0x1f))
                for { let isOpen := 1 } isOpen { cursor := add(cursor, 0x20) } {
                    // The sum reaches a lane's highest bit iff the exponents differ.
                    let lanes := and(xor(mload(cursor), exponent), exponents)
                    lanes := sub(mload(ONES), and(shr(31, add(lanes, exponents)), mload(ONES)))
                    length := add(length, lanes)
                    negative := add(negative, and(lanes, shr(31, mload(cursor))))
                    isOpen := and(lanes, 1)
                }
                length := mod(length, 0xffffffff)
                negative := mod(negative, 0xffffffff)
            }
            // Distances of the `members` of a group from their median: they stand in falling order, so the greater half
            // of them less the lesser half. All are between `first` and `cursor`.
            function spread(first, cursor, key, members) -> sum {
                let half := shr(1, members)
                let rank := 0
                let lesser := 0
                let greater := 0
                for {} gt(cursor, first) {} {
                    cursor := sub(cursor, 0x20)
                    let points := shr(16, mload(cursor))
                    let upper := mul(0xff80, mload(ONES))
                    let lanes := add(and(xor(points, mul(shl(7, key), mload(ONES))), upper), upper)
                    lanes := sub(mload(ONES), and(shr(16, lanes), mload(ONES)))
                    // How many members come from the end up to each lane: multiplying sums the lanes below.
                    let ranks := mul(add(lanes, rank), mload(ONES))
                    rank := shr(224, ranks)
                    let isLesser := shr(16, sub(mul(add(0x10000, half), mload(ONES)), ranks))
                    lesser := add(lesser, and(points, mul(0x7f, and(lanes, isLesser))))
                    let isGreater := shr(16, add(ranks, mul(sub(add(0xffff, half), members), mload(ONES))))
                    greater := add(greater, and(points, mul(0x7f, and(lanes, isGreater))))
                }
                sum := sub(mod(greater, 0xffffffff), mod(lesser, 0xffffffff))
            }
            // Marks a group and gives the lesser of `smallest` and its constant's penalty.
            function group(smallest, first, cursor, key, members, points, limit) -> result {
                result := smallest
                if members {
                    mstore8(add(KEYS, key), 1)
                    let penalty := mul(DISAGREEMENT, sub(points, members))
                    if iszero(gt(penalty, limit)) {
                        penalty := add(penalty, spread(first, cursor, key, members))
                        if lt(penalty, smallest) { result := penalty }
                    }
                }
            }
            calldatacopy(KEYS, calldatasize(), 0x200)
            let end := add(POINTS, shl(2, own))
            // An exponent that no point has.
            mstore(end, mul(0x7f800000, mload(ONES)))
            least := not(0)
            let keys := 0
            for { let place := POINTS } lt(place, end) {} {
                let key := and(shr(247, mload(place)), 0xff)
                let first := and(place, not(0x1f))
                let length, negative, cursor := run(place)
                place := add(place, shl(2, length))
                keys := add(keys, add(lt(negative, length), lt(0, negative)))
                least := group(least, first, cursor, key, sub(length, negative), own, bound)
                least := group(least, first, cursor, or(0x100, key), negative, own, bound)
            }
            mstore(add(tally, 0x80), keys)
        }
    }
}
