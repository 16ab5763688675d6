// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice Who says what to call.
interface IPlanner {
    function plan() external view returns (bytes[] memory);
}

/// @title Calls back into a contract that is in the middle of something
abstract contract Reentry {
    IPlanner internal immutable planner;
    /// @dev Calls made, and those among them that the reentrancy guard did not refuse.
    uint256 public calls;
    uint256 public breaches;

    constructor(IPlanner planner_) {
        planner = planner_;
    }

    function _reenter(address target) internal {
        bytes[] memory plan = planner.plan();
        bytes32 refusal = keccak256(abi.encodeWithSignature("Hub_Reentered()"));
        calls += plan.length;
        for (uint256 i = 0; i < plan.length; ++i) {
            (bool succeeded, bytes memory result) = target.call(plan[i]);
            if (succeeded || keccak256(result) != refusal) ++breaches;
        }
    }
}
