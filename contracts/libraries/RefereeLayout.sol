// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {RefereePart, RefereeRow, RefereeShape} from "../types/Referee.sol";

/// @title Where everything stands in a trace of the built-in policy and in its weights tree
/// @notice A row's number says which operator made it, how long it is, and which rows and weights it is computed from.
/// @dev Twin of protocol/spec/referee/layout.py, which lists the order.
library RefereeLayout {
    /// @notice The game does not cover this shape.
    error RefereeLayout_BadShape();

    /// @notice A trace of `tokens` tokens has fewer rows.
    error RefereeLayout_NoRow(uint256 index, uint256 rows);

    /// @dev Products that one step sums.
    uint256 private constant LONGEST_SUM = 256;
    /// @dev Names of tensors sort as their layers do up to here.
    uint256 private constant MAX_LAYERS = 10;
    uint256 private constant MIN_HEAD = 4;
    uint256 private constant BEFORE_ATTENTION = 3;
    uint256 private constant OF_ATTENTION = 5;
    uint256 private constant AFTER_ATTENTION = 8;
    // Sum, sum of squares, mean, inverse root; greatest score, sum of exponentials.
    uint256 private constant MOMENTS_LENGTH = 4;
    uint256 private constant EXP_SUM_LENGTH = 2;
    /// @dev Byte p: the number of the operator of part p. Twin of `Kind` in protocol/spec/referee/trace.py.
    bytes19 private constant KINDS = hex"010d0302050c0e060702080d03020902080d03";

    /// @notice Reverts unless every sum of the shape fits one step and its tensors sort as its layers do.
    function check(RefereeShape memory shape) internal pure {
        bool isCovered = shape.vocabulary != 0 && shape.layers != 0 && shape.layers <= MAX_LAYERS
            && shape.width <= LONGEST_SUM && shape.feedForward != 0 && shape.feedForward <= LONGEST_SUM
            && shape.positions != 0 && shape.positions <= LONGEST_SUM && shape.heads != 0;
        if (!isCovered || shape.width % shape.heads != 0 || shape.width / shape.heads < MIN_HEAD) {
            revert RefereeLayout_BadShape();
        }
    }

    /// @notice Rows of the trace of one sequence.
    function rowCount(RefereeShape memory shape, uint256 tokens) internal pure returns (uint256) {
        return tokens * (3 + shape.layers * _rowsOfToken(shape));
    }

    /// @notice Rows of the weights tree.
    function weightRowCount(RefereeShape memory shape) internal pure returns (uint256) {
        return shape.layers * _weightRowsOfLayer(shape) + 2 + 2 * uint256(shape.vocabulary) + shape.positions;
    }

    /// @notice The number that a row's leaf binds.
    function kind(RefereePart part) internal pure returns (uint8) {
        return uint8(KINDS[uint8(part)]);
    }

    /// @notice The row of this number.
    function locate(RefereeShape memory shape, uint256 tokens, uint256 index)
        internal
        pure
        returns (RefereeRow memory row)
    {
        uint256 count = rowCount(shape, tokens);
        if (index >= count) revert RefereeLayout_NoRow(index, count);
        uint256 group = index / tokens;
        row.position = index % tokens;
        if (group == 0) return row;
        uint256 ofToken = _rowsOfToken(shape);
        row.layer = (group - 1) / ofToken;
        group = (group - 1) % ofToken;
        if (row.layer == shape.layers) {
            row.layer = 0;
            row.part = RefereePart(uint8(RefereePart.FinalMoments) + group);
            return row;
        }
        uint256 attention = OF_ATTENTION * shape.heads;
        if (group < BEFORE_ATTENTION) {
            row.part = RefereePart(uint8(RefereePart.AttentionMoments) + group);
        } else if (group >= BEFORE_ATTENTION + attention) {
            row.part = RefereePart(uint8(RefereePart.AttentionOut) + group - BEFORE_ATTENTION - attention);
        } else {
            // Within attention a position's five rows are neighbours.
            uint256 place = (group - BEFORE_ATTENTION) * tokens + row.position;
            row.head = place / (OF_ATTENTION * tokens);
            place %= OF_ATTENTION * tokens;
            row.position = place / OF_ATTENTION;
            row.part = RefereePart(uint8(RefereePart.Score) + place % OF_ATTENTION);
        }
    }

    /// @notice The inverse of `locate`.
    function indexOf(RefereeShape memory shape, uint256 tokens, RefereeRow memory row)
        internal
        pure
        returns (uint256)
    {
        RefereePart part = row.part;
        if (part == RefereePart.Embed) return row.position;
        uint256 ofToken = _rowsOfToken(shape);
        if (part >= RefereePart.FinalMoments) {
            uint256 last = 1 + shape.layers * ofToken;
            return (last + uint8(part) - uint8(RefereePart.FinalMoments)) * tokens + row.position;
        }
        uint256 start = (1 + row.layer * ofToken) * tokens;
        if (part < RefereePart.Score) {
            return start + (uint8(part) - uint8(RefereePart.AttentionMoments)) * tokens + row.position;
        }
        start += BEFORE_ATTENTION * tokens;
        if (part <= RefereePart.Mix) {
            return start + (row.head * tokens + row.position) * OF_ATTENTION + uint8(part)
                - uint8(RefereePart.Score);
        }
        uint256 group = OF_ATTENTION * shape.heads + uint8(part) - uint8(RefereePart.AttentionOut);
        return start + group * tokens + row.position;
    }

    /// @notice Entries of a row.
    function length(RefereeShape memory shape, RefereeRow memory row) internal pure returns (uint256) {
        RefereePart part = row.part;
        if (part == RefereePart.AttentionIn) return 3 * uint256(shape.width);
        if (part == RefereePart.Score || part == RefereePart.Exp || part == RefereePart.Softmax) {
            return row.position + 1;
        }
        if (part == RefereePart.Mix) return shape.width / shape.heads;
        if (part == RefereePart.FeedIn || part == RefereePart.FeedRelu) return shape.feedForward;
        if (part == RefereePart.ExpSum) return EXP_SUM_LENGTH;
        bool isMoments = part == RefereePart.AttentionMoments || part == RefereePart.FeedMoments
            || part == RefereePart.FinalMoments;
        return isMoments ? MOMENTS_LENGTH : shape.width;
    }

    /// @notice Numbers of the rows that entry `column` is computed from, all below the row's own, in the order of the
    /// step's openings.
    function sources(RefereeShape memory shape, uint256 tokens, RefereeRow memory row, uint256 column)
        internal
        pure
        returns (uint256[] memory rows)
    {
        RefereePart part = row.part;
        if (part == RefereePart.Embed) return new uint256[](0);
        if (part == RefereePart.Mix) return _mixed(shape, tokens, row);
        if (part == RefereePart.AttentionOut) {
            rows = new uint256[](shape.heads);
            for (uint256 head = 0; head < rows.length; ++head) {
                rows[head] = _at(shape, tokens, row, RefereePart.Mix, row.position, head);
            }
            return rows;
        }
        (RefereePart first, RefereePart second, uint256 count) = _parts(part);
        rows = new uint256[](count);
        rows[0] = _readsStream(part)
            ? _streamIn(shape, tokens, row)
            : _at(shape, tokens, row, first, row.position, part == RefereePart.Score ? 0 : row.head);
        if (part == RefereePart.Score) {
            rows[1] = _at(shape, tokens, row, second, column, 0);
        } else if (count == 2) {
            rows[1] = _at(shape, tokens, row, second, row.position, row.head);
        }
    }

    /// @notice Numbers of the rows of the weights tree that entry `column` needs. An embedding: the token's and the
    /// position's; a norm: scale and bias; a linear map: one row.
    /// @param token At the row's position.
    function weightRows(RefereeShape memory shape, RefereeRow memory row, uint256 column, uint256 token)
        internal
        pure
        returns (uint256[] memory rows)
    {
        RefereePart part = row.part;
        uint256 width = shape.width;
        uint256 feed = shape.feedForward;
        uint256 layer = row.layer * _weightRowsOfLayer(shape);
        uint256 last = shape.layers * _weightRowsOfLayer(shape);
        if (part == RefereePart.Embed) {
            uint256 place = last + 2 + shape.vocabulary;
            return _pair(place + shape.positions + token, place + row.position);
        }
        if (part == RefereePart.AttentionNorm) return _pair(layer + 3 * width + 1, layer + 3 * width);
        if (part == RefereePart.FeedNorm) {
            return _pair(layer + 4 * width + feed + 3, layer + 4 * width + feed + 2);
        }
        if (part == RefereePart.FinalNorm) return _pair(last + 1, last);
        if (kind(part) != kind(RefereePart.AttentionIn)) return new uint256[](0);
        rows = new uint256[](1);
        if (part == RefereePart.AttentionIn) rows[0] = layer + column;
        else if (part == RefereePart.AttentionOut) rows[0] = layer + 3 * width + 2 + column;
        else if (part == RefereePart.FeedIn) rows[0] = layer + 4 * width + 2 + column;
        else rows[0] = layer + 4 * width + feed + 4 + column;
    }

    /// @dev The probabilities, then the values at every position seen.
    function _mixed(RefereeShape memory shape, uint256 tokens, RefereeRow memory row)
        private
        pure
        returns (uint256[] memory rows)
    {
        rows = new uint256[](row.position + 2);
        rows[0] = _at(shape, tokens, row, RefereePart.Softmax, row.position, row.head);
        for (uint256 position = 0; position <= row.position; ++position) {
            rows[position + 1] = _at(shape, tokens, row, RefereePart.AttentionIn, position, 0);
        }
    }

    /// @dev Of which parts' rows, one or two, a row is computed. The first is not meant where `_readsStream`.
    function _parts(RefereePart part)
        private
        pure
        returns (RefereePart first, RefereePart second, uint256 count)
    {
        // Where nothing else is said, from the row before.
        (first, count) = (RefereePart(uint8(part) - 1), 1);
        if (part == RefereePart.Score) return (RefereePart.AttentionIn, RefereePart.AttentionIn, 2);
        if (part == RefereePart.ExpSum) return (RefereePart.Score, RefereePart.Exp, 2);
        if (part == RefereePart.Softmax) return (RefereePart.Exp, RefereePart.ExpSum, 2);
        if (part == RefereePart.AttentionNorm) return (first, RefereePart.AttentionMoments, 2);
        if (part == RefereePart.AttentionAdd) return (first, RefereePart.AttentionOut, 2);
        if (part == RefereePart.FeedNorm) return (RefereePart.AttentionAdd, RefereePart.FeedMoments, 2);
        if (part == RefereePart.FeedAdd) return (RefereePart.AttentionAdd, RefereePart.FeedOut, 2);
        if (part == RefereePart.FinalNorm) return (first, RefereePart.FinalMoments, 2);
    }

    /// @dev Whether a row's first source is what the layer before gave.
    function _readsStream(RefereePart part) private pure returns (bool) {
        return part == RefereePart.AttentionMoments || part == RefereePart.AttentionNorm
            || part == RefereePart.AttentionAdd || part >= RefereePart.FinalMoments;
    }

    function _streamIn(RefereeShape memory shape, uint256 tokens, RefereeRow memory row)
        private
        pure
        returns (uint256)
    {
        uint256 before = row.part >= RefereePart.FinalMoments ? shape.layers : row.layer;
        if (before == 0) return row.position;
        return indexOf(shape, tokens, RefereeRow(RefereePart.FeedAdd, before - 1, 0, row.position));
    }

    /// @dev The number of another row of the same layer.
    function _at(
        RefereeShape memory shape,
        uint256 tokens,
        RefereeRow memory row,
        RefereePart part,
        uint256 position,
        uint256 head
    ) private pure returns (uint256) {
        return indexOf(shape, tokens, RefereeRow(part, row.layer, head, position));
    }

    function _pair(uint256 first, uint256 second) private pure returns (uint256[] memory rows) {
        rows = new uint256[](2);
        (rows[0], rows[1]) = (first, second);
    }

    /// @dev Tensors of a layer as their names sort: maps in and out of attention, with a norm's bias and scale between
    /// them, then the same of the feed-forward part.
    function _weightRowsOfLayer(RefereeShape memory shape) private pure returns (uint256) {
        return 5 * uint256(shape.width) + shape.feedForward + 4;
    }

    /// @dev Rows of one layer for each token.
    function _rowsOfToken(RefereeShape memory shape) private pure returns (uint256) {
        return BEFORE_ATTENTION + OF_ATTENTION * shape.heads + AFTER_ATTENTION;
    }
}
