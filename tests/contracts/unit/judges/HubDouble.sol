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
    IJudge.Verdict public answer;

    mapping(uint32 version => Checkpoint) private _checkpoints;
    mapping(address node => MemberStatus) private _statuses;
    mapping(uint256 challengeId => ChallengeStatus) public challengeStatus;
    mapping(address token => mapping(address account => uint256)) public credit;
    mapping(address node => mapping(uint256 slot => bytes32)) private _ring;

    /// @dev A test names its challenges itself: the evidence hash is the id.
    function ask(
        IJudge judge,
        Challenge calldata challenge,
        TaskParams calldata p,
        Commitment calldata c,
        bytes calldata evidence
    ) external returns (IJudge.Verdict first) {
        uint256 id = challengeIdOf(challenge);
        first = judge.open(id, challenge, p, c, evidence);
        challengeStatus[id] = ChallengeStatus.Pending;
    }

    function verdict(Challenge calldata challenge, IJudge.Verdict answer_) external {
        uint256 id = challengeIdOf(challenge);
        require(msg.sender == challenge.judge, "not the judge");
        require(challengeStatus[id] == ChallengeStatus.Pending, "not pending");
        require(block.timestamp < challenge.deadline, "late");
        answer = answer_;
        if (answer == IJudge.Verdict.Guilty) challengeStatus[id] = ChallengeStatus.Guilty;
        else if (answer == IJudge.Verdict.NotGuilty) challengeStatus[id] = ChallengeStatus.NotGuilty;
        else if (answer == IJudge.Verdict.Dismissed) challengeStatus[id] = ChallengeStatus.Dismissed;
        else revert("no verdict");
        ++verdicts;
    }

    function post(uint32 version, bytes32 digest, address poster, uint40 time) external {
        _checkpoints[version] = Checkpoint(digest, poster, time, 0);
    }

    function setBeacon(bytes32 beacon_) external {
        beacon = beacon_;
    }

    /// @dev As if `node` had committed to `c`.
    function hold(address node, Commitment calldata c) external {
        _ring[node][c.sequence % 64] = keccak256(abi.encode(c));
    }

    function setMemberStatus(address node, MemberStatus status) external {
        _statuses[node] = status;
    }

    function setChallengeStatus(uint256 challengeId, ChallengeStatus status) external {
        challengeStatus[challengeId] = status;
    }

    function setCredit(address token, address account, uint256 amount) external {
        credit[token][account] = amount;
    }

    function beaconOf(bytes32, uint32) external view returns (bytes32) {
        return beacon;
    }

    function checkpointOf(bytes32, uint32 version) external view returns (Checkpoint memory) {
        return _checkpoints[version];
    }

    function commitmentHash(bytes32, address node, uint256 slot) external view returns (bytes32) {
        return _ring[node][slot];
    }

    function memberOf(bytes32, address node) external view returns (Member memory member) {
        member.status = _statuses[node];
    }

    function challengeIdOf(Challenge calldata challenge) public pure returns (uint256) {
        return uint256(challenge.evidenceHash);
    }

    function taskIdOf(TaskParams calldata p) public view returns (bytes32) {
        return keccak256(abi.encode(block.chainid, address(this), p));
    }
}
