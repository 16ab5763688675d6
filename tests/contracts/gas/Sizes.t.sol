// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Assertions} from "../utils/Assertions.sol";

/// @title Deployed sizes in bytes; a chain takes at most 24,576 (EIP-170)
contract SizesTest is Assertions {
    function test_sizes() public {
        string[8] memory names = [
            "Hub",
            "ObjectiveJudge",
            "JuryJudge",
            "CanonicalJudge",
            "CanonicalSteps",
            "AggregateJudge",
            "AttentionJudge",
            "SortingReward"
        ];
        for (uint256 i = 0; i < names.length; ++i) {
            bytes memory code = vm.getDeployedCode(string.concat(names[i], ".sol:", names[i]));
            vm.snapshotValue("Sizes", names[i], code.length);
            assertLe(code.length, 24_576, names[i]);
        }
    }
}
