// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {GasTest} from "./GasTest.sol";
import {IJudge} from "contracts/interfaces/IJudge.sol";
import {Challenge} from "contracts/types/Challenge.sol";
import {Commitment} from "contracts/types/Membership.sol";

/// @title Challenges, before a judge that does nothing
/// forge-config: default.isolate = true
contract DisputeGasTest is GasTest {
    Commitment internal c;
    Commitment internal other;

    function setUp() public override {
        super.setUp();
        join(nodeAt(0));
        join(nodeAt(1));
        c = commit(nodeAt(0), 0, 0);
        other = commit(nodeAt(1), 0, 0);
    }

    function test_challenge() public {
        challenge(nodeAt(0), c);
        record("challenge");
        Commitment memory next = commit(nodeAt(0), 1, 1);
        challenge(nodeAt(0), next);
        challenge(nodeAt(0), c);
        record("challenge, one commitment twice");
    }

    function test_guilty() public {
        Challenge memory first = challenge(nodeAt(0), c);
        Challenge memory second = challenge(nodeAt(1), other);
        judge.decide(first, IJudge.Verdict.Guilty);
        record("verdict guilty, first credits");
        judge.decide(second, IJudge.Verdict.Guilty);
        record("verdict guilty");
    }

    function test_notGuilty() public {
        Challenge memory first = challenge(nodeAt(0), c);
        judge.decide(first, IJudge.Verdict.NotGuilty);
        record("verdict not guilty, first credit");
    }

    function test_expire() public {
        Challenge memory first = challenge(nodeAt(0), c);
        vm.warp(first.deadline);
        hub.expire(first);
        record("expire, first credit");
    }
}
