// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {DataCourtroom} from "../integration/DataCourtroom.sol";
import {Trees} from "../utils/Trees.sol";
import {Vm} from "../utils/Vm.sol";
import {Merkle} from "contracts/libraries/Merkle.sol";
import {RolloutLeaf} from "contracts/libraries/RolloutLeaves.sol";
import {DemandKind} from "contracts/types/Demand.sol";
import {Commitment} from "contracts/types/Membership.sol";
import {TaskParams} from "contracts/types/Task.sol";

/// @title What demands and answers cost, to fix the constants of the judge
/// @dev Not under `isolate`, which sets the base fee, and with it every price, to zero. Instead every test measures one
/// call, before which it touches neither judge nor hub. `setUp` is a transaction of its own, so accounts and slots are
/// as cold as they would be; what a transaction costs before it runs, the refund and the floor are added by the rules of
/// EIP-2028, 3529 and 7623. No byte of data is zero: the dearest there is.
abstract contract DataGas is DataCourtroom {
    uint256 internal constant LONG = 5;
    uint256 internal constant SHORT = 6;

    RolloutLeaf[] internal leaves;
    bytes32[] internal tokenHashes;
    bytes32[] internal proofHashes;
    Commitment internal work;
    uint256 internal aboutLeaf;
    uint256 internal aboutTokens;
    uint256 internal aboutProof;
    uint256 internal aboutOnlyProof;
    uint256 internal aboutManifest;
    uint256 internal aboutUpdate;
    uint256 internal earned;

    function setUp() public virtual override {
        super.setUp();
        RolloutLeaf[] memory made = honest();
        for (uint256 i = 0; i < 64; ++i) {
            tokenHashes.push(Merkle.leaf(noise(i, 128)));
            proofHashes.push(Merkle.leaf(noise(i, 258)));
        }
        made[LONG].numTokens = 2048;
        made[LONG].tokensRoot = Trees.root(tokenHashes);
        made[LONG].toplocRoot = Trees.root(proofHashes);
        made[SHORT].toplocRoot = proofHashes[0];
        for (uint256 i = 0; i < UNITS; ++i) {
            leaves.push(made[i]);
        }
        work = commitmentTo(made);
        work.manifest = sha256(manifestBytes());
        bytes32 beacon = hub.beaconOf(task, 0);
        vm.prank(NODE);
        hub.commit(task, beacon, 0, 0, work.root, work.manifest, UNITS);
        // From here on nobody's slot of credit is new.
        showLeaf(demand(work, DemandKind.Leaf, 0, 0), leaves);
        earned = data.credit(NODE);
        aboutLeaf = demand(work, DemandKind.Leaf, LONG, 0);
        aboutTokens = demand(work, DemandKind.Tokens, LONG, 3);
        aboutProof = demand(work, DemandKind.Proof, LONG, 3);
        aboutOnlyProof = demand(work, DemandKind.Proof, SHORT, 0);
        aboutManifest = demand(work, DemandKind.Manifest, 0, 0);
        aboutUpdate = demand(work, DemandKind.Update, 3, 0);
    }

    function params() internal view override returns (TaskParams memory p) {
        p = super.params();
        p.maxTokens = 2048;
    }

    function manifestBytes() internal view virtual returns (bytes memory) {
        return longest();
    }

    function leafAnswer(uint256 id) internal view returns (bytes memory) {
        uint256 index = demands[id].index;
        return
            abi.encodeCall(
                data.answerLeaf, (challenges[id], demands[id], leaves[index], proofOf(leaves, index))
            );
    }

    function chunkAnswer(uint256 id, bytes memory chunk, bytes32[] memory path)
        internal
        view
        returns (bytes memory)
    {
        uint256 index = demands[id].index;
        bytes32[] memory proof = proofOf(leaves, index);
        return
            abi.encodeCall(data.answerChunk, (challenges[id], demands[id], leaves[index], proof, chunk, path));
    }

    function pieceAnswer(bytes memory manifest, bytes memory piece, bytes32[] memory proof)
        internal
        view
        returns (bytes memory)
    {
        return abi.encodeCall(
            data.answerPiece, (challenges[aboutUpdate], demands[aboutUpdate], manifest, piece, proof)
        );
    }

    /// @dev The answerer earns what the transaction costs, never less, and at most two parts in a hundred more.
    function assertFair(string memory what, bytes memory answer) internal {
        uint256 used = measure(what, NODE, address(data), answer);
        uint256 paid = (data.credit(NODE) - earned) / BASE_FEE;
        assertLe(used, paid, what);
        assertLe(paid, used * 102 / 100, what);
    }

    function measure(string memory what, address sender, address to, bytes memory call)
        internal
        returns (uint256 used)
    {
        vm.prank(sender);
        (bool success,) = to.call(call);
        Vm.Gas memory gas = vm.lastCallGas();
        assertTrue(success, what);
        uint256 quarters = 0;
        for (uint256 i = 0; i < call.length; ++i) {
            quarters += call[i] == 0 ? 1 : 4;
        }
        used = 21_000 + 4 * quarters + gas.gasTotalUsed;
        uint256 refund = uint256(int256(gas.gasRefunded));
        used -= refund < used / 5 ? refund : used / 5;
        uint256 floor = 21_000 + 10 * quarters;
        if (used < floor) used = floor;
        vm.snapshotValue("DataJudge", what, used);
    }

    /// @dev The longest manifest there is, of a file with as many pieces as a file may have.
    function longest() internal pure returns (bytes memory) {
        bytes32 node = sha256(noise(3, 2048));
        for (uint256 i = 0; i < 32; ++i) {
            node = i < 2 ? Merkle.node(sibling(i), node) : Merkle.node(node, sibling(i));
        }
        return abi.encodePacked(node, uint64(1 << 43), noise(0, 984));
    }

    function sibling(uint256 height) internal pure returns (bytes32) {
        return bytes32(noise(height, 32));
    }

    function noise(uint256 salt, uint256 length) internal pure returns (bytes memory result) {
        result = new bytes(length);
        for (uint256 i = 0; i < length; ++i) {
            result[i] = bytes1(uint8(uint256(keccak256(abi.encode(salt, i))) % 255 + 1));
        }
    }
}

