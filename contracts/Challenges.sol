// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Staking} from "./Staking.sol";
import {TaskRegistry} from "./TaskRegistry.sol";
import {IHub} from "./interfaces/IHub.sol";
import {IJudge} from "./interfaces/IJudge.sol";
import {Challenge, ChallengeStatus} from "./types/Challenge.sol";
import {Commitment, MemberStatus, Work} from "./types/Membership.sol";
import {TaskParams} from "./types/Task.sol";

/// @title Challenges and slashing
abstract contract Challenges is TaskRegistry, Staking {
    /// @dev A cheater that accuses itself must still lose at least half its stake, and more when its stake is large.
    uint256 private constant REWARD_IN_BONDS = 10;

    /// @inheritdoc IHub
    function challenge(
        TaskParams calldata p,
        address node,
        Commitment calldata c,
        address judge,
        bytes calldata evidence
    ) external nonReentrant returns (uint256 challengeId) {
        Challenge memory opened;
        opened.task = _taskId(p);
        (bytes32 key, Work memory work) = _stakedWork(opened.task, node);
        uint32 sequence = c.sequence;
        if (_ring[key][sequence % RING] != _hash(c)) revert Hub_CommitmentUnknown(sequence);
        _before(uint256(c.time) + p.challengeWindow);
        _checkJudge(p, judge);
        opened.node = node;
        opened.sequence = sequence;
        opened.judge = judge;
        opened.challenger = msg.sender;
        opened.token = p.token;
        opened.stake = p.stake;
        opened.bond = p.bond;
        opened.deadline = _now() + p.disputeSeconds;
        opened.evidenceHash = keccak256(evidence);
        challengeId = _idOf(opened);
        if (challengeStatus[challengeId] != ChallengeStatus.None) revert Hub_ChallengeExists(challengeId);

        _raise(key, work, sequence);
        emit Challenged(challengeId, opened.task, node, opened, evidence, _now());
        _pull(opened.token, opened.bond);
        _ask(challengeId, opened, p, c, evidence);
    }

    /// @inheritdoc IHub
    function verdict(Challenge calldata pending, IJudge.Verdict answer) external nonReentrant {
        uint256 challengeId = _pendingId(pending);
        if (msg.sender != pending.judge) revert Hub_NotJudge(msg.sender, pending.judge);
        _before(pending.deadline);
        if (answer == IJudge.Verdict.Pending) revert Hub_NoVerdict(challengeId);

        challengeStatus[challengeId] = _settle(challengeId, pending, answer);
    }

    /// @inheritdoc IHub
    function expire(Challenge calldata pending) external nonReentrant {
        uint256 challengeId = _pendingId(pending);
        bytes32 key = _key(pending.task, pending.node);
        Work memory work = _work(key);
        if (work.status == MemberStatus.Slashed) {
            challengeStatus[challengeId] = _settle(challengeId, pending, IJudge.Verdict.Dismissed);
            return;
        }
        _notBefore(pending.deadline);

        challengeStatus[challengeId] = ChallengeStatus.Expired;
        work.voided |= _bit(pending.sequence);
        _lower(key, work, pending.sequence);
        _credit(pending.token, pending.challenger, pending.bond);
        emit Expired(challengeId, pending.task, pending.node, pending.sequence, pending.bond, _now());
    }

    /// @inheritdoc IHub
    function challengeIdOf(Challenge calldata challenge_) external pure returns (uint256) {
        return _idOf(challenge_);
    }

    /// @inheritdoc IHub
    function blockedFrom(bytes32 task, address node) external view returns (uint32) {
        Work memory work = _work(_key(task, node));
        uint256 sequence = _cursor(work);
        while (sequence != work.next && work.challenged & _bit(sequence) == 0) ++sequence;
        return uint32(sequence);
    }

    function _checkJudge(TaskParams calldata p, address judge) private view {
        for (uint256 i = 0; i < p.judges.length && judge != address(0); ++i) {
            if (p.judges[i].code == judge) return _checkPinned(p.judges[i]);
        }
        revert Hub_JudgeUnknown(judge);
    }

    function _idOf(Challenge memory opened) private pure returns (uint256) {
        return uint256(keccak256(abi.encode(opened)));
    }

    /// @dev Who shows other fields than were recorded shows a challenge that does not exist.
    function _pendingId(Challenge calldata pending) private view returns (uint256 challengeId) {
        challengeId = _idOf(pending);
        ChallengeStatus status = challengeStatus[challengeId];
        if (status != ChallengeStatus.Pending) revert Hub_ChallengeNotPending(challengeId, status);
    }

    /// @dev Calls the judge and takes its first answer. A challenge answered at once is never stored, which spares a
    /// slot; nothing can have changed meanwhile, since all that could is guarded.
    function _ask(
        uint256 challengeId,
        Challenge memory opened,
        TaskParams calldata p,
        Commitment calldata c,
        bytes calldata evidence
    ) private {
        IJudge.Verdict answer = IJudge(opened.judge).open(challengeId, opened, p, c, evidence);
        if (answer == IJudge.Verdict.Pending) challengeStatus[challengeId] = ChallengeStatus.Pending;
        else _settle(challengeId, opened, answer);
    }

    /// @dev Ends a challenge. INVARIANT: cannot revert, for otherwise a cheater could make it: no external call, no
    /// loop, no subtraction that is not covered by an earlier addition of the same amount.
    function _settle(uint256 challengeId, Challenge memory pending, IJudge.Verdict answer)
        private
        returns (ChallengeStatus)
    {
        bytes32 key = _key(pending.task, pending.node);
        Work memory work = _work(key);
        bool moot = work.status == MemberStatus.Slashed;
        bool lost = !moot && answer == IJudge.Verdict.NotGuilty;
        _credit(pending.token, lost ? _payoutOf(key, pending.node) : pending.challenger, pending.bond);
        if (moot) {
            emit Mooted(challengeId, pending.bond, _now());
            return ChallengeStatus.Moot;
        }
        if (answer == IJudge.Verdict.Guilty) {
            uint96 rewarded = _slash(challengeId, pending, key, work);
            emit Resolved(challengeId, true, pending.bond + rewarded, _now());
            return ChallengeStatus.Guilty;
        }
        _lower(key, work, pending.sequence);
        if (lost) {
            emit Resolved(challengeId, false, 0, _now());
            return ChallengeStatus.NotGuilty;
        }
        emit Dismissed(challengeId, pending.bond, _now());
        return ChallengeStatus.Dismissed;
    }

    function _slash(uint256 challengeId, Challenge memory pending, bytes32 key, Work memory work)
        private
        returns (uint96 rewarded)
    {
        uint96 stake = pending.stake;
        uint256 most = REWARD_IN_BONDS * pending.bond;
        rewarded = most < stake / 2 ? uint96(most) : stake / 2;
        uint96 burned = stake - rewarded;

        _release(pending.task, work.unitsReserved);
        work.unitsReserved = 0;
        work.status = MemberStatus.Slashed;
        _save(key, work);
        _credit(pending.token, pending.challenger, rewarded);
        _credit(pending.token, BURN, burned);
        emit Slashed(pending.task, pending.node, challengeId, stake, burned, rewarded, _now());
    }

    /// @dev One more pending challenge to this commitment. The counter is wide: a cap would let an accomplice fill it.
    function _raise(bytes32 key, Work memory work, uint256 sequence) private {
        uint64 bit = _bit(sequence);
        if (work.challenged & bit == 0) work.challenged |= bit;
        else ++_furtherChallenges[key][sequence];
        _save(key, work);
    }

    /// @dev One less. Undoes `_raise` exactly once for each challenge, so it cannot run dry.
    function _lower(bytes32 key, Work memory work, uint256 sequence) private {
        uint256 further = _furtherChallenges[key][sequence];
        if (further == 0) work.challenged &= ~_bit(sequence);
        else _furtherChallenges[key][sequence] = further - 1;
        _save(key, work);
    }
}
