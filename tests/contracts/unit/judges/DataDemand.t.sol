// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {DataJudgeTest} from "./DataJudgeTest.sol";
import {IDataJudge} from "contracts/interfaces/IDataJudge.sol";
import {IGasBonds} from "contracts/interfaces/IGasBonds.sol";
import {DataJudge} from "contracts/judges/DataJudge.sol";
import {Challenge, ChallengeStatus} from "contracts/types/Challenge.sol";
import {Demand, DemandKind} from "contracts/types/Demand.sol";
import {Commitment} from "contracts/types/Membership.sol";
import {TaskParams} from "contracts/types/Task.sol";

contract DataDemandTest is DataJudgeTest {
    function test_NamesItsTermsAndItsGuarantee() external view {
        assertEq(judge.hub(), address(hub));
        assertEq(judge.answerSeconds(), 100);
        assertEq(judge.closeSeconds(), 50);
        assertEq(judge.BURN(), 0x000000000000000000000000000000000000dEaD);
        assertEq(
            keccak256(bytes(judge.guarantee())),
            keccak256("one honest challenger: who does not show demanded data in time is guilty")
        );
    }

    function test_RevertWhen_ATermIsZero() external {
        revertsWith(IDataJudge.DataJudge_BadTerms.selector);
        new DataJudge(address(hub), 0, 50);
        revertsWith(IDataJudge.DataJudge_BadTerms.selector);
        new DataJudge(address(hub), 100, 0);
    }

    function test_RevertWhen_TheCallerIsNotTheHub() external {
        bytes memory evidence = evidenceOf(DemandKind.Leaf, 0, 0);
        Challenge memory challenge = challengeOf(evidence);
        Commitment memory c = anyCommitment();
        vm.expectRevert(abi.encodeWithSelector(IDataJudge.DataJudge_NotHub.selector, address(this)));
        judge.open(1, challenge, params(), c, evidence);
    }

    function testFuzz_ADemandIsChargedAndKept(uint8 kind, uint256 index, uint256 chunk) external {
        Commitment memory c = anyCommitment();
        DemandKind asked = DemandKind(bound(kind, 1, 5));
        bool ofChunk = asked == DemandKind.Tokens || asked == DemandKind.Proof;
        index = asked == DemandKind.Manifest
            ? 0
            : bound(index, 0, asked == DemandKind.Update ? type(uint32).max : UNITS - 1);
        chunk = ofChunk ? bound(chunk, 0, 2) : 0;
        bytes memory evidence = evidenceOf(asked, index, chunk);
        Demand memory demand = demandOf(c, asked, index, chunk);
        Challenge memory challenge = challengeOf(evidence);
        vm.expectEmit(address(judge));
        emit IDataJudge.Demanded(idOf(challenge), challenge.task, NODE, demand);
        ask(c, evidence);
        assertStatus(idOf(challenge), ChallengeStatus.Pending);
        assertEq(judge.demandHash(idOf(challenge)), keccak256(abi.encode(demand)));
        assertEq(judge.credit(CHALLENGER), DEPOSIT - demand.price);
        assertSolvent(demand.price);
    }

    function test_DemandsRunSideBySide() external {
        Commitment memory c = anyCommitment();
        uint256 prices = 0;
        for (uint256 index = 0; index < UNITS; ++index) {
            (Challenge memory challenge, Demand memory demand) = ask(c, DemandKind.Leaf, index, 0);
            prices += demand.price;
            assertStatus(idOf(challenge), ChallengeStatus.Pending);
        }
        assertSolvent(prices);
    }

    function test_RevertWhen_DisputesAreTooShort() external {
        Commitment memory c = anyCommitment();
        bytes memory evidence = evidenceOf(DemandKind.Leaf, 0, 0);
        TaskParams memory p = params();
        p.disputeSeconds = 149;
        vm.expectRevert(abi.encodeWithSelector(IDataJudge.DataJudge_DisputeTooShort.selector, 150, 149));
        hub.ask(judge, challengeOf(evidence), p, c, evidence);
        p.disputeSeconds = 150;
        hub.ask(judge, challengeOf(evidence), p, c, evidence);
        assertStatus(idOf(challengeOf(evidence)), ChallengeStatus.Pending);
    }

    function test_RevertWhen_TheCommitmentIsACheckpoint() external {
        Commitment memory c = anyCommitment();
        c.units = 0;
        bytes memory refusal = abi.encodeWithSelector(IDataJudge.DataJudge_NotRollouts.selector, SEQUENCE);
        DemandKind[4] memory ofWork =
            [DemandKind.Leaf, DemandKind.Tokens, DemandKind.Proof, DemandKind.Update];
        for (uint256 i = 0; i < ofWork.length; ++i) {
            bytes memory evidence = evidenceOf(ofWork[i], 0, 0);
            vm.expectRevert(refusal);
            ask(c, evidence);
        }
        ask(c, evidenceOf(DemandKind.Manifest, 0, 0));
        ask(c, evidenceOf(DemandKind.Checkpoint, 7, 0));
    }

    function test_RevertWhen_WorkIsAskedForACheckpoint() external {
        vm.expectRevert(abi.encodeWithSelector(IDataJudge.DataJudge_NotCheckpoint.selector, SEQUENCE));
        ask(anyCommitment(), evidenceOf(DemandKind.Checkpoint, 0, 0));
    }

    function testFuzz_RevertWhen_EvidenceIsNotThreeWords(bytes calldata evidence) external {
        vm.assume(evidence.length != 96);
        expectUndecodable(evidence);
    }

    function test_RevertWhen_EvidenceIsAlmostThreeWords() external {
        bytes memory whole = evidenceOf(DemandKind.Leaf, 0, 0);
        expectUndecodable(bytes.concat(whole, hex"00"));
        assembly {
            mstore(whole, 95)
        }
        expectUndecodable(whole);
        expectUndecodable("");
    }

    function testFuzz_RevertWhen_TheKindIsUnknown(uint256 kind) external {
        vm.assume(kind == 0 || kind > 6);
        vm.expectRevert(abi.encodeWithSelector(IDataJudge.DataJudge_KindUnknown.selector, kind));
        ask(anyCommitment(), abi.encode(kind, uint256(0), uint256(0)));
    }

    function testFuzz_RevertWhen_ThereIsNoSuchRollout(uint8 kind, uint256 index) external {
        kind = uint8(bound(kind, 1, 5));
        uint256 count = kind == 5 ? 1 << 32 : kind == 4 ? 1 : UNITS;
        index = bound(index, count, type(uint256).max);
        vm.expectRevert(abi.encodeWithSelector(IDataJudge.DataJudge_IndexOutOfRange.selector, index, count));
        ask(anyCommitment(), abi.encode(kind, index, uint256(0)));
    }

    function testFuzz_RevertWhen_NoRolloutHasSuchAChunk(uint8 kind, uint256 chunk) external {
        kind = uint8(bound(kind, 1, 5));
        uint256 count = kind == 2 || kind == 3 ? 3 : 1;
        chunk = bound(chunk, count, type(uint256).max);
        vm.expectRevert(abi.encodeWithSelector(IDataJudge.DataJudge_ChunkOutOfRange.selector, chunk, count));
        ask(anyCommitment(), abi.encode(kind, uint256(0), chunk));
    }

    function test_RevertWhen_TheTasksChunksAreTooLarge() external {
        TaskParams memory p = params();
        p.maxTokens = 1024;
        p.chunkTokens = 1 << 31;
        p.topk = 2047;
        judge.priceInGas(p, anyCommitment(), evidenceOf(DemandKind.Tokens, 0, 0));
        judge.priceInGas(p, anyCommitment(), evidenceOf(DemandKind.Proof, 0, 0));
        p.maxTokens = 1025;
        p.topk = 2048;
        vm.expectRevert(abi.encodeWithSelector(IDataJudge.DataJudge_ChunkTooLarge.selector, 4100, 4096));
        judge.priceInGas(p, anyCommitment(), evidenceOf(DemandKind.Tokens, 0, 0));
        vm.expectRevert(abi.encodeWithSelector(IDataJudge.DataJudge_ChunkTooLarge.selector, 4098, 4096));
        judge.priceInGas(p, anyCommitment(), evidenceOf(DemandKind.Proof, 0, 0));
        // The leaf and the manifest are asked for all the same.
        judge.priceInGas(p, anyCommitment(), evidenceOf(DemandKind.Leaf, 0, 0));
        judge.priceInGas(p, anyCommitment(), evidenceOf(DemandKind.Manifest, 0, 0));
    }

    function test_RevertWhen_TheDepositDoesNotCoverThePrice() external {
        Commitment memory c = anyCommitment();
        bytes memory evidence = evidenceOf(DemandKind.Tokens, 0, 0);
        uint256 price = demandOf(c, DemandKind.Tokens, 0, 0).price;
        vm.prank(CHALLENGER);
        judge.withdraw(DEPOSIT - price + 1);
        vm.expectRevert(
            abi.encodeWithSelector(IGasBonds.GasBonds_CreditTooSmall.selector, CHALLENGER, price - 1, price)
        );
        ask(c, evidence);
        depositFor(CHALLENGER, 1);
        ask(c, evidence);
        assertEq(judge.credit(CHALLENGER), 0);
    }

    /// @dev Fixed gas and two new slots, 1280 for each of 3 + 2 siblings, 30 for each byte of a chunk and 26 of a
    /// file; all of it twice. A file has at
    /// most 2^32 pieces.
    function test_ThePriceIsTwiceTheDearestAnswer() external view {
        Commitment memory c = anyCommitment();
        assertEq(priceOf(c, DemandKind.Leaf), 2 * (91_000 + 34_200 + 3 * 1280));
        assertEq(priceOf(c, DemandKind.Tokens), 2 * (96_900 + 34_200 + 5 * 1280 + 30 * 16));
        assertEq(priceOf(c, DemandKind.Proof), 2 * (96_900 + 34_200 + 5 * 1280 + 30 * 34));
        assertEq(priceOf(c, DemandKind.Manifest), 2 * (81_400 + 34_200 + 26 * 1024));
        assertEq(priceOf(c, DemandKind.Update), 2 * (84_600 + 34_200 + 32 * 1280 + 26 * 3072));
        Commitment memory claim = anyCommitment();
        claim.units = 0;
        assertEq(priceOf(claim, DemandKind.Checkpoint), priceOf(c, DemandKind.Update));
    }

    function priceOf(Commitment memory c, DemandKind kind) private view returns (uint256) {
        return judge.priceInGas(params(), c, evidenceOf(kind, 0, 0));
    }

    function anyCommitment() private pure returns (Commitment memory) {
        return Commitment(SEQUENCE, ROUND, keccak256("root"), keccak256("manifest"), UNITS, OPENED_AT - 10);
    }

    function expectUndecodable(bytes memory evidence) private {
        bytes memory refusal =
            abi.encodeWithSelector(IDataJudge.DataJudge_EvidenceUndecodable.selector, evidence.length);
        vm.expectRevert(refusal);
        ask(anyCommitment(), evidence);
    }
}
