// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";

import {IJurorPool} from "../interfaces/IJurorPool.sol";
import {Juror} from "../types/Jury.sol";

/// @title JurorPool
/// @notice See `IJurorPool`. Its balance of the token is at least the sum of the stakes and of what is to be burned.
/// @dev INVARIANT: while a draw is pending nobody moves to another place in the pool, so whoever sees the hash that
/// will draw the jury cannot shape the jury by leaving. Newcomers get places beyond the population of the draw.
abstract contract JurorPool is IJurorPool {
    using SafeERC20 for IERC20;

    /// @dev One slip must not ruin an honest juror, four in a row may.
    uint96 private constant PENALTIES_IN_STAKE = 4;
    address private constant BURN = 0x000000000000000000000000000000000000dEaD;

    /// @inheritdoc IJurorPool
    address public immutable token;
    /// @inheritdoc IJurorPool
    uint96 public immutable jurorStake;

    /// @inheritdoc IJurorPool
    uint256 public pendingDraws;
    /// @inheritdoc IJurorPool
    uint128 public toBurn;
    address[] internal _pool;
    mapping(address account => Juror) internal _jurors;

    constructor(address token_, uint96 jurorStake_) {
        token = token_;
        jurorStake = jurorStake_;
    }

    /// @inheritdoc IJurorPool
    function register() external {
        Juror storage juror = _jurors[msg.sender];
        uint128 missing = juror.stake < jurorStake ? jurorStake - juror.stake : 0;
        if (missing == 0 && juror.place != 0) revert JurorPool_AlreadyRegistered(msg.sender);

        juror.stake += missing;
        if (juror.place == 0) {
            _pool.push(msg.sender);
            juror.place = uint32(_pool.length);
        }
        emit JurorRegistered(msg.sender, juror.stake);
        _pull(missing);
    }

    /// @inheritdoc IJurorPool
    function resign() external {
        Juror storage juror = _jurors[msg.sender];
        uint128 stake = juror.stake;
        if (stake == 0 && juror.place == 0) revert JurorPool_NotRegistered(msg.sender);
        if (juror.serving != 0) revert JurorPool_Serving(msg.sender, juror.serving);

        if (juror.place != 0) _remove(msg.sender);
        juror.stake = 0;
        emit JurorLeft(msg.sender, stake);
        IERC20(token).safeTransfer(msg.sender, stake);
    }

    /// @inheritdoc IJurorPool
    function evict(address account) external {
        Juror storage juror = _jurors[account];
        if (juror.place == 0) revert JurorPool_NotRegistered(account);
        if (juror.stake >= penalty()) revert JurorPool_StakeSuffices(account, juror.stake);

        _remove(account);
        emit JurorEvicted(account, juror.stake);
    }

    /// @inheritdoc IJurorPool
    function burn() external {
        uint128 amount = toBurn;
        if (amount == 0) revert JurorPool_NothingToBurn();

        toBurn = 0;
        emit PenaltiesBurned(amount);
        IERC20(token).safeTransfer(BURN, amount);
    }

    /// @inheritdoc IJurorPool
    function penalty() public view returns (uint96) {
        return jurorStake / PENALTIES_IN_STAKE;
    }

    /// @inheritdoc IJurorPool
    function jurorOf(address account) external view returns (Juror memory) {
        return _jurors[account];
    }

    /// @inheritdoc IJurorPool
    function poolSize() external view returns (uint256) {
        return _pool.length;
    }

    /// @dev The last juror moves to the free place.
    function _remove(address account) private {
        if (pendingDraws != 0) revert JurorPool_DrawPending(pendingDraws);
        uint32 place = _jurors[account].place;
        address last = _pool[_pool.length - 1];
        _pool[place - 1] = last;
        _jurors[last].place = place;
        _jurors[account].place = 0;
        _pool.pop();
    }

    /// @dev Takes exactly `amount` from the sender, after it has been booked.
    function _pull(uint128 amount) private {
        uint256 before = IERC20(token).balanceOf(address(this));
        IERC20(token).safeTransferFrom(msg.sender, address(this), amount);
        uint256 moved = IERC20(token).balanceOf(address(this)) - before;
        if (moved != amount) revert JurorPool_TransferMismatch(amount, moved);
    }
}
