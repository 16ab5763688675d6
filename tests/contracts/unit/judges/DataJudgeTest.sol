// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Checks} from "../../utils/Checks.sol";
import {Trees} from "../../utils/Trees.sol";
import {Work} from "../../utils/Work.sol";
import {HubDouble} from "./HubDouble.sol";
import {IDataJudge} from "contracts/interfaces/IDataJudge.sol";
import {DataJudge} from "contracts/judges/DataJudge.sol";
import {LeafContext, RolloutLeaf, RolloutLeaves} from "contracts/libraries/RolloutLeaves.sol";
import {Challenge, ChallengeStatus} from "contracts/types/Challenge.sol";
import {Demand, DemandKind} from "contracts/types/Demand.sol";
import {Commitment} from "contracts/types/Membership.sol";
import {TaskParams} from "contracts/types/Task.sol";

/// @title One honest round of seven rollouts, with 100 s to answer a demand and 50 s to close it
abstract contract DataJudgeTest is Checks {
    address internal constant NODE = address(0xA11CE);
    address internal constant CHALLENGER = address(0xB0B);
    address internal constant FRIEND = address(0xF00D);
    address internal constant TOKEN = address(0x70CE7);
    uint32 internal constant ROUND = 5;
    uint32 internal constant SEQUENCE = 3;
    uint32 internal constant UNITS = 7;
    uint40 internal constant OPENED_AT = 10_000;
    uint256 internal constant BASE_FEE = 7 gwei;
    uint256 internal constant DEPOSIT = 1 ether;
    uint256 internal constant FILE_BYTES = 5000;

    HubDouble internal hub;
    DataJudge internal judge;
    /// @dev The manifest of an update, or a checkpoint, of three pieces. Kept, because SHA-256 is a call, and would come
    /// between a test's expectation and what it expects of.
    bytes internal published;

    function setUp() public virtual {
        vm.warp(OPENED_AT);
        vm.fee(BASE_FEE);
        hub = new HubDouble();
        judge = new DataJudge(address(hub), 100, 50);
        published = manifestOf(FILE_BYTES);
        depositFor(CHALLENGER, DEPOSIT);
    }

    function params() internal pure returns (TaskParams memory p) {
        p.problemsPerRound = 4;
        p.groupSize = 2;
        p.problemCount = 1000;
        p.chunkTokens = 4;
        p.topk = 16;
        p.maxTokens = 12;
        p.disputeSeconds = 150;
    }

    /// @dev As the hub would say; a call would come between a test's expectation and what it expects of.
    function taskId() internal view returns (bytes32) {
        return keccak256(abi.encode(block.chainid, address(hub), params()));
    }

    function context() internal view returns (LeafContext memory) {
        return LeafContext(block.chainid, address(hub), taskId(), NODE, SEQUENCE, ROUND);
    }

    /// @dev Rollouts of nine tokens: two whole chunks and one of a single token.
    function honest(uint32 units) internal view returns (RolloutLeaf[] memory) {
        return Work.honestLeaves(params(), context(), hub.beacon(), units, 4, keccak256("version 4"));
    }

    function commitmentTo(RolloutLeaf[] memory leaves) internal view returns (Commitment memory) {
        bytes32 root = Trees.root(Work.leafHashes(context(), leaves));
        return Commitment(SEQUENCE, ROUND, root, sha256(published), uint32(leaves.length), OPENED_AT - 10);
    }

    /// @dev What the hub makes of a posted version.
    function claimOf(bytes memory manifest) internal pure returns (Commitment memory) {
        return Commitment(SEQUENCE, ROUND, keccak256("claim"), sha256(manifest), 0, OPENED_AT - 10);
    }

    function manifestOf(uint256 length) internal pure returns (bytes memory) {
        return
            abi.encodePacked(
                Trees.root(pieceHashes(length)), uint64(length), "and what else a node published"
            );
    }

    function pieceHashes(uint256 length) internal pure returns (bytes32[] memory hashes) {
        hashes = new bytes32[]((length + 2047) / 2048);
        for (uint256 i = 0; i < hashes.length; ++i) {
            hashes[i] = sha256(pieceOf(length, i));
        }
    }

    function pieceOf(uint256 length, uint256 index) internal pure returns (bytes memory piece) {
        piece = new bytes(length - index * 2048 < 2048 ? length - index * 2048 : 2048);
        piece[piece.length - 1] = bytes1(uint8(index) + 1);
    }

    function proofOf(RolloutLeaf[] memory leaves, uint256 index) internal view returns (bytes32[] memory) {
        return Trees.proof(Work.leafHashes(context(), leaves), index);
    }

    function chunkOf(RolloutLeaf memory leaf, DemandKind kind, uint256 chunk)
        internal
        pure
        returns (bytes memory data, bytes32[] memory proof)
    {
        if (kind == DemandKind.Proof) {
            data = Work.toplocProof(params().topk, Work.saltOf(leaf.index, chunk));
            return (data, Trees.proof(Work.proofHashes(params(), leaf.index), chunk));
        }
        uint32[] memory tokens = Work.answer(leaf.problem);
        data = Work.tokenData(tokens, 4 * chunk, 4 * chunk + 4);
        return (data, Trees.proof(Work.tokenHashes(params(), tokens), chunk));
    }

    function evidenceOf(DemandKind kind, uint256 index, uint256 chunk) internal pure returns (bytes memory) {
        return abi.encode(uint8(kind), uint32(index), uint32(chunk));
    }

    function challengeOf(bytes memory evidence) internal view returns (Challenge memory challenge) {
        challenge.task = taskId();
        challenge.node = NODE;
        challenge.sequence = SEQUENCE;
        challenge.judge = address(judge);
        challenge.challenger = CHALLENGER;
        challenge.token = TOKEN;
        challenge.deadline = OPENED_AT + params().disputeSeconds;
        challenge.evidenceHash = keccak256(evidence);
    }

    function idOf(Challenge memory challenge) internal pure returns (uint256) {
        return uint256(challenge.evidenceHash);
    }

    /// @dev What a demand asked at OPENED_AT and BASE_FEE looks like.
    function demandOf(Commitment memory c, DemandKind kind, uint256 index, uint256 chunk)
        internal
        view
        returns (Demand memory)
    {
        return Demand({
            kind: kind,
            index: uint32(index),
            chunk: uint32(chunk),
            root: uint8(kind) >= uint8(DemandKind.Manifest) ? c.manifest : c.root,
            units: c.units,
            round: ROUND,
            chunkTokens: params().chunkTokens,
            topk: params().topk,
            answerBy: OPENED_AT + 100,
            price: judge.priceInGas(params(), c, evidenceOf(kind, index, chunk)) * BASE_FEE
        });
    }

    function ask(Commitment memory c, bytes memory evidence) internal {
        hub.ask(judge, challengeOf(evidence), params(), c, evidence);
    }

    function ask(Commitment memory c, DemandKind kind, uint256 index, uint256 chunk)
        internal
        returns (Challenge memory challenge, Demand memory demand)
    {
        bytes memory evidence = evidenceOf(kind, index, chunk);
        demand = demandOf(c, kind, index, chunk);
        ask(c, evidence);
        challenge = challengeOf(evidence);
    }

    /// @dev Answers as the honest node would, by whichever function the leaf calls for.
    function answer(Challenge memory challenge, Demand memory demand, RolloutLeaf[] memory leaves) internal {
        if (demand.kind == DemandKind.Manifest) return judge.answerManifest(challenge, demand, published);
        if (uint8(demand.kind) > uint8(DemandKind.Manifest)) return answerPiece(challenge, demand);
        RolloutLeaf memory leaf = leaves[demand.index];
        bytes32[] memory proof = proofOf(leaves, demand.index);
        uint256 chunks = RolloutLeaves.numChunks(leaf.numTokens, params().chunkTokens);
        if (demand.kind == DemandKind.Leaf || demand.chunk >= chunks) {
            return judge.answerLeaf(challenge, demand, leaf, proof);
        }
        (bytes memory data, bytes32[] memory chunkProof) = chunkOf(leaf, demand.kind, demand.chunk);
        judge.answerChunk(challenge, demand, leaf, proof, data, chunkProof);
    }

    function answerPiece(Challenge memory challenge, Demand memory demand) internal {
        if (demand.index >= 3) return judge.answerManifest(challenge, demand, published);
        bytes32[] memory proof = Trees.proof(pieceHashes(FILE_BYTES), demand.index);
        judge.answerPiece(challenge, demand, published, pieceOf(FILE_BYTES, demand.index), proof);
    }

    function depositFor(address account, uint256 amount) internal {
        vm.deal(address(this), amount);
        judge.deposit{value: amount}(account);
    }

    function assertStatus(uint256 challengeId, ChallengeStatus status) internal view {
        assertEq(uint256(hub.challengeStatus(challengeId)), uint256(status));
    }

    /// @dev Everything the judge holds is somebody's credit, or the price of an open demand.
    function assertSolvent(uint256 prices) internal view {
        uint256 owed = judge.credit(CHALLENGER) + judge.credit(NODE) + judge.credit(FRIEND)
            + judge.credit(address(this)) + judge.credit(judge.BURN());
        assertEq(address(judge).balance, owed + prices);
    }

    function revertsWith(bytes4 selector) internal {
        vm.expectRevert(abi.encodeWithSelector(selector));
    }

    function demandUnknown(uint256 challengeId) internal pure returns (bytes memory) {
        return abi.encodeWithSelector(IDataJudge.DataJudge_DemandUnknown.selector, challengeId);
    }
}
