// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Checks} from "../utils/Checks.sol";
import {RefereeMath} from "contracts/libraries/RefereeMath.sol";

contract RefereeCourt {
    function dot(bytes calldata values, bytes calldata factors) external pure returns (int256) {
        return RefereeMath.clamp(RefereeMath.rounded(RefereeMath.partialDot(values, factors), 20));
    }

    function exp(uint256 distance) external pure returns (int256) {
        return RefereeMath.exp(distance);
    }

    function silu(int256 value) external pure returns (int256) {
        return RefereeMath.silu(value);
    }

    function inverseRoot(uint256 meanSquare) external pure returns (uint256, uint256) {
        return RefereeMath.inverseRoot(meanSquare);
    }
}

/// @dev What a step of the referee costs as a transaction of its own: 21000, the calldata, and the call; at least
/// EIP-7623's floor. Openings of the inputs come on top. Written to snapshots/Referee.json.
contract RefereeGasTest is Checks {
    uint256 internal constant TARGET = 170_000;

    RefereeCourt internal court = new RefereeCourt();

    /// @dev No zero byte in 5-byte activations and 4-byte weights: the dearest there are.
    function test_PartialDot() external {
        assertLe(measured("partial dot, K = 256", dotCall(256)), TARGET, "gas");
    }

    /// @dev The longest that the target for a step allows.
    function test_LongestDot() external {
        assertLe(measured("partial dot, K = 400", dotCall(400)), TARGET, "gas");
    }

    /// @dev In one step, beyond the target: why a sum is cut into partial sums.
    function test_WholeDot() external {
        assertTrue(measured("dot in one step, K = 896", dotCall(896)) > TARGET);
    }

    function test_Functions() external {
        assertLe(measured("exp", abi.encodeCall(court.exp, (12_345_678))), 25_000, "gas");
        assertLe(measured("silu", abi.encodeCall(court.silu, (-12_345_678))), 30_000, "gas");
        assertLe(measured("inverse root", abi.encodeCall(court.inverseRoot, (2 ** 48 + 1))), 25_000, "gas");
    }

    function measured(string memory name, bytes memory call) private returns (uint256 gas) {
        (bool success,) = address(court).staticcall(call);
        uint256 execution = vm.lastCallGas().gasTotalUsed;
        assertTrue(success);
        uint256 zeros = 0;
        for (uint256 i = 0; i < call.length; ++i) {
            if (call[i] == 0) ++zeros;
        }
        uint256 tokens = zeros + 4 * (call.length - zeros);
        uint256 floor = 10 * tokens;
        gas = 21_000 + (4 * tokens + execution > floor ? 4 * tokens + execution : floor);
        vm.snapshotValue("Referee", name, gas);
        vm.snapshotValue("Referee", string.concat(name, ", execution"), execution);
    }

    function dotCall(uint256 count) private view returns (bytes memory) {
        bytes memory values = new bytes(5 * count);
        bytes memory factors = new bytes(4 * count);
        for (uint256 i = 0; i < values.length; ++i) {
            values[i] = bytes1(uint8(1 + i % 255));
            if (i < factors.length) factors[i] = bytes1(uint8(255 - i % 255));
        }
        return abi.encodeCall(court.dot, (values, factors));
    }
}
