// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {JuryJudge} from "contracts/judges/JuryJudge.sol";

/// @notice The terms of a `JuryJudge`, in the order of its constructor.
struct JuryTerms {
    uint256 jurySize;
    uint256 maxAppeals;
    uint32 commitSeconds;
    uint32 revealSeconds;
    uint32 appealSeconds;
    uint32 graceSeconds;
    uint96 jurorStake;
}

/// @title Juries for tests
library Juries {
    function deploy(address hub, address token, JuryTerms memory terms) internal returns (JuryJudge) {
        return new JuryJudge(
            hub,
            token,
            terms.jurySize,
            terms.maxAppeals,
            terms.commitSeconds,
            terms.revealSeconds,
            terms.appealSeconds,
            terms.graceSeconds,
            terms.jurorStake
        );
    }
}
