// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {HubProof} from "./HubState.sol";
import {Commitment, MemberStatus, Work} from "contracts/types/Membership.sol";
import {Task} from "contracts/types/Task.sol";

/// @title Reserved units never exceed the bounty's, whichever call comes next
/// @dev The step of an induction: from any state in which a member's reserve and the others' make up the task's, and the
/// task's fits its units, every call that moves units leads to such a state, and leaves the others' part alone. The
/// verdict is in `SlashProof`.
contract QuotaProof is HubProof {
    /// @dev `others` of the reserve belong to other members, the rest to the node.
    function assumeBooks(uint40 units, uint40 others, uint256 reserve) internal {
        uint256 reserved = others + reserve;
        vm.assume(reserved <= units);
        setTask(units, reserved);
    }

    function assertBooks(uint40 others) internal view {
        Task memory stored = taskNow();
        must(stored.reserved <= stored.units);
        must(stored.reserved == others + workNow().unitsReserved);
    }

    function check_Joining(uint40 units, uint40 others, uint32 quota) external {
        assumeBooks(units, others, 0);
        token.mint(NODE, 100);
        vm.prank(NODE);
        token.approve(address(hub), 100);
        vm.prank(NODE);
        hub.join(params(), NODE, NODE, quota, "");
        assertBooks(others);
        must(workNow().unitsReserved == quota && taskNow().units == units);
    }

    function check_ToppingUp(uint40 units, uint40 others, uint256 word, uint40 added) external {
        assumeBooks(units, others, setWork(word).unitsReserved);
        token.mint(CREATOR, type(uint64).max);
        vm.prank(CREATOR);
        token.approve(address(hub), type(uint64).max);
        vm.prank(CREATOR);
        hub.topUp(params(), added);
        assertBooks(others);
        must(taskNow().units == uint256(units) + added);
    }

    function check_Refunding(uint40 units, uint40 others, uint256 word, uint40 time) external {
        vm.warp(time);
        Work memory work = setWork(word);
        assumeBooks(units, others, work.unitsReserved);
        vm.prank(CREATOR);
        hub.refund(params());
        assertBooks(others);
        // What leaves is exactly what nobody had reserved, and it is the creator's.
        uint256 left = uint256(units) - others - work.unitsReserved;
        must(hub.credit(address(token), CREATOR) == left * RATE);
        must(taskNow().units == units - left);
    }

    function check_Leaving(uint40 units, uint40 others, uint256 word, uint40 time) external {
        vm.warp(time);
        Work memory work = setWork(word);
        assumeStaked(work);
        assumeReachable(work);
        assumeBooks(units, others, work.unitsReserved);
        hub.exit(params(), NODE);
        assertBooks(others);
        must(taskNow().units == units);
        must(workNow().unitsReserved == 0 && workNow().status == uint256(MemberStatus.Exited));
    }

    function check_Claiming(uint40 units, uint40 others, uint256 word, uint40 time, Commitment memory c)
        external
    {
        vm.warp(time);
        Work memory work = setWork(word);
        assumeStaked(work);
        assumeReachable(work);
        // What commit keeps true: the ring holds what was committed, and its unpaid units are part of the reserve.
        vm.assume(c.sequence < work.next);
        vm.assume(c.units <= work.unitsReserved);
        assumeBooks(units, others, work.unitsReserved);
        hub.setRing(task, NODE, c.sequence % RING, keccak256(abi.encode(c)));
        Commitment[] memory batch = new Commitment[](1);
        batch[0] = c;
        hub.claim(params(), NODE, batch);
        assertBooks(others);
        must(isReachable(workNow()));
        // The pay left the bounty and the member's reserve together.
        uint256 paid = units - taskNow().units;
        must(hub.credit(address(token), NODE) == paid * RATE);
        must(paid == 0 || paid == c.units);
    }
}
