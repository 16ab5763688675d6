// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {
    AggregateAnswer,
    AggregateClaim,
    AggregateEntry,
    AggregateFault,
    AggregateGame,
    AggregateInputs,
    AggregateMatter,
    AggregateRule,
    AggregateStage,
    AggregateTerm,
    PieceOpening
} from "../types/AggregateGame.sol";
import {Challenge} from "../types/Challenge.sol";
import {IJudge} from "./IJudge.sol";

/// @title Judge of posted versions: one honest challenger wins by arithmetic
/// @notice Guarantee: ONE HONEST CHALLENGER is enough. A poster whose checkpoint differs by one integer from what the round's
/// accepted updates make of the version before loses, whatever it says; a poster whose version is true cannot lose, whoever
/// challenges it, as long as it moves in time. docs/aggregate.md specifies the game, protocol/spec/aggregate is the twin.
///
/// There is no evidence. The game:
/// 1. The accused shows the manifest of its version and of the version before, and which commitments its version is made
///    of. The chain looks each up in the hub's ring.
/// 2. The challenger shows that a commitment is missing, or counts for nothing, or that the version was decided earlier,
///    or goes back to the version before, of which the accused then has to say the same; or it descends into the checkpoint.
/// 3. Descending, the accused opens a node four levels deep and the challenger picks the first child unlike its own, down
///    to a piece of 2048 bytes, which the accused shows.
/// 4. The challenger names an integer in it. The accused tells what it is made of: weight and momentum before, and of each
///    update two bytes. The chain computes the integer: guilty if it is another.
/// 5. The challenger opens the one of these inputs that is false, under the root that its author committed to.
///
/// Each side has `clockSeconds` for the whole game, and for each move at least `graceSeconds`. Whoever is silent loses. A
/// move that is not allowed reverts and costs nothing but gas and time. Only the accused's own key and the challenger may
/// move. Any number of challenges run side by side, each in one slot: the hash of its `AggregateGame`.
///
/// What the chain does not see, and leaves to the other judges: the addresses of the files that a manifest names beside
/// its roots, its canonical root, and an update whose manifest names another file than the one under its root.
///
/// The judge of a task may be this contract, or one that passes challenges of posted versions on to it: whoever calls
/// `open` gets the verdict.
interface IAggregateJudge is IJudge {
    /// @notice The accused is to answer.
    event VersionDisputed(
        uint256 indexed challengeId, address indexed accused, AggregateGame game, AggregateMatter matter
    );
    /// @notice The challenger is to charge. `nodes` are those whose commitments are accepted, `manifests` those that count.
    event VersionAnswered(
        uint256 indexed challengeId,
        AggregateGame game,
        AggregateClaim claim,
        address[] nodes,
        bytes32[] manifests
    );
    /// @notice The version before is in dispute now; the accused is to answer.
    event WentBack(uint256 indexed challengeId, AggregateGame game, AggregateMatter matter);
    /// @notice The challenger says that the checkpoint is wrong. The accused is to open its root, or its only piece.
    event VersionDescended(uint256 indexed challengeId, AggregateGame game);
    /// @notice The challenger is to pick one of the children.
    event NodeOpened(uint256 indexed challengeId, AggregateGame game, bytes32[] children);
    /// @notice The accused is to open the child, a node or, where `game.level` is zero, a piece.
    event ChildPicked(uint256 indexed challengeId, AggregateGame game);
    /// @notice The challenger is to name an integer of the piece.
    event PieceShown(uint256 indexed challengeId, AggregateGame game, bytes piece);
    /// @notice The accused is to tell what the integer at `game.offset` is made of.
    event IntegerNamed(uint256 indexed challengeId, AggregateGame game);
    /// @notice The challenger is to refute one of the inputs.
    event InputsShown(uint256 indexed challengeId, AggregateGame game, AggregateInputs inputs);
    /// @notice The game is over, at this stage. `timedOut` tells whether because of silence.
    event VersionSettled(uint256 indexed challengeId, Verdict verdict, AggregateStage stage, bool timedOut);

