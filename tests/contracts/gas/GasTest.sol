// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Assertions} from "../utils/Assertions.sol";
import {SilentJudge} from "./SilentJudge.sol";
import {Hub} from "contracts/Hub.sol";
import {IJudge} from "contracts/interfaces/IJudge.sol";
import {TestToken} from "contracts/periphery/TestToken.sol";
import {Challenge} from "contracts/types/Challenge.sol";
import {Commitment, SignedCommit} from "contracts/types/Membership.sol";
import {Pinned, TaskParams} from "contracts/types/Task.sol";

/// @title Whole transactions, measured
/// @notice Under `isolate` every call from a test is a transaction of its own: 21,000, calldata, cold accounts and slots,
/// and the refund are in what `record` writes to snapshots/. Addresses, amounts and times are as long as real ones,
/// since a zero byte of calldata costs a quarter of another.
abstract contract GasTest is Assertions {
    uint256 internal constant RING = 64;
    uint32 internal constant UNITS_PER_ROUND = 64;
    uint32 internal constant QUOTA = 64 * 200;
    uint40 internal constant UNITS = 1_000_000;
    uint40 internal constant START = 1_790_000_000;

    Hub internal hub;
    TestToken internal token;
    SilentJudge internal judge;
    address internal creator = vm.addr(uint256(keccak256("creator")));
    address internal challenger = vm.addr(uint256(keccak256("challenger")));
    bytes32 internal task;

    function setUp() public virtual {
        vm.warp(START - 1000);
        vm.roll(20_000_000);
        hub = new Hub();
        token = new TestToken();
        judge = new SilentJudge(hub);
        fund(creator);
        fund(challenger);
        task = create(params());
    }

    function params() internal view returns (TaskParams memory p) {
        p.creator = creator;
        p.token = address(token);
        p.specDigest = keccak256("spec");
        p.genesisDigest = keccak256("genesis");
        p.start = START;
        p.roundSeconds = 3600;
        p.commitSeconds = 1800;
        p.rounds = 10_000;
        p.problemsPerRound = 8;
        p.groupSize = 8;
        p.problemCount = 1_000_000;
        p.chunkTokens = 32;
        p.topk = 128;
        p.maxTokens = 2048;
        p.maxStaleness = 2;
        p.rate = 0.015 ether;
        p.stake = 1250 ether;
        p.bond = 12.5 ether;
        p.challengeWindow = 86_400;
        p.disputeSeconds = 172_800;
        p.exitMargin = 43_200;
        p.rewardRule = Pinned(address(judge), address(judge).codehash);
        p.judges[0] = Pinned(address(judge), address(judge).codehash);
        p.judges[1] = Pinned(address(token), address(token).codehash);
    }

    /// @notice The last transaction's gas, under this name.
    function record(string memory name) internal {
        vm.snapshotGasLastCall("Hub", name);
    }

    function fund(address account) internal {
        token.mint(account, 1_000_000 ether);
        vm.prank(account);
        token.approve(address(hub), type(uint256).max);
    }

    function create(TaskParams memory p) internal returns (bytes32) {
        vm.prank(creator);
        return hub.createTask(p, UNITS);
    }

    function nodeAt(uint256 i) internal pure returns (address) {
        return vm.addr(keyAt(i));
    }

    function keyAt(uint256 i) internal pure returns (uint256) {
        return uint256(keccak256(abi.encode("node", i)));
    }

    function join(address node) internal {
        fund(node);
        vm.prank(node);
        hub.join(params(), node, node, QUOTA, "");
    }

    /// @notice Opens `round` at its start, when nobody has.
    function openRound(uint256 round) internal {
        vm.warp(START + round * params().roundSeconds);
        vm.roll(20_000_000 + round);
        // casting is safe: tests have few rounds
        // forge-lint: disable-next-line(unsafe-typecast)
        if (hub.beaconOf(task, uint32(round)) == 0) hub.openRound(task, uint32(round));
    }

    /// @notice What `node` commits to in its `sequence`-th round, all rounds from `firstRound` on.
    function commitmentOf(address node, uint256 round, uint256 sequence)
        internal
        view
        returns (Commitment memory c)
    {
        // casting is safe: tests have few rounds
        // forge-lint: disable-next-item(unsafe-typecast)
        c.sequence = uint32(sequence);
        c.round = uint32(round);
        c.root = keccak256(abi.encode("root", node, round));
        c.manifest = keccak256(abi.encode("manifest", node, round));
        c.units = UNITS_PER_ROUND;
        c.time = uint40(block.timestamp);
    }

    function commit(address node, uint256 round, uint256 sequence) internal returns (Commitment memory c) {
        openRound(round);
        c = commitmentOf(node, round, sequence);
        bytes32 beacon = hub.beaconOf(task, c.round);
        vm.prank(node);
        hub.commit(task, beacon, c.sequence, c.round, c.root, c.manifest, c.units);
    }

    function signed(uint256 i, Commitment memory c) internal view returns (SignedCommit memory) {
        bytes32 beacon = hub.beaconOf(task, c.round);
        bytes32 digest = hub.commitDigest(task, beacon, c.sequence, c.round, c.root, c.manifest, c.units);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(keyAt(i), digest);
        return SignedCommit(nodeAt(i), c.root, c.manifest, c.units, abi.encodePacked(r, s, v));
    }

    function claim(address node, Commitment[] memory batch) internal {
        hub.claim(params(), node, batch);
    }

    /// @notice Accuses before the judge that stays silent.
    function challenge(address node, Commitment memory c) internal returns (Challenge memory opened) {
        TaskParams memory p = params();
        bytes memory evidence = abi.encode(keccak256("evidence"), c.sequence);
        vm.prank(challenger);
        hub.challenge(p, node, c, address(judge), evidence);
        return Challenge({
            task: task,
            node: node,
            sequence: c.sequence,
            judge: address(judge),
            challenger: challenger,
            token: p.token,
            stake: p.stake,
            bond: p.bond,
            deadline: uint40(block.timestamp + p.disputeSeconds),
            evidenceHash: keccak256(evidence)
        });
    }
}
