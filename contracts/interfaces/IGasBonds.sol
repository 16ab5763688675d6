// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Prepaid gas: who makes others send a transaction pays for it
/// @notice The price of an answer is twice its gas at the base fee of the block in which it is asked for, in the chain's
/// coin, taken from the asker's credit. An answer earns its own gas at the base fee of its block, within the price. A
/// quarter as much again is burned, so that asking costs more than gas even where the asker collects the base fee, and
/// more than the tip costs who answers. The rest goes back; without an answer all of it does.
///
/// Not covered: the tip, what the base fee rises beyond the double, the first write of an account's credit, and the data
/// fee that a rollup charges beside gas.
interface IGasBonds {
    /// @notice `account` may ask for, or withdraw, `amount` more.
    event Deposited(address indexed account, address indexed from, uint256 amount);
    /// @notice Credit left the contract.
    event CreditWithdrawn(address indexed account, uint256 amount);

    /// @notice The account has `balance` wei here, `needed` are needed.
    error GasBonds_CreditTooSmall(address account, uint256 balance, uint256 needed);
    /// @notice The account did not take its credit, which stays.
    error GasBonds_PaymentRefused(address account);

    /// @notice Adds the coins sent along to the credit of `account`.
    function deposit(address account) external payable;

    /// @notice Sends the sender `amount` of its credit.
    /// @dev Not for anyone to call: whoever emptied an asker's credit would make its next question fail.
    function withdraw(uint256 amount) external;

    /// @notice Coins of an account: what was deposited for it, what it earned by answers and what came back.
    function credit(address account) external view returns (uint256);
    /// @notice Whose credit the burned coins are: nobody has its key.
    function BURN() external view returns (address);
}