    /// @notice A constructor argument is out of bounds.
    error AggregateJudge_BadTerms();
    /// @notice The challenge is not the caller's to open, or is another than `challengeId` says.
    error AggregateJudge_NotFront(address caller);
    /// @notice A game takes up to `needed` seconds; the task's disputes last `disputeSeconds`.
    error AggregateJudge_DisputeTooShort(uint256 needed, uint256 disputeSeconds);
    /// @notice The commitment is to rollouts and not to a version.
    error AggregateJudge_NotVersion(uint32 sequence);
    /// @notice There is no evidence, not `length` bytes.
    error AggregateJudge_EvidenceUndecodable(uint256 length);
    /// @notice From `last` on a ring may have forgotten commitments that the version is made of.
    error AggregateJudge_TooOld(uint256 last);
    /// @notice No such game is on: never opened, ended, or shown with other fields.
    error AggregateJudge_GameUnknown(uint256 challengeId);
    /// @notice The move belongs to another stage.
    error AggregateJudge_WrongStage(AggregateStage stage);
    /// @notice It is the turn of `mover`.
    error AggregateJudge_NotMover(address caller, address mover);
    /// @notice The mover's time ended at `deadline`.
    error AggregateJudge_TooLate(uint256 deadline);
    /// @notice The mover's time ends at `deadline` only.
    error AggregateJudge_TimeLeft(uint256 deadline);
    /// @notice The matter, the claim or the inputs are not those of the game.
    error AggregateJudge_OtherSubject(bytes32 expected);
    /// @notice The manifest has more than 1024 bytes, no head, another SHA-256 than `digest`, or names another parent.
    error AggregateJudge_ManifestNotProven(bytes32 digest);
    /// @notice The hub's ring does not hold such a commitment of that node.
    error AggregateJudge_EntryUnknown(address node, uint32 sequence);
    /// @notice The commitment is not accepted for the version: of another round, of a slashed node, or out of order.
    error AggregateJudge_EntryUnfit(address node, uint32 sequence);
    /// @notice That is no posting of this version or a later one before the accused's.
    error AggregateJudge_PostingUnfit(uint32 version, uint40 time);
    /// @notice What is shown does not make the update of this entry none, or faults are out of order.
    error AggregateJudge_NoFault(uint32 entry);
    /// @notice What is shown does not hash to what is in dispute.
    error AggregateJudge_NotInDispute(bytes32 expected);
    /// @notice There is no such child, byte, integer, entry or term, or not as many as there are.
    error AggregateJudge_OutOfRange(uint256 index, uint256 count);
    /// @notice What is shown does not open as piece `index` of its file.
    error AggregateJudge_PieceNotProven(uint256 index);
    /// @notice Nobody goes back further than three times, or behind version 0.
    error AggregateJudge_NoWayBack(uint32 back);
    /// @notice The chain has nothing to object to what is charged.
    error AggregateJudge_ChargeFails();

    /// @notice The accused's first move, and again after each step back. Guilty if the manifests contradict each other;
    /// dismissed if one of the updates is `unreadable`.
    /// @param matter As its event told it.
    function answer(
        Challenge calldata challenge,
        AggregateGame calldata game,
        AggregateMatter calldata matter,
        AggregateAnswer calldata move
    ) external;

    /// @notice Convicts an accused that left out an accepted commitment.
    /// @param matter As its event told it.
    /// @param claim As the answer's event told it.
    /// @param nodes Likewise.
    /// @param omitted The commitment.
    function chargeOmitted(
        Challenge calldata challenge,
        AggregateGame calldata game,
        AggregateMatter calldata matter,
        AggregateClaim calldata claim,
        address[] calldata nodes,
        AggregateEntry calldata omitted
    ) external;

    /// @notice Convicts an accused whose version was decided in an earlier round than it says.
    /// @param earlier A posting of this version or a later one.
    function chargeDecided(
        Challenge calldata challenge,
        AggregateGame calldata game,
        AggregateMatter calldata matter,
        AggregateClaim calldata claim,
        AggregateEntry calldata earlier
    ) external;

    /// @notice Convicts an accused that counts an update that is none.
    /// @param manifests As the answer's event told them.
    /// @param fault Of one of them.
    function chargeFault(
        Challenge calldata challenge,
        AggregateGame calldata game,
        AggregateMatter calldata matter,
        AggregateClaim calldata claim,
        bytes32[] calldata manifests,
        AggregateFault calldata fault
    ) external;

