// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ToplocCase} from "contracts/types/Toploc.sol";

/// @title TOPLOC proofs and supports, drawn from a seed
/// @dev Indices are `start + step * i`: then a polynomial goes through chosen claims with one inverse a difference.
library ToplocCases {
    uint256 internal constant FIELD = 65_497;

    /// @notice A stream of numbers.
    struct Random {
        bytes32 state;
    }

    function next(Random memory random, uint256 range) internal pure returns (uint256) {
        random.state = keccak256(abi.encode(random.state));
        return uint256(random.state) % range;
    }

    /// @notice A case whose support is canonical, whose proof is well-formed unless the draw says otherwise, and in
    /// which every rule has its chance.
    function drawn(bytes32 seed) internal pure returns (ToplocCase memory c) {
        Random memory random = Random(seed);
        c.topk = 16 + next(random, 113);
        if (next(random, 8) == 0) c.topk = 128;
        uint256 shape = next(random, 4);
        if (shape == 0) c.elements = 1 + next(random, c.topk);
        else if (shape == 1) c.elements = c.topk + next(random, 20);
        else c.elements = c.topk + next(random, FIELD + 1 - c.topk);
        uint256[] memory patterns = drawPatterns(random, c);
        uint256 step = c.elements < c.topk ? 1 : 1 + next(random, (c.elements - 1) / (c.topk - 1));
        uint256 start = c.elements < c.topk ? 0 : next(random, c.elements - step * (c.topk - 1));
        c.proof = drawProof(random, patterns, start, step);
        c.support = sorted(patterns, start, step, c.elements);
    }

    /// @dev Magnitudes of a few exponents, so that ties are common; signs in some proportion.
    function drawPatterns(Random memory random, ToplocCase memory c)
        private
        pure
        returns (uint256[] memory patterns)
    {
        patterns = new uint256[](c.topk);
        uint256 base = next(random, 5) == 0 ? 0 : next(random, 0x7f00);
        uint256 width = 1 << next(random, 12);
        if (base + width > 0x7f80) width = 0x7f80 - base;
        uint256 negative = next(random, 5);
        for (uint256 i = 0; i < c.topk && i < c.elements; ++i) {
            patterns[i] = base + next(random, width) + (next(random, 4) < negative ? 0x8000 : 0);
        }
    }

    /// @dev Through claims near the patterns; or coefficients at random, or all near the prime.
    function drawProof(Random memory random, uint256[] memory patterns, uint256 start, uint256 step)
        private
        pure
        returns (bytes memory)
    {
        uint256 kind = next(random, 8);
        uint256[] memory values = new uint256[](patterns.length);
        uint256 noise = 1 + next(random, 60);
        uint256 rate = next(random, 101);
        for (uint256 i = 0; i < values.length; ++i) {
            if (kind == 0) values[i] = next(random, FIELD);
            else if (kind == 1) values[i] = FIELD - 1 - next(random, 3);
            else if (next(random, 100) < rate) values[i] = moved(patterns[i], next(random, noise));
            else values[i] = next(random, FIELD);
        }
        return encoded(kind < 2 ? values : through(values, start, step));
    }

    /// @notice The claim `distance` off a pattern, if its sign and exponent allow.
    function moved(uint256 pattern, uint256 distance) internal pure returns (uint256) {
        return pattern % 128 + distance < 128 ? pattern + distance : pattern - pattern % 128;
    }

    /// @notice Coefficients of the polynomial with `values` at `start + step * i`, by Newton's differences.
    function through(uint256[] memory values, uint256 start, uint256 step)
        internal
        pure
        returns (uint256[] memory coefficients)
    {
        unchecked {
            uint256 count = values.length;
            for (uint256 order = 1; order < count; ++order) {
                uint256 inverse = power(step * order, FIELD - 2);
                for (uint256 i = count - 1; i >= order; --i) {
                    values[i] = (values[i] + FIELD - values[i - 1]) * inverse % FIELD;
                }
            }
            coefficients = new uint256[](count);
            for (uint256 i = count; i > 0; --i) {
                uint256 node = FIELD - (start + step * (i - 1)) % FIELD;
                for (uint256 j = count - 1; j > 0; --j) {
                    coefficients[j] = (coefficients[j - 1] + node * coefficients[j]) % FIELD;
                }
                coefficients[0] = (values[i - 1] + node * coefficients[0]) % FIELD;
            }
        }
    }

    function power(uint256 base, uint256 exponent) private pure returns (uint256 result) {
        unchecked {
            result = 1;
            for (base %= FIELD; exponent > 0; exponent /= 2) {
                if (exponent % 2 == 1) result = result * base % FIELD;
                base = base * base % FIELD;
            }
        }
    }

    function encoded(uint256[] memory coefficients) internal pure returns (bytes memory proof) {
        proof = new bytes(2 + 2 * coefficients.length);
        put(proof, 0, FIELD);
        for (uint256 i = 0; i < coefficients.length; ++i) {
            put(proof, 2 + 2 * i, coefficients[i]);
        }
    }

    /// @notice The support of `patterns` at `start + step * i`: by falling magnitude, then rising index.
    function sorted(uint256[] memory patterns, uint256 start, uint256 step, uint256 elements)
        internal
        pure
        returns (bytes memory support)
    {
        unchecked {
            uint256 count = patterns.length;
            uint256[] memory order = new uint256[](count);
            for (uint256 i = 0; i < count; ++i) {
                uint256 index = start + step * i;
                // What fills up a short chunk comes last.
                uint256 magnitude = index < elements ? patterns[i] % 0x8000 : 0;
                uint256 key =
                    ((magnitude << 16) | (0xffff - index)) << 16 | (index < elements ? patterns[i] : 0);
                uint256 place = i;
                for (; place > 0 && order[place - 1] < key; --place) {
                    order[place] = order[place - 1];
                }
                order[place] = key;
            }
            support = new bytes(4 * count);
            for (uint256 i = 0; i < count; ++i) {
                put(support, 4 * i, order[i] & 0xffff);
                put(support, 4 * i + 2, 0xffff - ((order[i] >> 16) & 0xffff));
            }
        }
    }

    /// @notice Writes `value` at `offset`, two bytes, big-endian.
    function put(bytes memory data, uint256 offset, uint256 value) internal pure {
        data[offset] = bytes1(uint8(value >> 8));
        data[offset + 1] = bytes1(uint8(value));
    }
}
