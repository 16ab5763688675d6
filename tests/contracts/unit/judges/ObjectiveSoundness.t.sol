// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Checks} from "../../utils/Checks.sol";
import {Trees} from "../../utils/Trees.sol";
import {Work} from "../../utils/Work.sol";
import {HubDouble} from "./HubDouble.sol";
import {RandomRound, Round} from "./RandomRound.sol";
import {IJudge} from "contracts/interfaces/IJudge.sol";
import {ObjectiveJudge} from "contracts/judges/ObjectiveJudge.sol";
import {SortingReward} from "contracts/judges/SortingReward.sol";
import {Challenge} from "contracts/types/Challenge.sol";
import {Commitment, MemberStatus} from "contracts/types/Membership.sol";

/// @title Random tasks and rounds under every kind of evidence
/// @dev Longer than 300 lines: soundness and completeness draw from the same rounds and share one tree.
abstract contract RandomTrials is Checks {
    using RandomRound for Round;

    address internal constant NODE = address(0xA11CE);
    address internal constant STRANGER = address(0xBAD);

    HubDouble internal hub;
    ObjectiveJudge internal judge;
    SortingReward internal rule;

    function setUp() public {
        hub = new HubDouble();
        judge = new ObjectiveJudge(address(hub));
        rule = new SortingReward();
    }

    /// @dev A round and, as commitment 0 of the node, an honest one before it.
    function rounds(uint256 seed) internal view returns (Round memory r, Round memory before) {
        r.p = RandomRound.params(seed, rule);
        uint32 round_ = RandomRound.draw32(seed, "round", 1, 9);
        before = RandomRound.work(seed, r.p, hub, NODE, 0, 0);
        r = RandomRound.work(seed, r.p, hub, NODE, RandomRound.draw32(seed, "sequence", 1, 63), round_);
    }

    function ask(Round memory r, Commitment memory c, bytes memory evidence)
        internal
        returns (IJudge.Verdict)
    {
        Challenge memory opened;
        opened.task = r.context.taskId;
        opened.node = NODE;
        return hub.ask(judge, opened, r.p, c, evidence);
    }

    function assertVerdict(IJudge.Verdict answer, IJudge.Verdict expected) internal pure {
        assertEq(uint256(answer), uint256(expected));
    }

    /// @dev Evidence of `kind` that opens, about a random place of the round as it is now.
    function evidenceOf(Round memory r, Round memory before, uint8 kind, uint256 seed)
        internal
        pure
        returns (bytes memory)
    {
        uint256 index = RandomRound.draw32(seed, "place", 0, r.leaves.length - 1);
        bytes32[] memory path = r.pathTo(index);
        if (kind == 1) return Work.wrongAssignment(r.leaves[index], path);
        if (kind == 2) return Work.wrongReward(r.leaves[index], path, r.tokens[index]);
        if (kind == 4) {
            return Work.malformedLeaf(uint32(index), Work.preimage(r.context, r.leaves[index]), path);
        }
        if (kind == 7) {
            uint256 twin = RandomRound.draw32(seed, "twin", 0, before.leaves.length - 1);
            return Work.repeatedProof(
                r.leaves[index], path, before.commitment(), before.leaves[twin], before.pathTo(twin)
            );
        }
        return chunkEvidence(r, kind, index, seed);
    }

    function chunkEvidence(Round memory r, uint8 kind, uint256 index, uint256 seed)
        internal
        pure
        returns (bytes memory)
    {
        uint256 chunk = RandomRound.draw32(seed, "chunk", 0, r.proofs[index].length - 1);
        bytes memory data = kind == 3 ? r.proofs[index][chunk] : chunkOf(r, index, chunk);
        bytes32[] memory tree =
            kind == 3 ? RandomRound.hashes(r.proofs[index]) : Work.tokenHashes(r.p, r.tokens[index]);
        return
            Work.malformedChunk(kind, r.leaves[index], r.pathTo(index), chunk, data, Trees.proof(tree, chunk));
    }

    function chunkOf(Round memory r, uint256 index, uint256 chunk) internal pure returns (bytes memory) {
        uint256 start = chunk * r.p.chunkTokens;
        return Work.tokenData(r.tokens[index], start, start + r.p.chunkTokens);
    }
}

