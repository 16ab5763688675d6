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
/// leaf, a chunk of its tokens, a TOPLOC proof, and the submission manifest, which is at most 4096 bytes. Not covered are
/// the update file, the weights and the manifest of a checkpoint, which may be too large for any transaction, so that a
/// demand could convict an honest node: claims of checkpoints cannot be asked about at all.
///
/// Demand early: an answer may come in the last second, and what it shows can be challenged in the commitment's
/// `challengeWindow` only. Everything about a commitment can be demanded at once.
///
/// Evidence is `abi.encode(uint8 kind, uint32 index, uint32 chunk)`, 96 bytes:
/// 1 Leaf      the `RolloutLeaf` of rollout `index`; `chunk` is zero.
/// 2 Tokens    chunk `chunk` of that rollout's tokens.
/// 3 Proof     chunk `chunk` of its TOPLOC proofs.
/// 4 Manifest  the preimage of the commitment's `manifest`; `index` and `chunk` are zero.
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
    /// @notice The commitment has this manifest.
    event ManifestShown(uint256 indexed challengeId, address indexed answerer, bytes manifest);
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
    /// @notice The commitment is a checkpoint claim, of which nothing can be demanded.
    error DataJudge_NotRollouts(uint32 sequence);
    /// @notice Evidence is three words, not `length` bytes.
    error DataJudge_EvidenceUndecodable(uint256 length);
    /// @notice There is no such kind of demand.
    error DataJudge_KindUnknown(uint256 kind);
    /// @notice The commitment has `count` rollouts (one, where a manifest is demanded).
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
    /// @notice The demand is answered by another function, or wants the chunk because there is one.
    error DataJudge_WrongAnswer(DemandKind kind);
    /// @notice The leaf does not open under the commitment's root at the demanded position.
    error DataJudge_LeafNotProven();
    /// @notice The chunk has not the length every honest one has, or does not open under the leaf's root.
    error DataJudge_ChunkNotProven();
    /// @notice The manifest has more than 4096 bytes, or another SHA-256 than the commitment's.
    error DataJudge_ManifestNotProven();

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

    /// @notice Shows the manifest that was demanded. Anyone may, before `answerBy`.
    function answerManifest(Challenge calldata challenge, Demand calldata demand, bytes calldata manifest)
        external;

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
