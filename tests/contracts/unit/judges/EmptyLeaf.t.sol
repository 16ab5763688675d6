// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Trees} from "../../utils/Trees.sol";
import {Work} from "../../utils/Work.sol";
import {ObjectiveJudgeTest} from "./ObjectiveJudgeTest.sol";
import {IJudge} from "contracts/interfaces/IJudge.sol";
import {Merkle} from "contracts/libraries/Merkle.sol";
import {Commitment} from "contracts/types/Membership.sol";

/// @dev Six leaves in a tree of eight places.
contract EmptyLeafTest is ObjectiveJudgeTest {
    function test_GuiltyOfCountingTheFirstPadding() external {
        bytes32[] memory hashes = honestHashes();
        assertGuilty(accuse(hashes, 7, 6));
        assertNotGuilty(accuse(hashes, 7, 7));
    }

    function testFuzz_GuiltyOfAHoleAmongTheLeaves(uint8 which) external {
        bytes32[] memory hashes = honestHashes();
        hashes[which % UNITS] = bytes32(0);
        assertGuilty(accuse(hashes, UNITS, which % UNITS));
    }

    function test_GuiltyOfAnEmptyNode() external {
        bytes32[] memory nodes = new bytes32[](2);
        nodes[0] = Merkle.node(Merkle.node("0", "1"), Merkle.node("2", "3"));
        // Eight units, of which the right four are one zero two levels above their places.
        assertGuilty(accuse(nodes, 8, 1));
    }

    function test_GuiltyOfAnEmptyRoot() external {
        assertGuilty(accuse(new bytes32[](1), 1, 0));
        assertGuilty(accuse(new bytes32[](1), UNITS, 0));
    }

    function test_GuiltyOfAnEmptyPlaceBelowTheLeaves() external {
        bytes32[] memory hashes = honestHashes();
        // Counted as four, the tree of eight is one level too deep, and so is its padding.
        assertGuilty(accuse(hashes, 4, 7));
    }

    function testFuzz_PaddingIsNotGuilty(uint8 units, uint8 which) external {
        units = uint8(bound(units, 1, 12));
        bytes32[] memory padded = Trees.padded(hashesOf(units));
        vm.assume(padded.length != units);
        assertNotGuilty(accuse(padded, units, bound(which, units, padded.length - 1)));
    }

    function testFuzz_RevertWhen_ThePlaceIsTaken(uint8 which) external {
        bytes32[] memory hashes = honestHashes();
        Commitment memory c = commitmentTo(hashes, UNITS);
        uint256 position = which % UNITS;
        bytes memory evidence = Work.emptyLeaf(position, Trees.proof(hashes, position));
        expectLeafNotProven(position);
        ask(c, evidence);
    }

    function test_RevertWhen_APlaceIsGivenASecondPosition() external {
        bytes32[] memory hashes = honestHashes();
        Commitment memory c = commitmentTo(hashes, UNITS);
        // Position 14 has the same path in a tree of eight as the padding at 6, if nobody looks at the bit above.
        bytes memory evidence = Work.emptyLeaf(14, Trees.paddingProof(hashes, 6));
        expectLeafNotProven(14);
        ask(c, evidence);
    }

    function honestHashes() private view returns (bytes32[] memory) {
        return Work.leafHashes(context(), honest());
    }

    function hashesOf(uint256 count) private pure returns (bytes32[] memory hashes) {
        hashes = new bytes32[](count);
        for (uint256 i = 0; i < count; ++i) {
            hashes[i] = Merkle.leaf(abi.encode(i));
        }
    }

    function accuse(bytes32[] memory hashes, uint32 units, uint256 position)
        private
        returns (IJudge.Verdict)
    {
        bytes memory evidence = Work.emptyLeaf(position, Trees.paddingProof(hashes, position));
        return ask(commitmentTo(hashes, units), evidence);
    }
}
