// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {TaskRegistry} from "./TaskRegistry.sol";
import {IHub} from "./interfaces/IHub.sol";
import {Checkpoint, Commitment, Member, MemberStatus} from "./types/Membership.sol";
import {Task} from "./types/Task.sol";

/// @title Commitments: what a node stands by with its stake
abstract contract Commitments is TaskRegistry {
    bytes32 private constant CHECKPOINT = keccak256("cupel.checkpoint.v1");

    /// @inheritdoc IHub
    function commit(bytes32 task, uint32 round, bytes32 root, bytes32 manifest, uint32 units)
        external
        nonReentrant
        returns (uint32 sequence)
    {
        Member storage member = _activeMember(task);
        _checkRound(task, round);
        if (round < member.nextRound) revert Hub_RoundUsed(round, member.nextRound);
        uint24 limit = _unitLimit(task, member);
        if (units == 0 || units > limit) revert Hub_BadUnits(units, limit);

        member.nextRound = round + 1;
        // casting is safe: units <= limit, which has 24 bits
        // forge-lint: disable-next-line(unsafe-typecast)
        member.unitsLeft -= uint24(units);
        sequence = _append(task, member, round, root, manifest, units);
        emit Committed(task, msg.sender, round, sequence, root, manifest, units, uint40(block.timestamp));
    }

    /// @inheritdoc IHub
    function postCheckpoint(bytes32 task, uint32 version, bytes32 digest)
        external
        nonReentrant
        returns (uint32 sequence)
    {
        Member storage member = _activeMember(task);
        _checkVersion(task, version);
        Checkpoint storage checkpoint = _checkpoints[task][version];
        address poster = checkpoint.poster;
        if (poster != address(0) && _member(task, poster).status != MemberStatus.Slashed) {
            revert Hub_CheckpointExists(version, poster);
        }

        bytes32 root = keccak256(abi.encode(CHECKPOINT, version, digest));
        sequence = _append(task, member, version, root, digest, 0);
        checkpoint.digest = digest;
        checkpoint.poster = msg.sender;
        checkpoint.time = uint40(block.timestamp);
        checkpoint.sequence = sequence;
        emit CheckpointPosted(task, version, msg.sender, sequence, digest, uint40(block.timestamp));
    }

    /// @inheritdoc IHub
    function commitmentHash(bytes32 task, address node, uint256 slot) external view returns (bytes32) {
        return _slot(task, node, slot);
    }

    /// @inheritdoc IHub
    function checkpointOf(bytes32 task, uint32 version) external view returns (Checkpoint memory) {
        return _checkpoints[task][version];
    }

    /// @dev The sender's membership, if it may commit.
    function _activeMember(bytes32 task) private view returns (Member storage member) {
        member = _member(task, msg.sender);
        if (member.status != MemberStatus.Active) {
            revert Hub_MemberNotActive(task, msg.sender, member.status);
        }
    }

    function _checkRound(bytes32 task, uint32 round) private view {
        Task storage stored = _tasks[task];
        if (round >= stored.rounds) revert Hub_RoundUnknown(round, stored.rounds);
        uint256 opens = _roundStart(stored, round);
        uint256 closes = opens + stored.commitSeconds;
        if (block.timestamp < opens || block.timestamp >= closes) {
            revert Hub_CommitClosed(round, opens, closes);
        }
        // Without it the seeds would be known beforehand, or change under a node that committed early.
        if (_beacons[task][round] == 0) revert Hub_RoundNotOpen(round);
    }

    /// @dev Version v aggregates round v - 1, so before that round is over nobody can know it. Version 0 is the
    /// genesis in the parameters.
    function _checkVersion(bytes32 task, uint32 version) private view {
        Task storage stored = _tasks[task];
        bool exists = version != 0 && version <= stored.rounds;
        uint256 due = exists ? _roundStart(stored, version) : type(uint40).max;
        if (block.timestamp < due) revert Hub_VersionNotDue(version, due);
    }

    function _unitLimit(bytes32 task, Member storage member) private view returns (uint24) {
        uint24 perRound = _tasks[task].unitsPerRound;
        return member.unitsLeft < perRound ? member.unitsLeft : perRound;
    }

    /// @dev INVARIANT: the overwritten slot was paid or passed, so no challenge and no void mark refers to it.
    function _append(
        bytes32 task,
        Member storage member,
        uint32 round,
        bytes32 root,
        bytes32 manifest,
        uint32 units
    ) private returns (uint32 sequence) {
        sequence = member.next;
        if (member.unpaid == RING) revert Hub_RingFull(sequence);
        member.next = sequence + 1;
        member.unpaid += 1;
        Commitment memory c = Commitment(sequence, round, root, manifest, units, uint40(block.timestamp));
        _ring[task][msg.sender][sequence % RING] = _hash(c);
    }
}
