// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Work} from "../types/Membership.sol";
import {Task} from "../types/Task.sol";

/// @title Structs of one slot: whole words in memory, packed in storage
/// @notice A field in a word of its own needs no mask when it is read and no check when it is counted, so a function
/// unpacks once, works, and packs once. Packing trusts that each field fits its bits; what bounds it is said where it
/// grows.
library Slots {
    /// @dev Fills `task`.
    function read(Task memory task, uint256 word) internal pure {
        task.units = uint40(word);
        task.reserved = uint40(word >> 40);
        task.start = uint40(word >> 80);
        task.roundSeconds = uint32(word >> 120);
        task.commitSeconds = uint32(word >> 152);
        task.rounds = uint24(word >> 184);
        task.unitsPerRound = word >> 208;
    }

    function toWord(Task memory task) internal pure returns (uint256) {
        return task.units | (task.reserved << 40) | (task.start << 80) | (task.roundSeconds << 120)
            | (task.commitSeconds << 152) | (task.rounds << 184) | (task.unitsPerRound << 208);
    }

    /// @dev The word of a task less `units` of both `units` and `reserved`. What is spent was reserved, and what is
    /// reserved is escrowed, so neither field borrows from the next.
    function spend(uint256 word, uint256 units) internal pure returns (uint256) {
        assert(units <= uint40(word >> 40));
        unchecked {
            return word - units - (units << 40);
        }
    }

    /// @dev The word of a task less `units` of `reserved`, or less all of it: it cannot revert.
    function release(uint256 word, uint256 units) internal pure returns (uint256) {
        uint256 reserved = uint40(word >> 40);
        unchecked {
            return word - ((units < reserved ? units : reserved) << 40);
        }
    }

    /// @dev Fills `work`, but for the key.
    function read(Work memory work, uint256 word) internal pure {
        work.next = uint32(word);
        work.unpaid = uint8(word >> 32);
        work.nextRound = uint24(word >> 40);
        work.apart = uint8(word >> 64);
        work.unitsLeft = uint24(word >> 72);
        work.unitsReserved = uint24(word >> 96);
        work.challenged = uint64(word >> 120);
        work.voided = uint64(word >> 184);
        work.status = word >> 248;
    }

    function toWord(Work memory work) internal pure returns (uint256) {
        return work.next | (work.unpaid << 32) | (work.nextRound << 40) | (work.apart << 64)
            | (work.unitsLeft << 72) | (work.unitsReserved << 96) | (work.challenged << 120)
            | (work.voided << 184) | (work.status << 248);
    }
}
