// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {CanonicalPlay} from "./CanonicalPlay.sol";
import {RefereeLayout} from "contracts/libraries/RefereeLayout.sol";
import {RefereePart, RefereeRow} from "contracts/types/Referee.sol";

/// @notice One honest challenger convicts whoever lies about any operator, before the real hub.
contract CanonicalTrialsTest is CanonicalPlay {
    function setUp() external {
        prepare(0);
    }

    function test_ALieAboutAnyOperatorConvicts() external {
        for (uint8 part = 0; part <= uint8(type(RefereePart).max); ++part) {
            uint256 state = vm.snapshotState();
            this.convict(RefereeRow(RefereePart(part), 0, 0, traced - 1));
            vm.revertToState(state);
        }
    }

    function convict(RefereeRow calldata row) external {
        uint256 last = RefereeLayout.length(shape, row) - 1;
        lie(RefereeLayout.indexOf(shape, traced, row), last);
        challengeBy(CHALLENGER);
        playDown();
        execute(stepOf(last % 64));
        assertConvicted();
    }
}
