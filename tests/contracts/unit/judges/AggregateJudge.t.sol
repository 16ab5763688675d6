// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AggregateCourtroom} from "../../integration/AggregateCourtroom.sol";
import {IAggregateJudge} from "contracts/interfaces/IAggregateJudge.sol";
import {IJudge} from "contracts/interfaces/IJudge.sol";
import {AggregateJudge} from "contracts/judges/AggregateJudge.sol";
import {
    AggregateAnswer,
    AggregateEntry,
    AggregateFault,
    AggregateGame,
    AggregateMatter,
    AggregateRule,
    PieceOpening
} from "contracts/types/AggregateGame.sol";
import {Challenge} from "contracts/types/Challenge.sol";
import {Commitment, MemberStatus} from "contracts/types/Membership.sol";
import {TaskParams} from "contracts/types/Task.sol";

/// @notice See AggregateJudge.tree. The test itself is one of the task's judges, and slashes whom it likes.
contract AggregateJudgeTest is AggregateCourtroom {
    function setUp() external {
        prepare();
    }

    /// @notice As `IJudge`: everybody is guilty.
    function open(uint256, Challenge calldata, TaskParams calldata, Commitment calldata, bytes calldata)
        external
        pure
        returns (IJudge.Verdict)
    {
        return IJudge.Verdict.Guilty;
    }

    function test_RevertWhen_TheTermsAreOutOfBounds() external {
        bytes4 refusal = IAggregateJudge.AggregateJudge_BadTerms.selector;
        vm.expectRevert(refusal);
        new AggregateJudge(address(hub), rule, 0, GRACE);
        vm.expectRevert(refusal);
        new AggregateJudge(address(hub), rule, CLOCK, 0);
        AggregateRule memory bad = rule;
        bad.momentumNumerator = bad.momentumDenominator;
        vm.expectRevert(refusal);
        new AggregateJudge(address(hub), bad, CLOCK, GRACE);
        bad = rule;
        bad.maxExponentOffset = 33;
        vm.expectRevert(refusal);
        new AggregateJudge(address(hub), bad, CLOCK, GRACE);
    }

    function test_RevertWhen_AnotherOpens() external {
        postAndChallenge(manifests[2]);
        TaskParams memory p = params();
        vm.expectRevert(
            abi.encodeWithSelector(IAggregateJudge.AggregateJudge_NotFront.selector, address(this))
        );
        judge.open(challengeId, challenge, p, posted, "");
        vm.prank(address(hub));
        vm.expectRevert(
            abi.encodeWithSelector(IAggregateJudge.AggregateJudge_NotFront.selector, address(hub))
        );
        judge.open(challengeId, challenge, p, posted, "");
    }

    function test_RevertWhen_TheCommitmentIsWork() external {
        TaskParams memory p = params();
        Commitment memory c = work[3].commitment;
        vm.prank(CHALLENGER);
        vm.expectRevert(
            abi.encodeWithSelector(IAggregateJudge.AggregateJudge_NotVersion.selector, c.sequence)
        );
        hub.challenge(p, work[3].node, c, named, "");
    }

    function test_RevertWhen_ThereIsEvidence() external {
        posted = post(POSTER, 2, bytes32(uint256(1)));
        TaskParams memory p = params();
        vm.prank(CHALLENGER);
        vm.expectRevert(
            abi.encodeWithSelector(IAggregateJudge.AggregateJudge_EvidenceUndecodable.selector, 1)
        );
        hub.challenge(p, POSTER, posted, named, hex"01");
    }

    function test_RevertWhen_DisputesAreTooShort() external {
        TaskParams memory p = params();
        p.disputeSeconds = uint32(judge.neededSeconds() - 1);
        Challenge memory made;
        made.judge = named;
        uint256 id = hub.challengeIdOf(made);
        Commitment memory c;
        vm.prank(address(hub));
        vm.expectRevert(
            abi.encodeWithSelector(
                IAggregateJudge.AggregateJudge_DisputeTooShort.selector,
                p.disputeSeconds + 1,
                p.disputeSeconds
            )
        );
        judge.open(id, made, p, c, "");
    }

    function test_RevertWhen_TheVersionIsTooOld() external {
        uint256 last = uint256(START) + 32 * uint256(ROUND);
        vm.warp(last - CLOCK + 1);
        posted = post(POSTER, 2, bytes32(uint256(1)));
        TaskParams memory p = params();
        vm.prank(CHALLENGER);
        vm.expectRevert(abi.encodeWithSelector(IAggregateJudge.AggregateJudge_TooOld.selector, last));
        hub.challenge(p, POSTER, posted, named, "");
    }

    function test_RevertWhen_TheGameIsAnother() external {
        postAndChallenge(manifests[2]);
        AggregateGame memory other = game;
        other.accusedSeconds += 1;
        AggregateAnswer memory given = answerOf(manifests[2], manifests[1], 2);
        vm.prank(POSTER);
        vm.expectRevert(
            abi.encodeWithSelector(IAggregateJudge.AggregateJudge_GameUnknown.selector, challengeId)
        );
        judge.answer(challenge, other, matter, given);
    }

    function test_RevertWhen_TheStageIsAnother() external {
        postAndChallenge(manifests[2]);
        vm.prank(CHALLENGER);
        vm.expectRevert(
            abi.encodeWithSelector(IAggregateJudge.AggregateJudge_WrongStage.selector, game.stage)
        );
        judge.descend(challengeId, game, claim);
    }

    function test_RevertWhen_AnotherMoves() external {
        postAndChallenge(manifests[2]);
        AggregateAnswer memory given = answerOf(manifests[2], manifests[1], 2);
        vm.expectRevert(
            abi.encodeWithSelector(IAggregateJudge.AggregateJudge_NotMover.selector, address(this), POSTER)
        );
        judge.answer(challenge, game, matter, given);
    }

    function test_RevertWhen_TheTimeIsUp() external {
        postAndChallenge(manifests[2]);
        AggregateAnswer memory given = answerOf(manifests[2], manifests[1], 2);
        uint256 deadline = judge.deadlineOf(game);
        vm.warp(deadline);
        vm.prank(POSTER);
        vm.expectRevert(abi.encodeWithSelector(IAggregateJudge.AggregateJudge_TooLate.selector, deadline));
        judge.answer(challenge, game, matter, given);
        vm.warp(deadline - 1);
        answer(given);
        assertEq(game.accusedSeconds, 1);
    }

    function test_RevertWhen_TimeIsLeft() external {
        postAndChallenge(manifests[2]);
        uint256 deadline = judge.deadlineOf(game);
        vm.warp(deadline - 1);
        vm.expectRevert(abi.encodeWithSelector(IAggregateJudge.AggregateJudge_TimeLeft.selector, deadline));
        judge.timeOut(challenge, game);
        letTimePass();
        assertConvicted();
    }

    function test_RevertWhen_TheMatterIsAnother() external {
        postAndChallenge(manifests[2]);
        AggregateMatter memory other = matter;
        other.version = 1;
        AggregateAnswer memory given = answerOf(manifests[2], manifests[1], 2);
        vm.prank(POSTER);
        vm.expectRevert(
            abi.encodeWithSelector(IAggregateJudge.AggregateJudge_OtherSubject.selector, game.subject)
        );
        judge.answer(challenge, game, other, given);
    }

    function test_RevertWhen_AManifestIsAnother() external {
        postAndChallenge(manifests[2]);
        AggregateAnswer memory given = answerOf(manifests[1], manifests[0], 2);
        refuseAnswer(given, IAggregateJudge.AggregateJudge_ManifestNotProven.selector);
        given = answerOf(manifests[2], manifests[0], 2);
        refuseAnswer(given, IAggregateJudge.AggregateJudge_ManifestNotProven.selector);
        given = answerOf(manifests[2], manifests[1], 2);
        given.parentAt -= 1;
        refuseAnswer(given, IAggregateJudge.AggregateJudge_ManifestNotProven.selector);
    }

    function test_RevertWhen_TheRingHoldsAnother() external {
        postAndChallenge(manifests[2]);
        AggregateAnswer memory given = answerOf(manifests[2], manifests[1], 2);
        given.entries[1].commitment.manifest = bytes32(uint256(1));
        refuseAnswer(given, IAggregateJudge.AggregateJudge_EntryUnknown.selector);
    }

    function test_RevertWhen_ACommitmentIsNotAccepted() external {
        postAndChallenge(manifests[2]);
        AggregateAnswer memory given = answerOf(manifests[2], manifests[1], 2);
        given.entries[1] = work[1];
        refuseAnswer(given, IAggregateJudge.AggregateJudge_EntryUnfit.selector);
        given = answerOf(manifests[2], manifests[1], 2);
        (given.entries[0], given.entries[1]) = (given.entries[1], given.entries[0]);
        refuseAnswer(given, IAggregateJudge.AggregateJudge_EntryUnfit.selector);
        given.entries[0] = given.entries[1];
        refuseAnswer(given, IAggregateJudge.AggregateJudge_EntryUnfit.selector);
        given = answerOf(manifests[2], manifests[1], 2);
        given.entries[2] = AggregateEntry(POSTER, posted);
        refuseAnswer(given, IAggregateJudge.AggregateJudge_EntryUnfit.selector);
    }

    function test_RevertWhen_TheEarliestPostingIsNone() external {
        postAndChallenge(manifests[2]);
        AggregateAnswer memory given = answerOf(manifests[2], manifests[1], 2);
        given.earliest = work[3];
        refuseAnswer(given, IAggregateJudge.AggregateJudge_PostingUnfit.selector);
        given.earliest = AggregateEntry(worker(0), post(worker(0), 1, bytes32(uint256(1))));
        refuseAnswer(given, IAggregateJudge.AggregateJudge_PostingUnfit.selector);
        given.earliest = AggregateEntry(POSTER, posted);
        answer(given);
    }

    function test_RevertWhen_AnUpdateHasNoFault() external {
        postAndChallenge(manifests[2]);
        AggregateAnswer memory given = answerOf(manifests[2], manifests[1], 2);
        given.faults = new AggregateFault[](1);
        for (uint256 offset = 0; offset < updates[4].length; offset += 211) {
            given.faults[0] =
                AggregateFault(1, updateManifests[4], uint64(offset), openingOf(updates[4], offset));
            refuseAnswer(given, IAggregateJudge.AggregateJudge_NoFault.selector);
        }
        given.faults[0].entry = 3;
        refuseAnswer(given, IAggregateJudge.AggregateJudge_NoFault.selector);
    }

    function test_LeavesOutAnUpdateThatIsNone() external {
        AggregateAnswer memory given = withFault();
        answer(given);
        assertEq(nodes.length, 3);
        assertEq(counted.length, 2);
        assertEq(counted[0], sha256(updateManifests[3]));
        assertEq(counted[1], sha256(updateManifests[5]));
        assertEq(claim.count, 2);
    }

    function test_ConvictsForAnotherGenesis() external {
        bytes memory other = manifestFor(manifests[0], altered(files[0], 900));
        bytes memory manifest = manifestOf(manifests[1], sha256(other));
        posted = post(POSTER, 1, sha256(manifest));
        challengeBy(CHALLENGER);
        answer(answerOf(manifest, other, 1));
        assertConvicted();
    }

    function test_ConvictsForAnotherLength() external {
        bytes memory manifest = manifestFor(manifests[2], bytes.concat(files[2], hex"00"));
        postAndChallenge(manifest);
        answer(answerOf(manifest, manifests[1], 2));
        assertConvicted();
    }

    function test_DismissesWhereAnUpdateIsUnreadable() external {
        postAndChallenge(manifests[2]);
        AggregateAnswer memory given = answerOf(manifests[2], manifests[1], 2);
        given.unreadable = true;
        answer(given);
        assertEq(judge.gameHash(challengeId), bytes32(0));
        assertEq(uint256(hub.memberOf(task, POSTER).status), uint256(MemberStatus.Active));
        assertEq(hub.credit(address(token), CHALLENGER), BOND);
    }

    function test_ConvictsForAnOmittedCommitment() external {
        postAndChallenge(manifests[2]);
        AggregateAnswer memory given = answerOf(manifests[2], manifests[1], 2);
        given.entries = without(given.entries, 1);
        answer(given);
        vm.prank(CHALLENGER);
        judge.chargeOmitted(challenge, game, matter, claim, nodes, work[4]);
        assertConvicted();
    }

    function test_RevertWhen_NothingIsOmitted() external {
        postAndChallenge(manifests[2]);
        answer(answerOf(manifests[2], manifests[1], 2));
        vm.startPrank(CHALLENGER);
        vm.expectRevert(IAggregateJudge.AggregateJudge_ChargeFails.selector);
        judge.chargeOmitted(challenge, game, matter, claim, nodes, work[4]);
        vm.expectRevert(IAggregateJudge.AggregateJudge_ChargeFails.selector);
        judge.chargeOmitted(challenge, game, matter, claim, nodes, work[1]);
        vm.expectRevert(IAggregateJudge.AggregateJudge_ChargeFails.selector);
        judge.chargeDecided(challenge, game, matter, claim, AggregateEntry(POSTER, posted));
        vm.stopPrank();
        letTimePass();
        assertAcquitted();
    }

    function test_ConvictsForCountingAnUpdateThatIsNone() external {
        AggregateAnswer memory given = withFault();
        AggregateFault memory fault = given.faults[0];
        given.faults = new AggregateFault[](0);
        answer(given);
        vm.prank(CHALLENGER);
        judge.chargeFault(challenge, game, matter, claim, counted, fault);
        assertConvicted();
    }

    function test_ConvictsForAnEarlierPosting() external {
        Commitment memory first = post(worker(1), 2, bytes32(uint256(7)));
        slash(worker(1), first);
        vm.warp(START + 3 * uint256(ROUND));
        postAndChallenge(manifests[2]);
        AggregateAnswer memory given = answerOf(manifests[2], manifests[1], 2);
        given.entries = without(given.entries, 1);
        answer(given);
        assertEq(claim.decidedAt, START + 3 * uint256(ROUND));
        vm.prank(CHALLENGER);
        judge.chargeDecided(challenge, game, matter, claim, AggregateEntry(worker(1), first));
        assertConvicted();
    }

    function test_ANodeSlashedBeforeTheDecisionDoesNotCount() external {
        slash(worker(1), work[4].commitment);
        // In this round the node still counts, for whoever posts knows at its beginning what will.
        uint256 state = vm.snapshotState();
        postAndChallenge(manifests[2]);
        answer(answerOf(manifests[2], manifests[1], 2));
        vm.revertToState(state);
        vm.warp(START + 3 * uint256(ROUND));
        postAndChallenge(manifests[2]);
        AggregateAnswer memory given = answerOf(manifests[2], manifests[1], 2);
        refuseAnswer(given, IAggregateJudge.AggregateJudge_EntryUnfit.selector);
        given.entries = without(given.entries, 1);
        answer(given);
        vm.prank(CHALLENGER);
        vm.expectRevert(IAggregateJudge.AggregateJudge_ChargeFails.selector);
        judge.chargeOmitted(challenge, game, matter, claim, nodes, work[4]);
    }

    function test_RevertWhen_ThereIsNoVersionBefore() external {
        postAndChallenge(manifests[2]);
        answer(answerOf(manifests[2], manifests[1], 2));
        goBack();
        assertEq(matter.version, 1);
        assertEq(matter.digest, sha256(manifests[1]));
        answer(answerOf(manifests[1], manifests[0], 1));
        vm.prank(CHALLENGER);
        vm.expectRevert(abi.encodeWithSelector(IAggregateJudge.AggregateJudge_NoWayBack.selector, 1));
        judge.goBack(challengeId, game, matter, claim);
    }

    function test_RevertWhen_TheChildrenAreOthers() external {
        postAndChallenge(manifests[2]);
        answer(answerOf(manifests[2], manifests[1], 2));
        descend();
        bytes32[] memory shown = below(files[1]);
        bytes32 node = game.node;
        vm.startPrank(POSTER);
        vm.expectRevert(abi.encodeWithSelector(IAggregateJudge.AggregateJudge_NotInDispute.selector, node));
        judge.openNode(challengeId, game, shown);
        vm.expectRevert(
            abi.encodeWithSelector(IAggregateJudge.AggregateJudge_OutOfRange.selector, 2, shown.length)
        );
        judge.openNode(challengeId, game, new bytes32[](2));
        vm.stopPrank();
    }

    function test_RevertWhen_NothingIsThere() external {
        postAndChallenge(manifests[2]);
        answer(answerOf(manifests[2], manifests[1], 2));
        descend();
        openNode(files[2]);
        uint32 pieces = uint32((files[2].length + PIECE - 1) / PIECE);
        vm.startPrank(CHALLENGER);
        vm.expectRevert(
            abi.encodeWithSelector(
                IAggregateJudge.AggregateJudge_OutOfRange.selector, pieces, children.length
            )
        );
        judge.pickChild(challengeId, game, claim, children, pieces);
        vm.stopPrank();
        pickChild(pieces - 1);
        showPiece(files[2]);
        uint64[3] memory places =
            [uint64(0), uint64(weightAt(rule.parameters - 1) + 1), uint64(files[2].length)];
        vm.startPrank(CHALLENGER);
        for (uint256 i = 0; i < 3; ++i) {
            vm.expectRevert(
                abi.encodeWithSelector(
                    IAggregateJudge.AggregateJudge_OutOfRange.selector, places[i], files[2].length
                )
            );
            judge.nameInteger(challengeId, game, claim, places[i]);
        }
        vm.stopPrank();
    }

    function test_RevertWhen_ThePieceIsAnother() external {
        postAndChallenge(manifests[2]);
        answer(answerOf(manifests[2], manifests[1], 2));
        playDown(files[2], 3);
        PieceOpening memory opening = openingOf(files[1], PIECE);
        vm.startPrank(CHALLENGER);
        vm.expectRevert(abi.encodeWithSelector(IAggregateJudge.AggregateJudge_PieceNotProven.selector, 0));
        judge.chargeHeader(challenge, game, claim, piece, 3, opening);
        vm.stopPrank();
        opening = openingOf(files[1], 3);
        vm.startPrank(CHALLENGER);
        vm.expectRevert(IAggregateJudge.AggregateJudge_ChargeFails.selector);
        judge.chargeHeader(challenge, game, claim, piece, 3, opening);
        vm.stopPrank();
    }

    /// @dev The second node's update of the last round has a false header; the poster is challenged.
    function withFault() private returns (AggregateAnswer memory given) {
        bytes memory file = altered(updates[4], 20);
        updateManifests[4] = manifestFor(updateManifests[4], file);
        vm.warp(START - 100);
        spec = keccak256("another task");
        opened();
        postAndChallenge(manifests[2]);
        given = answerOf(manifests[2], manifests[1], 2);
        given.faults = new AggregateFault[](1);
        given.faults[0] = AggregateFault(1, updateManifests[4], 20, openingOf(file, 20));
    }

    function without(AggregateEntry[] memory entries, uint256 place)
        private
        pure
        returns (AggregateEntry[] memory rest)
    {
        rest = new AggregateEntry[](entries.length - 1);
        for (uint256 i = 0; i < rest.length; ++i) {
            rest[i] = entries[i < place ? i : i + 1];
        }
    }

    function slash(address node, Commitment memory c) private {
        fund(address(0xD00D), BOND);
        TaskParams memory p = params();
        vm.prank(address(0xD00D));
        hub.challenge(p, node, c, address(this), "");
        assertEq(hub.memberOf(task, node).challenged, block.timestamp);
    }

    function refuseAnswer(AggregateAnswer memory given, bytes4 refusal) private {
        vm.prank(POSTER);
        (bool success, bytes memory result) =
            address(judge).call(abi.encodeCall(judge.answer, (challenge, game, matter, given)));
        assertFalse(success);
        assertEq(bytes32(bytes4(result)), bytes32(refusal));
    }
}
