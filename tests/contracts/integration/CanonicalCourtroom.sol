// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Traces} from "../utils/Traces.sol";
import {Trees} from "../utils/Trees.sol";
import {VectorTest} from "../vectors/VectorTest.sol";
import {Hub} from "contracts/Hub.sol";
import {CanonicalJudge} from "contracts/judges/CanonicalJudge.sol";
import {SortingReward} from "contracts/judges/SortingReward.sol";
import {CanonicalSteps} from "contracts/judges/canonical/CanonicalSteps.sol";
import {Merkle} from "contracts/libraries/Merkle.sol";
import {RefereeLayout} from "contracts/libraries/RefereeLayout.sol";
import {LeafContext, RolloutLeaf, RolloutLeaves} from "contracts/libraries/RolloutLeaves.sol";
import {TestToken} from "contracts/periphery/TestToken.sol";
import {
    CanonicalAnswer,
    CanonicalChunk,
    CanonicalGame,
    CanonicalMatter,
    CanonicalStage
} from "contracts/types/CanonicalGame.sol";
import {Challenge} from "contracts/types/Challenge.sol";
import {Commitment, Member, MemberStatus} from "contracts/types/Membership.sol";
import {RefereeShape} from "contracts/types/Referee.sol";
import {Pinned, TaskParams} from "contracts/types/Task.sol";
import {ToplocThresholds} from "contracts/types/Toploc.sol";

