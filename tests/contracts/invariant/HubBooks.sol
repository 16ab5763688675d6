// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Base} from "../Base.t.sol";
import {Hub} from "contracts/Hub.sol";
import {IJudge} from "contracts/interfaces/IJudge.sol";
import {TestToken} from "contracts/periphery/TestToken.sol";
import {Challenge, ChallengeStatus} from "contracts/types/Challenge.sol";
import {Commitment, Member, MemberStatus} from "contracts/types/Membership.sol";
import {TaskParams} from "contracts/types/Task.sol";

/// @title Two tasks that pay in one token, and what their hub should owe, counted from outside
abstract contract HubBooks is Base {
    uint256 public constant TASKS = 2;
    uint256 public constant NODES = 3;

    /// @dev What the hub should owe, and should have done, counted from outside.
    uint256 public bounties;
    uint256 public stakes;
    uint256 public bonds;
    uint256 public credits;
    uint256 public donated;
    uint256 public slashed;
    uint256 public burned;
    uint256 public rewarded;
    uint256 public withdrawn;
    /// @dev How often each step really happened.
    mapping(string step => uint256) public taken;

    uint256 internal clock = NOW;
    mapping(uint256 i => bytes32) public taskAt;
    mapping(uint256 i => mapping(uint256 j => address)) public nodeOf;
    mapping(uint256 i => mapping(uint256 j => Commitment[])) internal history;
    mapping(uint256 i => mapping(uint256 j => uint256)) public stakeOf;
    mapping(uint256 i => mapping(uint256 j => uint256)) public paidUnits;
    mapping(uint256 i => mapping(uint256 j => uint256)) public passedUnits;
    uint256[] internal pending;
    uint256[] internal ended;
    mapping(uint256 id => ChallengeStatus) internal outcome;

    function begin() external {
        setUp();
        fund(STRANGER, type(uint96).max);
        for (uint256 k = 0; k < TASKS * NODES; ++k) {
            nodeOf[k / NODES][k % NODES] = vm.addr(keyOf(k / NODES, k % NODES));
        }
        for (uint256 i = 0; i < TASKS; ++i) {
            TaskParams memory p = paramsOf(i);
            uint256 bounty = uint256(UNITS) * p.rate;
            fund(CREATOR, bounty);
            vm.prank(CREATOR);
            taskAt[i] = hub.createTask(p, UNITS);
            bounties += bounty;
        }
    }

    // The world

    function theHub() external view returns (Hub) {
        return hub;
    }

    function theToken() external view returns (TestToken) {
        return token;
    }

    /// @dev Task 1 has disputes shorter than its window, ten bonds above half the stake and another rate.
    function paramsOf(uint256 i) public view returns (TaskParams memory p) {
        p = params();
        if (i == 0) return p;
        p.disputeSeconds = 60;
        p.bond = 77;
        p.rate = 7;
    }

    function keyOf(uint256 i, uint256 j) public pure returns (uint256) {
        return 0x1000 + i * NODES + j;
    }

    function memberAt(uint256 i, uint256 j) public view returns (Member memory) {
        return hub.memberOf(taskAt[i], nodeOf[i][j]);
    }

    function isStaked(uint256 i, uint256 j) public view returns (bool) {
        MemberStatus status = memberAt(i, j).status;
        return status == MemberStatus.Active || status == MemberStatus.Exiting;
    }

    function now_() external view returns (uint256) {
        return clock;
    }

    function pendingCount() external view returns (uint256) {
        return pending.length;
    }

    function pendingAt(uint256 k) external view returns (Challenge memory) {
        return shown[pending[k]];
    }

    function endedCount() external view returns (uint256) {
        return ended.length;
    }

    function endedAt(uint256 k) external view returns (uint256 id, ChallengeStatus status) {
        return (ended[k], outcome[ended[k]]);
    }

    function commitments(uint256 i, uint256 j) external view returns (uint256) {
        return history[i][j].length;
    }

    function accounts() public view returns (address[] memory all) {
        all = new address[](3 + TASKS * NODES);
        (all[0], all[1], all[2]) = (CREATOR, CHALLENGER, BURN);
        for (uint256 k = 0; k < TASKS * NODES; ++k) {
            all[3 + k] = nodeOf[k / NODES][k % NODES];
        }
    }

    // Bookings

    /// @dev The bond, and a stake that is lost, become credit.
    function _countVerdict(uint256 i, uint256 j, uint256 bond, IJudge.Verdict said) internal {
        bonds -= bond;
        credits += bond;
        if (said != IJudge.Verdict.Guilty) return;
        // INVARIANT 5: a proof inside the window ends in a slash, whatever happened before.
        assertEq(uint256(memberAt(i, j).status), uint256(MemberStatus.Slashed), "proven but not slashed");
        uint256 stake = stakeOf[i][j];
        uint256 reward = 10 * bond < stake / 2 ? 10 * bond : stake / 2;
        stakeOf[i][j] = 0;
        stakes -= stake;
        credits += stake;
        slashed += stake;
        rewarded += reward;
        burned += stake - reward;
    }

    function _end(uint256 id, ChallengeStatus status) internal {
        ended.push(id);
        outcome[id] = status;
    }

    function _siteOf(Challenge memory c) internal view returns (uint256 i, uint256 j) {
        i = c.task == taskAt[0] ? 0 : 1;
        while (nodeOf[i][j] != c.node) ++j;
    }

    function _forget(uint256 k) internal {
        pending[k] = pending[pending.length - 1];
        pending.pop();
    }
}
