// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title A reward that the chain can compute
/// @notice Named with its code hash in a task's parameters; judges compare a committed reward with its answer.
interface IRewardRule {
    /// @notice Reward of one completion. Must not revert on any tokens a rollout leaf can commit to.
    /// @param problem Index of the problem in the task's problem set.
    /// @param tokens Completion token ids, end token included.
    /// @return millionths 0 to 1 000 000, the full reward.
    function reward(uint32 problem, uint32[] calldata tokens) external view returns (uint32 millionths);
}
