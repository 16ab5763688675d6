// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IDataJudge} from "../interfaces/IDataJudge.sol";
import {IHub} from "../interfaces/IHub.sol";
import {IJudge} from "../interfaces/IJudge.sol";
import {Merkle} from "../libraries/Merkle.sol";
import {LeafContext, RolloutLeaf, RolloutLeaves} from "../libraries/RolloutLeaves.sol";
import {Challenge, ChallengeStatus} from "../types/Challenge.sol";
import {Demand, DemandKind} from "../types/Demand.sol";
import {Commitment} from "../types/Membership.sol";
import {TaskParams} from "../types/Task.sol";
import {GasBonds} from "./GasBonds.sol";

/// @title DataJudge
/// @notice See `IDataJudge`. One slot for each open demand, no loop but those of the Merkle proofs.
contract DataJudge is IDataJudge, GasBonds {
    uint256 private constant EVIDENCE_BYTES = 96;
    /// @dev The largest manifest, and a chunk of 1024 tokens: TOPLOC's field allows fewer. An honest node must be able to
    /// answer whatever it is asked, so larger chunks cannot be demanded.
    uint256 private constant MAX_DATA_BYTES = 4096;
    uint256 private constant TOKEN_BYTES = 4;

    // Gas of a whole transaction that answers, measured by tests/contracts/gas/DataGas.t.sol.
    uint256 private constant MANIFEST_GAS = 75_600;
    uint256 private constant LEAF_GAS = 90_700;
    uint256 private constant CHUNK_GAS = 96_500;
    /// @dev A node of a Merkle proof.
    uint256 private constant SIBLING_GAS = 1280;
    /// @dev A byte of data: 16 as calldata, 8 in the log, 3 to copy and hash it, and 3 for what the floor under the price
    /// of calldata (EIP-7623: 40 a byte) adds where there are 4096 of them.
    uint256 private constant BYTE_GAS = 30;
    /// @dev A challenger without credit makes a slot of it: 22 100 instead of 5 000.
    uint256 private constant NEW_SLOT_GAS = 17_100;

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
        (Demand memory demand, uint256 worstGas) = _demandIn(p, c, evidence);
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
        _dismiss(challengeId, challenge, demand, LEAF_GAS + SIBLING_GAS * proof.length);
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
        if (!_wantsChunk(demand.kind)) revert DataJudge_WrongAnswer(demand.kind);
        _checkLeaf(challenge, demand, leaf, proof);
        _checkChunk(demand, leaf, data, chunkProof);

        emit ChunkShown(challengeId, msg.sender, leaf, proof, data, chunkProof);
        uint256 siblings = proof.length + chunkProof.length;
        _dismiss(challengeId, challenge, demand, CHUNK_GAS + SIBLING_GAS * siblings + BYTE_GAS * data.length);
    }

    /// @inheritdoc IDataJudge
    function answerManifest(Challenge calldata challenge, Demand calldata demand, bytes calldata manifest)
        external
    {
        uint256 challengeId = _answerable(challenge, demand);
        if (demand.kind != DemandKind.Manifest) revert DataJudge_WrongAnswer(demand.kind);
        if (manifest.length > MAX_DATA_BYTES || sha256(manifest) != demand.root) {
            revert DataJudge_ManifestNotProven();
        }

        emit ManifestShown(challengeId, msg.sender, manifest);
        _dismiss(challengeId, challenge, demand, MANIFEST_GAS + BYTE_GAS * manifest.length);
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
        (, uint256 worstGas) = _demandIn(p, c, evidence);
        return PRICE_FACTOR * worstGas;
    }

    /// @dev The demand that evidence makes, without deadline and price, and the gas of its dearest answer.
    function _demandIn(TaskParams calldata p, Commitment calldata c, bytes calldata evidence)
        private
        pure
        returns (Demand memory demand, uint256 worstGas)
    {
        if (c.units == 0) revert DataJudge_NotRollouts(c.sequence);
        if (evidence.length != EVIDENCE_BYTES) revert DataJudge_EvidenceUndecodable(evidence.length);
        (uint256 kind, uint256 index, uint256 chunk) = abi.decode(evidence, (uint256, uint256, uint256));
        if (kind == 0 || kind > uint256(type(DemandKind).max)) revert DataJudge_KindUnknown(kind);
        demand.kind = DemandKind(kind);
        bool wantsManifest = demand.kind == DemandKind.Manifest;
        uint256 rollouts = wantsManifest ? 1 : c.units;
        uint256 chunks = _wantsChunk(demand.kind) ? RolloutLeaves.numChunks(p.maxTokens, p.chunkTokens) : 1;
        if (index >= rollouts) revert DataJudge_IndexOutOfRange(index, rollouts);
        if (chunk >= chunks) revert DataJudge_ChunkOutOfRange(chunk, chunks);

        // casting is safe: rollouts and chunks are below 2^32
        // forge-lint: disable-next-item(unsafe-typecast)
        (demand.index, demand.chunk) = (uint32(index), uint32(chunk));
        demand.root = wantsManifest ? c.manifest : c.root;
        demand.units = c.units;
        demand.round = c.round;
        demand.chunkTokens = p.chunkTokens;
        demand.topk = p.topk;
        worstGas = _worstGas(p, demand.kind, Merkle.depth(rollouts) + Merkle.depth(chunks));
    }

    /// @dev Gas of an answer with the longest chunk the task allows, to a challenger without credit here or in the hub.
    function _worstGas(TaskParams calldata p, DemandKind kind, uint256 siblings)
        private
        pure
        returns (uint256)
    {
        uint256 fixedGas = 2 * NEW_SLOT_GAS + SIBLING_GAS * siblings;
        if (kind == DemandKind.Leaf) return fixedGas + LEAF_GAS;
        if (kind == DemandKind.Manifest) return fixedGas + MANIFEST_GAS + BYTE_GAS * MAX_DATA_BYTES;
        uint256 size = _chunkBytes(kind, 0, p.maxTokens, p.chunkTokens, p.topk);
        if (size > MAX_DATA_BYTES) revert DataJudge_ChunkTooLarge(size, MAX_DATA_BYTES);
        return fixedGas + CHUNK_GAS + BYTE_GAS * size;
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
        if (credit[asker] == 0) gasUsed += NEW_SLOT_GAS;
        if (IHub(hub).credit(challenge.token, asker) == 0) gasUsed += NEW_SLOT_GAS;

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
                == _chunkBytes(demand.kind, demand.chunk, leaf.numTokens, demand.chunkTokens, demand.topk);
        if (!proven) revert DataJudge_ChunkNotProven();
    }

    /// @dev Length of a chunk that a rollout of `numTokens` has.
    function _chunkBytes(DemandKind kind, uint256 chunk, uint256 numTokens, uint256 chunkTokens, uint256 topk)
        private
        pure
        returns (uint256)
    {
        if (kind == DemandKind.Proof) return 2 + 2 * topk;
        uint256 rest = numTokens - chunk * chunkTokens;
        return TOKEN_BYTES * (rest < chunkTokens ? rest : chunkTokens);
    }

    /// @dev Whether a leaf is the whole answer: it is what was demanded, or has no such chunk.
    function _sufficesAlone(Demand calldata demand, RolloutLeaf calldata leaf) private pure returns (bool) {
        if (demand.kind == DemandKind.Leaf) return true;
        uint256 chunks = RolloutLeaves.numChunks(leaf.numTokens, demand.chunkTokens);
        return _wantsChunk(demand.kind) && demand.chunk >= chunks;
    }

    function _wantsChunk(DemandKind kind) private pure returns (bool) {
        return kind == DemandKind.Tokens || kind == DemandKind.Proof;
    }
}
