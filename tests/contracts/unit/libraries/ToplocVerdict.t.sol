// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Checks} from "../../utils/Checks.sol";
import {ToplocCases} from "../../utils/ToplocCases.sol";
import {IToplocCourt, PackedToplocCourt, PlainToplocCourt} from "../../utils/ToplocCourts.sol";
import {ToplocMemory} from "contracts/libraries/ToplocMemory.sol";
import {ToplocSupport} from "contracts/libraries/ToplocSupport.sol";
import {ToplocVerdict} from "contracts/libraries/ToplocVerdict.sol";
import {ToplocCase, ToplocReason, ToplocThresholds} from "contracts/types/Toploc.sol";

/// @dev A caller with memory of its own.
contract MemoryCourt {
    struct Report {
        ToplocReason first;
        ToplocReason second;
        bool isIntact;
    }

    /// @notice Judges twice, the second time with ones all over the free memory.
    /// @param free Where memory is free when the library is called, and then once; 0 for wherever it happens to be.
    function judgeAmidst(ToplocCase memory c, ToplocThresholds memory thresholds, bytes32 seed, uint256 free)
        external
        pure
        returns (Report memory report)
    {
        bytes32 before = keccak256(abi.encode(c, thresholds));
        report = Report(ToplocReason.None, ToplocReason.None, false);
        if (free != 0) {
            assembly {
                mstore(0x40, free)
            }
        }
        report.first = ToplocVerdict.judgeWithOffSupport(c, thresholds, seed);
        if (free != 0) return report;
        assembly {
            for { let place := mload(0x40) } lt(place, 0x8000) { place := add(place, 0x20) } {
                mstore(place, not(0))
            }
        }
        report.second = ToplocVerdict.judgeWithOffSupport(c, thresholds, seed);
        report.isIntact = keccak256(abi.encode(c, thresholds)) == before;
    }
}

