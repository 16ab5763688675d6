// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Multicall} from "@openzeppelin/contracts/utils/Multicall.sol";

import {Challenges} from "./Challenges.sol";
import {Commitments} from "./Commitments.sol";
import {Payouts} from "./Payouts.sol";

/// @title The hub
/// @notice One immutable contract without owner, fee, pause or upgrade. Its parts, in reading order: HubBase (storage,
/// ledger), TaskRegistry, Staking, Commitments, Challenges, Payouts. What each function promises: interfaces/IHub.sol.
contract Hub is Commitments, Challenges, Payouts, Multicall {}
