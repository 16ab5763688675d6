// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAggregateJudge} from "../../interfaces/IAggregateJudge.sol";
import {Merkle} from "../../libraries/Merkle.sol";
import {Pieces} from "../../libraries/Pieces.sol";
import {AggregateRule} from "../../types/AggregateGame.sol";

/// @title What a judge of posted versions was deployed with
/// @dev All of it is in the code, so a task that names the judge with its code hash fixes it.
abstract contract AggregateTerms is IAggregateJudge {
    uint256 internal constant MAX_BACK = 3;
    /// @dev Levels that one move opens.
    uint256 internal constant STRIDE = 4;
    // As protocol/spec/diloco/outer.py bounds them, so that nothing overflows.
    uint256 private constant MAX_RATIO = 2 ** 10;
    uint256 private constant MAX_OFFSET = 32;
    /// @dev An integer is twelve bytes; of a header there is less than a megabyte.
    uint256 private constant INTEGER_BYTES = 12;
    uint256 private constant MAX_HEADER_BYTES = 2 ** 20;
    /// @dev Each side beside answers and nodes: piece and inputs, or the integer and the refutation.
    uint256 private constant LAST_WORDS = 2;

    /// @inheritdoc IAggregateJudge
    address public immutable hub;
    /// @notice Of the rule.
    uint32 public immutable parameters;
    /// @notice Of the rule.
    uint32 public immutable learningRateNumerator;
    /// @notice Of the rule.
    uint32 public immutable learningRateDenominator;
    /// @notice Of the rule.
    uint32 public immutable momentumNumerator;
    /// @notice Of the rule.
    uint32 public immutable momentumDenominator;
    /// @notice Of the rule.
    uint32 public immutable maxExponentOffset;
    /// @inheritdoc IAggregateJudge
    uint32 public immutable clockSeconds;
    /// @inheritdoc IAggregateJudge
    uint32 public immutable graceSeconds;

    constructor(address hub_, AggregateRule memory rule_, uint32 clockSeconds_, uint32 graceSeconds_) {
        bool isTimed = clockSeconds_ != 0 && graceSeconds_ != 0;
        if (!isTimed || !_isFit(rule_)) revert AggregateJudge_BadTerms();
        hub = hub_;
        parameters = rule_.parameters;
        learningRateNumerator = rule_.learningRateNumerator;
        learningRateDenominator = rule_.learningRateDenominator;
        momentumNumerator = rule_.momentumNumerator;
        momentumDenominator = rule_.momentumDenominator;
        maxExponentOffset = rule_.maxExponentOffset;
        clockSeconds = clockSeconds_;
        graceSeconds = graceSeconds_;
    }

    /// @inheritdoc IAggregateJudge
    function guarantee() external pure returns (string memory) {
        return
            "one honest challenger: the chain computes the first integer that the accepted updates do not give";
    }

    /// @inheritdoc IAggregateJudge
    function rule() public view returns (AggregateRule memory) {
        return AggregateRule(
            parameters,
            learningRateNumerator,
            learningRateDenominator,
            momentumNumerator,
            momentumDenominator,
            maxExponentOffset
        );
    }

    /// @inheritdoc IAggregateJudge
    function neededSeconds() public view returns (uint256) {
        uint256 most = INTEGER_BYTES * parameters + MAX_HEADER_BYTES;
        uint256 levels = Merkle.depth((most + Pieces.PIECE_BYTES - 1) / Pieces.PIECE_BYTES);
        uint256 words = 1 + MAX_BACK + (levels + STRIDE - 1) / STRIDE + LAST_WORDS;
        return 2 * (clockSeconds + words * graceSeconds) + graceSeconds;
    }

    /// @dev Largest exponent of an update's block.
    function _maxExponent() internal view returns (int256) {
        return int256(uint256(maxExponentOffset)) - int256(MAX_OFFSET);
    }

    function _isFit(AggregateRule memory rule_) private pure returns (bool) {
        return rule_.parameters != 0 && rule_.maxExponentOffset <= MAX_OFFSET
            && rule_.learningRateNumerator != 0 && rule_.learningRateNumerator <= MAX_RATIO
            && rule_.learningRateDenominator != 0 && rule_.learningRateDenominator <= MAX_RATIO
            && rule_.momentumDenominator != 0 && rule_.momentumDenominator <= MAX_RATIO
            && rule_.momentumNumerator < rule_.momentumDenominator;
    }
}
