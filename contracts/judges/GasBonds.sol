// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IGasBonds} from "../interfaces/IGasBonds.sol";

/// @title GasBonds
/// @notice See `IGasBonds`. Its balance is the sum of all credit, the burned included, and of the prices not yet settled.
/// @dev Coins leave in `withdraw` only, which calls a stranger last.
abstract contract GasBonds is IGasBonds {
    /// @dev The base fee may double before somebody answers at a loss.
    uint256 internal constant PRICE_FACTOR = 2;
    /// @dev One part in so many of what an answer earns is burned on top.
    uint256 private constant BURN_DIVISOR = 4;

    /// @inheritdoc IGasBonds
    address public constant BURN = 0x000000000000000000000000000000000000dEaD;
    /// @inheritdoc IGasBonds
    mapping(address account => uint256) public credit;

    /// @inheritdoc IGasBonds
    function deposit(address account) external payable {
        credit[account] += msg.value;
        emit Deposited(account, msg.sender, msg.value);
    }

    /// @inheritdoc IGasBonds
    function withdraw(uint256 amount) external {
        _spend(msg.sender, amount);
        emit CreditWithdrawn(msg.sender, amount);
        (bool success,) = msg.sender.call{value: amount}("");
        if (!success) revert GasBonds_PaymentRefused(msg.sender);
    }

    /// @dev Takes from the asker's credit the price of an answer that may cost `answerGas`.
    function _charge(address asker, uint256 answerGas) internal returns (uint256 price) {
        price = PRICE_FACTOR * answerGas * block.basefee;
        _spend(asker, price);
    }

    /// @dev Divides the price of an answer that the sender gave for `answerGas`.
    function _settle(address asker, uint256 price, uint256 answerGas)
        internal
        returns (uint256 paid, uint256 burned, uint256 returned)
    {
        uint256 cost = answerGas * block.basefee;
        paid = cost < price ? cost : price;
        burned = cost / BURN_DIVISOR;
        if (burned > price - paid) burned = price - paid;
        returned = price - paid - burned;

        credit[msg.sender] += paid;
        credit[BURN] += burned;
        credit[asker] += returned;
    }

    /// @dev Nobody answered.
    function _giveBack(address asker, uint256 price) internal {
        credit[asker] += price;
    }

    function _spend(address account, uint256 amount) private {
        uint256 balance = credit[account];
        if (balance < amount) revert GasBonds_CreditTooSmall(account, balance, amount);
        credit[account] = balance - amount;
    }
}
