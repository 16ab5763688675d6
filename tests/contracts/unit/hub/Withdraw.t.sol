// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Base} from "../../Base.t.sol";
import {FeeToken, FreezableToken} from "../../mocks/Tokens.sol";
import {IHubErrors} from "contracts/interfaces/IHubErrors.sol";
import {IJudge} from "contracts/interfaces/IJudge.sol";
import {Commitment, MemberStatus} from "contracts/types/Membership.sol";

contract WithdrawTest is Base {
    function earn() internal returns (Commitment memory c) {
        create();
        join(NODE_KEY, QUOTA);
        c = commitTo(NODE, 1, 5);
        vm.warp(c.time + WINDOW);
        claim(NODE, c);
    }

    function test_sendsAllCreditToItsAccount() public {
        earn();
        vm.expectEmit(address(hub));
        emit Withdrawn(address(token), PAYOUT, 5 * RATE);
        vm.prank(STRANGER);
        hub.withdraw(address(token), PAYOUT);
        assertEq(token.balanceOf(PAYOUT), 5 * RATE, "balance");
        assertEq(credit(PAYOUT), 0, "credit");
        assertTotals(BOUNTY - 5 * RATE, STAKE, 0, 0);
    }

    function test_onlyOnce() public {
        earn();
        hub.withdraw(address(token), PAYOUT);
        vm.expectRevert(
            abi.encodeWithSelector(IHubErrors.Hub_NothingToWithdraw.selector, address(token), PAYOUT)
        );
        hub.withdraw(address(token), PAYOUT);
    }

    function test_burnedStakeCanBeSentToItsGrave() public {
        create();
        join(NODE_KEY, QUOTA);
        challengeBy(CHALLENGER, NODE, commitTo(NODE, 1, 5), IJudge.Verdict.Guilty);
        hub.withdraw(address(token), hub.BURN());
        assertEq(token.balanceOf(BURN), STAKE - 10 * BOND, "burned");
    }

    /// @dev A token that charges its sender would make one task pay another's debts.
    function test_tokenMustNotTakeMore() public {
        FeeToken fee = new FeeToken();
        token = fee;
        earn();
        fee.charge(true, true);
        expect(IHubErrors.Hub_TransferMismatch.selector, 5 * RATE, 5 * RATE + 1);
        hub.withdraw(address(token), PAYOUT);
        // A fee that the receiver bears is the receiver's business.
        fee.charge(true, false);
        hub.withdraw(address(token), PAYOUT);
    }

    /// @dev Whatever a token does, verdicts, claims and exits need none of it.
    function test_frozenTokenHoldsUpNobodyElse() public {
        FreezableToken frozen = new FreezableToken();
        token = frozen;
        Commitment memory first = earn();
        Commitment memory c = commitTo(NODE, first.round + 4, 2);
        uint256 id = challengeBy(CHALLENGER, NODE, c, IJudge.Verdict.Pending);
        for (uint256 i = 0; i < 2; ++i) {
            frozen.freeze(true, i == 1);
            vm.expectRevert(
                i == 0
                    ? abi.encodeWithSignature("Error(string)", "frozen")
                    : abi.encodeWithSignature("SafeERC20FailedOperation(address)", frozen)
            );
            hub.withdraw(address(token), PAYOUT);
        }
        decide(id, true);
        assertStatus(NODE, MemberStatus.Slashed);
        assertEq(credit(PAYOUT), 5 * RATE, "credit is safe");
        frozen.freeze(false, false);
        hub.withdraw(address(token), PAYOUT);
        hub.withdraw(address(token), CHALLENGER);
    }
}
