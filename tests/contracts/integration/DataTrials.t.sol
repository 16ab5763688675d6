// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Members} from "../utils/Members.sol";
import {Work} from "../utils/Work.sol";
import {DataCourtroom} from "./DataCourtroom.sol";
import {IDataJudge} from "contracts/interfaces/IDataJudge.sol";
import {IGasBonds} from "contracts/interfaces/IGasBonds.sol";
import {IHubErrors} from "contracts/interfaces/IHubErrors.sol";
import {RolloutLeaf, RolloutLeaves} from "contracts/libraries/RolloutLeaves.sol";
import {Challenge, ChallengeStatus} from "contracts/types/Challenge.sol";
import {Demand, DemandKind} from "contracts/types/Demand.sol";
import {Commitment, Member, MemberStatus} from "contracts/types/Membership.sol";

/// @dev A node that published nothing, or is said to have.
contract DataTrialsTest is DataCourtroom {
    function test_AnAnswerCostsNobodyItsBondOrStake() external {
        RolloutLeaf[] memory leaves = honest();
        Commitment memory c = commit(leaves);
        uint256 id = demand(c, DemandKind.Leaf, 5, 0);
        showLeaf(id, leaves);
        assertDemandOver(id, ChallengeStatus.Dismissed);
        assertEq(hub.credit(address(token), CHALLENGER), BOND);
        assertEq(hub.credit(address(token), NODE), 0);
        assertEq(uint256(hub.memberOf(task, NODE).status), uint256(MemberStatus.Active));
    }

    function test_SilenceIsSlashed() external {
        Commitment memory c = commit(honest());
        uint256 id = demand(c, DemandKind.Tokens, 5, 0);
        vm.warp(START + 300);
        close(id);
        assertDemandOver(id, ChallengeStatus.Guilty);
        assertConvicted();
        assertEq(data.credit(CHALLENGER), DEPOSIT);
    }

    /// @dev What the judge exists for: nothing was published, yet one honest verifier gets to the lie in time.
    function test_AHiddenLieComesToLight() external {
        RolloutLeaf[] memory leaves = honest();
        uint32[] memory tokens = Work.answer(leaves[9].problem);
        tokens[3] = 63;
        leaves[9].tokensRoot = RolloutLeaves.tokensRoot(tokens, 32);
        Commitment memory c = commit(leaves);
        uint256 leafId = demand(c, DemandKind.Leaf, 9, 0);
        uint256 tokensId = demand(c, DemandKind.Tokens, 9, 0);
        vm.warp(START + 299);
        showLeaf(leafId, leaves);
        showTokens(tokensId, leaves, tokens);
        challenge(c, address(objective), Work.wrongReward(leaves[9], proofOf(leaves, 9), tokens));
        assertEq(uint256(hub.memberOf(task, NODE).status), uint256(MemberStatus.Slashed));
        assertEq(hub.credit(address(token), CHALLENGER), 3 * BOND + 10 * BOND);
    }

    /// @dev Whoever holds the data saves the node; its money goes to who paid for the gas.
    function test_AFriendAnswers() external {
        Commitment memory c = commitWith(honest(), sha256("published"));
        uint256 id = demand(c, DemandKind.Manifest, 0, 0);
        Challenge memory asked = challenges[id];
        Demand memory shown = demands[id];
        vm.prank(CREATOR);
        data.answerManifest(asked, shown, "published");
        assertDemandOver(id, ChallengeStatus.Dismissed);
        assertTrue(data.credit(CREATOR) != 0);
        assertEq(data.credit(NODE), 0);
    }

    /// @dev The hub accepts verdicts before its deadline, and the judge knows that.
    function test_ADemandIsClosedUntilTheHubsDeadline() external {
        Commitment memory c = commit(honest());
        uint256 id = demand(c, DemandKind.Leaf, 5, 0);
        vm.warp(START + 299);
        vm.expectRevert(abi.encodeWithSelector(IDataJudge.DataJudge_AnswerOpen.selector, START + 300));
        close(id);
        uint256 snapshot = vm.snapshotState();
        vm.warp(START + 999);
        close(id);
        assertDemandOver(id, ChallengeStatus.Guilty);
        vm.revertToState(snapshot);
        for (uint256 late = 0; late < 2; ++late) {
            snapshot = vm.snapshotState();
            vm.warp(START + 1000 + late);
            close(id);
            assertDemandOver(id, ChallengeStatus.Pending);
            assertEq(data.credit(CHALLENGER), DEPOSIT);
            vm.revertToState(snapshot);
        }
    }

    function test_ADemandNobodyClosesVoidsTheCommitment() external {
        Commitment memory c = commit(honest());
        uint256 id = demand(c, DemandKind.Leaf, 5, 0);
        vm.warp(START + 1000);
        hub.expire(challenges[id]);
        assertStatus(id, uint256(ChallengeStatus.Expired));
        close(id);
        assertDemandOver(id, ChallengeStatus.Expired);
        assertEq(data.credit(CHALLENGER), DEPOSIT);
        Member memory member = hub.memberOf(task, NODE);
        assertEq(uint256(member.status), uint256(MemberStatus.Active));
        assertEq(member.voided, 1);
    }

    function test_AConvictionEndsEveryDemand() external {
        RolloutLeaf[] memory leaves = honest();
        leaves[0].reward = 1;
        Commitment memory c = commit(leaves);
        uint256 expired = demand(c, DemandKind.Leaf, 5, 0);
        uint256 answered = demand(c, DemandKind.Leaf, 6, 0);
        uint256 closed = demand(c, DemandKind.Leaf, 7, 0);
        bytes32[] memory proof = proofOf(leaves, 0);
        challenge(c, address(objective), Work.wrongReward(leaves[0], proof, Work.answer(leaves[0].problem)));

        hub.expire(challenges[expired]);
        proof = proofOf(leaves, 5);
        vm.expectRevert(
            abi.encodeWithSelector(IHubErrors.Hub_ChallengeNotPending.selector, expired, ChallengeStatus.Moot)
        );
        data.answerLeaf(challenges[expired], demands[expired], leaves[5], proof);
        close(expired);
        showLeaf(answered, leaves);
        vm.warp(START + 300);
        close(closed);
        assertDemandOver(expired, ChallengeStatus.Moot);
        assertDemandOver(answered, ChallengeStatus.Moot);
        assertDemandOver(closed, ChallengeStatus.Moot);
        assertEq(hub.credit(address(token), CHALLENGER), 14 * BOND);
        assertEq(
            data.credit(CHALLENGER) + data.credit(NODE) + data.credit(data.BURN()), address(data).balance
        );
    }

    /// @dev Pay waits for every open demand, and for nothing after that.
    function test_AnsweredWorkIsPaid() external {
        RolloutLeaf[] memory leaves = honest();
        Commitment memory c = commit(leaves);
        uint256[] memory ids = new uint256[](4);
        for (uint256 i = 0; i < 4; ++i) {
            ids[i] = demand(c, DemandKind.Leaf, i, 0);
        }
        for (uint256 i = 0; i < 4; ++i) {
            assertEq(Members.blockedFrom(hub.memberOf(task, NODE)), 0);
            showLeaf(ids[i], leaves);
        }
        assertEq(Members.blockedFrom(hub.memberOf(task, NODE)), 1);
        vm.warp(START + 7200);
        Commitment[] memory batch = new Commitment[](1);
        batch[0] = c;
        hub.claim(params(), NODE, batch);
        assertEq(hub.credit(address(token), NODE), uint256(UNITS) * params().rate);
    }

    function test_RevertWhen_TheCommitmentIsFinal() external {
        Commitment memory c = commit(honest());
        vm.warp(START + 7200);
        vm.expectRevert(abi.encodeWithSelector(IHubErrors.Hub_TooLate.selector, START + 7200));
        vm.prank(CHALLENGER);
        hub.challenge(params(), NODE, c, address(data), abi.encode(1, 0, 0));
    }

    function test_RevertWhen_TheChallengerHasNoCoins() external {
        Commitment memory c = commit(honest());
        vm.prank(CHALLENGER);
        data.withdraw(DEPOSIT);
        uint256 price = data.priceInGas(params(), c, abi.encode(1, 0, 0)) * BASE_FEE;
        vm.expectRevert(
            abi.encodeWithSelector(IGasBonds.GasBonds_CreditTooSmall.selector, CHALLENGER, 0, price)
        );
        vm.prank(CHALLENGER);
        hub.challenge(params(), NODE, c, address(data), abi.encode(1, 0, 0));
        assertEq(token.balanceOf(CHALLENGER), 10 * BOND);
    }

    /// @dev Rollouts that everybody can have do not help who keeps the update to itself.
    function test_AWithheldUpdateIsSlashed() external {
        RolloutLeaf[] memory leaves = honest();
        Commitment memory c = commitWith(leaves, sha256(manifestOf("update")));
        uint256 shown = demand(c, DemandKind.Update, 0, 0);
        showPiece(shown, manifestOf("update"), "update");
        assertDemandOver(shown, ChallengeStatus.Dismissed);
        uint256 leafId = demand(c, DemandKind.Leaf, 5, 0);
        showLeaf(leafId, leaves);
        uint256 id = demand(c, DemandKind.Update, 1, 0);
        vm.warp(START + 300);
        close(id);
        assertDemandOver(id, ChallengeStatus.Guilty);
        assertEq(uint256(hub.memberOf(task, NODE).status), uint256(MemberStatus.Slashed));
    }

    function test_APostedVersionIsShown() external {
        Commitment memory c = post(sha256(manifestOf("checkpoint")));
        uint256 manifestId = demand(c, DemandKind.Manifest, 0, 0);
        uint256 pieceId = demand(c, DemandKind.Checkpoint, 0, 0);
        Challenge memory asked = challenges[manifestId];
        data.answerManifest(asked, demands[manifestId], manifestOf("checkpoint"));
        showPiece(pieceId, manifestOf("checkpoint"), "checkpoint");
        assertDemandOver(manifestId, ChallengeStatus.Dismissed);
        assertDemandOver(pieceId, ChallengeStatus.Dismissed);
        assertEq(uint256(hub.memberOf(task, NODE).status), uint256(MemberStatus.Active));
    }

    /// @dev A digest of nothing is a version that nobody can have.
    function test_AWithheldVersionIsSlashed() external {
        Commitment memory c = post(keccak256("nothing"));
        uint256 id = demand(c, DemandKind.Checkpoint, 0, 0);
        vm.warp(START + 3900);
        close(id);
        assertDemandOver(id, ChallengeStatus.Guilty);
        assertConvicted();
    }

    function post(bytes32 digest) private returns (Commitment memory) {
        vm.warp(START + 3600);
        vm.prank(NODE);
        hub.postCheckpoint(task, 1, digest);
        bytes32 root = keccak256(abi.encode(keccak256("cupel.checkpoint.v1"), uint256(1), digest));
        return Commitment(0, 1, root, digest, 0, START + 3600);
    }

    function commitWith(RolloutLeaf[] memory leaves, bytes32 manifest) private returns (Commitment memory c) {
        c = commitmentTo(leaves);
        c.manifest = manifest;
        bytes32 beacon = hub.beaconOf(task, 0);
        vm.prank(NODE);
        hub.commit(task, beacon, 0, 0, c.root, c.manifest, UNITS);
    }
}
