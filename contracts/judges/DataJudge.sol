// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IDataJudge} from "../interfaces/IDataJudge.sol";
import {IHub} from "../interfaces/IHub.sol";
import {IJudge} from "../interfaces/IJudge.sol";
import {DemandTerms} from "../libraries/DemandTerms.sol";
import {Merkle} from "../libraries/Merkle.sol";
import {Pieces} from "../libraries/Pieces.sol";
import {LeafContext, RolloutLeaf, RolloutLeaves} from "../libraries/RolloutLeaves.sol";
import {Challenge, ChallengeStatus} from "../types/Challenge.sol";
import {Demand, DemandKind} from "../types/Demand.sol";
import {Commitment} from "../types/Membership.sol";
import {TaskParams} from "../types/Task.sol";
import {GasBonds} from "./GasBonds.sol";

/// @title DataJudge
/// @notice See `IDataJudge`. One slot for each open demand, no loop but those of the Merkle proofs.
contract DataJudge is IDataJudge, GasBonds {
    /// @inheritdoc IDataJudge
    address public immutable hub;
    /// @inheritdoc IDataJudge
    uint32 public immutable answerSeconds;
    /// @inheritdoc IDataJudge
    uint32 public immutable closeSeconds;

    /// @inheritdoc IDataJudge
    mapping(uint256 challengeId => bytes32) public demandHash;

    /// @param hub_ The only one who may open demands.
    /// @param answerSeconds_ To get an answer mined, more than zero.
    /// @param closeSeconds_ To get a verdict mined after that, more than zero.
    constructor(address hub_, uint32 answerSeconds_, uint32 closeSeconds_) {
        if (answerSeconds_ == 0 || closeSeconds_ == 0) revert DataJudge_BadTerms();
        hub = hub_;
        answerSeconds = answerSeconds_;
        closeSeconds = closeSeconds_;
    }

    /// @inheritdoc IDataJudge
    function guarantee() external pure returns (string memory) {
        return "one honest challenger: who does not show demanded data in time is guilty";
    }

    /// @inheritdoc IJudge
    function open(
        uint256 challengeId,
        Challenge calldata challenge,
        TaskParams calldata p,
        Commitment calldata c,
        bytes calldata evidence
    ) external returns (Verdict) {
        if (msg.sender != hub) revert DataJudge_NotHub(msg.sender);
        uint256 needed = uint256(answerSeconds) + closeSeconds;
        if (needed > p.disputeSeconds) revert DataJudge_DisputeTooShort(needed, p.disputeSeconds);
        (Demand memory demand, uint256 worstGas) = DemandTerms.read(p, c, evidence);
        demand.answerBy = uint40(block.timestamp) + answerSeconds;
        demand.price = _charge(challenge.challenger, worstGas);

        demandHash[challengeId] = keccak256(abi.encode(demand));
        emit Demanded(challengeId, challenge.task, challenge.node, demand);
        return Verdict.Pending;
    }

    /// @inheritdoc IDataJudge
    function answerLeaf(
        Challenge calldata challenge,
        Demand calldata demand,
        RolloutLeaf calldata leaf,
        bytes32[] calldata proof
    ) external {
        uint256 challengeId = _answerable(challenge, demand);
        if (!_sufficesAlone(demand, leaf)) revert DataJudge_WrongAnswer(demand.kind);
        _checkLeaf(challenge, demand, leaf, proof);

        emit LeafShown(challengeId, msg.sender, leaf, proof);
        _dismiss(
            challengeId, challenge, demand, DemandTerms.LEAF_GAS + DemandTerms.SIBLING_GAS * proof.length
        );
    }

    /// @inheritdoc IDataJudge
    function answerChunk(
        Challenge calldata challenge,
        Demand calldata demand,
        RolloutLeaf calldata leaf,
        bytes32[] calldata proof,
        bytes calldata data,
        bytes32[] calldata chunkProof
    ) external {
        uint256 challengeId = _answerable(challenge, demand);
        if (!DemandTerms.wantsChunk(demand.kind)) revert DataJudge_WrongAnswer(demand.kind);
        _checkLeaf(challenge, demand, leaf, proof);
        _checkChunk(demand, leaf, data, chunkProof);

        emit ChunkShown(challengeId, msg.sender, leaf, proof, data, chunkProof);
        uint256 siblings = proof.length + chunkProof.length;
        _dismiss(
            challengeId,
            challenge,
            demand,
            DemandTerms.CHUNK_GAS + DemandTerms.SIBLING_GAS * siblings + DemandTerms.BYTE_GAS * data.length
        );
    }

    /// @inheritdoc IDataJudge
    function answerManifest(Challenge calldata challenge, Demand calldata demand, bytes calldata manifest)
        external
    {
        uint256 challengeId = _answerable(challenge, demand);
        if (!DemandTerms.wantsManifest(demand.kind)) revert DataJudge_WrongAnswer(demand.kind);
        _checkManifest(demand, manifest);
        if (demand.kind != DemandKind.Manifest && demand.index < Pieces.count(manifest)) {
            revert DataJudge_WrongAnswer(demand.kind);
        }

        emit ManifestShown(challengeId, msg.sender, manifest);
        _dismiss(
            challengeId,
            challenge,
            demand,
            DemandTerms.MANIFEST_GAS + DemandTerms.FILE_BYTE_GAS * manifest.length
        );
    }

    /// @inheritdoc IDataJudge
    function answerPiece(
        Challenge calldata challenge,
        Demand calldata demand,
        bytes calldata manifest,
        bytes calldata piece,
        bytes32[] calldata proof
    ) external {
        uint256 challengeId = _answerable(challenge, demand);
        if (!DemandTerms.wantsPiece(demand.kind)) revert DataJudge_WrongAnswer(demand.kind);
        _checkManifest(demand, manifest);
        if (!Pieces.verify(manifest, demand.index, piece, proof)) revert DataJudge_PieceNotProven();

        emit PieceShown(challengeId, msg.sender, manifest, piece, proof);
        uint256 bytesGas = DemandTerms.FILE_BYTE_GAS * (manifest.length + piece.length);
        uint256 gasUsed = DemandTerms.PIECE_GAS + DemandTerms.SIBLING_GAS * proof.length + bytesGas;
        _dismiss(challengeId, challenge, demand, gasUsed);
    }

    /// @inheritdoc IDataJudge
    function close(Challenge calldata challenge, Demand calldata demand) external {
        uint256 challengeId = _openId(challenge, demand);
        bool pending = IHub(hub).challengeStatus(challengeId) == ChallengeStatus.Pending;
        if (pending && block.timestamp < demand.answerBy) revert DataJudge_AnswerOpen(demand.answerBy);

        // Asked first instead of caught after: catching would let a caller that brings too little gas lose the verdict.
        bool relayed = pending && block.timestamp < challenge.deadline;
        delete demandHash[challengeId];
        _giveBack(challenge.challenger, demand.price);
        emit DemandClosed(challengeId, demand.price, relayed);
        if (relayed) IHub(hub).verdict(challenge, Verdict.Guilty);
    }

    /// @inheritdoc IDataJudge
    function priceInGas(TaskParams calldata p, Commitment calldata c, bytes calldata evidence)
        external
        pure
        returns (uint256)
    {
        (, uint256 worstGas) = DemandTerms.read(p, c, evidence);
        return PRICE_FACTOR * worstGas;
    }

    /// @dev Id and still answerable.
    function _answerable(Challenge calldata challenge, Demand calldata demand)
        private
        view
        returns (uint256 challengeId)
    {
        challengeId = _openId(challenge, demand);
        if (block.timestamp >= demand.answerBy) revert DataJudge_TooLate(demand.answerBy);
    }

    /// @dev Who shows another demand than was made shows one that does not exist.
    function _openId(Challenge calldata challenge, Demand calldata demand)
        private
        view
        returns (uint256 challengeId)
    {
        challengeId = IHub(hub).challengeIdOf(challenge);
        if (demandHash[challengeId] != keccak256(abi.encode(demand))) {
            revert DataJudge_DemandUnknown(challengeId);
        }
    }

    /// @dev Ends an answered demand.
    /// @param gasUsed By what has been checked of the answer alone: padding would otherwise be paid for.
    function _dismiss(
        uint256 challengeId,
        Challenge calldata challenge,
        Demand calldata demand,
        uint256 gasUsed
    ) private {
        address asker = challenge.challenger;
        if (credit[asker] == 0) gasUsed += DemandTerms.NEW_SLOT_GAS;
        if (IHub(hub).credit(challenge.token, asker) == 0) gasUsed += DemandTerms.NEW_SLOT_GAS;

        delete demandHash[challengeId];
        (uint256 paid, uint256 burned, uint256 returned) = _settle(asker, demand.price, gasUsed);
        emit Answered(challengeId, msg.sender, paid, burned, returned);
        IHub(hub).verdict(challenge, Verdict.Dismissed);
    }

    function _checkLeaf(
        Challenge calldata challenge,
        Demand calldata demand,
        RolloutLeaf calldata leaf,
        bytes32[] calldata proof
    ) private view {
        LeafContext memory context = LeafContext(
            block.chainid, hub, challenge.task, challenge.node, challenge.sequence, demand.round
        );
        bytes32 leafHash = RolloutLeaves.hash(context, leaf);
        bool proven = leaf.index == demand.index
            && Merkle.verify(demand.root, leafHash, demand.index, demand.units, proof);
        if (!proven) revert DataJudge_LeafNotProven();
    }

    /// @dev Where a piece is demanded, the manifest has to tell of which file.
    function _checkManifest(Demand calldata demand, bytes calldata manifest) private pure {
        bool proven = manifest.length <= DemandTerms.MAX_MANIFEST_BYTES && sha256(manifest) == demand.root
            && (demand.kind == DemandKind.Manifest || Pieces.hasHead(manifest));
        if (!proven) revert DataJudge_ManifestNotProven();
    }

    /// @dev The length is part of what is demanded: evidence about a chunk too long for a transaction would not fit one
    /// either.
    function _checkChunk(
        Demand calldata demand,
        RolloutLeaf calldata leaf,
        bytes calldata data,
        bytes32[] calldata chunkProof
    ) private pure {
        uint256 chunks = RolloutLeaves.numChunks(leaf.numTokens, demand.chunkTokens);
        bytes32 root = demand.kind == DemandKind.Tokens ? leaf.tokensRoot : leaf.toplocRoot;
        bool proven = Merkle.verify(root, Merkle.leaf(data), demand.chunk, chunks, chunkProof)
            && data.length
                == DemandTerms.chunkBytes(
                    demand.kind, demand.chunk, leaf.numTokens, demand.chunkTokens, demand.topk
                );
        if (!proven) revert DataJudge_ChunkNotProven();
    }

    /// @dev Whether a leaf is the whole answer: it is what was demanded, or has no such chunk.
    function _sufficesAlone(Demand calldata demand, RolloutLeaf calldata leaf) private pure returns (bool) {
        if (demand.kind == DemandKind.Leaf) return true;
        uint256 chunks = RolloutLeaves.numChunks(leaf.numTokens, demand.chunkTokens);
        return DemandTerms.wantsChunk(demand.kind) && demand.chunk >= chunks;
    }
}
