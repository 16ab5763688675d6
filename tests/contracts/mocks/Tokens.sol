// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";

import {TestToken} from "contracts/periphery/TestToken.sol";

/// @title A token that keeps a fee of one unit, from the receiver or from the sender
contract FeeToken is TestToken {
    bool public fromSender;
    bool public charging;

    function charge(bool charging_, bool fromSender_) external {
        charging = charging_;
        fromSender = fromSender_;
    }

    function _update(address from, address to, uint256 value) internal override {
        super._update(from, to, value);
        if (charging && from != address(0) && to != address(0)) {
            super._update(fromSender ? from : to, address(0), 1);
        }
    }
}

/// @title A token that can be frozen: then transfers revert, or answer false
contract FreezableToken is TestToken {
    bool public frozen;
    bool public silent;

    function freeze(bool frozen_, bool silent_) external {
        frozen = frozen_;
        silent = silent_;
    }

    function transfer(address to, uint256 value) public override returns (bool) {
        if (!_moves()) return false;
        return super.transfer(to, value);
    }

    function transferFrom(address from, address to, uint256 value) public override returns (bool) {
        if (!_moves()) return false;
        return super.transferFrom(from, to, value);
    }

    function _moves() private view returns (bool) {
        require(!frozen || silent, "frozen");
        return !frozen;
    }
}

/// @title A token that calls a target on every transfer, as ERC-777 hooks would
contract HookToken is TestToken {
    address public target;
    bytes public data;
    bool public succeeded;
    bytes public result;

    function hook(address target_, bytes calldata data_) external {
        target = target_;
        data = data_;
    }

    function _update(address from, address to, uint256 value) internal override {
        super._update(from, to, value);
        if (target != address(0) && from != address(0)) (succeeded, result) = target.call(data);
    }
}

/// @title A token whose allowances can be signed (EIP-2612)
contract PermitToken is TestToken, ERC20Permit {
    constructor() ERC20Permit("Cupel Test Token") {}
}

/// @title A token that answers nothing, as USDT does
contract SilentToken {
    error SilentToken_Short(address account);

    mapping(address account => uint256) public balanceOf;
    mapping(address owner => mapping(address spender => uint256)) public allowance;

    function mint(address account, uint256 amount) external {
        balanceOf[account] += amount;
    }

    function approve(address spender, uint256 amount) external returns (bool) {
        allowance[msg.sender][spender] = amount;
        return true;
    }

    function transfer(address to, uint256 amount) external {
        _move(msg.sender, to, amount);
    }

    function transferFrom(address from, address to, uint256 amount) external {
        if (allowance[from][msg.sender] < amount) revert SilentToken_Short(from);
        _move(from, to, amount);
    }

    function _move(address from, address to, uint256 amount) private {
        if (balanceOf[from] < amount) revert SilentToken_Short(from);
        balanceOf[from] -= amount;
        balanceOf[to] += amount;
    }
}

/// @title A token that says that it moved what was asked, and moves something else into or out of the receiver
contract LyingToken is TestToken {
    int256 public excess;
    bool public lying;

    function lie(bool lying_, int256 excess_) external {
        (lying, excess) = (lying_, excess_);
    }

    /// @dev Of a transfer of `value` the receiver gets `value + excess`, which may be less than nothing.
    function _update(address from, address to, uint256 value) internal override {
        super._update(from, to, value);
        if (!lying || from == address(0) || to == address(0)) return;
        if (excess > 0) super._update(address(0), to, uint256(excess));
        else super._update(to, address(0), uint256(-excess));
    }
}

/// @title A token whose transfers answer a word that is no boolean
contract GarbledToken is TestToken {
    bool public garbled;

    function garble(bool garbled_) external {
        garbled = garbled_;
    }

    function transferFrom(address from, address to, uint256 value) public override returns (bool) {
        super.transferFrom(from, to, value);
        if (!garbled) return true;
        assembly ("memory-safe") {
            mstore(0, 2)
            return(0, 32)
        }
    }
}