contract DataGasTest is DataGas {
    function test_ALeaf() external {
        assertFair("answer: leaf, 64 rollouts", leafAnswer(aboutLeaf));
    }

    function test_AChunkOfTokens() external {
        bytes memory answer = chunkAnswer(aboutTokens, noise(3, 128), Trees.proof(tokenHashes, 3));
        assertFair("answer: 32 tokens of 2048", answer);
    }

    function test_AProof() external {
        bytes memory answer = chunkAnswer(aboutProof, noise(3, 258), Trees.proof(proofHashes, 3));
        assertFair("answer: TOPLOC proof of 64", answer);
    }

    function test_TheOnlyProof() external {
        bytes memory answer = chunkAnswer(aboutOnlyProof, noise(0, 258), new bytes32[](0));
        assertFair("answer: TOPLOC proof of 1", answer);
    }

    function test_TheLongestManifest() external {
        bytes memory answer = abi.encodeCall(
            data.answerManifest, (challenges[aboutManifest], demands[aboutManifest], longest())
        );
        assertFair("answer: manifest of 1024 bytes", answer);
    }

    function test_ThePieceOfTheLargestFile() external {
        bytes32[] memory proof = new bytes32[](32);
        for (uint256 i = 0; i < 32; ++i) {
            proof[i] = sibling(i);
        }
        assertFair(
            "answer: 2048 bytes of 8 TiB, manifest of 1024 bytes",
            pieceAnswer(longest(), noise(3, 2048), proof)
        );
    }

    function test_Closing() external {
        vm.warp(demands[aboutLeaf].answerBy);
        bytes memory call = abi.encodeCall(data.close, (challenges[aboutLeaf], demands[aboutLeaf]));
        assertLe(measure("close", NODE, address(data), call), 102_000, "close");
    }

    /// @dev At one base fee, who asks loses more than twice what who answers lays out, and all that is got back.
    function test_AskingCostsMoreThanAnswering() external {
        bytes memory evidence = abi.encode(uint8(DemandKind.Leaf), uint32(1), uint32(0));
        bytes memory call = abi.encodeCall(hub.challenge, (params(), NODE, work, address(data), evidence));
        uint256 asking = measure("ask", CHALLENGER, address(hub), call);
        assertLe(asking, 150_000, "ask");
        uint256 answering = earned / BASE_FEE;
        assertTrue(asking + answering + answering / 4 > 2 * answering, "asking is cheap");
    }
}

contract DataGasWithoutHubCreditTest is DataGas {
    function setUp() public override {
        super.setUp();
        hub.withdraw(address(token), CHALLENGER);
    }

    function test_ALeaf() external {
        assertFair("answer: leaf, asker without tokens in the hub", leafAnswer(aboutLeaf));
    }
}

contract DataGasWithoutCoinsTest is DataGas {
    function setUp() public override {
        super.setUp();
        uint256 all = data.credit(CHALLENGER);
        vm.prank(CHALLENGER);
        data.withdraw(all);
    }

    function test_ALeaf() external {
        assertFair("answer: leaf, asker without coins in the judge", leafAnswer(aboutLeaf));
    }
}

/// @dev As it is in practice: a manifest of 732 bytes, and an update of 100 kB.
contract DataGasOfAnUpdateTest is DataGas {
    bytes32[] internal pieceHashes;

    function manifestBytes() internal view override returns (bytes memory) {
        return abi.encodePacked(Trees.root(pieceHashes), uint64(49 * 2048), noise(0, 692));
    }

    function setUp() public override {
        for (uint256 i = 0; i < 49; ++i) {
            pieceHashes.push(sha256(noise(i, 2048)));
        }
        super.setUp();
    }

    function test_APiece() external {
        bytes memory answer = pieceAnswer(manifestBytes(), noise(3, 2048), Trees.proof(pieceHashes, 3));
        assertFair("answer: 2048 bytes of an update of 100 kB", answer);
    }
}
