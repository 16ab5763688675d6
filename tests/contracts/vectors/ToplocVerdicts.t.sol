// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ReadableToplocVerdict} from "../utils/ReadableToplocVerdict.sol";
import {IToplocCourt, PackedToplocCourt, PlainToplocCourt} from "../utils/ToplocCourts.sol";
import {VectorTest} from "./VectorTest.sol";
import {ToplocSupport} from "contracts/libraries/ToplocSupport.sol";
import {ToplocCase, ToplocReason, ToplocThresholds} from "contracts/types/Toploc.sol";

/// @dev Python, the library and its readable twin must come to one verdict.
contract ToplocVerdictVectorsTest is VectorTest {
    /// @dev An entry of `.cases`.
    struct Case {
        string name;
        uint256 topk;
        uint256 elements;
        bytes proof;
        bytes support;
        uint32[] thresholds;
        bytes32 seed;
        string reason;
        string off_support_reason;
    }

    string internal constant CASE =
        "Case(string name,uint256 topk,uint256 elements,bytes proof,bytes support,uint32[] thresholds,bytes32 seed,string reason,string off_support_reason)";

    function test_TheLibraryAgreesWithPython() external {
        checkAll(new PackedToplocCourt());
    }

    function test_TheReadableTwinAgreesWithPython() external {
        checkAll(new PlainToplocCourt());
    }

    function test_AllowedLandings() external view {
        uint256[] memory allowed = json.parseJsonUintArray(read("toploc_verdict"), ".allowed_landings");
        assertEq(allowed.length, 130);
        for (uint256 keys = 0; keys < allowed.length; ++keys) {
            assertEq(ReadableToplocVerdict.allowedLandings(keys), allowed[keys]);
        }
    }

    function checkAll(IToplocCourt court) private view {
        string memory file = read("toploc_verdict");
        string[] memory outcomes = json.parseJsonStringArray(file, ".outcomes");
        assertEq(outcomes.length, uint256(type(ToplocReason).max) + 1);
        Case[] memory cases = abi.decode(json.parseJsonTypeArray(file, ".cases", CASE), (Case[]));
        assertEq(cases.length, 193);
        uint256 reached = 0;
        for (uint256 i = 0; i < cases.length; ++i) {
            reached |= check(court, cases[i], outcomes);
        }
        assertEq(reached, (1 << outcomes.length) - 1);
    }

    /// @return reached A bit for each outcome met.
    function check(IToplocCourt court, Case memory one, string[] memory outcomes)
        private
        view
        returns (uint256 reached)
    {
        ToplocCase memory c = ToplocCase(one.proof, one.support, one.topk, one.elements);
        ToplocThresholds memory thresholds =
            ToplocThresholds(one.thresholds[0], one.thresholds[1], one.thresholds[2]);
        bytes[3] memory calls = [
            abi.encodeCall(court.judge, (c, thresholds)),
            abi.encodeCall(court.offSupport, (c, one.seed)),
            abi.encodeCall(court.judgeWithOffSupport, (c, thresholds, one.seed))
        ];
        bool isAccepted = bytes(one.reason).length == 0;
        string[3] memory reasons =
            [one.reason, one.off_support_reason, isAccepted ? one.off_support_reason : one.reason];
        for (uint256 i = 0; i < calls.length; ++i) {
            (bool success, bytes memory result) = address(court).staticcall(calls[i]);
            if (equal(reasons[i], "toploc-support")) {
                assertTrue(!success && namesTheSupport(bytes4(result)), one.name);
            } else {
                assertTrue(success, one.name);
                uint256 outcome = uint256(abi.decode(result, (ToplocReason)));
                assertTrue(
                    equal(outcomes[outcome], reasons[i]), string.concat(one.name, ": ", outcomes[outcome])
                );
                reached |= 1 << outcome;
            }
        }
    }

    function namesTheSupport(bytes4 selector) private pure returns (bool) {
        return selector == ToplocSupport.ToplocSupport_NotCanonical.selector
            || selector == ToplocSupport.ToplocSupport_Length.selector;
    }

    function equal(string memory a, string memory b) private pure returns (bool) {
        return keccak256(bytes(a)) == keccak256(bytes(b));
    }
}
