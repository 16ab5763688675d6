// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {HubBooks} from "./HubBooks.sol";
import {IJudge} from "contracts/interfaces/IJudge.sol";
import {Challenge, ChallengeStatus} from "contracts/types/Challenge.sol";
import {Commitment, Member, MemberStatus, SignedCommit} from "contracts/types/Membership.sol";
import {Task, TaskParams} from "contracts/types/Task.sol";

/// @title Acts of those who use a hub: each where it is possible, each booked
abstract contract HubActs is HubBooks {
    /// @dev Every member of the task that can works for the round, alone or in one relayed batch.
    function _work(uint256 i, uint32 round, uint256 units, bool relayed) internal {
        task = taskAt[i];
        SignedCommit[] memory batch = new SignedCommit[](NODES);
        uint256 size;
        for (uint256 j = 0; j < NODES; ++j) {
            Member memory m = memberAt(i, j);
            bool able = m.status == MemberStatus.Active && m.nextRound <= round && m.unpaid != 64;
            if (!able || m.unitsLeft == 0) continue;
            uint256 most = m.unitsLeft < UNITS_PER_ROUND ? m.unitsLeft : UNITS_PER_ROUND;
            SignedCommit memory s = signedBy(keyOf(i, j), round, uint32(bound(units, 1, most)));
            history[i][j].push(
                Commitment(m.next, round, s.root, s.manifest, s.units, uint40(block.timestamp))
            );
            if (relayed) batch[size++] = s;
            else _commit(s, round);
        }
        if (size != 0) _relay(batch, size, round);
    }

    function _commit(SignedCommit memory s, uint32 round) internal {
        vm.prank(s.node);
        hub.commit(task, round, s.root, s.manifest, s.units);
        ++taken["commit"];
    }

    function _relay(SignedCommit[] memory all, uint256 size, uint32 round) internal {
        SignedCommit[] memory batch = new SignedCommit[](size);
        for (uint256 k = 0; k < size; ++k) {
            batch[k] = all[k];
        }
        vm.prank(STRANGER);
        hub.commitBatch(task, round, batch);
        ++taken["commitBatch"];
    }

    /// @dev Claims up to `count` commitments as far as the rules allow, and checks the pay.
    function _claim(uint256 i, uint256 j, uint256 count) internal {
        Commitment[] memory batch = _claimable(i, j, count);
        if (batch.length == 0) return;
        uint64 voided = memberAt(i, j).voided;
        uint256 units;
        for (uint256 k = 0; k < batch.length; ++k) {
            if (voided & (1 << (batch[k].sequence % 64)) == 0) units += batch[k].units;
            passedUnits[i][j] += batch[k].units;
        }
        uint256 before = credit(nodeOf[i][j]);
        hub.claim(paramsOf(i), nodeOf[i][j], batch);
        ++taken["claim"];
        assertEq(credit(nodeOf[i][j]) - before, units * paramsOf(i).rate, "pay");
        paidUnits[i][j] += units;
        bounties -= units * paramsOf(i).rate;
        credits += units * paramsOf(i).rate;
    }

    function _claimable(uint256 i, uint256 j, uint256 count)
        internal
        view
        returns (Commitment[] memory batch)
    {
        Member memory m = memberAt(i, j);
        uint256 first = m.next - m.unpaid;
        uint256 last = first;
        uint256 open = hub.blockedFrom(taskAt[i], nodeOf[i][j]);
        while (last < open && last - first < count && block.timestamp >= history[i][j][last].time + WINDOW) {
            ++last;
        }
        batch = new Commitment[](last - first);
        for (uint256 k = first; k < last; ++k) {
            batch[k - first] = history[i][j][k];
        }
    }

    function _expire(uint256 k) internal returns (bool) {
        uint256 id = pending[k];
        Challenge memory c = shown[id];
        (uint256 i, uint256 j) = _siteOf(c);
        bool moot = stakeOf[i][j] == 0;
        if (block.timestamp < c.deadline && !moot) return false;
        expire(id);
        ++taken["expire"];
        if (moot) ++taken["moot"];
        _end(id, moot ? ChallengeStatus.Moot : ChallengeStatus.Expired);
        _countVerdict(i, j, c.bond, IJudge.Verdict.Dismissed);
        _forget(k);
        return true;
    }

    /// @dev As `Base.challengeBy`, on either task.
    function _challenge(uint256 i, uint256 j, Commitment memory c, IJudge.Verdict said)
        internal
        returns (uint256 id)
    {
        TaskParams memory p = paramsOf(i);
        bytes memory evidence = abi.encode(opened.length);
        Challenge memory accusation = Challenge({
            task: taskAt[i],
            node: nodeOf[i][j],
            sequence: c.sequence,
            judge: address(judge),
            challenger: CHALLENGER,
            token: p.token,
            stake: p.stake,
            bond: p.bond,
            deadline: uint40(block.timestamp + p.disputeSeconds),
            evidenceHash: keccak256(evidence)
        });
        fund(CHALLENGER, p.bond);
        judge.script(said);
        vm.prank(CHALLENGER);
        id = hub.challenge(p, nodeOf[i][j], c, address(judge), evidence);
        assertEq(id, idOf(accusation), "challenge id");
        shown[id] = accusation;
        opened.push(id);
        bonds += p.bond;
    }

    function _exit(uint256 i, uint256 j) internal returns (bool) {
        Member memory m = memberAt(i, j);
        TaskParams memory p = paramsOf(i);
        uint256 last = m.exitAt != 0 && m.exitAt < END ? m.exitAt : END;
        if (block.timestamp < last + p.challengeWindow + p.disputeSeconds + p.exitMargin) return false;
        if (m.unpaid != 0) return false;
        hub.exit(p, nodeOf[i][j]);
        ++taken["exit"];
        stakes -= stakeOf[i][j];
        credits += stakeOf[i][j];
        stakeOf[i][j] = 0;
        // INVARIANT 3: nothing it stood by can be challenged any more.
        for (uint256 k = 0; k < history[i][j].length; ++k) {
            assertTrue(block.timestamp >= history[i][j][k].time + p.challengeWindow, "left while slashable");
        }
        return true;
    }

    function _refund(uint256 i) internal {
        TaskParams memory p = paramsOf(i);
        Task memory stored = hub.taskOf(taskAt[i]);
        if (stored.units == stored.reserved) return;
        if (block.timestamp < END + p.challengeWindow + p.disputeSeconds + p.exitMargin) return;
        vm.prank(CREATOR);
        hub.refund(p);
        ++taken["refund"];
        uint256 amount = uint256(stored.units - stored.reserved) * p.rate;
        bounties -= amount;
        credits += amount;
    }

    function _withdraw(address account) internal {
        uint256 amount = credit(account);
        if (amount == 0) return;
        uint256 before = token.balanceOf(account);
        hub.withdraw(address(token), account);
        assertEq(token.balanceOf(account) - before, amount, "withdrawn");
        withdrawn += amount;
        credits -= amount;
        ++taken["withdraw"];
    }
}
