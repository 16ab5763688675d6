// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";

import {Staking} from "./Staking.sol";
import {TaskRegistry} from "./TaskRegistry.sol";
import {IHub} from "./interfaces/IHub.sol";
import {Refusal} from "./libraries/Refusal.sol";
import {Verbatim} from "./libraries/Verbatim.sol";
import {Checkpoint, Entry, MemberStatus, Posting, SignedCommit, Work} from "./types/Membership.sol";
import {Task} from "./types/Task.sol";

/// @title Commitments: what a node stands by with its stake
abstract contract Commitments is TaskRegistry, Staking {
    using Refusal for bytes4;

    bytes32 private constant CHECKPOINT = keccak256("cupel.checkpoint.v1");
    bytes32 private constant COMMIT_TYPEHASH = keccak256(
        "Commit(bytes32 task,bytes32 beacon,uint32 sequence,uint32 round,bytes32 root,bytes32 manifest,uint32 units)"
    );

    /// @inheritdoc IHub
    function commit(
        bytes32 task,
        bytes32 beacon,
        uint32 sequence,
        uint32 round,
        bytes32 root,
        bytes32 manifest,
        uint32 units
    ) external nonReentrant {
        Work memory work = _member(task, msg.sender, MemberStatus.Active);
        (uint256 limit, bytes32 actual) = _roundTerms(task, round);
        // The leaves were computed for these two, so under others they would convict an honest node.
        if (beacon != actual) Hub_BeaconStale.selector.refuse(beacon, actual);
        if (sequence != work.next) Hub_SequenceStale.selector.refuse(sequence, work.next);
        Entry memory entry = _entry(task, beacon, sequence, round, root, manifest, units);
        _commit(msg.sender, work, limit, entry);
    }

    /// @inheritdoc IHub
    function commitBatch(bytes32 task, uint32 round, SignedCommit[] calldata batch) external nonReentrant {
        if (batch.length == 0) Hub_BatchEmpty.selector.refuse();
        (uint256 limit, bytes32 beacon) = _roundTerms(task, round);
        bytes32 domain = _domain();
        Work memory work;
        Entry memory entry = _entry(task, beacon, 0, round, 0, 0, 0);
        for (uint256 i = 0; i < batch.length; ++i) {
            _commitSigned(work, entry, limit, domain, batch[i]);
        }
    }

    /// @inheritdoc IHub
    function postCheckpoint(bytes32 task, uint32 version, bytes32 digest)
        external
        nonReentrant
        returns (uint32 sequence)
    {
        Work memory work = _member(task, msg.sender, MemberStatus.Active);
        _checkVersion(task, version);
        Posting storage posting = _postings[task][version];
        address poster = address(uint160(posting.word));
        if (
            poster != address(0)
                && _member(task, poster, MemberStatus.Slashed).status != uint256(MemberStatus.Slashed)
        ) {
            Hub_CheckpointExists.selector.refuse(version, poster);
        }

        bytes32 root = keccak256(abi.encode(CHECKPOINT, version, digest));
        sequence = uint32(work.next);
        _append(work, _entry(task, 0, sequence, version, root, digest, 0));
        posting.digest = digest;
        posting.word = uint160(msg.sender) | (block.timestamp << 160) | (uint256(sequence) << 200);
        emit CheckpointPosted(task, version, msg.sender, sequence, digest, _now());
    }

    /// @inheritdoc IHub
    function commitDigest(
        bytes32 task,
        bytes32 beacon,
        uint32 sequence,
        uint32 round,
        bytes32 root,
        bytes32 manifest,
        uint32 units
    ) external view returns (bytes32) {
        Entry memory entry = _entry(task, beacon, sequence, round, root, manifest, units);
        return MessageHashUtils.toTypedDataHash(_domain(), Verbatim.structHash(entry));
    }

    /// @inheritdoc IHub
    function commitmentHash(bytes32 task, address node, uint256 slot) external view returns (bytes32) {
        return _ring[_key(task, node)][slot];
    }

    /// @inheritdoc IHub
    function checkpointOf(bytes32 task, uint32 version) external view returns (Checkpoint memory) {
        Posting storage posting = _postings[task][version];
        uint256 word = posting.word;
        return Checkpoint(posting.digest, address(uint160(word)), uint40(word >> 160), word >> 200);
    }

    function _entry(
        bytes32 task,
        bytes32 beacon,
        uint256 sequence,
        uint256 round,
        bytes32 root,
        bytes32 manifest,
        uint256 units
    ) private view returns (Entry memory) {
        return Entry(COMMIT_TYPEHASH, task, beacon, sequence, round, root, manifest, units, block.timestamp);
    }

    /// @dev Of a round that takes commitments now: the most units a node may commit to, and the beacon.
    function _roundTerms(bytes32 id, uint256 round)
        private
        view
        returns (uint256 unitsPerRound, bytes32 beacon)
    {
        Task memory task = _task(id);
        _checkCommitTime(task, round);
        // Without a beacon the seeds would be known beforehand, or change under a node that committed early.
        beacon = _beacons[id][round];
        if (beacon == 0) Hub_RoundNotOpen.selector.refuse(round);
        return (task.unitsPerRound, beacon);
    }

    /// @dev `work` and `entry` are memory to work in; `entry` has the task, the beacon, the round and the time.
    function _commitSigned(
        Work memory work,
        Entry memory entry,
        uint256 limit,
        bytes32 domain,
        SignedCommit calldata signed
    ) private {
        address node = signed.node;
        _load(work, entry.task, node, MemberStatus.Active);
        entry.sequence = work.next;
        entry.root = signed.root;
        entry.manifest = signed.manifest;
        entry.units = signed.units;
        bytes32 digest = MessageHashUtils.toTypedDataHash(domain, Verbatim.structHash(entry));
        if (!_isSignedBy(node, digest, signed.signature)) {
            Hub_BadSignature.selector.refuse(node, entry.sequence);
        }
        _commit(node, work, limit, entry);
    }

    function _commit(address node, Work memory work, uint256 limit, Entry memory entry) private {
        uint256 units = entry.units;
        uint256 round = entry.round;
        if (round < work.nextRound) Hub_RoundUsed.selector.refuse(round, work.nextRound);
        if (work.unitsLeft < limit) limit = work.unitsLeft;
        if (units == 0 || units > limit) Hub_BadUnits.selector.refuse(units, limit);

        unchecked {
            work.nextRound = round + 1;
            work.unitsLeft -= units;
        }
        _append(work, entry);
        emit Committed(
            entry.task,
            node,
            uint32(round),
            uint32(entry.sequence),
            entry.root,
            entry.manifest,
            uint32(units),
            _now()
        );
    }

    /// @dev Version v aggregates round v - 1, so before that round is over nobody can know it. Version 0 is the
    /// genesis in the parameters.
    function _checkVersion(bytes32 id, uint256 version) private view {
        Task memory task = _task(id);
        if (version == 0 || version > task.rounds) Hub_VersionUnknown.selector.refuse(version, task.rounds);
        _notBefore(_roundStart(task, version));
    }

    /// @dev INVARIANT: the overwritten slot was paid or passed, so no challenge and no void mark refers to it.
    function _append(Work memory work, Entry memory entry) private {
        uint256 sequence = entry.sequence;
        if (work.unpaid == RING) Hub_RingFull.selector.refuse(sequence);
        unchecked {
            work.next = sequence + 1;
            work.unpaid += 1;
        }
        _save(work);
        _ring[work.key][_slot(sequence)] = Verbatim.hash(entry);
    }
}
