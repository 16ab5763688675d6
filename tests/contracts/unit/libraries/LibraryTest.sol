// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

interface LibraryVm {
    function expectRevert(bytes calldata revertData) external;
    function assume(bool condition) external pure;
    function warp(uint256 timestamp) external;
    function roll(uint256 blockNumber) external;
    function prank(address sender) external;
    function startPrank(address sender) external;
    function stopPrank() external;
    function expectEmit(address emitter) external;
    function etch(address target, bytes calldata code) external;
    function snapshotState() external returns (uint256 snapshot);
    function revertToState(uint256 snapshot) external returns (bool success);
}

abstract contract LibraryTest {
    LibraryVm internal constant vm = LibraryVm(0x7109709ECfa91a80626fF3989D68f67F5b1DD12D);

    error AssertionFailed(bytes32 left, bytes32 right);

    function assertEq(bytes32 left, bytes32 right) internal pure {
        if (left != right) revert AssertionFailed(left, right);
    }

    function assertEq(uint256 left, uint256 right) internal pure {
        assertEq(bytes32(left), bytes32(right));
    }

    function assertTrue(bool condition) internal pure {
        assertEq(condition ? 1 : 0, 1);
    }

    function assertFalse(bool condition) internal pure {
        assertEq(condition ? 1 : 0, 0);
    }

    function bound(uint256 value, uint256 low, uint256 high) internal pure returns (uint256) {
        return low + value % (high - low + 1);
    }
}
