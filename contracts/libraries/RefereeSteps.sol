// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

import {RowOpening} from "../types/CanonicalGame.sol";
import {RefereePart, RefereeRow, RefereeShape} from "../types/Referee.sol";
import {RefereeLayout} from "./RefereeLayout.sol";
import {RefereeMath} from "./RefereeMath.sol";

/// @title One entry of a trace from the rows and weights that it is computed from
/// @notice Openings are whole rows, of the lengths that `RefereeOpenings` has checked.
/// @dev Twin of protocol/spec/referee/execution.py.
library RefereeSteps {
    // Of the policy's norms: 10^-5 in units of 2^-48.
    uint256 private constant EPSILON = 2_814_749_767;
    uint256 private constant ONE = 1 << 24;
    uint256 private constant WEIGHT_BITS = 20;
    uint256 private constant ACTIVATION_BITS = 24;
    uint256 private constant VALUE_BYTES = 5;
    uint256 private constant WEIGHT_BYTES = 4;
    // Of a row of moments, and of one of a softmax.
    uint256 private constant MEAN = 2;
    uint256 private constant WORD = 3;
    uint256 private constant SUM = 1;

    /// @notice Entry `column` of a row.
    /// @param sources The rows of `RefereeLayout.sources`.
    /// @param weights The rows of `RefereeLayout.weightRows`.
    function compute(
        RefereeShape memory shape,
        RefereeRow memory row,
        uint256 column,
        RowOpening[] calldata sources,
        RowOpening[] calldata weights
    ) internal pure returns (int256) {
        uint8 kind = RefereeLayout.kind(row.part);
        if (kind == RefereeLayout.kind(RefereePart.AttentionIn)) return _linear(sources, weights[0].data);
        if (kind == RefereeLayout.kind(RefereePart.Embed)) {
            return RefereeMath.embed(_weight(weights[0].data, column), _weight(weights[1].data, column));
        }
        if (kind == RefereeLayout.kind(RefereePart.Score)) return _score(shape, row, sources);
        if (kind == RefereeLayout.kind(RefereePart.Mix)) return _mix(shape, row, column, sources);
        if (kind == RefereeLayout.kind(RefereePart.FinalNorm)) return _norm(column, sources, weights);
        return _plain(kind, column, sources);
    }

    /// @notice Entry `place` of a row's data, or of a block's.
    function value(bytes calldata data, uint256 place) internal pure returns (int256) {
        return int256(int40(uint40(bytes5(data[VALUE_BYTES * place:VALUE_BYTES * (place + 1)]))));
    }

    /// @notice Likewise of a row of statistics.
    function statistic(bytes calldata data, uint256 place) internal pure returns (int256) {
        return int256(int128(uint128(bytes16(data[16 * place:16 * (place + 1)]))));
    }

    function _weight(bytes calldata data, uint256 place) private pure returns (int256) {
        return int256(int32(uint32(bytes4(data[WEIGHT_BYTES * place:WEIGHT_BYTES * (place + 1)]))));
    }

    /// @dev The sources, one behind the other, times a row of weights.
    function _linear(RowOpening[] calldata sources, bytes calldata weights) private pure returns (int256) {
        int256 sum = 0;
        uint256 start = 0;
        for (uint256 i = 0; i < sources.length; ++i) {
            bytes calldata values = sources[i].data;
            uint256 end = start + values.length / VALUE_BYTES * WEIGHT_BYTES;
            sum += RefereeMath.partialDot(values, weights[start:end]);
            start = end;
        }
        return RefereeMath.finishDot(sum, WEIGHT_BITS, 0);
    }

    /// @dev The steps that need neither weights nor the shape.
    function _plain(uint8 kind, uint256 column, RowOpening[] calldata sources) private pure returns (int256) {
        bytes calldata first = sources[0].data;
        if (kind == RefereeLayout.kind(RefereePart.FinalMoments)) return _moment(column, first);
        if (kind == RefereeLayout.kind(RefereePart.Exp)) {
            (int256 greatest,,) = RefereeMath.moments(first, 0);
            return RefereeMath.exp(uint256(greatest - value(first, column)));
        }
        if (kind == RefereeLayout.kind(RefereePart.FeedRelu)) return RefereeMath.relu(value(first, column));
        bytes calldata second = sources[1].data;
        if (kind == RefereeLayout.kind(RefereePart.ExpSum)) return _expSum(column, first, second);
        if (kind == RefereeLayout.kind(RefereePart.Softmax)) {
            return RefereeMath.divide(value(first, column), statistic(second, SUM));
        }
        assert(kind == RefereeLayout.kind(RefereePart.AttentionAdd));
        return RefereeMath.add(value(first, column), value(second, column));
    }

    function _norm(uint256 column, RowOpening[] calldata sources, RowOpening[] calldata weights)
        private
        pure
        returns (int256)
    {
        return RefereeMath.normalise(
            value(sources[0].data, column),
            statistic(sources[1].data, MEAN),
            uint256(statistic(sources[1].data, WORD)),
            _weight(weights[0].data, column),
            _weight(weights[1].data, column)
        );
    }

    /// @dev Query and key of a head: rows hold queries, keys and values.
    function _score(RefereeShape memory shape, RefereeRow memory row, RowOpening[] calldata sources)
        private
        pure
        returns (int256)
    {
        uint256 head = shape.width / shape.heads;
        int256 sum = _product(sources, row.head * head, shape.width + row.head * head, head);
        int256 scale = int256(Math.sqrt(ONE * ONE / head));
        return RefereeMath.rounded(RefereeMath.finishDot(sum, ACTIVATION_BITS, 0) * scale, ACTIVATION_BITS);
    }

    /// @dev Of `count` entries of two sources.
    function _product(RowOpening[] calldata sources, uint256 first, uint256 second, uint256 count)
        private
        pure
        returns (int256 sum)
    {
        (bytes calldata queries, bytes calldata keys) = (sources[0].data, sources[1].data);
        for (uint256 i = 0; i < count; ++i) {
            sum += value(queries, first + i) * value(keys, second + i);
        }
    }

    /// @dev Probabilities times the values at every position seen.
    function _mix(
        RefereeShape memory shape,
        RefereeRow memory row,
        uint256 column,
        RowOpening[] calldata sources
    ) private pure returns (int256) {
        uint256 place =
            2 * uint256(shape.width) + row.head * (shape.width / shape.heads) + column;
        int256 sum = 0;
        for (uint256 position = 0; position <= row.position; ++position) {
            sum += value(sources[0].data, position) * value(sources[position + 1].data, place);
        }
        return RefereeMath.finishDot(sum, ACTIVATION_BITS, 0);
    }

    /// @dev Of a norm: sum, sum of squares about the rounded mean, mean, word of the inverse root.
    function _moment(uint256 column, bytes calldata values) private pure returns (int256) {
        uint256 count = values.length / VALUE_BYTES;
        (, int256 sum,) = RefereeMath.moments(values, 0);
        if (column == 0) return sum;
        int256 mean = RefereeMath.mean(sum, count);
        if (column == MEAN) return mean;
        (,, uint256 squares) = RefereeMath.moments(values, mean);
        if (column == 1) return int256(squares);
        (uint256 factor, uint256 shift) = RefereeMath.inverseRoot(squares / count + EPSILON);
        return int256((factor << 8) + shift);
    }

    /// @dev Greatest score, sum of exponentials.
    function _expSum(uint256 column, bytes calldata scores, bytes calldata weights)
        private
        pure
        returns (int256)
    {
        (int256 greatest,,) = RefereeMath.moments(scores, 0);
        if (column == 0) return greatest;
        (, int256 sum,) = RefereeMath.moments(weights, 0);
        return sum;
    }
}