/// @title The real hub with the judge of computation, and the matter of a dispute from the golden vectors
/// @dev Two stand before it: a node and a challenger. The commitment has the vectors' leaf at the disputed place.
abstract contract CanonicalCourtroom is VectorTest {
    address internal constant CREATOR = address(0xC0FFEE);
    address internal constant NODE = address(0xA11CE);
    address internal constant CHALLENGER = address(0xB0B);
    uint40 internal constant START = 1_000_000;
    uint32 internal constant UNITS = 3;
    uint96 internal constant TASK_STAKE = 1000 ether;
    uint96 internal constant BOND = 10 ether;
    uint32 internal constant CLOCK = 600;
    uint32 internal constant GRACE = 60;

    Hub internal hub;
    TestToken internal token;
    SortingReward internal rule;
    CanonicalSteps internal steps;
    CanonicalJudge internal judge;
    bytes32 internal task;
    Commitment internal commitment;

    // What the vectors say of the dispute.
    RefereeShape internal shape;
    uint32 internal rollout;
    uint32 internal chunkIndex;
    RolloutLeaf internal leaf;
    bytes internal proof;
    bytes32[] internal proofSiblings;
    bytes internal support;
    bytes internal manifest;
    bytes[] internal rows;
    uint32[] internal completion;
    uint256 internal traced;
    bytes32[] internal leafHashes;

    // Where the game stands, as its events tell it.
    Challenge internal challenge;
    uint256 internal challengeId;
    CanonicalGame internal game;
    CanonicalMatter internal matter;
    CanonicalChunk internal chunk;

    function prepare(uint256 dispute) internal {
        string memory file = read("referee_game");
        string memory key = entry(".disputes", dispute);
        this.load(file, key);
        vm.warp(START - 100);
        vm.roll(1000);
        hub = new Hub();
        token = new TestToken();
        rule = new SortingReward();
        steps = new CanonicalSteps();
        uint256[] memory limits = json.parseJsonUintArray(file, string.concat(key, ".thresholds"));
        ToplocThresholds memory thresholds =
            ToplocThresholds(uint32(limits[0]), uint32(limits[1]), uint32(limits[2]));
        judge = new CanonicalJudge(address(hub), address(steps), address(0), shape, thresholds, CLOCK, GRACE);
        fund(CREATOR, 1000 ether);
        vm.prank(CREATOR);
        task = hub.createTask(params(), 1000);
        fund(NODE, TASK_STAKE);
        vm.prank(NODE);
        hub.join(params(), NODE, NODE, 100, "");
        fund(CHALLENGER, 10 * BOND);
        vm.warp(START);
        vm.roll(1010);
        hub.openRound(task, 0);
        commit();
    }

    function load(string calldata file, string calldata key) external {
        string memory inShape = string.concat(key, ".shape");
        shape = RefereeShape({
            vocabulary: number(file, inShape, ".vocabulary"),
            layers: number(file, inShape, ".layers"),
            width: number(file, inShape, ".width"),
            heads: number(file, inShape, ".heads"),
            feedForward: number(file, inShape, ".feed_forward"),
            positions: number(file, inShape, ".positions")
        });
        (rollout, chunkIndex) = (number(file, key, ".rollout"), number(file, key, ".chunk"));
        bytes memory preimage = json.parseJsonBytes(file, string.concat(key, ".leaf_preimage"));
        (,,,,,,, leaf) =
            abi.decode(preimage, (bytes32, uint256, address, bytes32, address, uint32, uint32, RolloutLeaf));
        proof = json.parseJsonBytes(file, string.concat(key, ".proof"));
        proofSiblings = json.parseJsonBytes32Array(file, string.concat(key, ".proof_siblings"));
        support = json.parseJsonBytes(file, string.concat(key, ".support"));
        manifest = json.parseJsonBytes(file, string.concat(key, ".manifest"));
        rows = json.parseJsonBytesArray(file, string.concat(key, ".rows"));
        completion = toUint32(json.parseJsonUintArray(file, string.concat(key, ".completion")));
        traced = json.parseJsonUintArray(file, string.concat(key, ".traced")).length;
        assertEq(RefereeLayout.rowCount(shape, traced), rows.length);
    }

    function params() internal view returns (TaskParams memory p) {
        p.creator = CREATOR;
        p.token = address(token);
        p.specDigest = keccak256("spec");
        p.genesisDigest = leaf.policyDigest;
        p.start = START;
        p.roundSeconds = 3600;
        p.commitSeconds = 1800;
        p.rounds = 10;
        p.problemsPerRound = UNITS;
        p.groupSize = 1;
        p.problemCount = 1 << 20;
        p.chunkTokens = 2;
        p.topk = 16;
        p.maxTokens = 9;
        p.maxStaleness = 2;
        p.rate = 1 ether;
        p.stake = TASK_STAKE;
        p.bond = BOND;
        p.challengeWindow = 7200;
        p.disputeSeconds = 3600;
        p.exitMargin = 600;
        p.rewardRule = Pinned(address(rule), address(rule).codehash);
        p.judges[0] = Pinned(address(judge), address(judge).codehash);
    }

    /// @dev The node commits to the vectors' leaf.
    function commit() internal {
        LeafContext memory context = LeafContext(block.chainid, address(hub), task, NODE, 0, 0);
        delete leafHashes;
        for (uint256 i = 0; i < UNITS; ++i) {
            leafHashes.push(i == rollout ? RolloutLeaves.hash(context, leaf) : keccak256(abi.encode(i)));
        }
        commitment =
            Commitment(0, 0, Trees.root(leafHashes), keccak256("manifest"), UNITS, uint40(block.timestamp));
        bytes32 beacon = hub.beaconOf(task, 0);
        vm.prank(NODE);
        hub.commit(task, beacon, 0, 0, commitment.root, commitment.manifest, UNITS);
    }

    function evidence() internal view returns (bytes memory) {
        return abi.encode(rollout, chunkIndex);
    }

    function challengeBy(address challenger) internal {
        challenge = Challenge({
            task: task,
            node: NODE,
            sequence: 0,
            judge: address(judge),
            challenger: challenger,
            token: address(token),
            stake: TASK_STAKE,
            bond: BOND,
            deadline: uint40(block.timestamp + params().disputeSeconds),
            evidenceHash: keccak256(evidence())
        });
        vm.prank(challenger);
        challengeId = hub.challenge(params(), NODE, commitment, address(judge), evidence());
        count("challenge");
        assertEq(challengeId, hub.challengeIdOf(challenge));
        matter = CanonicalMatter({
            task: task,
            sequence: 0,
            round: 0,
            root: commitment.root,
            units: UNITS,
            rollout: rollout,
            chunk: chunkIndex,
            chunkTokens: params().chunkTokens,
            topk: params().topk,
            rule: params().rewardRule
        });
        delete game;
        (game.accused, game.challenger) = (NODE, challenger);
        (game.accusedSeconds, game.challengerSeconds) = (CLOCK, CLOCK);
        game.movedAt = uint40(block.timestamp);
        game.subject = keccak256(abi.encode(matter));
        assertKept();
    }

    function honestAnswer(bytes32 traceRoot) internal view returns (CanonicalAnswer memory) {
        bytes32[] memory leafProof = Trees.proof(leafHashes, rollout);
        return CanonicalAnswer(leaf, leafProof, proof, proofSiblings, traceRoot, support);
    }

    /// @dev What the game is after an answer that stands.
    function noteAnswer(CanonicalAnswer memory given) internal {
        uint256 prompt = traced + 1 - leaf.numTokens;
        uint256 first = chunkIndex * matter.chunkTokens;
        uint256 states = leaf.numTokens - first;
        if (states > matter.chunkTokens) states = matter.chunkTokens;
        chunk = CanonicalChunk({
            rule: matter.rule,
            problem: leaf.problem,
            promptTokens: uint32(prompt),
            policyDigest: leaf.policyDigest,
            tokensRoot: leaf.tokensRoot,
            numTokens: leaf.numTokens,
            chunkTokens: matter.chunkTokens,
            first: uint32(prompt - 1 + first),
            elements: uint32(states * shape.width),
            topk: matter.topk,
            traceRoot: given.traceRoot,
            support: keccak256(given.support)
        });
        game.stage = CanonicalStage.Charge;
        game.tokens = uint32(traced);
        game.subject = keccak256(abi.encode(chunk));
        assertKept();
    }

    /// @dev The judge keeps the game that the test has noted.
    function assertKept() internal view {
        assertEq(judge.gameHash(challengeId), keccak256(abi.encode(game)));
    }

    /// @dev Told of every move by its name.
    function count(string memory) internal virtual;

    function assertConvicted() internal view {
        assertEq(judge.gameHash(challengeId), bytes32(0));
        Member memory member = hub.memberOf(task, NODE);
        assertEq(uint256(member.status), uint256(MemberStatus.Slashed));
        assertEq(hub.credit(address(token), game.challenger), 11 * BOND);
        assertEq(hub.credit(address(token), hub.BURN()), TASK_STAKE - 10 * BOND);
    }

    function assertAcquitted() internal view {
        assertEq(judge.gameHash(challengeId), bytes32(0));
        Member memory member = hub.memberOf(task, NODE);
        assertEq(uint256(member.status), uint256(MemberStatus.Active));
        assertEq(hub.credit(address(token), NODE), BOND);
        assertEq(hub.credit(address(token), game.challenger), 0);
    }

    function fund(address account, uint256 amount) internal {
        token.mint(account, amount);
        vm.prank(account);
        token.approve(address(hub), amount);
    }

    /// @dev A row of the weights tree: weight i is ((i * 2654435761 mod 2^32) >> 13) - 2^18.
    function weightRow(uint256 first, uint256 entries) internal pure returns (bytes memory data) {
        data = new bytes(4 * entries);
        for (uint256 i = 0; i < entries; ++i) {
            uint256 drawn = ((first + i) * 2_654_435_761) % 2 ** 32;
            bytes4 word = bytes4(uint32(int32(int256(drawn >> 13) - 2 ** 18)));
            for (uint256 j = 0; j < 4; ++j) {
                data[4 * i + j] = word[j];
            }
        }
    }

    /// @dev All rows of the weights tree, tensors in the manifest's order.
    function weightRows() internal view returns (bytes[] memory all) {
        all = new bytes[](RefereeLayout.weightRowCount(shape));
        (uint256 row, uint256 next) = (0, 0);
        uint256 ofLayer = 5 * uint256(shape.width) + shape.feedForward + 4;
        for (; row < all.length; ++row) {
            // Of a layer the last tensor alone has rows as long as the feed-forward part.
            bool isOut = row < shape.layers * ofLayer
                && row % ofLayer >= 4 * uint256(shape.width) + shape.feedForward + 4;
            uint256 entries = isOut ? shape.feedForward : shape.width;
            all[row] = weightRow(next, entries);
            next += entries;
        }
    }

    function weightLevels(bytes[] memory all) internal pure returns (bytes32[][] memory) {
        bytes32[] memory hashes = new bytes32[](all.length);
        for (uint256 i = 0; i < all.length; ++i) {
            hashes[i] = Traces.weightLeaf(all[i]);
        }
        return Traces.levels(hashes);
    }

    /// @dev The chunk of the completion's tokens that holds token `place`, and its siblings.
    function tokensChunk(uint256 place) internal view returns (bytes memory data, bytes32[] memory siblings) {
        uint256 size = matter.chunkTokens;
        bytes32[] memory hashes = new bytes32[](RolloutLeaves.numChunks(completion.length, size));
        bytes[] memory chunks = new bytes[](hashes.length);
        for (uint256 i = 0; i < completion.length; ++i) {
            chunks[i / size] = bytes.concat(chunks[i / size], bytes4(completion[i]));
        }
        for (uint256 i = 0; i < hashes.length; ++i) {
            hashes[i] = Merkle.leaf(chunks[i]);
        }
        return (chunks[place / size], Trees.proof(hashes, place / size));
    }

    function number(string calldata file, string memory key, string memory field)
        private
        pure
        returns (uint32)
    {
        return uint32(json.parseJsonUint(file, string.concat(key, field)));
    }
}
