// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";

import {HubBase} from "./HubBase.sol";
import {IHub} from "./interfaces/IHub.sol";
import {Holder, Member, MemberStatus, Work} from "./types/Membership.sol";
import {Task, TaskParams} from "./types/Task.sol";

/// @title Memberships: stake, quota, consent, exit
abstract contract Staking is HubBase {
    bytes32 private constant DOMAIN_TYPEHASH =
        keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
    bytes32 private constant NAME_HASH = keccak256("Cupel Hub");
    bytes32 private constant VERSION_HASH = keccak256("1");
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
        _checkConsent(joinDigest(task, node, msg.sender, payout, quota), node, consent);

        _reserve(stored, quota, p.rate);
        _addMember(key, p.stake, payout, quota, firstRound);
        _book(Purpose.Stake, p.token, p.stake);
        emit Joined(task, node, msg.sender, payout, quota, p.stake, firstRound);
        _pull(p.token, p.stake);
    }

    /// @inheritdoc IHub
    function setEndpoint(string calldata endpoint) external {
        emit EndpointSet(msg.sender, endpoint);
    }

    /// @inheritdoc IHub
    function requestExit(bytes32 task, address node) external nonReentrant {
        (bytes32 key, Work memory work) = _activeWork(task, node);
        Holder storage holder = _holders[key];
        if (msg.sender != holder.owner) revert Hub_NotOwner(msg.sender, holder.owner);

        work.status = MemberStatus.Exiting;
        _save(key, work);
        holder.exitAt = uint40(block.timestamp);
        emit ExitRequested(task, node, uint40(block.timestamp));
    }

    /// @inheritdoc IHub
    function exit(TaskParams calldata p, address node) external nonReentrant {
        bytes32 task = _taskId(p);
        (bytes32 key, Work memory work) = _stakedWork(task, node);
        Holder storage holder = _holders[key];
        _notBefore(_exitOpens(p, holder.exitAt));
        if (work.unpaid != 0) revert Hub_CommitmentsUnpaid(_cursor(work), work.next);
        // INVARIANT: a claim does not pass a pending challenge, so none is left behind the cursor.
        assert(work.challenged == 0);

        uint24 units = work.unitsReserved;
        work.unitsReserved = 0;
        work.status = MemberStatus.Exited;
        _save(key, work);
        _release(task, units);
        (address owner, uint96 stake) = (holder.owner, holder.stake);
        holder.stake = 0;
        _creditFrom(Purpose.Stake, p.token, owner, stake);
        emit Exited(task, node, owner, stake, units, uint40(block.timestamp));
    }

    /// @inheritdoc IHub
    function memberOf(bytes32 task, address node) external view returns (Member memory member) {
        bytes32 key = _key(task, node);
        Holder storage holder = _holders[key];
        Work memory work = _work(key);
        member.owner = holder.owner;
        member.stake = holder.stake;
        member.next = work.next;
        member.unpaid = work.unpaid;
        member.nextRound = work.nextRound;
        member.unitsLeft = work.unitsLeft;
        member.unitsReserved = work.unitsReserved;
        member.challenged = work.challenged;
        member.voided = work.voided;
        member.status = work.status;
        member.payout = _payoutOf(key);
        member.exitAt = holder.exitAt;
    }

    /// @inheritdoc IHub
    function joinDigest(bytes32 task, address node, address owner, address payout, uint32 quota)
        public
        view
        returns (bytes32)
    {
        bytes32 domain =
            keccak256(abi.encode(DOMAIN_TYPEHASH, NAME_HASH, VERSION_HASH, block.chainid, address(this)));
        bytes32 consent = keccak256(abi.encode(JOIN_TYPEHASH, task, node, owner, payout, quota));
        return MessageHashUtils.toTypedDataHash(domain, consent);
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
    function _release(bytes32 task, uint256 units) internal {
        Task storage stored = _tasks[task];
        uint256 amount = units * stored.rate;
        uint256 reserved = stored.reserved;
        stored.reserved = uint96(amount < reserved ? reserved - amount : 0);
    }

    /// @dev The next round to start: its beacon cannot be known yet.
    function _firstRound(TaskParams calldata p) private view returns (uint32) {
        uint256 start = p.start;
        uint256 round = block.timestamp < start ? 0 : (block.timestamp - start) / p.roundSeconds + 1;
        if (round >= p.rounds) revert Hub_JoinClosed(round, p.rounds);
        return uint32(round);
    }

    /// @dev A consent needs no nonce: a node address joins a task once.
    function _checkConsent(bytes32 digest, address node, bytes calldata consent) private view {
        if (msg.sender == node) return;
        if (!SignatureChecker.isValidSignatureNowCalldata(node, digest, consent)) {
            revert Hub_BadConsent(node);
        }
    }

    /// @dev INVARIANT: sum of unitsReserved * rate over members == reserved <= bounty.
    function _reserve(Task storage stored, uint256 quota, uint256 rate) private {
        uint256 amount = quota * rate;
        uint256 reserved = stored.reserved;
        uint256 available = stored.bounty - reserved;
        if (amount > available) revert Hub_BountyTooSmall(amount, available);
        stored.reserved = uint96(reserved + amount);
    }

    function _addMember(bytes32 key, uint96 stake, address payout, uint32 quota, uint32 firstRound) private {
        Work memory work;
        work.nextRound = firstRound;
        work.unitsLeft = uint24(quota);
        work.unitsReserved = uint24(quota);
        work.status = MemberStatus.Active;
        _save(key, work);
        Holder storage holder = _holders[key];
        holder.owner = msg.sender;
        holder.stake = stake;
        // Spares a slot in the usual case.
        if (payout != msg.sender) holder.payout = payout;
    }

    function _exitOpens(TaskParams calldata p, uint256 exitAt) private pure returns (uint256) {
        uint256 last = _end(p);
        if (exitAt != 0 && exitAt < last) last = exitAt;
        return last + _settling(p);
    }
}
