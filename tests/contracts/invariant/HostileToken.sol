// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";

import {IPlanner, Reentry} from "./Reentry.sol";

/// @notice How a token misbehaves while it does.
/// FeeFromReceiver, FeeFromSender: one unit of every transfer vanishes. Reverts, AnswersFalse, AnswersGarbage: nothing
/// moves. AnswersNothing: everything moves, without a return value. CallsBack: calls as ERC-777 hooks would, in every
/// transfer. Shrinks: balances go down by themselves.
enum Vice {
    None,
    FeeFromReceiver,
    FeeFromSender,
    Reverts,
    AnswersFalse,
    AnswersGarbage,
    AnswersNothing,
    CallsBack,
    Shrinks
}

/// @title A token with permits and one vice, which comes and goes
contract HostileToken is ERC20Permit, Reentry {
    error HostileToken_Frozen();

    Vice public immutable vice;
    bool public active;

    constructor(Vice vice_, IPlanner planner_)
        ERC20("Hostile", "HOST")
        ERC20Permit("Hostile")
        Reentry(planner_)
    {
        vice = vice_;
    }

    function mint(address account, uint256 amount) external {
        _mint(account, amount);
    }

    function tempt(bool active_) external {
        active = active_;
    }

    /// @notice The token takes something back.
    function shrink(address account, uint256 amount) external {
        _burn(account, amount);
    }

    function movesIn() external view returns (bool) {
        return !active || (vice != Vice.FeeFromReceiver && !_isStuck());
    }

    function movesOut() external view returns (bool) {
        return !active || (vice != Vice.FeeFromSender && !_isStuck());
    }

    function transfer(address to, uint256 value) public override returns (bool answer) {
        if (!_hesitates()) answer = super.transfer(to, value);
        _answer(answer);
    }

    function transferFrom(address from, address to, uint256 value) public override returns (bool answer) {
        if (!_hesitates()) answer = super.transferFrom(from, to, value);
        _answer(answer);
    }

    function _update(address from, address to, uint256 value) internal override {
        super._update(from, to, value);
        if (!active || from == address(0) || to == address(0)) return;
        if (vice == Vice.FeeFromReceiver) super._update(to, address(0), 1);
        if (vice == Vice.FeeFromSender) super._update(from, address(0), 1);
        if (vice == Vice.CallsBack) _reenter(msg.sender);
    }

    function _isStuck() private view returns (bool) {
        return vice == Vice.Reverts || vice == Vice.AnswersFalse || vice == Vice.AnswersGarbage;
    }

    function _hesitates() private view returns (bool) {
        if (active && vice == Vice.Reverts) revert HostileToken_Frozen();
        return active && _isStuck();
    }

    function _answer(bool answer) private view {
        bool silent = active && vice == Vice.AnswersNothing;
        uint256 word = active && vice == Vice.AnswersGarbage ? 2 : answer ? 1 : 0;
        assembly ("memory-safe") {
            mstore(0, word)
            return(0, mul(0x20, iszero(silent)))
        }
    }
}
