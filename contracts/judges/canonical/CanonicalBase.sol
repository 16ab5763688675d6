// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ICanonicalGame} from "../../interfaces/ICanonicalGame.sol";
import {IHub} from "../../interfaces/IHub.sol";
import {CanonicalChunk, CanonicalGame, CanonicalStage} from "../../types/CanonicalGame.sol";
import {Challenge} from "../../types/Challenge.sol";
import {CanonicalTerms} from "./CanonicalTerms.sol";

/// @title What the moves share: whose turn it is, the clocks, and how a game goes on or ends
abstract contract CanonicalBase is CanonicalTerms {
    /// @inheritdoc ICanonicalGame
    mapping(uint256 challengeId => bytes32) public gameHash;

    /// @inheritdoc ICanonicalGame
    function timeOut(Challenge calldata challenge, CanonicalGame calldata game) external {
        uint256 challengeId = _idOf(challenge);
        _requireKnown(challengeId, game);
        uint256 deadline = deadlineOf(game);
        if (block.timestamp < deadline) revert CanonicalJudge_TimeLeft(deadline);
        Verdict verdict = _isChallengers(game.stage) ? Verdict.NotGuilty : Verdict.Guilty;
        _end(challengeId, challenge, verdict, game.stage, true);
    }

    /// @inheritdoc ICanonicalGame
    function deadlineOf(CanonicalGame calldata game) public view returns (uint256) {
        uint32 left = _isChallengers(game.stage) ? game.challengerSeconds : game.accusedSeconds;
        return uint256(game.movedAt) + (left < graceSeconds ? graceSeconds : left);
    }

    /// @dev The game behind a move of its mover at this stage, the mover's clock run down.
    function _begin(uint256 challengeId, CanonicalGame calldata game, CanonicalStage stage)
        internal
        view
        returns (CanonicalGame memory next)
    {
        _requireKnown(challengeId, game);
        if (game.stage != stage) revert CanonicalJudge_WrongStage(game.stage);
        bool isChallengers = _isChallengers(stage);
        address mover = isChallengers ? game.challenger : game.accused;
        if (msg.sender != mover) revert CanonicalJudge_NotMover(msg.sender, mover);
        uint256 deadline = deadlineOf(game);
        if (block.timestamp >= deadline) revert CanonicalJudge_TooLate(deadline);

        next = game;
        uint256 spent = block.timestamp - game.movedAt;
        if (isChallengers) next.challengerSeconds = _rest(game.challengerSeconds, spent);
        else next.accusedSeconds = _rest(game.accusedSeconds, spent);
        next.movedAt = uint40(block.timestamp);
    }

    function _keep(uint256 challengeId, CanonicalGame memory next) internal {
        gameHash[challengeId] = keccak256(abi.encode(next));
    }

    /// @dev Nothing may happen behind this: the hub is asked last.
    function _end(
        uint256 challengeId,
        Challenge calldata challenge,
        Verdict verdict,
        CanonicalStage stage,
        bool timedOut
    ) internal {
        delete gameHash[challengeId];
        emit GameEnded(challengeId, verdict, stage, timedOut);
        IHub(hub).verdict(challenge, verdict);
    }

    function _convict(uint256 challengeId, Challenge calldata challenge, CanonicalStage stage) internal {
        _end(challengeId, challenge, Verdict.Guilty, stage, false);
    }

    function _requireChunk(CanonicalGame calldata game, CanonicalChunk calldata chunk) internal pure {
        _requireSubject(game, keccak256(abi.encode(chunk)));
    }

    function _requireSubject(CanonicalGame calldata game, bytes32 shown) internal pure {
        if (shown != game.subject) revert CanonicalJudge_OtherSubject(game.subject);
    }

    /// @dev As `IHub.challengeIdOf`, without a call.
    function _idOf(Challenge calldata challenge) internal pure returns (uint256) {
        return uint256(keccak256(abi.encode(challenge)));
    }

    /// @dev Who shows another game than is kept shows one that is not on.
    function _requireKnown(uint256 challengeId, CanonicalGame calldata game) private view {
        if (gameHash[challengeId] != keccak256(abi.encode(game))) {
            revert CanonicalJudge_GameUnknown(challengeId);
        }
    }

    function _isChallengers(CanonicalStage stage) private pure returns (bool) {
        return uint8(stage) & 1 == 1;
    }

    function _rest(uint32 left, uint256 spent) private pure returns (uint32) {
        return spent < left ? left - uint32(spent) : 0;
    }
}
