// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";

import {IPlanner, Reentry} from "./Reentry.sol";
import {IJudge} from "contracts/interfaces/IJudge.sol";

/// @notice What a judge does when a challenge is opened. Reenters: calls the hub, then answers.
enum Manner {
    Answers,
    Reenters,
    AnswersGarbage,
    AnswersNothing,
    Reverts
}

/// @title A judge that does to the hub whatever a judge can do, and is itself a member of the task
contract HostileJudge is IERC1271, Reentry {
    error HostileJudge_Refuses();

    Manner public manner;
    IJudge.Verdict public answer;
    bytes32 public approved;

    constructor(IPlanner planner_) Reentry(planner_) {}

    function script(Manner manner_, IJudge.Verdict answer_) external {
        manner = manner_;
        answer = answer_;
    }

    function approve(bytes32 digest) external {
        approved = digest;
    }

    function isValidSignature(bytes32 digest, bytes calldata) external view returns (bytes4) {
        return digest == approved ? IERC1271.isValidSignature.selector : bytes4(0);
    }

    /// @dev `IJudge.open` and everything else.
    fallback(bytes calldata) external returns (bytes memory) {
        if (manner == Manner.Reverts) revert HostileJudge_Refuses();
        if (manner == Manner.AnswersNothing) return "";
        if (manner == Manner.AnswersGarbage) return abi.encode(type(uint256).max);
        if (manner == Manner.Reenters) _reenter(msg.sender);
        return abi.encode(answer);
    }
}
