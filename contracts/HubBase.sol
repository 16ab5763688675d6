// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {IHub} from "./interfaces/IHub.sol";
import {Challenge} from "./types/Challenge.sol";
import {Checkpoint, Commitment, Member} from "./types/Membership.sol";
import {Task, TaskParams, Totals} from "./types/Task.sol";

/// @title What the parts of the hub share: storage, ids, time and the ledger
abstract contract HubBase is IHub, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    /// @inheritdoc IHub
    address public constant BURN = 0x000000000000000000000000000000000000dEaD;

    /// @dev What the hub holds money for. The order is that of `Totals`.
    enum Purpose {
        Bounty,
        Stake,
        Bond,
        Credit
    }

    /// @dev Commitments a node can have unpaid; a ring, so that a steady node writes no new slot.
    uint32 internal constant RING = 64;

    mapping(bytes32 task => Task) internal _tasks;
    mapping(bytes32 task => mapping(uint32 round => bytes32)) internal _beacons;
    mapping(bytes32 task => mapping(uint32 version => Checkpoint)) internal _checkpoints;
    mapping(bytes32 task => mapping(address node => Member)) internal _members;
    mapping(bytes32 task => mapping(address node => mapping(uint256 slot => bytes32))) internal _ring;
    mapping(uint256 challengeId => Challenge) internal _challenges;
    /// @dev Pending challenges to one commitment beyond the first, which `Member.challenged` holds.
    mapping(bytes32 task => mapping(address node => mapping(uint32 sequence => uint256))) internal
        _furtherChallenges;
    mapping(address token => mapping(address account => uint256)) internal _credits;
    mapping(address token => uint128[4]) private _totals;
    uint256 internal _challengeCount;

    /// @inheritdoc IHub
    function credit(address token, address account) external view returns (uint256) {
        return _credits[token][account];
    }

    /// @inheritdoc IHub
    function totalsOf(address token) external view returns (Totals memory) {
        uint128[4] storage totals = _totals[token];
        return Totals({bounties: totals[0], stakes: totals[1], bonds: totals[2], credits: totals[3]});
    }

    function _taskId(TaskParams calldata p) internal view returns (bytes32) {
        return keccak256(abi.encode(block.chainid, address(this), p));
    }

    /// @dev Id and stored part of a task that was created.
    function _createdTask(TaskParams calldata p) internal view returns (bytes32 task, Task storage stored) {
        task = _taskId(p);
        stored = _tasks[task];
        if (stored.created == 0) revert Hub_TaskUnknown(task);
    }

    function _hash(Commitment memory c) internal pure returns (bytes32) {
        return keccak256(abi.encode(c));
    }

    function _member(bytes32 task, address node) internal view returns (Member storage) {
        return _members[task][node];
    }

    /// @dev The ring slot of a sequence.
    function _slot(bytes32 task, address node, uint256 sequence) internal view returns (bytes32) {
        return _ring[task][node][sequence % RING];
    }

    function _bit(uint32 sequence) internal pure returns (uint64) {
        return uint64(1) << uint64(sequence % RING);
    }

    /// @dev Sequence of the oldest unpaid commitment.
    function _cursor(Member storage member) internal view returns (uint32) {
        return member.next - member.unpaid;
    }

    function _payoutOf(Member storage member) internal view returns (address payout) {
        payout = member.payout;
        if (payout == address(0)) payout = member.owner;
    }

    /// @dev End of the last round. `createTask` bounds it, together with `_settling`, by uint40.
    function _end(TaskParams calldata p) internal pure returns (uint256) {
        return p.start + uint256(p.rounds) * p.roundSeconds;
    }

    /// @dev After this long no challenge to a commitment can be pending, if someone expired the silent ones.
    function _settling(TaskParams calldata p) internal pure returns (uint256) {
        return uint256(p.challengeWindow) + p.disputeSeconds + p.exitMargin;
    }

    /// @dev Books money that comes in. 128 bits hold 2^32 deposits of the largest amount.
    function _book(address token, Purpose purpose, uint256 amount) internal {
        _totals[token][uint256(purpose)] += uint128(amount);
    }

    /// @dev Turns money held for `purpose` into credit. Cannot revert: a slash relies on it.
    function _creditFrom(Purpose purpose, address token, address account, uint256 amount) internal {
        uint128[4] storage totals = _totals[token];
        // INVARIANT: what is moved was booked for `purpose` before, so nothing wraps below zero.
        unchecked {
            totals[uint256(purpose)] -= uint128(amount);
            totals[uint256(Purpose.Credit)] += uint128(amount);
            _credits[token][account] += amount;
        }
    }

    /// @dev Takes all credit of an account out of the books.
    function _takeCredit(address token, address account) internal returns (uint256 amount) {
        amount = _credits[token][account];
        _credits[token][account] = 0;
        _totals[token][uint256(Purpose.Credit)] -= uint128(amount);
    }

    /// @dev Takes exactly `amount` from the sender. Call it last, after the amount has been booked.
    function _pull(address token, uint256 amount) internal {
        uint256 before = IERC20(token).balanceOf(address(this));
        IERC20(token).safeTransferFrom(msg.sender, address(this), amount);
        _checkMoved(amount, before, IERC20(token).balanceOf(address(this)));
    }

    /// @dev Sends exactly `amount`. Call it last, after the amount has been unbooked.
    function _push(address token, address account, uint256 amount) internal {
        uint256 before = IERC20(token).balanceOf(address(this));
        IERC20(token).safeTransfer(account, amount);
        _checkMoved(amount, IERC20(token).balanceOf(address(this)), before);
    }

    function _checkMoved(uint256 asked, uint256 low, uint256 high) private pure {
        unchecked {
            // Wraps when the balance went the wrong way, which is then a mismatch too.
            uint256 moved = high - low;
            if (moved != asked) revert Hub_TransferMismatch(asked, moved);
        }
    }
}
