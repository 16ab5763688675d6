// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Base} from "../../Base.t.sol";
import {IHub} from "contracts/interfaces/IHub.sol";
import {IHubErrors} from "contracts/interfaces/IHubErrors.sol";
import {IJudge} from "contracts/interfaces/IJudge.sol";
import {Commitment, SignedCommit} from "contracts/types/Membership.sol";
import {TaskParams} from "contracts/types/Task.sol";

/// @title Calls whose bytes are no clean encoding
/// @dev `Hub._taskId` hashes the caller's bytes as they are, so nothing may make two encodings of the same parameters.
contract CalldataTest is Base {
    uint256 internal constant PARAMS_WORDS = 31;
    /// @dev A selector.
    uint256 internal constant HEAD = 4;

    Commitment internal c;
    uint256 internal pending;

    function setUp() public override {
        super.setUp();
        create();
        fund(CREATOR, BOUNTY);
        fund(STRANGER, BOUNTY);
        join(NODE_KEY, QUOTA);
        c = commitTo(NODE, 0, 5);
        pending = challengeBy(CHALLENGER, NODE, c, IJudge.Verdict.Pending);
    }

    /// @dev Every function that takes parameters; each call would succeed at one time or another.
    function callsWithParams() internal view returns (bytes[] memory calls) {
        TaskParams memory p = params();
        Commitment[] memory batch = new Commitment[](1);
        batch[0] = c;
        calls = new bytes[](6);
        calls[0] = abi.encodeCall(IHub.topUp, (p, 1));
        calls[1] = abi.encodeCall(IHub.refund, (p));
        calls[2] = abi.encodeCall(IHub.join, (p, STRANGER, STRANGER, 1, ""));
        calls[3] = abi.encodeCall(IHub.exit, (p, NODE));
        calls[4] = abi.encodeCall(IHub.challenge, (p, NODE, c, address(judge), "other evidence"));
        calls[5] = abi.encodeCall(IHub.claim, (p, NODE, batch));
    }

    /// @dev Bits of each word of the parameters.
    function widths() internal pure returns (uint16[PARAMS_WORDS] memory bits) {
        for (uint256 i = 0; i < PARAMS_WORDS; ++i) {
            bits[i] = 32;
        }
        (bits[0], bits[1], bits[2], bits[3], bits[4]) = (160, 160, 256, 256, 40);
        (bits[15], bits[16], bits[17]) = (96, 96, 96);
        for (uint256 i = 21; i < PARAMS_WORDS; i += 2) {
            (bits[i], bits[i + 1]) = (160, 256);
        }
    }

    /// @dev A copy with the bit flipped; bit 0 is the lowest of the word.
    function flipped(bytes memory call, uint256 word, uint256 bit) internal pure returns (bytes memory copy) {
        copy = bytes.concat(call);
        uint256 place = HEAD + 32 * word + 31 - bit / 8;
        copy[place] ^= bytes1(uint8(1 << (bit % 8)));
    }

    function send(address from, bytes memory call) internal returns (bool succeeded, bytes memory answer) {
        vm.prank(from);
        return address(hub).call(call);
    }

    /// @dev By the decoder, which gives no reason, or because no such thing is known or allowed.
    function refusesBytes(address from, bytes memory call) internal {
        (bool succeeded, bytes memory answer) = send(from, call);
        assertTrue(!succeeded, "dirty bytes went through");
        bytes4 reason = bytes4(answer);
        bool named = reason == IHubErrors.Hub_BadParameter.selector
            || reason == IHubErrors.Hub_CodeMismatch.selector || reason == IHubErrors.Hub_NotCreator.selector
            || reason == IHubErrors.Hub_CommitmentUnknown.selector
            || reason == IHubErrors.Hub_SequenceGap.selector
            || reason == IHubErrors.Hub_ChallengeNotPending.selector;
        assertTrue(answer.length == 0 || named, "refused for the right reason");
    }

    function test_createdTasksAreClean() public {
        TaskParams memory p = params();
        p.start = uint40(block.timestamp);
        p.maxStaleness += 1;
        bytes memory call = abi.encodeCall(IHub.createTask, (p, UNITS));
        uint16[PARAMS_WORDS] memory bits = widths();
        for (uint256 word = 0; word < PARAMS_WORDS; ++word) {
            if (bits[word] == 256) continue;
            refusesBytes(CREATOR, flipped(call, word, bits[word]));
            refusesBytes(CREATOR, flipped(call, word, 255));
        }
        refusesBytes(CREATOR, flipped(call, PARAMS_WORDS, 40));
        (bool succeeded,) = send(CREATOR, call);
        assertTrue(succeeded, "the clean bytes are good");
    }

    /// @dev Other bytes are another id, of a task that cannot have been created.
    function test_dirtyParametersAreOfNoTask() public {
        bytes[] memory calls = callsWithParams();
        uint16[PARAMS_WORDS] memory bits = widths();
        for (uint256 i = 0; i < calls.length; ++i) {
            for (uint256 word = 0; word < PARAMS_WORDS; ++word) {
                if (bits[word] == 256) continue;
                refusesParameters(calls[i], flipped(calls[i], word, bits[word]));
                refusesParameters(calls[i], flipped(calls[i], word, 255));
            }
        }
        assertTotals(BOUNTY, STAKE, BOND, 0);
    }

    function refusesParameters(bytes memory clean, bytes memory dirty) internal {
        bool refund = bytes4(clean) == IHub.refund.selector;
        uint256 before = vm.snapshotState();
        vm.warp(refund ? END + SETTLING : START);
        (bool succeeded, bytes memory answer) = send(refund ? CREATOR : STRANGER, dirty);
        assertTrue(!succeeded, "dirty parameters went through");
        bytes4 reason = bytes4(answer);
        bool unknown = reason == IHubErrors.Hub_TaskUnknown.selector
            || reason == IHubErrors.Hub_MemberNotActive.selector;
        assertTrue(answer.length == 0 || unknown, "refused for the right reason");
        vm.revertToState(before);
    }

    function test_dirtyParametersHaveAnotherId() public {
        bytes memory call = abi.encodeCall(IHub.taskIdOf, (params()));
        uint16[PARAMS_WORDS] memory bits = widths();
        for (uint256 word = 0; word < PARAMS_WORDS; ++word) {
            // The highest bit of a word that is all used makes clean bytes of other parameters.
            (bool succeeded, bytes memory answer) = send(STRANGER, flipped(call, word, bits[word] - 1));
            assertTrue(succeeded && bytes32(answer) != task, "another field, another id");
            (succeeded, answer) = send(STRANGER, flipped(call, word, 255));
            assertTrue(!succeeded || bytes32(answer) != task, "other bytes, another id");
        }
    }

    /// @dev The twin of `Hub._taskId`.
    function testFuzz_idIsTheHashOfTheParameters(TaskParams memory p, uint64 chain) public {
        vm.chainId(chain);
        assertEq(hub.taskIdOf(p), keccak256(abi.encode(uint256(chain), address(hub), p)), "id");
    }

    function test_cutShort() public {
        bytes[] memory calls = callsWithParams();
        for (uint256 i = 0; i < calls.length; ++i) {
            for (uint256 size = HEAD; size < HEAD + 32 * PARAMS_WORDS; size += 32) {
                refusesBytes(STRANGER, cut(calls[i], size));
            }
            refusesBytes(STRANGER, cut(calls[i], HEAD + 32 * PARAMS_WORDS - 1));
        }
    }

    function cut(bytes memory call, uint256 size) internal pure returns (bytes memory copy) {
        copy = new bytes(size);
        for (uint256 i = 0; i < size; ++i) {
            copy[i] = call[i];
        }
    }

    /// @dev What follows a call is not part of it.
    function test_withBytesBehind() public {
        (bool succeeded,) = send(STRANGER, bytes.concat(abi.encodeCall(IHub.topUp, (params(), 1)), hex"01"));
        assertTrue(succeeded, "topUp");
        assertTotals(BOUNTY + RATE, STAKE, BOND, 0);
    }

    function test_dirtyCommitment() public {
        uint16[6] memory bits = [uint16(32), 32, 256, 256, 32, 40];
        for (uint256 word = 0; word < bits.length; ++word) {
            if (bits[word] == 256) continue;
            // Its place: behind parameters and node in a challenge, behind the length of the list in a claim.
            refusesBytes(STRANGER, flipped(callsWithParams()[4], PARAMS_WORDS + 1 + word, bits[word]));
            vm.warp(c.time + WINDOW);
            refusesBytes(STRANGER, flipped(callsWithParams()[5], PARAMS_WORDS + 3 + word, bits[word]));
            vm.warp(c.time);
        }
    }

    function test_dirtyChallenge() public {
        bytes memory expiring = abi.encodeCall(IHub.expire, (shown[pending]));
        bytes memory deciding = abi.encodeCall(IHub.verdict, (shown[pending], IJudge.Verdict.Guilty));
        uint16[10] memory bits = [uint16(256), 160, 32, 160, 160, 160, 96, 96, 40, 256];
        for (uint256 word = 0; word < bits.length; ++word) {
            if (bits[word] == 256) continue;
            refusesBytes(address(judge), flipped(deciding, word, bits[word]));
            vm.warp(shown[pending].deadline);
            refusesBytes(STRANGER, flipped(expiring, word, bits[word]));
            vm.warp(c.time);
        }
    }

    function test_verdictThatIsNone() public {
        bytes memory deciding = abi.encodeCall(IHub.verdict, (shown[pending], IJudge.Verdict.Pending));
        // 4, the first that has no name.
        refusesBytes(address(judge), flipped(deciding, 10, 2));
    }

    function test_dirtySignedCommit() public {
        SignedCommit[] memory batch = new SignedCommit[](1);
        vm.warp(roundStart(1));
        hub.openRound(task, 1);
        batch[0] = signedBy(NODE_KEY, 1, 1);
        bytes memory call = abi.encodeCall(IHub.commitBatch, (task, 1, batch));
        // Task, round, offset, length and offset come before.
        refusesBytes(STRANGER, flipped(call, 5, 160));
        refusesBytes(STRANGER, flipped(call, 8, 32));
        (bool succeeded,) = send(STRANGER, call);
        assertTrue(succeeded, "the clean bytes are good");
    }

    /// @dev Lists and strings that claim to be longer than the call, up to what would overflow an offset.
    function test_lengthsThatLie() public {
        SignedCommit[] memory batch = new SignedCommit[](1);
        batch[0] = signedBy(NODE_KEY, 1, 1);
        bytes[4] memory calls = [
            callsWithParams()[5],
            abi.encodeCall(IHub.commitBatch, (task, 1, batch)),
            callsWithParams()[4],
            callsWithParams()[2]
        ];
        // The word that is the length of commitments, of the batch, of the evidence, of the consent.
        uint256[4] memory words = [PARAMS_WORDS + 2, 3, PARAMS_WORDS + 9, PARAMS_WORDS + 4];
        vm.warp(roundStart(1));
        hub.openRound(task, 1);
        for (uint256 i = 0; i < calls.length; ++i) {
            for (uint256 bit = 16; bit < 256; bit += 16) {
                refusesBytes(STRANGER, flipped(calls[i], words[i], bit));
            }
        }
    }
}
