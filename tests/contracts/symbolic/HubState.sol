// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Assertions} from "../utils/Assertions.sol";
import {Hub} from "contracts/Hub.sol";
import {Slots} from "contracts/libraries/Slots.sol";
import {TestToken} from "contracts/periphery/TestToken.sol";
import {ChallengeStatus} from "contracts/types/Challenge.sol";
import {MemberStatus, Work} from "contracts/types/Membership.sol";
import {Task, TaskParams} from "contracts/types/Task.sol";

/// @title The hub, put into any state
contract HubState is Hub {
    function setTask(bytes32 task, uint256 word) external {
        _tasks[task] = word;
    }

    function setBeacon(bytes32 task, uint256 round, bytes32 beacon) external {
        _beacons[task][round] = beacon;
    }

    function setWork(bytes32 task, address node, uint256 word) external {
        _works[_key(task, node)] = word;
    }

    function setRing(bytes32 task, address node, uint256 slot, bytes32 held) external {
        _ring[_key(task, node)][slot] = held;
    }

    function setPending(uint256 challengeId) external {
        _statuses[challengeId] = uint256(ChallengeStatus.Pending);
    }

    function wordOfTask(bytes32 task) external view returns (uint256) {
        return _tasks[task];
    }

    function wordOfWork(bytes32 task, address node) external view returns (uint256) {
        return _works[_key(task, node)];
    }
}

/// @title What the proofs share: a hub, a task with any amounts, and one member of it among others
/// @dev Arguments of `check_` functions stand for every value of their type. A proof is about all of them, except those
/// that an `assume` rules out. A member's state is the word that the hub keeps of it; its owner and its payout are the
/// node.
abstract contract HubProof is Assertions {
    using Slots for Task;
    using Slots for Work;

    address internal constant CREATOR = address(0xC0FFEE);
    address internal constant NODE = address(0xA11CE);
    address internal constant JUDGE = address(0x70D6E);
    address internal constant CHALLENGER = address(0xC4A11);
    address internal constant BURN = 0x000000000000000000000000000000000000dEaD;
    uint256 internal constant RING = 64;
    uint256 internal constant RATE = 3;
    uint32 internal constant WINDOW = 7200;

    HubState internal hub;
    TestToken internal token;
    bytes32 internal task;

    function setUp() public {
        hub = new HubState();
        token = new TestToken();
        task = hub.taskIdOf(params());
    }

    /// @dev Ten rounds of a day.
    function params() internal view returns (TaskParams memory p) {
        p.creator = CREATOR;
        p.token = address(token);
        p.start = 1000;
        p.roundSeconds = 86_400;
        p.rounds = 10;
        p.rate = uint96(RATE);
        p.stake = 100;
        p.bond = 10;
        p.challengeWindow = WINDOW;
        p.disputeSeconds = 7200;
        p.exitMargin = 3600;
    }

    function setTask(uint256 units, uint256 reserved) internal {
        Task memory stored;
        (stored.units, stored.reserved) = (units, reserved);
        (stored.start, stored.roundSeconds, stored.rounds) = (1000, 86_400, 10);
        (stored.commitSeconds, stored.unitsPerRound) = (86_400, 1000);
        hub.setTask(task, stored.toWord());
    }

    /// @dev Puts the member into the state `word`.
    function setWork(uint256 word) internal returns (Work memory work) {
        work.read(word);
        vm.assume(work.apart == 0);
        hub.setWork(task, NODE, word);
    }

    function assumeStatus(Work memory work, MemberStatus status) internal pure {
        vm.assume(work.status == uint256(status));
    }

    /// @dev Active or exiting, without a path for each.
    function assumeStaked(Work memory work) internal pure {
        unchecked {
            vm.assume(work.status - uint256(MemberStatus.Active) < 2);
        }
    }

    /// @dev Marks are those of unpaid commitments. The proofs keep it true.
    function isReachable(Work memory work) internal pure returns (bool) {
        return marksFit(work) && work.unpaid <= RING && work.unpaid <= work.next;
    }

    function marksFit(Work memory work) internal pure returns (bool) {
        return (work.challenged | work.voided) & ~unpaidBits(work) == 0;
    }

    /// @dev One after the other: `&&` would double the paths.
    function assumeReachable(Work memory work) internal pure {
        vm.assume(work.unpaid <= RING);
        vm.assume(work.unpaid <= work.next);
        vm.assume(marksFit(work));
    }

    /// @dev Bit `sequence % 64` of every unpaid sequence.
    function unpaidBits(Work memory work) internal pure returns (uint256) {
        unchecked {
            uint256 ones = (uint256(1) << work.unpaid) - 1;
            uint256 turned = ones << ((work.next - work.unpaid) % RING);
            return uint64(turned | (turned >> RING));
        }
    }

    function workNow() internal view returns (Work memory work) {
        work.read(hub.wordOfWork(task, NODE));
    }

    function taskNow() internal view returns (Task memory stored) {
        stored.read(hub.wordOfTask(task));
    }

    function must(bool condition) internal pure {
        assert(condition);
    }
}
