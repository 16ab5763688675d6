// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Book, Case, Entry, Seat} from "./Model.sol";
import {WorkSteps} from "./WorkSteps.sol";
import {IHub} from "contracts/interfaces/IHub.sol";
import {IJudge} from "contracts/interfaces/IJudge.sol";
import {Challenge, ChallengeStatus} from "contracts/types/Challenge.sol";
import {Commitment, MemberStatus} from "contracts/types/Membership.sol";
import {TaskParams} from "contracts/types/Task.sol";

/// @title Claims, withdrawals, and how a challenge's end moves money
abstract contract MoneySteps is WorkSteps {
    /// @dev All that is final; or from at or a little before the cursor, sometimes behind a gap, sometimes with a changed
    /// commitment.
    function claim(uint256 seed) external step(seed) {
        uint256 i = drawTask();
        uint256 j = drawSeat(i, true);
        if (draw(2) == 0) return claimFinal(i, j);
        uint256 from = seats[i][j].cursor + (draw(8) == 0 ? 1 : 0);
        uint256 overlap = draw(4);
        if (overlap <= from) from -= overlap;
        Commitment[] memory batch = _batch(i, j, from, 1 + draw(12));
        bool isChanged = draw(10) == 0 && batch.length != 0;
        if (isChanged) batch[batch.length - 1].units += 1;
        _claim(i, j, batch, isChanged);
    }

    function claimFinal(uint256 i, uint256 j) internal override {
        _claim(i, j, _batch(i, j, seats[i][j].cursor, _finalCount(i, j)), false);
    }

    function withdraw(uint256 seed) external step(seed) {
        uint256 i = drawTask();
        address[] memory all = accountsOf(i);
        uint256 k = draw(all.length);
        // Mostly of somebody who has something.
        while (draw(16) != 0 && credited(i, all[k]) == 0) {
            k = (k + 1) % all.length;
        }
        _withdraw(i, all[k]);
    }

    function _batch(uint256 i, uint256 j, uint256 from, uint256 size)
        internal
        view
        returns (Commitment[] memory batch)
    {
        uint256 length = history[i][j].length;
        if (from > length) from = length;
        if (size > length - from) size = length - from;
        batch = new Commitment[](size);
        for (uint256 k = 0; k < size; ++k) {
            batch[k] = history[i][j][from + k].c;
        }
    }

    function _claim(uint256 i, uint256 j, Commitment[] memory batch, bool isChanged) internal {
        Seat storage seat = seats[i][j];
        (bool good, uint256 cursor, uint256 units) = _claimable(i, j, batch);
        // A changed commitment behind the cursor is skipped like any other.
        bool caught = isChanged && batch[batch.length - 1].sequence >= seat.cursor;
        bool predicted = good && !caught;
        bytes memory data = abi.encodeCall(IHub.claim, (paramsOf(i), seat.node, batch));
        attempt(STRANGER, data, predicted, "claim");
        if (!predicted) return;

        _markVoid(i, j, cursor);
        seat.cursor = cursor;
        seat.reserved -= units;
        seat.paid += units;
        sites[i].units -= units;
        sites[i].reserved -= units;
        bookOf(i).bounties -= units * paramsOf(i).rate;
        addCredit(i, seat.payout, units * paramsOf(i).rate);
    }

    /// @dev Whether a claim of `batch` succeeds, where it moves the cursor, and what it pays.
    function _claimable(uint256 i, uint256 j, Commitment[] memory batch)
        private
        view
        returns (bool good, uint256 cursor, uint256 units)
    {
        cursor = seats[i][j].cursor;
        good = isStaked(i, j);
        for (uint256 k = 0; k < batch.length; ++k) {
            if (batch[k].sequence < cursor) continue;
            Entry storage entry = history[i][j][batch[k].sequence];
            bool isFinal = block.timestamp >= entry.c.time + WINDOW;
            good = good && batch[k].sequence == cursor && isFinal && entry.open == 0;
            if (!entry.voided) units += entry.c.units;
            ++cursor;
        }
        good = good && cursor != seats[i][j].cursor;
    }

    /// @dev Commitments from the cursor on that can be claimed now.
    function _finalCount(uint256 i, uint256 j) private view returns (uint256 size) {
        for (uint256 k = seats[i][j].cursor; k < history[i][j].length; ++k) {
            Entry storage entry = history[i][j][k];
            if (entry.open != 0 || block.timestamp < entry.c.time + WINDOW) return size;
            ++size;
        }
    }

    function _markVoid(uint256 i, uint256 j, uint256 cursor) private {
        for (uint256 k = seats[i][j].cursor; k < cursor; ++k) {
            if (history[i][j][k].voided) count("void work passed", true);
        }
    }

    function _withdraw(uint256 i, address account) internal {
        uint256 amount = credited(i, account);
        bool enough = sites[i].token.balanceOf(address(hub)) >= amount;
        bool predicted = amount != 0 && enough && sites[i].token.movesOut();
        bytes memory data = abi.encodeCall(IHub.withdraw, (address(sites[i].token), account));
        attempt(STRANGER, data, predicted, amount != 0 ? "withdraw" : "withdraw nothing");
        if (!predicted) return;
        creditOf[i == 1 ? 0 : i][account] = 0;
        bookOf(i).credits -= amount;
    }

    /// @dev Of what nobody waits for any more.
    function _expire(uint256 k) internal {
        Case storage case_ = cases[k];
        (uint256 i, uint256 j) = (case_.i, case_.j);
        bool moot = seats[i][j].status == MemberStatus.Slashed;
        bool pending = case_.status == ChallengeStatus.Pending;
        bool predicted = pending && (moot || block.timestamp >= case_.c.deadline);
        attempt(STRANGER, abi.encodeCall(IHub.expire, (case_.c)), predicted, moot ? "expire moot" : "expire");
        if (!predicted) return;
        if (moot) {
            cases[k].status = _settle(i, j, case_.c, IJudge.Verdict.Dismissed, "later");
            return;
        }
        case_.status = ChallengeStatus.Expired;
        history[i][j][case_.c.sequence].voided = true;
        --history[i][j][case_.c.sequence].open;
        bookOf(i).bonds -= case_.c.bond;
        addCredit(i, CHALLENGER, case_.c.bond);
    }

    /// @dev The money rule of every verdict that the hub hears.
    function _settle(uint256 i, uint256 j, Challenge memory c, IJudge.Verdict said, string memory when)
        internal
        returns (ChallengeStatus)
    {
        bool moot = seats[i][j].status == MemberStatus.Slashed;
        bool lost = !moot && said == IJudge.Verdict.NotGuilty;
        bookOf(i).bonds -= c.bond;
        addCredit(i, lost ? seats[i][j].payout : CHALLENGER, c.bond);
        --history[i][j][c.sequence].open;
        if (moot) {
            count("moot", true);
            return ChallengeStatus.Moot;
        }
        if (said == IJudge.Verdict.Guilty) {
            _slash(i, j, c);
            count(string.concat("slashed ", when), true);
            return ChallengeStatus.Guilty;
        }
        count(string.concat(lost ? "acquitted " : "dismissed ", when), true);
        return lost ? ChallengeStatus.NotGuilty : ChallengeStatus.Dismissed;
    }

    function _slash(uint256 i, uint256 j, Challenge memory c) private {
        Seat storage seat = seats[i][j];
        Book storage book = bookOf(i);
        // INVARIANT 2: what is slashed was not paid, and INVARIANT 4: a node that follows the protocol is not slashed.
        assertTrue(c.sequence >= seat.cursor, "paid and slashed");
        assertTrue(j != 0, "an honest node is slashed");
        uint256 reward = 10 * uint256(c.bond) < STAKE / 2 ? 10 * uint256(c.bond) : STAKE / 2;
        seat.status = MemberStatus.Slashed;
        sites[i].reserved -= seat.reserved;
        seat.reserved = 0;
        book.stakes -= STAKE;
        book.slashed += STAKE;
        book.rewarded += reward;
        book.burned += STAKE - reward;
        addCredit(i, CHALLENGER, reward);
        addCredit(i, BURN, STAKE - reward);
    }
}
