// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IDataJudge} from "../interfaces/IDataJudge.sol";
import {Demand, DemandKind} from "../types/Demand.sol";
import {Commitment} from "../types/Membership.sol";
import {TaskParams} from "../types/Task.sol";
import {Merkle} from "./Merkle.sol";
import {Pieces} from "./Pieces.sol";
import {RolloutLeaves} from "./RolloutLeaves.sol";

/// @title What may be demanded, and the gas of showing it
/// @dev Twin of the prices in protocol/spec/demand.py.
library DemandTerms {
    /// @notice A chunk of 1024 tokens: TOPLOC's field allows fewer. An honest node must be able to answer whatever it is
    /// asked, so larger chunks cannot be demanded.
    uint256 internal constant MAX_DATA_BYTES = 4096;
    /// @notice The longest with honest values have some 730 bytes.
    uint256 internal constant MAX_MANIFEST_BYTES = 1024;

    // Gas of a whole transaction that answers, measured by tests/contracts/gas/DataGas.t.sol.
    uint256 internal constant MANIFEST_GAS = 81_400;
    uint256 internal constant LEAF_GAS = 91_000;
    uint256 internal constant CHUNK_GAS = 96_900;
    uint256 internal constant PIECE_GAS = 84_600;
    /// @notice A node of a Merkle proof.
    uint256 internal constant SIBLING_GAS = 1280;
    /// @notice A byte of a chunk: 16 as calldata, 8 in the log, 3 to copy and hash it, and 3 for what the floor under the
    /// price of calldata (EIP-7623: 40 a byte) adds where there are 4096 of them.
    uint256 internal constant BYTE_GAS = 30;
    /// @notice A byte of a manifest or a piece, which together stay below that floor.
    uint256 internal constant FILE_BYTE_GAS = 26;
    /// @notice A challenger without credit makes a slot of it: 22 100 instead of 5 000.
    uint256 internal constant NEW_SLOT_GAS = 17_100;

    uint256 private constant EVIDENCE_BYTES = 96;
    uint256 private constant TOKEN_BYTES = 4;

    /// @notice The demand that evidence makes, without deadline and price, and the gas of its dearest answer.
    function read(TaskParams calldata p, Commitment calldata c, bytes calldata evidence)
        internal
        pure
        returns (Demand memory demand, uint256 worstGas)
    {
        if (evidence.length != EVIDENCE_BYTES) {
            revert IDataJudge.DataJudge_EvidenceUndecodable(evidence.length);
        }
        (uint256 kind, uint256 index, uint256 chunk) = abi.decode(evidence, (uint256, uint256, uint256));
        if (kind == 0 || kind > uint256(type(DemandKind).max)) revert IDataJudge.DataJudge_KindUnknown(kind);
        demand.kind = DemandKind(kind);
        _checkCommitment(c, demand.kind);
        uint256 places = _places(c, demand.kind);
        uint256 chunks = wantsChunk(demand.kind) ? RolloutLeaves.numChunks(p.maxTokens, p.chunkTokens) : 1;
        if (index >= places) revert IDataJudge.DataJudge_IndexOutOfRange(index, places);
        if (chunk >= chunks) revert IDataJudge.DataJudge_ChunkOutOfRange(chunk, chunks);

        // casting is safe: places and chunks are at most 2^32
        // forge-lint: disable-next-item(unsafe-typecast)
        (demand.index, demand.chunk) = (uint32(index), uint32(chunk));
        demand.root = wantsManifest(demand.kind) ? c.manifest : c.root;
        demand.units = c.units;
        demand.round = c.round;
        demand.chunkTokens = p.chunkTokens;
        demand.topk = p.topk;
        worstGas = _worstGas(p, demand.kind, Merkle.depth(places) + Merkle.depth(chunks));
    }

    /// @notice Length of a chunk that a rollout of `numTokens` has.
    function chunkBytes(DemandKind kind, uint256 chunk, uint256 numTokens, uint256 chunkTokens, uint256 topk)
        internal
        pure
        returns (uint256)
    {
        if (kind == DemandKind.Proof) return 2 + 2 * topk;
        uint256 rest = numTokens - chunk * chunkTokens;
        return TOKEN_BYTES * (rest < chunkTokens ? rest : chunkTokens);
    }

    /// @notice Whether a chunk of a rollout is asked for.
    function wantsChunk(DemandKind kind) internal pure returns (bool) {
        return kind == DemandKind.Tokens || kind == DemandKind.Proof;
    }

    /// @notice Whether a piece of a file is asked for.
    function wantsPiece(DemandKind kind) internal pure returns (bool) {
        return kind == DemandKind.Update || kind == DemandKind.Checkpoint;
    }

    /// @notice Whether the answer has to open the commitment's `manifest`, and not its root.
    function wantsManifest(DemandKind kind) internal pure returns (bool) {
        return kind == DemandKind.Manifest || wantsPiece(kind);
    }

    /// @dev A posted version has a manifest and a checkpoint, and work everything but a checkpoint.
    function _checkCommitment(Commitment calldata c, DemandKind kind) private pure {
        if (c.units != 0) {
            if (kind == DemandKind.Checkpoint) revert IDataJudge.DataJudge_NotCheckpoint(c.sequence);
        } else if (kind != DemandKind.Checkpoint && kind != DemandKind.Manifest) {
            revert IDataJudge.DataJudge_NotRollouts(c.sequence);
        }
    }

    /// @dev How many there may be of what is demanded. Only a manifest tells how many pieces its file has.
    function _places(Commitment calldata c, DemandKind kind) private pure returns (uint256) {
        if (wantsPiece(kind)) return Pieces.MAX_PIECES;
        return kind == DemandKind.Manifest ? 1 : c.units;
    }

    /// @dev Gas of an answer with the longest chunk the task allows, or the longest manifest and piece, to a challenger
    /// without credit in the judge or the hub.
    function _worstGas(TaskParams calldata p, DemandKind kind, uint256 siblings)
        private
        pure
        returns (uint256)
    {
        uint256 fixedGas = 2 * NEW_SLOT_GAS + SIBLING_GAS * siblings;
        if (kind == DemandKind.Leaf) return fixedGas + LEAF_GAS;
        if (kind == DemandKind.Manifest) return fixedGas + MANIFEST_GAS + FILE_BYTE_GAS * MAX_MANIFEST_BYTES;
        if (wantsPiece(kind)) {
            return fixedGas + PIECE_GAS + FILE_BYTE_GAS * (MAX_MANIFEST_BYTES + Pieces.PIECE_BYTES);
        }
        uint256 size = chunkBytes(kind, 0, p.maxTokens, p.chunkTokens, p.topk);
        if (size > MAX_DATA_BYTES) revert IDataJudge.DataJudge_ChunkTooLarge(size, MAX_DATA_BYTES);
        return fixedGas + CHUNK_GAS + BYTE_GAS * size;
    }
}
