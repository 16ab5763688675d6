// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Base} from "../../Base.t.sol";
import {PermitToken} from "../../mocks/Tokens.sol";
import {IHub} from "contracts/interfaces/IHub.sol";
import {IHubErrors} from "contracts/interfaces/IHubErrors.sol";
import {IJudge} from "contracts/interfaces/IJudge.sol";
import {TestToken} from "contracts/periphery/TestToken.sol";
import {Commitment, MemberStatus} from "contracts/types/Membership.sol";
import {TaskParams} from "contracts/types/Task.sol";

contract PermitTest is Base {
    uint256 internal constant RICH_KEY = 0x21C4;
    address internal rich;

    function setUp() public override {
        super.setUp();
        token = new PermitToken();
        create();
        rich = vm.addr(RICH_KEY);
        know(rich);
        token.mint(rich, 10 * STAKE);
    }

    function permitCall(uint256 amount, uint256 deadline) internal view returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = signPermit(amount, deadline);
        return abi.encodeCall(IHub.permit, (address(token), amount, deadline, v, r, s));
    }

    function signPermit(uint256 amount, uint256 deadline)
        internal
        view
        returns (uint8 v, bytes32 r, bytes32 s)
    {
        bytes32 typehash = keccak256(
            "Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"
        );
        PermitToken signable = PermitToken(address(token));
        bytes32 structHash =
            keccak256(abi.encode(typehash, rich, address(hub), amount, signable.nonces(rich), deadline));
        bytes32 digest = keccak256(abi.encodePacked("\x19\x01", signable.DOMAIN_SEPARATOR(), structHash));
        return vm.sign(RICH_KEY, digest);
    }

    function joinCall() internal view returns (bytes memory) {
        return abi.encodeCall(IHub.join, (params(), rich, rich, QUOTA, ""));
    }

    function send(bytes memory first, bytes memory second) internal {
        bytes[] memory calls = new bytes[](2);
        (calls[0], calls[1]) = (first, second);
        vm.prank(rich);
        hub.multicall(calls);
    }

    function refusesJoin(bytes memory permit) internal {
        bytes memory joining = joinCall();
        vm.expectRevert(
            abi.encodeWithSignature(
                "ERC20InsufficientAllowance(address,uint256,uint256)", address(hub), 0, STAKE
            )
        );
        send(permit, joining);
    }

    function test_joinsWithoutAnAllowance() public {
        send(permitCall(STAKE, NOW), joinCall());
        assertStatus(rich, MemberStatus.Active);
        assertEq(token.balanceOf(rich), 9 * STAKE, "paid");
        assertEq(token.allowance(rich, address(hub)), 0, "allowance used up");
        assertTotals(BOUNTY, STAKE, 0, 0);
    }

    function test_createsATaskWithoutAnAllowance() public {
        TaskParams memory p = params();
        p.creator = rich;
        send(permitCall(7 * RATE, NOW), abi.encodeCall(IHub.createTask, (p, 7)));
        assertEq(hub.taskOf(hub.taskIdOf(p)).units, 7, "units");
    }

    function test_challengesWithoutAnAllowance() public {
        join(NODE_KEY, QUOTA);
        Commitment memory c = commitTo(NODE, 0, 1);
        judge.script(IJudge.Verdict.Guilty);
        bytes memory accusing = abi.encodeCall(IHub.challenge, (params(), NODE, c, address(judge), ""));
        send(permitCall(BOND, START), accusing);
        assertStatus(NODE, MemberStatus.Slashed);
        assertEq(credit(rich), 11 * BOND, "reward");
    }

    /// @dev Who sees a permit and sends it first gains nothing and spoils nothing.
    function test_whoeverSendsItFirst() public {
        (uint8 v, bytes32 r, bytes32 s) = signPermit(STAKE, NOW);
        bytes memory permit = permitCall(STAKE, NOW);
        vm.prank(STRANGER);
        PermitToken(address(token)).permit(rich, address(hub), STAKE, NOW, v, r, s);
        send(permit, joinCall());
        assertStatus(rich, MemberStatus.Active);
    }

    function test_aFailedPermitLeavesTheTransferToFail() public {
        // Expired, of another amount than was signed, and of another account.
        refusesJoin(permitCall(STAKE, NOW - 1));
        (uint8 v, bytes32 r, bytes32 s) = signPermit(STAKE, NOW);
        refusesJoin(abi.encodeCall(IHub.permit, (address(token), STAKE + 1, NOW, v, r, s)));
        bytes memory permit = permitCall(STAKE, NOW);
        rich = STRANGER;
        refusesJoin(permit);
    }

    function test_aFailedPermitDoesNotMatterWithAnAllowance() public {
        vm.prank(rich);
        token.approve(address(hub), STAKE);
        send(permitCall(STAKE, NOW - 1), joinCall());
        assertStatus(rich, MemberStatus.Active);
    }

    function test_aTokenWithoutPermitIsPassedOver() public {
        TestToken plain = new TestToken();
        hub.permit(address(plain), STAKE, NOW, 27, 0, 0);
        assertEq(plain.allowance(address(this), address(hub)), 0, "allowance");
    }

    function test_anAccountWithoutCodeIsNoToken() public {
        expectBadParameter("token");
        hub.permit(STRANGER, STAKE, NOW, 27, 0, 0);
    }
}

