// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";

import {HubBase} from "./HubBase.sol";
import {IHub} from "./interfaces/IHub.sol";
import {Member, MemberStatus} from "./types/Membership.sol";
import {Task, TaskParams} from "./types/Task.sol";

/// @title Memberships: stake, quota, consent, exit
abstract contract Staking is HubBase {
    bytes32 private constant DOMAIN_TYPEHASH =
        keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
    bytes32 private constant NAME_HASH = keccak256("Cupel Hub");
    bytes32 private constant VERSION_HASH = keccak256("1");
    bytes32 private constant JOIN_TYPEHASH =
        keccak256("Join(bytes32 task,address node,address owner,address payout,uint32 quota)");

    /// @inheritdoc IHub
    function join(TaskParams calldata p, address node, address payout, uint32 quota, bytes calldata consent)
        external
        nonReentrant
    {
        (bytes32 task, Task storage stored) = _createdTask(p);
        uint32 firstRound = _firstRound(p);
        if (quota == 0 || quota > type(uint24).max) revert Hub_BadUnits(quota, type(uint24).max);
        if (payout == address(0) || payout == address(this)) revert Hub_BadPayout(payout);
        if (_member(task, node).status != MemberStatus.None) revert Hub_MemberExists(task, node);
        _checkConsent(joinDigest(task, node, msg.sender, payout, quota), node, consent);

        _reserve(stored, quota, p.rate);
        _addMember(_member(task, node), p.stake, payout, quota, firstRound);
        _book(p.token, Purpose.Stake, p.stake);
        emit Joined(task, node, msg.sender, payout, quota, p.stake, firstRound);
        _pull(p.token, p.stake);
    }

    /// @inheritdoc IHub
    function setEndpoint(string calldata endpoint) external {
        emit EndpointSet(msg.sender, endpoint);
    }

    /// @inheritdoc IHub
    function requestExit(bytes32 task, address node) external nonReentrant {
        Member storage member = _member(task, node);
        if (member.status != MemberStatus.Active) revert Hub_MemberNotActive(task, node, member.status);
        if (msg.sender != member.owner) revert Hub_NotOwner(msg.sender, member.owner);

        member.status = MemberStatus.Exiting;
        member.exitAt = uint40(block.timestamp);
        emit ExitRequested(task, node, uint40(block.timestamp));
    }

    /// @inheritdoc IHub
    function exit(TaskParams calldata p, address node) external nonReentrant {
        bytes32 task = _taskId(p);
        Member storage member = _stakedMember(task, node);
        uint256 opens = _exitOpens(p, member);
        if (block.timestamp < opens) revert Hub_ExitNotOpen(opens);
        if (member.unpaid != 0) revert Hub_CommitmentsUnpaid(_cursor(member), member.next);
        // INVARIANT: a claim does not pass a pending challenge, so none is left behind the cursor.
        assert(member.challenged == 0);

        (address owner, uint96 stake, uint24 units) = (member.owner, member.stake, member.unitsReserved);
        member.stake = 0;
        member.unitsReserved = 0;
        member.status = MemberStatus.Exited;
        _tasks[task].reserved -= uint96(units * uint256(p.rate));
        _creditFrom(Purpose.Stake, p.token, owner, stake);
        emit Exited(task, node, owner, stake, units, uint40(block.timestamp));
    }

    /// @inheritdoc IHub
    function memberOf(bytes32 task, address node) external view returns (Member memory) {
        return _member(task, node);
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

    /// @dev A membership whose stake is in the hub.
    function _stakedMember(bytes32 task, address node) internal view returns (Member storage member) {
        member = _member(task, node);
        MemberStatus status = member.status;
        if (status != MemberStatus.Active && status != MemberStatus.Exiting) {
            revert Hub_MemberNotActive(task, node, status);
        }
    }

    /// @dev The next round to start: its beacon cannot be known yet.
    function _firstRound(TaskParams calldata p) private view returns (uint32) {
        uint256 round = block.timestamp < p.start ? 0 : (block.timestamp - p.start) / p.roundSeconds + 1;
        if (round >= p.rounds) revert Hub_JoinClosed(uint32(round), p.rounds);
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
    function _reserve(Task storage stored, uint32 quota, uint96 rate) private {
        uint256 amount = uint256(quota) * rate;
        uint256 available = stored.bounty - stored.reserved;
        if (amount > available) revert Hub_BountyTooSmall(amount, available);
        stored.reserved += uint96(amount);
    }

    function _addMember(Member storage member, uint96 stake, address payout, uint32 quota, uint32 firstRound)
        private
    {
        member.owner = msg.sender;
        member.stake = stake;
        member.nextRound = firstRound;
        member.unitsLeft = uint24(quota);
        member.unitsReserved = uint24(quota);
        member.status = MemberStatus.Active;
        // Spares a slot in the usual case.
        if (payout != msg.sender) member.payout = payout;
    }

    function _exitOpens(TaskParams calldata p, Member storage member) private view returns (uint256) {
        uint256 last = _end(p);
        if (member.status == MemberStatus.Exiting && member.exitAt < last) last = member.exitAt;
        return last + _settling(p);
    }
}
