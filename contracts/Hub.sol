// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Challenges} from "./Challenges.sol";
import {Commitments} from "./Commitments.sol";
import {Payouts} from "./Payouts.sol";
import {IHub} from "./interfaces/IHub.sol";

/// @title The hub
/// @notice One immutable contract without owner, fee, pause or upgrade. Its parts, in reading order: HubBase (storage,
/// ledger), TaskRegistry, Staking, Commitments, Challenges, Payouts. What each function promises: interfaces/IHub.sol.
contract Hub is Commitments, Challenges, Payouts {
    /// @inheritdoc IHub
    function multicall(bytes[] calldata calls) external returns (bytes[] memory results) {
        results = new bytes[](calls.length);
        for (uint256 i = 0; i < calls.length; ++i) {
            (bool success, bytes memory result) = address(this).delegatecall(calls[i]);
            results[i] = result;
            if (!success) {
                assembly ("memory-safe") {
                    revert(add(result, 0x20), mload(result))
                }
            }
        }
    }
}
