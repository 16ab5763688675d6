// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Base} from "../../Base.t.sol";
import {IHubErrors} from "contracts/interfaces/IHubErrors.sol";
import {IJudge} from "contracts/interfaces/IJudge.sol";
import {Checkpoint, Commitment, MemberStatus} from "contracts/types/Membership.sol";

contract CheckpointTest is Base {
    bytes32 internal constant DIGEST = keccak256("weights");

    function setUp() public override {
        super.setUp();
        create();
        join(NODE_KEY, QUOTA);
        join(OTHER_KEY, QUOTA);
    }

    function post(address node, uint32 version) internal returns (Commitment memory c) {
        vm.prank(node);
        c.sequence = hub.postCheckpoint(task, version, DIGEST);
        c.round = version;
        c.root = keccak256(abi.encode(keccak256("cupel.checkpoint.v1"), version, DIGEST));
        c.manifest = DIGEST;
        c.time = uint40(block.timestamp);
    }

    function test_isACommitmentOfNoUnits() public {
        commitTo(NODE, 0, 2);
        vm.warp(roundStart(1));
        vm.expectEmit(address(hub));
        emit CheckpointPosted(task, 1, NODE, 1, DIGEST, uint40(block.timestamp));
        Commitment memory c = post(NODE, 1);

        Checkpoint memory posted = hub.checkpointOf(task, 1);
        assertEq(posted.digest, DIGEST, "digest");
        assertEq(posted.poster, NODE, "poster");
        assertEq(posted.time, block.timestamp, "time");
        assertEq(posted.sequence, 1, "sequence");
        assertEq(hub.commitmentHash(task, NODE, 1), keccak256(abi.encode(c)), "ring");
        assertEq(member(NODE).next, 2, "next");
        assertEq(member(NODE).nextRound, 1, "rounds are not touched");
        assertEq(member(NODE).unitsLeft, QUOTA - 2, "nor is the quota");
    }

    function test_whenTheRoundIsOver() public {
        vm.warp(roundStart(1) - 1);
        expect(IHubErrors.Hub_TooEarly.selector, roundStart(1));
        post(NODE, 1);
        vm.warp(roundStart(1));
        post(NODE, 1);
        vm.warp(roundStart(2) + 1);
        post(NODE, 2);
        vm.warp(END - 1);
        expect(IHubErrors.Hub_TooEarly.selector, END);
        post(NODE, ROUNDS);
        vm.warp(END);
        post(NODE, ROUNDS);
        vm.warp(END + 1);
        post(NODE, ROUNDS - 1);
    }

    function test_onlyVersionsOfTheTask() public {
        vm.warp(END);
        expect(IHubErrors.Hub_VersionUnknown.selector, 0, ROUNDS);
        post(NODE, 0);
        expect(IHubErrors.Hub_VersionUnknown.selector, ROUNDS + 1, ROUNDS);
        post(NODE, ROUNDS + 1);
    }

    function test_onlyByMembers() public {
        vm.warp(END);
        expectStatus(STRANGER, MemberStatus.None);
        post(STRANGER, 1);
        askExit(NODE);
        expectStatus(NODE, MemberStatus.Exiting);
        post(NODE, 1);
    }

    function test_onlyOfTasksThatExist() public {
        task = "none";
        expectStatus(NODE, MemberStatus.None);
        post(NODE, 1);
    }

    function test_noneIsAllZero() public view {
        Checkpoint memory none = hub.checkpointOf(task, 1);
        assertEq(keccak256(abi.encode(none)), keccak256(new bytes(128)), "zero");
    }

    function test_oneStandsAtATime() public {
        vm.warp(roundStart(1));
        Commitment memory c = post(NODE, 1);
        expect(IHubErrors.Hub_CheckpointExists.selector, 1, uint160(NODE));
        post(OTHER, 1);
        expect(IHubErrors.Hub_CheckpointExists.selector, 1, uint160(NODE));
        post(NODE, 1);

        challengeBy(CHALLENGER, NODE, c, IJudge.Verdict.Guilty);
        post(OTHER, 1);
        assertEq(hub.checkpointOf(task, 1).poster, OTHER, "poster");
        expectStatus(NODE, MemberStatus.Slashed);
        post(NODE, 1);
    }

    function test_standsAfterItsPosterLeft() public {
        vm.warp(roundStart(1));
        Commitment memory c = post(NODE, 1);
        askExit(NODE);
        vm.warp(c.time + SETTLING);
        claim(NODE, c);
        hub.exit(params(), NODE);
        expect(IHubErrors.Hub_CheckpointExists.selector, 1, uint160(NODE));
        post(OTHER, 1);
    }

    function test_earnsNothingButIsPassed() public {
        Commitment memory work = commitTo(NODE, 0, 2);
        vm.warp(roundStart(1));
        Commitment[] memory batch = new Commitment[](2);
        batch[0] = work;
        batch[1] = post(NODE, 1);
        vm.warp(block.timestamp + WINDOW);
        vm.expectEmit(address(hub));
        emit Claimed(task, NODE, 2, 2 * RATE, PAYOUT, 2);
        hub.claim(params(), NODE, batch);
    }
}
