// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Base} from "../../Base.t.sol";
import {SignedCommit} from "contracts/types/Membership.sol";

/// @title Two members, and a round in its commit time
abstract contract BatchTest is Base {
    function setUp() public virtual override {
        super.setUp();
        create();
        join(NODE_KEY, QUOTA);
        join(OTHER_KEY, QUOTA);
        vm.warp(START);
        hub.openRound(task, 0);
    }

    function relay(SignedCommit memory only, uint32 round) internal {
        SignedCommit[] memory batch = new SignedCommit[](1);
        batch[0] = only;
        vm.prank(STRANGER);
        hub.commitBatch(task, round, batch);
    }
}
