// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IHub} from "contracts/interfaces/IHub.sol";
import {IJudge} from "contracts/interfaces/IJudge.sol";
import {Challenge} from "contracts/types/Challenge.sol";
import {Commitment} from "contracts/types/Membership.sol";
import {TaskParams} from "contracts/types/Task.sol";

/// @title The least a judge can do, so that what is measured is the hub
contract SilentJudge is IJudge {
    IHub internal immutable hub;

    constructor(IHub hub_) {
        hub = hub_;
    }

    /// @inheritdoc IJudge
    function open(uint256, Challenge calldata, TaskParams calldata, Commitment calldata, bytes calldata)
        external
        pure
        returns (Verdict)
    {
        return Verdict.Pending;
    }

    function decide(Challenge calldata pending, Verdict verdict) external {
        hub.verdict(pending, verdict);
    }
}
