// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Staking} from "./Staking.sol";
import {TaskRegistry} from "./TaskRegistry.sol";
import {IHub} from "./interfaces/IHub.sol";
import {Checkpoint, Commitment, MemberStatus, SignedCommit, Work} from "./types/Membership.sol";
import {Task} from "./types/Task.sol";

/// @title Commitments: what a node stands by with its stake
abstract contract Commitments is TaskRegistry, Staking {
    bytes32 private constant CHECKPOINT = keccak256("cupel.checkpoint.v1");
    bytes32 private constant COMMIT_TYPEHASH = keccak256(
        "Commit(bytes32 task,uint32 sequence,uint32 round,bytes32 root,bytes32 manifest,uint32 units)"
    );

    /// @inheritdoc IHub
    function commit(bytes32 task, uint32 round, bytes32 root, bytes32 manifest, uint32 units)
        external
        nonReentrant
        returns (uint32 sequence)
    {
        (bytes32 key, Work memory work) = _activeWork(task, msg.sender);
        uint256 limit = _checkRound(task, round);
        Commitment memory c = Commitment(work.next, round, root, manifest, units, _now());
        _commit(task, msg.sender, key, work, limit, c);
        return c.sequence;
    }

    /// @inheritdoc IHub
    function commitBatch(bytes32 task, uint32 round, SignedCommit[] calldata batch) external nonReentrant {
        if (batch.length == 0) revert Hub_BatchEmpty();
        uint256 limit = _checkRound(task, round);
        for (uint256 i = 0; i < batch.length; ++i) {
            _commitSigned(task, round, limit, batch[i]);
        }
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
        sequence = _append(key, work, Commitment(work.next, version, root, digest, 0, _now()));
        _checkpoints[task][version] = Checkpoint(digest, msg.sender, _now(), sequence);
        emit CheckpointPosted(task, version, msg.sender, sequence, digest, _now());
    }

    /// @inheritdoc IHub
    function commitDigest(
        bytes32 task,
        uint32 sequence,
        uint32 round,
        bytes32 root,
        bytes32 manifest,
        uint32 units
    ) public view returns (bytes32) {
        return _typedHash(
            keccak256(abi.encode(COMMIT_TYPEHASH, task, sequence, round, root, manifest, units))
        );
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
        Task memory stored = _tasks[task];
        _checkCommitTime(stored, round);
        // Without a beacon the seeds would be known beforehand, or change under a node that committed early.
        if (stored.opened != round + 1) revert Hub_RoundNotOpen(round);
        return stored.unitsPerRound;
    }

    function _commitSigned(bytes32 task, uint32 round, uint256 limit, SignedCommit calldata signed) private {
        (bytes32 key, Work memory work) = _activeWork(task, signed.node);
        Commitment memory c = Commitment(work.next, round, signed.root, signed.manifest, signed.units, _now());
        bytes32 digest = commitDigest(task, c.sequence, c.round, c.root, c.manifest, c.units);
        if (!_isSignedBy(signed.node, digest, signed.signature)) {
            revert Hub_BadSignature(signed.node, c.sequence);
        }
        _commit(task, signed.node, key, work, limit, c);
    }

    function _commit(
        bytes32 task,
        address node,
        bytes32 key,
        Work memory work,
        uint256 limit,
        Commitment memory c
    ) private {
        if (c.round < work.nextRound) revert Hub_RoundUsed(c.round, work.nextRound);
        if (work.unitsLeft < limit) limit = work.unitsLeft;
        if (c.units == 0 || c.units > limit) revert Hub_BadUnits(c.units, limit);

        work.nextRound = c.round + 1;
        // casting is safe: at most unitsLeft
        // forge-lint: disable-next-line(unsafe-typecast)
        work.unitsLeft -= uint24(c.units);
        _append(key, work, c);
        emit Committed(task, node, c.round, c.sequence, c.root, c.manifest, c.units, c.time);
    }

    /// @dev Version v aggregates round v - 1, so before that round is over nobody can know it. Version 0 is the
    /// genesis in the parameters.
    function _checkVersion(bytes32 task, uint256 version) private view {
        Task memory stored = _tasks[task];
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
