// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Base} from "../Base.t.sol";
import {HostileToken, Vice} from "../invariant/HostileToken.sol";
import {IPlanner} from "../invariant/Reentry.sol";
import {Hub} from "contracts/Hub.sol";
import {IHub} from "contracts/interfaces/IHub.sol";
import {IHubErrors} from "contracts/interfaces/IHubErrors.sol";
import {Commitment, MemberStatus, SignedCommit} from "contracts/types/Membership.sol";
import {TaskParams} from "contracts/types/Task.sol";

/// @title A contract that approves what it is told to, as a wallet that its owner no longer controls might
contract Wallet {
    bytes32 internal approved;

    function approve(bytes32 digest) external {
        approved = digest;
    }

    function isValidSignature(bytes32 digest, bytes calldata) external view returns (bytes4) {
        return digest == approved ? this.isValidSignature.selector : bytes4(0xffffffff);
    }
}

/// @title Security checklist 18, 19 and 22: signatures used again or elsewhere, relayed batches, stolen keys
contract SignaturesAttack is Base, IPlanner {
    uint256 internal constant ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141;

    HostileToken internal permitToken;

    function setUp() public override {
        super.setUp();
        permitToken = new HostileToken(Vice.None, this);
        create();
        join(NODE_KEY, QUOTA);
        vm.warp(roundStart(1));
        hub.openRound(task, 1);
    }

    function plan() external pure returns (bytes[] memory) {
        return new bytes[](0);
    }

    function params() internal view override returns (TaskParams memory p) {
        p = super.params();
        if (address(permitToken) != address(0)) p.token = address(permitToken);
    }

    /// @dev What the node signed: sequence 0, round 1, five units.
    function signedCommit() internal view returns (SignedCommit[] memory batch) {
        batch = new SignedCommit[](1);
        bytes32 digest = hub.commitDigest(task, beacon(), 0, 1, bytes32("root"), bytes32("manifest"), 5);
        batch[0] = SignedCommit(NODE, bytes32("root"), bytes32("manifest"), 5, sign(NODE_KEY, digest));
    }

    function expectBadSignature(uint256 sequence) internal {
        vm.expectRevert(abi.encodeWithSelector(IHubErrors.Hub_BadSignature.selector, NODE, sequence));
    }

    // 18. A relayed commitment sent twice would be paid twice, or fill the node's ring.
    function test_18_ARelayedCommitmentCountsOnce() external {
        hub.commitBatch(task, 1, signedCommit());
        SignedCommit[] memory again = signedCommit();
        expectBadSignature(1);
        hub.commitBatch(task, 1, again);
        vm.warp(roundStart(2));
        hub.openRound(task, 2);
        expectBadSignature(1);
        hub.commitBatch(task, 2, again);
        SignedCommit[] memory twice = new SignedCommit[](2);
        (twice[0], twice[1]) = (again[0], again[0]);
        expectBadSignature(1);
        hub.commitBatch(task, 2, twice);
        assertEq(member(NODE).next, 1, "one commitment");
    }

    // 18. A signature that counts on another chain, hub or task makes the node answer there for work it did not do.
    function test_18_ASignatureCountsNowhereElse() external {
        SignedCommit[] memory batch = signedCommit();
        vm.chainId(block.chainid + 1);
        expectBadSignature(0);
        hub.commitBatch(task, 1, batch);
        vm.chainId(block.chainid - 1);

        Hub twin = new Hub();
        assertTrue(
            hub.commitDigest(task, beacon(), 0, 1, 0, 0, 5)
                != twin.commitDigest(task, beacon(), 0, 1, 0, 0, 5),
            "another hub"
        );
        assertTrue(
            hub.joinDigest(task, NODE, OWNER, PAYOUT, 5) != twin.joinDigest(task, NODE, OWNER, PAYOUT, 5),
            "another hub"
        );
        assertTrue(
            hub.commitDigest(task, beacon(), 0, 1, 0, 0, 5) != hub.commitDigest(0, beacon(), 0, 1, 0, 0, 5),
            "another task"
        );
    }

    // 18. A relayer that could change what was signed could have any node slashed.
    function test_18_ARelayerChangesNothing() external {
        for (uint256 k = 0; k < 4; ++k) {
            SignedCommit[] memory batch = signedCommit();
            if (k == 0) batch[0].root = bytes32("false");
            if (k == 1) batch[0].manifest = bytes32("false");
            if (k == 2) batch[0].units = 6;
            if (k == 3) {
                batch[0].signature =
                    sign(OTHER_KEY, hub.commitDigest(task, beacon(), 0, 1, "root", "manifest", 5));
            }
            expectBadSignature(0);
            hub.commitBatch(task, 1, batch);
        }
    }

    // 18. The mirror image of a signature is valid for plain ecrecover: whoever counts signatures is fooled.
    function test_18_AMirroredSignatureIsRefused() external {
        bytes32 digest = hub.commitDigest(task, beacon(), 0, 1, bytes32("root"), bytes32("manifest"), 5);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(NODE_KEY, digest);
        bytes32 high = bytes32(ORDER - uint256(s));
        assertEq(ecrecover(digest, v == 27 ? 28 : 27, r, high), NODE, "ecrecover takes it");
        SignedCommit[] memory batch = signedCommit();
        batch[0].signature = abi.encodePacked(r, high, v == 27 ? uint8(28) : uint8(27));
        expectBadSignature(0);
        hub.commitBatch(task, 1, batch);
        // 64 bytes (EIP-2098), none, or garbage are no signature either.
        bytes[3] memory malformed = [abi.encodePacked(r, s), bytes(""), new bytes(65)];
        for (uint256 k = 0; k < 3; ++k) {
            batch[0].signature = malformed[k];
            expectBadSignature(0);
            hub.commitBatch(task, 1, batch);
        }
    }

    // 18. Somebody else's consent, or one to other terms, would lock a node's place for ever, or send its pay elsewhere.
    function test_18_AConsentIsForOneOwnerPayoutAndQuota() external {
        vm.warp(NOW);
        bytes memory consent = consentOf(OTHER_KEY, OWNER, PAYOUT, 8);
        fund(STRANGER, STAKE);
        fund(OWNER, 2 * STAKE);
        vm.expectRevert(abi.encodeWithSelector(IHubErrors.Hub_BadConsent.selector, OTHER));
        vm.prank(STRANGER);
        hub.join(params(), OTHER, PAYOUT, 8, consent);
        vm.expectRevert(abi.encodeWithSelector(IHubErrors.Hub_BadConsent.selector, OTHER));
        vm.prank(OWNER);
        hub.join(params(), OTHER, STRANGER, 8, consent);
        vm.expectRevert(abi.encodeWithSelector(IHubErrors.Hub_BadConsent.selector, OTHER));
        vm.prank(OWNER);
        hub.join(params(), OTHER, PAYOUT, 9, consent);
        vm.prank(OWNER);
        hub.join(params(), OTHER, PAYOUT, 8, consent);
        vm.expectRevert(abi.encodeWithSelector(IHubErrors.Hub_MemberExists.selector, task, OTHER));
        vm.prank(OWNER);
        hub.join(params(), OTHER, PAYOUT, 8, consent);
    }

    // 18. EIP-1271: a wallet's approval of one commitment must not carry over to the next.
    function test_18_AWalletsApprovalCountsOnce() external {
        Wallet wallet = new Wallet();
        vm.warp(NOW);
        fund(OWNER, STAKE);
        wallet.approve(hub.joinDigest(task, address(wallet), OWNER, PAYOUT, 16));
        vm.prank(OWNER);
        hub.join(params(), address(wallet), PAYOUT, 16, "");
        vm.warp(roundStart(1));
        SignedCommit[] memory batch = new SignedCommit[](1);
        batch[0] = SignedCommit(address(wallet), bytes32("root"), 0, 5, "");
        vm.expectRevert(abi.encodeWithSelector(IHubErrors.Hub_BadSignature.selector, wallet, 0));
        hub.commitBatch(task, 1, batch);
        wallet.approve(hub.commitDigest(task, beacon(), 0, 1, bytes32("root"), 0, 5));
        hub.commitBatch(task, 1, batch);
        vm.warp(roundStart(2));
        hub.openRound(task, 2);
        vm.expectRevert(abi.encodeWithSelector(IHubErrors.Hub_BadSignature.selector, wallet, 1));
        hub.commitBatch(task, 2, batch);
    }

    // 18. EIP-7702: if code at an account switched its key off, or its key's signatures were asked of the code alone, an
    // owner that delegates would be silenced, or replaced.
    function test_18_AKeyWithCodeKeepsItsSignature() external {
        SignedCommit[] memory batch = signedCommit();
        vm.etch(NODE, hex"600080fd");
        hub.commitBatch(task, 1, batch);
        assertEq(member(NODE).next, 1, "the key signs");
        batch[0].signature = sign(OTHER_KEY, hub.commitDigest(task, beacon(), 1, 1, "root", "manifest", 5));
        expectBadSignature(1);
        hub.commitBatch(task, 1, batch);
    }

    // 18. Whoever sees a permit can use it first. If that made the join fail, anyone could keep anyone out.
    function test_18_APermitThatIsUsedFirstStopsNobody() external {
        vm.warp(NOW);
        address owner = vm.addr(0xD00D);
        permitToken.mint(owner, STAKE);
        bytes[] memory calls = new bytes[](2);
        calls[0] = permitOf(0xD00D, STAKE);
        calls[1] = abi.encodeCall(IHub.join, (params(), owner, owner, 8, ""));
        (bool used,) = address(permitToken).call(permitDirectly(calls[0]));
        assertTrue(used, "the attacker is first");
        vm.prank(owner);
        hub.multicall(calls);
        assertStatus(owner, MemberStatus.Active);
    }

    // 18. The permit is the sender's: nobody spends what somebody else has signed away to the hub.
    function test_18_APermitServesItsSignerOnly() external {
        vm.warp(NOW);
        permitToken.mint(vm.addr(0xD00D), STAKE);
        bytes[] memory calls = new bytes[](2);
        calls[0] = permitOf(0xD00D, STAKE);
        calls[1] = abi.encodeCall(IHub.join, (params(), STRANGER, STRANGER, 8, ""));
        vm.prank(STRANGER);
        (bool done,) = address(hub).call(abi.encodeCall(hub.multicall, (calls)));
        assertTrue(!done, "a stranger joined with another's money");
        assertEq(permitToken.balanceOf(vm.addr(0xD00D)), STAKE, "untouched");
    }

    // 19. If a batch stood for commitments that are shown later, a leaf kept back until its window is over could never be
    // challenged. Here every relayed commitment is on-chain, named and dated by itself; a bad signature spoils the batch.
    function test_19_EachRelayedCommitmentHasItsOwnWindow() external {
        vm.warp(roundStart(1) + 17);
        hub.commitBatch(task, 1, signedCommit());
        Commitment memory c =
            Commitment(0, 1, bytes32("root"), bytes32("manifest"), 5, uint40(roundStart(1) + 17));
        assertEq(hub.commitmentHash(task, NODE, 0), keccak256(abi.encode(c)), "whole and dated");
        vm.warp(c.time + WINDOW - 1);
        expect(IHubErrors.Hub_TooEarly.selector, c.time + WINDOW);
        claim(NODE, c);
        vm.warp(c.time + WINDOW);
        claim(NODE, c);
    }

    // 22. Who steals a node's hot key can have it slashed, but gets nothing: stake, pay, endpoint of the money and exit
    // are other keys'.
    function test_22_AHotKeyMovesNoMoney() external {
        Commitment memory c = commitTo(NODE, 1, 5);
        vm.warp(c.time + WINDOW);
        claim(NODE, c);
        vm.expectRevert(abi.encodeWithSelector(IHubErrors.Hub_NotOwner.selector, NODE, OWNER));
        vm.prank(NODE);
        hub.requestExit(task, NODE);
        expectMemberExists();
        vm.prank(NODE);
        hub.join(params(), NODE, NODE, 1, "");
        vm.warp(END + SETTLING);
        vm.prank(NODE);
        hub.exit(params(), NODE);
        hub.withdraw(params().token, PAYOUT);
        hub.withdraw(params().token, OWNER);
        assertEq(credit(NODE) + permitToken.balanceOf(NODE), 0, "nothing for the thief");
        assertEq(permitToken.balanceOf(PAYOUT), 5 * RATE, "pay");
        assertEq(permitToken.balanceOf(OWNER), STAKE, "stake");
    }

    function expectMemberExists() internal {
        vm.expectRevert(abi.encodeWithSelector(IHubErrors.Hub_MemberExists.selector, task, NODE));
    }

    function permitOf(uint256 key, uint256 amount) internal view returns (bytes memory) {
        bytes32 typehash =
            keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)");
        bytes32 inner = keccak256(abi.encode(typehash, vm.addr(key), address(hub), amount, 0, END));
        bytes32 digest = keccak256(abi.encodePacked(hex"1901", permitToken.DOMAIN_SEPARATOR(), inner));
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return abi.encodeCall(IHub.permit, (address(permitToken), amount, END, v, r, s));
    }

    /// @dev The same permit, shown to the token itself.
    function permitDirectly(bytes memory call_) internal view returns (bytes memory) {
        bytes memory arguments = new bytes(call_.length - 4);
        for (uint256 k = 4; k < call_.length; ++k) {
            arguments[k - 4] = call_[k];
        }
        (, uint256 amount, uint256 deadline, uint8 v, bytes32 r, bytes32 s) =
            abi.decode(arguments, (address, uint256, uint256, uint8, bytes32, bytes32));
        return abi.encodeCall(permitToken.permit, (vm.addr(0xD00D), address(hub), amount, deadline, v, r, s));
    }
}
