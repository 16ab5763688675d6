// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Whether code can do nothing but compute
/// @notice A code hash pins what a contract does, not what it answers: code that reads storage, another contract, the
/// block, the caller or the gas left may answer otherwise tomorrow, or to somebody else. Code made of the allowed
/// instructions alone answers the same calldata with the same bytes for ever, or fails for want of gas.
/// @dev The list allows what is known instead of forbidding what is not, so a later fork adds no way around it.
library PureCode {
    // Bit i stands for instruction i.

    /// @dev Arithmetic, comparison, bits and hash: 00-0b 10-1e 20.
    uint256 private constant ARITHMETIC = 0x17fff0fff;
    /// @dev Call value, calldata, own code, return data: 34-39 3d 3e. Fixed for a static call that itself calls nobody.
    uint256 private constant INPUT = 0x63f << 0x34;
    /// @dev Stack, memory and jumps: 50-53 56-59 5b 5e.
    uint256 private constant MACHINE = 0x4bcf << 0x50;
    /// @dev Constants, duplicates and swaps: 5f-9f.
    uint256 private constant STACK = (2 ** 65 - 1) << 0x5f;
    /// @dev RETURN f3, REVERT fd, INVALID fe.
    uint256 private constant ENDS = (1 << 0xf3) | (3 << 0xfd);
    uint256 private constant ALLOWED = ARITHMETIC | INPUT | MACHINE | STACK | ENDS;

    /// @notice Offset of the first instruction that is not allowed, or the code's length when there is none.
    /// @dev Walks over the constants behind PUSH instructions, as the machine does when it looks for jump targets: no
    /// jump can land where this walk does not. Data behind the code is taken for instructions, so a rule with
    /// constant tables or metadata may be refused; one that is accepted is pure. Twin in the tests: byte by byte.
    function firstImpurity(bytes memory code) internal pure returns (uint256 offset) {
        uint256 allowed = ALLOWED;
        uint256 length = code.length;
        assembly ("memory-safe") {
            let start := add(code, 0x20)
            for {} lt(offset, length) {} {
                let instruction := byte(0, mload(add(start, offset)))
                if iszero(and(shr(instruction, allowed), 1)) { break }
                // PUSH1 to PUSH32 are 60 to 7f: instruction - 5f bytes of constant follow them.
                offset := add(offset, add(1, mul(eq(shr(5, instruction), 3), sub(instruction, 0x5f))))
            }
        }
        if (offset > length) offset = length;
    }
}
