// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Trees} from "../../utils/Trees.sol";
import {DataJudgeTest} from "./DataJudgeTest.sol";
import {IDataJudge} from "contracts/interfaces/IDataJudge.sol";
import {Challenge, ChallengeStatus} from "contracts/types/Challenge.sol";
import {Demand, DemandKind} from "contracts/types/Demand.sol";
import {Commitment} from "contracts/types/Membership.sol";

/// @title Pieces of updates and checkpoints, shown and withheld
contract DataPiecesTest is DataJudgeTest {
    // True answers

    function testFuzz_APieceIsShown(uint16 length, uint256 index, bool ofVersion) external {
        uint256 bytes_ = bound(length, 1, 10_000);
        index = bound(index, 0, (bytes_ - 1) / 2048);
        (Challenge memory challenge, Demand memory demand) =
            askFor(manifestOf(bytes_), index, ofVersion ? DemandKind.Checkpoint : DemandKind.Update);
        bytes memory piece = pieceOf(bytes_, index);
        bytes32[] memory proof = Trees.proof(pieceHashes(bytes_), index);
        bytes memory manifest = manifestOf(bytes_);
        vm.expectEmit(address(judge));
        emit IDataJudge.PieceShown(idOf(challenge), FRIEND, manifest, piece, proof);
        vm.prank(FRIEND);
        judge.answerPiece(challenge, demand, manifest, piece, proof);
        assertDismissed(challenge);
    }

    function testFuzz_APieceThatIsNotThereIsAnsweredByTheManifest(uint256 index, bool ofVersion) external {
        index = bound(index, 3, type(uint32).max);
        (Challenge memory challenge, Demand memory demand) =
            askFor(published, index, ofVersion ? DemandKind.Checkpoint : DemandKind.Update);
        vm.expectEmit(address(judge));
        emit IDataJudge.ManifestShown(idOf(challenge), address(this), published);
        judge.answerManifest(challenge, demand, published);
        assertDismissed(challenge);
    }

    /// @dev A file of nothing, of which no honest manifest tells.
    function test_AnEmptyFileHasNoPiece() external {
        bytes memory manifest = abi.encodePacked(bytes32(0), uint64(0));
        (Challenge memory challenge, Demand memory demand) = askFor(manifest, 0, DemandKind.Update);
        revertsWith(IDataJudge.DataJudge_PieceNotProven.selector);
        judge.answerPiece(challenge, demand, manifest, "", new bytes32[](0));
        judge.answerManifest(challenge, demand, manifest);
        assertDismissed(challenge);
    }

    function test_AVersionsManifestIsShown() external {
        Commitment memory c = claimOf("anything");
        (Challenge memory challenge, Demand memory demand) = ask(c, DemandKind.Manifest, 0, 0);
        judge.answerManifest(challenge, demand, "anything");
        assertDismissed(challenge);
    }

    // Answers that are none

    function testFuzz_RevertWhen_ThePieceIsAnother(uint16 place, uint8 flip) external {
        (Challenge memory challenge, Demand memory demand) = askFor(published, 1, DemandKind.Update);
        bytes memory piece = pieceOf(FILE_BYTES, 1);
        piece[place % piece.length] ^= bytes1(uint8(bound(flip, 1, 255)));
        notProven(challenge, demand, piece, Trees.proof(pieceHashes(FILE_BYTES), 1));
    }

    function test_RevertWhen_ThePieceLiesElsewhere() external {
        (Challenge memory challenge, Demand memory demand) = askFor(published, 1, DemandKind.Checkpoint);
        bytes32[] memory hashes = pieceHashes(FILE_BYTES);
        notProven(challenge, demand, pieceOf(FILE_BYTES, 0), Trees.proof(hashes, 0));
        notProven(challenge, demand, pieceOf(FILE_BYTES, 0), Trees.proof(hashes, 1));
        notProven(challenge, demand, pieceOf(FILE_BYTES, 1), new bytes32[](0));
        judge.answerPiece(challenge, demand, published, pieceOf(FILE_BYTES, 1), Trees.proof(hashes, 1));
    }

    /// @dev A root over bytes of another length opens, and yet no file of the stated length has such a piece.
    function testFuzz_RevertWhen_ThePieceHasNotItsLength(uint16 length) external {
        length = uint16(bound(length, 0, 4000));
        vm.assume(length != 904);
        bytes32[] memory hashes = pieceHashes(FILE_BYTES);
        hashes[2] = sha256(new bytes(length));
        bytes memory manifest = abi.encodePacked(Trees.root(hashes), uint64(FILE_BYTES));
        (Challenge memory challenge, Demand memory demand) = askFor(manifest, 2, DemandKind.Update);
        bytes32[] memory proof = Trees.proof(hashes, 2);
        revertsWith(IDataJudge.DataJudge_PieceNotProven.selector);
        judge.answerPiece(challenge, demand, manifest, new bytes(length), proof);
    }

    /// @dev Neither function takes the manifest for a piece that its file does have, nor a piece that it does not have.
    function test_RevertWhen_APieceIsShownWhereNoneIs() external {
        (Challenge memory challenge, Demand memory demand) = askFor(published, 3, DemandKind.Update);
        notProven(challenge, demand, "", Trees.proof(pieceHashes(FILE_BYTES), 2));
        notProven(challenge, demand, pieceOf(FILE_BYTES, 2), Trees.proof(pieceHashes(FILE_BYTES), 2));
        (challenge, demand) = askFor(published, 2, DemandKind.Update);
        vm.expectRevert(abi.encodeWithSelector(IDataJudge.DataJudge_WrongAnswer.selector, DemandKind.Update));
        judge.answerManifest(challenge, demand, published);
    }

    function testFuzz_RevertWhen_TheManifestIsAnother(bytes calldata manifest) external {
        vm.assume(keccak256(manifest) != keccak256(published));
        (Challenge memory challenge, Demand memory demand) = askFor(published, 3, DemandKind.Update);
        revertsWith(IDataJudge.DataJudge_ManifestNotProven.selector);
        judge.answerManifest(challenge, demand, manifest);
        revertsWith(IDataJudge.DataJudge_ManifestNotProven.selector);
        judge.answerPiece(challenge, demand, manifest, "", new bytes32[](0));
    }

    /// @dev Who commits to a digest of something that leads to no file can answer for the manifest alone.
    function testFuzz_RevertWhen_TheManifestLeadsToNoFile(uint8 length, uint64 tooLong) external {
        bytes memory manifest = new bytes(bound(length, 0, 39));
        refused(manifest);
        tooLong = uint64(bound(tooLong, (1 << 43) + 1, type(uint64).max));
        refused(abi.encodePacked(bytes32(0), tooLong));
        manifest = abi.encodePacked(bytes32(0), uint64(1 << 43));
        (Challenge memory challenge, Demand memory demand) = askFor(manifest, 0, DemandKind.Update);
        revertsWith(IDataJudge.DataJudge_PieceNotProven.selector);
        judge.answerPiece(challenge, demand, manifest, new bytes(2048), new bytes32[](32));
    }

    function test_RevertWhen_TheManifestIsTooLong() external {
        for (uint256 extra = 0; extra < 2; ++extra) {
            bytes memory manifest = abi.encodePacked(
                Trees.root(pieceHashes(FILE_BYTES)), uint64(FILE_BYTES), new bytes(984 + extra)
            );
            (Challenge memory challenge, Demand memory demand) = askFor(manifest, 0, DemandKind.Update);
            bytes32[] memory proof = Trees.proof(pieceHashes(FILE_BYTES), 0);
            bytes memory piece = pieceOf(FILE_BYTES, 0);
            if (extra == 1) revertsWith(IDataJudge.DataJudge_ManifestNotProven.selector);
            judge.answerPiece(challenge, demand, manifest, piece, proof);
        }
    }

    function test_RevertWhen_TheTimeIsOver() external {
        (Challenge memory challenge, Demand memory demand) = askFor(published, 0, DemandKind.Checkpoint);
        vm.warp(OPENED_AT + 100);
        vm.expectRevert(abi.encodeWithSelector(IDataJudge.DataJudge_TooLate.selector, OPENED_AT + 100));
        judge.answerPiece(challenge, demand, published, "", new bytes32[](0));
        judge.close(challenge, demand);
        assertStatus(idOf(challenge), ChallengeStatus.Guilty);
    }

    function askFor(bytes memory manifest, uint256 index, DemandKind kind)
        private
        returns (Challenge memory challenge, Demand memory demand)
    {
        Commitment memory c = claimOf(manifest);
        if (kind == DemandKind.Update) c.units = UNITS;
        hub.setChallengeStatus(idOf(challengeOf(evidenceOf(kind, index, 0))), ChallengeStatus.None);
        return ask(c, kind, index, 0);
    }

    function refused(bytes memory manifest) private {
        for (uint256 index = 0; index < 2; ++index) {
            (Challenge memory challenge, Demand memory demand) = askFor(manifest, index, DemandKind.Update);
            revertsWith(IDataJudge.DataJudge_ManifestNotProven.selector);
            judge.answerManifest(challenge, demand, manifest);
            revertsWith(IDataJudge.DataJudge_ManifestNotProven.selector);
            judge.answerPiece(challenge, demand, manifest, "", new bytes32[](0));
        }
    }

    function notProven(
        Challenge memory challenge,
        Demand memory demand,
        bytes memory piece,
        bytes32[] memory proof
    ) private {
        revertsWith(IDataJudge.DataJudge_PieceNotProven.selector);
        judge.answerPiece(challenge, demand, published, piece, proof);
    }

    function assertDismissed(Challenge memory challenge) private view {
        assertStatus(idOf(challenge), ChallengeStatus.Dismissed);
        assertEq(judge.demandHash(idOf(challenge)), bytes32(0));
    }
}
