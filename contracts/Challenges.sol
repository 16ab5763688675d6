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

        challengeId = ++challengeCount;
        _raise(key, work, sequence);
        opened.node = node;
        opened.bond = p.bond;
        opened.challenger = msg.sender;
        opened.sequence = sequence;
        opened.deadline = uint40(block.timestamp + p.disputeSeconds);
        opened.status = ChallengeStatus.Pending;
        opened.judge = judge;
        opened.token = p.token;
        _book(Purpose.Bond, opened.token, opened.bond);
        emit Challenged(
            challengeId, opened.task, node, sequence, judge, msg.sender, evidence, uint40(block.timestamp)
        );
        _pull(opened.token, opened.bond);
        _ask(challengeId, opened, p, c, evidence);
    }

    /// @inheritdoc IHub
    function verdict(uint256 challengeId, bool guilty) external nonReentrant {
        Challenge memory pending = _pendingChallenge(challengeId);
        if (msg.sender != pending.judge) revert Hub_NotJudge(msg.sender, pending.judge);
        _before(pending.deadline);

        _challenges[challengeId].status = _settle(challengeId, pending, guilty);
    }

    /// @inheritdoc IHub
    function expire(uint256 challengeId) external nonReentrant {
        Challenge memory pending = _pendingChallenge(challengeId);
        bytes32 key = _key(pending.task, pending.node);
        Work memory work = _work(key);
        if (work.status == MemberStatus.Slashed) {
            _challenges[challengeId].status = _settle(challengeId, pending, false);
            return;
        }
        _notBefore(pending.deadline);

        _challenges[challengeId].status = ChallengeStatus.Expired;
        work.voided |= _bit(pending.sequence);
        _lower(key, work, pending.sequence);
        _creditFrom(Purpose.Bond, pending.token, pending.challenger, pending.bond);
        emit Expired(
            challengeId, pending.task, pending.node, pending.sequence, pending.bond, uint40(block.timestamp)
        );
    }

    /// @inheritdoc IHub
    function challengeOf(uint256 challengeId) external view returns (Challenge memory) {
        return _challenge(challengeId);
    }

    /// @inheritdoc IHub
    function blockedFrom(bytes32 task, address node) external view returns (uint32) {
        Work memory work = _work(_key(task, node));
        uint256 sequence = _cursor(work);
        while (sequence != work.next && work.challenged & _bit(sequence) == 0) ++sequence;
        return uint32(sequence);
    }

    function _checkJudge(TaskParams calldata p, address judge) private view {
        for (uint256 i = 0; i < p.judges.length; ++i) {
            if (p.judges[i].code == judge) return _checkPinned(p.judges[i]);
        }
        revert Hub_JudgeUnknown(judge);
    }

    function _challenge(uint256 challengeId) private view returns (Challenge memory) {
        return _challenges[challengeId];
    }

    function _pendingChallenge(uint256 challengeId) private view returns (Challenge memory pending) {
        pending = _challenge(challengeId);
        if (pending.status != ChallengeStatus.Pending) {
            revert Hub_ChallengeNotPending(challengeId, pending.status);
        }
    }

    /// @dev Calls the judge and takes its first answer. A challenge answered at once is never stored, which spares five
    /// slots; nothing can have changed meanwhile, since all that could is guarded.
    function _ask(
        uint256 challengeId,
        Challenge memory opened,
        TaskParams calldata p,
        Commitment calldata c,
        bytes calldata evidence
    ) private {
        IJudge.Verdict answer = IJudge(opened.judge)
            .open(challengeId, opened.task, p, opened.node, c, opened.challenger, evidence);
        if (answer == IJudge.Verdict.Pending) _challenges[challengeId] = opened;
        else _settle(challengeId, opened, answer == IJudge.Verdict.Guilty);
    }

    /// @dev Ends a challenge. INVARIANT: cannot revert, for otherwise a cheater could make it: no external call, no
    /// loop, no subtraction that is not covered by an earlier addition of the same amount.
    function _settle(uint256 challengeId, Challenge memory pending, bool guilty)
        private
        returns (ChallengeStatus)
    {
        bytes32 key = _key(pending.task, pending.node);
        Work memory work = _work(key);
        bool moot = work.status == MemberStatus.Slashed;
        bool lost = !moot && !guilty;
        _creditFrom(Purpose.Bond, pending.token, lost ? _payoutOf(key) : pending.challenger, pending.bond);
        if (moot) {
            emit Mooted(challengeId, pending.bond, uint40(block.timestamp));
            return ChallengeStatus.Moot;
        }
        if (lost) {
            _lower(key, work, pending.sequence);
            emit Resolved(challengeId, false, 0, uint40(block.timestamp));
            return ChallengeStatus.NotGuilty;
        }
        uint96 rewarded = _slash(challengeId, pending, key, work);
        emit Resolved(challengeId, true, pending.bond + rewarded, uint40(block.timestamp));
        return ChallengeStatus.Guilty;
    }

    function _slash(uint256 challengeId, Challenge memory pending, bytes32 key, Work memory work)
        private
        returns (uint96 rewarded)
    {
        uint96 stake = _holders[key].stake;
        uint256 most = REWARD_IN_BONDS * pending.bond;
        rewarded = most < stake / 2 ? uint96(most) : stake / 2;
        uint96 burned = stake - rewarded;

        _holders[key].stake = 0;
        _release(pending.task, work.unitsReserved);
        work.unitsReserved = 0;
        work.status = MemberStatus.Slashed;
        _save(key, work);
        _creditFrom(Purpose.Stake, pending.token, pending.challenger, rewarded);
        _creditFrom(Purpose.Stake, pending.token, BURN, burned);
        emit Slashed(
            pending.task, pending.node, challengeId, stake, burned, rewarded, uint40(block.timestamp)
        );
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
