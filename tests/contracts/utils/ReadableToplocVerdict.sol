// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ToplocSupport} from "contracts/libraries/ToplocSupport.sol";
import {ToplocVerdict} from "contracts/libraries/ToplocVerdict.sol";
import {ToplocCase, ToplocReason, ToplocThresholds} from "contracts/types/Toploc.sol";

/// @title The TOPLOC verdict in loops and remainders, one point at a time
/// @dev Twin of contracts/libraries/ToplocVerdict.sol and what that is made of. Nothing is shared but types and errors.
/// Inner loops are unchecked for the fuzzer's sake: no number in them exceeds 2^40.
library ReadableToplocVerdict {
    uint256 internal constant FIELD = 65_497;
    uint256 internal constant DISAGREEMENT = 128;

    struct Points {
        uint256[] patterns;
        uint256[] indices;
        uint256 own;
    }

    function judge(ToplocCase memory c, ToplocThresholds memory thresholds)
        internal
        pure
        returns (ToplocReason)
    {
        (ToplocReason reason, uint256[] memory coefficients, Points memory points) = read(c);
        if (reason != ToplocReason.None) return reason;
        return accept(claimsOf(coefficients, points), points, thresholds);
    }

    function judgeWithOffSupport(ToplocCase memory c, ToplocThresholds memory thresholds, bytes32 seed)
        internal
        pure
        returns (ToplocReason reason)
    {
        reason = judge(c, thresholds);
        if (reason == ToplocReason.None) reason = offSupport(c, seed);
    }

    function offSupport(ToplocCase memory c, bytes32 seed) internal pure returns (ToplocReason) {
        (ToplocReason reason, uint256[] memory coefficients, Points memory points) = read(c);
        if (reason != ToplocReason.None) return reason;
        uint256[] memory taken = new uint256[](c.topk + 16);
        uint256 count = 0;
        for (; count < c.topk; ++count) {
            taken[count] = points.indices[count];
        }
        bool[512] memory hasKey;
        uint256 keys = 0;
        for (uint256 i = 0; i < points.own; ++i) {
            uint256 key = points.patterns[i] / 128;
            if (!hasKey[key]) ++keys;
            hasKey[key] = true;
        }
        uint256 landings = 0;
        for (uint256 number = 0; number < 16; ++number) {
            bytes32 hash = keccak256(abi.encode(keccak256("cupel.toploc-off-support.v1"), seed, number));
            uint256 index = uint256(hash) % c.elements;
            if (isAmong(taken, count, index)) continue;
            taken[count++] = index;
            if (hasKey[evaluate(coefficients, index) / 128]) ++landings;
        }
        return landings > allowedLandings(keys) ? ToplocReason.OffSupport : ToplocReason.None;
    }

    function allowedLandings(uint256 keys) internal pure returns (uint256) {
        if (keys == 0) return 0;
        if (keys <= 1) return 4;
        if (keys <= 3) return 5;
        if (keys <= 7) return 6;
        if (keys <= 11) return 7;
        if (keys <= 18) return 8;
        if (keys <= 26) return 9;
        if (keys <= 37) return 10;
        if (keys <= 49) return 11;
        if (keys <= 65) return 12;
        if (keys <= 84) return 13;
        if (keys <= 107) return 14;
        return 15;
    }

    function read(ToplocCase memory c)
        internal
        pure
        returns (ToplocReason reason, uint256[] memory coefficients, Points memory points)
    {
        if (c.topk < 16 || c.topk > 128) revert ToplocVerdict.ToplocVerdict_BadTopk(c.topk);
        if (c.elements < 1 || c.elements > FIELD) revert ToplocVerdict.ToplocVerdict_BadElements(c.elements);
        (reason, coefficients) = decode(c.proof, c.topk);
        if (reason != ToplocReason.None) return (reason, coefficients, points);
        if (c.support.length != 4 * c.topk) {
            revert ToplocSupport.ToplocSupport_Length(c.support.length, 4 * c.topk);
        }
        points = pointsOf(c);
        for (uint256 i = 0; i < c.topk; ++i) {
            if (points.patterns[i] % 0x8000 >= 0x7f80) reason = ToplocReason.NonFinite;
        }
    }

    function decode(bytes memory proof, uint256 topk)
        internal
        pure
        returns (ToplocReason, uint256[] memory coefficients)
    {
        if (proof.length != 2 + 2 * topk) return (ToplocReason.Length, coefficients);
        if (numberAt(proof, 0) != FIELD) return (ToplocReason.Modulus, coefficients);
        coefficients = new uint256[](topk);
        bool isDegenerate = true;
        for (uint256 i = 0; i < topk; ++i) {
            coefficients[i] = numberAt(proof, 2 + 2 * i);
            if (coefficients[i] >= FIELD) return (ToplocReason.Coefficient, coefficients);
            if (i >= topk / 2 && coefficients[i] != 0) isDegenerate = false;
        }
        return (isDegenerate ? ToplocReason.Degenerate : ToplocReason.None, coefficients);
    }

    function pointsOf(ToplocCase memory c) internal pure returns (Points memory points) {
        points.patterns = new uint256[](c.topk);
        points.indices = new uint256[](c.topk);
        points.own = c.elements < c.topk ? c.elements : c.topk;
        bool isCanonical = true;
        for (uint256 i = 0; i < c.topk; ++i) {
            uint256 pattern = numberAt(c.support, 4 * i);
            uint256 index = numberAt(c.support, 4 * i + 2);
            if (i < points.own && index >= c.elements) isCanonical = false;
            if (i >= points.own && (pattern != 0 || index != i)) isCanonical = false;
            if (isAmong(points.indices, i, index)) isCanonical = false;
            if (i > 0) {
                uint256 before = points.patterns[i - 1] % 0x8000;
                if (before < pattern % 0x8000) isCanonical = false;
                if (before == pattern % 0x8000 && points.indices[i - 1] > index) isCanonical = false;
            }
            points.patterns[i] = pattern;
            points.indices[i] = index;
        }
        if (!isCanonical) revert ToplocSupport.ToplocSupport_NotCanonical();
    }

    function claimsOf(uint256[] memory coefficients, Points memory points)
        internal
        pure
        returns (uint256[] memory claims)
    {
        claims = new uint256[](points.indices.length);
        for (uint256 i = 0; i < claims.length; ++i) {
            claims[i] = evaluate(coefficients, points.indices[i]);
        }
    }

    function evaluate(uint256[] memory coefficients, uint256 x) internal pure returns (uint256 value) {
        unchecked {
            for (uint256 i = coefficients.length; i > 0; --i) {
                value = (value * x + coefficients[i - 1]) % FIELD;
            }
        }
    }

    function accept(uint256[] memory claims, Points memory points, ToplocThresholds memory thresholds)
        internal
        pure
        returns (ToplocReason)
    {
        uint256 mismatches = 0;
        uint256 agreeing = 0;
        uint256 total = 0;
        uint256[] memory errors = new uint256[](points.own);
        for (uint256 i = 0; i < claims.length; ++i) {
            if (claims[i] / 128 != points.patterns[i] / 128) {
                ++mismatches;
            } else if (i < points.own) {
                errors[agreeing] = distance(claims[i], points.patterns[i]);
                total += errors[agreeing];
                ++agreeing;
            }
        }
        uint256 penalty = total + DISAGREEMENT * (points.own - agreeing);
        uint256 median = DISAGREEMENT;
        if (agreeing == 0) {
            (total, agreeing) = (DISAGREEMENT, 1);
        } else {
            median = sortedAt(errors, agreeing, agreeing / 2);
        }
        if (mismatches > thresholds.maxExponentMismatches) return ToplocReason.Exponent;
        if (1000 * total > thresholds.maxMantissaMeanThousandths * agreeing) {
            return ToplocReason.MantissaMean;
        }
        if (1000 * median > thresholds.maxMantissaMedianThousandths) return ToplocReason.MantissaMedian;
        uint256 least = constantPenalty(points);
        return penalty >= least && least > 0 ? ToplocReason.Constant : ToplocReason.None;
    }

    /// @dev The best constant is one of the patterns: between two of them the penalty is linear.
    function constantPenalty(Points memory points) internal pure returns (uint256 least) {
        unchecked {
            uint256[] memory patterns = points.patterns;
            uint256 own = points.own;
            least = type(uint256).max;
            for (uint256 i = 0; i < own; ++i) {
                uint256 penalty = 0;
                for (uint256 j = 0; j < own; ++j) {
                    bool agrees = patterns[i] / 128 == patterns[j] / 128;
                    penalty += agrees ? distance(patterns[i], patterns[j]) : DISAGREEMENT;
                }
                if (penalty < least) least = penalty;
            }
        }
    }

    /// @dev Element `place`, in rising order, of the first `length` values.
    function sortedAt(uint256[] memory values, uint256 length, uint256 place)
        internal
        pure
        returns (uint256)
    {
        unchecked {
            for (uint256 i = 0; i < length; ++i) {
                uint256 smaller = 0;
                uint256 equal = 0;
                for (uint256 j = 0; j < length; ++j) {
                    if (values[j] < values[i]) ++smaller;
                    if (values[j] == values[i]) ++equal;
                }
                if (smaller <= place && place < smaller + equal) return values[i];
            }
            revert();
        }
    }

    /// @dev Whether `value` is one of the first `length` values.
    function isAmong(uint256[] memory values, uint256 length, uint256 value) internal pure returns (bool) {
        unchecked {
            for (uint256 i = 0; i < length; ++i) {
                if (values[i] == value) return true;
            }
            return false;
        }
    }

    function distance(uint256 a, uint256 b) internal pure returns (uint256) {
        unchecked {
            return a < b ? b - a : a - b;
        }
    }

    function numberAt(bytes memory data, uint256 offset) internal pure returns (uint256) {
        return 256 * uint256(uint8(data[offset])) + uint8(data[offset + 1]);
    }
}
