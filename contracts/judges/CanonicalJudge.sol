// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {RefereeShape} from "../types/Referee.sol";
import {ToplocThresholds} from "../types/Toploc.sol";
import {CanonicalAnswers} from "./canonical/CanonicalAnswers.sol";
import {CanonicalCharges} from "./canonical/CanonicalCharges.sol";
import {CanonicalExecution} from "./canonical/CanonicalExecution.sol";
import {CanonicalTerms} from "./canonical/CanonicalTerms.sol";

/// @title CanonicalJudge
/// @notice See `ICanonicalJudge`. One slot for each open game.
contract CanonicalJudge is CanonicalAnswers, CanonicalCharges, CanonicalExecution {
    /// @param hub_ The only one who may open games.
    /// @param steps_ A `CanonicalSteps`.
    /// @param aggregate_ An `AggregateJudge` of the same hub, which plays disputes about posted versions; zero for none.
    /// @param shape_ Of the policy.
    /// @param thresholds_ What a TOPLOC proof is held against.
    /// @param clockSeconds_ A side's own for the whole game, more than zero.
    /// @param graceSeconds_ What a move has at least, more than zero.
    constructor(
        address hub_,
        address steps_,
        address aggregate_,
        RefereeShape memory shape_,
        ToplocThresholds memory thresholds_,
        uint32 clockSeconds_,
        uint32 graceSeconds_
    )
        CanonicalTerms(hub_, shape_, thresholds_, clockSeconds_, graceSeconds_)
        CanonicalAnswers(aggregate_)
        CanonicalExecution(steps_)
    {}
}
