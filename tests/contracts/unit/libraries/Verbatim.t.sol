// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Checks} from "../../utils/Checks.sol";
import {IHubEvents} from "contracts/interfaces/IHubEvents.sol";
import {IJudge} from "contracts/interfaces/IJudge.sol";
import {Verbatim} from "contracts/libraries/Verbatim.sol";
import {Case, Challenge} from "contracts/types/Challenge.sol";
import {Commitment, Entry} from "contracts/types/Membership.sol";
import {TaskParams} from "contracts/types/Task.sol";

/// @title Each function of the library beside the Solidity that it stands for
contract VerbatimCalls is IHubEvents {
    function taskId(TaskParams calldata p) external view returns (bytes32 quick, bytes32 plain) {
        return (Verbatim.taskId(p), keccak256(abi.encode(block.chainid, address(this), p)));
    }

    function commitmentHash(Commitment calldata c) external pure returns (bytes32 quick, bytes32 plain) {
        Entry memory entry;
        Verbatim.read(entry, c);
        return (Verbatim.hash(entry), keccak256(abi.encode(c)));
    }

    function challengeId(Challenge calldata c) external pure returns (uint256 quick, uint256 plain) {
        return (Verbatim.id(Verbatim.read(c)), uint256(keccak256(abi.encode(c))));
    }

    function copies(Challenge calldata c, Commitment calldata d)
        external
        pure
        returns (Case memory, Entry memory entry)
    {
        Verbatim.read(entry, d);
        return (Verbatim.read(c), entry);
    }

    function structHash(Entry memory e) external pure returns (bytes32 quick, bytes32 plain) {
        plain = keccak256(
            abi.encode(e.typehash, e.task, e.beacon, e.sequence, e.round, e.root, e.manifest, e.units)
        );
        quick = Verbatim.structHash(e);
    }

    function create(bytes32 task, TaskParams calldata p, uint40 units) external {
        Verbatim.emitTaskCreated(task, p, units);
    }

    function accuse(uint256 id, Challenge calldata c, bytes calldata evidence) external {
        Verbatim.emitChallenged(id, Verbatim.read(c), evidence);
    }

    function ask(
        uint256 id,
        Challenge calldata challenge,
        TaskParams calldata p,
        Commitment calldata c,
        bytes calldata evidence
    ) external returns (uint256) {
        return Verbatim.open(id, Verbatim.read(challenge), p, c, evidence);
    }

    function askPlainly(
        uint256 id,
        Challenge calldata challenge,
        TaskParams calldata p,
        Commitment calldata c,
        bytes calldata evidence
    ) external returns (uint256) {
        return uint256(IJudge(challenge.judge).open(id, challenge, p, c, evidence));
    }
}

/// @title A judge that keeps what it was called with, and answers with any bytes
contract EchoJudge {
    bytes32 public heard;
    bytes internal answer;
    bool internal fails;

    function script(bytes calldata answer_, bool fails_) external {
        (answer, fails) = (answer_, fails_);
    }

    fallback(bytes calldata data) external returns (bytes memory) {
        bytes memory told = answer;
        if (fails) {
            assembly ("memory-safe") {
                revert(add(told, 0x20), mload(told))
            }
        }
        heard = keccak256(data);
        return told;
    }
}

contract VerbatimTest is Checks, IHubEvents {
    VerbatimCalls internal calls = new VerbatimCalls();
    EchoJudge internal judge = new EchoJudge();

    function testFuzz_HashesAreThoseOfTheEncoding(
        TaskParams memory p,
        Commitment memory c,
        Challenge memory challenge,
        Entry memory entry
    ) external view {
        (bytes32 quick, bytes32 plain) = calls.taskId(p);
        assertEq(quick, plain);
        (quick, plain) = calls.commitmentHash(c);
        assertEq(quick, plain);
        (quick, plain) = calls.structHash(entry);
        assertEq(quick, plain);
        (uint256 quickId, uint256 plainId) = calls.challengeId(challenge);
        assertEq(quickId, plainId);
    }

    function testFuzz_CopiesHaveEveryField(Challenge memory challenge, Commitment memory c) external view {
        (Case memory copy, Entry memory entry) = calls.copies(challenge, c);
        assertEq(keccak256(abi.encode(copy)), keccak256(abi.encode(challenge)));
        bytes32 words = keccak256(
            abi.encode(entry.sequence, entry.round, entry.root, entry.manifest, entry.units, entry.time)
        );
        assertEq(words, keccak256(abi.encode(c)));
    }

    function testFuzz_TaskCreatedIsTheEvent(bytes32 task, TaskParams memory p, uint40 units) external {
        vm.expectEmit(address(calls));
        emit TaskCreated(task, address(this), p, units);
        calls.create(task, p, units);
    }

    function testFuzz_ChallengedIsTheEvent(uint256 id, Challenge memory c, bytes memory evidence) external {
        vm.expectEmit(address(calls));
        emit Challenged(id, c.task, c.node, c, evidence, uint40(block.timestamp));
        calls.accuse(id, c, evidence);
    }

    function testFuzz_AJudgeIsAskedTheSame(
        uint256 id,
        Challenge memory challenge,
        TaskParams memory p,
        Commitment memory c,
        bytes memory evidence
    ) external {
        challenge.judge = address(judge);
        for (uint256 answer = 0; answer < 4; ++answer) {
            judge.script(abi.encode(answer), false);
            assertEq(calls.askPlainly(id, challenge, p, c, evidence), answer);
            bytes32 plain = judge.heard();
            assertEq(calls.ask(id, challenge, p, c, evidence), answer);
            assertEq(judge.heard(), plain);
        }
    }

    /// @dev Too few bytes, none, no verdict, a verdict with more behind it, and a judge's own refusal, which is handed on.
    function test_WhatAJudgeAnswersIsTakenAsItIs() external {
        bytes[5] memory answers =
            [abi.encode(4), abi.encode(type(uint256).max), bytes(hex"0001"), bytes(""), abi.encode(2, 7)];
        uint256[5] memory words = [4, type(uint256).max, type(uint256).max, type(uint256).max, 2];
        Challenge memory challenge;
        challenge.judge = address(judge);
        TaskParams memory p;
        Commitment memory c;
        for (uint256 i = 0; i < answers.length; ++i) {
            judge.script(answers[i], false);
            assertEq(calls.ask(1, challenge, p, c, "evidence"), words[i]);
        }
        judge.script("the judge's reason", true);
        vm.expectRevert(bytes("the judge's reason"));
        calls.ask(1, challenge, p, c, "evidence");
    }
}
