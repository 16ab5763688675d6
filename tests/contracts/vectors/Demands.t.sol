// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {HubDouble} from "../unit/judges/HubDouble.sol";
import {VectorTest} from "./VectorTest.sol";
import {DataJudge} from "contracts/judges/DataJudge.sol";
import {Challenge, ChallengeStatus} from "contracts/types/Challenge.sol";
import {Demand} from "contracts/types/Demand.sol";
import {Commitment} from "contracts/types/Membership.sol";
import {TaskParams} from "contracts/types/Task.sol";

/// @dev What a node makes of its files must be what the judge accepts.
contract DemandVectorsTest is VectorTest {
    string private _file;
    HubDouble private _hub;
    DataJudge private _judge;

    function setUp() public {
        _file = read("demand");
        _hub = HubDouble(json.parseJsonAddress(_file, ".hub"));
        _judge = DataJudge(json.parseJsonAddress(_file, ".judge"));
        uint32 answerSeconds = uint32(json.parseJsonUint(_file, ".answer_seconds"));
        uint32 closeSeconds = uint32(json.parseJsonUint(_file, ".close_seconds"));
        vm.etch(address(_hub), address(new HubDouble()).code);
        vm.etch(address(_judge), address(new DataJudge(address(_hub), answerSeconds, closeSeconds)).code);
        vm.warp(json.parseJsonUint(_file, ".opened_at"));
        vm.fee(json.parseJsonUint(_file, ".base_fee"));
        assertEq(json.parseJsonUint(_file, ".chain_id"), block.chainid);
    }

    function test_EveryAnswerIsAccepted() external {
        (uint256 cases, uint256 byLeaf, uint256 byManifest) = answerAll(".cases", ".commitment_abi");
        assertEq(cases, 14);
        assertEq(byLeaf, 4);
        assertEq(byManifest, 3);
    }

    function test_EveryAnswerAboutAVersionIsAccepted() external {
        (uint256 cases, uint256 byLeaf, uint256 byManifest) = answerAll(".version_cases", ".version_abi");
        assertEq(cases, 4);
        assertEq(byLeaf, 0);
        assertEq(byManifest, 2);
    }

    function test_EvidenceIsThreeWords() external view {
        for (uint256 i = 0; json.keyExistsJson(_file, entry(".cases", i)); ++i) {
            uint256 kind = json.parseJsonUint(_file, keyOf(".cases", i, ".kind"));
            uint256 index = json.parseJsonUint(_file, keyOf(".cases", i, ".index"));
            uint256 chunk = json.parseJsonUint(_file, keyOf(".cases", i, ".chunk"));
            bytes memory evidence = json.parseJsonBytes(_file, keyOf(".cases", i, ".evidence"));
            assertEq(keccak256(evidence), keccak256(abi.encode(uint8(kind), uint32(index), uint32(chunk))));
        }
    }

    function answerAll(string memory list, string memory commitment)
        private
        returns (uint256 cases, uint256 byLeaf, uint256 byManifest)
    {
        Commitment memory c = abi.decode(json.parseJsonBytes(_file, commitment), (Commitment));
        for (; json.keyExistsJson(_file, entry(list, cases)); ++cases) {
            if (json.parseJsonBool(_file, keyOf(list, cases, ".by_leaf"))) ++byLeaf;
            if (json.parseJsonBool(_file, keyOf(list, cases, ".by_manifest"))) ++byManifest;
            answer(list, cases, c);
        }
    }

    /// @dev Demanded, and answered with what Python made of the files.
    function answer(string memory list, uint256 i, Commitment memory c) private {
        bytes memory evidence = json.parseJsonBytes(_file, keyOf(list, i, ".evidence"));
        bytes memory shown = json.parseJsonBytes(_file, keyOf(list, i, ".demand_abi"));
        Demand memory demand = abi.decode(shown, (Demand));
        Challenge memory challenge =
            abi.decode(json.parseJsonBytes(_file, keyOf(list, i, ".challenge_abi")), (Challenge));
        TaskParams memory p = abi.decode(json.parseJsonBytes(_file, ".params_abi"), (TaskParams));
        uint256 gas = _judge.priceInGas(p, c, evidence);
        assertEq(gas, json.parseJsonUint(_file, keyOf(list, i, ".price_in_gas")));
        assertEq(gas * block.basefee, demand.price);

        vm.deal(address(this), demand.price);
        _judge.deposit{value: demand.price}(challenge.challenger);
        _hub.ask(_judge, challenge, p, c, evidence);
        uint256 id = _hub.challengeIdOf(challenge);
        assertEq(_judge.demandHash(id), keccak256(shown));
        (bool success,) = address(_judge).call(json.parseJsonBytes(_file, keyOf(list, i, ".calldata")));
        assertTrue(success);
        assertEq(uint256(_hub.challengeStatus(id)), uint256(ChallengeStatus.Dismissed));
    }

    function keyOf(string memory list, uint256 i, string memory key) private pure returns (string memory) {
        return string.concat(entry(list, i), key);
    }
}
