// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {HubBase} from "./HubBase.sol";
import {IHub} from "./interfaces/IHub.sol";
import {Member, MemberStatus, Work} from "./types/Membership.sol";
import {Task, TaskParams} from "./types/Task.sol";

/// @title Memberships: stake, quota, consent, exit
abstract contract Staking is HubBase {
    bytes32 private constant JOIN_TYPEHASH =
        keccak256("Join(bytes32 task,address node,address owner,address payout,uint32 quota)");

    uint256 private constant MAX_QUOTA = type(uint24).max;

    /// @inheritdoc IHub
    function join(TaskParams calldata p, address node, address payout, uint32 quota, bytes calldata consent)
        external
        nonReentrant
    {
        (bytes32 task, Task storage stored) = _createdTask(p);
        uint32 firstRound = _firstRound(p);
        if (quota == 0 || quota > MAX_QUOTA) revert Hub_BadUnits(quota, MAX_QUOTA);
        if (payout == address(0) || payout == address(this)) revert Hub_BadPayout(payout);
        bytes32 key = _key(task, node);
        if (_works[key].status != MemberStatus.None) revert Hub_MemberExists(task, node);
        // A consent needs no nonce: a node address joins a task once.
        bytes32 digest = joinDigest(task, node, msg.sender, payout, quota);
        if (msg.sender != node && !_isSignedBy(node, digest, consent)) revert Hub_BadConsent(node);

        _reserve(stored, quota);
        _addMember(key, node, payout, quota, firstRound);
        emit Joined(task, node, msg.sender, payout, quota, firstRound);
        _pull(p.token, p.stake);
    }

    /// @inheritdoc IHub
    function setEndpoint(string calldata endpoint) external {
        emit EndpointSet(msg.sender, endpoint);
    }

    /// @inheritdoc IHub
    function requestExit(bytes32 task, address node) external nonReentrant {
        (bytes32 key, Work memory work) = _activeWork(task, node);
        address owner = _ownerOf(key, node);
        if (msg.sender != owner) revert Hub_NotOwner(msg.sender, owner);

        work.status = MemberStatus.Exiting;
        _save(key, work);
        _holders[key].exitAt = _now();
        emit ExitRequested(task, node, _now());
    }

    /// @inheritdoc IHub
    function exit(TaskParams calldata p, address node) external nonReentrant {
        bytes32 task = _taskId(p);
        (bytes32 key, Work memory work) = _stakedWork(task, node);
        _notBefore(_exitOpens(p, _holders[key].exitAt));
        if (work.unpaid != 0) revert Hub_CommitmentsUnpaid(_cursor(work), work.next);
        // INVARIANT: a claim does not pass a pending challenge, so none is left behind the cursor.
        assert(work.challenged == 0);

        uint24 units = work.unitsReserved;
        work.unitsReserved = 0;
        work.status = MemberStatus.Exited;
        _save(key, work);
        _release(task, units);
        address owner = _ownerOf(key, node);
        _credit(p.token, owner, p.stake);
        emit Exited(task, node, owner, p.stake, units, _now());
    }

    /// @inheritdoc IHub
    function memberOf(bytes32 task, address node) external view returns (Member memory member) {
        bytes32 key = _key(task, node);
        Work memory work = _work(key);
        if (work.status == MemberStatus.None) return member;
        member.owner = _ownerOf(key, node);
        member.next = work.next;
        member.unpaid = work.unpaid;
        member.nextRound = work.nextRound;
        member.unitsLeft = work.unitsLeft;
        member.unitsReserved = work.unitsReserved;
        member.challenged = work.challenged;
        member.voided = work.voided;
        member.status = work.status;
        member.payout = _payoutOf(key, node);
        member.exitAt = _holders[key].exitAt;
    }

    /// @inheritdoc IHub
    function joinDigest(bytes32 task, address node, address owner, address payout, uint32 quota)
        public
        view
        returns (bytes32)
    {
        return _typedHash(keccak256(abi.encode(JOIN_TYPEHASH, task, node, owner, payout, quota)));
    }

    /// @dev A membership that may commit.
    function _activeWork(bytes32 task, address node) internal view returns (bytes32 key, Work memory work) {
        (key, work) = _stakedWork(task, node);
        if (work.status != MemberStatus.Active) revert Hub_MemberNotActive(task, node, work.status);
    }

    /// @dev A membership whose stake is in the hub.
    function _stakedWork(bytes32 task, address node) internal view returns (bytes32 key, Work memory work) {
        key = _key(task, node);
        work = _work(key);
        if (work.status != MemberStatus.Active && work.status != MemberStatus.Exiting) {
            revert Hub_MemberNotActive(task, node, work.status);
        }
    }

    /// @dev Gives reserved units back to the bounty. Saturates instead of reverting: a slash relies on it.
    function _release(bytes32 task, uint24 units) internal {
        Task storage stored = _tasks[task];
        uint40 reserved = stored.reserved;
        stored.reserved = units < reserved ? reserved - units : 0;
    }

    /// @dev The next round to start: its beacon cannot be known yet.
    function _firstRound(TaskParams calldata p) private view returns (uint32) {
        uint256 start = p.start;
        uint256 round = block.timestamp < start ? 0 : (block.timestamp - start) / p.roundSeconds + 1;
        if (round >= p.rounds) revert Hub_JoinClosed(round, p.rounds);
        return uint32(round);
    }

    /// @dev INVARIANT: sum of unitsReserved over members == reserved <= units.
    function _reserve(Task storage stored, uint32 quota) private {
        uint40 reserved = stored.reserved;
        uint40 available = stored.units - reserved;
        if (quota > available) revert Hub_BountyTooSmall(quota, available);
        stored.reserved = reserved + quota;
    }

    function _addMember(bytes32 key, address node, address payout, uint32 quota, uint32 firstRound) private {
        Work memory work;
        work.nextRound = firstRound;
        work.unitsLeft = uint24(quota);
        work.unitsReserved = uint24(quota);
        work.status = MemberStatus.Active;
        _save(key, work);
        // Each spares a slot in the usual case.
        if (node != msg.sender) _holders[key].owner = msg.sender;
        if (payout != msg.sender) _holders[key].payout = payout;
    }

    function _exitOpens(TaskParams calldata p, uint256 exitAt) private pure returns (uint256) {
        uint256 last = _end(p);
        if (exitAt != 0 && exitAt < last) last = exitAt;
        return last + _settling(p);
    }
}
