// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Trees} from "../../utils/Trees.sol";
import {Work} from "../../utils/Work.sol";
import {ObjectiveJudgeTest} from "./ObjectiveJudgeTest.sol";
import {IJudge} from "contracts/interfaces/IJudge.sol";
import {IObjectiveJudge} from "contracts/interfaces/IObjectiveJudge.sol";
import {RolloutLeaf, RolloutLeaves} from "contracts/libraries/RolloutLeaves.sol";
import {Commitment} from "contracts/types/Membership.sol";
import {Pinned, TaskParams} from "contracts/types/Task.sol";

/// @dev A reward rule that answers every call with the bytes it was made with, or reverts when there are none.
contract FixedAnswer {
    bytes private _answer;

    constructor(bytes memory answer) {
        _answer = answer;
    }

    fallback(bytes calldata) external returns (bytes memory) {
        require(_answer.length != 0, "no answer");
        return _answer;
    }
}

contract WrongRewardTest is ObjectiveJudgeTest {
    function testFuzz_AnHonestRewardIsNotGuilty(uint8 which) external {
        RolloutLeaf[] memory leaves = honest();
        uint256 index = which % UNITS;
        assertNotGuilty(accuse(params(), leaves, index, Work.answer(leaves[index].problem)));
    }

    function testFuzz_GuiltyOfAnyOtherReward(uint32 reward) external {
        vm.assume(reward != 1_000_000);
        RolloutLeaf[] memory leaves = honest();
        leaves[2].reward = reward;
        assertGuilty(accuse(params(), leaves, 2, Work.answer(leaves[2].problem)));
    }

    function test_GuiltyOfARewardForAWrongAnswer() external {
        RolloutLeaf[] memory leaves = honest();
        uint32[] memory tokens = wrongAnswer(leaves[2].problem);
        leaves[2].tokensRoot = RolloutLeaves.tokensRoot(tokens, 4);
        assertGuilty(accuse(params(), leaves, 2, tokens));
        leaves[2].reward = 0;
        assertNotGuilty(accuse(params(), leaves, 2, tokens));
    }

    function testFuzz_GuiltyOfMiscountedTokens(uint32 numTokens) external {
        vm.assume(numTokens != 9);
        RolloutLeaf[] memory leaves = honest();
        leaves[2].numTokens = numTokens;
        assertGuilty(accuse(params(), leaves, 2, Work.answer(leaves[2].problem)));
    }

    function test_GuiltyOfMiscountedTokensWithoutARule() external {
        TaskParams memory p = params();
        p.rewardRule = Pinned(address(0), bytes32(0));
        RolloutLeaf[] memory leaves = honest(p);
        leaves[2].numTokens = 8;
        assertGuilty(accuse(p, leaves, 2, Work.answer(leaves[2].problem)));
    }

    function test_RevertWhen_TheTokensAreOthers() external {
        RolloutLeaf[] memory leaves = honest();
        bytes memory evidence = evidenceOf(params(), leaves, 2, wrongAnswer(leaves[2].problem));
        assertReverts(params(), leaves, evidence, IObjectiveJudge.ObjectiveJudge_TokensNotProven.selector);
    }

    function test_RevertWhen_ThereAreNoTokens() external {
        RolloutLeaf[] memory leaves = honest();
        leaves[2].tokensRoot = bytes32(0);
        bytes memory evidence = evidenceOf(params(), leaves, 2, new uint32[](0));
        assertReverts(params(), leaves, evidence, IObjectiveJudge.ObjectiveJudge_TokensNotProven.selector);
    }

    function test_RevertWhen_TheLeafIsNotInTheTree() external {
        RolloutLeaf[] memory leaves = honest();
        RolloutLeaf[] memory others = honest();
        others[2].reward = 0;
        bytes memory evidence = evidenceOf(params(), others, 2, Work.answer(leaves[2].problem));
        assertReverts(params(), leaves, evidence, IObjectiveJudge.ObjectiveJudge_LeafNotProven.selector);
    }

    function test_RevertWhen_TheTaskHasNoRule() external {
        TaskParams memory p = params();
        p.rewardRule = Pinned(address(0), bytes32(0));
        RolloutLeaf[] memory leaves = honest(p);
        bytes memory evidence = evidenceOf(p, leaves, 2, Work.answer(leaves[2].problem));
        assertReverts(p, leaves, evidence, IObjectiveJudge.ObjectiveJudge_NoRewardRule.selector);
    }

    function test_RevertWhen_TheRuleHasOtherCode() external {
        TaskParams memory p = params();
        p.rewardRule.codeHash = keccak256("other code");
        assertRuleReverts(p, IObjectiveJudge.ObjectiveJudge_RewardRuleChanged.selector);
    }

    function test_RevertWhen_TheRuleDoesNotAnswer() external {
        bytes[4] memory answers =
            [bytes(""), hex"00", abi.encode(uint256(1) << 32), abi.encode(uint256(0), uint256(0))];
        for (uint256 i = 0; i < answers.length; ++i) {
            TaskParams memory p = params();
            p.rewardRule.code = address(new FixedAnswer(answers[i]));
            p.rewardRule.codeHash = p.rewardRule.code.codehash;
            assertRuleReverts(p, IObjectiveJudge.ObjectiveJudge_RewardRuleFailed.selector);
        }
    }

    function assertRuleReverts(TaskParams memory p, bytes4 selector) private {
        RolloutLeaf[] memory leaves = honest(p);
        Commitment memory c = commitmentTo(p, leaves);
        bytes memory evidence = evidenceOf(p, leaves, 2, Work.answer(leaves[2].problem));
        vm.expectRevert(abi.encodeWithSelector(selector, p.rewardRule.code));
        ask(p, c, evidence);
    }

    function assertReverts(
        TaskParams memory p,
        RolloutLeaf[] memory leaves,
        bytes memory evidence,
        bytes4 selector
    ) private {
        Commitment memory c = commitmentTo(p, leaves);
        vm.expectRevert(abi.encodeWithSelector(selector));
        ask(p, c, evidence);
    }

    function accuse(TaskParams memory p, RolloutLeaf[] memory leaves, uint256 index, uint32[] memory tokens)
        private
        returns (IJudge.Verdict)
    {
        return ask(p, commitmentTo(p, leaves), evidenceOf(p, leaves, index, tokens));
    }

    function evidenceOf(
        TaskParams memory p,
        RolloutLeaf[] memory leaves,
        uint256 index,
        uint32[] memory tokens
    ) private view returns (bytes memory) {
        bytes32[] memory hashes = Work.leafHashes(contextOf(p, ROUND), leaves);
        return Work.wrongReward(leaves[index], Trees.proof(hashes, index), tokens);
    }

    function wrongAnswer(uint32 problem) private pure returns (uint32[] memory tokens) {
        tokens = Work.answer(problem);
        tokens[7] = 60;
    }
}
