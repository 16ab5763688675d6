// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Juror} from "../types/Jury.sol";

/// @title Jurors of an honest-majority jury, and their stakes
/// @notice Anyone may register. One registration is one equal chance to be drawn, so weight costs stake.
interface IJurorPool {
    /// @notice The stake is held and the juror can be drawn from now on.
    event JurorRegistered(address indexed juror, uint128 stake);
    /// @notice The juror cannot be drawn any more because its stake no longer covers a penalty.
    event JurorEvicted(address indexed juror, uint128 stake);
    /// @notice The juror left with all it had.
    event JurorLeft(address indexed juror, uint128 stake);
    /// @notice Penalties that no juror earned left for the burn address.
    event PenaltiesBurned(uint128 amount);

    /// @notice The juror's stake is complete and it can be drawn.
    error JurorPool_AlreadyRegistered(address juror);
    /// @notice The account has neither stake nor place.
    error JurorPool_NotRegistered(address juror);
    /// @notice The juror sits on `juries` juries: it can leave when they have closed.
    error JurorPool_Serving(address juror, uint256 juries);
    /// @notice `draws` juries are still to be drawn, and the pool must not move under them. Anyone may summon them.
    error JurorPool_DrawPending(uint256 draws);
    /// @notice The stake covers a penalty: no reason to evict.
    error JurorPool_StakeSuffices(address juror, uint128 stake);
    /// @notice Nothing is there to burn.
    error JurorPool_NothingToBurn();
    /// @notice The token moved another amount than asked: fee-on-transfer and rebasing tokens are refused.
    error JurorPool_TransferMismatch(uint256 asked, uint256 moved);

    /// @notice Stakes the sender as a juror, or fills its stake up. Needs an allowance for what is missing.
    function register() external;

    /// @notice Returns the sender's stake and gives up its place. Not while it serves or a draw is pending.
    function resign() external;

    /// @notice Takes a juror whose stake no longer covers a penalty out of the pool. Anyone may.
    function evict(address juror) external;

    /// @notice Sends penalties that no juror earned to the burn address. Anyone may.
    function burn() external;

    /// @notice Token of the stakes.
    function token() external view returns (address);
    /// @notice A full stake.
    function jurorStake() external view returns (uint96);
    /// @notice What a juror loses when it does not reveal or votes with the minority: a quarter of a full stake.
    function penalty() external view returns (uint96);
    /// @notice A juror; all zero when unknown.
    function jurorOf(address juror) external view returns (Juror memory);
    /// @notice Jurors that can be drawn.
    function poolSize() external view returns (uint256);
    /// @notice Juries still to be drawn.
    function pendingDraws() external view returns (uint256);
    /// @notice Penalties waiting to be burned.
    function toBurn() external view returns (uint128);
}
