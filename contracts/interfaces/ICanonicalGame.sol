// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {
    CanonicalChunk,
    CanonicalGame,
    CanonicalMatter,
    CanonicalStage,
    CanonicalStep
} from "../types/CanonicalGame.sol";
import {Challenge} from "../types/Challenge.sol";
import {RefereeShape} from "../types/Referee.sol";
import {ToplocThresholds} from "../types/Toploc.sol";
import {IJudge} from "./IJudge.sol";

/// @title The game about a trace of the canonical referee: one honest challenger wins by arithmetic
/// @notice What the judges of computation share, from the accused's first word on:
/// 1. The challenger has another trace and descends: the accused opens a node, the challenger picks the first child
///    unlike its own, down to a row, then likewise to a block of at most 64 entries.
/// 2. The challenger names an entry, and the chain computes it from rows and weights that are opened.
///
/// Each side has `clockSeconds` for the whole game, and for each move at least `graceSeconds`. Whoever is silent loses. A
/// move that is not allowed reverts and costs nothing but gas and time. Only the accused's own key and the challenger may
/// move. Any number of challenges run side by side, each in one slot: the hash of its `CanonicalGame`.
/// docs/referee.md specifies the referee and the game, protocol/spec/referee/game.py is the twin.
interface ICanonicalGame is IJudge {
    /// @notice The accused is to answer.
    event GameOpened(
        uint256 indexed challengeId, address indexed accused, CanonicalGame game, CanonicalMatter matter
    );
    /// @notice The accused has answered. The challenger is to charge, or to descend.
    /// @dev `support`: what its proof stands against, where there is one.
    event GameAnswered(uint256 indexed challengeId, CanonicalGame game, CanonicalChunk chunk, bytes support);
    /// @notice The challenger says that the trace is wrong. The accused is to open its root.
    event GameDescended(uint256 indexed challengeId, CanonicalGame game);
    /// @notice The challenger is to pick one of the children.
    event NodeOpened(uint256 indexed challengeId, CanonicalGame game, bytes32[16] children);
    /// @notice The accused is to open the child, a node or, where `game.level` is zero, a row.
    event ChildPicked(uint256 indexed challengeId, CanonicalGame game);
    /// @notice The challenger is to pick a block; where there is only one, the accused is to open it.
    event RowOpened(uint256 indexed challengeId, CanonicalGame game, bytes32[] blocks);
    /// @notice The accused is to open the block.
    event BlockPicked(uint256 indexed challengeId, CanonicalGame game);
    /// @notice The challenger is to execute one of the entries.
    event BlockOpened(uint256 indexed challengeId, CanonicalGame game, bytes data);
    /// @notice The game is over, at this stage. `timedOut` tells whether because of silence.
    event GameEnded(uint256 indexed challengeId, Verdict verdict, CanonicalStage stage, bool timedOut);

    /// @notice A constructor argument is out of bounds.
    error CanonicalJudge_BadTerms();
    /// @notice Only the hub may open challenges.
    error CanonicalJudge_NotHub(address caller);
    /// @notice A game takes up to `needed` seconds; the task's disputes last `disputeSeconds`.
    error CanonicalJudge_DisputeTooShort(uint256 needed, uint256 disputeSeconds);
    /// @notice The commitment is a posted version, which has no rollouts.
    error CanonicalJudge_NotRollouts(uint32 sequence);
    /// @notice The task names no rule, or its code is another now, or not such that its answers never change.
    error CanonicalJudge_RuleUnfit(address rule);
    /// @notice The rule does not tell this problem's prompt.
    error CanonicalJudge_NoPrompt(address rule, uint32 problem);
    /// @notice No such game is on: never opened, ended, or shown with other fields.
    error CanonicalJudge_GameUnknown(uint256 challengeId);
    /// @notice The move belongs to another stage.
    error CanonicalJudge_WrongStage(CanonicalStage stage);
    /// @notice It is the turn of `mover`.
    error CanonicalJudge_NotMover(address caller, address mover);
    /// @notice The mover's time ended at `deadline`.
    error CanonicalJudge_TooLate(uint256 deadline);
    /// @notice The mover's time ends at `deadline` only.
    error CanonicalJudge_TimeLeft(uint256 deadline);
    /// @notice The matter or the chunk is not that of the game, or the support not that of the chunk.
    error CanonicalJudge_OtherSubject(bytes32 expected);
    /// @notice The leaf does not open under the commitment's root at the disputed position.
    error CanonicalJudge_LeafNotProven();
    /// @notice The sequence has `tokens` tokens; the policy reads at most `positions`.
    error CanonicalJudge_SequenceTooLong(uint256 tokens, uint256 positions);
    /// @notice What is shown does not hash to what is in dispute.
    error CanonicalJudge_NotInDispute(bytes32 expected);
    /// @notice No row stands under the child, or the row has no such block, or the block no such entry.
    error CanonicalJudge_OutOfRange(uint256 index, uint256 count);
    /// @notice The step reads `expected` rows and not as many as shown.
    error CanonicalJudge_WrongCount(uint256 shown, uint256 expected);
    /// @notice What is shown does not open as row `index`.
    error CanonicalJudge_RowNotProven(uint256 index);
    /// @notice What is shown does not open as row `index` of the weights.
    error CanonicalJudge_WeightsNotProven(uint256 index);
    /// @notice The manifest has more than 1024 bytes, another SHA-256 than the leaf's, or no canonical root.
    error CanonicalJudge_ManifestNotProven();
    /// @notice The tokens do not open as chunk `chunk` of the completion, or are too few.
    error CanonicalJudge_TokensNotProven(uint256 chunk);
    /// @notice The chain has nothing to object to what is charged.
    error CanonicalJudge_ChargeFails();

