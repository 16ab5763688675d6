// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";

import {HubBase} from "./HubBase.sol";
import {IHub} from "./interfaces/IHub.sol";
import {Refusal} from "./libraries/Refusal.sol";
import {Terms} from "./libraries/Terms.sol";
import {Verbatim} from "./libraries/Verbatim.sol";
import {Holder, Member, MemberStatus, Work} from "./types/Membership.sol";
import {Task, TaskParams} from "./types/Task.sol";

/// @title Memberships: stake, quota, consent, exit
abstract contract Staking is HubBase {
    using Refusal for bytes4;
    using Terms for TaskParams;

    bytes32 private constant JOIN_TYPEHASH =
        keccak256("Join(bytes32 task,address node,address owner,address payout,uint32 quota)");

    uint256 private constant MAX_QUOTA = type(uint24).max;

    /// @inheritdoc IHub
    function join(TaskParams calldata p, address node, address payout, uint32 quota, bytes calldata consent)
        external
        nonReentrant
    {
        (bytes32 id, Task memory task) = _createdTask(p);
        uint32 firstRound = _firstRound(task);
        if (quota == 0 || quota > MAX_QUOTA) Hub_BadUnits.selector.refuse(quota, MAX_QUOTA);
        if (payout == address(0) || payout == address(this)) Hub_BadPayout.selector.refuse(payout);
        bytes32 key = _key(id, node);
        if (_works[key] != 0) Hub_MemberExists.selector.refuse(id, node);
        // A consent needs no nonce: a node address joins a task once.
        if (msg.sender != node) _checkConsent(id, node, payout, quota, consent);

        _reserve(task, quota);
        _save(id, task);
        _addMember(key, node, payout, quota, firstRound);
        emit Joined(id, node, msg.sender, payout, quota, firstRound);
        _pull(p.tokenWord(), p.word(Terms.STAKE));
    }

    /// @inheritdoc IHub
    function setEndpoint(string calldata endpoint) external {
        emit EndpointSet(msg.sender, endpoint);
    }

    /// @inheritdoc IHub
    function requestExit(bytes32 task, address node) external nonReentrant {
        Work memory work = _member(task, node, MemberStatus.Active);
        address owner = _ownerOf(work, node);
        if (msg.sender != owner) Hub_NotOwner.selector.refuse(msg.sender, owner);

        work.status = uint256(MemberStatus.Exiting);
        _save(work);
        _holders[work.key].exitAt = _now();
        emit ExitRequested(task, node, _now());
    }

    /// @inheritdoc IHub
    function exit(TaskParams calldata p, address node) external nonReentrant {
        bytes32 task = Verbatim.taskId(p);
        Work memory work = _member(task, node, MemberStatus.Exiting);
        _notBefore(_exitOpens(p, _holders[work.key].exitAt));
        if (work.unpaid != 0) Hub_CommitmentsUnpaid.selector.refuse(_cursor(work), work.next);
        // INVARIANT: a claim does not pass a pending challenge, so none is left behind the cursor.
        assert(work.challenged == 0);

        uint256 units = work.unitsReserved;
        work.unitsReserved = 0;
        work.status = uint256(MemberStatus.Exited);
        _save(work);
        _release(task, units);
        address owner = _ownerOf(work, node);
        _credit(p.tokenWord(), owner, p.word(Terms.STAKE));
        emit Exited(task, node, owner, uint96(p.word(Terms.STAKE)), uint32(units), _now());
    }

    /// @inheritdoc IHub
    function memberOf(bytes32 task, address node) external view returns (Member memory member) {
        bytes32 key = _key(task, node);
        if (_works[key] == 0) return member;
        Work memory work = _member(task, node, MemberStatus.Slashed);
        member.owner = _ownerOf(work, node);
        member.next = work.next;
        member.unpaid = work.unpaid;
        member.nextRound = work.nextRound;
        member.unitsLeft = work.unitsLeft;
        member.unitsReserved = work.unitsReserved;
        member.challenged = work.challenged;
        member.voided = work.voided;
        member.status = MemberStatus(work.status);
        member.payout = _payoutOf(work, node);
        member.exitAt = _holders[key].exitAt;
    }

    /// @inheritdoc IHub
    function joinDigest(bytes32 task, address node, address owner, address payout, uint32 quota)
        public
        view
        returns (bytes32)
    {
        bytes32 structHash = keccak256(abi.encode(JOIN_TYPEHASH, task, node, owner, payout, quota));
        return MessageHashUtils.toTypedDataHash(_domain(), structHash);
    }

    /// @dev The next round to start: its beacon cannot be known yet.
    function _firstRound(Task memory task) private view returns (uint32) {
        uint256 round = 0;
        unchecked {
            if (block.timestamp >= task.start) {
                round = (block.timestamp - task.start) / task.roundSeconds + 1;
            }
        }
        if (round >= task.rounds) Hub_JoinClosed.selector.refuse(round, task.rounds);
        return uint32(round);
    }

    function _checkConsent(bytes32 task, address node, address payout, uint32 quota, bytes calldata consent)
        private
        view
    {
        bytes32 digest = joinDigest(task, node, msg.sender, payout, quota);
        if (!_isSignedBy(node, digest, consent)) Hub_BadConsent.selector.refuse(node);
    }

    /// @dev INVARIANT: sum of unitsReserved over members == reserved <= units.
    function _reserve(Task memory task, uint256 quota) private pure {
        unchecked {
            uint256 available = task.units - task.reserved;
            if (quota > available) Hub_BountyTooSmall.selector.refuse(quota, available);
            task.reserved += quota;
        }
    }

    function _addMember(bytes32 key, address node, address payout, uint256 quota, uint256 firstRound)
        private
    {
        Work memory work;
        work.key = key;
        work.nextRound = firstRound;
        work.unitsLeft = quota;
        work.unitsReserved = quota;
        work.status = uint256(MemberStatus.Active);
        if (node != msg.sender || payout != msg.sender) {
            work.apart = 1;
            Holder storage holder = _holders[key];
            if (node != msg.sender) holder.owner = msg.sender;
            if (payout != msg.sender) holder.payout = payout;
        }
        _save(work);
    }

    function _exitOpens(TaskParams calldata p, uint256 exitAt) private pure returns (uint256) {
        uint256 last = _end(p);
        if (exitAt != 0 && exitAt < last) last = exitAt;
        return last + _settling(p);
    }
}
