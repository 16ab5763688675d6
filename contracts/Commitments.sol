// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Staking} from "./Staking.sol";
import {TaskRegistry} from "./TaskRegistry.sol";
import {IHub} from "./interfaces/IHub.sol";
import {Checkpoint, Commitment, MemberStatus, Work} from "./types/Membership.sol";
import {Task} from "./types/Task.sol";

/// @title Commitments: what a node stands by with its stake
abstract contract Commitments is TaskRegistry, Staking {
    bytes32 private constant CHECKPOINT = keccak256("cupel.checkpoint.v1");

    /// @inheritdoc IHub
    function commit(bytes32 task, uint32 round, bytes32 root, bytes32 manifest, uint32 units)
        external
        nonReentrant
        returns (uint32 sequence)
    {
        (bytes32 key, Work memory work) = _activeWork(task, msg.sender);
        uint256 limit = _checkRound(task, round);
        if (round < work.nextRound) revert Hub_RoundUsed(round, work.nextRound);
        if (work.unitsLeft < limit) limit = work.unitsLeft;
        if (units == 0 || units > limit) revert Hub_BadUnits(units, limit);

        work.nextRound = round + 1;
        work.unitsLeft -= uint24(units);
        sequence =
            _append(key, work, Commitment(work.next, round, root, manifest, units, uint40(block.timestamp)));
        emit Committed(task, msg.sender, round, sequence, root, manifest, units, uint40(block.timestamp));
    }

    /// @inheritdoc IHub
    function postCheckpoint(bytes32 task, uint32 version, bytes32 digest)
        external
        nonReentrant
        returns (uint32 sequence)
    {
        (bytes32 key, Work memory work) = _activeWork(task, msg.sender);
        _checkVersion(task, version);
        Checkpoint storage checkpoint = _checkpoints[task][version];
        address poster = checkpoint.poster;
        if (poster != address(0) && _works[_key(task, poster)].status != MemberStatus.Slashed) {
            revert Hub_CheckpointExists(version, poster);
        }

        bytes32 root = keccak256(abi.encode(CHECKPOINT, version, digest));
        sequence =
            _append(key, work, Commitment(work.next, version, root, digest, 0, uint40(block.timestamp)));
        _checkpoints[task][version] = Checkpoint(digest, msg.sender, uint40(block.timestamp), sequence);
        emit CheckpointPosted(task, version, msg.sender, sequence, digest, uint40(block.timestamp));
    }

    /// @inheritdoc IHub
    function commitmentHash(bytes32 task, address node, uint256 slot) external view returns (bytes32) {
        return _ring[_key(task, node)][slot];
    }

    /// @inheritdoc IHub
    function checkpointOf(bytes32 task, uint32 version) external view returns (Checkpoint memory) {
        return _checkpoints[task][version];
    }

    /// @dev Returns the most units a node may commit to in a round.
    function _checkRound(bytes32 task, uint256 round) private view returns (uint256 unitsPerRound) {
        Task storage stored = _tasks[task];
        if (round >= stored.rounds) revert Hub_RoundUnknown(round, stored.rounds);
        uint256 opens = _roundStart(stored, round);
        _notBefore(opens);
        _before(opens + stored.commitSeconds);
        // Without it the seeds would be known beforehand, or change under a node that committed early.
        if (_beacons[task][round] == 0) revert Hub_RoundNotOpen(round);
        return stored.unitsPerRound;
    }

    /// @dev Version v aggregates round v - 1, so before that round is over nobody can know it. Version 0 is the
    /// genesis in the parameters.
    function _checkVersion(bytes32 task, uint256 version) private view {
        Task storage stored = _tasks[task];
        if (version == 0 || version > stored.rounds) revert Hub_VersionUnknown(version, stored.rounds);
        _notBefore(_roundStart(stored, version));
    }

    /// @dev INVARIANT: the overwritten slot was paid or passed, so no challenge and no void mark refers to it.
    function _append(bytes32 key, Work memory work, Commitment memory c) private returns (uint32 sequence) {
        sequence = c.sequence;
        if (work.unpaid == RING) revert Hub_RingFull(sequence);
        work.next = sequence + 1;
        work.unpaid += 1;
        _save(key, work);
        _ring[key][sequence % RING] = _hash(c);
    }
}