    /// @notice The challenger has another trace.
    function descend(uint256 challengeId, CanonicalGame calldata game, CanonicalChunk calldata chunk) external;

    /// @notice The accused shows the children of the node in dispute.
    function openNode(uint256 challengeId, CanonicalGame calldata game, bytes32[16] calldata children)
        external;

    /// @notice The challenger picks one of them.
    /// @param children As the accused showed them.
    function pickChild(
        uint256 challengeId,
        CanonicalGame calldata game,
        bytes32[16] calldata children,
        uint32 child
    ) external;

    /// @notice The accused shows the row in dispute. Guilty if another operator or length stands there.
    /// @param kind Number of the operator.
    /// @param length Entries.
    /// @param blocks Hashes of its blocks, at most 16.
    function openRow(
        Challenge calldata challenge,
        CanonicalGame calldata game,
        uint8 kind,
        uint32 length,
        bytes32[] calldata blocks
    ) external;

    /// @notice The challenger picks a block.
    /// @param blocks As the accused showed them.
    function pickBlock(
        uint256 challengeId,
        CanonicalGame calldata game,
        bytes32[] calldata blocks,
        uint32 part
    ) external;

    /// @notice The accused shows the block in dispute. Guilty if it has another length.
    function openBlock(Challenge calldata challenge, CanonicalGame calldata game, bytes calldata data)
        external;

    /// @notice Convicts an accused of whose row one entry is not what its step gives.
    function execute(
        Challenge calldata challenge,
        CanonicalGame calldata game,
        CanonicalChunk calldata chunk,
        CanonicalStep calldata step
    ) external;

    /// @notice Ends a game whose mover was silent. Anyone may, from `deadlineOf(game)` until the hub's deadline.
    function timeOut(Challenge calldata challenge, CanonicalGame calldata game) external;

    /// @notice The hub whose challenges this judge decides.
    function hub() external view returns (address);
    /// @notice The `CanonicalSteps` that computes entries for this judge.
    function steps() external view returns (address);
    /// @notice What an accused or a challenger has to trust.
    function guarantee() external pure returns (string memory);
    /// @notice The policy that is computed.
    function shape() external view returns (RefereeShape memory);
    /// @notice What a TOPLOC proof is held against.
    function thresholds() external view returns (ToplocThresholds memory);
    /// @notice A side's own for the whole game.
    function clockSeconds() external view returns (uint32);
    /// @notice What a move has at least.
    function graceSeconds() external view returns (uint32);
    /// @notice What a task's disputes must leave: both clocks, every move in its last second, and a grace to close.
    function neededSeconds() external view returns (uint256);
    /// @notice A move counts before it; from then on the mover can be timed out.
    function deadlineOf(CanonicalGame calldata game) external view returns (uint256);
    /// @notice Hash of an open game, `keccak256(abi.encode(game))`; zero when there is none.
    function gameHash(uint256 challengeId) external view returns (bytes32);
}
