// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Member} from "contracts/types/Membership.sol";

/// @title What follows from a member's state
library Members {
    /// @notice Lowest unpaid sequence with a pending challenge, or the next one: claims can pass everything before it.
    function blockedFrom(Member memory member) internal pure returns (uint256 sequence) {
        sequence = member.next - member.unpaid;
        while (sequence != member.next && member.challenged & (1 << (sequence % 64)) == 0) {
            ++sequence;
        }
    }
}
