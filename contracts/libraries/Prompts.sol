// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IPromptRule} from "../interfaces/IPromptRule.sol";
import {Pinned} from "../types/Task.sol";
import {PureCode} from "./PureCode.sol";

/// @title Asking a task's rule for prompts
library Prompts {
    /// @notice Whether the rule is there, as it was when the task was created, and will answer the same for ever.
    function isFit(Pinned memory rule) internal view returns (bool) {
        if (rule.code == address(0) || rule.code.codehash != rule.codeHash) return false;
        bytes memory code = rule.code.code;
        return PureCode.firstImpurity(code) == code.length;
    }

    /// @notice How many tokens the problem's prompt has; zero if the rule does not tell.
    /// @dev Reads two words of the answer alone, because the TOPLOC libraries leave little memory.
    function count(address rule, uint32 problem) internal view returns (uint256 tokens) {
        bytes memory question = abi.encodeCall(IPromptRule.prompt, (problem));
        assembly ("memory-safe") {
            let success := staticcall(gas(), rule, add(question, 0x20), mload(question), 0, 0x40)
            tokens := mload(0x20)
            let isWhole := eq(returndatasize(), add(0x40, shl(5, tokens)))
            let isList := and(eq(mload(0), 0x20), lt(tokens, 0x100000000))
            tokens := mul(tokens, and(success, and(isWhole, isList)))
        }
    }
}
