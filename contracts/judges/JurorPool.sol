// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";

import {IJurorPool} from "../interfaces/IJurorPool.sol";
import {Sortition} from "../libraries/Sortition.sol";
import {Juror, Place} from "../types/Jury.sol";

/// @title JurorPool: jurors of an HONEST-MAJORITY jury
/// @notice See `IJurorPool`. Its balance of the token is at least the sum of the stakes, the bonds of open appeals, the
/// credits and what is to be burned.
/// @dev INVARIANT: while a draw is pending no place moves, so whoever sees the hash that will draw the jury cannot shape
/// the jury by leaving. Newcomers get places beyond the population of the draw.
abstract contract JurorPool is IJurorPool {
    using SafeERC20 for IERC20;

    /// @dev The largest jury. More votes cost more gas than a dispute is worth, and draws of 31 err in 2.7 % of cases
    /// against a third of the pool.
    uint256 internal constant MAX_SEATS = 31;
    /// @dev More could not sit on one jury.
    uint256 private constant MAX_PLACES = MAX_SEATS;
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
    /// @inheritdoc IJurorPool
    mapping(address account => uint128) public credit;
    Place[] private _pool;
    mapping(address account => Juror) internal _jurors;
    /// @dev Positions in the pool of a juror's places; only the first `places` mean anything.
    mapping(address account => uint32[MAX_PLACES]) private _positions;

    constructor(address token_, uint96 jurorStake_) {
        token = token_;
        jurorStake = jurorStake_;
    }

    /// @inheritdoc IJurorPool
    function register(uint32 places) external {
        Juror memory juror = _jurors[msg.sender];
        uint256 total = uint256(juror.places) + places;
        if (total > MAX_PLACES) revert JurorPool_TooManyPlaces(total, MAX_PLACES);
        uint256 full = total * jurorStake;
        uint128 missing = juror.stake < full ? uint128(full - juror.stake) : 0;
        if (missing == 0 && places == 0) revert JurorPool_NothingToAdd(msg.sender);

        for (uint256 index = juror.places; index < total; ++index) {
            _positions[msg.sender][index] = uint32(_pool.length);
            _pool.push(Place(msg.sender, uint32(index)));
        }
        juror.places = uint32(total);
        juror.stake += missing;
        _jurors[msg.sender] = juror;
        emit JurorRegistered(msg.sender, juror.places, juror.stake);
        _pull(missing);
    }

    /// @inheritdoc IJurorPool
    function resign() external {
        Juror memory juror = _jurors[msg.sender];
        if (juror.stake == 0 && juror.places == 0) revert JurorPool_NotRegistered(msg.sender);
        bool serves = juror.serving != 0;
        if (serves && juror.places == 0) revert JurorPool_Serving(msg.sender, juror.serving);

        if (juror.places != 0) _remove(msg.sender, juror.places);
        if (serves) {
            emit PlacesReduced(msg.sender, 0, juror.stake);
            return;
        }
        _jurors[msg.sender].stake = 0;
        emit JurorLeft(msg.sender, juror.stake);
        IERC20(token).safeTransfer(msg.sender, juror.stake);
    }

    /// @inheritdoc IJurorPool
    function evict(address account) external {
        Juror memory juror = _jurors[account];
        if (juror.places == 0) revert JurorPool_NotRegistered(account);
        uint256 covered = juror.stake / penalty();
        if (covered >= juror.places) revert JurorPool_StakeSuffices(account, juror.stake);

        _remove(account, juror.places - covered);
        emit PlacesReduced(account, uint32(covered), juror.stake);
    }

    /// @inheritdoc IJurorPool
    function withdraw(address account) external {
        uint128 amount = credit[account];
        if (amount == 0) revert JurorPool_NoCredit(account);

        credit[account] = 0;
        emit CreditWithdrawn(account, amount);
        IERC20(token).safeTransfer(account, amount);
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
    function placeAt(uint256 position) external view returns (Place memory) {
        return _pool[position];
    }

    /// @inheritdoc IJurorPool
    function positionOf(address account, uint256 index) external view returns (uint32) {
        return _positions[account][index];
    }

    /// @inheritdoc IJurorPool
    function poolSize() public view returns (uint256) {
        return _pool.length;
    }

    /// @dev Jurors for `wanted` places of the first `population`, drawn without replacement; fewer when there are no
    /// more. Places of the parties are passed over, of which there are at most 62, so the loop is short.
    function _draw(bytes32 seed, uint256 population, uint256 wanted, address node, address challenger)
        internal
        view
        returns (address[] memory drawn, uint256 count)
    {
        uint256 most = wanted + _jurors[node].places + _jurors[challenger].places;
        if (most > population) most = population;
        uint256[] memory taken = new uint256[](most);
        drawn = new address[](wanted);
        for (uint256 i = 0; i < most && count < wanted; ++i) {
            address juror = _pool[Sortition.next(seed, population, taken, i)].juror;
            if (juror != node && juror != challenger) drawn[count++] = juror;
        }
    }

    /// @dev Takes exactly `amount` from the sender, after it has been booked.
    function _pull(uint128 amount) internal {
        uint256 before = IERC20(token).balanceOf(address(this));
        IERC20(token).safeTransferFrom(msg.sender, address(this), amount);
        uint256 moved = IERC20(token).balanceOf(address(this)) - before;
        if (moved != amount) revert JurorPool_TransferMismatch(amount, moved);
    }

    /// @dev The last places of the pool move to the places that a juror leaves, its newest first.
    function _remove(address account, uint256 count) private {
        if (pendingDraws != 0) revert JurorPool_DrawPending(pendingDraws);
        uint256 left = _jurors[account].places - count;
        for (uint256 index = left + count; index > left; --index) {
            uint32 position = _positions[account][index - 1];
            Place memory last = _pool[_pool.length - 1];
            _pool[position] = last;
            _positions[last.juror][last.index] = position;
            _pool.pop();
        }
        _jurors[account].places = uint32(left);
    }
}
