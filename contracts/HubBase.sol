// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {IHub} from "./interfaces/IHub.sol";
import {Challenge} from "./types/Challenge.sol";
import {Checkpoint, Commitment, Holder, Work} from "./types/Membership.sol";
import {Task, TaskParams, Totals} from "./types/Task.sol";

/// @title What the parts of the hub share: storage, ids, windows and the ledger
abstract contract HubBase is IHub, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    /// @dev What the hub holds money for, in the order of `Totals`.
    enum Purpose {
        Bounty,
        Stake,
        Bond,
        Credit
    }

    /// @inheritdoc IHub
    address public constant BURN = 0x000000000000000000000000000000000000dEaD;

    /// @dev Commitments a node can have unpaid; a ring, so that a steady node writes no new slot.
    uint256 internal constant RING = 64;

    mapping(bytes32 task => Task) internal _tasks;
    mapping(bytes32 task => mapping(uint256 round => bytes32)) internal _beacons;
    mapping(bytes32 task => mapping(uint256 version => Checkpoint)) internal _checkpoints;
    mapping(bytes32 key => Holder) internal _holders;
    mapping(bytes32 key => Work) internal _works;
    mapping(bytes32 key => mapping(uint256 slot => bytes32)) internal _ring;
    mapping(uint256 challengeId => Challenge) internal _challenges;
    /// @dev Pending challenges to one commitment beyond the first, for which `Work.challenged` has a bit.
    mapping(bytes32 key => mapping(uint256 sequence => uint256)) internal _furtherChallenges;
    /// @inheritdoc IHub
    mapping(address token => mapping(address account => uint256)) public credit;
    /// @inheritdoc IHub
    uint256 public challengeCount;
    mapping(address token => uint128[4]) private _totals;

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

    /// @dev Key of a membership.
    function _key(bytes32 task, address node) internal pure returns (bytes32) {
        return keccak256(abi.encode(task, node));
    }

    function _hash(Commitment memory c) internal pure returns (bytes32) {
        return keccak256(abi.encode(c));
    }

    function _bit(uint256 sequence) internal pure returns (uint64) {
        return uint64(1 << (sequence % RING));
    }

    /// @dev Loads and stores go through here so that the packing is compiled once.
    function _work(bytes32 key) internal view returns (Work memory) {
        return _works[key];
    }

    function _save(bytes32 key, Work memory work) internal {
        _works[key] = work;
    }

    /// @dev Sequence of the oldest unpaid commitment.
    function _cursor(Work memory work) internal pure returns (uint256) {
        return work.next - work.unpaid;
    }

    function _payoutOf(bytes32 key) internal view returns (address payout) {
        payout = _holders[key].payout;
        if (payout == address(0)) payout = _holders[key].owner;
    }

    /// @dev Every window is checked here and in `_before`: open iff opens <= now < closes.
    function _notBefore(uint256 opens) internal view {
        if (block.timestamp < opens) revert Hub_TooEarly(opens);
    }

    function _before(uint256 closes) internal view {
        if (block.timestamp >= closes) revert Hub_TooLate(closes);
    }

    /// @dev End of the last round. `createTask` bounds it, together with `_settling`, by uint40.
    function _end(TaskParams calldata p) internal pure returns (uint256) {
        return p.start + uint256(p.rounds) * p.roundSeconds;
    }

    /// @dev This long after a commitment no challenge to it is pending, if someone expired the silent ones.
    function _settling(TaskParams calldata p) internal pure returns (uint256) {
        return uint256(p.challengeWindow) + p.disputeSeconds + p.exitMargin;
    }

    /// @dev Books money that comes in. 128 bits hold 2^32 deposits of the largest amount.
    function _book(Purpose purpose, address token, uint256 amount) internal {
        _totals[token][uint256(purpose)] += uint128(amount);
    }

    /// @dev Turns money held for `purpose` into credit. Cannot revert: a slash relies on it.
    function _creditFrom(Purpose purpose, address token, address account, uint256 amount) internal {
        uint128[4] storage totals = _totals[token];
        // INVARIANT: what moves was booked for `purpose` before, so nothing wraps.
        unchecked {
            totals[uint256(purpose)] -= uint128(amount);
            totals[uint256(Purpose.Credit)] += uint128(amount);
            credit[token][account] += amount;
        }
    }

    /// @dev Takes all credit of an account out of the books.
    function _takeCredit(address token, address account) internal returns (uint256 amount) {
        amount = credit[token][account];
        credit[token][account] = 0;
        _totals[token][uint256(Purpose.Credit)] -= uint128(amount);
    }

    /// @dev Takes exactly `amount` from the sender. Call it after the amount has been booked.
    function _pull(address token, uint256 amount) internal {
        uint256 before = _balance(token);
        IERC20(token).safeTransferFrom(msg.sender, address(this), amount);
        _checkMoved(amount, before, _balance(token));
    }

    /// @dev Sends exactly `amount`. Call it last, after the amount has been taken out of the books.
    function _push(address token, address account, uint256 amount) internal {
        uint256 before = _balance(token);
        IERC20(token).safeTransfer(account, amount);
        _checkMoved(amount, _balance(token), before);
    }

    function _balance(address token) private view returns (uint256) {
        return IERC20(token).balanceOf(address(this));
    }

    function _checkMoved(uint256 asked, uint256 low, uint256 high) private pure {
        unchecked {
            // Wraps when the balance went the wrong way, which is then a mismatch too.
            uint256 moved = high - low;
            if (moved != asked) revert Hub_TransferMismatch(asked, moved);
        }
    }
}
