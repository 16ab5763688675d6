// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {HostileJudge} from "./HostileJudge.sol";
import {HostileToken} from "./HostileToken.sol";
import {Challenge, ChallengeStatus} from "contracts/types/Challenge.sol";
import {Commitment, MemberStatus} from "contracts/types/Membership.sol";

/// @notice A commitment. A false one can be proven so; node 0 of a task makes none.
struct Entry {
    Commitment c;
    bool isFalse;
    bool voided;
    uint32 open;
}

/// @notice A membership: node 0 has a key, node 1 is the hostile judge of the task, node 2 has a key and may cheat.
struct Seat {
    address node;
    uint256 key;
    address owner;
    address payout;
    MemberStatus status;
    uint256 exitAt;
    uint256 nextRound;
    uint256 left;
    uint256 reserved;
    uint256 cursor;
    uint256 paid;
}

/// @notice A task, with its token and its hostile judge.
struct Site {
    bytes32 id;
    HostileToken token;
    HostileJudge judge;
    uint256 units;
    uint256 reserved;
    uint256 opened;
}

/// @notice A challenge that its judge left open.
struct Case {
    Challenge c;
    uint256 i;
    uint256 j;
    ChallengeStatus status;
}

/// @notice What the hub owes in a token, and what happened to its balance without the hub.
struct Book {
    uint256 bounties;
    uint256 stakes;
    uint256 bonds;
    uint256 credits;
    uint256 donated;
    uint256 lost;
    uint256 slashed;
    uint256 burned;
    uint256 rewarded;
}
