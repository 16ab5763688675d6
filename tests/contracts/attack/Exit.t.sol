// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Base} from "../Base.t.sol";
import {IHub} from "contracts/interfaces/IHub.sol";
import {IHubErrors} from "contracts/interfaces/IHubErrors.sol";
import {IJudge} from "contracts/interfaces/IJudge.sol";
import {Commitment, Member, MemberStatus} from "contracts/types/Membership.sol";
import {TaskParams} from "contracts/types/Task.sol";

/// @title Security checklist 3 to 5: out before the slash, between two windows, paid twice
contract ExitAttack is Base {
    uint256 internal constant ACTIONS = 13;

    Commitment internal c;
    Commitment internal older;

    function setUp() public override {
        super.setUp();
        create();
        join(NODE_KEY, QUOTA);
        older = commitTo(NODE, 1, 3);
        c = commitTo(NODE, 4, 5);
        fund(STRANGER, 1000 * RATE);
        fund(NODE, STAKE);
    }

    /// @dev Whatever the owner, the node, an accomplice or the creator can call that moves a membership or its money.
    function act(uint256 which) internal {
        TaskParams memory p = params();
        Commitment[] memory batch = new Commitment[](2);
        (batch[0], batch[1]) = (older, c);
        address from = which < 3 ? OWNER : which < 6 ? NODE : which < 7 ? CREATOR : STRANGER;
        bytes[ACTIONS] memory calls = [
            abi.encodeCall(IHub.requestExit, (task, NODE)),
            abi.encodeCall(IHub.exit, (p, NODE)),
            abi.encodeCall(IHub.withdraw, (p.token, OWNER)),
            abi.encodeCall(IHub.commit, (task, beacon(), 0, 5, bytes32("r"), bytes32("m"), 2)),
            abi.encodeCall(IHub.postCheckpoint, (task, 1, bytes32("d"))),
            abi.encodeCall(IHub.join, (p, NODE, NODE, 1, "")),
            abi.encodeCall(IHub.refund, (p)),
            abi.encodeCall(IHub.claim, (p, NODE, batch)),
            abi.encodeCall(IHub.claim, (p, NODE, one(older))),
            abi.encodeCall(IHub.withdraw, (p.token, PAYOUT)),
            abi.encodeCall(IHub.topUp, (p, 1)),
            abi.encodeCall(IHub.openRound, (task, 5)),
            abi.encodeCall(IHub.expire, (shown[opened.length == 0 ? 0 : opened[opened.length - 1]]))
        ];
        vm.prank(from);
        (bool done,) = address(hub).call(calls[which]);
        done;
    }

    function one(Commitment memory only) internal pure returns (Commitment[] memory batch) {
        batch = new Commitment[](1);
        batch[0] = only;
    }

    function assertWholeStakeLost() internal view {
        assertStatus(NODE, MemberStatus.Slashed);
        assertEq(credit(BURN), STAKE - 10 * BOND, "burned");
        assertEq(credit(OWNER) + token.balanceOf(OWNER), 0, "the owner saved something");
    }

    // 3. A cheater that gets its stake out before the proof arrives has cheated for nothing at risk. Every pair of calls, up
    // to the last second at which the proof is in time.
    function test_3_NoTwoCallsSaveAStakeFromAProof() external {
        for (uint256 pair = 0; pair < ACTIONS * ACTIONS; ++pair) {
            uint256 snapshot = vm.snapshotState();
            act(pair % ACTIONS);
            vm.warp(c.time + WINDOW - 1);
            act(pair / ACTIONS);
            challengeBy(CHALLENGER, NODE, c, IJudge.Verdict.Guilty);
            assertWholeStakeLost();
            vm.revertToState(snapshot);
        }
    }

    // 3. The same once the accusation is known and the judge thinks it over until the last second.
    function test_3_NoTwoCallsSaveAStakeFromAPendingVerdict() external {
        vm.warp(c.time + WINDOW - 1);
        uint256 id = challengeBy(CHALLENGER, NODE, c, IJudge.Verdict.Pending);
        for (uint256 pair = 0; pair < ACTIONS * ACTIONS; ++pair) {
            uint256 snapshot = vm.snapshotState();
            act(pair % ACTIONS);
            vm.warp(shown[id].deadline - 1);
            act(pair / ACTIONS);
            decide(id, true);
            assertWholeStakeLost();
            vm.revertToState(snapshot);
        }
    }

    // 3. After the slash: no pair of calls brings anything of the stake, or pay for unclaimed work, back.
    function test_3_NoTwoCallsUndoASlash() external {
        challengeBy(CHALLENGER, NODE, c, IJudge.Verdict.Guilty);
        for (uint256 pair = 0; pair < ACTIONS * ACTIONS; ++pair) {
            uint256 snapshot = vm.snapshotState();
            act(pair % ACTIONS);
            vm.warp(END + SETTLING);
            act(pair / ACTIONS);
            assertWholeStakeLost();
            assertEq(credit(PAYOUT) + token.balanceOf(PAYOUT), 0, "paid after the slash");
            vm.revertToState(snapshot);
        }
    }

    // 4. A second that belongs to both sides lets a cheater be paid and gone in the block of the proof; a second that
    // belongs to neither is a lock. One of the two is possible in every second around each edge, never both.
    function test_4_EveryEdgeBelongsToOneSide() external {
        for (uint256 k = 0; k < 3; ++k) {
            uint256 snapshot = vm.snapshotState();
            claim(NODE, older);
            vm.warp(c.time + WINDOW - 1 + k);
            bool accused = challengeGoesThrough();
            assertTrue(accused == (k == 0), "challenge");
            assertTrue(
                accused != goesThrough(STRANGER, abi.encodeCall(IHub.claim, (params(), NODE, one(c)))), "both"
            );
            vm.revertToState(snapshot);

            uint256 id = challengeBy(CHALLENGER, NODE, c, IJudge.Verdict.Pending);
            vm.warp(shown[id].deadline - 1 + k);
            bytes memory verdict = abi.encodeCall(IHub.verdict, (shown[id], IJudge.Verdict.NotGuilty));
            bool judged = tryOnly(address(judge), verdict);
            assertTrue(judged == (k == 0), "verdict");
            assertTrue(
                judged != tryOnly(STRANGER, abi.encodeCall(IHub.expire, (shown[id]))), "verdict or expire"
            );
            vm.revertToState(snapshot);
        }
    }

    // 4. The stake leaves only after the last second in which a verdict on the last challenge can come.
    function test_4_TheLastVerdictComesBeforeTheExit() external {
        claim(NODE, older);
        askExit(NODE);
        vm.warp(c.time + WINDOW - 1);
        uint256 id = challengeBy(CHALLENGER, NODE, c, IJudge.Verdict.Pending);
        uint256 exitOpens = uint256(member(NODE).exitAt) + SETTLING;
        assertTrue(shown[id].deadline < exitOpens, "a verdict after the exit opens");
        for (uint256 k = 0; k < 3; ++k) {
            uint256 snapshot = vm.snapshotState();
            decide(id, IJudge.Verdict.Dismissed);
            vm.warp(exitOpens - 1 + k);
            claim(NODE, c);
            assertTrue(tryOnly(STRANGER, abi.encodeCall(IHub.exit, (params(), NODE))) == (k != 0), "exit");
            vm.revertToState(snapshot);
        }
    }

    // 5. Paid twice for one commitment is the bounty of somebody else.
    function test_5_NothingIsPaidTwice() external {
        vm.warp(c.time + WINDOW);
        Commitment[] memory batch = new Commitment[](4);
        (batch[0], batch[1], batch[2], batch[3]) = (older, older, c, older);
        hub.claim(params(), NODE, batch);
        assertEq(credit(PAYOUT), 8 * RATE, "each once");
        expect(IHubErrors.Hub_NothingToClaim.selector, 2);
        hub.claim(params(), NODE, batch);
        assertTotals(BOUNTY - 8 * RATE, STAKE, 0, 8 * RATE);
    }

    // 5. A made-up, enlarged or foreign commitment would be pay for no work.
    function test_5_OnlyWhatTheRingHoldsIsPaid() external {
        join(OTHER_KEY, 8);
        vm.warp(END);
        Commitment memory made = older;
        made.units = 8;
        expect(IHubErrors.Hub_CommitmentUnknown.selector, 0);
        claim(NODE, made);
        made = older;
        made.time -= 1;
        expect(IHubErrors.Hub_CommitmentUnknown.selector, 0);
        claim(NODE, made);
        expect(IHubErrors.Hub_CommitmentUnknown.selector, 0);
        claim(OTHER, older);
    }

    // 5. A paid commitment whose ring slot comes round again must not be shown in its successor's place.
    function test_5_APaidCommitmentDoesNotComeRound() external {
        Member memory m = member(NODE);
        assertEq(m.next, 2, "two so far");
        vm.warp(c.time + WINDOW);
        claim(NODE, older);
        claim(NODE, c);
        Commitment memory again = older;
        again.sequence = 64;
        expect(IHubErrors.Hub_SequenceGap.selector, 64, 2);
        claim(NODE, again);
        again.sequence = 2;
        expect(IHubErrors.Hub_CommitmentUnknown.selector, 2);
        claim(NODE, again);
    }

    function challengeGoesThrough() internal returns (bool) {
        fund(CHALLENGER, BOND);
        judge.script(IJudge.Verdict.NotGuilty);
        return
            tryOnly(CHALLENGER, abi.encodeCall(IHub.challenge, (params(), NODE, c, address(judge), "edge")));
    }

    function goesThrough(address from, bytes memory data) internal returns (bool succeeded) {
        vm.prank(from);
        (succeeded,) = address(hub).call(data);
    }

    /// @dev As `goesThrough`, and undone.
    function tryOnly(address from, bytes memory data) internal returns (bool succeeded) {
        uint256 snapshot = vm.snapshotState();
        succeeded = goesThrough(from, data);
        vm.revertToState(snapshot);
    }
}
