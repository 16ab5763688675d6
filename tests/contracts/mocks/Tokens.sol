// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

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