    /// @notice The challenger says that the version before is wrong already.
    function goBack(
        uint256 challengeId,
        AggregateGame calldata game,
        AggregateMatter calldata matter,
        AggregateClaim calldata claim
    ) external;

    /// @notice The challenger says that the checkpoint is wrong.
    function descend(uint256 challengeId, AggregateGame calldata game, AggregateClaim calldata claim) external;

    /// @notice The accused shows the nodes up to four levels below the one in dispute.
    function openNode(uint256 challengeId, AggregateGame calldata game, bytes32[] calldata children) external;

    /// @notice The challenger picks one of them.
    /// @param claim As the answer's event told it.
    /// @param children As the accused showed them.
    function pickChild(
        uint256 challengeId,
        AggregateGame calldata game,
        AggregateClaim calldata claim,
        bytes32[] calldata children,
        uint32 child
    ) external;

    /// @notice The accused shows the piece in dispute. Guilty if it has another length.
    function showPiece(
        Challenge calldata challenge,
        AggregateGame calldata game,
        AggregateClaim calldata claim,
        bytes calldata piece
    ) external;

    /// @notice Convicts an accused whose checkpoint has another header than its parent's.
    /// @param piece As the accused showed it.
    /// @param offset Of the byte in the file.
    /// @param parentPiece The piece of the parent's checkpoint that holds it.
    function chargeHeader(
        Challenge calldata challenge,
        AggregateGame calldata game,
        AggregateClaim calldata claim,
        bytes calldata piece,
        uint64 offset,
        PieceOpening calldata parentPiece
    ) external;

    /// @notice The challenger says that an integer of the piece is wrong.
    /// @param offset Of its first byte in the file.
    function nameInteger(
        uint256 challengeId,
        AggregateGame calldata game,
        AggregateClaim calldata claim,
        uint64 offset
    ) external;

    /// @notice The accused tells what the integer is made of. Guilty if that gives another.
    /// @param piece As the accused showed it.
    function showInputs(
        Challenge calldata challenge,
        AggregateGame calldata game,
        AggregateClaim calldata claim,
        bytes calldata piece,
        AggregateInputs calldata inputs
    ) external;

    /// @notice Convicts an accused that told a false weight or momentum of the version before.
    /// @param inputs As the accused told them.
    /// @param isWeight Which.
    /// @param opening The piece of the parent's checkpoint that holds it.
    function refuteParent(
        Challenge calldata challenge,
        AggregateGame calldata game,
        AggregateClaim calldata claim,
        AggregateInputs calldata inputs,
        bool isWeight,
        PieceOpening calldata opening
    ) external;

    /// @notice Convicts an accused that told a false term of an update.
    /// @param inputs As the accused told them.
    function refuteTerm(
        Challenge calldata challenge,
        AggregateGame calldata game,
        AggregateClaim calldata claim,
        AggregateInputs calldata inputs,
        AggregateTerm calldata shown
    ) external;

    /// @notice Ends a game whose mover was silent. Anyone may, from `deadlineOf(game)` until the hub's deadline.
    function timeOut(Challenge calldata challenge, AggregateGame calldata game) external;

    /// @notice The hub whose rings hold the commitments.
    function hub() external view returns (address);
    /// @notice What an accused or a challenger has to trust.
    function guarantee() external pure returns (string memory);
    /// @notice How versions follow from updates.
    function rule() external view returns (AggregateRule memory);
    /// @notice A side's own for the whole game.
    function clockSeconds() external view returns (uint32);
    /// @notice What a move has at least.
    function graceSeconds() external view returns (uint32);
    /// @notice What a task's disputes must leave: both clocks, every move in its last second, and a grace to close.
    function neededSeconds() external view returns (uint256);
    /// @notice A move counts before it; from then on the mover can be timed out.
    function deadlineOf(AggregateGame calldata game) external view returns (uint256);
    /// @notice Hash of an open game, `keccak256(abi.encode(game))`; zero when there is none.
    function gameHash(uint256 challengeId) external view returns (bytes32);
}
