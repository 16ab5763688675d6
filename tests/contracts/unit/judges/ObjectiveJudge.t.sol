// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Trees} from "../../utils/Trees.sol";
import {Work} from "../../utils/Work.sol";
import {ObjectiveJudgeTest} from "./ObjectiveJudgeTest.sol";
import {IJudge} from "contracts/interfaces/IJudge.sol";
import {IObjectiveJudge} from "contracts/interfaces/IObjectiveJudge.sol";
import {RolloutLeaf} from "contracts/libraries/RolloutLeaves.sol";
import {Challenge} from "contracts/types/Challenge.sol";
import {Commitment} from "contracts/types/Membership.sol";

contract ObjectiveJudgeEvidenceTest is ObjectiveJudgeTest {
    function test_NamesItsHubAndItsGuarantee() external view {
        assertEq(uint160(judge.hub()), uint160(address(hub)));
        assertEq(
            keccak256(bytes(judge.guarantee())),
            keccak256("one honest challenger: the chain itself checks the evidence")
        );
    }

    function test_ExamineTellsTheVerdictBeforehand() external view {
        RolloutLeaf[] memory leaves = honest();
        leaves[0].numTokens = 0;
        Commitment memory c = commitmentTo(leaves);
        bytes memory lie = Work.wrongAssignment(leaves[0], proofOf(leaves, 0));
        bytes memory honesty = Work.wrongAssignment(leaves[1], proofOf(leaves, 1));
        assertGuilty(judge.examine(1, challengeOf(params()), params(), c, lie));
        assertNotGuilty(judge.examine(1, challengeOf(params()), params(), c, honesty));
    }

    function test_RevertWhen_TheCallerIsNotTheHub() external {
        RolloutLeaf[] memory leaves = honest();
        Commitment memory c = commitmentTo(leaves);
        bytes memory evidence = Work.wrongAssignment(leaves[0], proofOf(leaves, 0));
        Challenge memory accusation = challengeOf(params());
        vm.expectRevert(abi.encodeWithSelector(IObjectiveJudge.ObjectiveJudge_NotHub.selector, address(this)));
        judge.open(1, accusation, params(), c, evidence);
    }

    function test_RevertWhen_TheEvidenceCannotBeDecoded() external {
        RolloutLeaf[] memory leaves = honest();
        bytes memory whole = Work.wrongAssignment(leaves[0], proofOf(leaves, 0));
        bytes memory cut = new bytes(whole.length - 64);
        for (uint256 i = 0; i < cut.length; ++i) {
            cut[i] = whole[i];
        }
        assertReverts("", IObjectiveJudge.ObjectiveJudge_EvidenceUndecodable.selector);
        assertReverts("evidence", IObjectiveJudge.ObjectiveJudge_EvidenceUndecodable.selector);
        assertReverts(cut, IObjectiveJudge.ObjectiveJudge_EvidenceUndecodable.selector);
        for (uint8 kind = 1; kind <= 5; ++kind) {
            assertReverts(
                abi.encode(kind, bytes("payload")),
                IObjectiveJudge.ObjectiveJudge_EvidenceUndecodable.selector
            );
        }
    }

    function testFuzz_RevertWhen_TheKindIsUnknown(uint8 kind) external {
        vm.assume(kind == 0 || kind > 5);
        Commitment memory c = commitmentTo(honest());
        vm.expectRevert(abi.encodeWithSelector(IObjectiveJudge.ObjectiveJudge_KindUnknown.selector, kind));
        ask(c, abi.encode(kind, bytes("payload")));
    }

    function test_RevertWhen_TheCommitmentIsACheckpoint() external {
        RolloutLeaf[] memory leaves = honest();
        Commitment memory c = commitmentTo(leaves);
        c.units = 0;
        bytes memory evidence = Work.wrongAssignment(leaves[0], proofOf(leaves, 0));
        vm.expectRevert(abi.encodeWithSelector(IObjectiveJudge.ObjectiveJudge_NotRollouts.selector, SEQUENCE));
        ask(c, evidence);
    }

    /// @dev Invariant 4 as far as this judge goes: hostile evidence never convicts an honest commitment.
    function testFuzz_RandomEvidenceNeverConvictsTheHonest(uint8 kind, bytes calldata payload) external {
        Commitment memory c = commitmentTo(honest());
        try this.askAsAnyone(c, abi.encode(kind % 7, payload)) returns (IJudge.Verdict answer) {
            assertNotGuilty(answer);
        } catch {}
    }

    /// @dev The same with evidence that is one word away from being true.
    function testFuzz_BentEvidenceNeverConvictsTheHonest(uint8 kind, uint8 which, uint256 word, bytes32 value)
        external
    {
        RolloutLeaf[] memory leaves = honest();
        bytes memory evidence = truth(leaves, uint8(bound(kind, 1, 5)), which % UNITS);
        word = bound(word, 1, evidence.length / 32 - 1);
        assembly {
            mstore(add(evidence, mul(32, word)), value)
        }
        try this.askAsAnyone(commitmentTo(leaves), evidence) returns (IJudge.Verdict answer) {
            assertNotGuilty(answer);
        } catch {}
    }

    function askAsAnyone(Commitment memory c, bytes memory evidence) external returns (IJudge.Verdict) {
        return ask(c, evidence);
    }

    function assertReverts(bytes memory evidence, bytes4 selector) private {
        Commitment memory c = commitmentTo(honest());
        vm.expectRevert(abi.encodeWithSelector(selector));
        ask(c, evidence);
    }

    function truth(RolloutLeaf[] memory leaves, uint8 kind, uint256 index)
        private
        view
        returns (bytes memory)
    {
        bytes32[] memory proof = proofOf(leaves, index);
        uint32[] memory tokens = Work.answer(leaves[index].problem);
        if (kind == 1) return Work.wrongAssignment(leaves[index], proof);
        if (kind == 2) return Work.wrongReward(leaves[index], proof, tokens);
        if (kind == 4) {
            return Work.malformedLeaf(uint32(index), Work.preimage(context(), leaves[index]), proof);
        }
        bytes32[] memory hashes =
            kind == 3 ? Work.proofHashes(params(), index) : Work.tokenHashes(params(), tokens);
        bytes memory data =
            kind == 3 ? Work.toplocProof(16, Work.saltOf(index, 1)) : Work.tokenData(tokens, 4, 8);
        return Work.malformedChunk(kind, leaves[index], proof, 1, data, Trees.proof(hashes, 1));
    }
}
