// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Checks} from "../../utils/Checks.sol";
import {SortingReward} from "contracts/judges/SortingReward.sol";
import {PureCode} from "contracts/libraries/PureCode.sol";

/// @dev What each instruction is, is from the yellow paper and the EIPs that added some.
contract PureCodeTest is Checks {
    function testFuzz_AgreesWithThePlainTwin(bytes memory code) external pure {
        assertEq(PureCode.firstImpurity(code), plainFirstImpurity(code));
    }

    /// @dev Random bytes meet a forbidden instruction soon; these are of allowed ones, with constants, up to one place.
    function testFuzz_FindsTheOneInstruction(bytes memory code, uint256 place, uint8 instruction)
        external
        pure
    {
        vm.assume(code.length != 0);
        for (uint256 i = 0; i < code.length; ++i) {
            if (!isAllowed(uint8(code[i]))) code[i] = 0x01;
        }
        assertEq(PureCode.firstImpurity(code), code.length);
        place = bound(place, 0, code.length - 1);
        code[place] = bytes1(instruction);
        assertEq(PureCode.firstImpurity(code), plainFirstImpurity(code));
    }

    function test_TheShippedRuleIsPure() external {
        bytes memory code = address(new SortingReward()).code;
        assertEq(PureCode.firstImpurity(code), code.length);
    }

    function test_WhatReadsAnythingElseIsRefused() external pure {
        // ADDRESS BALANCE ORIGIN CALLER GASPRICE EXTCODESIZE EXTCODECOPY EXTCODEHASH BLOCKHASH to BLOBBASEFEE and the rest
        // of the block's, SLOAD SSTORE GAS TLOAD TSTORE, LOG0, CREATE CALL CALLCODE DELEGATECALL CREATE2 STATICCALL
        // SELFDESTRUCT, and one that is not assigned.
        bytes memory forbidden = hex"303132333a3b3c3f404142434445464748494a4b54555a5c5da0f0f1f2f4f5faff21";
        for (uint256 i = 0; i < forbidden.length; ++i) {
            assertEq(PureCode.firstImpurity(bytes.concat(hex"5f", forbidden[i])), 1);
        }
    }

    function test_AConstantIsNoInstruction() external pure {
        assertEq(PureCode.firstImpurity(hex"6154545f"), 4);
        assertEq(PureCode.firstImpurity(hex"61545454"), 3);
        // A constant cut off by the code's end is filled with zeros by the machine.
        assertEq(PureCode.firstImpurity(hex"6154"), 2);
        assertEq(PureCode.firstImpurity(""), 0);
    }

    /// @dev Where the walk ends a cut constant counts as whole, as above.
    function plainFirstImpurity(bytes memory code) private pure returns (uint256) {
        for (uint256 offset = 0; offset < code.length; ++offset) {
            uint8 instruction = uint8(code[offset]);
            if (!isAllowed(instruction)) return offset;
            if (instruction >= 0x60 && instruction <= 0x7f) offset += instruction - 0x5f;
        }
        return code.length;
    }

    function isAllowed(uint8 i) private pure returns (bool) {
        if (i <= 0x0b || (i >= 0x10 && i <= 0x1e) || i == 0x20) return true;
        if ((i >= 0x34 && i <= 0x39) || i == 0x3d || i == 0x3e) return true;
        if ((i >= 0x50 && i <= 0x53) || (i >= 0x56 && i <= 0x59) || i == 0x5b || i == 0x5e) return true;
        return (i >= 0x5f && i <= 0x9f) || i == 0xf3 || i == 0xfd || i == 0xfe;
    }
}
