// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Vm} from "./Vm.sol";

/// @title Assertions and bounds for tests
abstract contract Assertions {
    Vm internal constant vm = Vm(0x7109709ECfa91a80626fF3989D68f67F5b1DD12D);

    error AssertionFailed(string message);

    function assertTrue(bool condition, string memory message) internal pure {
        if (!condition) revert AssertionFailed(message);
    }

    function assertEq(uint256 actual, uint256 expected, string memory message) internal pure {
        if (actual != expected) _differ(vm.toString(actual), vm.toString(expected), message);
    }

    function assertEq(bytes32 actual, bytes32 expected, string memory message) internal pure {
        if (actual != expected) _differ(vm.toString(actual), vm.toString(expected), message);
    }

    function assertEq(address actual, address expected, string memory message) internal pure {
        if (actual != expected) _differ(vm.toString(actual), vm.toString(expected), message);
    }

    function assertLe(uint256 actual, uint256 most, string memory message) internal pure {
        if (actual > most) {
            _differ(vm.toString(actual), string.concat("at most ", vm.toString(most)), message);
        }
    }

    /// @notice `value` mapped into [least, most].
    function bound(uint256 value, uint256 least, uint256 most) internal pure returns (uint256) {
        if (value >= least && value <= most) return value;
        uint256 size = most - least + 1;
        return size == 0 ? value : least + value % size;
    }

    function _differ(string memory actual, string memory expected, string memory message) private pure {
        revert AssertionFailed(string.concat(message, ": ", actual, " instead of ", expected));
    }
}
