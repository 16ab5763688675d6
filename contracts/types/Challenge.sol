// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice Where a challenge that its judge left open stands. Only Pending can change, and only once.
/// @dev None: no such challenge, or it was answered within the transaction that opened it (see its events).
/// Dismissed: the judge found neither party at fault, so the bond went back.
/// Moot: the node had already been slashed for something else, so the bond went back.
enum ChallengeStatus {
    None,
    Pending,
    Guilty,
    NotGuilty,
    Dismissed,
    Expired,
    Moot
}

/// @notice A challenge. The hub keeps its status alone: whoever acts on one shows it again, and its hash is its id.
/// @param task Task of the accused membership.
/// @param node The accused.
/// @param sequence Sequence of the challenged commitment.
/// @param judge The only address whose verdict counts.
/// @param challenger Gets the bond back, and a share of the stake, when the node is guilty.
/// @param token Token of bond and stake.
/// @param stake What the accused loses when guilty.
/// @param bond Put down by the challenger.
/// @param deadline A verdict counts before it; from it on, anyone may expire the challenge.
/// @param evidenceHash `keccak256` of the evidence.
struct Challenge {
    bytes32 task;
    address node;
    uint32 sequence;
    address judge;
    address challenger;
    address token;
    uint96 stake;
    uint96 bond;
    uint40 deadline;
    bytes32 evidenceHash;
}

/// @notice A `Challenge` as the hub works with it: the same words.
struct Case {
    bytes32 task;
    address node;
    uint256 sequence;
    address judge;
    address challenger;
    address token;
    uint256 stake;
    uint256 bond;
    uint256 deadline;
    bytes32 evidenceHash;
}
