// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Juror, Place} from "../types/Jury.sol";

/// @title Jurors of an HONEST-MAJORITY jury, and their stakes
/// @notice Anyone may register. A place in the pool costs one `jurorStake` and is one equal chance to be drawn, so the
/// chance is proportional to the stake. A juror that is drawn for several seats has as many votes, and as much to lose.
/// An account holds at most 31 places, as many as the largest jury has seats, so that every loop is short; who wants to
/// stake more uses another account, at no gain or loss.
///
/// A juror sits on any number of juries at once and can lose no more than its stake. Serving is not limited, because a
/// cheater could otherwise occupy the whole pool with challenges against itself.
interface IJurorPool {
    /// @notice The juror has this many places and this stake from now on.
    event JurorRegistered(address indexed juror, uint32 places, uint128 stake);
    /// @notice The juror has this many places left, because it gave the others up or because its stake no longer covers
    /// a penalty for each. Its stake stays.
    event PlacesReduced(address indexed juror, uint32 places, uint128 stake);
    /// @notice The juror left with all it had.
    event JurorLeft(address indexed juror, uint128 stake);
    /// @notice Returned appeal bonds were sent to the appellant.
    event CreditWithdrawn(address indexed account, uint128 amount);
    /// @notice Penalties and bonds that no juror earned left for the burn address.
    event PenaltiesBurned(uint128 amount);

    /// @notice No place was asked for and the stake is complete.
    error JurorPool_NothingToAdd(address juror);
    /// @notice An account can hold `most` places.
    error JurorPool_TooManyPlaces(uint256 places, uint256 most);
    /// @notice The account has neither stake nor place.
    error JurorPool_NotRegistered(address juror);
    /// @notice The juror has no place any more, and gets its stake back when the `juries` it sits on have closed.
    error JurorPool_Serving(address juror, uint256 juries);
    /// @notice `draws` juries are still to be drawn, and the pool must not move under them. Anyone may summon them.
    error JurorPool_DrawPending(uint256 draws);
    /// @notice The stake covers a penalty for each place: no reason to evict.
    error JurorPool_StakeSuffices(address juror, uint128 stake);
    /// @notice The account has no credit.
    error JurorPool_NoCredit(address account);
    /// @notice Nothing is there to burn.
    error JurorPool_NothingToBurn();
    /// @notice The token moved another amount than asked: fee-on-transfer and rebasing tokens are refused.
    error JurorPool_TransferMismatch(uint256 asked, uint256 moved);

    /// @notice Gives the sender `places` more places, at most 31 in all, and fills its stake up to a full one for each.
    /// Needs an allowance for what is missing; what the juror earned counts. With no more places it only fills up.
    /// @dev Whoever is drawn by a jury that is already requested was in the pool before.
    function register(uint32 places) external;

    /// @notice Gives up the sender's places and returns its stake; if it still serves, a second call after its trials
    /// returns the stake. Places cannot be given up while a draw is pending.
    function resign() external;

    /// @notice Takes a juror's places that its stake no longer covers, a penalty each, out of the pool. Anyone may.
    function evict(address juror) external;

    /// @notice Sends `account` its returned appeal bonds. Anyone may.
    function withdraw(address account) external;

    /// @notice Sends what no juror earned to the burn address. Anyone may.
    function burn() external;

    /// @notice Token of stakes and appeal bonds.
    function token() external view returns (address);
    /// @notice A full stake, the price of a place.
    function jurorStake() external view returns (uint96);
    /// @notice What a seat loses when its juror does not reveal or is outvoted: a quarter of a full stake.
    function penalty() external view returns (uint96);
    /// @notice A juror; all zero when unknown.
    function jurorOf(address juror) external view returns (Juror memory);
    /// @notice A place in the pool, from 0 to `poolSize() - 1`.
    function placeAt(uint256 position) external view returns (Place memory);
    /// @notice Position in the pool of one of the juror's places, `index` from 0 to one less than it has.
    function positionOf(address juror, uint256 index) external view returns (uint32);
    /// @notice Places that can be drawn.
    function poolSize() external view returns (uint256);
    /// @notice Juries still to be drawn.
    function pendingDraws() external view returns (uint256);
    /// @notice What `withdraw` would send.
    function credit(address account) external view returns (uint128);
    /// @notice Penalties and bonds waiting to be burned.
    function toBurn() external view returns (uint128);
}
