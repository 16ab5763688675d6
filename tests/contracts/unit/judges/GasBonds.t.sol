// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {DataJudgeTest} from "./DataJudgeTest.sol";
import {IDataJudge} from "contracts/interfaces/IDataJudge.sol";
import {IGasBonds} from "contracts/interfaces/IGasBonds.sol";
import {Challenge} from "contracts/types/Challenge.sol";
import {Demand, DemandKind} from "contracts/types/Demand.sol";

/// @dev Takes its coins and asks for more of them, or refuses them.
contract Receiver {
    IGasBonds private immutable _bonds;
    uint256 public again;
    bool public refusing;

    constructor(IGasBonds bonds) {
        _bonds = bonds;
    }

    function refuse() external {
        refusing = true;
    }

    function withdraw(uint256 amount, uint256 again_) external {
        again = again_;
        _bonds.withdraw(amount);
    }

    receive() external payable {
        require(!refusing, "no, thanks");
        uint256 amount = again;
        again = 0;
        if (amount != 0) _bonds.withdraw(amount);
    }
}

contract GasBondsTest is DataJudgeTest {
    /// @dev Of an answer with published, 21 bytes, to a challenger with credit in both places.
    uint256 private constant ANSWER_GAS = 81_400 + 70 * 26;
    uint256 private constant PRICE_IN_GAS = 2 * (81_400 + 34_200 + 1024 * 26);

    // Credit

    function testFuzz_AnyoneDepositsForAnyone(address account, uint96 amount) external {
        vm.assume(account != CHALLENGER);
        vm.deal(address(this), amount);
        vm.expectEmit(address(judge));
        emit IGasBonds.Deposited(account, address(this), amount);
        judge.deposit{value: amount}(account);
        assertEq(judge.credit(account), amount);
        assertEq(address(judge).balance, DEPOSIT + amount);
    }

    function testFuzz_AnAccountWithdrawsWhatItHas(uint256 amount) external {
        amount = bound(amount, 0, DEPOSIT);
        vm.expectEmit(address(judge));
        emit IGasBonds.CreditWithdrawn(CHALLENGER, amount);
        vm.prank(CHALLENGER);
        judge.withdraw(amount);
        assertEq(CHALLENGER.balance, amount);
        assertEq(judge.credit(CHALLENGER), DEPOSIT - amount);
        assertSolvent(0);
    }

    function testFuzz_RevertWhen_WithdrawingMore(uint256 amount) external {
        amount = bound(amount, DEPOSIT + 1, type(uint256).max);
        vm.expectRevert(tooSmall(CHALLENGER, DEPOSIT, amount));
        vm.prank(CHALLENGER);
        judge.withdraw(amount);
        vm.expectRevert(tooSmall(FRIEND, 0, 1));
        vm.prank(FRIEND);
        judge.withdraw(1);
    }

    function test_RevertWhen_CoinsComeWithoutAnAccount() external {
        vm.deal(address(this), 1);
        (bool success,) = address(judge).call{value: 1}("");
        assertFalse(success);
    }

    function test_RevertWhen_TheReceiverRefuses() external {
        Receiver receiver = new Receiver(judge);
        depositFor(address(receiver), 5);
        receiver.refuse();
        vm.expectRevert(abi.encodeWithSelector(IGasBonds.GasBonds_PaymentRefused.selector, address(receiver)));
        receiver.withdraw(5, 0);
        assertEq(judge.credit(address(receiver)), 5);
    }

    function test_AReceiverThatComesBackGetsNoMoreThanItHas() external {
        Receiver receiver = new Receiver(judge);
        depositFor(address(receiver), 5);
        // The inner call fails, and with it the outer one.
        vm.expectRevert(abi.encodeWithSelector(IGasBonds.GasBonds_PaymentRefused.selector, address(receiver)));
        receiver.withdraw(3, 3);
        receiver.withdraw(3, 2);
        assertEq(address(receiver).balance, 5);
        assertEq(judge.credit(address(receiver)), 0);
        assertSolvent(0);
    }

    // Prices

    function test_AnAnswerEarnsItsGas() external {
        hub.setCredit(TOKEN, CHALLENGER, 1);
        expectSplit(BASE_FEE, ANSWER_GAS * BASE_FEE, ANSWER_GAS * BASE_FEE / 4);
    }

    function test_AnAnswerEarnsTheSlotsItMakesForTheChallenger() external {
        expectSplit(BASE_FEE, (ANSWER_GAS + 17_100) * BASE_FEE, (ANSWER_GAS + 17_100) * BASE_FEE / 4);
    }

    function test_AnAnswerToAnEmptiedChallengerEarnsBothSlots() external {
        vm.prank(CHALLENGER);
        judge.withdraw(DEPOSIT - PRICE_IN_GAS * BASE_FEE);
        expectSplit(BASE_FEE, (ANSWER_GAS + 34_200) * BASE_FEE, (ANSWER_GAS + 34_200) * BASE_FEE / 4);
    }

    function test_TheBaseFeeOfTheAnswerCounts() external {
        hub.setCredit(TOKEN, CHALLENGER, 1);
        expectSplit(BASE_FEE / 7, ANSWER_GAS * (BASE_FEE / 7), ANSWER_GAS * (BASE_FEE / 7) / 4);
    }

    function test_ThePriceIsAllThereIs() external {
        hub.setCredit(TOKEN, CHALLENGER, 1);
        uint256 price = PRICE_IN_GAS * BASE_FEE;
        // Just covered: nothing is left to burn.
        uint256 fee = price / ANSWER_GAS;
        expectSplit(fee, ANSWER_GAS * fee, price - ANSWER_GAS * fee);
    }

    function test_AnAnswerEarnsNoMoreThanThePrice() external {
        hub.setCredit(TOKEN, CHALLENGER, 1);
        expectSplit(100 * BASE_FEE, PRICE_IN_GAS * BASE_FEE, 0);
    }

    /// @dev While the base fee has not doubled, nobody who must answer loses by it, whatever is demanded.
    function testFuzz_TheFeeMayDouble(uint8 kind, uint256 openFee, uint256 answerFee, bool known) external {
        openFee = bound(openFee, 1, 1e15);
        answerFee = bound(answerFee, 0, 2 * openFee);
        if (known) hub.setCredit(TOKEN, CHALLENGER, 1);
        DemandKind asked = DemandKind(bound(kind, 1, 4));
        vm.fee(openFee);
        depositFor(CHALLENGER, 1e25);
        uint256 credit = judge.credit(CHALLENGER);
        bytes memory evidence = evidenceOf(asked, 0, 0);
        Demand memory demand = demandOf(commitmentTo(honest(UNITS)), asked, 0, 0);
        demand.price = demand.price / BASE_FEE * openFee;
        ask(commitmentTo(honest(UNITS)), evidence);
        vm.fee(answerFee);
        vm.startPrank(NODE);
        answer(challengeOf(evidence), demand, honest(UNITS));
        vm.stopPrank();
        uint256 cost = judge.credit(NODE);
        uint256 loss = credit - judge.credit(CHALLENGER);
        assertEq(cost % (answerFee == 0 ? 1 : answerFee), 0);
        assertTrue(answerFee == 0 || cost / answerFee >= 75_000);
        assertEq(loss, cost + judge.credit(judge.BURN()));
        // All of the quarter is burned while the base fee has not grown by three fifths.
        if (answerFee <= openFee * 8 / 5) assertEq(judge.credit(judge.BURN()), cost / 4);
        assertSolvent(0);
    }

    function test_WhoAnswersItselfLosesTheBurnedPart() external {
        hub.setCredit(TOKEN, CHALLENGER, 1);
        (Challenge memory challenge, Demand memory demand) = askForManifest();
        vm.prank(CHALLENGER);
        judge.answerManifest(challenge, demand, published);
        assertEq(judge.credit(CHALLENGER), DEPOSIT - ANSWER_GAS * BASE_FEE / 4);
        assertSolvent(0);
    }

    function expectSplit(uint256 fee, uint256 paid, uint256 burned) private {
        uint256 price = PRICE_IN_GAS * BASE_FEE;
        uint256 credit = judge.credit(CHALLENGER);
        (Challenge memory challenge, Demand memory demand) = askForManifest();
        assertEq(demand.price, price);
        vm.fee(fee);
        vm.expectEmit(address(judge));
        emit IDataJudge.Answered(idOf(challenge), FRIEND, paid, burned, price - paid - burned);
        vm.prank(FRIEND);
        judge.answerManifest(challenge, demand, published);
        assertEq(judge.credit(FRIEND), paid);
        assertEq(judge.credit(judge.BURN()), burned);
        assertEq(judge.credit(CHALLENGER), credit - paid - burned);
        assertSolvent(0);
    }

    function askForManifest() private returns (Challenge memory challenge, Demand memory demand) {
        return ask(commitmentTo(honest(1)), DemandKind.Manifest, 0, 0);
    }

    function tooSmall(address account, uint256 balance, uint256 needed) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IGasBonds.GasBonds_CreditTooSmall.selector, account, balance, needed);
    }
}
