// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ReadableToplocVerdict} from "./ReadableToplocVerdict.sol";
import {ToplocVerdict} from "contracts/libraries/ToplocVerdict.sol";
import {ToplocCase, ToplocReason, ToplocThresholds} from "contracts/types/Toploc.sol";

interface IToplocCourt {
    function judge(ToplocCase calldata c, ToplocThresholds calldata thresholds)
        external
        pure
        returns (ToplocReason);
    function judgeWithOffSupport(ToplocCase calldata c, ToplocThresholds calldata thresholds, bytes32 seed)
        external
        pure
        returns (ToplocReason);
    function offSupport(ToplocCase calldata c, bytes32 seed) external pure returns (ToplocReason);
}

/// @title The verdict as a contract that uses the library gives it
contract PackedToplocCourt is IToplocCourt {
    function judge(ToplocCase calldata c, ToplocThresholds calldata thresholds)
        external
        pure
        returns (ToplocReason)
    {
        return ToplocVerdict.judge(c, thresholds);
    }

    function judgeWithOffSupport(ToplocCase calldata c, ToplocThresholds calldata thresholds, bytes32 seed)
        external
        pure
        returns (ToplocReason)
    {
        return ToplocVerdict.judgeWithOffSupport(c, thresholds, seed);
    }

    function offSupport(ToplocCase calldata c, bytes32 seed) external pure returns (ToplocReason) {
        return ToplocVerdict.offSupport(c, seed);
    }
}

/// @title The same from the readable twin
contract PlainToplocCourt is IToplocCourt {
    function judge(ToplocCase calldata c, ToplocThresholds calldata thresholds)
        external
        pure
        returns (ToplocReason)
    {
        return ReadableToplocVerdict.judge(c, thresholds);
    }

    function judgeWithOffSupport(ToplocCase calldata c, ToplocThresholds calldata thresholds, bytes32 seed)
        external
        pure
        returns (ToplocReason)
    {
        return ReadableToplocVerdict.judgeWithOffSupport(c, thresholds, seed);
    }

    function offSupport(ToplocCase calldata c, bytes32 seed) external pure returns (ToplocReason) {
        return ReadableToplocVerdict.offSupport(c, seed);
    }
}
