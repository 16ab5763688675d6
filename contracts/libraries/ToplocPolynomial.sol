// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ToplocReason} from "../types/Toploc.sol";
import {
    ASKED,
    COEFFICIENTS,
    LANES,
    LANES_END,
    LANE_MASK,
    SPREAD_BY_1,
    SPREAD_BY_2,
    SPREAD_BY_4
} from "./ToplocMemory.sol";

/// @title A TOPLOC proof's polynomial over GF(65497), packed so that one MUL makes seven products
/// @notice Twin of protocol/spec/toploc/proof.py and of `evaluate` in polynomial.py, for at most 128 coefficients.
/// @dev The plain twin is tests/contracts/utils/ReadableToplocVerdict.sol.
///
/// A word holds seven 16-bit coefficients in lanes of 36 bits, pre-shifted left by 4: c_0 in the top lane (bits 220 to
/// 255), c_6 in the lowest (bits 4 to 39). Another holds x^0 .. x^6 in lanes 0 .. 6 from bit 0 up. Their product has in
/// its top lane the sum of all c_i x^i; what lies above falls off, what lies below is shifted away by 220. With
/// 128 = 9 * 14 + 2, eighteen words go in pairs through Horner's rule in x^14, and the nineteenth starts it.
///
/// Bounds. A coefficient is at most 65496, a power of the lower half (x^0 .. x^6) too. A power of the upper half
/// (x^7 .. x^13) is reduced lane by lane: y < 2^32 becomes y - (y >> 16) * 65497 = (y mod 2^16) + 39 * (y >> 16), at
/// most 65535 + 39 * 65535 < 40 * 2^16, and then by the same step at most 65535 + 39 * 39 = 67056. No lane overflows:
/// it sums at most seven products of each half, 7 * 65496 * (65496 + 67056) = 60 771 380 544 < 2^36. Nor does Horner's
/// rule: it starts below 2^36, each of nine steps multiplies by x^14 < 2^16 and adds less than 2^36, so that it ends
/// below 2^(36 + 9 * 16 + 1) = 2^181, and one reduction at the end suffices.
///
/// Works in the memory of `ToplocMemory`, which the caller has taken.
library ToplocPolynomial {
    uint256 internal constant FIELD = 65_497;

    /// @notice Reads a proof of `topk` coefficients, 2 to 128, for questions about places below `places`.
    /// @return What is wrong with its form, if anything.
    function load(bytes memory proof, uint256 topk, uint256 places) internal pure returns (ToplocReason) {
        if (proof.length != 2 + 2 * topk) return ToplocReason.Length;
        uint256 modulus = 0;
        uint256 excess = 0;
        uint256 upperHalf = 0;
        assembly ("memory-safe") {
            modulus := shr(240, mload(add(proof, 0x20)))
            // Copying from behind the calldata is the cheapest way to clear.
            calldatacopy(COEFFICIENTS, calldatasize(), 0x120)
            calldatacopy(ASKED, calldatasize(), shl(5, shr(8, add(places, 255))))
            mcopy(COEFFICIENTS, add(proof, 0x22), shl(1, topk))
            // At most 64 coefficients, so four words; behind the last coefficient is zero.
            let upper := add(COEFFICIENTS, shl(1, shr(1, topk)))
            upperHalf := or(
                or(mload(upper), mload(add(upper, 0x20))),
                or(mload(add(upper, 0x40)), mload(add(upper, 0x60)))
            )

            mstore(LANE_MASK, 0x000000ffff00000ffff00000ffff00000ffff00000ffff00000ffff00000ffff)
            mstore(SPREAD_BY_4, 0xffffffffffffffff00000000000000000000ffffffffffff0000000000000000)
            mstore(SPREAD_BY_2, 0xffffffff0000000000ffffffff0000000000ffffffff0000000000ffff000000)
            mstore(SPREAD_BY_1, 0xffff00000ffff00000ffff00000ffff00000ffff00000ffff00000ffff000000)
            // 39 = 2^16 - 65497 carries a coefficient outside the field into bit 16 of its lane.
            let carry := mul(div(mload(LANE_MASK), 0xffff), 39)
            let source := COEFFICIENTS
            for { let target := LANES } lt(target, LANES_END) { target := add(target, 0x20) } {
                // Seven coefficients side by side; the last three move 80 bits down, of every four the last two 40,
                // of every two the last 20: then lanes of 36 bits begin at bit 240.
                let lanes := shl(144, shr(144, mload(source)))
                lanes := and(or(lanes, shr(80, lanes)), mload(SPREAD_BY_4))
                lanes := and(or(lanes, shr(40, lanes)), mload(SPREAD_BY_2))
                lanes := and(or(lanes, shr(20, lanes)), mload(SPREAD_BY_1))
                lanes := shr(20, lanes)
                mstore(target, lanes)
                excess := or(excess, add(shr(4, lanes), carry))
                source := add(source, 14)
            }
            excess := and(shr(16, excess), div(mload(LANE_MASK), 0xffff))
        }
        if (modulus != FIELD) return ToplocReason.Modulus;
        if (excess != 0) return ToplocReason.Coefficient;
        if (upperHalf == 0) return ToplocReason.Degenerate;
        return ToplocReason.None;
    }

    /// @notice Values of the polynomial loaded last at `count` places, and which of them were asked for before.
    /// @param questions Address of four bytes for each place: two of any content, then the place.
    /// @param answers Address of four bytes for each place: its value, then 1 if asked for before, 0 if not. The 28
    /// bytes behind are cleared.
    function evaluate(uint256 questions, uint256 count, uint256 answers) internal pure {
        assembly ("memory-safe") {
            let shift := sub(answers, questions)
            for { let end := add(questions, shl(2, count)) } lt(questions, end) {
                questions := add(questions, 4)
            } {
                let x := and(shr(224, mload(questions)), 0xffff)
                let x2 := mulmod(x, x, FIELD)
                let x3 := mulmod(x2, x, FIELD)
                let x4 := mulmod(x2, x2, FIELD)
                let x7 := mulmod(x3, x4, FIELD)
                let x14 := mulmod(x7, x7, FIELD)
                // forgefmt: disable-start
                let low := or(1, shl(36, or(x, shl(36, or(x2, shl(36, or(x3, shl(36, or(x4, shl(36,
                    or(mulmod(x2, x3, FIELD), shl(36, mulmod(x3, x3, FIELD)))))))))))))
                // forgefmt: disable-end
                let high := mul(low, x7)
                high := sub(high, mul(and(shr(16, high), mload(LANE_MASK)), FIELD))
                high := sub(high, mul(and(shr(16, high), mload(LANE_MASK)), FIELD))
                // One expression: as nine statements the compiler makes it 70 gas dearer.
                // forgefmt: disable-start
                let value := mod(
                    add(shr(220, add(mul(mload(0x2000), low), mul(mload(0x2020), high))), mul(x14,
                    add(shr(220, add(mul(mload(0x2040), low), mul(mload(0x2060), high))), mul(x14,
                    add(shr(220, add(mul(mload(0x2080), low), mul(mload(0x20a0), high))), mul(x14,
                    add(shr(220, add(mul(mload(0x20c0), low), mul(mload(0x20e0), high))), mul(x14,
                    add(shr(220, add(mul(mload(0x2100), low), mul(mload(0x2120), high))), mul(x14,
                    add(shr(220, add(mul(mload(0x2140), low), mul(mload(0x2160), high))), mul(x14,
                    add(shr(220, add(mul(mload(0x2180), low), mul(mload(0x21a0), high))), mul(x14,
                    add(shr(220, add(mul(mload(0x21c0), low), mul(mload(0x21e0), high))), mul(x14,
                    add(shr(220, add(mul(mload(0x2200), low), mul(mload(0x2220), high))), mul(x14,
                    shr(220, mul(mload(0x2240), low))
                    )))))))))))))))))), FIELD)
                // forgefmt: disable-end
                let word := add(ASKED, and(shr(3, x), 0x1fe0))
                let asked := mload(word)
                let bit := shl(and(x, 0xff), 1)
                mstore(word, or(asked, bit))
                mstore(add(questions, shift), or(shl(240, value), shl(224, lt(0, and(asked, bit)))))
            }
        }
    }
}
