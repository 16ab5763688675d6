// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Checks} from "../../utils/Checks.sol";
import {Slots} from "contracts/libraries/Slots.sol";
import {Work} from "contracts/types/Membership.sol";
import {Task} from "contracts/types/Task.sol";

contract SlotsTest is Checks {
    using Slots for Task;
    using Slots for Work;

    /// @dev As the compiler packs them; the twins of `Slots.read` and `Slots.toWord`.
    struct PackedTask {
        uint40 units;
        uint40 reserved;
        uint40 start;
        uint32 roundSeconds;
        uint32 commitSeconds;
        uint24 rounds;
        uint24 unitsPerRound;
    }

    struct PackedWork {
        uint32 next;
        uint8 unpaid;
        uint24 nextRound;
        uint8 apart;
        uint24 unitsLeft;
        uint24 unitsReserved;
        uint64 challenged;
        uint64 voided;
        uint8 status;
    }

    PackedTask internal packedTask;
    PackedWork internal packedWork;

    function testFuzz_ATaskIsPackedAsTheCompilerWould(PackedTask memory plain) external {
        packedTask = plain;
        uint256 word;
        assembly {
            word := sload(packedTask.slot)
        }
        Task memory task;
        task.read(word);
        // Both are words in a row in memory.
        assertEq(keccak256(abi.encode(task)), keccak256(abi.encode(plain)));
        assertEq(task.toWord(), word);
    }

    function testFuzz_WorkIsPackedAsTheCompilerWould(PackedWork memory plain) external {
        packedWork = plain;
        uint256 word;
        assembly {
            word := sload(packedWork.slot)
        }
        Work memory work;
        work.read(word);
        bytes memory fields = abi.encode(
            work.next,
            work.unpaid,
            work.nextRound,
            work.apart,
            work.unitsLeft,
            work.unitsReserved,
            work.challenged,
            work.voided,
            work.status
        );
        assertEq(keccak256(fields), keccak256(abi.encode(plain)));
        assertEq(work.toWord(), word);
    }

    function testFuzz_SpendingTakesFromBoth(Task memory task, uint40 spent) external pure {
        task.read(task.toWord());
        task.reserved = uint40(bound(task.reserved, 0, task.units));
        spent = uint40(bound(spent, 0, task.reserved));
        uint256 word = Slots.spend(task.toWord(), spent);
        task.units -= spent;
        task.reserved -= spent;
        assertEq(word, task.toWord());
    }

    function testFuzz_ReleasingSaturates(uint256 word, uint40 released) external pure {
        Task memory task;
        task.read(word);
        uint256 left = Slots.release(word, released);
        task.reserved = released < task.reserved ? task.reserved - released : 0;
        assertEq(left, task.toWord());
    }
}
