// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Form of a TOPLOC proof: 2-byte modulus, then `topk` 2-byte coefficients, all big-endian
/// @notice What can be wrong with a proof without knowing a single activation.
/// @dev Twin of the decoder in protocol/spec/toploc.
library ToplocFormat {
    /// @dev The field, and the only modulus accepted: a chunk has at most this many elements, so indices need no
    /// folding, and a modulus of zero or one would make every index the same.
    uint256 internal constant FIELD = 65_497;

    /// @notice Whether an honest prover cannot have made `proof`.
    /// @dev Degenerate means that the upper half of the coefficients is zero. That catches null and constant proofs,
    /// which match many activations blindly; an honest proof has one zero leading coefficient once in 65497 chunks,
    /// so a single one proves nothing.
    function isMalformed(bytes memory proof, uint256 topk) internal pure returns (bool) {
        if (proof.length != 2 + 2 * topk || _word16(proof, 0) != FIELD) return true;
        uint256 upperHalf = 0;
        for (uint256 i = 0; i < topk; ++i) {
            uint256 coefficient = _word16(proof, 2 + 2 * i);
            if (coefficient >= FIELD) return true;
            if (i >= topk / 2) upperHalf |= coefficient;
        }
        return upperHalf == 0;
    }

    /// @dev The caller has checked the length. Twin in the tests: `uint16(bytes2(...))` byte by byte.
    function _word16(bytes memory data, uint256 offset) private pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := shr(240, mload(add(add(data, 0x20), offset)))
        }
    }
}
