// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Staking} from "./Staking.sol";
import {TaskRegistry} from "./TaskRegistry.sol";
import {IHub} from "./interfaces/IHub.sol";
import {IJudge} from "./interfaces/IJudge.sol";
import {Refusal} from "./libraries/Refusal.sol";
import {Terms} from "./libraries/Terms.sol";
import {Verbatim} from "./libraries/Verbatim.sol";
import {Case, Challenge, ChallengeStatus} from "./types/Challenge.sol";
import {Commitment, Entry, MemberStatus, Work} from "./types/Membership.sol";
import {TaskParams} from "./types/Task.sol";

/// @title Challenges and slashing
abstract contract Challenges is TaskRegistry, Staking {
    using Refusal for bytes4;
    using Terms for TaskParams;

    /// @dev A cheater that accuses itself must still lose at least half its stake, and more when its stake is large.
    uint256 private constant REWARD_IN_BONDS = 10;

    uint256 private constant PENDING = uint256(IJudge.Verdict.Pending);
    uint256 private constant GUILTY = uint256(IJudge.Verdict.Guilty);
    uint256 private constant NOT_GUILTY = uint256(IJudge.Verdict.NotGuilty);
    uint256 private constant DISMISSED = uint256(IJudge.Verdict.Dismissed);

    /// @inheritdoc IHub
    function challenge(
        TaskParams calldata p,
        address node,
        Commitment calldata c,
        address judge,
        bytes calldata evidence
    ) external nonReentrant returns (uint256 challengeId) {
        Case memory opened;
        opened.task = Verbatim.taskId(p);
        Work memory work = _member(opened.task, node, MemberStatus.Exiting);
        Entry memory entry;
        Verbatim.read(entry, c);
        _checkKept(work, entry);
        unchecked {
            _before(entry.time + p.word(Terms.CHALLENGE_WINDOW));
        }
        _checkJudge(p, judge);
        opened.node = node;
        opened.sequence = entry.sequence;
        opened.judge = judge;
        opened.challenger = msg.sender;
        opened.token = p.tokenWord();
        opened.stake = p.word(Terms.STAKE);
        opened.bond = p.word(Terms.BOND);
        opened.deadline = block.timestamp + p.word(Terms.DISPUTE_SECONDS);
        opened.evidenceHash = keccak256(evidence);
        challengeId = Verbatim.id(opened);
        if (_statuses[challengeId] != 0) Hub_ChallengeExists.selector.refuse(challengeId);

        _raise(work, opened.sequence);
        Verbatim.emitChallenged(challengeId, opened, evidence);
        _pull(opened.token, opened.bond);
        _ask(challengeId, opened, p, c, evidence);
    }

    /// @inheritdoc IHub
    function verdict(Challenge calldata shown, IJudge.Verdict answer) external nonReentrant {
        (uint256 challengeId, Case memory pending) = _pending(shown);
        if (msg.sender != pending.judge) Hub_NotJudge.selector.refuse(msg.sender, pending.judge);
        _before(pending.deadline);
        if (answer == IJudge.Verdict.Pending) Hub_NoVerdict.selector.refuse(challengeId);

        _statuses[challengeId] = _settle(challengeId, pending, uint256(answer));
    }

    /// @inheritdoc IHub
    function expire(Challenge calldata shown) external nonReentrant {
        (uint256 challengeId, Case memory pending) = _pending(shown);
        Work memory work = _member(pending.task, pending.node, MemberStatus.Slashed);
        if (work.status == uint256(MemberStatus.Slashed)) {
            _statuses[challengeId] = _settle(challengeId, pending, DISMISSED);
            return;
        }
        _notBefore(pending.deadline);

        _statuses[challengeId] = uint256(ChallengeStatus.Expired);
        work.voided |= _bit(pending.sequence);
        _lower(work, pending.sequence);
        _credit(pending.token, pending.challenger, pending.bond);
        emit Expired(
            challengeId, pending.task, pending.node, uint32(pending.sequence), uint96(pending.bond), _now()
        );
    }

    /// @inheritdoc IHub
    function challengeIdOf(Challenge calldata challenge_) external pure returns (uint256) {
        return Verbatim.id(Verbatim.read(challenge_));
    }

    /// @inheritdoc IHub
    function challengeStatus(uint256 challengeId) external view returns (ChallengeStatus) {
        return ChallengeStatus(_statuses[challengeId]);
    }

    function _checkJudge(TaskParams calldata p, address judge) private view {
        for (uint256 i = 0; i < Terms.JUDGES; ++i) {
            (uint256 code, bytes32 codeHash) = p.judgeWords(i);
            if (code == uint160(judge) && code != 0) return _checkPinned(code, codeHash);
        }
        Hub_JudgeUnknown.selector.refuse(judge);
    }

    /// @dev Who shows other fields than were recorded shows a challenge that does not exist.
    function _pending(Challenge calldata shown)
        private
        view
        returns (uint256 challengeId, Case memory pending)
    {
        pending = Verbatim.read(shown);
        challengeId = Verbatim.id(pending);
        uint256 status = _statuses[challengeId];
        if (status != uint256(ChallengeStatus.Pending)) {
            Hub_ChallengeNotPending.selector.refuse(challengeId, status);
        }
    }

    /// @dev Calls the judge and takes its first answer. A challenge answered at once is never stored, which spares a
    /// slot; nothing can have changed meanwhile, since all that could is guarded.
    function _ask(
        uint256 challengeId,
        Case memory opened,
        TaskParams calldata p,
        Commitment calldata c,
        bytes calldata evidence
    ) private {
        uint256 answer = Verbatim.open(challengeId, opened, p, c, evidence);
        if (answer > DISMISSED) Hub_BadAnswer.selector.refuse(opened.judge);
        if (answer == PENDING) _statuses[challengeId] = uint256(ChallengeStatus.Pending);
        else _settle(challengeId, opened, answer);
    }

    /// @dev Ends a challenge; `answer` is a Verdict but Pending, what is returned a ChallengeStatus. INVARIANT: cannot
    /// revert, for otherwise a cheater could make it: no external call, no loop, no subtraction that is not covered by an
    /// earlier addition of the same amount, and who was challenged is a member.
    function _settle(uint256 challengeId, Case memory pending, uint256 answer)
        private
        returns (uint256 status)
    {
        Work memory work = _member(pending.task, pending.node, MemberStatus.Slashed);
        address receiver = pending.challenger;
        uint256 amount = pending.bond;
        if (work.status == uint256(MemberStatus.Slashed)) {
            status = uint256(ChallengeStatus.Moot);
            emit Mooted(challengeId, uint96(amount), _now());
        } else if (answer == DISMISSED) {
            status = uint256(ChallengeStatus.Dismissed);
            _lower(work, pending.sequence);
            emit Dismissed(challengeId, uint96(amount), _now());
        } else {
            uint256 challengerCredit;
            if (answer == GUILTY) {
                status = uint256(ChallengeStatus.Guilty);
                unchecked {
                    amount += _slash(challengeId, pending, work);
                }
                challengerCredit = amount;
            } else {
                status = uint256(ChallengeStatus.NotGuilty);
                _lower(work, pending.sequence);
                receiver = _payoutOf(work, pending.node);
            }
            emit Resolved(challengeId, answer == GUILTY, uint96(challengerCredit), _now());
        }
        _credit(pending.token, receiver, amount);
    }

    function _slash(uint256 challengeId, Case memory pending, Work memory work)
        private
        returns (uint256 rewarded)
    {
        uint256 stake = pending.stake;
        uint256 burned;
        unchecked {
            uint256 most = REWARD_IN_BONDS * pending.bond;
            rewarded = most < stake / 2 ? most : stake / 2;
            burned = stake - rewarded;
        }

        _release(pending.task, work.unitsReserved);
        work.unitsReserved = 0;
        work.status = uint256(MemberStatus.Slashed);
        work.challenged = block.timestamp;
        _save(work);
        _credit(pending.token, BURN, burned);
        emit Slashed(
            pending.task, pending.node, challengeId, uint96(stake), uint96(burned), uint96(rewarded), _now()
        );
    }

    /// @dev One more pending challenge to this commitment. The counter is wide: a cap would let an accomplice fill it.
    function _raise(Work memory work, uint256 sequence) private {
        uint256 bit = _bit(sequence);
        if (work.challenged & bit == 0) work.challenged |= bit;
        else ++_furtherChallenges[work.key][sequence];
        _save(work);
    }

    /// @dev One less. Undoes `_raise` exactly once for each challenge, so it cannot run dry.
    function _lower(Work memory work, uint256 sequence) private {
        uint256 further = _furtherChallenges[work.key][sequence];
        if (further == 0) work.challenged &= ~_bit(sequence);
        else _furtherChallenges[work.key][sequence] = further - 1;
        _save(work);
    }
}
