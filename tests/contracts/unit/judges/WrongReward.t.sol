// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Trees} from "../../utils/Trees.sol";
import {Work} from "../../utils/Work.sol";
import {ObjectiveJudgeTest} from "./ObjectiveJudgeTest.sol";
import {IJudge} from "contracts/interfaces/IJudge.sol";
import {IObjectiveJudge} from "contracts/interfaces/IObjectiveJudge.sol";
import {PureCode} from "contracts/libraries/PureCode.sol";
import {RolloutLeaf, RolloutLeaves} from "contracts/libraries/RolloutLeaves.sol";
import {Commitment} from "contracts/types/Membership.sol";
import {Pinned, TaskParams} from "contracts/types/Task.sol";

/// @dev A creator's rule that is honest until the creator turns its switch. The code, hence its hash, stays the same.
contract SwitchedRule {
    bool private _turned;

    function turn() external {
        _turned = true;
    }

    function reward(uint32, uint32[] calldata) external view returns (uint32) {
        return _turned ? 0 : 1_000_000;
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
        uint32[] memory others = wrongAnswer(leaves[2].problem);
        Commitment memory c = commitmentTo(leaves);
        bytes memory evidence = evidenceOf(params(), leaves, 2, others);
        expectTokensNotProven(leaves[2].tokensRoot, RolloutLeaves.tokensRoot(others, 4));
        ask(c, evidence);
    }

    function test_RevertWhen_ThereAreNoTokens() external {
        RolloutLeaf[] memory leaves = honest();
        leaves[2].tokensRoot = bytes32(0);
        Commitment memory c = commitmentTo(leaves);
        bytes memory evidence = evidenceOf(params(), leaves, 2, new uint32[](0));
        expectTokensNotProven(bytes32(0), bytes32(0));
        ask(c, evidence);
    }

    function test_RevertWhen_TheLeafIsNotInTheTree() external {
        RolloutLeaf[] memory leaves = honest();
        RolloutLeaf[] memory others = honest();
        others[2].reward = 0;
        bytes memory evidence = evidenceOf(params(), others, 2, Work.answer(leaves[2].problem));
        Commitment memory c = commitmentTo(leaves);
        expectLeafNotProven(2);
        ask(c, evidence);
    }

    function test_RevertWhen_TheTaskHasNoRule() external {
        TaskParams memory p = params();
        p.rewardRule = Pinned(address(0), bytes32(0));
        bytes4 selector = IObjectiveJudge.ObjectiveJudge_NoRewardRule.selector;
        assertReverts(p, abi.encodeWithSelector(selector, hub.taskIdOf(p)));
    }

    function test_RevertWhen_TheRuleHasOtherCode() external {
        TaskParams memory p = params();
        p.rewardRule.codeHash = keccak256("other code");
        bytes4 selector = IObjectiveJudge.ObjectiveJudge_RewardRuleChanged.selector;
        assertReverts(
            p,
            abi.encodeWithSelector(selector, address(rule), keccak256("other code"), address(rule).codehash)
        );
    }

    function test_RevertWhen_TheCreatorCanTurnTheRule() external {
        SwitchedRule switched = new SwitchedRule();
        TaskParams memory p = params();
        p.rewardRule = Pinned(address(switched), address(switched).codehash);
        switched.turn();
        assertEq(address(switched).codehash, p.rewardRule.codeHash);
        uint256 offset = PureCode.firstImpurity(address(switched).code);
        bytes4 selector = IObjectiveJudge.ObjectiveJudge_RewardRuleImpure.selector;
        assertReverts(p, abi.encodeWithSelector(selector, address(switched), offset));
    }

    function test_RevertWhen_TheRuleDoesNotAnswer() external {
        bytes[4] memory answers =
            [bytes(""), hex"00", abi.encode(uint256(1) << 32), abi.encode(uint256(0), uint256(0))];
        for (uint256 i = 0; i < answers.length; ++i) {
            TaskParams memory p = params();
            p.rewardRule = answering(answers[i]);
            bytes4 selector = IObjectiveJudge.ObjectiveJudge_RewardRuleFailed.selector;
            RolloutLeaf[] memory leaves = honest(p);
            assertReverts(p, abi.encodeWithSelector(selector, p.rewardRule.code, leaves[2].problem));
        }
    }

    function test_TheAnswerIsTheRules() external {
        TaskParams memory p = params();
        p.rewardRule = answering(abi.encode(7));
        RolloutLeaf[] memory leaves = honest(p);
        assertGuilty(accuse(p, leaves, 2, Work.answer(leaves[2].problem)));
        leaves[2].reward = 7;
        assertNotGuilty(accuse(p, leaves, 2, Work.answer(leaves[2].problem)));
    }

    /// @dev A rule of pure code that answers every call with these at most 64 bytes, or reverts for none.
    function answering(bytes memory answer) private returns (Pinned memory) {
        (bytes32 first, bytes32 second) = abi.decode(bytes.concat(answer, new bytes(64)), (bytes32, bytes32));
        bytes memory code = hex"5f5ffd"; // PUSH0 PUSH0 REVERT
        if (answer.length != 0) {
            // PUSH32 first PUSH0 MSTORE PUSH32 second PUSH1 32 MSTORE PUSH1 length PUSH0 RETURN
            code = bytes.concat(hex"7f", first, hex"5f527f", second, hex"602052");
            code = bytes.concat(code, hex"60", bytes1(uint8(answer.length)), hex"5ff3");
        }
        address account = address(uint160(uint256(keccak256(answer))));
        vm.etch(account, code);
        return Pinned(account, account.codehash);
    }

    function expectTokensNotProven(bytes32 expected, bytes32 actual) private {
        bytes4 selector = IObjectiveJudge.ObjectiveJudge_TokensNotProven.selector;
        vm.expectRevert(abi.encodeWithSelector(selector, expected, actual));
    }

    /// @dev A true reward, which the rule cannot be asked about.
    function assertReverts(TaskParams memory p, bytes memory reason) private {
        RolloutLeaf[] memory leaves = honest(p);
        Commitment memory c = commitmentTo(p, leaves);
        bytes memory evidence = evidenceOf(p, leaves, 2, Work.answer(leaves[2].problem));
        vm.expectRevert(reason);
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
