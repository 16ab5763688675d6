// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AttentionCourtroom} from "../../integration/AttentionCourtroom.sol";
import {Trees} from "../../utils/Trees.sol";
import {IAttentionJudge} from "contracts/interfaces/IAttentionJudge.sol";
import {ICanonicalGame} from "contracts/interfaces/ICanonicalGame.sol";
import {IJudge} from "contracts/interfaces/IJudge.sol";
import {RefereeLayout} from "contracts/libraries/RefereeLayout.sol";
import {RolloutLeaf, RolloutLeaves} from "contracts/libraries/RolloutLeaves.sol";
import {AttentionAnswer, TwiceAnswered} from "contracts/types/Attention.sol";
import {Challenge} from "contracts/types/Challenge.sol";
import {Commitment} from "contracts/types/Membership.sol";
import {RefereePart, RefereeRow} from "contracts/types/Referee.sol";
import {Pinned, TaskParams} from "contracts/types/Task.sol";

/// @notice See AttentionJudge.tree. The real hub, an audit task, and a dispute of the golden vectors as what is audited.
contract AttentionJudgeTest is AttentionCourtroom {
    function setUp() external {
        prepareAudit(0);
    }

    function test_RevertWhen_TheCallerIsNotTheHub() external {
        commitAnswer(honestRoot());
        Challenge memory made = challengeWith(abi.encode(uint256(1)));
        vm.expectRevert(abi.encodeWithSelector(ICanonicalGame.CanonicalJudge_NotHub.selector, address(this)));
        attention.open(1, made, auditParams(), answers, abi.encode(uint256(1)));
    }

    function test_RevertWhen_TheCommitmentHasNoAnswers() external {
        commitAnswer(honestRoot());
        answers.units = 0;
        vm.expectRevert(abi.encodeWithSelector(ICanonicalGame.CanonicalJudge_NotRollouts.selector, 0));
        asHub(auditParams(), abi.encode(uint256(1)));
    }

    function test_RevertWhen_DisputesAreTooShort() external {
        commitAnswer(honestRoot());
        TaskParams memory p = auditParams();
        p.disputeSeconds = uint32(attention.neededSeconds()) - 1;
        vm.expectRevert(
            abi.encodeWithSelector(
                ICanonicalGame.CanonicalJudge_DisputeTooShort.selector, p.disputeSeconds + 1, p.disputeSeconds
            )
        );
        asHub(p, abi.encode(uint256(1)));
    }

    function test_RevertWhen_TheRuleIsAnother() external {
        commitAnswer(honestRoot());
        TaskParams memory p = auditParams();
        p.rewardRule.codeHash = keccak256("other");
        vm.expectRevert(
            abi.encodeWithSelector(ICanonicalGame.CanonicalJudge_RuleUnfit.selector, address(rule))
        );
        asHub(p, abi.encode(uint256(1)));
    }

    function test_RevertWhen_ThereIsNoSuchAnswer() external {
        commitAnswer(honestRoot());
        vm.expectRevert(
            abi.encodeWithSelector(IAttentionJudge.AttentionJudge_AnswerOutOfRange.selector, ANSWERS, ANSWERS)
        );
        asHub(auditParams(), abi.encode(uint256(ANSWERS)));
    }

    function test_RevertWhen_TheEvidenceIsNeither() external {
        commitAnswer(honestRoot());
        vm.expectRevert(
            abi.encodeWithSelector(IAttentionJudge.AttentionJudge_EvidenceUndecodable.selector, 64)
        );
        asHub(auditParams(), abi.encode(uint256(1), uint256(2)));
    }

    function test_RevertWhen_ALeafOfTwoIsNotInTheTree() external {
        TwiceAnswered memory shown = twice();
        shown.second.reward ^= 1;
        vm.expectRevert(ICanonicalGame.CanonicalJudge_LeafNotProven.selector);
        asHub(auditParams(), abi.encode(shown));
    }

    function test_RevertWhen_NothingWasAnsweredTwice() external {
        TwiceAnswered memory shown = twice();
        (shown.second, shown.secondProof) = (shown.first, shown.firstProof);
        vm.expectRevert(IAttentionJudge.AttentionJudge_NotTwice.selector);
        asHub(auditParams(), abi.encode(shown));
    }

    function test_GuiltyOfOneTargetCountedTwice() external {
        bytes memory shown = abi.encode(twice());
        vm.prank(CHALLENGER);
        hub.challenge(auditParams(), verifier, answers, address(attention), shown);
        assertFoundOut();
    }

    function test_RevertWhen_TheParametersAreAnothers() external {
        commitAnswer(honestRoot());
        ask();
        TaskParams memory p = auditParams();
        ++p.rate;
        vm.expectRevert(abi.encodeWithSelector(IAttentionJudge.AttentionJudge_OtherTask.selector, audit));
        vm.prank(verifier);
        attention.answer(challenge, game, matter, p, attended());
    }

    function test_RevertWhen_TheTargetIsUnknown() external {
        commitAnswer(honestRoot());
        ask();
        AttentionAnswer memory move = attended();
        ++move.target.round;
        refuse(move, abi.encodeWithSelector(IAttentionJudge.AttentionJudge_TargetUnknown.selector, NODE, 0));
        move = attended();
        move.node = verifier;
        refuse(
            move, abi.encodeWithSelector(IAttentionJudge.AttentionJudge_TargetUnknown.selector, verifier, 0)
        );
    }

    function test_RevertWhen_TheTargetIsOfAnotherRound() external {
        // The node's next commitment is made when the audit's round has begun.
        commitAnswer(honestRoot());
        vm.warp(START + 3600);
        vm.roll(1200);
        hub.openRound(task, 1);
        bytes32 beacon = hub.beaconOf(task, 1);
        vm.prank(NODE);
        hub.commit(task, beacon, 1, 1, commitment.root, commitment.manifest, UNITS);
        ask();
        AttentionAnswer memory move = attended();
        (move.target.sequence, move.target.round) = (1, 1);
        move.target.time = uint40(block.timestamp);
        refuse(
            move,
            abi.encodeWithSelector(
                IAttentionJudge.AttentionJudge_TargetNotOfRound.selector,
                block.timestamp,
                AUDIT_START - 3600,
                AUDIT_START
            )
        );
    }

    function test_RevertWhen_AnotherRolloutWasLookedAt() external {
        commitAnswer(honestRoot());
        ask();
        AttentionAnswer memory move = attended();
        move.audited.problem += 1;
        refuse(
            move, abi.encodeWithSelector(IAttentionJudge.AttentionJudge_AuditedNotProven.selector, rollout)
        );
        move = attended();
        move.audited.index = (rollout + 1) % UNITS;
        refuse(
            move, abi.encodeWithSelector(IAttentionJudge.AttentionJudge_AuditedNotProven.selector, rollout)
        );
    }

    function test_RevertWhen_AnotherAnswerIsShown() external {
        commitAnswer(honestRoot());
        ask();
        AttentionAnswer memory move = attended();
        move.traceRoot = keccak256("other");
        refuse(move, abi.encodeWithSelector(ICanonicalGame.CanonicalJudge_LeafNotProven.selector));
    }

    function test_AnHonestAnswerStands() external {
        commitAnswer(honestRoot());
        ask();
        attend();
    }

    function test_AnHonestVerifierIsPaidAndCannotBeConvicted() external {
        lie(0, 0);
        accusedRows = rows;
        accusedLevels = ownLevels;
        commitAnswer(honestRoot());
        ask();
        attend();
        vm.warp(block.timestamp + CLOCK);
        attention.timeOut(challenge, game);
        assertEq(hub.credit(address(token), verifier), BOND);

        vm.warp(answers.time + auditParams().challengeWindow);
        Commitment[] memory batch = new Commitment[](1);
        batch[0] = answers;
        hub.claim(auditParams(), verifier, batch);
        assertEq(hub.credit(address(token), verifier), BOND + ANSWERS * auditParams().rate);
    }

    function test_AVerifierThatDidNotLookIsFoundOut() external {
        // It copies all but one row of the trace: the game goes to that row.
        lie(RefereeLayout.indexOf(shape, traced, RefereeRow(RefereePart.FeedIn, 0, 0, 2)), 0);
        commitAnswer(accusedRoot());
        ask();
        attend();
        playTrace();
        execute(stepOf(0));
        assertFoundOut();
    }

    function test_AVerifierThatShowsNothingIsFoundOut() external {
        commitAnswer(keccak256("never looked"));
        ask();
        vm.warp(block.timestamp + CLOCK);
        attention.timeOut(challenge, game);
        assertFoundOut();
    }

    function accusedRoot() private view returns (bytes32) {
        return accusedLevels[accusedLevels.length - 1][0];
    }

    /// @dev The verifier has answered one target in two leaves.
    function twice() private returns (TwiceAnswered memory) {
        RolloutLeaf memory first = leaf;
        (first.index, first.seed, first.toplocRoot, first.reward) = (1, target, honestRoot(), rollout);
        RolloutLeaf memory second = RolloutLeaf(
            2,
            first.policyVersion,
            first.policyDigest,
            first.problem,
            first.seed,
            first.numTokens,
            first.tokensRoot,
            keccak256("again"),
            first.reward
        );
        commitLeaves(RolloutLeaves.hash(context(), first), RolloutLeaves.hash(context(), second));
        return TwiceAnswered(first, Trees.proof(answerHashes, 1), second, Trees.proof(answerHashes, 2));
    }

    function asHub(TaskParams memory p, bytes memory shown) private returns (IJudge.Verdict) {
        Challenge memory made = challengeWith(shown);
        vm.prank(address(hub));
        return attention.open(1, made, p, answers, shown);
    }

    function refuse(AttentionAnswer memory move, bytes memory reason) private {
        vm.expectRevert(reason);
        vm.prank(verifier);
        attention.answer(challenge, game, matter, auditParams(), move);
    }

    function count(string memory) internal override {}
}
