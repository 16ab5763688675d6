// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Trees} from "../utils/Trees.sol";
import {VectorTest} from "../vectors/VectorTest.sol";
import {Hub} from "contracts/Hub.sol";
import {IAggregateJudge} from "contracts/interfaces/IAggregateJudge.sol";
import {AggregateJudge} from "contracts/judges/AggregateJudge.sol";
import {TestToken} from "contracts/periphery/TestToken.sol";
import {
    AggregateAnswer,
    AggregateClaim,
    AggregateEntry,
    AggregateFault,
    AggregateGame,
    AggregateInputs,
    AggregateMatter,
    AggregateRule,
    AggregateStage,
    PieceOpening
} from "contracts/types/AggregateGame.sol";
import {Challenge} from "contracts/types/Challenge.sol";
import {Commitment, Member, MemberStatus} from "contracts/types/Membership.sol";
import {Pinned, TaskParams} from "contracts/types/Task.sol";

interface LogVm {
    struct Log {
        bytes32[] topics;
        bytes data;
        address emitter;
    }

    function recordLogs() external;
    function getRecordedLogs() external returns (Log[] memory logs);
}

/// @title The real hub with the judge of posted versions, and two rounds of three nodes from the golden vectors
/// @dev What a move leads to is read from its event. Times are those of the tests, rounds of an hour.
abstract contract AggregateCourtroom is VectorTest {
    address internal constant CREATOR = address(0xC0FFEE);
    address internal constant POSTER = address(0xA11CE);
    address internal constant CHALLENGER = address(0xB0B);
    uint40 internal constant START = 1_000_000;
    uint32 internal constant ROUND = 3600;
    uint96 internal constant TASK_STAKE = 1000 ether;
    uint96 internal constant BOND = 10 ether;
    uint32 internal constant CLOCK = 600;
    uint32 internal constant GRACE = 60;
    uint256 internal constant PIECE = 2048;
    uint256 internal constant WORKERS = 3;

    Hub internal hub;
    TestToken internal token;
    AggregateJudge internal judge;
    /// @dev Whom the task names: the judge, or one that passes on to it.
    address internal named;
    bytes32 internal task;
    AggregateRule internal rule;
    bytes32 internal genesis;
    bytes32 internal spec = keccak256("spec");
    bytes[3] internal manifests;
    bytes[3] internal files;
    /// @dev By round and node.
    bytes[6] internal updateManifests;
    bytes[6] internal updates;
    AggregateEntry[6] internal work;

    Commitment internal posted;
    // Where the game stands, as its events tell it.
    Challenge internal challenge;
    uint256 internal challengeId;
    AggregateGame internal game;
    AggregateMatter internal matter;
    AggregateClaim internal claim;
    address[] internal nodes;
    bytes32[] internal counted;
    bytes32[] internal children;
    bytes internal piece;

    /// @dev Told of every move by its name.
    function count(string memory) internal virtual {}

    function worker(uint256 number) internal pure returns (address) {
        return address(uint160(0x1000 * (number + 1)));
    }

    function prepare() internal {
        this.load(read("aggregate"));
        genesis = sha256(manifests[0]);
        vm.warp(START - 100);
        vm.roll(1000);
        hub = new Hub();
        token = new TestToken();
        judge = new AggregateJudge(address(hub), rule, CLOCK, GRACE);
        named = address(judge);
        opened();
    }

    /// @dev The task, its members and two rounds of work.
    function opened() internal {
        fund(CREATOR, 10_000 ether);
        vm.prank(CREATOR);
        task = hub.createTask(params(), 1000);
        fund(CHALLENGER, 10 * BOND);
        join(POSTER);
        for (uint256 i = 0; i < WORKERS; ++i) {
            join(worker(i));
        }
        for (uint32 round = 0; round < 2; ++round) {
            vm.warp(START + round * ROUND + 5);
            vm.roll(1010 + round);
            hub.openRound(task, round);
            for (uint256 i = 0; i < WORKERS; ++i) {
                commit(i, round);
            }
        }
        vm.warp(START + 2 * ROUND + 7);
    }

    function load(string calldata file) external {
        uint256[] memory ratios = json.parseJsonUintArray(file, ".aggregation");
        rule = AggregateRule(
            uint32(json.parseJsonUint(file, ".parameters")),
            uint32(ratios[0]),
            uint32(ratios[1]),
            uint32(ratios[2]),
            uint32(ratios[3]),
            uint32(json.parseJsonUint(file, ".max_exponent_offset"))
        );
        for (uint256 i = 0; i < 3; ++i) {
            manifests[i] = json.parseJsonBytes(file, string.concat(entry(".versions", i), ".manifest"));
            files[i] = json.parseJsonBytes(file, string.concat(entry(".versions", i), ".file"));
        }
        for (uint256 i = 0; i < 6; ++i) {
            updateManifests[i] = json.parseJsonBytes(file, string.concat(entry(".updates", i), ".manifest"));
            updates[i] = json.parseJsonBytes(file, string.concat(entry(".updates", i), ".file"));
        }
    }

    function params() internal view returns (TaskParams memory p) {
        p.creator = CREATOR;
        p.token = address(token);
        p.specDigest = spec;
        p.genesisDigest = genesis;
        p.start = START;
        p.roundSeconds = ROUND;
        p.commitSeconds = 1800;
        p.rounds = 50;
        p.problemsPerRound = 2;
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
        p.disputeSeconds = 7200;
        p.exitMargin = 600;
        p.judges[0] = Pinned(named, named.codehash);
        p.judges[1] = Pinned(address(this), address(this).codehash);
    }

    function join(address node) internal {
        fund(node, TASK_STAKE);
        vm.prank(node);
        hub.join(params(), node, node, 100, "");
    }

    function commit(uint256 number, uint32 round) internal {
        uint256 place = WORKERS * round + number;
        Commitment memory c = Commitment(
            round, round, keccak256("root"), sha256(updateManifests[place]), 2, uint40(block.timestamp)
        );
        bytes32 beacon = hub.beaconOf(task, round);
        vm.prank(worker(number));
        hub.commit(task, beacon, c.sequence, round, c.root, c.manifest, c.units);
        work[place] = AggregateEntry(worker(number), c);
    }

    function post(address node, uint32 version, bytes32 digest) internal returns (Commitment memory) {
        vm.prank(node);
        uint32 sequence = hub.postCheckpoint(task, version, digest);
        bytes32 root = keccak256(abi.encode(keccak256("cupel.checkpoint.v1"), version, digest));
        return Commitment(sequence, version, root, digest, 0, uint40(block.timestamp));
    }

    /// @dev The poster posts version 2 with this manifest, and is challenged.
    function postAndChallenge(bytes memory manifest) internal {
        posted = post(POSTER, 2, sha256(manifest));
        challengeBy(CHALLENGER);
    }

    function challengeBy(address challenger) internal {
        challenge = Challenge({
            task: task,
            node: POSTER,
            sequence: posted.sequence,
            judge: named,
            challenger: challenger,
            token: address(token),
            stake: TASK_STAKE,
            bond: BOND,
            deadline: uint40(block.timestamp + params().disputeSeconds),
            evidenceHash: keccak256("")
        });
        logs().recordLogs();
        vm.prank(challenger);
        challengeId = hub.challenge(params(), POSTER, posted, named, "");
        count("challenge");
        assertEq(challengeId, hub.challengeIdOf(challenge));
        (game, matter) =
            abi.decode(told(IAggregateJudge.VersionDisputed.selector), (AggregateGame, AggregateMatter));
        assertKept();
    }

    /// @dev Data of the newest event of this kind.
    function told(bytes32 topic) internal returns (bytes memory data) {
        LogVm.Log[] memory all = logs().getRecordedLogs();
        for (uint256 i = all.length; i != 0; --i) {
            if (all[i - 1].topics[0] == topic) return all[i - 1].data;
        }
        revert("the event was not emitted");
    }

    function logs() internal pure returns (LogVm) {
        return LogVm(address(vm));
    }

    /// @dev The judge keeps the game that the event told.
    function assertKept() internal view {
        assertEq(judge.gameHash(challengeId), keccak256(abi.encode(game)));
    }

    function answerOf(bytes memory manifest, bytes memory parent, uint32 version)
        internal
        view
        returns (AggregateAnswer memory given)
    {
        (given.manifest, given.parentManifest) = (manifest, parent);
        given.parentAt = parentAt(manifest);
        given.entries = new AggregateEntry[](WORKERS);
        for (uint256 i = 0; i < WORKERS; ++i) {
            given.entries[i] = work[WORKERS * (version - 1) + i];
        }
    }

    function answer(AggregateAnswer memory given) internal {
        logs().recordLogs();
        vm.prank(POSTER);
        judge.answer(challenge, game, matter, given);
        count("answer");
        if (judge.gameHash(challengeId) == 0) return;
        (game, claim, nodes, counted) = abi.decode(
            told(IAggregateJudge.VersionAnswered.selector),
            (AggregateGame, AggregateClaim, address[], bytes32[])
        );
        assertKept();
    }

    function goBack() internal {
        logs().recordLogs();
        vm.prank(CHALLENGER);
        judge.goBack(challengeId, game, matter, claim);
        count("go back");
        (game, matter) = abi.decode(told(IAggregateJudge.WentBack.selector), (AggregateGame, AggregateMatter));
        assertKept();
    }

    function descend() internal {
        logs().recordLogs();
        vm.prank(CHALLENGER);
        judge.descend(challengeId, game, claim);
        count("descend");
        game = abi.decode(told(IAggregateJudge.VersionDescended.selector), (AggregateGame));
        assertKept();
    }

    function openNode(bytes memory file) internal {
        bytes32[] memory shown = below(file);
        logs().recordLogs();
        vm.prank(POSTER);
        judge.openNode(challengeId, game, shown);
        count("open a node");
        (game, children) = abi.decode(told(IAggregateJudge.NodeOpened.selector), (AggregateGame, bytes32[]));
        assertKept();
    }

    function pickChild(uint32 child) internal {
        logs().recordLogs();
        vm.prank(CHALLENGER);
        judge.pickChild(challengeId, game, claim, children, child);
        count("pick a child");
        game = abi.decode(told(IAggregateJudge.ChildPicked.selector), (AggregateGame));
        assertKept();
    }

    function showPiece(bytes memory file) internal {
        bytes memory shown = pieceOf(file, game.index);
        logs().recordLogs();
        vm.prank(POSTER);
        judge.showPiece(challenge, game, claim, shown);
        count("show the piece");
        (game, piece) = abi.decode(told(IAggregateJudge.PieceShown.selector), (AggregateGame, bytes));
        assertKept();
    }

    function nameInteger(uint256 offset) internal {
        logs().recordLogs();
        vm.prank(CHALLENGER);
        judge.nameInteger(challengeId, game, claim, uint64(offset));
        count("name an integer");
        game = abi.decode(told(IAggregateJudge.IntegerNamed.selector), (AggregateGame));
        assertKept();
    }

    function showInputs(AggregateInputs memory inputs) internal {
        logs().recordLogs();
        vm.prank(POSTER);
        judge.showInputs(challenge, game, claim, piece, inputs);
        count("show the inputs");
        if (judge.gameHash(challengeId) == 0) return;
        (game,) = abi.decode(told(IAggregateJudge.InputsShown.selector), (AggregateGame, AggregateInputs));
        assertKept();
    }

    /// @dev From the challenge to the piece that holds this byte of the version's file.
    function playDown(bytes memory file, uint256 offset) internal {
        descend();
        while (game.stage == AggregateStage.Node) {
            openNode(file);
            uint256 below_ = game.level < 4 ? 0 : game.level - 4;
            pickChild(uint32(((offset / PIECE) >> below_) - (uint256(game.index) << (game.level - below_))));
        }
        showPiece(file);
    }

    /// @dev The nodes up to four levels below the one in dispute.
    function below(bytes memory file) internal view returns (bytes32[] memory shown) {
        uint256 stride = game.level < 4 ? game.level : 4;
        bytes32[] memory level = Trees.padded(leaves(file));
        for (uint256 i = 0; i < game.level - stride; ++i) {
            level = Trees.parents(level);
        }
        shown = new bytes32[](1 << stride);
        for (uint256 i = 0; i < shown.length; ++i) {
            shown[i] = level[(uint256(game.index) << stride) + i];
        }
    }

    function leaves(bytes memory file) internal pure returns (bytes32[] memory hashes) {
        hashes = new bytes32[]((file.length + PIECE - 1) / PIECE);
        for (uint256 i = 0; i < hashes.length; ++i) {
            hashes[i] = sha256(pieceOf(file, i));
        }
    }

    function pieceOf(bytes memory file, uint256 index) internal pure returns (bytes memory part) {
        uint256 rest = file.length - index * PIECE;
        part = new bytes(rest < PIECE ? rest : PIECE);
        assembly ("memory-safe") {
            mcopy(add(part, 0x20), add(add(file, 0x20), mul(index, 2048)), mload(part))
        }
    }

    function openingOf(bytes memory file, uint256 offset) internal pure returns (PieceOpening memory) {
        uint256 index = offset / PIECE;
        return PieceOpening(pieceOf(file, index), Trees.proof(leaves(file), index));
    }

    /// @dev The manifest with the head of another file.
    function manifestFor(bytes memory manifest, bytes memory file)
        internal
        pure
        returns (bytes memory changed)
    {
        bytes memory head = abi.encodePacked(Trees.root(leaves(file)), uint64(file.length));
        changed = bytes.concat(manifest);
        for (uint256 i = 0; i < head.length; ++i) {
            changed[i] = head[i];
        }
    }

    /// @dev The manifest of another parent.
    function manifestOf(bytes memory manifest, bytes32 parent) internal pure returns (bytes memory changed) {
        changed = bytes.concat(manifest);
        uint256 start = parentAt(manifest);
        for (uint256 i = 0; i < 64; ++i) {
            uint256 digit = (uint256(parent) >> (252 - 4 * i)) & 0xf;
            changed[start + i] = bytes1(uint8(digit < 10 ? 0x30 + digit : 0x57 + digit));
        }
    }

    function altered(bytes memory file, uint256 offset) internal pure returns (bytes memory changed) {
        changed = bytes.concat(file);
        changed[offset] ^= 0x01;
    }

    function parentAt(bytes memory manifest) internal pure returns (uint32) {
        bytes memory key = '"parent":"';
        for (uint256 i = 0; i + key.length < manifest.length; ++i) {
            uint256 same = 0;
            while (same < key.length && manifest[i + same] == key[same]) ++same;
            if (same == key.length) return uint32(i + key.length);
        }
        revert("no parent");
    }

    function headerBytes() internal view returns (uint256) {
        return files[2].length - 12 * uint256(rule.parameters);
    }

    function weightAt(uint256 coordinate) internal view returns (uint256) {
        return headerBytes() + 8 * uint256(rule.parameters) + 4 * coordinate;
    }

    function momentumAt(uint256 coordinate) internal view returns (uint256) {
        return headerBytes() + 8 * coordinate;
    }

    /// @dev What a coordinate of version 2 is made from.
    function inputsOf(uint256 coordinate) internal view returns (AggregateInputs memory inputs) {
        inputs.weight = int32(integer(files[1], weightAt(coordinate), 4));
        inputs.momentum = int64(integer(files[1], momentumAt(coordinate), 8));
        inputs.terms = new bytes(2 * WORKERS);
        uint256 blocks = (uint256(rule.parameters) + 31) / 32;
        for (uint256 i = 0; i < WORKERS; ++i) {
            bytes memory file = updates[WORKERS + i];
            uint256 start = file.length - 33 * blocks;
            inputs.terms[2 * i] = file[start + blocks + coordinate];
            inputs.terms[2 * i + 1] = file[start + coordinate / 32];
        }
    }

    function integer(bytes memory file, uint256 start, uint256 size) internal pure returns (int256) {
        uint64 value = 0;
        for (uint256 i = size; i != 0; --i) {
            value = (value << 8) | uint8(file[start + i - 1]);
        }
        return size == 4 ? int256(int32(uint32(value))) : int256(int64(value));
    }

    function assertConvicted() internal view {
        assertEq(judge.gameHash(challengeId), bytes32(0));
        assertEq(uint256(hub.memberOf(task, POSTER).status), uint256(MemberStatus.Slashed));
        assertEq(hub.credit(address(token), CHALLENGER), 11 * BOND);
    }

    function assertAcquitted() internal view {
        assertEq(judge.gameHash(challengeId), bytes32(0));
        Member memory member = hub.memberOf(task, POSTER);
        assertEq(uint256(member.status), uint256(MemberStatus.Active));
        assertEq(hub.credit(address(token), POSTER), BOND);
    }

    /// @dev Nobody has moved for too long.
    function letTimePass() internal {
        vm.warp(judge.deadlineOf(game));
        judge.timeOut(challenge, game);
    }

    function fund(address account, uint256 amount) internal {
        token.mint(account, amount);
        vm.prank(account);
        token.approve(address(hub), amount);
    }
}