/// @dev Invariant 4 as far as this judge goes.
contract ObjectiveSoundnessTest is RandomTrials {
    using RandomRound for Round;

    function testFuzz_HonestWorkIsOfItsAssignment(uint256 seed) external {
        assertInnocent(1, seed);
    }

    function testFuzz_HonestWorkHasItsReward(uint256 seed) external {
        assertInnocent(2, seed);
    }

    function testFuzz_HonestProofsAreWellFormed(uint256 seed) external {
        assertInnocent(3, seed);
    }

    function testFuzz_HonestLeavesAreWellFormed(uint256 seed) external {
        assertInnocent(4, seed);
    }

    function testFuzz_HonestTokensAreWellFormed(uint256 seed) external {
        assertInnocent(5, seed);
    }

    function testFuzz_HonestPaddingIsNoEmptyLeaf(uint256 seed) external {
        (Round memory r,) = rounds(seed);
        bytes32[] memory padded = Trees.padded(r.leafHashes());
        vm.assume(padded.length != r.leaves.length);
        uint256 place = RandomRound.draw32(seed, "place", r.leaves.length, padded.length - 1);
        bytes memory evidence = Work.emptyLeaf(place, Trees.proof(padded, place));
        assertVerdict(ask(r, r.commitment(), evidence), IJudge.Verdict.NotGuilty);
    }

    function testFuzz_HonestProofsAreNotRepeated(uint256 seed, bool within) external {
        (Round memory r, Round memory before) = rounds(seed);
        if (within) before = r;
        hub.hold(NODE, r.commitment());
        hub.hold(NODE, before.commitment());
        bytes memory evidence = evidenceOf(r, before, 7, seed);
        assertVerdict(ask(r, r.commitment(), evidence), IJudge.Verdict.NotGuilty);
    }

    function testFuzz_HonestPaddingIsNoEmptyChunk(uint256 seed, bool ofTokens) external {
        (Round memory r,) = rounds(seed);
        uint256 index = seed % r.leaves.length;
        uint256 count = r.proofs[index].length;
        bytes32[] memory padded = Trees.padded(
            ofTokens ? Work.tokenHashes(r.p, r.tokens[index]) : RandomRound.hashes(r.proofs[index])
        );
        vm.assume(padded.length != count);
        uint256 place = RandomRound.draw32(seed, "place", count, padded.length - 1);
        bytes memory evidence =
            Work.emptyChunk(r.leaves[index], r.pathTo(index), ofTokens, place, Trees.proof(padded, place));
        assertVerdict(ask(r, r.commitment(), evidence), IJudge.Verdict.NotGuilty);
    }

    /// @dev Nobody else's deed changes a verdict: their postings and commitments, whatever they contain.
    function testFuzz_OthersCannotBringAboutAConviction(uint256 seed, uint8 kind) external {
        (Round memory r, Round memory before) = rounds(seed);
        for (uint32 version = 1; version <= r.context.round; ++version) {
            hub.post(version, keccak256(abi.encode("false", seed, version)), STRANGER, uint40(seed));
            hub.setMemberStatus(STRANGER, MemberStatus((seed >> version) % 5));
        }
        hub.hold(STRANGER, r.commitment());
        hub.hold(NODE, before.commitment());
        kind = [1, 2, 3, 4, 5, 7][kind % 6];
        bytes memory evidence = evidenceOf(r, before, kind, seed);
        assertVerdict(ask(r, r.commitment(), evidence), IJudge.Verdict.NotGuilty);
    }

    function assertInnocent(uint8 kind, uint256 seed) private {
        (Round memory r, Round memory before) = rounds(seed);
        bytes memory evidence = evidenceOf(r, before, kind, seed);
        assertVerdict(ask(r, r.commitment(), evidence), IJudge.Verdict.NotGuilty);
    }
}

