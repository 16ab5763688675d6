// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Base} from "../../Base.t.sol";
import {IHub} from "contracts/interfaces/IHub.sol";
import {IHubErrors} from "contracts/interfaces/IHubErrors.sol";
import {IJudge} from "contracts/interfaces/IJudge.sol";
import {Challenge} from "contracts/types/Challenge.sol";
import {Commitment, MemberStatus, SignedCommit} from "contracts/types/Membership.sol";

/// @title Every two calls around exit and slash, in both orders, from every stage of a membership
/// @dev A row says what becomes of each call, in the order of `Step`: `.` succeeds, and a letter is why it is refused:
/// B blocked, E too early, L too late, M member not active, N nothing to claim, P challenge not pending, R round used,
/// U commitments unpaid, W nothing to withdraw, X checkpoint exists. Claims are of the first commitment, challenges of the
/// last, verdicts and expiry of the challenge that is the target: the scene's, or the first of a step.
contract ExitAndSlashTest is Base {
    enum Step {
        RequestExit,
        Exit,
        Claim,
        Commit,
        CommitBatch,
        PostCheckpoint,
        Challenge_,
        Guilty,
        NotGuilty,
        Dismissed_,
        Expire,
        Withdraw
    }

    uint256 internal constant STEPS = 12;

    Commitment internal first;
    Commitment internal last;
    uint256 internal target;
    /// @dev What becomes of each second step after the first that the index names.
    bytes12[STEPS] internal rows;

    function setUp() public override {
        super.setUp();
        create();
        know(NODE);
        fund(OWNER, STAKE);
        // Stake, pay and won bonds all go to one account.
        bytes memory consent = consentOf(NODE_KEY, OWNER, OWNER, QUOTA);
        vm.prank(OWNER);
        hub.join(params(), NODE, OWNER, QUOTA, consent);
        first = commitTo(NODE, 0, 3);
        last = first;
    }

    // Stages

    /// @dev Round 3, the first commitment final, the last one of round 2.
    function atWork() internal {
        last = commitTo(NODE, 2, 5);
        goTo(3);
    }

    function accused() internal {
        last = commitTo(NODE, 2, 5);
        target = challengeBy(CHALLENGER, NODE, last, IJudge.Verdict.Pending);
        goTo(3);
    }

    /// @dev Goes to the start of `round` and opens it.
    function goTo(uint32 round) internal {
        vm.warp(roundStart(round));
        hub.openRound(task, round);
    }

    /// @dev Leaves what `row` does not change as it is: a refused call changes nothing.
    function becomes(bytes12 row) internal {
        for (uint256 i = 0; i < STEPS; ++i) {
            rows[i] = row;
        }
    }

    function becomes(Step step, bytes12 row) internal {
        rows[uint256(step)] = row;
    }

    function test_atWork() public {
        atWork();
        becomes(".E.....PPPPW");
        becomes(Step.RequestExit, "ME.MMM.PPPPW");
        becomes(Step.Claim, ".EN....PPPP.");
        becomes(Step.Commit, ".E.RR..PPPPW");
        becomes(Step.CommitBatch, ".E.RR..PPPPW");
        becomes(Step.PostCheckpoint, ".E...X.PPPPW");
        becomes(Step.Challenge_, ".E........EW");
        checkEveryPair();
    }

    function test_accused() public {
        accused();
        becomes(".E........EW");
        becomes(Step.RequestExit, "ME.MMM....EW");
        becomes(Step.Claim, ".EN.......E.");
        becomes(Step.Commit, ".E.RR.....EW");
        becomes(Step.CommitBatch, ".E.RR.....EW");
        becomes(Step.PostCheckpoint, ".E...X....EW");
        becomes(Step.Guilty, "MMMMMMMPPPPW");
        becomes(Step.NotGuilty, ".E.....PPPP.");
        becomes(Step.Dismissed_, ".E.....PPPPW");
        checkEveryPair();
    }

    /// @dev The judge of a challenge to the first commitment was silent.
    function test_accusedInVain() public {
        target = challengeBy(CHALLENGER, NODE, first, IJudge.Verdict.Pending);
        atWork();
        becomes(".EB....LLL.W");
        becomes(Step.RequestExit, "MEBMMM.LLL.W");
        becomes(Step.Commit, ".EBRR..LLL.W");
        becomes(Step.CommitBatch, ".EBRR..LLL.W");
        becomes(Step.PostCheckpoint, ".EB..X.LLL.W");
        becomes(Step.Expire, ".E.....PPPPW");
        checkEveryPair();
    }

    /// @dev By one challenge, while another is pending.
    function test_slashed() public {
        accused();
        challengeBy(OTHER, NODE, last, IJudge.Verdict.Guilty);
        becomes("MMMMMMM....W");
        becomes(Step.Guilty, "MMMMMMMPPPPW");
        becomes(Step.NotGuilty, "MMMMMMMPPPPW");
        becomes(Step.Dismissed_, "MMMMMMMPPPPW");
        becomes(Step.Expire, "MMMMMMMPPPPW");
        checkEveryPair();
    }

    function test_leavingAccused() public {
        accused();
        askExit(NODE);
        becomes("ME.MMM....EW");
        becomes(Step.Claim, "MENMMM....E.");
        becomes(Step.Guilty, "MMMMMMMPPPPW");
        becomes(Step.NotGuilty, "ME.MMM.PPPP.");
        becomes(Step.Dismissed_, "ME.MMM.PPPPW");
        checkEveryPair();
    }

    /// @dev From here on the wait is over.
    function test_leavingUnpaid() public {
        askExit(NODE);
        goTo(6);
        becomes("MU.MMMLPPPPW");
        becomes(Step.Claim, "M.NMMMLPPPP.");
        checkEveryPair();
    }

    function test_leavingPaid() public {
        askExit(NODE);
        goTo(6);
        claim(NODE, first);
        hub.withdraw(address(token), OWNER);
        becomes("M.NMMMLPPPPW");
        becomes(Step.Exit, "MMMMMMMPPPP.");
        checkEveryPair();
    }

    /// @dev Accused in the last second, by a judge that was silent.
    function test_leavingAccusedInVain() public {
        askExit(NODE);
        vm.warp(first.time + WINDOW - 1);
        target = challengeBy(CHALLENGER, NODE, first, IJudge.Verdict.Pending);
        goTo(6);
        becomes("MUBMMMLLLL.W");
        becomes(Step.Expire, "MU.MMMLPPPPW");
        checkEveryPair();
    }

    function test_leavingSlashed() public {
        askExit(NODE);
        vm.warp(first.time + WINDOW - 1);
        target = challengeBy(CHALLENGER, NODE, first, IJudge.Verdict.Pending);
        challengeBy(OTHER, NODE, first, IJudge.Verdict.Guilty);
        goTo(6);
        becomes("MMMMMMMLLL.W");
        becomes(Step.Expire, "MMMMMMMPPPPW");
        checkEveryPair();
    }

    // Steps

    function checkEveryPair() internal {
        for (uint256 a = 0; a < STEPS; ++a) {
            for (uint256 b = 0; b < STEPS; ++b) {
                uint256 before = vm.snapshotState();
                take(Step(a));
                assertBooks();
                bytes1 came = take(Step(b));
                assertBooks();
                if (came != rows[a][b]) differs(a, b, came);
                vm.revertToState(before);
            }
        }
    }

    function differs(uint256 a, uint256 b, bytes1 came) internal view {
        string memory pair = string.concat("step ", vm.toString(b), " after ", vm.toString(a), ": ");
        string memory outcome = string(abi.encodePacked(came, " instead of ", rows[a][b]));
        revert AssertionFailed(string.concat(pair, outcome));
    }

    function take(Step step) internal returns (bytes1) {
        (address sender, bytes memory call) = callOf(step);
        vm.prank(sender);
        (bool succeeded, bytes memory answer) = address(hub).call(call);
        if (!succeeded) return letterOf(bytes4(answer));
        if (step == Step.Challenge_ && target == 0) target = opened[opened.length - 1];
        return ".";
    }

    function callOf(Step step) internal returns (address sender, bytes memory call) {
        if (step == Step.RequestExit) return (OWNER, abi.encodeCall(IHub.requestExit, (task, NODE)));
        if (step == Step.Exit) return (STRANGER, abi.encodeCall(IHub.exit, (params(), NODE)));
        if (step == Step.Commit) {
            return (
                NODE,
                abi.encodeCall(IHub.commit, (task, beacon(), uint32(member(NODE).next), roundNow(), 0, 0, 1))
            );
        }
        if (step == Step.PostCheckpoint) return (NODE, abi.encodeCall(IHub.postCheckpoint, (task, 1, 0)));
        if (step == Step.Expire) return (STRANGER, abi.encodeCall(IHub.expire, (shown[target])));
        if (step == Step.Withdraw) return (STRANGER, abi.encodeCall(IHub.withdraw, (address(token), OWNER)));
        if (step == Step.Challenge_) return challengeCall();
        if (step == Step.CommitBatch) {
            SignedCommit[] memory batch = new SignedCommit[](1);
            batch[0] = signedBy(NODE_KEY, roundNow(), 1);
            return (STRANGER, abi.encodeCall(IHub.commitBatch, (task, roundNow(), batch)));
        }
        if (step == Step.Claim) {
            Commitment[] memory batch = new Commitment[](1);
            batch[0] = first;
            return (STRANGER, abi.encodeCall(IHub.claim, (params(), NODE, batch)));
        }
        uint8 answer = uint8(step) - uint8(Step.Guilty) + uint8(IJudge.Verdict.Guilty);
        return (address(judge), abi.encodeCall(IHub.verdict, (shown[target], IJudge.Verdict(answer))));
    }

    function challengeCall() internal returns (address, bytes memory) {
        bytes memory evidence = abi.encode("step", opened.length);
        Challenge memory accusation = accusationOf(STRANGER, NODE, last, evidence);
        shown[idOf(accusation)] = accusation;
        opened.push(idOf(accusation));
        fund(STRANGER, BOND);
        judge.script(IJudge.Verdict.Pending);
        return (STRANGER, abi.encodeCall(IHub.challenge, (params(), NODE, last, address(judge), evidence)));
    }

    function roundNow() internal view returns (uint32) {
        return uint32((block.timestamp - START) / ROUND_SECONDS);
    }

    function letterOf(bytes4 reason) internal pure returns (bytes1) {
        if (reason == IHubErrors.Hub_SequenceBlocked.selector) return "B";
        if (reason == IHubErrors.Hub_TooEarly.selector) return "E";
        if (reason == IHubErrors.Hub_TooLate.selector) return "L";
        if (reason == IHubErrors.Hub_MemberNotActive.selector) return "M";
        if (reason == IHubErrors.Hub_NothingToClaim.selector) return "N";
        if (reason == IHubErrors.Hub_ChallengeNotPending.selector) return "P";
        if (reason == IHubErrors.Hub_RoundUsed.selector) return "R";
        if (reason == IHubErrors.Hub_CommitmentsUnpaid.selector) return "U";
        if (reason == IHubErrors.Hub_NothingToWithdraw.selector) return "W";
        if (reason == IHubErrors.Hub_CheckpointExists.selector) return "X";
        return "?";
    }

    /// @dev The hub holds what it owes, and the stake is in one place: the hub's, the owner's, or lost.
    function assertBooks() internal view {
        (uint256 stakes, uint256 credits) = holdings();
        uint256 owed = uint256(hub.taskOf(task).units) * RATE + stakes + bondsHeld() + credits;
        assertEq(token.balanceOf(address(hub)), owed, "balance");
        MemberStatus status = member(NODE).status;
        assertEq(credit(BURN), status == MemberStatus.Slashed ? STAKE - 10 * BOND : 0, "burned");
        // All that the owner may get otherwise: the pay of the first commitment and one bond.
        uint256 owns = credit(OWNER) + token.balanceOf(OWNER);
        assertEq(owns > 3 * RATE + BOND ? STAKE : 0, status == MemberStatus.Exited ? STAKE : 0, "stake");
        assertEq(stakes, status == MemberStatus.Active || status == MemberStatus.Exiting ? STAKE : 0, "kept");
    }
}
