// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Assertions} from "../utils/Assertions.sol";
import {HubHandler} from "./HubHandler.sol";
import {Hub} from "contracts/Hub.sol";
import {TestToken} from "contracts/periphery/TestToken.sol";
import {Challenge, ChallengeStatus} from "contracts/types/Challenge.sol";
import {Member, MemberStatus} from "contracts/types/Membership.sol";
import {Task} from "contracts/types/Task.sol";

/// @title What holds whatever anyone does; numbered as in contracts/README.md
contract HubInvariants is Assertions {
    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    uint96 internal constant STAKE = 1001;
    address internal constant BURN = 0x000000000000000000000000000000000000dEaD;

    HubHandler internal handler;
    Hub internal hub;
    TestToken internal token;

    function setUp() public {
        handler = new HubHandler();
        handler.begin();
        hub = handler.theHub();
        token = handler.theToken();
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(handler);
    }

    function targetSelectors() external view returns (FuzzSelector[] memory targets) {
        bytes4[] memory steps = new bytes4[](18);
        steps[0] = HubHandler.pass.selector;
        steps[1] = HubHandler.topUp.selector;
        steps[2] = HubHandler.donate.selector;
        steps[3] = HubHandler.enter.selector;
        steps[4] = HubHandler.enter.selector;
        steps[5] = HubHandler.work.selector;
        steps[6] = HubHandler.work.selector;
        steps[7] = HubHandler.post.selector;
        steps[8] = HubHandler.accuse.selector;
        steps[9] = HubHandler.accuse.selector;
        steps[10] = HubHandler.accuse.selector;
        steps[11] = HubHandler.decideOne.selector;
        steps[12] = HubHandler.expireOne.selector;
        steps[13] = HubHandler.claimSome.selector;
        steps[14] = HubHandler.ask.selector;
        steps[15] = HubHandler.quit.selector;
        steps[16] = HubHandler.withdraw.selector;
        steps[17] = HubHandler.refund.selector;
        targets = new FuzzSelector[](1);
        targets[0] = FuzzSelector(address(handler), steps);
    }

    /// @dev Walks like the campaign's reach every outcome, so the invariants are not held over an idle hub.
    function test_WalksReachEveryOutcome() external {
        string[16] memory outcomes = [
            "topUp",
            "join",
            "commit",
            "postCheckpoint",
            "challenge",
            "slash at once",
            "dismiss at once",
            "decide",
            "slash later",
            "dismiss later",
            "expire",
            "moot",
            "claim",
            "exit",
            "refund",
            "withdraw"
        ];
        uint256[16] memory reached;
        bytes4[] memory steps = this.targetSelectors()[0].selectors;
        uint256 random;
        for (uint256 walk = 0; walk < 24; ++walk) {
            setUp();
            for (uint256 k = 0; k < 128; ++k) {
                random = uint256(keccak256(abi.encode(random)));
                bytes memory arguments = abi.encode(random >> 8, random >> 16, random >> 24, random >> 32);
                (bool succeeded,) =
                    address(handler).call(bytes.concat(steps[random % steps.length], arguments));
                assertTrue(succeeded, "a step failed");
            }
            for (uint256 k = 0; k < outcomes.length; ++k) {
                reached[k] += handler.taken(outcomes[k]);
            }
        }
        for (uint256 k = 0; k < outcomes.length; ++k) {
            assertTrue(reached[k] > 0, outcomes[k]);
        }
    }

    /// @dev One function, so that each run checks everything on the same states.
    function invariant_everything() external view {
        checkSolvency();
        checkBooks();
        checkReserves();
        checkMembers();
        checkChallenges();
        checkSlashes();
    }

    /// @dev And then everybody goes home: INVARIANT 6, nothing is stuck for ever, to the last unit.
    function afterInvariant() external {
        handler.finish();
        checkSlashes();
        checkBooks();
        assertEq(owed(), 0, "stuck money");
        assertEq(token.balanceOf(address(hub)), handler.donated(), "only donations are left");
    }

    // INVARIANT 1: the hub holds exactly what it owes, and donations.
    function checkSolvency() internal view {
        assertEq(token.balanceOf(address(hub)), owed() + handler.donated(), "solvency");
    }

    function owed() internal view returns (uint256) {
        return handler.bounties() + handler.stakes() + handler.bonds() + handler.credits();
    }

    // INVARIANT 1: what it says it owes in each part is what it should.
    function checkBooks() internal view {
        uint256 bounties;
        uint256 stakes;
        uint256 bonds;
        uint256 credits;
        for (uint256 i = 0; i < handler.TASKS(); ++i) {
            bounties += hub.taskOf(handler.taskAt(i)).units * handler.paramsOf(i).rate;
            for (uint256 j = 0; j < handler.NODES(); ++j) {
                if (handler.isStaked(i, j)) stakes += STAKE;
            }
        }
        for (uint256 k = 0; k < handler.pendingCount(); ++k) {
            bonds += handler.pendingAt(k).bond;
        }
        address[] memory accounts = handler.accounts();
        for (uint256 k = 0; k < accounts.length; ++k) {
            credits += hub.credit(address(token), accounts[k]);
        }
        assertEq(bounties, handler.bounties(), "bounties");
        assertEq(stakes, handler.stakes(), "stakes");
        assertEq(bonds, handler.bonds(), "bonds");
        assertEq(credits, handler.credits(), "credits");
    }

    // INVARIANT 7: what is promised to members is there.
    function checkReserves() internal view {
        for (uint256 i = 0; i < handler.TASKS(); ++i) {
            Task memory stored = hub.taskOf(handler.taskAt(i));
            uint256 units;
            for (uint256 j = 0; j < handler.NODES(); ++j) {
                units += handler.memberAt(i, j).unitsReserved;
            }
            assertEq(stored.reserved, units, "reserve");
            assertLe(stored.reserved, stored.units, "oversold");
        }
    }

    function checkMembers() internal view {
        for (uint256 i = 0; i < handler.TASKS(); ++i) {
            for (uint256 j = 0; j < handler.NODES(); ++j) {
                checkMember(i, j, handler.memberAt(i, j));
            }
        }
    }

    function checkMember(uint256 i, uint256 j, Member memory m) internal view {
        // INVARIANT 3: stake is whole while slashable, and gone afterwards.
        assertEq(handler.stakeOf(i, j), handler.isStaked(i, j) ? STAKE : 0, "stake");
        // INVARIANT 4: who follows the protocol is not slashed.
        if (j == 0) assertTrue(m.status != MemberStatus.Slashed, "honest node slashed");
        assertEq(m.next, handler.commitments(i, j), "commitments");
        assertLe(m.unpaid, 64, "ring");
        if (handler.isStaked(i, j)) assertLe(m.unitsLeft, m.unitsReserved, "left is reserved");
        // INVARIANT 2: a slash ends all pay, and void work was never paid.
        if (m.status == MemberStatus.Slashed) assertEq(m.unitsReserved, 0, "slashed and still promised");
        assertLe(handler.paidUnits(i, j), handler.passedUnits(i, j), "paid for more than was passed");
    }

    // INVARIANT 6: every pending challenge ends at a known time, and blocks exactly its commitment.
    function checkChallenges() internal view {
        uint256[6] memory expected;
        for (uint256 k = 0; k < handler.pendingCount(); ++k) {
            Challenge memory c = handler.pendingAt(k);
            ChallengeStatus status = hub.challengeStatus(hub.challengeIdOf(c));
            assertEq(uint256(status), uint256(ChallengeStatus.Pending), "status");
            assertLe(c.deadline, handler.now_() + 300, "deadline");
            uint256 i = c.task == handler.taskAt(0) ? 0 : 1;
            uint256 j;
            while (handler.nodeOf(i, j) != c.node) ++j;
            expected[3 * i + j] |= 1 << (c.sequence % 64);
        }
        for (uint256 s = 0; s < 6; ++s) {
            Member memory m = handler.memberAt(s / 3, s % 3);
            if (m.status != MemberStatus.Slashed) assertEq(m.challenged, expected[s], "blocked");
        }
        for (uint256 k = 0; k < handler.endedCount(); ++k) {
            (uint256 id, ChallengeStatus outcome) = handler.endedAt(k);
            assertEq(uint256(hub.challengeStatus(id)), uint256(outcome), "an outcome stands");
        }
    }

    // INVARIANT 8: what was slashed was burned or credited, and at least half burned.
    function checkSlashes() internal view {
        assertEq(handler.burned() + handler.rewarded(), handler.slashed(), "split");
        assertTrue(2 * handler.burned() >= handler.slashed(), "half is burned");
        uint256 grave = hub.credit(address(token), BURN) + token.balanceOf(BURN);
        assertEq(grave, handler.burned(), "burned");
    }
}
