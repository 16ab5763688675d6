// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Drawing without replacement
library Sortition {
    /// @notice `count` different numbers below `population`; every subset is equally likely, their order is not.
    /// @dev Floyd's algorithm (Bentley and Floyd 1987): `count` draws whatever the population, so the cost is bounded
    /// by the caller's `count`, quadratically. The bias of taking a 256-bit hash modulo the range is negligible.
    function draw(bytes32 seed, uint256 population, uint256 count)
        internal
        pure
        returns (uint256[] memory drawn)
    {
        assert(count <= population);
        drawn = new uint256[](count);
        for (uint256 i = 0; i < count; ++i) {
            uint256 top = population - count + i;
            uint256 candidate = uint256(keccak256(abi.encode(seed, i))) % (top + 1);
            drawn[i] = _contains(drawn, i, candidate) ? top : candidate;
        }
    }

    function _contains(uint256[] memory values, uint256 length, uint256 value) private pure returns (bool) {
        for (uint256 i = 0; i < length; ++i) {
            if (values[i] == value) return true;
        }
        return false;
    }
}
