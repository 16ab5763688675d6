// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IJudge} from "../interfaces/IJudge.sol";
import {IObjectiveJudge} from "../interfaces/IObjectiveJudge.sol";
import {LeafContext} from "../libraries/RolloutLeaves.sol";
import {Challenge} from "../types/Challenge.sol";
import {Commitment} from "../types/Membership.sol";
import {TaskParams} from "../types/Task.sol";
import {AssignmentFraud} from "./objective/AssignmentFraud.sol";
import {ChunkFraud} from "./objective/ChunkFraud.sol";
import {LeafFraud} from "./objective/LeafFraud.sol";
import {ObjectiveBase} from "./objective/ObjectiveBase.sol";
import {RepetitionFraud} from "./objective/RepetitionFraud.sol";
import {RewardFraud} from "./objective/RewardFraud.sol";

/// @title ObjectiveJudge
/// @notice See `IObjectiveJudge`. Holds no state and no money. One function for each kind of fraud, in one file for each
/// family of kinds.
contract ObjectiveJudge is AssignmentFraud, RewardFraud, ChunkFraud, LeafFraud, RepetitionFraud {
    uint8 internal constant WRONG_ASSIGNMENT = 1;
    uint8 internal constant WRONG_REWARD = 2;
    uint8 internal constant MALFORMED_PROOF = 3;
    uint8 internal constant MALFORMED_LEAF = 4;
    uint8 internal constant MALFORMED_TOKENS = 5;
    uint8 internal constant EMPTY_LEAF = 6;
    uint8 internal constant REPEATED_PROOF = 7;
    uint8 internal constant EMPTY_CHUNK = 8;

    constructor(address hub_) ObjectiveBase(hub_) {}

    /// @inheritdoc IObjectiveJudge
    function guarantee() external pure returns (string memory) {
        return "one honest challenger: the chain itself checks the evidence";
    }

    /// @inheritdoc IJudge
    function open(
        uint256,
        Challenge calldata,
        TaskParams calldata,
        Commitment calldata,
        bytes calldata evidence
    ) external view returns (Verdict) {
        if (msg.sender != hub) revert ObjectiveJudge_NotHub(msg.sender);
        // Through a call to itself with the same arguments, because that gives undecodable evidence, which the
        // compiler lets revert without a word, its name.
        (bool success, bytes memory result) =
            address(this).staticcall(bytes.concat(this.examine.selector, msg.data[4:]));
        if (success) return abi.decode(result, (Verdict));
        if (result.length == 0) revert ObjectiveJudge_EvidenceUndecodable(evidence.length);
        assembly ("memory-safe") {
            revert(add(result, 0x20), mload(result))
        }
    }

    /// @inheritdoc IObjectiveJudge
    function examine(
        uint256,
        Challenge calldata challenge,
        TaskParams calldata p,
        Commitment calldata c,
        bytes calldata evidence
    ) external view returns (Verdict) {
        if (c.units == 0) revert ObjectiveJudge_NotRollouts(c.sequence);
        (uint8 kind, bytes memory payload) = abi.decode(evidence, (uint8, bytes));
        LeafContext memory context =
            LeafContext(block.chainid, hub, challenge.task, challenge.node, c.sequence, c.round);
        return _isGuilty(p, c, context, kind, payload) ? Verdict.Guilty : Verdict.NotGuilty;
    }

    function _isGuilty(
        TaskParams calldata p,
        Commitment calldata c,
        LeafContext memory context,
        uint8 kind,
        bytes memory payload
    ) private view returns (bool) {
        if (kind == WRONG_ASSIGNMENT) return _wrongAssignment(p, c, context, payload);
        if (kind == WRONG_REWARD) return _wrongReward(p, c, context, payload);
        if (kind == MALFORMED_PROOF) return _malformedProof(p, c, context, payload);
        if (kind == MALFORMED_LEAF) return _malformedLeaf(c, context, payload);
        if (kind == MALFORMED_TOKENS) return _malformedTokens(p, c, context, payload);
        if (kind == EMPTY_LEAF) return _emptyLeaf(c, payload);
        if (kind == REPEATED_PROOF) return _repeatedProof(c, context, payload);
        if (kind == EMPTY_CHUNK) return _emptyChunk(p, c, context, payload);
        revert ObjectiveJudge_KindUnknown(kind);
    }
}
