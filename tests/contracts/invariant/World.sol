// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ScriptedJudge} from "../mocks/ScriptedJudge.sol";
import {Assertions} from "../utils/Assertions.sol";
import {HostileJudge} from "./HostileJudge.sol";
import {HostileToken, Vice} from "./HostileToken.sol";
import {Book, Case, Entry, Seat, Site} from "./Model.sol";
import {IPlanner} from "./Reentry.sol";
import {Hub} from "contracts/Hub.sol";
import {IHub} from "contracts/interfaces/IHub.sol";
import {MemberStatus} from "contracts/types/Membership.sol";
import {Pinned, TaskParams} from "contracts/types/Task.sol";

/// @title The world in which the steps are taken, and the model that says what each step should do
/// @dev Two tasks share a plain token; each further one has a token with one vice. Every task has a fair judge and a
/// hostile one. A run looks at three tasks: the two plain ones and one other.
/// The model keeps plain lists where the hub keeps hashes, rings and bit maps.
abstract contract World is Assertions, IPlanner {
    uint256 internal constant TASKS = 10;
    uint256 internal constant NODES = 3;
    uint256 internal constant RING = 64;
    uint256 internal constant OWNER_KEY = 0x0117E2;
    uint256 internal constant CHALLENGER_KEY = 0xC4A11;
    address internal constant CREATOR = address(0xC0FFEE);
    address internal constant PAYOUT = address(0x9A9);
    address internal constant STRANGER = address(0x57A4);
    address internal constant BURN = 0x000000000000000000000000000000000000dEaD;
    uint40 internal constant NOW = 1_000_000;
    uint40 internal constant START = NOW + 100;
    uint40 internal constant UNITS = 1000;
    uint96 internal constant STAKE = 1001;
    uint32 internal constant WINDOW = 350;

    Hub internal hub;
    ScriptedJudge internal fair;
    address internal OWNER;
    address internal CHALLENGER;
    uint256 internal clock = NOW;
    /// @dev The third task of this run; zero until the first step.
    uint256 internal third;
    /// @dev Source of this step's draws.
    uint256 private _random;
    uint256 private _steps;

    mapping(uint256 i => Site) internal sites;
    mapping(uint256 i => mapping(uint256 j => Seat)) internal seats;
    mapping(uint256 i => mapping(uint256 j => Entry[])) internal history;
    mapping(uint256 i => mapping(uint256 version => address)) internal posters;
    mapping(uint256 i => mapping(address account => uint256)) internal creditOf;
    /// @dev By token; the two plain tasks keep one book, at 0.
    mapping(uint256 i => Book) internal books;
    Case[] internal cases;
    /// @dev How often each thing really happened.
    mapping(string what => uint256) public taken;

    /// @dev Every step draws its choices from `seed`, goes on from the last step's time, and leaves a solvent hub.
    modifier step(uint256 seed) {
        vm.warp(clock);
        _random = uint256(keccak256(abi.encode(seed, ++_steps)));
        if (third == 0) third = 2 + draw(TASKS - 2);
        _;
        clock = block.timestamp;
        checkSolvency(0);
        checkSolvency(third);
    }

    // Set-up

    function setUpWorld() internal {
        vm.warp(NOW);
        vm.roll(1000);
        hub = new Hub();
        fair = new ScriptedJudge();
        OWNER = vm.addr(OWNER_KEY);
        CHALLENGER = vm.addr(CHALLENGER_KEY);
        for (uint256 i = 0; i < TASKS; ++i) {
            sites[i].token = i == 1 ? sites[0].token : new HostileToken(Vice(i < 2 ? 0 : i - 1), this);
            sites[i].judge = new HostileJudge(this);
            for (uint256 j = 0; j < NODES; ++j) {
                seats[i][j].key = j == 1 ? 0 : 0x1000 + i * NODES + j;
                seats[i][j].node = j == 1 ? address(sites[i].judge) : vm.addr(seats[i][j].key);
                allow(i, seats[i][j].node);
            }
            allow(i, CREATOR);
            allow(i, STRANGER);
            allow(i, OWNER);
            allow(i, CHALLENGER);
            createTask(i);
        }
    }

    function createTask(uint256 i) private {
        TaskParams memory p = paramsOf(i);
        sites[i].token.mint(CREATOR, uint256(UNITS) * p.rate);
        vm.prank(CREATOR);
        sites[i].id = hub.createTask(p, UNITS);
        sites[i].units = UNITS;
        bookOf(i).bounties += uint256(UNITS) * p.rate;
    }

    function allow(uint256 i, address account) private {
        vm.prank(account);
        sites[i].token.approve(address(hub), type(uint256).max);
    }

    // The tasks

    /// @dev Task 1 has short rounds, so that its members fill the ring, disputes shorter than its window, and a tenth of
    /// a bond that is above half the stake.
    function paramsOf(uint256 i) internal view returns (TaskParams memory p) {
        p.creator = CREATOR;
        p.token = address(sites[i].token);
        p.specDigest = bytes32(i + 1);
        p.start = START;
        p.roundSeconds = i == 1 ? 20 : 100;
        p.commitSeconds = i == 1 ? 20 : 40;
        p.rounds = i == 1 ? 150 : 20;
        p.problemsPerRound = 4;
        p.groupSize = 2;
        p.problemCount = 100;
        p.chunkTokens = 4;
        p.topk = 2;
        p.maxTokens = 9;
        p.rate = i == 1 ? 7 : 10;
        p.stake = STAKE;
        p.bond = i == 1 ? 77 : 30;
        p.challengeWindow = WINDOW;
        p.disputeSeconds = i == 1 ? 60 : 300;
        p.exitMargin = 50;
        p.judges[0] = Pinned(address(fair), address(fair).codehash);
        p.judges[1] = Pinned(address(sites[i].judge), address(sites[i].judge).codehash);
    }

    function endOf(TaskParams memory p) internal pure returns (uint256) {
        return p.start + uint256(p.rounds) * p.roundSeconds;
    }

    function settling(TaskParams memory p) internal pure returns (uint256) {
        return uint256(p.challengeWindow) + p.disputeSeconds + p.exitMargin;
    }

    function roundStart(TaskParams memory p, uint256 round) internal pure returns (uint256) {
        return p.start + round * p.roundSeconds;
    }

    function isStaked(uint256 i, uint256 j) internal view returns (bool) {
        MemberStatus status = seats[i][j].status;
        return status == MemberStatus.Active || status == MemberStatus.Exiting;
    }

    function bookOf(uint256 i) internal view returns (Book storage) {
        return books[i == 1 ? 0 : i];
    }

    function credited(uint256 i, address account) internal view returns (uint256) {
        return creditOf[i == 1 ? 0 : i][account];
    }

    function addCredit(uint256 i, address account, uint256 amount) internal {
        creditOf[i == 1 ? 0 : i][account] += amount;
        bookOf(i).credits += amount;
    }

    /// @dev Everyone who can have credit in the token of task `i`, some twice.
    function accountsOf(uint256 i) internal view returns (address[] memory all) {
        all = new address[](6 + 2 * NODES);
        (all[0], all[1], all[2]) = (CREATOR, CHALLENGER, BURN);
        (all[3], all[4], all[5]) = (OWNER, PAYOUT, STRANGER);
        for (uint256 j = 0; j < NODES; ++j) {
            all[6 + j] = seats[i][j].node;
            all[6 + NODES + j] = seats[i == 0 ? 1 : i == 1 ? 0 : i][j].node;
        }
    }

    // Steps

    /// @dev A number below `many`.
    function draw(uint256 many) internal returns (uint256) {
        _random = uint256(keccak256(abi.encode(_random)));
        return _random % many;
    }

    function drawTask() internal returns (uint256 i) {
        i = draw(5);
        return i < 2 ? 0 : i == 2 ? 1 : third;
    }

    /// @dev A seat of task `i`, mostly one that is staked, or that is free, if there is one.
    function drawSeat(uint256 i, bool staked) internal returns (uint256 j) {
        j = draw(NODES);
        if (draw(8) == 0) return j;
        for (uint256 k = 0; k < NODES; ++k) {
            uint256 other = (j + k) % NODES;
            if (staked ? isStaked(i, other) : seats[i][other].status == MemberStatus.None) return other;
        }
    }

    /// @dev Calls the hub and compares what happens with what the model said. A refusal has a name.
    function attempt(address from, bytes memory data, bool predicted, string memory what) internal {
        bytes memory result = attemptUnnamed(from, data, predicted, what);
        assertTrue(predicted || result.length >= 4, string.concat(what, " has no name"));
    }

    function attemptUnnamed(address from, bytes memory data, bool predicted, string memory what)
        internal
        returns (bytes memory result)
    {
        bool succeeded;
        vm.prank(from);
        (succeeded, result) = address(hub).call(data);
        if (succeeded != predicted) {
            revert AssertionFailed(string.concat(what, predicted ? " was refused" : " went through"));
        }
        count(what, succeeded);
    }

    function count(string memory what, bool succeeded) internal {
        ++taken[succeeded ? what : string.concat(what, " refused")];
    }

    function permitCall(uint256 i, uint256 key, uint256 amount) internal view returns (bytes memory) {
        HostileToken token = sites[i].token;
        bytes32 typehash =
            keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)");
        address owner = vm.addr(key);
        bytes32 inner = keccak256(
            abi.encode(typehash, owner, address(hub), amount, token.nonces(owner), block.timestamp)
        );
        bytes32 digest = keccak256(abi.encodePacked(hex"1901", token.DOMAIN_SEPARATOR(), inner));
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return abi.encodeCall(IHub.permit, (address(token), amount, block.timestamp, v, r, s));
    }

    function signed(uint256 key, bytes32 digest) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return abi.encodePacked(r, s, v);
    }

    /// @dev INVARIANT 1: the hub holds what it owes, to the unit, and what came or went without it.
    function checkSolvency(uint256 i) internal view {
        Book storage book = bookOf(i);
        uint256 owed = book.bounties + book.stakes + book.bonds + book.credits;
        uint256 held = sites[i].token.balanceOf(address(hub));
        assertEq(held + book.lost, owed + book.donated, "solvency");
    }
}
