// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {HubDouble} from "../unit/judges/HubDouble.sol";
import {VectorTest} from "./VectorTest.sol";
import {IJudge} from "contracts/interfaces/IJudge.sol";
import {IObjectiveJudge} from "contracts/interfaces/IObjectiveJudge.sol";
import {ObjectiveJudge} from "contracts/judges/ObjectiveJudge.sol";
import {SortingReward} from "contracts/judges/SortingReward.sol";
import {Challenge} from "contracts/types/Challenge.sol";
import {Commitment} from "contracts/types/Membership.sol";
import {TaskParams} from "contracts/types/Task.sol";

/// @dev Python's evidence is what the judge decodes, and convicts of what Python says it shows.
contract EvidenceVectorsTest is VectorTest {
    uint256 internal constant KINDS = 8;

    string private _file;
    HubDouble private _hub;
    ObjectiveJudge private _judge;
    Challenge private _accusation;
    mapping(string name => bytes4 selector) private _errors;

    function setUp() external {
        _file = read("evidence");
        _hub = HubDouble(json.parseJsonAddress(_file, ".hub"));
        vm.etch(address(_hub), address(new HubDouble()).code);
        _hub.setBeacon(json.parseJsonBytes32(_file, ".beacon"));
        _judge = new ObjectiveJudge(address(_hub));
        _accusation.task = json.parseJsonBytes32(_file, ".task");
        _accusation.node = json.parseJsonAddress(_file, ".node");
        vm.etch(params().rewardRule.code, address(new SortingReward()).code);
        _errors["LeafNotProven"] = IObjectiveJudge.ObjectiveJudge_LeafNotProven.selector;
        _errors["ChunkNotProven"] = IObjectiveJudge.ObjectiveJudge_ChunkNotProven.selector;
        _errors["TokensNotProven"] = IObjectiveJudge.ObjectiveJudge_TokensNotProven.selector;
        _errors["CommitmentUnknown"] = IObjectiveJudge.ObjectiveJudge_CommitmentUnknown.selector;
    }

    function test_Evidence() external {
        assertEq(json.parseJsonUint(_file, ".chain_id"), block.chainid);
        uint256 start = vm.snapshotState();
        uint256 convicting = 0;
        for (uint256 i = 0; json.keyExistsJson(_file, entry(".cases", i)); ++i) {
            if (judges(entry(".cases", i))) {
                convicting |= 1 << json.parseJsonUint(_file, string.concat(entry(".cases", i), ".kind"));
            }
            vm.revertToState(start);
        }
        // Every kind has a case that convicts.
        assertEq(convicting, (1 << (KINDS + 1)) - 2);
    }

    /// @dev Asserts what the case says; whether that is guilt.
    function judges(string memory key) private returns (bool) {
        uint256[] memory held = json.parseJsonUintArray(_file, string.concat(key, ".held"));
        for (uint256 i = 0; i < held.length; ++i) {
            _hub.hold(_accusation.node, commitmentAt(held[i]));
        }
        Commitment memory c = commitmentAt(json.parseJsonUint(_file, string.concat(key, ".commitment")));
        bytes memory evidence = json.parseJsonBytes(_file, string.concat(key, ".evidence"));
        bytes32 verdict = keccak256(bytes(json.parseJsonString(_file, string.concat(key, ".verdict"))));
        try _judge.examine(0, _accusation, params(), c, evidence) returns (IJudge.Verdict answer) {
            bool guilty = answer == IJudge.Verdict.Guilty;
            assertEq(verdict, keccak256(bytes(guilty ? "guilty" : "not guilty")));
            return guilty;
        } catch (bytes memory reason) {
            assertEq(verdict, keccak256("refused"));
            bytes4 expected = _errors[json.parseJsonString(_file, string.concat(key, ".refused"))];
            assertTrue(expected != 0 && bytes4(reason) == expected);
            return false;
        }
    }

    /// @dev Python knows no bytecode: the rule at the vectors' address is the shipped one, and the hash follows.
    function params() private view returns (TaskParams memory p) {
        p = abi.decode(json.parseJsonBytes(_file, ".params_abi"), (TaskParams));
        p.rewardRule.codeHash = p.rewardRule.code.codehash;
    }

    function commitmentAt(uint256 index) private view returns (Commitment memory) {
        string memory key = entry(".commitments", index);
        return Commitment({
            sequence: uint32(json.parseJsonUint(_file, string.concat(key, ".sequence"))),
            round: uint32(json.parseJsonUint(_file, string.concat(key, ".round"))),
            root: json.parseJsonBytes32(_file, string.concat(key, ".root")),
            manifest: json.parseJsonBytes32(_file, string.concat(key, ".manifest")),
            units: uint32(json.parseJsonUint(_file, string.concat(key, ".units"))),
            time: uint40(json.parseJsonUint(_file, string.concat(key, ".time")))
        });
    }
}
