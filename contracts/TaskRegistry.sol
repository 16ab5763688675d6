// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Hashes} from "@openzeppelin/contracts/utils/cryptography/Hashes.sol";

import {HubBase} from "./HubBase.sol";
import {IHub} from "./interfaces/IHub.sol";
import {Refusal} from "./libraries/Refusal.sol";
import {Terms} from "./libraries/Terms.sol";
import {Verbatim} from "./libraries/Verbatim.sol";
import {Task, TaskParams} from "./types/Task.sol";

/// @title Tasks: parameters, bounty and rounds
abstract contract TaskRegistry is HubBase {
    using Refusal for bytes4;
    using Terms for TaskParams;

    /// @inheritdoc IHub
    function createTask(TaskParams calldata p, uint40 units) external nonReentrant returns (bytes32 id) {
        if (msg.sender != p.creator) Hub_NotCreator.selector.refuse(msg.sender, p.creator);
        _checkSchedule(p);
        _checkWork(p);
        _checkMoney(p);
        _checkCode(p);
        if (units == 0) Hub_AmountZero.selector.refuse();
        id = Verbatim.taskId(p);
        if (_tasks[id] != 0) Hub_TaskExists.selector.refuse(id);

        Task memory task;
        task.units = units;
        task.start = p.word(Terms.START);
        task.roundSeconds = p.word(Terms.ROUND_SECONDS);
        task.commitSeconds = p.word(Terms.COMMIT_SECONDS);
        task.rounds = p.word(Terms.ROUNDS);
        task.unitsPerRound = _unitsPerRound(p);
        _save(id, task);
        Verbatim.emitTaskCreated(id, p, units);
        _pullUnits(p, units);
    }

    /// @inheritdoc IHub
    function topUp(TaskParams calldata p, uint40 units) external nonReentrant {
        if (units == 0) Hub_AmountZero.selector.refuse();
        (bytes32 id, Task memory task) = _createdTask(p);
        _before(_end(p));

        task.units += units;
        uint40 total = uint40(task.units);
        if (total != task.units) Hub_BadUnits.selector.refuse(task.units, type(uint40).max);
        _save(id, task);
        emit BountyAdded(id, msg.sender, units, total);
        _pullUnits(p, units);
    }

    /// @inheritdoc IHub
    function refund(TaskParams calldata p) external nonReentrant {
        if (msg.sender != p.creator) Hub_NotCreator.selector.refuse(msg.sender, p.creator);
        (bytes32 id, Task memory task) = _createdTask(p);
        _notBefore(_end(p) + _settling(p));
        uint256 units = task.units - task.reserved;
        if (units == 0) Hub_NothingToRefund.selector.refuse(id);

        task.units = task.reserved;
        _save(id, task);
        uint256 amount = units * p.word(Terms.RATE);
        _credit(p.tokenWord(), msg.sender, amount);
        emit Refunded(id, msg.sender, uint40(units), amount);
    }

    /// @inheritdoc IHub
    function openRound(bytes32 id, uint32 round) external returns (bytes32 beacon) {
        Task memory task = _task(id);
        _checkCreated(id, task);
        _checkCommitTime(task, round);
        if (_beacons[id][round] != 0) Hub_RoundAlreadyOpen.selector.refuse(round);

        beacon = Hashes.efficientKeccak256(bytes32(block.prevrandao), blockhash(block.number - 1));
        _beacons[id][round] = beacon;
        emit RoundOpened(id, round, beacon, _now());
    }

    /// @inheritdoc IHub
    function taskIdOf(TaskParams calldata p) external view returns (bytes32) {
        return Verbatim.taskId(p);
    }

    /// @inheritdoc IHub
    function taskOf(bytes32 id) external view returns (Task memory) {
        return _task(id);
    }

    /// @inheritdoc IHub
    function beaconOf(bytes32 task, uint32 round) external view returns (bytes32) {
        return _beacons[task][round];
    }

    /// @dev Also the time from which version `round` exists.
    function _roundStart(Task memory task, uint256 round) internal pure returns (uint256) {
        unchecked {
            return task.start + round * task.roundSeconds;
        }
    }

    /// @dev Whether commitments to `round` are accepted now, or will be once it has a beacon.
    function _checkCommitTime(Task memory task, uint256 round) internal view {
        if (round >= task.rounds) Hub_RoundUnknown.selector.refuse(round, task.rounds);
        uint256 opens = _roundStart(task, round);
        _notBefore(opens);
        unchecked {
            _before(opens + task.commitSeconds);
        }
    }

    /// @dev Each field is also checked to fit its type: after this the hub reads words.
    function _checkSchedule(TaskParams calldata p) private view {
        _within(p.word(Terms.START), block.timestamp, type(uint40).max, "start");
        _checkCount(p, Terms.ROUND_SECONDS, "roundSeconds");
        _within(p.word(Terms.COMMIT_SECONDS), 1, p.word(Terms.ROUND_SECONDS), "commitSeconds");
        _within(p.word(Terms.ROUNDS), 1, type(uint24).max, "rounds");
        _checkCount(p, Terms.CHALLENGE_WINDOW, "challengeWindow");
        _checkCount(p, Terms.DISPUTE_SECONDS, "disputeSeconds");
        _within(p.word(Terms.EXIT_MARGIN), 0, type(uint32).max, "exitMargin");
        _within(_end(p) + _settling(p), 0, type(uint40).max, "end");
    }

    function _checkWork(TaskParams calldata p) private pure {
        _checkCount(p, Terms.PROBLEMS_PER_ROUND, "problemsPerRound");
        _checkCount(p, Terms.GROUP_SIZE, "groupSize");
        _within(_unitsPerRound(p), 0, type(uint24).max, "unitsPerRound");
        _within(
            p.word(Terms.PROBLEM_COUNT), p.word(Terms.PROBLEMS_PER_ROUND), type(uint32).max, "problemCount"
        );
        _checkCount(p, Terms.CHUNK_TOKENS, "chunkTokens");
        _checkCount(p, Terms.TOPK, "topk");
        _checkCount(p, Terms.MAX_TOKENS, "maxTokens");
        _within(p.word(Terms.MAX_STALENESS), 0, type(uint32).max, "maxStaleness");
    }

    function _checkMoney(TaskParams calldata p) private view {
        _within(p.word(Terms.TOKEN), 1, type(uint160).max, "token");
        _forbid(p.tokenWord().code.length == 0, "token");
        _within(p.word(Terms.RATE), 1, type(uint96).max, "rate");
        _within(p.word(Terms.STAKE), 1, type(uint96).max, "stake");
        // The challenger's credit after a guilty verdict, bond and share of the stake, must fit 96 bits.
        unchecked {
            _within(p.word(Terms.BOND), 1, type(uint96).max - p.word(Terms.STAKE), "bond");
        }
    }

    /// @dev Of counts and durations: a uint32, at least one.
    function _checkCount(TaskParams calldata p, uint256 place, bytes32 name) private pure {
        _within(p.word(place), 1, type(uint32).max, name);
    }

    function _within(uint256 value, uint256 least, uint256 most, bytes32 name) private pure {
        _forbid(value < least || value > most, name);
    }

    /// @dev Of counts that fit a uint32 each.
    function _unitsPerRound(TaskParams calldata p) private pure returns (uint256) {
        unchecked {
            return p.word(Terms.PROBLEMS_PER_ROUND) * p.word(Terms.GROUP_SIZE);
        }
    }

    function _checkCode(TaskParams calldata p) private view {
        (uint256 rule, bytes32 ruleHash) = p.rewardRuleWords();
        if (rule != 0) _checkPinned(rule, ruleHash);
        else _forbid(ruleHash != 0, "rewardRule");
        bool ended = false;
        for (uint256 i = 0; i < Terms.JUDGES; ++i) {
            (uint256 judge, bytes32 codeHash) = p.judgeWords(i);
            if (judge != 0) {
                _forbid(ended || judge == uint160(msg.sender), "judges");
                _checkPinned(judge, codeHash);
            } else {
                _forbid(codeHash != 0 || i == 0, "judges");
                ended = true;
            }
        }
    }

    /// @param word An address; what is no address has no code.
    function _checkPinned(uint256 word, bytes32 codeHash) internal view {
        address code = address(uint160(word));
        bytes32 actual = code.codehash;
        if (actual != codeHash || code.code.length == 0 || word > type(uint160).max) {
            Hub_CodeMismatch.selector.refuse(code, codeHash, actual);
        }
    }

    function _forbid(bool bad, bytes32 name) private pure {
        if (bad) Hub_BadParameter.selector.refuse(name);
    }
}
