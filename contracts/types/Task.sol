// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice A contract named together with the code it had when the task was created.
/// @param code Address of the contract; may be zero for an absent reward rule.
/// @param codeHash `extcodehash` of that address, zero when the address is zero.
struct Pinned {
    address code;
    bytes32 codeHash;
}

/// @notice Everything that is fixed about a task. Its hash is the task id, so it never changes and is not stored.
/// @dev The order of the fields is law: the id hashes the ABI encoding. Every field is static, so that a caller's bytes
/// are that encoding.
/// @param creator Escrows the bounty; must send `createTask` itself.
/// @param token ERC-20 in which bounty, stakes and bonds are paid.
/// @param specDigest SHA-256 of the `TaskSpec` document.
/// @param genesisDigest SHA-256 of the weights manifest of version 0.
/// @param start Time at which round 0 begins, seconds.
/// @param roundSeconds Length of a round.
/// @param commitSeconds Commitments for a round are accepted in its first `commitSeconds`.
/// @param rounds Number of rounds, at most 2^24 - 1.
/// @param problemsPerRound Problems drawn for each node and round.
/// @param groupSize Completions for each problem.
/// @param problemCount Size of the problem set; draws have no repeats within a node's round.
/// @param chunkTokens Completion tokens in a chunk, the unit of a TOPLOC proof.
/// @param topk Points of a TOPLOC proof.
/// @param maxTokens Longest completion.
/// @param maxStaleness How many versions behind the newest a rollout's policy may be.
/// @param rate Pay for one unit (a rollout), in units of the token.
/// @param stake Locked by each membership, lost as a whole on a proven fault.
/// @param bond Put down by a challenger, paid to the accused when the charge is false.
/// @param challengeWindow Seconds after a commitment during which it can be challenged.
/// @param disputeSeconds Seconds a judge has for its verdict.
/// @param exitMargin Seconds added before stake leaves, for chain outages.
/// @param rewardRule On-chain reward function, or zero when there is none.
/// @param judges One to four contracts that may judge challenges; places left over, at the end, are zero.
struct TaskParams {
    address creator;
    address token;
    bytes32 specDigest;
    bytes32 genesisDigest;
    uint40 start;
    uint32 roundSeconds;
    uint32 commitSeconds;
    uint32 rounds;
    uint32 problemsPerRound;
    uint32 groupSize;
    uint32 problemCount;
    uint32 chunkTokens;
    uint32 topk;
    uint32 maxTokens;
    uint32 maxStaleness;
    uint96 rate;
    uint96 stake;
    uint96 bond;
    uint32 challengeWindow;
    uint32 disputeSeconds;
    uint32 exitMargin;
    Pinned rewardRule;
    Pinned[4] judges;
}

/// @notice What the hub stores of a task: the units that are paid for, and the schedule that `commit` needs without the
/// parameters. Money is counted in units of work; the amount is `units * rate`.
/// @dev Kept in one slot; `Slots` packs it, in this order, each field in the bits it says.
/// @param units Escrowed and not yet paid out, reserved ones included. 40 bits.
/// @param reserved Part of `units` promised to members: the sum of their `unitsReserved`. 40 bits.
/// @param start As in the parameters. 40 bits.
/// @param roundSeconds As in the parameters; zero means that there is no such task. 32 bits.
/// @param commitSeconds As in the parameters. 32 bits.
/// @param rounds As in the parameters. 24 bits.
/// @param unitsPerRound `problemsPerRound * groupSize`. 24 bits.
struct Task {
    uint256 units;
    uint256 reserved;
    uint256 start;
    uint256 roundSeconds;
    uint256 commitSeconds;
    uint256 rounds;
    uint256 unitsPerRound;
}
