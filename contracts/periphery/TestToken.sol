// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// @title Token for tests and devnets
/// @notice Anyone can mint any amount, so it is worth nothing. Never use it on a public network.
contract TestToken is ERC20 {
    constructor() ERC20("Cupel Test Token", "TEST") {}

    /// @notice Gives `amount` to `account`.
    function mint(address account, uint256 amount) external {
        _mint(account, amount);
    }
}
