// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {World} from "./World.sol";
import {Members} from "./utils/Members.sol";
import {IHubErrors} from "contracts/interfaces/IHubErrors.sol";
import {IHubEvents} from "contracts/interfaces/IHubEvents.sol";
import {IJudge} from "contracts/interfaces/IJudge.sol";
import {TestToken} from "contracts/periphery/TestToken.sol";
import {Challenge, ChallengeStatus} from "contracts/types/Challenge.sol";
import {Commitment, Member, MemberStatus, SignedCommit} from "contracts/types/Membership.sol";
import {TaskParams} from "contracts/types/Task.sol";

/// @title What a test of the hub does and expects
abstract contract Base is World, IHubEvents {
    // Steps

    function fund(address account, uint256 amount) internal {
        know(account);
        TestToken(params().token).mint(account, amount);
        vm.prank(account);
        TestToken(params().token).approve(address(hub), type(uint256).max);
    }

    function create() internal returns (bytes32) {
        TaskParams memory p = params();
        fund(CREATOR, BOUNTY);
        vm.prank(CREATOR);
        task = hub.createTask(p, UNITS);
        return task;
    }

    function join(uint256 key, uint32 quota) internal returns (address node) {
        node = vm.addr(key);
        know(node);
        fund(OWNER, STAKE);
        bytes memory consent = consentOf(key, OWNER, PAYOUT, quota);
        vm.prank(OWNER);
        hub.join(params(), node, PAYOUT, quota, consent);
    }

    function consentOf(uint256 key, address owner, address payout, uint32 quota)
        internal
        view
        returns (bytes memory)
    {
        bytes32 digest = hub.joinDigest(hub.taskIdOf(params()), vm.addr(key), owner, payout, quota);
        return sign(key, digest);
    }

    function roundStart(uint256 round) internal pure returns (uint256) {
        return START + round * ROUND_SECONDS;
    }

    /// @notice Goes to the start of `round`, opens it if need be, and commits to `units` of it.
    function commitTo(address node, uint32 round, uint32 units) internal returns (Commitment memory c) {
        if (block.timestamp < roundStart(round)) vm.warp(roundStart(round));
        if (hub.beaconOf(task, round) == 0) hub.openRound(task, round);
        c.round = round;
        c.root = keccak256(abi.encode("root", node, round));
        c.manifest = keccak256(abi.encode("manifest", node, round));
        c.units = units;
        c.time = uint40(block.timestamp);
        c.sequence = uint32(member(node).next);
        vm.prank(node);
        hub.commit(task, beacon(), c.sequence, round, c.root, c.manifest, units);
    }

    /// @notice The beacon of a round that is opened in this block.
    function beacon() internal view returns (bytes32) {
        return keccak256(abi.encode(block.prevrandao, blockhash(block.number - 1)));
    }

    /// @notice Every call is another accusation, since it brings other evidence.
    function challengeBy(address challenger, address node, Commitment memory c, IJudge.Verdict answer)
        internal
        returns (uint256)
    {
        fund(challenger, params().bond);
        judge.script(answer);
        return accuse(challenger, node, c, abi.encode("evidence", opened.length));
    }

    function accuse(address challenger, address node, Commitment memory c, bytes memory evidence)
        internal
        returns (uint256 id)
    {
        Challenge memory accusation = accusationOf(challenger, node, c, evidence);
        id = idOf(accusation);
        shown[id] = accusation;
        opened.push(id);
        vm.prank(challenger);
        assertEq(hub.challenge(params(), node, c, address(judge), evidence), id, "challenge id");
    }

    /// @notice The challenge that `accuse` would open now.
    function accusationOf(address challenger, address node, Commitment memory c, bytes memory evidence)
        internal
        view
        returns (Challenge memory accusation)
    {
        TaskParams memory p = params();
        accusation.task = task;
        accusation.node = node;
        accusation.sequence = c.sequence;
        accusation.judge = address(judge);
        accusation.challenger = challenger;
        accusation.token = p.token;
        accusation.stake = p.stake;
        accusation.bond = p.bond;
        accusation.deadline = uint40(block.timestamp + p.disputeSeconds);
        accusation.evidenceHash = keccak256(evidence);
    }

    function idOf(Challenge memory accusation) internal pure returns (uint256) {
        return uint256(keccak256(abi.encode(accusation)));
    }

    function decide(uint256 id, IJudge.Verdict answer) internal {
        judge.decide(hub, shown[id], answer);
    }

    function decide(uint256 id, bool guilty) internal {
        decide(id, guilty ? IJudge.Verdict.Guilty : IJudge.Verdict.NotGuilty);
    }

    function expire(uint256 id) internal {
        hub.expire(shown[id]);
    }

    function claim(address node, Commitment memory c) internal {
        Commitment[] memory batch = new Commitment[](1);
        batch[0] = c;
        hub.claim(params(), node, batch);
    }

    function askExit(address node) internal {
        vm.prank(OWNER);
        hub.requestExit(task, node);
    }

    // What should hold

    function member(address node) internal view returns (Member memory) {
        return hub.memberOf(task, node);
    }

    function cursor(address node) internal view returns (uint256) {
        return member(node).next - member(node).unpaid;
    }

    function blockedFrom(address node) internal view returns (uint256) {
        return Members.blockedFrom(member(node));
    }

    function credit(address account) internal view returns (uint256) {
        return hub.credit(params().token, account);
    }

    /// @notice Work of the node with this key, for a relayed batch: signed over its next sequence.
    function signedBy(uint256 key, uint32 round, uint32 units)
        internal
        view
        returns (SignedCommit memory signed)
    {
        signed.node = vm.addr(key);
        signed.root = keccak256(abi.encode("root", signed.node, round));
        signed.manifest = keccak256(abi.encode("manifest", signed.node, round));
        signed.units = units;
        uint32 next = uint32(member(signed.node).next);
        bytes32 digest = hub.commitDigest(task, beacon(), next, round, signed.root, signed.manifest, units);
        signed.signature = sign(key, digest);
    }

    function sign(uint256 key, bytes32 digest) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return abi.encodePacked(r, s, v);
    }

    function assertStatus(address node, MemberStatus status) internal view {
        assertEq(uint256(member(node).status), uint256(status), "member status");
    }

    function assertChallenge(uint256 id, ChallengeStatus status) internal view {
        assertEq(uint256(hub.challengeStatus(id)), uint256(status), "challenge status");
    }

    function assertTotals(uint256 bounties, uint256 stakes, uint256 bonds, uint256 credits) internal view {
        TaskParams memory p = params();
        assertEq(uint256(hub.taskOf(task).units) * p.rate, bounties, "bounties");
        (uint256 staked, uint256 credited) = holdings();
        assertEq(staked, stakes, "stakes");
        assertEq(bondsHeld(), bonds, "bonds");
        assertEq(credited, credits, "credits");
        uint256 held = TestToken(p.token).balanceOf(address(hub));
        assertEq(held, bounties + stakes + bonds + credits, "balance");
    }

    function holdings() internal view returns (uint256 stakes, uint256 credits) {
        for (uint256 i = 0; i < known.length; ++i) {
            MemberStatus status = member(known[i]).status;
            if (status == MemberStatus.Active || status == MemberStatus.Exiting) stakes += params().stake;
            credits += credit(known[i]);
        }
    }

    function bondsHeld() internal view returns (uint256 bonds) {
        for (uint256 i = 0; i < opened.length; ++i) {
            bool pending = hub.challengeStatus(opened[i]) == ChallengeStatus.Pending;
            if (pending && shown[opened[i]].token == params().token) bonds += shown[opened[i]].bond;
        }
    }

    // Expected refusals

    function expect(bytes4 selector) internal {
        vm.expectRevert(abi.encodeWithSelector(selector));
    }

    function expect(bytes4 selector, uint256 a) internal {
        vm.expectRevert(abi.encodeWithSelector(selector, a));
    }

    function expect(bytes4 selector, uint256 a, uint256 b) internal {
        vm.expectRevert(abi.encodeWithSelector(selector, a, b));
    }

    function expectBadParameter(bytes32 name) internal {
        vm.expectRevert(abi.encodeWithSelector(IHubErrors.Hub_BadParameter.selector, name));
    }

    function expectNotPending(uint256 id, ChallengeStatus status) internal {
        expect(IHubErrors.Hub_ChallengeNotPending.selector, id, uint256(status));
    }

    function expectStatus(address node, MemberStatus status) internal {
        bytes4 selector = IHubErrors.Hub_MemberNotActive.selector;
        vm.expectRevert(abi.encodeWithSelector(selector, task, node, status));
    }
}
