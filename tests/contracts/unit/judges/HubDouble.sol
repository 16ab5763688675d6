// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IJudge} from "contracts/interfaces/IJudge.sol";
import {Challenge, ChallengeStatus} from "contracts/types/Challenge.sol";
import {Checkpoint, Commitment, Member, MemberStatus} from "contracts/types/Membership.sol";
import {TaskParams} from "contracts/types/Task.sol";

/// @title The views of the hub that judges read, with whatever answers a test sets
/// @dev For corners the real hub cannot be brought into. The integration tests use the real one.
contract HubDouble {
    bytes32 public beacon = keccak256("beacon");
    uint256 public verdicts;
    bool public guilty;

    mapping(uint32 version => Checkpoint) private _checkpoints;
    mapping(address node => MemberStatus) private _statuses;
    mapping(uint256 challengeId => Challenge) private _challenges;

    function ask(
        IJudge judge,
        uint256 challengeId,
        TaskParams calldata p,
        address node,
        Commitment calldata c,
        address challenger,
        bytes calldata evidence
    ) external returns (IJudge.Verdict answer) {
        answer = judge.open(challengeId, taskIdOf(p), p, node, c, challenger, evidence);
        _challenges[challengeId].judge = address(judge);
        _challenges[challengeId].deadline = uint40(block.timestamp + p.disputeSeconds);
        _challenges[challengeId].status = ChallengeStatus.Pending;
    }

    function verdict(uint256 challengeId, bool guilty_) external {
        require(msg.sender == _challenges[challengeId].judge, "not the judge");
        require(_challenges[challengeId].status == ChallengeStatus.Pending, "not pending");
        require(block.timestamp < _challenges[challengeId].deadline, "late");
        _challenges[challengeId].status = guilty_ ? ChallengeStatus.Guilty : ChallengeStatus.NotGuilty;
        guilty = guilty_;
        ++verdicts;
    }

    function post(uint32 version, bytes32 digest, address poster, uint40 time) external {
        _checkpoints[version] = Checkpoint(digest, poster, time, 0);
    }

    function setMemberStatus(address node, MemberStatus status) external {
        _statuses[node] = status;
    }

    function setChallengeStatus(uint256 challengeId, ChallengeStatus status) external {
        _challenges[challengeId].status = status;
    }

    function beaconOf(bytes32, uint32) external view returns (bytes32) {
        return beacon;
    }

    function checkpointOf(bytes32, uint32 version) external view returns (Checkpoint memory) {
        return _checkpoints[version];
    }

    function memberOf(bytes32, address node) external view returns (Member memory member) {
        member.status = _statuses[node];
    }

    function challengeOf(uint256 challengeId) external view returns (Challenge memory) {
        return _challenges[challengeId];
    }

    function taskIdOf(TaskParams calldata p) public view returns (bytes32) {
        return keccak256(abi.encode(block.chainid, address(this), p));
    }
}
