// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ICanonicalGame} from "../../interfaces/ICanonicalGame.sol";
import {IHub} from "../../interfaces/IHub.sol";
import {ChessClock} from "../../libraries/ChessClock.sol";
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
        Verdict ending = _isChallengers(game.stage) ? Verdict.NotGuilty : Verdict.Guilty;
        _end(challengeId, challenge, ending, game.stage, true);
    }

    /// @inheritdoc ICanonicalGame
    function deadlineOf(CanonicalGame calldata game) public view returns (uint256) {
        uint32 left = _isChallengers(game.stage) ? game.challengerSeconds : game.accusedSeconds;
        return ChessClock.deadline(game.movedAt, left, graceSeconds);
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
        if (isChallengers) next.challengerSeconds = ChessClock.rest(game.challengerSeconds, spent);
        else next.accusedSeconds = ChessClock.rest(game.accusedSeconds, spent);
        next.movedAt = uint40(block.timestamp);
    }

    function _keep(uint256 challengeId, CanonicalGame memory next) internal {
        gameHash[challengeId] = keccak256(abi.encode(next));
    }

    /// @dev Nothing may happen behind this: the hub is asked last.
    function _end(
        uint256 challengeId,
        Challenge calldata challenge,
        Verdict ending,
        CanonicalStage stage,
        bool timedOut
    ) internal {
        delete gameHash[challengeId];
        emit GameEnded(challengeId, ending, stage, timedOut);
        IHub(hub).verdict(challenge, ending);
    }

    function _convict(uint256 challengeId, Challenge calldata challenge, CanonicalStage stage) internal {
        _end(challengeId, challenge, Verdict.Guilty, stage, false);
    }

    function _requireChunk(CanonicalGame calldata game, CanonicalChunk calldata chunk) internal pure {
        _requireSubject(game, keccak256(abi.encode(chunk)));
    }

    /// @dev Calls a function that takes the arguments which came here; its errors are passed on.
    /// `(, bytes memory result) = target.call(bytes.concat(selector, msg.data[4:])); answer = abi.decode(result, (uint256))`,
    /// and 2^256 - 1 where the result is less than a word. To encode the arguments anew takes a kilobyte of code.
    function _passOn(address target, bytes4 selector) internal returns (uint256 answer) {
        assembly ("memory-safe") {
            let data := mload(0x40)
            mstore(data, selector)
            calldatacopy(add(data, 4), 4, sub(calldatasize(), 4))
            if iszero(call(gas(), target, 0, data, calldatasize(), 0, 0x20)) {
                returndatacopy(data, 0, returndatasize())
                revert(data, returndatasize())
            }
            answer := mload(0)
            if lt(returndatasize(), 0x20) { answer := not(0) }
        }
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
}
