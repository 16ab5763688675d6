// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Trees} from "../../utils/Trees.sol";
import {Work} from "../../utils/Work.sol";
import {ObjectiveJudgeTest} from "./ObjectiveJudgeTest.sol";
import {IJudge} from "contracts/interfaces/IJudge.sol";
import {Merkle} from "contracts/libraries/Merkle.sol";
import {LeafContext, RolloutLeaf} from "contracts/libraries/RolloutLeaves.sol";
import {Commitment} from "contracts/types/Membership.sol";

contract MalformedLeafTest is ObjectiveJudgeTest {
    function testFuzz_AnHonestLeafIsNotGuilty(uint8 which) external {
        RolloutLeaf[] memory leaves = honest();
        uint32 position = which % UNITS;
        bytes memory data = Work.preimage(context(), leaves[position]);
        assertNotGuilty(accuse(Work.leafHashes(context(), leaves), UNITS, position, data));
    }

    function test_GuiltyOfALeafCopiedFromAnotherNode() external {
        RolloutLeaf[] memory leaves = honest();
        LeafContext memory theirs = context();
        theirs.node = CHALLENGER;
        bytes memory data = Work.preimage(theirs, leaves[2]);
        assertGuilty(accuse(Work.leafHashes(theirs, leaves), UNITS, 2, data));
    }

    function test_GuiltyOfAnOldLeaf() external {
        RolloutLeaf[] memory leaves = honest();
        LeafContext memory earlier = context();
        earlier.sequence -= 1;
        earlier.round -= 1;
        bytes memory data = Work.preimage(earlier, leaves[2]);
        assertGuilty(accuse(Work.leafHashes(earlier, leaves), UNITS, 2, data));
    }

    function test_GuiltyOfARepeatedLeaf() external {
        RolloutLeaf[] memory leaves = honest();
        leaves[3] = leaves[2];
        bytes memory data = Work.preimage(context(), leaves[3]);
        assertGuilty(accuse(Work.leafHashes(context(), leaves), UNITS, 3, data));
        assertNotGuilty(accuse(Work.leafHashes(context(), leaves), UNITS, 2, data));
    }

    function test_GuiltyOfALeafBeyondTheUnits() external {
        RolloutLeaf[] memory leaves = honest();
        bytes memory data = Work.preimage(context(), leaves[5]);
        assertGuilty(accuse(Work.leafHashes(context(), leaves), 5, 5, data));
    }

    function test_GuiltyOfALeafAtAnotherDepth() external {
        RolloutLeaf[] memory leaves = honest();
        bytes memory data = Work.preimage(context(), leaves[2]);
        assertGuilty(accuse(Work.leafHashes(context(), leaves), 4, 2, data));
    }

    function testFuzz_GuiltyOfWhatIsNoLeaf(bytes memory data) external {
        bytes32[] memory hashes = Work.leafHashes(context(), honest());
        hashes[4] = Merkle.leaf(data);
        assertGuilty(accuse(hashes, UNITS, 4, data));
    }

    function test_GuiltyOfANumberTooLargeForItsType() external {
        RolloutLeaf[] memory leaves = honest();
        bytes memory data = Work.preimage(context(), leaves[4]);
        data[15 * 32] = 0x01;
        bytes32[] memory hashes = Work.leafHashes(context(), leaves);
        hashes[4] = Merkle.leaf(data);
        assertGuilty(accuse(hashes, UNITS, 4, data));
    }

    function test_RevertWhen_TheLeafIsNotInTheTree() external {
        RolloutLeaf[] memory leaves = honest();
        assertNotProven(leaves, 2, Work.malformedLeaf(2, "no such leaf", proofOf(leaves, 2)));
    }

    function test_RevertWhen_ALeafIsGivenASecondPosition() external {
        RolloutLeaf[] memory leaves = honest();
        bytes memory data = Work.preimage(context(), leaves[2]);
        // Position 10 has the same path in a tree of eight as position 2, if nobody looks at the bit above.
        assertNotProven(leaves, 10, Work.malformedLeaf(10, data, proofOf(leaves, 2)));
    }

    function assertNotProven(RolloutLeaf[] memory leaves, uint256 position, bytes memory evidence) private {
        Commitment memory c = commitmentTo(leaves);
        expectLeafNotProven(position);
        ask(c, evidence);
    }

    function accuse(bytes32[] memory hashes, uint32 units, uint32 position, bytes memory data)
        private
        returns (IJudge.Verdict)
    {
        bytes memory evidence = Work.malformedLeaf(position, data, Trees.proof(hashes, position));
        return ask(commitmentTo(hashes, units), evidence);
    }
}
