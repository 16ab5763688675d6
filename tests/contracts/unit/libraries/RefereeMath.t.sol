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

    function rowMoments(bytes calldata values, int256 average) external pure returns (bytes32, bytes32) {
        (int256 greatest, int256 sum, uint256 squares) = RefereeMath.moments(values, average);
        bytes32 ours = keccak256(abi.encode(greatest, sum, squares));
        (greatest, sum, squares) = ReadableRefereeMath.moments(values, average);
        return (ours, keccak256(abi.encode(greatest, sum, squares)));
    }

    /// @notice For any bytes and any count from 1 to 256.
    function test_Fuzz_MomentsAreTheirReadableTwin(uint256 count, bytes32 seed, int40 average) external view {
        bytes memory values = new bytes(5 * (1 + count % 256));
        for (uint256 i = 0; i < values.length; ++i) {
            values[i] = bytes1(keccak256(abi.encode(seed, i)));
        }
        (bytes32 ours, bytes32 readable) = this.rowMoments(values, average);
        assertEq(ours, readable);
    }

    function test_AnEmptyRowHasNoMoments() external view {
        (bool success,) = address(this).staticcall(abi.encodeCall(this.rowMoments, ("", 0)));
        assertFalse(success);
    }

    /// @notice The nearest integer, the greater of two as near.
    function test_Fuzz_MeanIsHalfUp(int128 sum, uint32 count) external pure {
        vm.assume(count != 0);
        int256 distance = RefereeMath.mean(sum, count) * int256(uint256(count)) - sum;
        assertTrue(2 * distance <= int256(uint256(count)) && 2 * distance > -int256(uint256(count)));
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
