// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {HubBase} from "./HubBase.sol";
import {IHub} from "./interfaces/IHub.sol";
import {Pinned, Task, TaskParams} from "./types/Task.sol";

/// @title Tasks: parameters, bounty and rounds
abstract contract TaskRegistry is HubBase {
    uint256 private constant MAX_JUDGES = 4;

    /// @inheritdoc IHub
    function createTask(TaskParams calldata p, uint96 bounty) external nonReentrant returns (bytes32 task) {
        if (msg.sender != p.creator) revert Hub_NotCreator(msg.sender, p.creator);
        _checkSchedule(p);
        _checkWork(p);
        _checkMoney(p);
        _checkCode(p);
        if (bounty == 0) revert Hub_AmountZero();
        task = _taskId(p);
        if (_tasks[task].created != 0) revert Hub_TaskExists(task);

        _tasks[task] = Task({
            bounty: bounty,
            reserved: 0,
            created: uint40(block.timestamp),
            rate: p.rate,
            start: p.start,
            roundSeconds: p.roundSeconds,
            commitSeconds: p.commitSeconds,
            rounds: p.rounds,
            // casting is safe: _checkWork bounds the product
            // forge-lint: disable-next-line(unsafe-typecast)
            unitsPerRound: uint24(p.problemsPerRound * p.groupSize)
        });
        _book(Purpose.Bounty, p.token, bounty);
        emit TaskCreated(task, msg.sender, p, bounty);
        _pull(p.token, bounty);
    }

    /// @inheritdoc IHub
    function topUp(TaskParams calldata p, uint96 amount) external nonReentrant {
        if (amount == 0) revert Hub_AmountZero();
        (bytes32 task, Task storage stored) = _createdTask(p);
        _before(_end(p));

        uint96 bounty = stored.bounty + amount;
        stored.bounty = bounty;
        _book(Purpose.Bounty, p.token, amount);
        emit BountyAdded(task, msg.sender, amount, bounty);
        _pull(p.token, amount);
    }

    /// @inheritdoc IHub
    function refund(TaskParams calldata p) external nonReentrant {
        if (msg.sender != p.creator) revert Hub_NotCreator(msg.sender, p.creator);
        (bytes32 task, Task storage stored) = _createdTask(p);
        _notBefore(_end(p) + _settling(p));
        uint96 amount = stored.bounty - stored.reserved;
        if (amount == 0) revert Hub_NothingToRefund(task);

        stored.bounty -= amount;
        _creditFrom(Purpose.Bounty, p.token, p.creator, amount);
        emit Refunded(task, p.creator, amount);
    }

    /// @inheritdoc IHub
    function openRound(bytes32 task, uint32 round) external returns (bytes32 beacon) {
        Task storage stored = _tasks[task];
        if (stored.created == 0) revert Hub_TaskUnknown(task);
        if (round >= stored.rounds) revert Hub_RoundUnknown(round, stored.rounds);
        _notBefore(_roundStart(stored, round));
        if (_beacons[task][round] != 0) revert Hub_RoundAlreadyOpen(round);

        beacon = keccak256(abi.encode(block.prevrandao, blockhash(block.number - 1)));
        _beacons[task][round] = beacon;
        emit RoundOpened(task, round, beacon, uint40(block.timestamp));
    }

    /// @inheritdoc IHub
    function taskIdOf(TaskParams calldata p) external view returns (bytes32) {
        return _taskId(p);
    }

    /// @inheritdoc IHub
    function taskOf(bytes32 task) external view returns (Task memory) {
        return _tasks[task];
    }

    /// @inheritdoc IHub
    function beaconOf(bytes32 task, uint32 round) external view returns (bytes32) {
        return _beacons[task][round];
    }

    /// @dev Also the time from which version `round` exists.
    function _roundStart(Task storage stored, uint256 round) internal view returns (uint256) {
        return stored.start + round * stored.roundSeconds;
    }

    function _checkSchedule(TaskParams calldata p) private view {
        _forbid(p.start < block.timestamp, "start");
        _forbid(p.roundSeconds == 0, "roundSeconds");
        _forbid(p.commitSeconds == 0 || p.commitSeconds > p.roundSeconds, "commitSeconds");
        _forbid(p.rounds == 0, "rounds");
        _forbid(p.challengeWindow == 0, "challengeWindow");
        _forbid(p.disputeSeconds == 0, "disputeSeconds");
        uint256 last = p.start + uint256(p.rounds) * p.roundSeconds + _settling(p);
        _forbid(last > type(uint40).max, "end");
    }

    function _checkWork(TaskParams calldata p) private pure {
        _forbid(p.problemsPerRound == 0, "problemsPerRound");
        _forbid(p.groupSize == 0, "groupSize");
        _forbid(uint256(p.problemsPerRound) * p.groupSize > type(uint24).max, "unitsPerRound");
        _forbid(p.problemCount < p.problemsPerRound, "problemCount");
        _forbid(p.chunkTokens == 0, "chunkTokens");
        _forbid(p.topk == 0, "topk");
        _forbid(p.maxTokens == 0, "maxTokens");
    }

    function _checkMoney(TaskParams calldata p) private pure {
        _forbid(p.token == address(0), "token");
        _forbid(p.rate == 0, "rate");
        _forbid(p.stake == 0, "stake");
        // The challenger's credit after a guilty verdict, bond and share of the stake, must fit 96 bits.
        _forbid(p.bond == 0 || uint256(p.stake) + p.bond > type(uint96).max, "bond");
    }

    function _checkCode(TaskParams calldata p) private view {
        if (p.rewardRule.code != address(0)) _checkPinned(p.rewardRule);
        else _forbid(p.rewardRule.codeHash != 0, "rewardRule");
        uint256 count = p.judges.length;
        _forbid(count == 0 || count > MAX_JUDGES, "judges");
        for (uint256 i = 0; i < count; ++i) {
            _forbid(p.judges[i].code == p.creator, "judges");
            _checkPinned(p.judges[i]);
        }
    }

    function _checkPinned(Pinned calldata pinned) internal view {
        bytes32 actual = pinned.code.codehash;
        if (actual != pinned.codeHash || pinned.code.code.length == 0) {
            revert Hub_CodeMismatch(pinned.code, pinned.codeHash, actual);
        }
    }

    function _forbid(bool bad, bytes32 name) private pure {
        if (bad) revert Hub_BadParameter(name);
    }
}
