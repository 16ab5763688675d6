// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IHub} from "contracts/interfaces/IHub.sol";
import {IJudge} from "contracts/interfaces/IJudge.sol";
import {Challenge} from "contracts/types/Challenge.sol";
import {Commitment} from "contracts/types/Membership.sol";
import {TaskParams} from "contracts/types/Task.sol";

/// @title A judge that answers what a test tells it to, and may try to misuse the hub meanwhile
contract ScriptedJudge is IJudge {
    Verdict public answer;
    bytes32 public heard;
    bytes public misuse;
    bool public misused;
    bytes public misuseResult;

    /// @notice The next answers of `open`.
    function script(Verdict answer_) external {
        answer = answer_;
    }

    /// @notice Call the hub with `data` while `open` runs.
    function scriptMisuse(bytes calldata data) external {
        misuse = data;
    }

    /// @inheritdoc IJudge
    function open(
        uint256 challengeId,
        Challenge calldata challenge,
        TaskParams calldata p,
        Commitment calldata c,
        bytes calldata evidence
    ) external returns (Verdict) {
        heard = keccak256(abi.encode(challengeId, challenge, p, c, evidence));
        if (misuse.length != 0) (misused, misuseResult) = msg.sender.call(misuse);
        return answer;
    }

    function decide(IHub hub, Challenge calldata pending, Verdict verdict) external {
        hub.verdict(pending, verdict);
    }
}

/// @title A judge that breaks
contract BrokenJudge {
    error BrokenJudge_Broken();

    fallback(bytes calldata data) external returns (bytes memory) {
        // The last byte of the evidence says how: an answer that is none, none at all, or a revert.
        uint8 how = uint8(data[data.length - 32]);
        if (how == 0) return abi.encode(uint256(4));
        if (how == 1) return "";
        revert BrokenJudge_Broken();
    }
}
