// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {HubProof} from "./HubState.sol";
import {IHub} from "contracts/interfaces/IHub.sol";
import {IJudge} from "contracts/interfaces/IJudge.sol";
import {Slots} from "contracts/libraries/Slots.sol";
import {Challenge} from "contracts/types/Challenge.sol";
import {MemberStatus, Work} from "contracts/types/Membership.sol";
import {Task} from "contracts/types/Task.sol";

/// @title A guilty verdict, in any state of hub, task and member
contract SlashProof is HubProof {
    using Slots for Task;

    function pendingChallenge(uint96 stake, uint96 bond, uint32 sequence, uint40 deadline)
        internal
        view
        returns (Challenge memory)
    {
        return Challenge({
            task: task,
            node: NODE,
            sequence: sequence,
            judge: JUDGE,
            challenger: CHALLENGER,
            token: address(token),
            stake: stake,
            bond: bond,
            deadline: deadline,
            evidenceHash: 0
        });
    }

    function giveVerdict(Challenge memory pending) internal returns (bool done) {
        hub.setPending(hub.challengeIdOf(pending));
        vm.prank(JUDGE);
        (done,) = address(hub).call(abi.encodeCall(IHub.verdict, (pending, IJudge.Verdict.Guilty)));
    }

    /// @dev The parts are the whole, at least half burns, and the accuser gets at most ten bonds.
    function check_ASlashSplitsTheStake(uint96 stake, uint96 bond) external {
        // What createTask demands; without it the sum in the event would not fit.
        vm.assume(uint256(stake) + bond <= type(uint96).max);
        hub.setWork(task, NODE, uint256(MemberStatus.Active) << 248);
        must(giveVerdict(pendingChallenge(stake, bond, 0, type(uint40).max)));
        uint256 burned = hub.credit(address(token), BURN);
        uint256 rewarded = hub.credit(address(token), CHALLENGER) - bond;
        must(burned + rewarded == stake);
        must(2 * burned >= stake);
        must(rewarded <= 10 * uint256(bond));
    }

    /// @dev Whatever state the member and the task are in, reachable or not: nothing makes it revert before its deadline,
    /// the member has no reserve left, and the task no other word than that.
    function check_ASlashAlwaysGoesThrough(
        uint32 sequence,
        uint40 deadline,
        uint256 taskWord,
        uint256 workWord
    ) external {
        vm.assume(block.timestamp < deadline);
        Work memory work = setWork(workWord);
        assumeStaked(work);
        hub.setTask(task, taskWord);
        must(giveVerdict(pendingChallenge(1001, 30, sequence, deadline)));
        Work memory later = workNow();
        must(later.status == uint256(MemberStatus.Slashed) && later.unitsReserved == 0);

        Task memory stored;
        stored.read(taskWord);
        stored.reserved = stored.reserved < work.unitsReserved ? 0 : stored.reserved - work.unitsReserved;
        must(hub.wordOfTask(task) == stored.toWord());
    }
}
