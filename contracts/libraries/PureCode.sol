// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Whether code can do nothing but compute
/// @notice A code hash pins what a contract does, not what it answers: code that reads storage, another contract, the
/// block, the caller or the gas left may answer otherwise tomorrow, or to somebody else. Code made of the allowed
/// instructions alone answers the same calldata with the same bytes for ever, or fails for want of gas.
/// @dev The list allows what is known instead of forbidding what is not, so a later fork adds no way around it.
library PureCode {
    /// @dev Bit i: instruction i. Arithmetic, comparison, bits and hash 00-0b 10-1e 20; call value, calldata, own code
    /// and return data 34-39 3d 3e, which are fixed for a static call that itself calls nobody; stack, memory and jumps
    /// 50-53 56-59 5b 5e; constants, duplicates and swaps 5f-9f; RETURN f3, REVERT fd, INVALID fe.
    uint256 internal constant ALLOWED =
        (0xfff
                | 0x7fff
                << 0x10
                | 1
                << 0x20
                | 0x3f
                << 0x34
                | 3
                << 0x3d
                | 0xf
                << 0x50
                | 0xf
                << 0x56
                | 1
                << 0x5b
                | 3
                << 0x5e) | ((1 << 0x40) - 1) << 0x60 | 1 << 0xf3 | 3 << 0xfd;

    uint256 private constant PUSH1 = 0x60;
    uint256 private constant PUSH32 = 0x7f;

    /// @notice Offset of the first instruction that is not allowed, or the code's length when there is none.
    /// @dev Walks over the constants behind PUSH instructions, as the machine does when it looks for jump targets: no
    /// jump can land where this walk does not. Data behind the code is taken for instructions, so a rule with
    /// constant tables or metadata may be refused; one that is accepted is pure.
    function firstImpurity(bytes memory code) internal pure returns (uint256 offset) {
        uint256 length = code.length;
        while (offset < length) {
            uint256 instruction = _byteAt(code, offset);
            if (ALLOWED >> instruction & 1 == 0) return offset;
            unchecked {
                // Neither can overflow: the offset is below the length of an array in memory.
                if (instruction >= PUSH1 && instruction <= PUSH32) offset += instruction - PUSH1 + 1;
                ++offset;
            }
        }
        return length;
    }

    /// @dev The caller has checked the offset. Twin in the tests: `uint8(code[offset])`.
    function _byteAt(bytes memory code, uint256 offset) private pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := byte(0, mload(add(add(code, 0x20), offset)))
        }
    }
}
