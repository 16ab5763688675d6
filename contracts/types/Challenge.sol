// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice Where a challenge that its judge left open stands. Only Pending can change, and only once.
/// @dev None: no such challenge, or it was answered within the transaction that opened it (see its events).
/// Moot: the node had already been slashed for something else, so the bond went back.
enum ChallengeStatus {
    None,
    Pending,
    Guilty,
    NotGuilty,
    Expired,
    Moot
}

/// @notice A challenge that its judge left open.
/// @param task Task of the accused membership.
/// @param node The accused.
/// @param bond Put down by the challenger.
/// @param judge The only address whose verdict counts.
/// @param challenger Gets the bond back, and a share of the stake, when the node is guilty.
/// @param sequence Sequence of the challenged commitment.
/// @param deadline A verdict counts before it; from it on, anyone may expire the challenge.
/// @param token Token of the bond.
struct Challenge {
    // slot 0
    bytes32 task;
    // slot 1 (256 bits)
    address node;
    uint96 bond;
    // slot 2 (240 bits): challenger and state
    address challenger;
    uint32 sequence;
    uint40 deadline;
    ChallengeStatus status;
    // slot 3 (160 bits)
    address judge;
    // slot 4 (160 bits)
    address token;
}
