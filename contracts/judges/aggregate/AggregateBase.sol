// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAggregateJudge} from "../../interfaces/IAggregateJudge.sol";
import {IHub} from "../../interfaces/IHub.sol";
import {AggregateVerbatim} from "../../libraries/AggregateVerbatim.sol";
import {ChessClock} from "../../libraries/ChessClock.sol";
import {Pieces} from "../../libraries/Pieces.sol";
import {AggregateClaim, AggregateGame, AggregateStage, PieceOpening} from "../../types/AggregateGame.sol";
import {Challenge} from "../../types/Challenge.sol";
import {AggregateTerms} from "./AggregateTerms.sol";

/// @title What the moves share: whose turn it is, the clocks, and how a game goes on or ends
abstract contract AggregateBase is AggregateTerms {
    /// @inheritdoc IAggregateJudge
    mapping(uint256 challengeId => bytes32) public gameHash;

    /// @inheritdoc IAggregateJudge
    function timeOut(Challenge calldata challenge, AggregateGame calldata game) external {
        uint256 challengeId = _idOf(challenge);
        _requireKnown(challengeId, game);
        uint256 deadline = deadlineOf(game);
        if (block.timestamp < deadline) revert AggregateJudge_TimeLeft(deadline);
        Verdict verdict = _isChallengers(game.stage) ? Verdict.NotGuilty : Verdict.Guilty;
        _end(challengeId, challenge, game, verdict, true);
    }

    /// @inheritdoc IAggregateJudge
    function deadlineOf(AggregateGame calldata game) public view returns (uint256) {
        uint32 left = _isChallengers(game.stage) ? game.challengerSeconds : game.accusedSeconds;
        return ChessClock.deadline(game.movedAt, left, graceSeconds);
    }

    /// @dev The game behind a move of its mover at this stage, the mover's clock run down.
    function _begin(uint256 challengeId, AggregateGame calldata game, AggregateStage stage)
        internal
        view
        returns (AggregateGame memory next)
    {
        _requireKnown(challengeId, game);
        if (game.stage != stage) revert AggregateJudge_WrongStage(game.stage);
        bool isChallengers = _isChallengers(stage);
        address mover = isChallengers ? game.challenger : game.accused;
        if (msg.sender != mover) revert AggregateJudge_NotMover(msg.sender, mover);
        uint256 deadline = deadlineOf(game);
        if (block.timestamp >= deadline) revert AggregateJudge_TooLate(deadline);

        next = game;
        uint256 spent = block.timestamp - game.movedAt;
        if (isChallengers) next.challengerSeconds = ChessClock.rest(game.challengerSeconds, spent);
        else next.accusedSeconds = ChessClock.rest(game.accusedSeconds, spent);
        next.movedAt = uint40(block.timestamp);
    }

    function _keep(uint256 challengeId, AggregateGame memory next) internal {
        gameHash[challengeId] = keccak256(abi.encode(next));
    }

    /// @dev Nothing may happen behind this: whoever asked is told last.
    function _end(
        uint256 challengeId,
        Challenge calldata challenge,
        AggregateGame calldata game,
        Verdict verdict,
        bool timedOut
    ) internal {
        delete gameHash[challengeId];
        emit VersionSettled(challengeId, verdict, game.stage, timedOut);
        IHub(game.front).verdict(challenge, verdict);
    }

    function _convict(uint256 challengeId, Challenge calldata challenge, AggregateGame calldata game)
        internal
    {
        _end(challengeId, challenge, game, Verdict.Guilty, false);
    }

    function _requireClaim(AggregateGame calldata game, AggregateClaim calldata claim) internal pure {
        _requireSubject(game, AggregateVerbatim.hash(claim));
    }

    function _requireSubject(AggregateGame calldata game, bytes32 shown) internal pure {
        if (shown != game.subject) revert AggregateJudge_OtherSubject(game.subject);
    }

    function _requireInDispute(AggregateGame calldata game, bytes32 shown) internal pure {
        if (shown != game.node) revert AggregateJudge_NotInDispute(game.node);
    }

    /// @dev Where byte `offset` of a file stands in the piece that is shown.
    function _placeIn(bytes32 root, uint256 fileBytes, uint256 offset, PieceOpening calldata opening)
        internal
        pure
        returns (uint256 place)
    {
        uint256 index = offset / Pieces.PIECE_BYTES;
        if (!Pieces.opens(root, fileBytes, index, opening.data, opening.proof)) {
            revert AggregateJudge_PieceNotProven(index);
        }
        return offset % Pieces.PIECE_BYTES;
    }

    /// @dev As `IHub.challengeIdOf`, without a call.
    function _idOf(Challenge calldata challenge) internal pure returns (uint256) {
        return uint256(AggregateVerbatim.hash(challenge));
    }

    /// @dev Who shows another game than is kept shows one that is not on.
    function _requireKnown(uint256 challengeId, AggregateGame calldata game) private view {
        if (gameHash[challengeId] != AggregateVerbatim.hash(game)) {
            revert AggregateJudge_GameUnknown(challengeId);
        }
    }

    function _isChallengers(AggregateStage stage) private pure returns (bool) {
        return uint8(stage) & 1 == 1;
    }
}