contract ToplocVerdictTest is Checks {
    using ToplocCases for ToplocCases.Random;

    bytes32 internal constant SEED = keccak256("seed");

    IToplocCourt internal packed = new PackedToplocCourt();
    IToplocCourt internal plain = new PlainToplocCourt();

    function testFuzz_AgreesWithTheReadableTwin(bytes32 seed) external view {
        ToplocCase memory c = ToplocCases.drawn(seed);
        ToplocCases.Random memory random = ToplocCases.Random(~seed);
        compare(c, drawnThresholds(random, c.topk), random);
    }

    function testFuzz_AgreesOnDamagedProofsAndSupports(bytes32 seed) external view {
        ToplocCase memory c = ToplocCases.drawn(seed);
        ToplocCases.Random memory random = ToplocCases.Random(~seed);
        bytes memory damaged = random.next(4) == 0 ? c.proof : c.support;
        if (random.next(3) == 0) {
            // One point in another's place, or one coefficient.
            uint256 from = 4 * random.next(damaged.length / 4);
            uint256 to = 4 * random.next(damaged.length / 4);
            for (uint256 i = 0; i < 4; ++i) {
                damaged[to + i] = damaged[from + i];
            }
        } else {
            uint256 place = random.next(damaged.length);
            damaged[place] = bytes1(uint8(damaged[place]) ^ uint8(1 << random.next(8)));
        }
        compare(c, drawnThresholds(random, c.topk), random);
    }

    function testFuzz_AgreesWhereManyLand(bytes32 seed) external view {
        ToplocCases.Random memory random = ToplocCases.Random(seed);
        ToplocCase memory c = ToplocCases.drawn(seed);
        // The polynomial keeps to the support's greatest pattern on a stretch of a chunk that is hardly longer.
        c.elements = c.topk + 1 + random.next(3 * c.topk);
        uint256[] memory patterns = new uint256[](c.topk);
        uint256[] memory values = new uint256[](c.topk);
        uint256 keys = 1 + random.next(c.topk);
        uint256 share = random.next(101);
        for (uint256 i = 0; i < c.topk; ++i) {
            patterns[i] = 0x7f00 - 0x80 * (i % keys);
            values[i] = random.next(100) < share ? 0x7f00 + i % 0x80 : random.next(65_497);
        }
        c.support = ToplocCases.sorted(patterns, 0, 1, c.elements);
        c.proof = ToplocCases.encoded(ToplocCases.through(values, c.elements - c.topk, 1));
        bytes memory call = abi.encodeCall(packed.offSupport, (c, seed));
        assertSame(call);
    }

    function test_BoundsOfTopk() external {
        ToplocCase memory c = ToplocCases.drawn(keccak256("case"));
        (c.proof, c.support) = ("", "");
        for (c.topk = 16; c.topk <= 128; c.topk += 112) {
            assertEq(uint256(packed.offSupport(c, SEED)), uint256(ToplocReason.Length));
        }
        for (c.topk = 15; c.topk <= 129; c.topk += 114) {
            vm.expectRevert(abi.encodeWithSelector(ToplocVerdict.ToplocVerdict_BadTopk.selector, c.topk));
            packed.offSupport(c, SEED);
        }
    }

    function test_BoundsOfElements() external {
        ToplocCase memory c = ToplocCases.drawn(keccak256("case"));
        c.proof = "";
        for (c.elements = 1; c.elements <= 65_497; c.elements += 65_496) {
            assertEq(uint256(packed.offSupport(c, SEED)), uint256(ToplocReason.Length));
        }
        for (c.elements = 0; c.elements <= 65_498; c.elements += 65_498) {
            bytes4 selector = ToplocVerdict.ToplocVerdict_BadElements.selector;
            vm.expectRevert(abi.encodeWithSelector(selector, c.elements));
            packed.offSupport(c, SEED);
        }
    }

    function test_TheSupportHasFourBytesForEachPoint() external {
        ToplocCase memory c = ToplocCases.drawn(keccak256("case"));
        c.support = bytes.concat(c.support, hex"00");
        bytes4 selector = ToplocSupport.ToplocSupport_Length.selector;
        vm.expectRevert(abi.encodeWithSelector(selector, 4 * c.topk + 1, 4 * c.topk));
        packed.offSupport(c, SEED);
    }

    function test_MemoryOfTheCallerIsItsOwn() external {
        MemoryCourt court = new MemoryCourt();
        ToplocThresholds memory thresholds = ToplocThresholds(128, 128_000, 128_000);
        for (uint256 seed = 0; seed < 10; ++seed) {
            ToplocCase memory c = ToplocCases.drawn(bytes32(seed));
            MemoryCourt.Report memory report = court.judgeAmidst(c, thresholds, SEED, 0);
            assertTrue(report.first == packed.judgeWithOffSupport(c, thresholds, SEED));
            assertTrue(report.second == report.first);
            assertTrue(report.isIntact);
        }
    }

    /// @dev Of the 8 KiB the library needs 160 bytes itself.
    function test_TheCallerMayUse8KiB() external {
        ToplocCase memory c = ToplocCases.drawn(keccak256("case"));
        ToplocThresholds memory thresholds = ToplocThresholds(128, 128_000, 128_000);
        MemoryCourt court = new MemoryCourt();
        court.judgeAmidst(c, thresholds, SEED, 0x1f60);
        vm.expectRevert(abi.encodeWithSelector(ToplocMemory.ToplocMemory_InUse.selector, 0x2020));
        court.judgeAmidst(c, thresholds, SEED, 0x1f80);
    }

    function drawnThresholds(ToplocCases.Random memory random, uint256 topk)
        private
        pure
        returns (ToplocThresholds memory)
    {
        if (random.next(2) == 0) return ToplocThresholds(128, 128_000, 128_000);
        return ToplocThresholds(
            uint32(random.next(topk + 1)),
            uint32(random.next(1 << (1 + random.next(18)))),
            uint32(random.next(1 << (1 + random.next(18))))
        );
    }

    function compare(
        ToplocCase memory c,
        ToplocThresholds memory thresholds,
        ToplocCases.Random memory random
    ) private view {
        uint256 which = random.next(3);
        if (which == 0) assertSame(abi.encodeCall(packed.judge, (c, thresholds)));
        else if (which == 1) assertSame(abi.encodeCall(packed.offSupport, (c, random.state)));
        else assertSame(abi.encodeCall(packed.judgeWithOffSupport, (c, thresholds, random.state)));
    }

    function assertSame(bytes memory call) private view {
        (bool success, bytes memory result) = address(packed).staticcall(call);
        (bool plainSuccess, bytes memory plainResult) = address(plain).staticcall(call);
        assertTrue(success == plainSuccess, "one reverts, the other does not");
        assertEq(keccak256(result), keccak256(plainResult));
    }
}
