// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Traces} from "../utils/Traces.sol";
import {CanonicalCourtroom} from "./CanonicalCourtroom.sol";
import {RefereeLayout} from "contracts/libraries/RefereeLayout.sol";
import {RefereeOpenings} from "contracts/libraries/RefereeOpenings.sol";
import {CanonicalAnswer, CanonicalStage, CanonicalStep, RowOpening} from "contracts/types/CanonicalGame.sol";
import {RefereePart, RefereeRow} from "contracts/types/Referee.sol";

/// @title Both sides' play, from a trace of the accused's and the challenger's own
abstract contract CanonicalPlay is CanonicalCourtroom {
    bytes[] internal accusedRows;
    bytes32[][] internal accusedLevels;
    bytes32[][] internal ownLevels;
    bytes[] internal weights;
    bytes32[][] internal weightTree;
    /// @dev What the moves of the game cost together, and the dearest of each kind.
    uint256 internal gasUsed;

    /// @dev The accused's trace is the honest one but for the last bit of entry `column` of row `index`.
    function lie(uint256 index, uint256 column) internal {
        accusedRows = rows;
        RefereeRow memory row = RefereeLayout.locate(shape, traced, index);
        uint256 size = RefereeOpenings.entryBytes(row.part);
        bytes memory data = rows[index];
        data[size * (column + 1) - 1] ^= 0x01;
        accusedRows[index] = data;
        accusedLevels = Traces.levels(Traces.leaves(shape, traced, accusedRows));
        ownLevels = Traces.levels(Traces.leaves(shape, traced, rows));
        weights = weightRows();
        weightTree = weightLevels(weights);
    }

    /// @dev The whole game about the trace, up to the opened block.
    function playDown() internal {
        answerAs(honestAnswer(Traces.root(accusedLevels)));
        playTrace();
    }

    /// @dev What follows an answer that stands.
    function playTrace() internal {
        descend();
        while (game.stage == CanonicalStage.Node) {
            openNode();
            pickChild(firstDifference());
        }
        openRow();
        if (game.stage == CanonicalStage.BlockChoice) pickBlock();
        openBlock();
    }

    function answerAs(CanonicalAnswer memory given) internal {
        vm.prank(NODE);
        judge.answer(challenge, game, matter, given);
        count("answer");
        noteAnswer(given);
    }

    function descend() internal {
        vm.prank(game.challenger);
        judge.descend(challengeId, game, chunk);
        count("descend");
        game.stage = CanonicalStage.Node;
        game.node = chunk.traceRoot;
        game.level = uint32(accusedLevels.length - 1);
        assertKept();
    }

    function openNode() internal {
        bytes32[16] memory children = Traces.children(accusedLevels, game.level, game.index);
        vm.prank(game.accused);
        judge.openNode(challengeId, game, children);
        count("openNode");
        game.stage = CanonicalStage.Child;
        assertKept();
    }

    function firstDifference() internal view returns (uint32 child) {
        bytes32[16] memory theirs = Traces.children(accusedLevels, game.level, game.index);
        bytes32[16] memory own = Traces.children(ownLevels, game.level, game.index);
        while (theirs[child] == own[child]) ++child;
    }

    function pickChild(uint32 child) internal {
        bytes32[16] memory children = Traces.children(accusedLevels, game.level, game.index);
        vm.prank(game.challenger);
        judge.pickChild(challengeId, game, children, child);
        count("pickChild");
        --game.level;
        game.stage = game.level == 0 ? CanonicalStage.Row : CanonicalStage.Node;
        game.node = children[child];
        game.index = 16 * game.index + child;
        assertKept();
    }

    function rowInDispute() internal view returns (RefereeRow memory) {
        return RefereeLayout.locate(shape, traced, game.index);
    }

    function sizeInDispute() internal view returns (uint256) {
        return RefereeOpenings.entryBytes(rowInDispute().part);
    }

    function openRow() internal {
        bytes memory data = accusedRows[game.index];
        bytes32[] memory blocks = Traces.blockHashes(data, sizeInDispute());
        uint8 kind = RefereeLayout.kind(rowInDispute().part);
        vm.prank(game.accused);
        judge.openRow(challenge, game, kind, uint32(data.length / sizeInDispute()), blocks);
        count("openRow");
        game.stage = CanonicalStage.BlockChoice;
        if (blocks.length == 1) (game.stage, game.node) = (CanonicalStage.Block, blocks[0]);
        assertKept();
    }

    function pickBlock() internal {
        bytes32[] memory blocks = Traces.blockHashes(accusedRows[game.index], sizeInDispute());
        bytes32[] memory own = Traces.blockHashes(rows[game.index], sizeInDispute());
        uint32 part = 0;
        while (blocks[part] == own[part]) ++part;
        vm.prank(game.challenger);
        judge.pickBlock(challengeId, game, blocks, part);
        count("pickBlock");
        (game.stage, game.node, game.part) = (CanonicalStage.Block, blocks[part], part);
        assertKept();
    }

    function openBlock() internal {
        bytes memory data = Traces.blockOf(accusedRows[game.index], sizeInDispute(), game.part);
        vm.prank(game.accused);
        judge.openBlock(challenge, game, data);
        count("openBlock");
        game.stage = CanonicalStage.Step;
        assertKept();
    }

    /// @dev What the challenger shows of entry `entry_` of the opened block.
    function stepOf(uint256 entry_) internal view returns (CanonicalStep memory step) {
        RefereeRow memory row = rowInDispute();
        uint256 column = game.part * RefereeOpenings.BLOCK_ENTRIES + entry_;
        step.data = Traces.blockOf(accusedRows[game.index], sizeInDispute(), game.part);
        step.entry = uint32(entry_);
        step.sources = openings(accusedLevels, accusedRows, RefereeLayout.sources(shape, traced, row, column));
        uint256 read = 0;
        if (row.part == RefereePart.Embed && row.position >= chunk.promptTokens) {
            read = completion[row.position - chunk.promptTokens];
            (step.tokens, step.tokensProof) = tokensChunk(row.position - chunk.promptTokens);
        } else if (row.part == RefereePart.Embed) {
            read = rule.prompt(leaf.problem)[row.position];
        }
        step.weights = openings(weightTree, weights, RefereeLayout.weightRows(shape, row, column, read));
        if (step.weights.length != 0) step.manifest = manifest;
    }

    function execute(CanonicalStep memory step) internal {
        vm.prank(game.challenger);
        judge.execute(challenge, game, chunk, step);
        count("execute");
    }

    function openings(bytes32[][] storage levels, bytes[] storage data, uint256[] memory numbers)
        private
        view
        returns (RowOpening[] memory shown)
    {
        shown = new RowOpening[](numbers.length);
        for (uint256 i = 0; i < numbers.length; ++i) {
            shown[i] = Traces.opening(levels, numbers[i], data[numbers[i]]);
        }
    }

    function count(string memory) internal virtual override {
        gasUsed += vm.lastCallGas().gasTotalUsed;
    }
}
