// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {RolloutLeaf} from "../libraries/RolloutLeaves.sol";
import {Challenge} from "../types/Challenge.sol";
import {Demand, DemandKind} from "../types/Demand.sol";
import {Commitment} from "../types/Membership.sol";
import {TaskParams} from "../types/Task.sol";
import {IGasBonds} from "./IGasBonds.sol";
import {IJudge} from "./IJudge.sol";

/// @title Judge of withheld data: show what you committed to, or lose
/// @notice Guarantee: one honest challenger is enough, and a node that keeps its files until its commitment is final and
/// can get one transaction mined within `answerSeconds` cannot lose. An accused that shows nothing is guilty. Whatever
/// is shown has been checked against the commitment and stands in this contract's events, which are public from then on.
///
/// Limit: before somebody demands it, nothing here makes anything public. Covered is what fits a transaction: a rollout's
/// leaf, a chunk of its tokens, a TOPLOC proof, a manifest of at most 1024 bytes, and pieces of 2048 bytes of an update or
/// a checkpoint, one for each demand. So a large file is not made public by a few demands: they show that the node has it.
///
/// Demand early: an answer may come in the last second, and what it shows can be challenged in the commitment's
/// `challengeWindow` only. Everything about a commitment can be demanded at once.
///
/// Evidence is `abi.encode(uint8 kind, uint32 index, uint32 chunk)`, 96 bytes:
/// 1 Leaf      the `RolloutLeaf` of rollout `index`; `chunk` is zero.
/// 2 Tokens    chunk `chunk` of that rollout's tokens.
/// 3 Proof     chunk `chunk` of its TOPLOC proofs.
/// 4 Manifest  the preimage of the commitment's `manifest`; `index` and `chunk` are zero.
/// 5 Update    piece `index` of the update file, with the manifest, whose first bytes lead to it (`Pieces`).
/// 6 Checkpoint  likewise of a posted version's checkpoint. Of a posted version only this and 4 can be demanded.
/// What no commitment of these units and this task could have reverts: a slip costs nothing but gas.
///
/// Course of a demand: `open` charges the challenger's deposit and asks; anyone answers before `answerBy`, or from then
/// on, until the hub's deadline, anyone closes and so convicts. If nobody closes, the hub's `expire` voids the
/// commitment, but the accused keeps its stake. An answer is Dismissed, not NotGuilty: who asks accuses nobody, and
/// must be able to ask for a chunk whose existence only the withheld leaf would tell.
///
/// The asker pays for the answer, as `IGasBonds` says.
interface IDataJudge is IJudge, IGasBonds {
    /// @notice Shall be shown before `demand.answerBy`.
    event Demanded(uint256 indexed challengeId, bytes32 indexed task, address indexed node, Demand demand);
    /// @notice The commitment has this leaf. Shown where a chunk was demanded, it says that there is no such chunk.
    event LeafShown(uint256 indexed challengeId, address indexed answerer, RolloutLeaf leaf, bytes32[] proof);
    /// @notice The commitment has this leaf, and the demanded chunk is `data`.
    event ChunkShown(
        uint256 indexed challengeId,
        address indexed answerer,
        RolloutLeaf leaf,
        bytes32[] proof,
        bytes data,
        bytes32[] chunkProof
    );
    /// @notice The commitment has this manifest. Shown where a piece was demanded, it says that there is no such piece.
    event ManifestShown(uint256 indexed challengeId, address indexed answerer, bytes manifest);
    /// @notice The commitment has this manifest, and the demanded piece of its file is `piece`.
    event PieceShown(
        uint256 indexed challengeId, address indexed answerer, bytes manifest, bytes piece, bytes32[] proof
    );
    /// @notice An answer ended the demand: `paid` went to the answerer, `burned` to nobody, `returned` to the challenger.
    event Answered(
        uint256 indexed challengeId, address indexed answerer, uint256 paid, uint256 burned, uint256 returned
    );
    /// @notice The demand ended without an answer. `relayed` tells whether the hub still wanted the verdict: guilty.
    event DemandClosed(uint256 indexed challengeId, uint256 returned, bool relayed);

