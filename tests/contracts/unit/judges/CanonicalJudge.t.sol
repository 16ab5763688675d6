// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {BrokenJudge, ScriptedJudge} from "../../mocks/ScriptedJudge.sol";
import {CanonicalJudgeTest} from "./CanonicalJudgeTest.sol";
import {ICanonicalGame} from "contracts/interfaces/ICanonicalGame.sol";
import {ICanonicalJudge} from "contracts/interfaces/ICanonicalJudge.sol";
import {IHub} from "contracts/interfaces/IHub.sol";
import {IHubErrors} from "contracts/interfaces/IHubErrors.sol";
import {IJudge} from "contracts/interfaces/IJudge.sol";
import {CanonicalJudge} from "contracts/judges/CanonicalJudge.sol";
import {RefereeLayout} from "contracts/libraries/RefereeLayout.sol";
import {Tree16} from "contracts/libraries/Tree16.sol";
import {Challenge} from "contracts/types/Challenge.sol";
import {RefereeShape} from "contracts/types/Referee.sol";
import {Pinned, TaskParams} from "contracts/types/Task.sol";

/// @notice See CanonicalJudge.tree.
contract CanonicalJudgeOpeningTest is CanonicalJudgeTest {
    function setUp() external {
        prepare(WIDE);
    }

    function test_RevertWhen_AClockIsZero() external {
        vm.expectRevert(ICanonicalGame.CanonicalJudge_BadTerms.selector);
        this.deploy(shape, address(steps), 0, GRACE);
        vm.expectRevert(ICanonicalGame.CanonicalJudge_BadTerms.selector);
        this.deploy(shape, address(steps), CLOCK, 0);
        this.deploy(shape, address(steps), 1, 1);
    }

    function test_RevertWhen_TheShapeIsNotCovered() external {
        RefereeShape memory other = shape;
        other.feedForward = 257;
        vm.expectRevert(RefereeLayout.RefereeLayout_BadShape.selector);
        this.deploy(other, address(steps), CLOCK, GRACE);
    }

    function test_RevertWhen_AStepFitsNoTransaction() external {
        RefereeShape memory long = shape;
        long.positions = 35;
        this.deploy(long, address(steps), CLOCK, GRACE);
        long.positions = 256;
        vm.expectRevert(ICanonicalGame.CanonicalJudge_BadTerms.selector);
        this.deploy(long, address(steps), CLOCK, GRACE);
        // Of a linear map every head's row is opened by itself.
        RefereeShape memory split = shape;
        (split.width, split.heads, split.positions) = (256, 64, 4);
        vm.expectRevert(ICanonicalGame.CanonicalJudge_BadTerms.selector);
        this.deploy(split, address(steps), CLOCK, GRACE);
    }

    function test_RevertWhen_TheStepsAreOthers() external {
        vm.expectRevert(ICanonicalGame.CanonicalJudge_BadTerms.selector);
        this.deploy(shape, address(rule), CLOCK, GRACE);
        vm.expectRevert(ICanonicalGame.CanonicalJudge_BadTerms.selector);
        this.deploy(shape, address(0), CLOCK, GRACE);
    }

    function test_TellsItsTerms() external {
        CanonicalJudge made = this.deploy(shape, address(steps), 700, 50);
        assertEq(keccak256(abi.encode(made.shape())), keccak256(abi.encode(shape)));
        assertEq(keccak256(abi.encode(made.thresholds())), keccak256(abi.encode(judge.thresholds())));
        assertEq(made.hub(), address(hub));
        assertEq(made.steps(), address(steps));
        assertEq(made.aggregate(), address(0xA66));
        assertEq(made.clockSeconds(), 700);
        assertEq(made.graceSeconds(), 50);
        assertTrue(bytes(made.guarantee()).length != 0);
        // Each side: its clock, a word, one for each of three levels, the row, the block; then a grace to close.
        assertEq(Tree16.depth(RefereeLayout.rowCount(shape, shape.positions)), 3);
        assertEq(made.neededSeconds(), 2 * (700 + 6 * 50) + 50);
    }

    function test_RevertWhen_TheCallerIsNotTheHub() external {
        refuse(
            CREATOR,
            opening(params(), evidence()),
            abi.encodeWithSelector(ICanonicalGame.CanonicalJudge_NotHub.selector, CREATOR)
        );
    }

    function test_RevertWhen_NobodyJudgesVersions() external {
        commitment.units = 0;
        vm.prank(address(hub));
        (bool success,) = address(judge).call(opening(params(), ""));
        assertFalse(success);
    }

    function test_PassesAVersionOn() external {
        ScriptedJudge versions = new ScriptedJudge();
        versions.script(IJudge.Verdict.Dismissed);
        judgeVersionsBy(address(versions));
        commitment.units = 0;
        Challenge memory made = made_();
        vm.prank(address(hub));
        IJudge.Verdict given = judge.open(7, made, params(), commitment, hex"ab");
        assertEq(uint256(given), uint256(IJudge.Verdict.Dismissed));
        assertEq(versions.heard(), keccak256(abi.encode(7, made, params(), commitment, bytes(hex"ab"))));
        assertEq(judge.gameHash(7), bytes32(0));
    }

    function test_PassesTheRefusalOfAVersionOn() external {
        judgeVersionsBy(address(new BrokenJudge()));
        commitment.units = 0;
        refuse(
            address(hub),
            opening(params(), hex"02"),
            abi.encodeWithSelector(BrokenJudge.BrokenJudge_Broken.selector)
        );
        // Neither a fourth verdict nor none at all is one.
        for (uint8 how = 0; how < 2; ++how) {
            vm.prank(address(hub));
            (bool success,) = address(judge).call(opening(params(), abi.encodePacked(how)));
            assertFalse(success);
        }
    }

    function test_RevertWhen_DisputesAreTooShort() external {
        TaskParams memory p = params();
        p.disputeSeconds = uint32(judge.neededSeconds()) - 1;
        refuse(
            address(hub),
            opening(p, evidence()),
            abi.encodeWithSelector(
                ICanonicalGame.CanonicalJudge_DisputeTooShort.selector, p.disputeSeconds + 1, p.disputeSeconds
            )
        );
        ++p.disputeSeconds;
        openAsHub(p, evidence());
    }

    function test_RevertWhen_TheProofsAreNotCovered() external {
        TaskParams memory p = params();
        p.topk = 15;
        refuseTask(p, 2 * uint256(shape.width));
        p.topk = 129;
        refuseTask(p, 2 * uint256(shape.width));
        p.topk = 128;
        // The longest completion is shorter than a chunk: it is what counts.
        (p.chunkTokens, p.maxTokens) = (1 << 20, 909);
        openAsHub(p, abi.encode(0, 0));
        p.maxTokens = 910;
        refuseTask(p, 910 * uint256(shape.width));
        (p.chunkTokens, p.maxTokens) = (910, 1 << 20);
        refuseTask(p, 910 * uint256(shape.width));
    }

    function test_RevertWhen_TheRuleIsUnfit() external {
        TaskParams memory p = params();
        p.rewardRule = Pinned(address(0), 0);
        refuseRule(p);
        p.rewardRule = Pinned(address(rule), keccak256("other"));
        refuseRule(p);
        p.rewardRule = Pinned(address(token), address(token).codehash);
        refuseRule(p);
    }

    function test_RevertWhen_TheEvidenceIsNotTwoWords() external {
        for (uint256 length = 0; length <= 96; length += 32) {
            if (length == 64) continue;
            refuse(
                address(hub),
                opening(params(), new bytes(length)),
                abi.encodeWithSelector(ICanonicalJudge.CanonicalJudge_EvidenceUndecodable.selector, length)
            );
        }
    }

    function test_RevertWhen_ThereIsNoSuchRollout() external {
        refuse(
            address(hub),
            opening(params(), abi.encode(uint256(UNITS), 0)),
            abi.encodeWithSelector(ICanonicalJudge.CanonicalJudge_RolloutOutOfRange.selector, UNITS, UNITS)
        );
        uint256 huge = 1 << 32;
        refuse(
            address(hub),
            opening(params(), abi.encode(huge, 0)),
            abi.encodeWithSelector(ICanonicalJudge.CanonicalJudge_RolloutOutOfRange.selector, huge, UNITS)
        );
    }

    function test_RevertWhen_NoRolloutHasTheChunk() external {
        // Nine tokens in chunks of two.
        refuse(
            address(hub),
            opening(params(), abi.encode(0, 5)),
            abi.encodeWithSelector(ICanonicalJudge.CanonicalJudge_ChunkOutOfRange.selector, 5, 5)
        );
        openAsHub(params(), abi.encode(0, 4));
    }

    function test_OpensAGame() external {
        challengeBy(CHALLENGER);
        assertEq(judge.deadlineOf(game), block.timestamp + CLOCK);
    }

    function test_RevertWhen_AnotherJudgesAVersion() external {
        judgeVersionsBy(address(0xA66));
        Challenge memory made = made_();
        refuse(
            address(hub),
            abi.encodeCall(judge.verdict, (made, IJudge.Verdict.Guilty)),
            abi.encodeWithSelector(
                ICanonicalGame.CanonicalJudge_NotMover.selector, address(hub), address(0xA66)
            )
        );
    }

    function test_PassesTheVerdictOn() external {
        judgeVersionsBy(address(0xA66));
        Challenge memory made = made_();
        vm.expectCall(address(hub), abi.encodeCall(IHub.verdict, (made, IJudge.Verdict.Guilty)));
        // No such challenge is open, and the hub's refusal comes back.
        refuse(
            address(0xA66),
            abi.encodeCall(judge.verdict, (made, IJudge.Verdict.Guilty)),
            abi.encodeWithSelector(IHubErrors.Hub_ChallengeNotPending.selector, hub.challengeIdOf(made), 0)
        );
    }

    function deploy(RefereeShape calldata shape_, address steps_, uint32 clock, uint32 grace)
        external
        returns (CanonicalJudge)
    {
        return new CanonicalJudge(
            address(hub), steps_, address(0xA66), shape_, judge.thresholds(), clock, grace
        );
    }

    function judgeVersionsBy(address versions) private {
        judge = new CanonicalJudge(
            address(hub), address(steps), versions, shape, judge.thresholds(), CLOCK, GRACE
        );
    }

    function made_() private view returns (Challenge memory made) {
        (made.task, made.node, made.challenger, made.judge) = (task, NODE, CHALLENGER, address(judge));
    }

    function opening(TaskParams memory p, bytes memory shown) private view returns (bytes memory) {
        return abi.encodeCall(IJudge.open, (7, made_(), p, commitment, shown));
    }

    function openAsHub(TaskParams memory p, bytes memory shown) private {
        Challenge memory made = made_();
        vm.prank(address(hub));
        IJudge.Verdict given = judge.open(7, made, p, commitment, shown);
        assertEq(uint256(given), uint256(IJudge.Verdict.Pending));
        assertTrue(judge.gameHash(7) != 0);
    }

    function refuseTask(TaskParams memory p, uint256 elements) private {
        refuse(
            address(hub),
            opening(p, evidence()),
            abi.encodeWithSelector(ICanonicalJudge.CanonicalJudge_BadTask.selector, p.topk, elements)
        );
    }

    function refuseRule(TaskParams memory p) private {
        refuse(
            address(hub),
            opening(p, evidence()),
            abi.encodeWithSelector(ICanonicalGame.CanonicalJudge_RuleUnfit.selector, p.rewardRule.code)
        );
    }
}
