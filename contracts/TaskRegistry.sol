// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {HubBase} from "./HubBase.sol";
import {IHub} from "./interfaces/IHub.sol";
import {Pinned, Task, TaskParams} from "./types/Task.sol";

/// @title Tasks: parameters, bounty and rounds
abstract contract TaskRegistry is HubBase {
    /// @inheritdoc IHub
    function createTask(TaskParams calldata p, uint40 units) external nonReentrant returns (bytes32 task) {
        if (msg.sender != p.creator) revert Hub_NotCreator(msg.sender, p.creator);
        _checkSchedule(p);
        _checkWork(p);
        _checkMoney(p);
        _checkCode(p);
        if (units == 0) revert Hub_AmountZero();
        task = _taskId(p);
        if (_tasks[task].roundSeconds != 0) revert Hub_TaskExists(task);

        // casting is safe: _checkSchedule and _checkWork bound rounds and the product
        // forge-lint: disable-next-item(unsafe-typecast)
        _tasks[task] = Task({
            units: units,
            reserved: 0,
            start: p.start,
            roundSeconds: p.roundSeconds,
            commitSeconds: p.commitSeconds,
            rounds: uint24(p.rounds),
            opened: 0,
            unitsPerRound: uint24(p.problemsPerRound * p.groupSize)
        });
        emit TaskCreated(task, msg.sender, p, units);
        _pull(p.token, uint256(units) * p.rate);
    }

    /// @inheritdoc IHub
    function topUp(TaskParams calldata p, uint40 units) external nonReentrant {
        if (units == 0) revert Hub_AmountZero();
        (bytes32 task, Task storage stored) = _createdTask(p);
        _before(_end(p));

        uint40 total = stored.units + units;
        stored.units = total;
        emit BountyAdded(task, msg.sender, units, total);
        _pull(p.token, uint256(units) * p.rate);
    }

    /// @inheritdoc IHub
    function refund(TaskParams calldata p) external nonReentrant {
        if (msg.sender != p.creator) revert Hub_NotCreator(msg.sender, p.creator);
        (bytes32 task, Task storage stored) = _createdTask(p);
        _notBefore(_end(p) + _settling(p));
        uint40 units = stored.units - stored.reserved;
        if (units == 0) revert Hub_NothingToRefund(task);

        stored.units = stored.reserved;
        uint256 amount = uint256(units) * p.rate;
        _credit(p.token, p.creator, amount);
        emit Refunded(task, p.creator, units, amount);
    }

    /// @inheritdoc IHub
    function openRound(bytes32 task, uint32 round) external returns (bytes32 beacon) {
        Task memory stored = _tasks[task];
        if (stored.roundSeconds == 0) revert Hub_TaskUnknown(task);
        _checkCommitTime(stored, round);
        if (stored.opened > round) revert Hub_RoundAlreadyOpen(round);

        beacon = keccak256(abi.encode(block.prevrandao, blockhash(block.number - 1)));
        _beacons[task][round] = beacon;
        // casting is safe: the round is below stored.rounds
        // forge-lint: disable-next-line(unsafe-typecast)
        _tasks[task].opened = uint24(round) + 1;
        emit RoundOpened(task, round, beacon, _now());
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
    function _roundStart(Task memory stored, uint256 round) internal pure returns (uint256) {
        return stored.start + round * stored.roundSeconds;
    }

    /// @dev Whether commitments to `round` are accepted now, or will be once it has a beacon.
    function _checkCommitTime(Task memory stored, uint256 round) internal view {
        if (round >= stored.rounds) revert Hub_RoundUnknown(round, stored.rounds);
        uint256 opens = _roundStart(stored, round);
        _notBefore(opens);
        _before(opens + stored.commitSeconds);
    }

    function _checkSchedule(TaskParams calldata p) private view {
        _forbid(p.start < block.timestamp, "start");
        _forbid(p.roundSeconds == 0, "roundSeconds");
        _forbid(p.commitSeconds == 0 || p.commitSeconds > p.roundSeconds, "commitSeconds");
        _forbid(p.rounds == 0 || p.rounds > type(uint24).max, "rounds");
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
        _forbid(p.judges[0].code == address(0), "judges");
        for (uint256 i = 0; i < p.judges.length; ++i) {
            Pinned calldata judge = p.judges[i];
            _forbid(judge.code == p.creator, "judges");
            if (judge.code != address(0)) {
                _forbid(i != 0 && p.judges[i - 1].code == address(0), "judges");
                _checkPinned(judge);
            } else {
                _forbid(judge.codeHash != 0, "judges");
            }
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
