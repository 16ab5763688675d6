// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Staking} from "./Staking.sol";
import {TaskRegistry} from "./TaskRegistry.sol";
import {IHub} from "./interfaces/IHub.sol";
import {IJudge} from "./interfaces/IJudge.sol";
import {Challenge, ChallengeStatus} from "./types/Challenge.sol";
import {Commitment, Member, MemberStatus} from "./types/Membership.sol";
import {Task, TaskParams} from "./types/Task.sol";

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
        bytes32 task = _taskId(p);
        Member storage member = _stakedMember(task, node);
        if (_slot(task, node, c.sequence) != _hash(c)) revert Hub_CommitmentUnknown(c.sequence);
        uint256 closes = uint256(c.time) + p.challengeWindow;
        if (block.timestamp >= closes) revert Hub_ChallengeClosed(c.sequence, closes);
        _checkJudge(p, judge);

        challengeId = ++_challengeCount;
        _raise(task, node, member, c.sequence);
        _book(p.token, Purpose.Bond, p.bond);
        emit Challenged(
            challengeId, task, node, c.sequence, judge, msg.sender, evidence, uint40(block.timestamp)
        );
        _pull(p.token, p.bond);

        Challenge memory opened = Challenge({
            task: task,
            node: node,
            bond: p.bond,
            challenger: msg.sender,
            sequence: c.sequence,
            deadline: uint40(block.timestamp) + p.disputeSeconds,
            status: ChallengeStatus.Pending,
            judge: judge,
            token: p.token
        });
        _ask(challengeId, opened, p, c, evidence);
    }

    /// @inheritdoc IHub
    function verdict(uint256 challengeId, bool guilty) external nonReentrant {
        Challenge memory pending = _pendingChallenge(challengeId);
        if (msg.sender != pending.judge) revert Hub_NotJudge(msg.sender, pending.judge);
        if (block.timestamp >= pending.deadline) revert Hub_VerdictLate(challengeId, pending.deadline);

        _challenges[challengeId].status = _settle(challengeId, pending, guilty);
    }

    /// @inheritdoc IHub
    function expire(uint256 challengeId) external nonReentrant {
        Challenge memory pending = _pendingChallenge(challengeId);
        Member storage member = _member(pending.task, pending.node);
        if (member.status == MemberStatus.Slashed) {
            _challenges[challengeId].status = _settle(challengeId, pending, false);
            return;
        }
        if (block.timestamp < pending.deadline) revert Hub_DeadlineAhead(challengeId, pending.deadline);

        _challenges[challengeId].status = ChallengeStatus.Expired;
        _lower(pending.task, pending.node, member, pending.sequence);
        member.voided |= _bit(pending.sequence);
        _creditBond(pending, pending.challenger);
        emit Expired(
            challengeId, pending.task, pending.node, pending.sequence, pending.bond, uint40(block.timestamp)
        );
    }

    /// @inheritdoc IHub
    function challengeOf(uint256 challengeId) external view returns (Challenge memory) {
        return _challenges[challengeId];
    }

    /// @inheritdoc IHub
    function challengeCount() external view returns (uint256) {
        return _challengeCount;
    }

    /// @inheritdoc IHub
    function blockedFrom(bytes32 task, address node) external view returns (uint32 sequence) {
        Member storage member = _member(task, node);
        sequence = _cursor(member);
        while (sequence != member.next && member.challenged & _bit(sequence) == 0) ++sequence;
    }

    function _checkJudge(TaskParams calldata p, address judge) private view {
        for (uint256 i = 0; i < p.judges.length; ++i) {
            if (p.judges[i].code == judge) return _checkPinned(p.judges[i]);
        }
        revert Hub_JudgeUnknown(judge);
    }

    function _pendingChallenge(uint256 challengeId) private view returns (Challenge memory pending) {
        pending = _challenges[challengeId];
        if (pending.status != ChallengeStatus.Pending) {
            revert Hub_ChallengeNotPending(challengeId, pending.status);
        }
    }

    /// @dev Calls the judge and takes its first answer. A challenge answered at once is never stored, which spares five
    /// slots; nothing can have read it meanwhile, since all that do are guarded.
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
        Member storage member = _member(pending.task, pending.node);
        if (member.status == MemberStatus.Slashed) {
            _creditBond(pending, pending.challenger);
            emit Mooted(challengeId, pending.bond, uint40(block.timestamp));
            return ChallengeStatus.Moot;
        }
        if (guilty) {
            _creditBond(pending, pending.challenger);
            uint96 rewarded = _slash(challengeId, pending, member);
            emit Resolved(challengeId, true, pending.bond + rewarded, uint40(block.timestamp));
            return ChallengeStatus.Guilty;
        }
        _lower(pending.task, pending.node, member, pending.sequence);
        _creditBond(pending, _payoutOf(member));
        emit Resolved(challengeId, false, 0, uint40(block.timestamp));
        return ChallengeStatus.NotGuilty;
    }

    function _creditBond(Challenge memory pending, address account) private {
        _creditFrom(Purpose.Bond, pending.token, account, pending.bond);
    }

    function _slash(uint256 challengeId, Challenge memory pending, Member storage member)
        private
        returns (uint96 rewarded)
    {
        uint96 stake = member.stake;
        uint256 most = REWARD_IN_BONDS * pending.bond;
        rewarded = most < stake / 2 ? uint96(most) : stake / 2;
        uint96 burned = stake - rewarded;

        _release(_tasks[pending.task], member.unitsReserved);
        member.stake = 0;
        member.unitsReserved = 0;
        member.status = MemberStatus.Slashed;
        _creditFrom(Purpose.Stake, pending.token, pending.challenger, rewarded);
        _creditFrom(Purpose.Stake, pending.token, BURN, burned);
        emit Slashed(
            pending.task, pending.node, challengeId, stake, burned, rewarded, uint40(block.timestamp)
        );
    }

    /// @dev Saturates instead of reverting, should the reserve ever be too small.
    function _release(Task storage stored, uint24 units) private {
        uint256 amount = uint256(units) * stored.rate;
        stored.reserved = amount < stored.reserved ? stored.reserved - uint96(amount) : 0;
    }

    /// @dev One more pending challenge to this commitment. The counter is wide: a cap would let an accomplice fill it.
    function _raise(bytes32 task, address node, Member storage member, uint32 sequence) private {
        uint64 bit = _bit(sequence);
        if (member.challenged & bit == 0) member.challenged |= bit;
        else ++_furtherChallenges[task][node][sequence];
    }

    /// @dev One less. Undoes `_raise` exactly once for each challenge, so it cannot run dry.
    function _lower(bytes32 task, address node, Member storage member, uint32 sequence) private {
        uint256 further = _furtherChallenges[task][node][sequence];
        if (further == 0) member.challenged &= ~_bit(sequence);
        else _furtherChallenges[task][node][sequence] = further - 1;
    }
}
