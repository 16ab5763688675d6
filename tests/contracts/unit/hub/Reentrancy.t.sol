// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Base} from "../../Base.t.sol";
import {HookToken} from "../../mocks/Tokens.sol";
import {IHub} from "contracts/interfaces/IHub.sol";
import {IHubErrors} from "contracts/interfaces/IHubErrors.sol";
import {IJudge} from "contracts/interfaces/IJudge.sol";
import {Commitment, MemberStatus, SignedCommit} from "contracts/types/Membership.sol";
import {TaskParams} from "contracts/types/Task.sol";

/// @title A hostile judge or token finds every door to money shut while the hub calls it
contract ReentrancyTest is Base {
    Commitment internal c;
    uint256 internal pending;

    function setUp() public override {
        super.setUp();
        create();
        join(NODE_KEY, QUOTA);
        c = commitTo(NODE, 1, 5);
        pending = challengeBy(STRANGER, NODE, c, IJudge.Verdict.Pending);
    }

    /// @dev Calls of every guarded function that would be good ones, were they made from outside.
    function attempts() internal view returns (bytes[] memory calls) {
        TaskParams memory p = params();
        Commitment[] memory batch = new Commitment[](1);
        batch[0] = c;
        calls = new bytes[](15);
        calls[0] = abi.encodeCall(IHub.createTask, (p, 1));
        calls[1] = abi.encodeCall(IHub.topUp, (p, 1));
        calls[2] = abi.encodeCall(IHub.refund, (p));
        calls[3] = abi.encodeCall(IHub.join, (p, OTHER, PAYOUT, 1, ""));
        calls[4] = abi.encodeCall(IHub.requestExit, (task, NODE));
        calls[5] = abi.encodeCall(IHub.exit, (p, NODE));
        calls[6] = abi.encodeCall(IHub.commit, (task, 0, 0, 1, 0, 0, 1));
        calls[7] = abi.encodeCall(IHub.postCheckpoint, (task, 1, 0));
        calls[8] = abi.encodeCall(IHub.challenge, (p, NODE, c, address(judge), ""));
        calls[9] = abi.encodeCall(IHub.verdict, (shown[pending], IJudge.Verdict.Guilty));
        calls[10] = abi.encodeCall(IHub.expire, (shown[pending]));
        calls[11] = abi.encodeCall(IHub.claim, (p, NODE, batch));
        calls[12] = abi.encodeCall(IHub.withdraw, (address(token), PAYOUT));
        calls[13] = abi.encodeCall(IHub.commitBatch, (task, 1, new SignedCommit[](1)));
        bytes[] memory inner = new bytes[](1);
        inner[0] = calls[12];
        calls[14] = abi.encodeCall(hub.multicall, (inner));
    }

    function test_fromAJudge() public {
        bytes[] memory calls = attempts();
        for (uint256 i = 0; i < calls.length; ++i) {
            judge.scriptMisuse(calls[i]);
            challengeBy(CHALLENGER, NODE, c, IJudge.Verdict.NotGuilty);
            assertTrue(!judge.misused(), "a call went through");
            assertEq(bytes32(judge.misuseResult()), refusal(), "refused for the right reason");
        }
        assertStatus(NODE, MemberStatus.Active);
    }

    function test_fromAToken() public {
        HookToken hook = new HookToken();
        token = hook;
        vm.warp(NOW);
        create();
        bytes[] memory calls = attempts();
        for (uint256 i = 0; i < calls.length; ++i) {
            hook.hook(address(hub), calls[i]);
            vm.warp(NOW);
            join(1000 + i, 1);
            assertTrue(!hook.succeeded(), "a call went through");
            assertEq(bytes32(hook.result()), refusal(), "refused for the right reason");
        }
    }

    function test_fromATokenThatIsWithdrawn() public {
        HookToken hook = new HookToken();
        token = hook;
        vm.warp(NOW);
        create();
        join(OTHER_KEY, 8);
        Commitment memory own = commitTo(OTHER, 1, 5);
        vm.warp(own.time + WINDOW);
        claim(OTHER, own);
        hook.hook(address(hub), abi.encodeCall(IHub.withdraw, (address(token), PAYOUT)));
        hub.withdraw(address(token), PAYOUT);
        assertTrue(!hook.succeeded(), "twice");
        assertEq(token.balanceOf(PAYOUT), 5 * RATE, "once");
    }

    function refusal() internal pure returns (bytes32) {
        return bytes32(abi.encodeWithSelector(IHubErrors.Hub_Reentered.selector));
    }
}
