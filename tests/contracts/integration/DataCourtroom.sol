// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Trees} from "../utils/Trees.sol";
import {Work} from "../utils/Work.sol";
import {Courtroom} from "./Courtroom.sol";
import {RolloutLeaf} from "contracts/libraries/RolloutLeaves.sol";
import {Challenge, ChallengeStatus} from "contracts/types/Challenge.sol";
import {Demand, DemandKind} from "contracts/types/Demand.sol";
import {Commitment} from "contracts/types/Membership.sol";

/// @title The courtroom with a challenger that has coins for the answers it asks for
abstract contract DataCourtroom is Courtroom {
    uint256 internal constant BASE_FEE = 20 gwei;
    uint256 internal constant DEPOSIT = 1 ether;

    mapping(uint256 id => Demand) internal demands;

    function setUp() public virtual override {
        super.setUp();
        vm.fee(BASE_FEE);
        depositFor(CHALLENGER, DEPOSIT);
    }

    function demand(Commitment memory c, DemandKind kind, uint256 index, uint256 chunk)
        internal
        returns (uint256 id)
    {
        bytes memory evidence = abi.encode(uint8(kind), uint32(index), uint32(chunk));
        Demand memory asked = Demand({
            kind: kind,
            index: uint32(index),
            chunk: uint32(chunk),
            root: uint8(kind) >= uint8(DemandKind.Manifest) ? c.manifest : c.root,
            units: c.units,
            round: c.round,
            chunkTokens: params().chunkTokens,
            topk: params().topk,
            answerBy: uint40(block.timestamp) + 300,
            price: data.priceInGas(params(), c, evidence) * block.basefee
        });
        id = challenge(c, address(data), evidence);
        demands[id] = asked;
        assertEq(data.demandHash(id), keccak256(abi.encode(asked)));
    }

    /// @dev Shows the leaf, by the node.
    function showLeaf(uint256 id, RolloutLeaf[] memory leaves) internal {
        Challenge memory asked = challenges[id];
        Demand memory shown = demands[id];
        bytes32[] memory proof = proofOf(leaves, shown.index);
        vm.prank(NODE);
        data.answerLeaf(asked, shown, leaves[shown.index], proof);
    }

    /// @dev Shows the only chunk of tokens that a rollout of the sorting task has, by the node.
    function showTokens(uint256 id, RolloutLeaf[] memory leaves, uint32[] memory tokens) internal {
        Challenge memory asked = challenges[id];
        Demand memory shown = demands[id];
        bytes32[] memory proof = proofOf(leaves, shown.index);
        vm.prank(NODE);
        data.answerChunk(
            asked,
            shown,
            leaves[shown.index],
            proof,
            Work.tokenData(tokens, 0, tokens.length),
            new bytes32[](0)
        );
    }

    /// @dev Shows a file of one piece, by the node.
    function showPiece(uint256 id, bytes memory manifest, bytes memory file) internal {
        Challenge memory asked = challenges[id];
        Demand memory shown = demands[id];
        vm.prank(NODE);
        data.answerPiece(asked, shown, manifest, file, new bytes32[](0));
    }

    function manifestOf(bytes memory file) internal pure returns (bytes memory) {
        return abi.encodePacked(sha256(file), uint64(file.length), "the rest");
    }

    function close(uint256 id) internal {
        data.close(challenges[id], demands[id]);
    }

    function depositFor(address account, uint256 amount) internal {
        vm.deal(address(this), amount);
        data.deposit{value: amount}(account);
    }

    function assertDemandOver(uint256 id, ChallengeStatus status) internal view {
        assertStatus(id, uint256(status));
        assertEq(data.demandHash(id), bytes32(0));
    }
}
