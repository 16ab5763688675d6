// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title A side's clock in a game of moves
/// @notice Each side has seconds of its own for the whole game, and for each move at least a grace.
library ChessClock {
    /// @notice A move counts before it.
    function deadline(uint256 movedAt, uint32 left, uint32 grace) internal pure returns (uint256) {
        return movedAt + (left < grace ? grace : left);
    }

    /// @notice What is left of a clock.
    function rest(uint32 left, uint256 spent) internal pure returns (uint32) {
        return spent < left ? left - uint32(spent) : 0;
    }
}