/// @dev Invariant 5 as far as this judge goes: every planted fault is proven by evidence of its kind.
contract ObjectiveCompletenessTest is RandomTrials {
    using RandomRound for Round;

    function testFuzz_AWrongAssignmentIsGuilty(uint256 seed, uint8 fault) external {
        (Round memory r, Round memory before) = rounds(seed);
        for (uint256 i = 0; i < r.leaves.length; ++i) {
            if (fault % 6 == 0) r.leaves[i].seed = keccak256(abi.encode(seed));
            if (fault % 6 == 1) r.leaves[i].problem += 1 + uint32(seed % 1000);
            if (fault % 6 == 2) r.leaves[i].policyVersion = r.context.round + 1 + uint32(seed % 1000);
            if (fault % 6 == 3) {
                (r.leaves[i].policyVersion, r.leaves[i].policyDigest) = (0, keccak256("not"));
            }
            if (fault % 6 == 4) r.leaves[i].numTokens = 0;
            if (fault % 6 == 5) r.leaves[i].numTokens = r.p.maxTokens + 1 + uint32(seed % 1000);
        }
        assertGuilty(r, before, 1, seed);
    }

    function testFuzz_AWrongRewardIsGuilty(uint256 seed, uint32 reward, bool miscount) external {
        (Round memory r, Round memory before) = rounds(seed);
        for (uint256 i = 0; i < r.leaves.length; ++i) {
            if (miscount) r.leaves[i].numTokens += 1 + reward % 100;
            else r.leaves[i].reward = r.leaves[i].reward == reward ? reward ^ 1 : reward;
        }
        assertGuilty(r, before, 2, seed);
    }

    function testFuzz_AMalformedProofIsGuilty(uint256 seed, uint8 fault) external {
        (Round memory r, Round memory before) = rounds(seed);
        for (uint256 i = 0; i < r.leaves.length; ++i) {
            for (uint256 chunk = 0; chunk < r.proofs[i].length; ++chunk) {
                r.proofs[i][chunk] = malform(r.proofs[i][chunk], fault, seed);
            }
            r.leaves[i].toplocRoot = Trees.root(RandomRound.hashes(r.proofs[i]));
        }
        assertGuilty(r, before, 3, seed);
    }

    function testFuzz_AMalformedLeafIsGuilty(uint256 seed, uint8 fault) external {
        (Round memory r,) = rounds(seed);
        uint256 index = seed % r.leaves.length;
        bytes memory preimage = Work.preimage(r.context, r.leaves[index]);
        // A bit of the domain, the context or the index, or a word too many or too few.
        if (fault % 3 == 0) preimage[seed % 256] ^= bytes1(uint8(1 << (fault % 8)));
        if (fault % 3 == 1) preimage = bytes.concat(preimage, bytes32(seed));
        if (fault % 3 == 2) preimage = "";
        bytes32[] memory tree = r.leafHashes();
        bytes[] memory one = new bytes[](1);
        one[0] = preimage;
        tree[index] = RandomRound.hashes(one)[0];
        bytes memory evidence = Work.malformedLeaf(uint32(index), preimage, Trees.proof(tree, index));
        Commitment memory c = r.committing(tree, uint32(tree.length));
        assertVerdict(ask(r, c, evidence), IJudge.Verdict.Guilty);
    }

    /// @dev The units are fewer than the leaves, so that the last ones lie where none belongs.
    function testFuzz_ASurplusLeafIsGuilty(uint256 seed) external {
        (Round memory r,) = rounds(seed);
        uint256 last = r.leaves.length - 1;
        vm.assume(last != 0);
        bytes memory preimage = Work.preimage(r.context, r.leaves[last]);
        bytes memory evidence = Work.malformedLeaf(uint32(last), preimage, r.pathTo(last));
        Commitment memory c = r.committing(r.leafHashes(), RandomRound.draw32(seed, "units", 1, last));
        assertVerdict(ask(r, c, evidence), IJudge.Verdict.Guilty);
    }

    function testFuzz_MalformedTokensAreGuilty(uint256 seed, uint8 extra) external {
        (Round memory r,) = rounds(seed);
        uint256 index = seed % r.leaves.length;
        uint256 chunk = seed % r.proofs[index].length;
        bytes32[] memory tree = Work.tokenHashes(r.p, r.tokens[index]);
        bytes[] memory one = new bytes[](1);
        one[0] = bytes.concat(chunkOf(r, index, chunk), new bytes(1 + uint256(extra)));
        tree[chunk] = RandomRound.hashes(one)[0];
        r.leaves[index].tokensRoot = Trees.root(tree);
        bytes memory evidence =
            Work.malformedChunk(5, r.leaves[index], r.pathTo(index), chunk, one[0], Trees.proof(tree, chunk));
        assertVerdict(ask(r, r.commitment(), evidence), IJudge.Verdict.Guilty);
    }

    /// @dev Units overcounted: by those that padding can stand for, or by hollowing out the tree.
    function testFuzz_AnEmptyLeafIsGuilty(uint256 seed, bool hollow) external {
        (Round memory r,) = rounds(seed);
        bytes32[] memory tree = Trees.padded(r.leafHashes());
        uint32 units = uint32(r.leaves.length);
        uint256 place = seed % units;
        if (!hollow) {
            vm.assume(tree.length != units);
            place = units;
            units = RandomRound.draw32(seed, "units", units + 1, tree.length);
        } else {
            tree[place] = bytes32(0);
        }
        bytes memory evidence = Work.emptyLeaf(place, Trees.proof(tree, place));
        assertVerdict(ask(r, r.committing(tree, units), evidence), IJudge.Verdict.Guilty);
    }

    function testFuzz_ARepeatedProofIsGuilty(uint256 seed) external {
        (Round memory r, Round memory before) = rounds(seed);
        uint256 index = RandomRound.draw32(seed, "place", 0, r.leaves.length - 1);
        uint256 twin = RandomRound.draw32(seed, "twin", 0, before.leaves.length - 1);
        r.leaves[index].toplocRoot = before.leaves[twin].toplocRoot;
        hub.hold(NODE, before.commitment());
        bool same = r.leaves[index].problem == before.leaves[twin].problem;
        IJudge.Verdict answer = ask(r, r.commitment(), evidenceOf(r, before, 7, seed));
        assertVerdict(answer, same ? IJudge.Verdict.NotGuilty : IJudge.Verdict.Guilty);
    }

    function testFuzz_AnEmptyChunkIsGuilty(uint256 seed, bool ofTokens) external {
        (Round memory r,) = rounds(seed);
        uint256 index = seed % r.leaves.length;
        uint256 chunk = seed % r.proofs[index].length;
        bytes32[] memory tree =
            ofTokens ? Work.tokenHashes(r.p, r.tokens[index]) : RandomRound.hashes(r.proofs[index]);
        tree[chunk] = bytes32(0);
        if (ofTokens) r.leaves[index].tokensRoot = Trees.root(tree);
        else r.leaves[index].toplocRoot = Trees.root(tree);
        bytes memory evidence =
            Work.emptyChunk(r.leaves[index], r.pathTo(index), ofTokens, chunk, Trees.proof(tree, chunk));
        assertVerdict(ask(r, r.commitment(), evidence), IJudge.Verdict.Guilty);
    }

    function malform(bytes memory proof, uint8 fault, uint256 seed) private pure returns (bytes memory) {
        uint256 topk = proof.length / 2 - 1;
        uint256 place = 2 + 2 * (seed % topk);
        if (fault % 4 == 0) return bytes.concat(proof, bytes1(fault));
        if (fault % 4 == 1) proof[1] ^= bytes1(uint8(1 << (seed % 8)));
        if (fault % 4 == 2) {
            (proof[place], proof[place + 1]) = (bytes1(0xff), bytes1(uint8(0xd9 + seed % 39)));
        }
        if (fault % 4 == 3) {
            for (uint256 i = 2 + topk / 2 * 2; i < proof.length; ++i) {
                proof[i] = 0;
            }
        }
        return proof;
    }

    function assertGuilty(Round memory r, Round memory before, uint8 kind, uint256 seed) private {
        IJudge.Verdict answer = ask(r, r.commitment(), evidenceOf(r, before, kind, seed));
        assertVerdict(answer, IJudge.Verdict.Guilty);
    }
}
