// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Checks} from "../utils/Checks.sol";
import {ToplocCases} from "../utils/ToplocCases.sol";
import {PackedToplocCourt} from "../utils/ToplocCourts.sol";
import {ToplocCase, ToplocReason, ToplocThresholds} from "contracts/types/Toploc.sol";

/// @dev What a verdict costs as a transaction of its own: 21000, the calldata, and the call; at least EIP-7623's floor.
/// Written to snapshots/ToplocVerdict.json.
contract ToplocVerdictGasTest is Checks {
    uint256 internal constant TARGET = 215_000;
    bytes32 internal constant SEED = keccak256("seed");

    PackedToplocCourt internal court = new PackedToplocCourt();

    function test_Judge() external {
        bytes memory call = abi.encodeCall(court.judge, (honest(2, 2), limits()));
        assertLe(measured("judge, k = 128", call), 185_000, "gas");
    }

    function test_JudgeWithOffSupport() external {
        bytes memory call = abi.encodeCall(court.judgeWithOffSupport, (honest(2, 2), limits(), SEED));
        assertLe(measured("judge with off-support test, k = 128", call), TARGET, "gas");
    }

    function test_JudgeWithOffSupportWhereAllIsOfOneSignAndExponent() external {
        bytes memory call = abi.encodeCall(court.judgeWithOffSupport, (honest(1, 1), limits(), SEED));
        assertLe(measured("judge with off-support test, one sign and exponent", call), TARGET, "gas");
    }

    function test_JudgeWithOffSupportWhereAllIsOfOneSign() external {
        bytes memory call = abi.encodeCall(court.judgeWithOffSupport, (honest(1, 8), limits(), SEED));
        assertLe(measured("judge with off-support test, one sign and eight exponents", call), TARGET, "gas");
    }

    /// @dev No honest chunk looks like this: every activation has an exponent of its own, and the proof is bad.
    function test_TheDearestListKnown() external {
        bytes memory call = abi.encodeCall(
            court.judgeWithOffSupport, (honest(1, 128), ToplocThresholds(128, 128_000, 128_000), SEED)
        );
        measured("dearest list known", call);
    }

    function limits() private pure returns (ToplocThresholds memory) {
        return ToplocThresholds(38, 10_000, 8000);
    }

    /// @notice A proof a little off the greatest of 65497 activations, of so many signs and exponents.
    function honest(uint256 signs, uint256 exponents) private pure returns (ToplocCase memory c) {
        ToplocCases.Random memory random = ToplocCases.Random(SEED);
        uint256[] memory patterns = new uint256[](128);
        uint256[] memory claims = new uint256[](128);
        for (uint256 i = 0; i < 128; ++i) {
            uint256 mantissa = ToplocCases.next(random, 128);
            patterns[i] = 0x7f00 - 0x80 * (i % exponents) + mantissa + 0x8000 * (i / exponents % signs);
            claims[i] = ToplocCases.moved(patterns[i], ToplocCases.next(random, 3));
        }
        c.topk = 128;
        c.elements = 65_497;
        c.support = ToplocCases.sorted(patterns, 301, 511, c.elements);
        c.proof = ToplocCases.encoded(ToplocCases.through(claims, 301, 511));
    }

    function measured(string memory name, bytes memory call) private returns (uint256 gas) {
        (bool success, bytes memory result) = address(court).staticcall(call);
        uint256 execution = vm.lastCallGas().gasTotalUsed;
        assertTrue(success);
        assertEq(uint256(abi.decode(result, (ToplocReason))), uint256(ToplocReason.None));
        uint256 zeros = 0;
        for (uint256 i = 0; i < call.length; ++i) {
            if (call[i] == 0) ++zeros;
        }
        uint256 tokens = zeros + 4 * (call.length - zeros);
        uint256 floor = 10 * tokens;
        gas = 21_000 + (4 * tokens + execution > floor ? 4 * tokens + execution : floor);
        vm.snapshotValue("ToplocVerdict", name, gas);
    }
}
