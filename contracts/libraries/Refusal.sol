// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Reverts with a custom error whose arguments are single words
/// @notice `Hub_X.selector.refuse(a, b)` is `revert Hub_X(a, b)`, compiled once instead of at every place.
/// @dev Functions that differ in types only become one in the bytecode. They overwrite the free memory pointer, which
/// nothing reads after a revert.
library Refusal {
    function refuse(bytes4 selector) internal pure {
        assembly ("memory-safe") {
            mstore(0, selector)
            revert(0, 4)
        }
    }

    function refuse(bytes4 selector, uint256 a) internal pure {
        assembly ("memory-safe") {
            mstore(0, selector)
            mstore(4, a)
            revert(0, 36)
        }
    }

    function refuse(bytes4 selector, bytes32 a) internal pure {
        assembly ("memory-safe") {
            mstore(0, selector)
            mstore(4, a)
            revert(0, 36)
        }
    }

    function refuse(bytes4 selector, address a) internal pure {
        assembly ("memory-safe") {
            mstore(0, selector)
            mstore(4, a)
            revert(0, 36)
        }
    }

    function refuse(bytes4 selector, uint256 a, uint256 b) internal pure {
        assembly ("memory-safe") {
            mstore(0, selector)
            mstore(4, a)
            mstore(36, b)
            revert(0, 68)
        }
    }

    function refuse(bytes4 selector, bytes32 a, bytes32 b) internal pure {
        assembly ("memory-safe") {
            mstore(0, selector)
            mstore(4, a)
            mstore(36, b)
            revert(0, 68)
        }
    }

    function refuse(bytes4 selector, address a, address b) internal pure {
        assembly ("memory-safe") {
            mstore(0, selector)
            mstore(4, a)
            mstore(36, b)
            revert(0, 68)
        }
    }

    function refuse(bytes4 selector, address a, uint256 b) internal pure {
        assembly ("memory-safe") {
            mstore(0, selector)
            mstore(4, a)
            mstore(36, b)
            revert(0, 68)
        }
    }

    function refuse(bytes4 selector, uint256 a, address b) internal pure {
        assembly ("memory-safe") {
            mstore(0, selector)
            mstore(4, a)
            mstore(36, b)
            revert(0, 68)
        }
    }

    function refuse(bytes4 selector, bytes32 a, address b) internal pure {
        assembly ("memory-safe") {
            mstore(0, selector)
            mstore(4, a)
            mstore(36, b)
            revert(0, 68)
        }
    }

    function refuse(bytes4 selector, bytes32 a, address b, uint256 c) internal pure {
        assembly ("memory-safe") {
            mstore(0, selector)
            mstore(4, a)
            mstore(36, b)
            mstore(68, c)
            revert(0, 100)
        }
    }

    function refuse(bytes4 selector, address a, bytes32 b, bytes32 c) internal pure {
        assembly ("memory-safe") {
            mstore(0, selector)
            mstore(4, a)
            mstore(36, b)
            mstore(68, c)
            revert(0, 100)
        }
    }
}
