// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Base} from "../../Base.t.sol";
import {FeeToken} from "../../mocks/Tokens.sol";
import {IHubErrors} from "contracts/interfaces/IHubErrors.sol";
import {IJudge} from "contracts/interfaces/IJudge.sol";
import {Challenge, ChallengeStatus} from "contracts/types/Challenge.sol";
import {Commitment, MemberStatus} from "contracts/types/Membership.sol";
import {TaskParams} from "contracts/types/Task.sol";

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
        return challengeBy(CHALLENGER, NODE, c, answer);
    }

    /// @dev A call that is to be refused.
    function attempt(address node, address judge_) internal {
        vm.prank(CHALLENGER);
        hub.challenge(params(), node, c, judge_, "");
    }

    function test_leftOpenByTheJudge() public {
        Challenge memory opened_ = accusationOf(CHALLENGER, NODE, c, "evidence");
        assertEq(opened_.deadline, c.time + DISPUTE, "deadline");
        uint256 id = uint256(keccak256(abi.encode(opened_)));
        assertEq(hub.challengeIdOf(opened_), id, "id by the hub");
        vm.expectEmit(address(hub));
        emit Challenged(id, task, NODE, opened_, "evidence", c.time);
        assertEq(accuse(CHALLENGER, NODE, c, "evidence"), id, "id");

        assertChallenge(id, ChallengeStatus.Pending);
        assertEq(blockedFrom(NODE), 0, "blocked");
        assertEq(member(NODE).challenged, 1, "bit");
        assertTotals(BOUNTY, STAKE, BOND, 0);
    }

    function test_theJudgeHearsEverything() public {
        uint256 id = accuse(CHALLENGER, NODE, c, "evidence");
        bytes memory all = abi.encode(id, shown[id], params(), c, bytes("evidence"));
        assertEq(judge.heard(), keccak256(all), "heard");
    }

    function test_guiltyAtOnce() public {
        judge.script(IJudge.Verdict.Guilty);
        Challenge memory opened_ = accusationOf(CHALLENGER, NODE, c, "evidence");
        uint256 id = idOf(opened_);
        vm.expectEmit(address(hub));
        emit Challenged(id, task, NODE, opened_, "evidence", c.time);
        vm.expectEmit(address(hub));
        emit Slashed(task, NODE, id, STAKE, STAKE - 10 * BOND, 10 * BOND, c.time);
        vm.expectEmit(address(hub));
        emit Resolved(id, true, 11 * BOND, c.time);
        accuse(CHALLENGER, NODE, c, "evidence");

        assertChallenge(id, ChallengeStatus.None);
        assertStatus(NODE, MemberStatus.Slashed);
        assertEq(member(NODE).unitsReserved, 0, "units");
        assertEq(hub.taskOf(task).reserved, 0, "reserve");
        assertEq(credit(CHALLENGER), 11 * BOND, "challenger");
        assertEq(credit(BURN), STAKE - 10 * BOND, "burned");
        assertTotals(BOUNTY, 0, 0, STAKE + BOND);
    }

    function test_notGuiltyAtOnce() public {
        judge.script(IJudge.Verdict.NotGuilty);
        uint256 id = idOf(accusationOf(CHALLENGER, NODE, c, "evidence"));
        vm.expectEmit(address(hub));
        emit Resolved(id, false, 0, c.time);
        accuse(CHALLENGER, NODE, c, "evidence");
        assertChallenge(id, ChallengeStatus.None);
        assertStatus(NODE, MemberStatus.Active);
        assertEq(member(NODE).challenged, 0, "not blocked");
        assertEq(credit(PAYOUT), BOND, "bond to the accused");
        assertEq(credit(CHALLENGER), 0, "nothing back");
        assertTotals(BOUNTY, STAKE, 0, BOND);
    }

    function test_dismissedAtOnce() public {
        judge.script(IJudge.Verdict.Dismissed);
        uint256 id = idOf(accusationOf(CHALLENGER, NODE, c, "evidence"));
        vm.expectEmit(address(hub));
        emit Dismissed(id, BOND, c.time);
        accuse(CHALLENGER, NODE, c, "evidence");
        assertChallenge(id, ChallengeStatus.None);
        assertStatus(NODE, MemberStatus.Active);
        assertEq(member(NODE).challenged, 0, "not blocked");
        assertEq(credit(PAYOUT), 0, "nothing for the accused");
        assertEq(credit(CHALLENGER), BOND, "bond back");
        assertTotals(BOUNTY, STAKE, 0, BOND);
    }

    function test_untilTheCommitmentIsFinal() public {
        vm.warp(c.time + WINDOW - 1);
        accuse(IJudge.Verdict.Pending);
        vm.warp(c.time + WINDOW);
        expect(IHubErrors.Hub_TooLate.selector, c.time + WINDOW);
        attempt(NODE, address(judge));
        vm.warp(c.time + WINDOW + 1);
        expect(IHubErrors.Hub_TooLate.selector, c.time + WINDOW);
        attempt(NODE, address(judge));
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
        attempt(OTHER, address(judge));
        accuse(IJudge.Verdict.Guilty);
        expectStatus(NODE, MemberStatus.Slashed);
        attempt(NODE, address(judge));
    }

    function test_onlyJudgesOfTheTask() public {
        expect(IHubErrors.Hub_JudgeUnknown.selector, uint160(STRANGER));
        attempt(NODE, STRANGER);
        // Places for judges that are left over hold it.
        expect(IHubErrors.Hub_JudgeUnknown.selector, 0);
        attempt(NODE, address(0));
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

    function testFuzz_idIsTheHashOfTheChallenge(Challenge memory any) public view {
        assertEq(hub.challengeIdOf(any), uint256(keccak256(abi.encode(any))), "id");
    }

    function testFuzz_noChallengeHasNoStatus(uint256 id) public view {
        assertChallenge(id, ChallengeStatus.None);
    }

    function test_nobodyIsBlocked() public view {
        assertEq(blockedFrom(OTHER), 0, "no member");
    }

    /// @dev A resolved or pending challenge cannot be opened again; another second makes another challenge.
    function test_theSameOnlyOnceASecond() public {
        uint256 id = accuse(CHALLENGER, NODE, c, "evidence");
        expect(IHubErrors.Hub_ChallengeExists.selector, id);
        vm.prank(CHALLENGER);
        hub.challenge(params(), NODE, c, address(judge), "evidence");
        decide(id, false);
        expect(IHubErrors.Hub_ChallengeExists.selector, id);
        vm.prank(CHALLENGER);
        hub.challenge(params(), NODE, c, address(judge), "evidence");

        vm.warp(block.timestamp + 1);
        assertTrue(accuse(CHALLENGER, NODE, c, "evidence") != id, "another second");
        fund(STRANGER, BOND);
        assertTrue(accuse(STRANGER, NODE, c, "evidence") != id, "another challenger");
        assertTrue(accuse(CHALLENGER, NODE, c, "other evidence") != id, "another evidence");
        assertTotals(BOUNTY, STAKE, 3 * BOND, BOND);
    }

    /// @dev A challenge that was answered leaves nothing that could stand in the way of the next.
    function test_anAnsweredOneMayBeRepeated() public {
        judge.script(IJudge.Verdict.NotGuilty);
        uint256 first = accuse(CHALLENGER, NODE, c, "evidence");
        assertEq(accuse(CHALLENGER, NODE, c, "evidence"), first, "same second, same id");
        assertEq(credit(PAYOUT), 2 * BOND, "both paid");
    }

    /// @dev A hostile crowd cannot crowd out an honest challenger.
    function test_anyNumberAtOnce() public {
        uint256[] memory ids = new uint256[](300);
        for (uint256 i = 0; i < ids.length; ++i) {
            ids[i] = accuse(IJudge.Verdict.Pending);
        }
        for (uint256 i = 1; i < ids.length; ++i) {
            decide(ids[i], false);
            assertEq(blockedFrom(NODE), 0, "still blocked");
        }
        decide(ids[0], false);
        assertEq(blockedFrom(NODE), 1, "free");
        assertTotals(BOUNTY, STAKE, 0, 300 * BOND);
    }

    function test_blocksFromTheLowestSequence() public {
        Commitment memory first = c;
        Commitment memory second = commitTo(NODE, 2, 1);
        c = second;
        uint256 a = accuse(IJudge.Verdict.Pending);
        assertEq(blockedFrom(NODE), 1, "second");
        c = first;
        uint256 b = accuse(IJudge.Verdict.Pending);
        assertEq(blockedFrom(NODE), 0, "first");
        decide(b, false);
        assertEq(blockedFrom(NODE), 1, "second again");
        decide(a, false);
        assertEq(blockedFrom(NODE), 2, "none");
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
