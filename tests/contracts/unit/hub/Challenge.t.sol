// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Base} from "../../Base.t.sol";
import {BrokenJudge} from "../../mocks/ScriptedJudge.sol";
import {FeeToken} from "../../mocks/Tokens.sol";
import {IHubErrors} from "contracts/interfaces/IHubErrors.sol";
import {IJudge} from "contracts/interfaces/IJudge.sol";
import {Challenge, ChallengeStatus} from "contracts/types/Challenge.sol";
import {Commitment, MemberStatus} from "contracts/types/Membership.sol";
import {Pinned, TaskParams} from "contracts/types/Task.sol";

contract ChallengeTest is Base {
    Commitment internal c;

    function setUp() public override {
        super.setUp();
        create();
        join(NODE_KEY, QUOTA);
        c = commitTo(NODE, 1, 5);
        fund(CHALLENGER, 10 * BOND);
    }

    function accuse(IJudge.Verdict answer) internal returns (uint256 id) {
        judge.script(answer);
        return accuse();
    }

    function accuse() internal returns (uint256 id) {
        vm.prank(CHALLENGER);
        return hub.challenge(params(), NODE, c, address(judge), "evidence");
    }

    function test_leftOpenByTheJudge() public {
        vm.expectEmit(address(hub));
        emit Challenged(1, task, NODE, 0, address(judge), CHALLENGER, "evidence", c.time);
        assertEq(accuse(), 1, "id");

        Challenge memory pending = hub.challengeOf(1);
        assertEq(pending.task, task, "task");
        assertEq(pending.node, NODE, "node");
        assertEq(pending.bond, BOND, "bond");
        assertEq(pending.judge, address(judge), "judge");
        assertEq(pending.challenger, CHALLENGER, "challenger");
        assertEq(pending.sequence, 0, "sequence");
        assertEq(pending.deadline, c.time + DISPUTE, "deadline");
        assertEq(pending.token, address(token), "token");
        assertChallenge(1, ChallengeStatus.Pending);
        assertEq(hub.challengeCount(), 1, "count");
        assertEq(hub.blockedFrom(task, NODE), 0, "blocked");
        assertEq(member(NODE).challenged, 1, "bit");
        assertTotals(BOUNTY, STAKE, BOND, 0);
    }

    function test_theJudgeHearsEverything() public {
        uint256 id = accuse(IJudge.Verdict.Pending);
        bytes memory all = abi.encode(id, task, params(), NODE, c, CHALLENGER, bytes("evidence"));
        assertEq(judge.heard(), keccak256(all), "heard");
    }

    function test_guiltyAtOnce() public {
        judge.script(IJudge.Verdict.Guilty);
        vm.expectEmit(address(hub));
        emit Challenged(1, task, NODE, 0, address(judge), CHALLENGER, "evidence", c.time);
        vm.expectEmit(address(hub));
        emit Slashed(task, NODE, 1, STAKE, STAKE - 10 * BOND, 10 * BOND, c.time);
        vm.expectEmit(address(hub));
        emit Resolved(1, true, 11 * BOND, c.time);
        uint256 id = accuse();

        assertChallenge(id, ChallengeStatus.None);
        assertStatus(NODE, MemberStatus.Slashed);
        assertEq(member(NODE).stake, 0, "stake");
        assertEq(member(NODE).unitsReserved, 0, "units");
        assertEq(hub.taskOf(task).reserved, 0, "reserve");
        assertEq(credit(CHALLENGER), 11 * BOND, "challenger");
        assertEq(credit(BURN), STAKE - 10 * BOND, "burned");
        assertTotals(BOUNTY, 0, 0, STAKE + BOND);
    }

    function test_notGuiltyAtOnce() public {
        judge.script(IJudge.Verdict.NotGuilty);
        vm.expectEmit(address(hub));
        emit Resolved(1, false, 0, c.time);
        uint256 id = accuse();
        assertChallenge(id, ChallengeStatus.None);
        assertStatus(NODE, MemberStatus.Active);
        assertEq(member(NODE).challenged, 0, "not blocked");
        assertEq(credit(PAYOUT), BOND, "bond to the accused");
        assertEq(credit(CHALLENGER), 0, "nothing back");
        assertTotals(BOUNTY, STAKE, 0, BOND);
    }

    function test_untilTheCommitmentIsFinal() public {
        vm.warp(c.time + WINDOW - 1);
        accuse(IJudge.Verdict.Pending);
        vm.warp(c.time + WINDOW);
        expect(IHubErrors.Hub_TooLate.selector, c.time + WINDOW);
        vm.prank(CHALLENGER);
        hub.challenge(params(), NODE, c, address(judge), "");
        vm.warp(c.time + WINDOW + 1);
        expect(IHubErrors.Hub_TooLate.selector, c.time + WINDOW);
        vm.prank(CHALLENGER);
        hub.challenge(params(), NODE, c, address(judge), "");
    }

    function test_onlyWhatWasCommitted() public {
        Commitment memory other = c;
        other.sequence = 1;
        refusesCommitment(other);
        other = c;
        other.round = 2;
        refusesCommitment(other);
        other = c;
        other.root = 0;
        refusesCommitment(other);
        other = c;
        other.manifest = 0;
        refusesCommitment(other);
        other = c;
        other.units = 6;
        refusesCommitment(other);
        other = c;
        other.time += 1;
        refusesCommitment(other);
    }

    function refusesCommitment(Commitment memory other) internal {
        expect(IHubErrors.Hub_CommitmentUnknown.selector, other.sequence);
        vm.prank(CHALLENGER);
        hub.challenge(params(), NODE, other, address(judge), "");
    }

    function test_onlyStakedMembers() public {
        expectStatus(OTHER, MemberStatus.None);
        vm.prank(CHALLENGER);
        hub.challenge(params(), OTHER, c, address(judge), "");
        accuse(IJudge.Verdict.Guilty);
        expectStatus(NODE, MemberStatus.Slashed);
        vm.prank(CHALLENGER);
        hub.challenge(params(), NODE, c, address(judge), "");
    }

    function test_onlyJudgesOfTheTask() public {
        expect(IHubErrors.Hub_JudgeUnknown.selector, uint160(STRANGER));
        vm.prank(CHALLENGER);
        hub.challenge(params(), NODE, c, STRANGER, "");
    }

    function test_onlyJudgesWithTheirCode() public {
        TaskParams memory p = params();
        bytes32 expected = address(judge).codehash;
        vm.etch(address(judge), hex"00");
        vm.expectRevert(
            abi.encodeWithSelector(
                IHubErrors.Hub_CodeMismatch.selector, address(judge), expected, keccak256(hex"00")
            )
        );
        vm.prank(CHALLENGER);
        hub.challenge(p, NODE, c, address(judge), "");
    }

    function test_onlyWithTheParametersOfTheTask() public {
        TaskParams memory p = params();
        p.bond = 1;
        bytes4 selector = IHubErrors.Hub_MemberNotActive.selector;
        bytes32 id = hub.taskIdOf(p);
        vm.expectRevert(abi.encodeWithSelector(selector, id, NODE, MemberStatus.None));
        vm.prank(CHALLENGER);
        hub.challenge(p, NODE, c, address(judge), "");
    }

    function test_onlyWithABond() public {
        vm.expectRevert(
            abi.encodeWithSignature(
                "ERC20InsufficientAllowance(address,uint256,uint256)", address(hub), 0, BOND
            )
        );
        vm.prank(address(1));
        hub.challenge(params(), NODE, c, address(judge), "");
    }

    function test_byAnyoneEvenTheAccused() public {
        challengeBy(NODE, NODE, c, IJudge.Verdict.Guilty);
        assertEq(credit(NODE), 11 * BOND, "reward");
        assertTrue(credit(BURN) >= STAKE / 2, "a cheater that accuses itself loses half at least");
    }

    function test_idsAreNeverReused() public {
        assertEq(accuse(IJudge.Verdict.NotGuilty), 1, "first");
        assertEq(accuse(IJudge.Verdict.Pending), 2, "second");
        assertEq(accuse(IJudge.Verdict.NotGuilty), 3, "third");
        assertEq(hub.blockedFrom(task, NODE), 0, "the second still blocks");
    }

    /// @dev A hostile crowd cannot crowd out an honest challenger.
    function test_anyNumberAtOnce() public {
        fund(CHALLENGER, 300 * BOND);
        for (uint256 i = 0; i < 300; ++i) {
            accuse(IJudge.Verdict.Pending);
        }
        for (uint256 id = 2; id <= 300; ++id) {
            judge.decide(hub, id, false);
            assertEq(hub.blockedFrom(task, NODE), 0, "still blocked");
        }
        judge.decide(hub, 1, false);
        assertEq(hub.blockedFrom(task, NODE), 1, "free");
        assertTotals(BOUNTY, STAKE, 0, 300 * BOND);
    }

    function test_blocksFromTheLowestSequence() public {
        Commitment memory first = c;
        Commitment memory second = commitTo(NODE, 2, 1);
        c = second;
        uint256 a = accuse(IJudge.Verdict.Pending);
        assertEq(hub.blockedFrom(task, NODE), 1, "second");
        c = first;
        uint256 b = accuse(IJudge.Verdict.Pending);
        assertEq(hub.blockedFrom(task, NODE), 0, "first");
        judge.decide(hub, b, false);
        assertEq(hub.blockedFrom(task, NODE), 1, "second again");
        judge.decide(hub, a, false);
        assertEq(hub.blockedFrom(task, NODE), 2, "none");
    }

    function test_bondMustArriveWhole() public {
        FeeToken fee = new FeeToken();
        token = fee;
        vm.warp(NOW);
        create();
        join(OTHER_KEY, 5);
        Commitment memory own = commitTo(OTHER, 1, 1);
        fund(CHALLENGER, BOND);
        fee.charge(true, false);
        expect(IHubErrors.Hub_TransferMismatch.selector, BOND, BOND - 1);
        vm.prank(CHALLENGER);
        hub.challenge(params(), OTHER, own, address(judge), "");
    }
}

contract BrokenJudgeTest is Base {
    BrokenJudge internal broken;
    Commitment internal c;

    function params() internal view override returns (TaskParams memory p) {
        p = super.params();
        p.judges[0] = Pinned(address(broken), address(broken).codehash);
    }

    function setUp() public override {
        super.setUp();
        broken = new BrokenJudge();
        create();
        join(NODE_KEY, QUOTA);
        c = commitTo(NODE, 1, 5);
        fund(CHALLENGER, BOND);
    }

    function accuse(uint8 how) internal {
        vm.prank(CHALLENGER);
        hub.challenge(params(), NODE, c, address(broken), abi.encodePacked(how));
    }

    /// @dev Its challenges do not exist: no bond is taken, nothing is blocked.
    function test_aJudgeThatBreaksUndoesTheChallenge() public {
        vm.expectRevert(BrokenJudge.BrokenJudge_Broken.selector);
        accuse(2);
        for (uint8 how = 0; how < 2; ++how) {
            vm.expectRevert(bytes(""));
            accuse(how);
        }
        assertEq(hub.blockedFrom(task, NODE), 1, "not blocked");
        assertTotals(BOUNTY, STAKE, 0, 0);
    }
}
