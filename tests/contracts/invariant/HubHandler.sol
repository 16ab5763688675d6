// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {DisputeSteps} from "./DisputeSteps.sol";
import {Book, Case, Entry, Seat} from "./Model.sol";
import {Commitment, Member, MemberStatus} from "contracts/types/Membership.sol";
import {Task} from "contracts/types/Task.sol";

/// @title Everyone who may use a hub, and some who may not, at random
/// @dev A step is a call that the model has said will succeed or be refused. This part holds the hub's whole state
/// against the model's; numbers as in contracts/README.md.
contract HubHandler is DisputeSteps {
    constructor() {
        setUpWorld();
    }

    /// @notice Everything, in the tasks of this run.
    function check() public view {
        checkTask(0);
        checkTask(1);
        if (third != 0) checkTask(third);
        checkCases();
        checkBreaches();
    }

    /// @notice Everybody does what is left to do, at the last time that any rule names, while the token still misbehaves.
    /// Nothing may fail. Then the token behaves, and everybody goes home.
    function finish() external step(0) {
        uint256 last = endOf(paramsOf(1)) + settling(paramsOf(1));
        vm.warp((block.timestamp > last ? block.timestamp : last) + settling(paramsOf(0)));
        // INVARIANT 6: now every challenge that was left open can be ended.
        for (uint256 k = 0; k < cases.length; ++k) {
            _expire(k);
        }
        _finishTask(0);
        _finishTask(1);
        _finishTask(third);
        check();
        checkEmpty(0);
        checkEmpty(third);
    }

    function _finishTask(uint256 i) private {
        for (uint256 j = 0; j < NODES; ++j) {
            if (!isStaked(i, j)) continue;
            if (seats[i][j].cursor != history[i][j].length) {
                _claim(i, j, _batch(i, j, seats[i][j].cursor, RING), false);
            }
            assertTrue(canExit(i, j), "a member cannot leave");
            hub.exit(paramsOf(i), seats[i][j].node);
            hasExited(i, j);
        }
        _refund(i, CREATOR);
        sites[i].token.tempt(false);
        // What the token took is somebody's loss: give it back, for who comes last would find nothing.
        sites[i].token.mint(address(hub), bookOf(i).lost);
        bookOf(i).lost = 0;
        address[] memory all = accountsOf(i);
        for (uint256 k = 0; k < all.length; ++k) {
            _withdraw(i, all[k]);
        }
    }

    /// @dev INVARIANT 1: what the hub says it owes, part by part, is what it should owe. INVARIANT 7: what is promised to
    /// members is there.
    function checkTask(uint256 i) private view {
        Task memory stored = hub.taskOf(sites[i].id);
        assertEq(stored.units, sites[i].units, "units");
        assertEq(stored.reserved, sites[i].reserved, "reserved");
        assertLe(stored.reserved, stored.units, "oversold");
        uint256 reserved;
        for (uint256 j = 0; j < NODES; ++j) {
            Member memory m = hub.memberOf(sites[i].id, seats[i][j].node);
            reserved += m.unitsReserved;
            checkMember(i, j, m);
        }
        assertEq(reserved, stored.reserved, "sum of the reserves");
        address token = address(sites[i].token);
        address[] memory all = accountsOf(i);
        for (uint256 k = 0; k < all.length; ++k) {
            assertEq(hub.credit(token, all[k]), credited(i, all[k]), "credit");
        }
        checkSlashes(i);
    }

    function checkMember(uint256 i, uint256 j, Member memory m) private view {
        Seat storage seat = seats[i][j];
        // INVARIANT 3 and 4: a stake is there until a slash or an exit that the model has allowed.
        assertEq(uint256(m.status), uint256(seat.status), "status");
        if (m.status == MemberStatus.None) return;
        assertEq(m.owner, seat.owner, "owner");
        assertEq(m.payout, seat.payout, "payout");
        assertEq(m.exitAt, seat.exitAt, "exit");
        assertEq(m.next, history[i][j].length, "next");
        assertEq(m.next - m.unpaid, seat.cursor, "cursor");
        assertLe(m.unpaid, RING, "ring");
        assertEq(m.nextRound, seat.nextRound, "next round");
        assertEq(m.unitsLeft, seat.left, "left");
        // INVARIANT 2: a slash ends all pay.
        assertEq(m.unitsReserved, seat.reserved, "member's reserve");
        if (isStaked(i, j)) checkMarks(i, j, m);
    }

    /// @dev The bit maps say what the lists say, and the ring holds what it should.
    function checkMarks(uint256 i, uint256 j, Member memory m) private view {
        uint64 challenged;
        uint64 voided;
        for (uint256 k = seats[i][j].cursor; k < m.next; ++k) {
            Entry storage entry = history[i][j][k];
            if (entry.open != 0) challenged |= uint64(1) << uint64(k % RING);
            if (entry.voided) voided |= uint64(1) << uint64(k % RING);
        }
        assertEq(m.challenged, challenged, "challenged");
        assertEq(m.voided, voided, "voided");
        for (uint256 k = 0; k < RING && k < m.next; ++k) {
            Commitment memory c = history[i][j][m.next - 1 - k].c;
            bytes32 held = hub.commitmentHash(sites[i].id, seats[i][j].node, c.sequence % RING);
            assertEq(held, keccak256(abi.encode(c)), "commitment");
        }
    }

    /// @dev INVARIANT 8: what was slashed was burned or credited, and at least half burned. Burned stake may have been
    /// withdrawn to where nobody can reach it.
    function checkSlashes(uint256 i) private view {
        Book storage book = bookOf(i);
        assertEq(book.burned + book.rewarded, book.slashed, "split");
        assertTrue(2 * book.burned >= book.slashed, "half is burned");
    }

    /// @dev INVARIANT 6: every challenge is where the model says, and no open one lasts beyond a dispute's time.
    function checkCases() private view {
        for (uint256 k = 0; k < cases.length; ++k) {
            Case storage case_ = cases[k];
            uint256 id = uint256(keccak256(abi.encode(case_.c)));
            assertEq(uint256(hub.challengeStatus(id)), uint256(case_.status), "challenge");
            assertLe(case_.c.deadline, clock + paramsOf(case_.i).disputeSeconds, "deadline");
        }
    }

    /// @dev Nothing that a judge or a token called from within a call of the hub went through.
    function checkBreaches() private view {
        assertEq(sites[0].judge.breaches() + sites[1].judge.breaches(), 0, "a judge came in");
        if (third == 0) return;
        assertEq(sites[third].judge.breaches(), 0, "a judge came in");
        assertEq(sites[third].token.breaches(), 0, "a token came in");
    }

    /// @dev INVARIANT 6: nothing is stuck for ever, to the last unit.
    function checkEmpty(uint256 i) private view {
        Book storage book = bookOf(i);
        assertEq(book.bounties + book.stakes + book.bonds + book.credits, 0, "stuck money");
        assertEq(sites[i].token.balanceOf(address(hub)), book.donated, "only donations are left");
    }
}
