// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ICanonicalGame} from "../../interfaces/ICanonicalGame.sol";
import {RefereeLayout} from "../../libraries/RefereeLayout.sol";
import {Tree16} from "../../libraries/Tree16.sol";
import {RefereeShape} from "../../types/Referee.sol";
import {ToplocThresholds} from "../../types/Toploc.sol";

/// @title What a judge of computation was deployed with
/// @dev All of it is in the code, so a task that names the judge with its code hash fixes it.
abstract contract CanonicalTerms is ICanonicalGame {
    /// @dev Each side: its first word, one for each level, row or block, block or step.
    uint256 private constant WORDS_BESIDE_LEVELS = 3;

    /// @dev What a transaction can carry of openings; nodes pass on some 128 kB.
    uint256 private constant MAX_STEP_BYTES = 100_000;
    // Of a row: three activations for each entry of the width. Of a node above it: sixteen hashes.
    uint256 private constant ENTRY_BYTES = 15;
    uint256 private constant NODE_BYTES = 512;

    /// @inheritdoc ICanonicalGame
    address public immutable hub;
    /// @notice Of the policy's shape.
    uint32 public immutable vocabulary;
    /// @notice Of the policy's shape.
    uint32 public immutable layers;
    /// @notice Of the policy's shape.
    uint32 public immutable width;
    /// @notice Of the policy's shape.
    uint32 public immutable heads;
    /// @notice Of the policy's shape.
    uint32 public immutable feedForward;
    /// @notice Of the policy's shape.
    uint32 public immutable positions;
    /// @notice Of the thresholds.
    uint32 public immutable maxExponentMismatches;
    /// @notice Of the thresholds.
    uint32 public immutable maxMantissaMeanThousandths;
    /// @notice Of the thresholds.
    uint32 public immutable maxMantissaMedianThousandths;
    /// @inheritdoc ICanonicalGame
    uint32 public immutable clockSeconds;
    /// @inheritdoc ICanonicalGame
    uint32 public immutable graceSeconds;

    constructor(
        address hub_,
        RefereeShape memory shape_,
        ToplocThresholds memory thresholds_,
        uint32 clockSeconds_,
        uint32 graceSeconds_
    ) {
        RefereeLayout.check(shape_);
        bool isTimed = clockSeconds_ != 0 && graceSeconds_ != 0;
        if (!isTimed || _largestStep(shape_) > MAX_STEP_BYTES) revert CanonicalJudge_BadTerms();
        hub = hub_;
        vocabulary = shape_.vocabulary;
        layers = shape_.layers;
        width = shape_.width;
        heads = shape_.heads;
        feedForward = shape_.feedForward;
        positions = shape_.positions;
        maxExponentMismatches = thresholds_.maxExponentMismatches;
        maxMantissaMeanThousandths = thresholds_.maxMantissaMeanThousandths;
        maxMantissaMedianThousandths = thresholds_.maxMantissaMedianThousandths;
        clockSeconds = clockSeconds_;
        graceSeconds = graceSeconds_;
    }

    /// @inheritdoc ICanonicalGame
    function guarantee() external pure returns (string memory) {
        return "one honest challenger: the chain executes the first step that is not the canonical referee's";
    }

    /// @inheritdoc ICanonicalGame
    function neededSeconds() public view returns (uint256) {
        uint256 levels = Tree16.depth(RefereeLayout.rowCount(shape(), positions));
        uint256 words = levels + WORDS_BESIDE_LEVELS;
        return 2 * (clockSeconds + words * graceSeconds) + graceSeconds;
    }

    /// @inheritdoc ICanonicalGame
    function shape() public view returns (RefereeShape memory) {
        return RefereeShape(vocabulary, layers, width, heads, feedForward, positions);
    }

    /// @inheritdoc ICanonicalGame
    function thresholds() public view returns (ToplocThresholds memory) {
        return
            ToplocThresholds(maxExponentMismatches, maxMantissaMeanThousandths, maxMantissaMedianThousandths);
    }

    /// @dev Bytes of what the largest step reads: a mixture the values at every position, a linear map those of every head.
    function _largestStep(RefereeShape memory shape_) private pure returns (uint256) {
        uint256 levels = Tree16.depth(RefereeLayout.rowCount(shape_, shape_.positions));
        uint256 rows = shape_.positions > shape_.heads ? shape_.positions : shape_.heads;
        return (rows + 1) * (ENTRY_BYTES * shape_.width + NODE_BYTES * levels);
    }
}
