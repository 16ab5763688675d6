// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title A reward rule that also knows what was asked
/// @notice Where a task's judge recomputes rollouts, its reward rule answers this too.
interface IPromptRule {
    /// @notice The tokens that a completion of the problem follows.
    /// @param problem Index of the problem in the task's problem set.
    /// @return tokens At least one.
    function prompt(uint32 problem) external view returns (uint32[] memory tokens);
}
