// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Base} from "../../Base.t.sol";
import {FeeToken, FreezableToken, GarbledToken, LyingToken, SilentToken} from "../../mocks/Tokens.sol";
import {IHubErrors} from "contracts/interfaces/IHubErrors.sol";
import {IJudge} from "contracts/interfaces/IJudge.sol";
import {TestToken} from "contracts/periphery/TestToken.sol";
import {Commitment, MemberStatus} from "contracts/types/Membership.sol";
import {TaskParams} from "contracts/types/Task.sol";

/// @title Every deposit with every token that is not as it should be
contract TokensTest is Base {
    uint256 internal constant DEPOSITS = 4;

    Commitment internal c;

    /// @dev A task that pays in `token_`, and enough of it for every deposit.
    function begin(address token_) internal {
        token = TestToken(token_);
        vm.warp(NOW);
        create();
        join(NODE_KEY, QUOTA);
        c = commitTo(NODE, 0, 5);
        fund(CREATOR, BOUNTY);
        fund(OTHER, STAKE);
        fund(STRANGER, BOUNTY + BOND);
    }

    /// @dev The i-th way for money to get in.
    function deposit(uint256 i) internal {
        TaskParams memory p = params();
        if (i == 0) {
            p.maxStaleness += 1;
            p.start = uint40(block.timestamp);
            vm.prank(CREATOR);
            hub.createTask(p, UNITS);
        } else if (i == 1) {
            vm.prank(STRANGER);
            hub.topUp(p, UNITS);
        } else if (i == 2) {
            vm.prank(OTHER);
            hub.join(p, OTHER, OTHER, QUOTA, "");
        } else {
            vm.prank(STRANGER);
            hub.challenge(p, NODE, c, address(judge), "");
        }
    }

    function asked(uint256 i) internal pure returns (uint256) {
        return i < 2 ? BOUNTY : i == 2 ? STAKE : BOND;
    }

    function refusesEveryDeposit(bytes memory reason) internal {
        for (uint256 i = 0; i < DEPOSITS; ++i) {
            vm.expectRevert(reason);
            deposit(i);
        }
        assertTotals(BOUNTY, STAKE, 0, 0);
    }

    function acceptsEveryDeposit() internal {
        uint256 held = token.balanceOf(address(hub));
        for (uint256 i = 0; i < DEPOSITS; ++i) {
            deposit(i);
            held += asked(i);
            assertEq(token.balanceOf(address(hub)), held, "held");
        }
    }

    /// @dev A token that brings the hub `excess` more than it asked for; where that is less than nothing, it takes.
    function refusesDepositsThatDiffer(int256 excess) internal {
        LyingToken lying = new LyingToken();
        begin(address(lying));
        for (uint256 i = 0; i < DEPOSITS; ++i) {
            uint256 amount = asked(i);
            // casting is safe: amounts are small; a balance that falls wraps
            // forge-lint: disable-next-line(unsafe-typecast)
            uint256 moved = uint256(int256(amount) + excess);
            lying.lie(true, excess);
            expect(IHubErrors.Hub_TransferMismatch.selector, amount, moved);
            deposit(i);
        }
        assertTotals(BOUNTY, STAKE, 0, 0);
    }

    function test_withAFee() public {
        FeeToken fee = new FeeToken();
        begin(address(fee));
        fee.charge(true, false);
        for (uint256 i = 0; i < DEPOSITS; ++i) {
            expect(IHubErrors.Hub_TransferMismatch.selector, asked(i), asked(i) - 1);
            deposit(i);
        }
        assertTotals(BOUNTY, STAKE, 0, 0);
    }

    /// @dev What the sender pays beside is its own affair.
    function test_withAFeeThatTheSenderBears() public {
        FeeToken fee = new FeeToken();
        begin(address(fee));
        fee.mint(CREATOR, 1);
        fee.mint(OTHER, 1);
        fee.mint(STRANGER, 2);
        fee.charge(true, true);
        acceptsEveryDeposit();
    }

    function test_thatBringsMore() public {
        refusesDepositsThatDiffer(1);
    }

    function test_thatBringsLess() public {
        refusesDepositsThatDiffer(-int256(uint256(BOND)));
    }

    function test_thatTakesFromTheHub() public {
        refusesDepositsThatDiffer(-int256(BOUNTY) - 1);
    }

    function test_thatReverts() public {
        FreezableToken frozen = new FreezableToken();
        begin(address(frozen));
        frozen.freeze(true, false);
        refusesEveryDeposit(abi.encodeWithSignature("Error(string)", "frozen"));
    }

    function test_thatAnswersFalse() public {
        FreezableToken frozen = new FreezableToken();
        begin(address(frozen));
        frozen.freeze(true, true);
        refusesEveryDeposit(abi.encodeWithSignature("SafeERC20FailedOperation(address)", frozen));
    }

    function test_thatAnswersNoBoolean() public {
        GarbledToken garbled = new GarbledToken();
        begin(address(garbled));
        garbled.garble(true);
        refusesEveryDeposit(abi.encodeWithSignature("SafeERC20FailedOperation(address)", garbled));
    }

    function test_withoutAllowance() public {
        begin(address(new TestToken()));
        address[3] memory payers = [CREATOR, OTHER, STRANGER];
        for (uint256 i = 0; i < payers.length; ++i) {
            vm.prank(payers[i]);
            token.approve(address(hub), BOND - 1);
        }
        for (uint256 i = 0; i < DEPOSITS; ++i) {
            vm.expectRevert(
                abi.encodeWithSignature(
                    "ERC20InsufficientAllowance(address,uint256,uint256)", hub, BOND - 1, asked(i)
                )
            );
            deposit(i);
        }
        assertTotals(BOUNTY, STAKE, 0, 0);
    }

    function test_withoutCode() public {
        TaskParams memory p = params();
        p.token = STRANGER;
        expectBadParameter("token");
        vm.prank(CREATOR);
        hub.createTask(p, UNITS);
    }

    /// @dev Such as USDT: from the bounty to the last withdrawal.
    function test_thatAnswersNothing() public {
        begin(address(new SilentToken()));
        acceptsEveryDeposit();
        challengeBy(CHALLENGER, NODE, c, IJudge.Verdict.Guilty);
        assertStatus(NODE, MemberStatus.Slashed);
        hub.withdraw(address(token), CHALLENGER);
        assertEq(token.balanceOf(CHALLENGER), 11 * BOND, "bond and reward");
    }
}
