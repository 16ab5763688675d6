// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {GasTest} from "./GasTest.sol";
import {Commitment, SignedCommit} from "contracts/types/Membership.sol";

/// @title Committing and being paid: the first lap of the ring, and every later one
/// forge-config: default.isolate = true
contract WorkGasTest is GasTest {
    address internal node = nodeAt(0);

    function setUp() public override {
        super.setUp();
        join(node);
    }

    /// @dev Commits to the next `count` rounds from `round` on, one sequence number each.
    function commitMany(uint256 round, uint256 count) internal returns (Commitment[] memory batch) {
        batch = new Commitment[](count);
        for (uint256 i = 0; i < count; ++i) {
            batch[i] = commit(node, round + i, round + i);
        }
    }

    function goPastTheWindow() internal {
        vm.warp(block.timestamp + params().challengeWindow);
    }

    function firstLap() internal {
        Commitment[] memory lap = commitMany(0, RING);
        goPastTheWindow();
        claim(node, lap);
    }

    function test_commitFirstLap() public {
        commit(node, 0, 0);
        commit(node, 1, 1);
        record("commit, first lap");
    }

    function test_commit() public {
        firstLap();
        commit(node, 2 * RING, RING);
        record("commit");
        openRound(2 * RING + 1);
        vm.prank(node);
        hub.postCheckpoint(task, 1, keccak256("digest"));
        record("postCheckpoint");
    }

    function test_claim() public {
        Commitment[] memory one = commitMany(0, 1);
        goPastTheWindow();
        claim(node, one);
        record("claim 1, first credit");

        Commitment[] memory many = new Commitment[](32);
        for (uint256 i = 0; i < many.length; ++i) {
            many[i] = commit(node, 100 + i, 1 + i);
        }
        goPastTheWindow();
        claim(node, many);
        record("claim 32");

        one[0] = commit(node, 200, 33);
        goPastTheWindow();
        claim(node, one);
        record("claim 1");

        hub.withdraw(address(token), node);
        record("withdraw");
    }
}

/// @title One transaction that commits for 32 nodes
/// forge-config: default.isolate = true
contract BatchGasTest is GasTest {
    uint256 internal constant NODES = 32;

    function setUp() public override {
        super.setUp();
        for (uint256 i = 0; i < NODES; ++i) {
            join(nodeAt(i));
        }
    }

    function commitAll(uint256 round, uint256 sequence) internal {
        openRound(round);
        SignedCommit[] memory batch = new SignedCommit[](NODES);
        for (uint256 i = 0; i < NODES; ++i) {
            batch[i] = signed(i, commitmentOf(nodeAt(i), round, sequence));
        }
        vm.prank(challenger);
        // casting is safe: tests have few rounds
        // forge-lint: disable-next-line(unsafe-typecast)
        hub.commitBatch(task, uint32(round), batch);
    }

    function claimAll() internal {
        uint256 time = block.timestamp;
        for (uint256 i = 0; i < NODES; ++i) {
            Commitment[] memory lap = new Commitment[](RING);
            for (uint256 round = 0; round < RING; ++round) {
                vm.warp(START + round * params().roundSeconds);
                lap[round] = commitmentOf(nodeAt(i), round, round);
            }
            vm.warp(time + params().challengeWindow);
            claim(nodeAt(i), lap);
        }
    }

    function test_commitBatch() public {
        commitAll(0, 0);
        commitAll(1, 1);
        record("commitBatch of 32, first lap");
        for (uint256 round = 2; round < RING; ++round) {
            commitAll(round, round);
        }
        claimAll();
        commitAll(2 * RING, RING);
        record("commitBatch of 32");
    }
}
