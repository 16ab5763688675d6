// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {GasTest} from "./GasTest.sol";

/// @title Joining and leaving
/// forge-config: default.isolate = true
contract MembershipGasTest is GasTest {
    address internal owner = vm.addr(uint256(keccak256("owner")));
    address internal payout = vm.addr(uint256(keccak256("payout")));

    function setUp() public override {
        super.setUp();
        join(nodeAt(0));
    }

    function test_join() public {
        join(nodeAt(1));
        record("join");
    }

    function test_joinForANode() public {
        fund(owner);
        bytes32 digest = hub.joinDigest(task, nodeAt(1), owner, payout, QUOTA);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(keyAt(1), digest);
        vm.prank(owner);
        hub.join(params(), nodeAt(1), payout, QUOTA, abi.encodePacked(r, s, v));
        record("join, cold owner and payout");
    }

    function test_exit() public {
        vm.prank(nodeAt(0));
        hub.requestExit(task, nodeAt(0));
        record("requestExit");
        vm.warp(block.timestamp + 302_400);
        hub.exit(params(), nodeAt(0));
        record("exit, first credit");
    }

    function test_setEndpoint() public {
        vm.prank(nodeAt(0));
        hub.setEndpoint("https://node.example.org:4000");
        record("setEndpoint");
    }
}