    /// @notice A constructor argument is out of bounds.
    error DataJudge_BadTerms();
    /// @notice Only the hub may open challenges.
    error DataJudge_NotHub(address caller);
    /// @notice Answer and close need `needed` seconds; the task's disputes last `disputeSeconds`.
    error DataJudge_DisputeTooShort(uint256 needed, uint256 disputeSeconds);
    /// @notice The commitment is a posted version, which has no rollouts and no update.
    error DataJudge_NotRollouts(uint32 sequence);
    /// @notice The commitment is to rollouts, and has no checkpoint.
    error DataJudge_NotCheckpoint(uint32 sequence);
    /// @notice Evidence is three words, not `length` bytes.
    error DataJudge_EvidenceUndecodable(uint256 length);
    /// @notice There is no such kind of demand.
    error DataJudge_KindUnknown(uint256 kind);
    /// @notice The commitment has `count` rollouts (one, where a manifest is demanded; the most pieces of any file).
    error DataJudge_IndexOutOfRange(uint256 index, uint256 count);
    /// @notice A rollout of the task has at most `count` chunks (one, where no chunk is demanded).
    error DataJudge_ChunkOutOfRange(uint256 chunk, uint256 count);
    /// @notice The task's chunks have `size` bytes; nobody is asked for more than `most`.
    error DataJudge_ChunkTooLarge(uint256 size, uint256 most);
    /// @notice No such demand is open: never made, ended, or shown with other fields.
    error DataJudge_DemandUnknown(uint256 challengeId);
    /// @notice The time to answer ended at `answerBy`.
    error DataJudge_TooLate(uint40 answerBy);
    /// @notice The demand can be answered until `answerBy`, and closed from then on.
    error DataJudge_AnswerOpen(uint40 answerBy);
    /// @notice The demand is answered by another function, or wants the chunk or piece because there is one.
    error DataJudge_WrongAnswer(DemandKind kind);
    /// @notice The leaf does not open under the commitment's root at the demanded position.
    error DataJudge_LeafNotProven();
    /// @notice The chunk has not the length every honest one has, or does not open under the leaf's root.
    error DataJudge_ChunkNotProven();
    /// @notice The manifest has more than 1024 bytes, or another SHA-256 than the commitment's, or where a piece is demanded
    /// none of the bytes that lead to it.
    error DataJudge_ManifestNotProven();
    /// @notice The piece has not its length, or does not open under the manifest's root.
    error DataJudge_PieceNotProven();

    /// @notice Shows the leaf that was demanded, or that the leaf has no such chunk. Anyone may, before `answerBy`.
    /// @param leaf The leaf at `demand.index`.
    /// @param proof From the leaf to `demand.root`.
    function answerLeaf(
        Challenge calldata challenge,
        Demand calldata demand,
        RolloutLeaf calldata leaf,
        bytes32[] calldata proof
    ) external;

    /// @notice Shows the tokens or the TOPLOC proof that was demanded. Anyone may, before `answerBy`.
    /// @param leaf The leaf at `demand.index`.
    /// @param proof From the leaf to `demand.root`.
    /// @param data The chunk: four bytes for each token, big-endian, or a TOPLOC proof.
    /// @param chunkProof From the chunk to the leaf's root of tokens or TOPLOC proofs.
    function answerChunk(
        Challenge calldata challenge,
        Demand calldata demand,
        RolloutLeaf calldata leaf,
        bytes32[] calldata proof,
        bytes calldata data,
        bytes32[] calldata chunkProof
    ) external;

    /// @notice Shows the manifest that was demanded, or that its file has no such piece. Anyone may, before `answerBy`.
    function answerManifest(Challenge calldata challenge, Demand calldata demand, bytes calldata manifest)
        external;

    /// @notice Shows the piece of an update or checkpoint that was demanded. Anyone may, before `answerBy`.
    /// @param manifest The preimage of `demand.root`.
    /// @param piece Piece `demand.index` of the manifest's file.
    /// @param proof From the piece to the root that the manifest begins with.
    function answerPiece(
        Challenge calldata challenge,
        Demand calldata demand,
        bytes calldata manifest,
        bytes calldata piece,
        bytes32[] calldata proof
    ) external;

    /// @notice Convicts an accused that did not answer. Anyone may, from `answerBy` until the hub's deadline.
    /// @dev Gives the price back, and no verdict, once the hub's deadline is over, or at any time once the hub has ended
    /// the challenge (the accused was slashed for something else).
    function close(Challenge calldata challenge, Demand calldata demand) external;

    /// @notice The hub whose challenges this judge decides.
    function hub() external view returns (address);
    /// @notice What an accused or a challenger has to trust.
    function guarantee() external pure returns (string memory);
    /// @notice Seconds from the demand on in which it can be answered.
    function answerSeconds() external view returns (uint32);
    /// @notice Seconds that a task's disputes must leave after that, for closing.
    function closeSeconds() external view returns (uint32);
    /// @notice What `open` would charge, divided by the base fee; reverts as it would for this evidence.
    /// @dev In gas, because nodes commonly answer calls as if the base fee were zero.
    function priceInGas(TaskParams calldata p, Commitment calldata c, bytes calldata evidence)
        external
        pure
        returns (uint256);
    /// @notice Hash of an open demand, `keccak256(abi.encode(demand))`; zero when there is none.
    function demandHash(uint256 challengeId) external view returns (bytes32);
}
