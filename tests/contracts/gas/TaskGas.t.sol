// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {GasTest} from "./GasTest.sol";
import {Hub} from "contracts/Hub.sol";
import {TaskParams} from "contracts/types/Task.sol";

/// @title Creating, funding and ending tasks
/// forge-config: default.isolate = true
contract TaskGasTest is GasTest {
    function test_createTask() public {
        TaskParams memory p = params();
        p.specDigest = keccak256("another spec");
        create(p);
        record("createTask");
    }

    function test_createTaskFirst() public {
        hub = new Hub();
        fund(creator);
        create(params());
        record("createTask, the first in its token");
    }

    function test_topUp() public {
        vm.prank(creator);
        hub.topUp(params(), UNITS);
        record("topUp");
    }

    function test_openRound() public {
        openRound(0);
        openRound(1);
        record("openRound");
    }

    function test_refund() public {
        TaskParams memory p = params();
        vm.warp(START + uint256(p.rounds) * p.roundSeconds + 302_400);
        vm.startPrank(creator);
        hub.refund(p);
        record("refund, first credit");
    }
}