contract MulticallTest is Base {
    bytes[] internal calls;

    function setUp() public override {
        super.setUp();
        create();
        fund(STRANGER, 100 * RATE);
    }

    function add(bytes memory call) internal {
        calls.push(call);
    }

    function send() internal returns (bytes[] memory results) {
        bytes[] memory all = calls;
        vm.prank(STRANGER);
        return hub.multicall(all);
    }

    function test_returnsEveryAnswer() public {
        vm.warp(START);
        add(abi.encodeCall(IHub.openRound, (task, 0)));
        add(abi.encodeCall(IHub.taskIdOf, (params())));
        add(abi.encodeCall(IHub.topUp, (params(), 3)));
        bytes[] memory results = send();
        assertEq(results.length, 3, "answers");
        assertEq(abi.decode(results[0], (bytes32)), hub.beaconOf(task, 0), "beacon");
        assertEq(abi.decode(results[1], (bytes32)), task, "id");
        assertEq(results[2].length, 0, "none");
        assertTotals(BOUNTY + 3 * RATE, 0, 0, 0);
    }

    /// @dev The guard ends with each call, not with the transaction.
    function test_callsOfTheSameFunction() public {
        add(abi.encodeCall(IHub.topUp, (params(), 3)));
        add(abi.encodeCall(IHub.topUp, (params(), 4)));
        send();
        assertTotals(BOUNTY + 7 * RATE, 0, 0, 0);
    }

    function test_oneRefusedUndoesAll() public {
        add(abi.encodeCall(IHub.topUp, (params(), 3)));
        add(abi.encodeCall(IHub.topUp, (params(), 0)));
        add(abi.encodeCall(IHub.topUp, (params(), 4)));
        expect(IHubErrors.Hub_AmountZero.selector);
        send();
        assertTotals(BOUNTY, 0, 0, 0);
    }

    function test_speaksForTheSenderAlone() public {
        vm.warp(END + SETTLING);
        add(abi.encodeCall(IHub.refund, (params())));
        expect(IHubErrors.Hub_NotCreator.selector, uint160(STRANGER), uint160(CREATOR));
        send();
    }

    function test_withinItself() public {
        bytes[] memory inner = new bytes[](1);
        inner[0] = abi.encodeCall(IHub.topUp, (params(), 3));
        add(abi.encodeCall(hub.multicall, (inner)));
        send();
        assertTotals(BOUNTY + 3 * RATE, 0, 0, 0);
    }

    function test_ofNothing() public {
        assertEq(send().length, 0, "answers");
    }

    function test_ofAFunctionThatIsNotThere() public {
        add(hex"12345678");
        vm.expectRevert(bytes(""));
        send();
    }
}
