// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AggregateRule} from "../types/AggregateGame.sol";
import {AggregateAnswers} from "./aggregate/AggregateAnswers.sol";
import {AggregateDescent} from "./aggregate/AggregateDescent.sol";
import {AggregateInputsStage} from "./aggregate/AggregateInputsStage.sol";
import {AggregateTerms} from "./aggregate/AggregateTerms.sol";

/// @title AggregateJudge
/// @notice See `IAggregateJudge`. One slot for each open game.
contract AggregateJudge is AggregateAnswers, AggregateDescent, AggregateInputsStage {
    /// @param hub_ Whose rings hold the commitments.
    /// @param rule_ How versions follow from updates.
    /// @param clockSeconds_ A side's own for the whole game, more than zero.
    /// @param graceSeconds_ What a move has at least, more than zero.
    constructor(address hub_, AggregateRule memory rule_, uint32 clockSeconds_, uint32 graceSeconds_)
        AggregateTerms(hub_, rule_, clockSeconds_, graceSeconds_)
    {}
}
