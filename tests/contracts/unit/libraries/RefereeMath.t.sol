// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Checks} from "../../utils/Checks.sol";
import {ReadableRefereeMath} from "../../utils/ReadableRefereeMath.sol";
import {RefereeMath} from "contracts/libraries/RefereeMath.sol";

contract RefereeMathTest is Checks {
    function sums(bytes calldata values, bytes calldata factors)
        external
        pure
        returns (int256 sum, int256 readable)
    {
        sum = RefereeMath.partialDot(values, factors);
        readable = ReadableRefereeMath.partialDot(values, factors);
    }

    /// @notice For any bytes and any count from 0 to 256.
    function test_Fuzz_DotIsItsReadableTwin(uint256 count, bytes32 seed) external view {
        count = count % 257;
        bytes memory values = new bytes(5 * count);
        bytes memory factors = new bytes(4 * count);
        for (uint256 i = 0; i < values.length; ++i) {
            values[i] = bytes1(keccak256(abi.encode(seed, i)));
            if (i < factors.length) factors[i] = bytes1(keccak256(abi.encode(i, seed)));
        }
        (int256 sum, int256 readable) = this.sums(values, factors);
        assertTrue(sum == readable);
    }

    function test_Fuzz_InverseRootIsTheFloorOfItsQuotient(uint256 meanSquare) external pure {
        meanSquare = 2 ** 27 + meanSquare % 2 ** 100;
        (uint256 factor, uint256 shift) = RefereeMath.inverseRoot(meanSquare);
        // factor = floor(2^(shift + 40) / root) for the integer root.
        uint256 above = ((1 << (shift + 40)) / (factor + 1));
        uint256 below = ((1 << (shift + 40)) / factor);
        assertTrue(above * above <= meanSquare << 32);
        assertTrue((below + 1) * (below + 1) > meanSquare << 32);
    }

    function test_Fuzz_ClampAndRound(int256 value, uint256 shift) external pure {
        int256 clamped = RefereeMath.clamp(value);
        assertTrue(clamped <= 2 ** 39 - 1 && clamped >= -(2 ** 39 - 1));
        assertTrue(clamped == value || clamped == 2 ** 39 - 1 || clamped == -(2 ** 39 - 1));
        value = value % 2 ** 100;
        shift = 1 + shift % 100;
        int256 unit = int256(1 << shift);
        int256 distance = RefereeMath.rounded(value, shift) * unit - value;
        assertTrue(2 * distance <= unit && 2 * distance > -unit);
    }
}
