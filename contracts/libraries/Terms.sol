// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {TaskParams} from "../types/Task.sol";

/// @title Fields of task parameters, read as the words they are
/// @notice The compiler checks a field's range at every read. The hub checks all of them once, in `createTask`; later it
/// asks for the hash, which no other words have. Each constant is the place of the field it is named after, in bytes.
library Terms {
    uint256 internal constant TOKEN = 32;
    uint256 internal constant START = 128;
    uint256 internal constant ROUND_SECONDS = 160;
    uint256 internal constant COMMIT_SECONDS = 192;
    uint256 internal constant ROUNDS = 224;
    uint256 internal constant PROBLEMS_PER_ROUND = 256;
    uint256 internal constant GROUP_SIZE = 288;
    uint256 internal constant PROBLEM_COUNT = 320;
    uint256 internal constant CHUNK_TOKENS = 352;
    uint256 internal constant TOPK = 384;
    uint256 internal constant MAX_TOKENS = 416;
    uint256 internal constant MAX_STALENESS = 448;
    uint256 internal constant RATE = 480;
    uint256 internal constant STAKE = 512;
    uint256 internal constant BOND = 544;
    uint256 internal constant CHALLENGE_WINDOW = 576;
    uint256 internal constant DISPUTE_SECONDS = 608;
    uint256 internal constant EXIT_MARGIN = 640;
    uint256 internal constant REWARD_RULE = 672;
    uint256 internal constant FIRST_JUDGE = 736;

    /// @notice Places for judges.
    uint256 internal constant JUDGES = 4;

    /// @notice The address in `p.rewardRule`, as a word, and the hash of its code.
    function rewardRuleWords(TaskParams calldata p) internal pure returns (uint256 code, bytes32 codeHash) {
        return (word(p, REWARD_RULE), bytes32(word(p, REWARD_RULE + 32)));
    }

    /// @notice The address in `p.judges[i]`, as a word, and the hash of its code.
    function judgeWords(TaskParams calldata p, uint256 i)
        internal
        pure
        returns (uint256 code, bytes32 codeHash)
    {
        unchecked {
            uint256 place = FIRST_JUDGE + 64 * i;
            return (word(p, place), bytes32(word(p, place + 32)));
        }
    }

    /// @notice `p.token`.
    function tokenWord(TaskParams calldata p) internal pure returns (address token) {
        assembly ("memory-safe") {
            token := calldataload(add(p, 32))
        }
    }

    /// @notice The word at `place`.
    function word(TaskParams calldata p, uint256 place) internal pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := calldataload(add(p, place))
        }
    }
}
