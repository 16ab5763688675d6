// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Drawing without replacement, one number after another
library Sortition {
    /// @notice The next number below `population` that is not yet in `taken`, each equally likely.
    /// @dev The bias of taking a 256-bit hash modulo the range is negligible.
    /// @param taken Its first `count` members are the numbers drawn so far, ascending. The new one is put among them.
    function next(bytes32 seed, uint256 population, uint256[] memory taken, uint256 count)
        internal
        pure
        returns (uint256)
    {
        return take(taken, count, uint256(keccak256(abi.encode(seed, count))) % (population - count));
    }

    /// @notice The number of this rank, from 0, among those not in `taken`; put among them.
    /// @dev Every taken number at or below the candidate pushes it up by one. Distinct ranks give distinct numbers, so a
    /// uniform rank gives a uniform number.
    function take(uint256[] memory taken, uint256 count, uint256 rank)
        internal
        pure
        returns (uint256 number)
    {
        number = rank;
        uint256 position = 0;
        while (position < count && taken[position] <= number) {
            ++number;
            ++position;
        }
        for (uint256 i = count; i > position; --i) {
            taken[i] = taken[i - 1];
        }
        taken[position] = number;
    }
}
