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
        uint256 cases = 0;
        uint256 byLeaf = 0;
        for (; json.keyExistsJson(_file, entry(".cases", cases)); ++cases) {
            if (json.parseJsonBool(_file, keyOf(cases, ".by_leaf"))) ++byLeaf;
            answer(cases);
        }
        assertEq(cases, 10);
        assertEq(byLeaf, 4);
    }

    function test_EvidenceIsThreeWords() external view {
        for (uint256 i = 0; json.keyExistsJson(_file, entry(".cases", i)); ++i) {
            uint256 kind = json.parseJsonUint(_file, keyOf(i, ".kind"));
            uint256 index = json.parseJsonUint(_file, keyOf(i, ".index"));
            uint256 chunk = json.parseJsonUint(_file, keyOf(i, ".chunk"));
            bytes memory evidence = json.parseJsonBytes(_file, keyOf(i, ".evidence"));
            assertEq(keccak256(evidence), keccak256(abi.encode(uint8(kind), uint32(index), uint32(chunk))));
        }
    }

    /// @dev Demanded, and answered with what Python made of the files.
    function answer(uint256 i) private {
        bytes memory evidence = json.parseJsonBytes(_file, keyOf(i, ".evidence"));
        bytes memory shown = json.parseJsonBytes(_file, keyOf(i, ".demand_abi"));
        Demand memory demand = abi.decode(shown, (Demand));
        Challenge memory challenge =
            abi.decode(json.parseJsonBytes(_file, keyOf(i, ".challenge_abi")), (Challenge));
        TaskParams memory p = abi.decode(json.parseJsonBytes(_file, ".params_abi"), (TaskParams));
        Commitment memory c = abi.decode(json.parseJsonBytes(_file, ".commitment_abi"), (Commitment));
        uint256 gas = _judge.priceInGas(p, c, evidence);
        assertEq(gas, json.parseJsonUint(_file, keyOf(i, ".price_in_gas")));
        assertEq(gas * block.basefee, demand.price);

        vm.deal(address(this), demand.price);
        _judge.deposit{value: demand.price}(challenge.challenger);
        _hub.ask(_judge, challenge, p, c, evidence);
        uint256 id = _hub.challengeIdOf(challenge);
        assertEq(_judge.demandHash(id), keccak256(shown));
        (bool success,) = address(_judge).call(json.parseJsonBytes(_file, keyOf(i, ".calldata")));
        assertTrue(success);
        assertEq(uint256(_hub.challengeStatus(id)), uint256(ChallengeStatus.Dismissed));
    }

    function keyOf(uint256 i, string memory key) private pure returns (string memory) {
        return string.concat(entry(".cases", i), key);
    }
}
