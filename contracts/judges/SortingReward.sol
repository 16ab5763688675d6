// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IPromptRule} from "../interfaces/IPromptRule.sol";
import {IRewardRule} from "../interfaces/IRewardRule.sol";

/// @title Prompts and reward of the built-in task "sorting": eight digits ascending, then the end token
/// @dev Twin of protocol/spec/environments/sorting.py.
contract SortingReward is IRewardRule, IPromptRule {
    bytes32 internal constant DOMAIN = keccak256("cupel.sorting.v1");
    uint256 internal constant NUM_DIGITS = 8;
    uint32 internal constant SEPARATOR = 10;
    uint256 internal constant END = 11;
    uint32 internal constant BEGIN = 12;
    uint32 internal constant FULL_REWARD = 1_000_000;

    /// @inheritdoc IRewardRule
    function reward(uint32 problem, uint32[] calldata tokens) external pure returns (uint32) {
        if (tokens.length != NUM_DIGITS + 1 || tokens[NUM_DIGITS] != END) return 0;
        bytes32 digest = keccak256(abi.encode(DOMAIN, problem));
        // Counts of the ten digits, one byte each: the answer is right iff it ascends and has the problem's counts.
        uint256 counts = 0;
        for (uint256 i = 0; i < NUM_DIGITS; ++i) {
            counts += 1 << (8 * (uint256(uint8(digest[i])) % 10));
        }
        uint256 previous = 0;
        uint256 answered = 0;
        for (uint256 i = 0; i < NUM_DIGITS; ++i) {
            uint256 token = tokens[i];
            if (token > 9 || token < previous) return 0;
            answered += 1 << (8 * token);
            previous = token;
        }
        return counts == answered ? FULL_REWARD : 0;
    }

    /// @inheritdoc IPromptRule
    function prompt(uint32 problem) external pure returns (uint32[] memory tokens) {
        bytes32 digest = keccak256(abi.encode(DOMAIN, problem));
        tokens = new uint32[](NUM_DIGITS + 2);
        tokens[0] = BEGIN;
        for (uint256 i = 0; i < NUM_DIGITS; ++i) {
            tokens[i + 1] = uint8(digest[i]) % 10;
        }
        tokens[NUM_DIGITS + 1] = SEPARATOR;
    }
}
