// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {RefereeShape} from "../types/Referee.sol";
import {ToplocThresholds} from "../types/Toploc.sol";
import {AttentionAnswers} from "./attention/AttentionAnswers.sol";
import {CanonicalExecution} from "./canonical/CanonicalExecution.sol";
import {CanonicalTerms} from "./canonical/CanonicalTerms.sol";

/// @title AttentionJudge
/// @notice See `IAttentionJudge`. It holds no proof against thresholds, so it has none. One slot for each open game.
contract AttentionJudge is AttentionAnswers, CanonicalExecution {
    /// @param hub_ The only one who may open games.
    /// @param steps_ A `CanonicalSteps`.
    /// @param shape_ Of the policy.
    /// @param clockSeconds_ A side's own for the whole game, more than zero.
    /// @param graceSeconds_ What a move has at least, more than zero.
    constructor(
        address hub_,
        address steps_,
        RefereeShape memory shape_,
        uint32 clockSeconds_,
        uint32 graceSeconds_
    )
        CanonicalTerms(hub_, shape_, ToplocThresholds(0, 0, 0), clockSeconds_, graceSeconds_)
        CanonicalExecution(steps_)
    {}
}
