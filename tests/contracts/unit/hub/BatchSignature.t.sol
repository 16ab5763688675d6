// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ContractNode} from "../../mocks/Wallets.sol";
import {BatchTest} from "./BatchTest.sol";
import {Hub} from "contracts/Hub.sol";
import {IHubErrors} from "contracts/interfaces/IHubErrors.sol";
import {MemberStatus, SignedCommit} from "contracts/types/Membership.sol";
import {TaskParams} from "contracts/types/Task.sol";

contract BatchSignatureTest is BatchTest {
    uint256 internal constant ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141;

    function expectUnsigned(address node, uint256 sequence) internal {
        expect(IHubErrors.Hub_BadSignature.selector, uint160(node), sequence);
    }

    function refusesSignature(SignedCommit memory signed) internal {
        expectUnsigned(signed.node, 0);
        relay(signed, 0);
    }

    function test_contractNodeSignsByEip1271() public {
        vm.warp(NOW);
        ContractNode node = new ContractNode();
        node.approve(hub.joinDigest(task, address(node), OWNER, PAYOUT, QUOTA));
        fund(OWNER, STAKE);
        vm.prank(OWNER);
        hub.join(params(), address(node), PAYOUT, QUOTA, "");
        vm.warp(START);

        SignedCommit memory signed = SignedCommit(address(node), "root", "manifest", 4, "");
        expectUnsigned(address(node), 0);
        relay(signed, 0);
        node.approve(hub.commitDigest(task, beacon(), 0, 0, "root", "manifest", 4));
        relay(signed, 0);
        assertEq(member(address(node)).next, 1, "next");
    }

    /// @dev An account that delegates to code (EIP-7702) that knows no EIP-1271 keeps its key.
    function test_keyOfADelegatedAccount() public {
        SignedCommit memory signed = signedBy(NODE_KEY, 0, 4);
        vm.etch(NODE, abi.encodePacked(hex"ef0100", address(token)));
        relay(signed, 0);
        assertEq(member(NODE).next, 1, "next");
    }

    function test_countsOnce() public {
        SignedCommit memory signed = signedBy(NODE_KEY, 0, 3);
        relay(signed, 0);
        expectUnsigned(NODE, 1);
        relay(signed, 0);
        vm.warp(roundStart(1));
        hub.openRound(task, 1);
        expectUnsigned(NODE, 1);
        relay(signed, 1);
    }

    function test_overTheNextSequenceOnly() public {
        SignedCommit memory signed = signedBy(NODE_KEY, 0, 3);
        for (uint32 sequence = 1; sequence < 3; ++sequence) {
            signed.signature = sign(
                NODE_KEY, hub.commitDigest(task, beacon(), sequence, 0, signed.root, signed.manifest, 3)
            );
            refusesSignature(signed);
        }
        // What was signed before the node committed by itself is stale.
        signed = signedBy(NODE_KEY, 1, 3);
        commitTo(NODE, 0, 1);
        vm.warp(roundStart(1));
        hub.openRound(task, 1);
        expectUnsigned(NODE, 1);
        relay(signed, 1);
    }

    function test_notOfAnotherChain() public {
        uint256 here = block.chainid;
        vm.chainId(99);
        SignedCommit memory signed = signedBy(NODE_KEY, 0, 3);
        vm.chainId(here);
        refusesSignature(signed);
    }

    function test_notForAnotherHub() public {
        Hub other = new Hub();
        SignedCommit memory signed = signedBy(NODE_KEY, 0, 3);
        signed.signature =
            sign(NODE_KEY, other.commitDigest(task, beacon(), 0, 0, signed.root, signed.manifest, 3));
        refusesSignature(signed);
    }

    function test_notForAnotherTask() public {
        SignedCommit memory signed = signedBy(NODE_KEY, 0, 3);
        TaskParams memory p = params();
        p.maxStaleness += 1;
        bytes32 other = hub.taskIdOf(p);
        signed.signature =
            sign(NODE_KEY, hub.commitDigest(other, beacon(), 0, 0, signed.root, signed.manifest, 3));
        refusesSignature(signed);
    }

    function test_coversEveryField() public {
        SignedCommit memory signed = signedBy(NODE_KEY, 0, 3);
        signed.root ^= bytes32(uint256(1));
        refusesSignature(signed);
        signed = signedBy(NODE_KEY, 0, 3);
        signed.manifest ^= bytes32(uint256(1));
        refusesSignature(signed);
        signed = signedBy(NODE_KEY, 0, 3);
        signed.units = 2;
        refusesSignature(signed);
        signed = signedBy(NODE_KEY, 0, 3);
        signed.node = OTHER;
        refusesSignature(signed);
        signed = signedBy(NODE_KEY, 0, 3);
        signed.signature =
            sign(NODE_KEY, hub.commitDigest(task, beacon(), 0, 1, signed.root, signed.manifest, 3));
        refusesSignature(signed);
    }

    /// @dev Of a block that was reorganised away, or of another round.
    function test_notUnderAnotherBeacon() public {
        SignedCommit memory signed = signedBy(NODE_KEY, 0, 3);
        bytes32 other = beacon() ^ bytes32(uint256(1));
        signed.signature =
            sign(NODE_KEY, hub.commitDigest(task, other, 0, 0, signed.root, signed.manifest, 3));
        refusesSignature(signed);
    }

    function test_notTheMirrorImage() public {
        SignedCommit memory signed = signedBy(NODE_KEY, 0, 3);
        (uint8 v, bytes32 r, bytes32 s) =
            vm.sign(NODE_KEY, hub.commitDigest(task, beacon(), 0, 0, signed.root, signed.manifest, 3));
        signed.signature = abi.encodePacked(r, ORDER - uint256(s), v ^ 7);
        refusesSignature(signed);
    }

    function test_ofSixtyFiveBytes() public {
        SignedCommit memory signed = signedBy(NODE_KEY, 0, 3);
        bytes memory good = signed.signature;
        signed.signature = abi.encodePacked(good, hex"00");
        refusesSignature(signed);
        signed.signature = new bytes(64);
        for (uint256 i = 0; i < 64; ++i) {
            signed.signature[i] = good[i];
        }
        refusesSignature(signed);
        signed.signature = "";
        refusesSignature(signed);
        signed.signature = new bytes(65);
        refusesSignature(signed);
        signed.signature = good;
        good[64] = hex"1d";
        refusesSignature(signed);
        good[64] = hex"00";
        refusesSignature(signed);
    }

    /// @dev A signature that recovers to nobody must not speak for the zero address.
    function test_ofNobodyForTheZeroAddress() public {
        SignedCommit memory signed = SignedCommit(address(0), "root", "manifest", 1, new bytes(65));
        expectStatus(address(0), MemberStatus.None);
        relay(signed, 0);
    }
}
