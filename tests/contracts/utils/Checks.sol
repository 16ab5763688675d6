// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Assertions} from "./Assertions.sol";

/// @title Assertions without a message, for tests whose name says it all
abstract contract Checks is Assertions {
    function assertEq(uint256 actual, uint256 expected) internal pure {
        assertEq(actual, expected, "value");
    }

    function assertEq(bytes32 actual, bytes32 expected) internal pure {
        assertEq(actual, expected, "hash");
    }

    function assertEq(address actual, address expected) internal pure {
        assertEq(actual, expected, "address");
    }

    function assertTrue(bool condition) internal pure {
        assertTrue(condition, "should be true");
    }

    function assertFalse(bool condition) internal pure {
        assertTrue(!condition, "should be false");
    }
}
