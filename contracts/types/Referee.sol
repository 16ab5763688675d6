// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice Sizes of the built-in policy. Twin of `ModelShape` in protocol/spec/task.py.
/// @param vocabulary Tokens.
/// @param layers 1 to 10.
/// @param width At most 256, a multiple of `heads`.
/// @param heads Of at least four entries each.
/// @param feedForward At most 256.
/// @param positions At most 256.
struct RefereeShape {
    uint32 vocabulary;
    uint32 layers;
    uint32 width;
    uint32 heads;
    uint32 feedForward;
    uint32 positions;
}

/// @notice The operators of the built-in policy; a layer's in the order of computation. Twin of `Part` in
/// protocol/spec/referee/layout.py.
enum RefereePart {
    Embed,
    AttentionMoments,
    AttentionNorm,
    AttentionIn,
    Score,
    Exp,
    ExpSum,
    Softmax,
    Mix,
    AttentionOut,
    AttentionAdd,
    FeedMoments,
    FeedNorm,
    FeedIn,
    FeedRelu,
    FeedOut,
    FeedAdd,
    FinalMoments,
    FinalNorm
}

/// @notice What one row of a trace holds.
/// @param layer Zero for the embedding and the final norm.
/// @param head Zero outside attention.
struct RefereeRow {
    RefereePart part;
    uint256 layer;
    uint256 head;
    uint256 position;
}
