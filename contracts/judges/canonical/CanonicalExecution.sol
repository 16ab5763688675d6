// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ICanonicalGame} from "../../interfaces/ICanonicalGame.sol";
import {Tree16} from "../../libraries/Tree16.sol";
import {CanonicalChunk, CanonicalGame, CanonicalStage, CanonicalStep} from "../../types/CanonicalGame.sol";
import {Challenge} from "../../types/Challenge.sol";
import {CanonicalDescent} from "./CanonicalDescent.sol";
import {CanonicalSteps} from "./CanonicalSteps.sol";

/// @title The last move: the chain computes one entry
abstract contract CanonicalExecution is CanonicalDescent {
    /// @inheritdoc ICanonicalGame
    address public immutable steps;

    constructor(address steps_) {
        if (steps_.codehash != keccak256(type(CanonicalSteps).runtimeCode)) revert CanonicalJudge_BadTerms();
        steps = steps_;
    }

    /// @inheritdoc ICanonicalGame
    function execute(
        Challenge calldata challenge,
        CanonicalGame calldata game,
        CanonicalChunk calldata chunk,
        CanonicalStep calldata step
    ) external {
        uint256 challengeId = _idOf(challenge);
        _begin(challengeId, game, CanonicalStage.Step);
        _requireChunk(game, chunk);
        _requireInDispute(game, Tree16.leaf(step.data));
        // `CanonicalSteps(steps).isWrong(challenge, game, chunk, step)`.
        if (_passOn(steps, CanonicalSteps.isWrong.selector) != 1) revert CanonicalJudge_ChargeFails();

        _convict(challengeId, challenge, game.stage);
    }
}
