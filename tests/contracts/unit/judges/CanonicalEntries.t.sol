// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {CanonicalJudgeTest} from "./CanonicalJudgeTest.sol";
import {RefereeLayout} from "contracts/libraries/RefereeLayout.sol";
import {RefereeOpenings} from "contracts/libraries/RefereeOpenings.sol";
import {CanonicalStep, RowOpening} from "contracts/types/CanonicalGame.sol";

/// @notice See CanonicalEntries.tree. Any entry of an honest trace, as the last move shows it.
abstract contract CanonicalEntries is CanonicalJudgeTest {
    function testFuzz_NoEntryOfAnHonestTraceIsWrong(uint256 drawn) external {
        assertFalse(isWrong(draw(drawn)));
    }

    function testFuzz_EveryAlteredEntryIsWrong(uint256 drawn, uint256 bit) external {
        CanonicalStep memory step = draw(drawn);
        uint256 size = sizeInDispute();
        bit %= 8 * size;
        step.data[size * step.entry + bit / 8] ^= bytes1(uint8(1 << (bit % 8)));
        assertTrue(isWrong(step));
    }

    function testFuzz_NothingFalseIsReadAgainstTheHonest(uint256 drawn, uint256 where, uint256 bit) external {
        CanonicalStep memory step = draw(drawn);
        uint256 kind = where % 6;
        if (kind == 0) bend(step.sources, where >> 8, bit);
        else if (kind == 1) bend(step.weights, where >> 8, bit);
        else if (kind == 2) bend(step.manifest, bit);
        else if (kind == 3) bend(step.tokens, bit);
        else if (kind == 4) step.entry ^= uint32(1 << (bit % 32));
        else if (step.tokensProof.length != 0) step.tokensProof[0] ^= bytes32(1 << (bit % 256));
        (bool success, bytes memory answer) = ask(step);
        if (success) assertFalse(abi.decode(answer, (bool)));
    }

    /// @dev Any entry of the honest trace.
    function draw(uint256 drawn) private returns (CanonicalStep memory) {
        game.index = uint32(drawn % rows.length);
        uint256 column = (drawn >> 32) % RefereeLayout.length(shape, rowInDispute());
        game.part = uint32(column / RefereeOpenings.BLOCK_ENTRIES);
        return stepOf(column % RefereeOpenings.BLOCK_ENTRIES);
    }

    function bend(RowOpening[] memory shown, uint256 where, uint256 bit) private pure {
        if (shown.length == 0) return;
        RowOpening memory opening = shown[where % shown.length];
        if (where >> 32 & 1 == 0) return bend(opening.data, bit);
        opening.nodes[(where >> 40) % opening.nodes.length][bit % 16] ^= bytes32(1 << ((bit >> 8) % 256));
    }

    function bend(bytes memory data, uint256 bit) private pure {
        if (data.length != 0) data[(bit >> 8) % data.length] ^= bytes1(uint8(1 << (bit % 8)));
    }
}

contract CanonicalNarrowEntriesTest is CanonicalEntries {
    function setUp() external {
        toAnHonestAnswer(NARROW);
    }
}

contract CanonicalWideEntriesTest is CanonicalEntries {
    function setUp() external {
        toAnHonestAnswer(WIDE);
    }
}
