// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IRewardRule} from "../../interfaces/IRewardRule.sol";
import {PureCode} from "../../libraries/PureCode.sol";
import {LeafContext, RolloutLeaf, RolloutLeaves} from "../../libraries/RolloutLeaves.sol";
import {Commitment} from "../../types/Membership.sol";
import {Pinned, TaskParams} from "../../types/Task.sol";
import {ObjectiveBase} from "./ObjectiveBase.sol";

/// @title Rewards that the chain can compute
abstract contract RewardFraud is ObjectiveBase {
    /// @dev Kind 2. SOUND: one list of tokens at most hashes to `leaf.tokensRoot`, and the node counted that one. Where
    /// the task names a rule, the node commits to the rule's answer, which it can ask for before it commits and which
    /// nobody can change afterwards: see `_rewardByRule`.
    function _wrongReward(
        TaskParams calldata p,
        Commitment calldata c,
        LeafContext memory context,
        bytes memory payload
    ) internal view returns (bool) {
        (RolloutLeaf memory leaf, bytes32[] memory proof, uint32[] memory tokens) =
            abi.decode(payload, (RolloutLeaf, bytes32[], uint32[]));
        _requireLeaf(c.root, c.units, context, leaf, proof);
        bytes32 actual = tokens.length == 0 ? bytes32(0) : RolloutLeaves.tokensRoot(tokens, p.chunkTokens);
        if (tokens.length == 0 || actual != leaf.tokensRoot) {
            revert ObjectiveJudge_TokensNotProven(leaf.tokensRoot, actual);
        }
        if (tokens.length != leaf.numTokens) return true;
        if (p.rewardRule.code == address(0)) revert ObjectiveJudge_NoRewardRule(context.taskId);
        return _rewardByRule(p.rewardRule, leaf.problem, tokens) != leaf.reward;
    }

    /// @dev A creator could name a rule that reads a switch of the creator's, and turn it when the honest have committed:
    /// the code hash would be the same. So the code must be such that its answer follows from the calldata. Whatever
    /// keeps it from answering, lack of gas included, must not become a verdict.
    function _rewardByRule(Pinned calldata rule, uint32 problem, uint32[] memory tokens)
        private
        view
        returns (uint256 reward)
    {
        address code = rule.code;
        if (code.codehash != rule.codeHash) {
            revert ObjectiveJudge_RewardRuleChanged(code, rule.codeHash, code.codehash);
        }
        uint256 offset = PureCode.firstImpurity(code.code);
        if (offset != code.code.length) revert ObjectiveJudge_RewardRuleImpure(code, offset);
        (bool success, bytes memory result) =
            code.staticcall(abi.encodeCall(IRewardRule.reward, (problem, tokens)));
        if (!success || result.length != 32) revert ObjectiveJudge_RewardRuleFailed(code, problem);
        reward = abi.decode(result, (uint256));
        if (reward > type(uint32).max) revert ObjectiveJudge_RewardRuleFailed(code, problem);
    }
}
