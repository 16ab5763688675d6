// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Base} from "../../Base.t.sol";
import {FeeToken} from "../../mocks/Tokens.sol";
import {ContractNode} from "../../mocks/Wallets.sol";
import {Hub} from "contracts/Hub.sol";
import {IHubErrors} from "contracts/interfaces/IHubErrors.sol";
import {Member, MemberStatus} from "contracts/types/Membership.sol";

contract JoinTest is Base {
    function setUp() public override {
        super.setUp();
        create();
        fund(OWNER, 10 * STAKE);
    }

    function submit(address node, address payout, uint32 quota, bytes memory signature) internal {
        vm.prank(OWNER);
        hub.join(params(), node, payout, quota, signature);
    }

    function consent() internal view returns (bytes memory) {
        return consentOf(NODE_KEY, OWNER, PAYOUT, QUOTA);
    }

    function test_locksStakeAndReservesPay() public {
        bytes memory signature = consent();
        vm.expectEmit(address(hub));
        emit Joined(task, NODE, OWNER, PAYOUT, QUOTA, 0);
        submit(NODE, PAYOUT, QUOTA, signature);

        Member memory m = member(NODE);
        assertEq(m.owner, OWNER, "owner");
        assertEq(m.payout, PAYOUT, "payout");
        assertEq(m.unitsLeft, QUOTA, "left");
        assertEq(m.unitsReserved, QUOTA, "reserved units");
        assertEq(m.nextRound, 0, "next round");
        assertEq(m.next + m.unpaid + m.exitAt + m.challenged + m.voided, 0, "untouched");
        assertStatus(NODE, MemberStatus.Active);
        assertEq(hub.taskOf(task).reserved, QUOTA, "reserved");
        assertTotals(BOUNTY, STAKE, 0, 0);
    }

    function test_nodeThatIsItsOwnOwnerSignsNothing() public {
        fund(NODE, STAKE);
        vm.prank(NODE);
        hub.join(params(), NODE, NODE, QUOTA, "");
        assertEq(member(NODE).owner, NODE, "owner");
        assertEq(member(NODE).payout, NODE, "payout");
    }

    function test_payoutMayBeTheOwner() public {
        submit(NODE, OWNER, QUOTA, consentOf(NODE_KEY, OWNER, OWNER, QUOTA));
        assertEq(member(NODE).payout, OWNER, "payout");
    }

    function test_contractNodeConsentsByEip1271() public {
        ContractNode node = new ContractNode();
        vm.expectRevert(abi.encodeWithSelector(IHubErrors.Hub_BadConsent.selector, node));
        submit(address(node), PAYOUT, QUOTA, "");
        node.approve(hub.joinDigest(task, address(node), OWNER, PAYOUT, QUOTA));
        submit(address(node), PAYOUT, QUOTA, "");
        assertStatus(address(node), MemberStatus.Active);
    }

    function test_digestIsTheWrittenOne() public {
        bytes32 domain = keccak256(
            abi.encode(
                keccak256(
                    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
                ),
                keccak256("Cupel Hub"),
                keccak256("1"),
                block.chainid,
                address(hub)
            )
        );
        bytes32 typehash =
            keccak256("Join(bytes32 task,address node,address owner,address payout,uint32 quota)");
        bytes32 structHash = keccak256(abi.encode(typehash, task, NODE, OWNER, PAYOUT, QUOTA));
        bytes32 digest = keccak256(abi.encodePacked("\x19\x01", domain, structHash));
        assertEq(hub.joinDigest(task, NODE, OWNER, PAYOUT, QUOTA), digest, "digest");
        vm.chainId(99);
        assertTrue(hub.joinDigest(task, NODE, OWNER, PAYOUT, QUOTA) != digest, "another chain");
    }

    function test_consentCoversEverything() public {
        bytes memory good = consent();
        refusesConsent(OTHER, PAYOUT, QUOTA, good);
        refusesConsent(NODE, STRANGER, QUOTA, good);
        refusesConsent(NODE, PAYOUT, QUOTA + 1, good);
        refusesConsent(NODE, PAYOUT, QUOTA, "");
        refusesConsent(NODE, PAYOUT, QUOTA, new bytes(65));
        refusesConsent(address(0), PAYOUT, QUOTA, new bytes(65));

        fund(STRANGER, STAKE);
        expect(IHubErrors.Hub_BadConsent.selector, uint160(NODE));
        vm.prank(STRANGER);
        hub.join(params(), NODE, PAYOUT, QUOTA, good);

        good[64] = bytes1(uint8(good[64]) ^ 1);
        refusesConsent(NODE, PAYOUT, QUOTA, good);
    }

    function test_consentOfAMalleableSignature() public {
        bytes32 digest = hub.joinDigest(task, NODE, OWNER, PAYOUT, QUOTA);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(NODE_KEY, digest);
        uint256 order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141;
        refusesConsent(NODE, PAYOUT, QUOTA, abi.encodePacked(r, order - uint256(s), v ^ 7));
    }

    function refusesConsent(address node, address payout, uint32 quota, bytes memory signature) internal {
        expect(IHubErrors.Hub_BadConsent.selector, uint160(node));
        submit(node, payout, quota, signature);
    }

    function test_firstRoundIsTheNextToStart() public {
        uint256 key = 1000;
        vm.warp(START - 1);
        joins(++key, 0);
        vm.warp(START);
        joins(++key, 1);
        vm.warp(roundStart(1) - 1);
        joins(++key, 1);
        vm.warp(roundStart(1));
        joins(++key, 2);
        vm.warp(roundStart(1) + 1);
        joins(++key, 2);
    }

    function joins(uint256 key, uint256 firstRound) internal {
        join(key, 1);
        assertEq(member(vm.addr(key)).nextRound, firstRound, "first round");
    }

    function test_closesWhenNoWholeRoundIsLeft() public {
        bytes memory signature = consent();
        vm.warp(roundStart(ROUNDS - 1) - 1);
        joins(OTHER_KEY, ROUNDS - 1);
        vm.warp(roundStart(ROUNDS - 1));
        expect(IHubErrors.Hub_JoinClosed.selector, ROUNDS, ROUNDS);
        submit(NODE, PAYOUT, QUOTA, signature);
        vm.warp(END + 5 * ROUND_SECONDS);
        expect(IHubErrors.Hub_JoinClosed.selector, ROUNDS + 6, ROUNDS);
        submit(NODE, PAYOUT, QUOTA, signature);
    }

    function test_neverSellsMoreThanTheBounty() public {
        uint32 most = uint32(UNITS);
        bytes memory signature = consentOf(NODE_KEY, OWNER, PAYOUT, most + 1);
        expect(IHubErrors.Hub_BountyTooSmall.selector, most + 1, most);
        submit(NODE, PAYOUT, most + 1, signature);

        submit(NODE, PAYOUT, most, consentOf(NODE_KEY, OWNER, PAYOUT, most));
        signature = consentOf(OTHER_KEY, OWNER, PAYOUT, 1);
        expect(IHubErrors.Hub_BountyTooSmall.selector, 1, 0);
        submit(OTHER, PAYOUT, 1, signature);
    }

    function test_quotaHasBounds() public {
        expect(IHubErrors.Hub_BadUnits.selector, 0, type(uint24).max);
        submit(NODE, PAYOUT, 0, "");
        expect(IHubErrors.Hub_BadUnits.selector, 2 ** 24, type(uint24).max);
        submit(NODE, PAYOUT, 2 ** 24, "");
    }

    function test_payoutMustBeAPlaceForMoney() public {
        expect(IHubErrors.Hub_BadPayout.selector, 0);
        submit(NODE, address(0), QUOTA, "");
        expect(IHubErrors.Hub_BadPayout.selector, uint160(address(hub)));
        submit(NODE, address(hub), QUOTA, "");
    }

    function test_oncePerNode() public {
        bytes memory signature = consent();
        submit(NODE, PAYOUT, QUOTA, signature);
        vm.expectRevert(abi.encodeWithSelector(IHubErrors.Hub_MemberExists.selector, task, NODE));
        submit(NODE, PAYOUT, QUOTA, signature);
    }

    function test_onlyTasksThatExist() public {
        hub = new Hub();
        bytes32 id = hub.taskIdOf(params());
        expect(IHubErrors.Hub_TaskUnknown.selector, uint256(id));
        submit(NODE, PAYOUT, QUOTA, "");
    }

    function test_stakeMustArriveWhole() public {
        FeeToken fee = new FeeToken();
        token = fee;
        create();
        fund(OWNER, STAKE);
        fee.charge(true, false);
        bytes memory signature = consent();
        expect(IHubErrors.Hub_TransferMismatch.selector, STAKE, STAKE - 1);
        submit(NODE, PAYOUT, QUOTA, signature);
    }

    function test_endpointOfAnyone() public {
        vm.expectEmit(address(hub));
        emit EndpointSet(STRANGER, "/ip4/192.0.2.1/tcp/4001");
        vm.prank(STRANGER);
        hub.setEndpoint("/ip4/192.0.2.1/tcp/4001");
    }
}
