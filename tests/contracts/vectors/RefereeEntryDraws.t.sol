// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {VectorTest} from "./VectorTest.sol";
import {RefereeLayout} from "contracts/libraries/RefereeLayout.sol";
import {RefereeMath} from "contracts/libraries/RefereeMath.sol";
import {RefereeOpenings} from "contracts/libraries/RefereeOpenings.sol";
import {RefereeSteps} from "contracts/libraries/RefereeSteps.sol";
import {RowOpening} from "contracts/types/CanonicalGame.sol";
import {RefereePart, RefereeRow, RefereeShape} from "contracts/types/Referee.sol";

interface EntryEnvironmentVm {
    function envOr(string calldata name, string calldata otherwise) external view returns (string memory);
}

/// @notice Drawn entries of every part give the digests that Python computed.
/// @dev Twin of protocol/testing/referee_entry_draws.py. tools/fuzz_referee.py gives other seeds and counts.
contract RefereeEntryDrawsTest is VectorTest {
    uint256 internal constant PARTS = uint256(uint8(type(RefereePart).max)) + 1;
    uint256 internal constant WORDS_OF_ROW = 16;
    uint256 internal constant ENTRIES_OF_WORD = 6;
    uint256 internal constant WEIGHTS_OF_WORD = 8;
    /// @dev In the place of a shift: every entry is the greatest there is.
    uint256 internal constant GREATEST = 40;
    /// @dev Cases for each call: memory is never given back within one.
    uint256 internal constant CASES = 16;

    /// @notice The cases of one part come from these words.
    struct Source {
        uint256 seed;
        uint256 part;
        uint256 number;
    }

    /// @notice An entry of a row of a shape, and what it reads.
    struct Case {
        RefereeShape shape;
        RefereeRow row;
        uint256 column;
        uint256 tokens;
        uint256[] read;
        uint256[] weighed;
    }

    function test_EveryEntryIsWhatPythonGave() external view {
        string memory file =
            EntryEnvironmentVm(address(vm)).envOr("REFEREE_ENTRY_DRAWS", read("referee_entry_draws"));
        uint256 seed = json.parseJsonUint(file, ".seed");
        uint256 count = json.parseJsonUint(file, ".count");
        bytes32[] memory digests = json.parseJsonBytes32Array(file, ".digests");
        assertEq(digests.length, PARTS);
        assertTrue(count != 0);
        for (uint256 part = 0; part < PARTS; ++part) {
            bytes32 chain = 0;
            for (uint256 first = 0; first < count; first += CASES) {
                uint256 end = first + CASES < count ? first + CASES : count;
                chain = this.digest(chain, seed, part, first, end);
            }
            assertEq(chain, digests[part], json.toString(part));
        }
    }

    function digest(bytes32 chain, uint256 seed, uint256 part, uint256 first, uint256 end)
        external
        view
        returns (bytes32)
    {
        for (uint256 number = first; number < end; ++number) {
            Source memory source = Source(seed, part, number);
            Case memory drawn = caseOf(source);
            int256 value = this.compute(drawn, rowsOf(source, drawn), weightsOf(source, drawn));
            chain = keccak256(abi.encodePacked(chain, drawn.read, drawn.weighed, value));
        }
        return chain;
    }

    function compute(Case calldata drawn, RowOpening[] calldata rows, RowOpening[] calldata weights)
        external
        pure
        returns (int256)
    {
        return RefereeSteps.compute(drawn.shape, drawn.row, drawn.column, rows, weights);
    }

    function caseOf(Source memory source) private pure returns (Case memory drawn) {
        uint256 word = uint256(wordOf(source, 0));
        RefereePart part = RefereePart(source.part);
        uint256 heads = 1 + digit(word, 0) % 3;
        uint256 layers = 1 + digit(word, 3) % 2;
        drawn.tokens = 1 + digit(word, 4) % 6;
        drawn.shape = RefereeShape({
            vocabulary: 1,
            layers: uint32(layers),
            width: uint32(heads * (4 + digit(word, 1) % 5)),
            heads: uint32(heads),
            feedForward: uint32(1 + digit(word, 2) % 20),
            positions: 8
        });
        bool isOfLayer = part > RefereePart.Embed && part < RefereePart.FinalMoments;
        bool isOfHead = part >= RefereePart.Score && part <= RefereePart.Mix;
        drawn.row = RefereeRow({
            part: part,
            layer: isOfLayer ? digit(word, 6) % layers : 0,
            head: isOfHead ? digit(word, 7) % heads : 0,
            position: digit(word, 5) % drawn.tokens
        });
        drawn.column = (word >> 64) % RefereeLayout.length(drawn.shape, drawn.row);
        drawn.read = RefereeLayout.sources(drawn.shape, drawn.tokens, drawn.row, drawn.column);
        drawn.weighed = RefereeLayout.weightRows(drawn.shape, drawn.row, drawn.column, 0);
    }

    function rowsOf(Source memory source, Case memory drawn) private pure returns (RowOpening[] memory rows) {
        rows = new RowOpening[](drawn.read.length);
        for (uint256 i = 0; i < rows.length; ++i) {
            RefereeRow memory row = RefereeLayout.locate(drawn.shape, drawn.tokens, drawn.read[i]);
            rows[i].data =
                rowOf(source, row.part, RefereeLayout.length(drawn.shape, row), 1 + i * WORDS_OF_ROW);
        }
    }

    /// @dev Entries as large as an honest row's of this kind can be.
    function rowOf(Source memory source, RefereePart part, uint256 length, uint256 first)
        private
        pure
        returns (bytes memory data)
    {
        uint256 scale = uint256(wordOf(source, first)) % 256 % (GREATEST + 1);
        if (RefereeOpenings.isStatistics(part)) return statisticsOf(source, part, first, scale);
        data = new bytes(5 * length);
        for (uint256 i = 0; i < length; ++i) {
            int256 raw = rawOf(source, first, i);
            int256 value;
            if (part == RefereePart.Exp) value = remainder(raw, 2 ** 30 + 1) >> (scale % 31);
            else if (part == RefereePart.Softmax) value = remainder(raw, 2 ** 24 + 1) >> (scale % 25);
            else value = activation(raw, scale);
            put(data, 5 * i, bytes32(bytes5(uint40(int40(value)))), 5);
        }
    }

    function statisticsOf(Source memory source, RefereePart part, uint256 first, uint256 scale)
        private
        pure
        returns (bytes memory)
    {
        int256 raw = rawOf(source, first, 0);
        if (part == RefereePart.ExpSum) {
            int256 sum = 1 + (remainder(raw, 2 ** 38) >> (scale < 37 ? scale : 37));
            return abi.encodePacked(int128(0), int128(sum));
        }
        uint256 squares = uint256(remainder(rawOf(source, first, 1), 2 ** 40)) << 58 >> scale;
        (uint256 factor, uint256 shift) = RefereeMath.inverseRoot(2 ** 27 + squares);
        int128 mean = int128(activation(raw, scale));
        return abi.encodePacked(int128(0), int128(0), mean, int128(int256(factor << 8 | shift)));
    }

    function weightsOf(Source memory source, Case memory drawn)
        private
        pure
        returns (RowOpening[] memory weights)
    {
        weights = new RowOpening[](drawn.weighed.length);
        bool isLong = drawn.row.part == RefereePart.FeedOut;
        uint256 length = isLong ? drawn.shape.feedForward : drawn.shape.width;
        for (uint256 i = 0; i < weights.length; ++i) {
            weights[i].data = weightRow(source, length, 1 + (drawn.read.length + i) * WORDS_OF_ROW);
        }
    }

    /// @dev 25 bits each.
    function weightRow(Source memory source, uint256 length, uint256 first)
        private
        pure
        returns (bytes memory data)
    {
        uint256 scale = 7 + uint256(wordOf(source, first)) % 256 % 25;
        data = new bytes(4 * length);
        for (uint256 i = 0; i < length; ++i) {
            bytes32 word = wordOf(source, first + 1 + i / WEIGHTS_OF_WORD);
            int32 raw = int32(uint32(bytes4(word << (32 * (i % WEIGHTS_OF_WORD)))));
            put(data, 4 * i, bytes32(bytes4(uint32(raw >> scale))), 4);
        }
    }

    /// @dev Forty bits, signed.
    function rawOf(Source memory source, uint256 first, uint256 place) private pure returns (int256) {
        bytes32 word = wordOf(source, first + 1 + place / ENTRIES_OF_WORD);
        return int40(uint40(bytes5(word << (40 * (place % ENTRIES_OF_WORD)))));
    }

    function activation(int256 raw, uint256 scale) private pure returns (int256) {
        if (scale < GREATEST) return raw >> scale;
        return raw < 0 ? -RefereeMath.MAX_ACTIVATION : RefereeMath.MAX_ACTIVATION;
    }

    /// @dev Not negative, as in Python.
    function remainder(int256 raw, int256 divisor) private pure returns (int256) {
        int256 rest = raw % divisor;
        return rest < 0 ? rest + divisor : rest;
    }

    function put(bytes memory data, uint256 place, bytes32 word, uint256 size) private pure {
        for (uint256 i = 0; i < size; ++i) {
            data[place + i] = word[i];
        }
    }

    function digit(uint256 word, uint256 place) private pure returns (uint256) {
        return (word >> (8 * place)) & 0xff;
    }

    function wordOf(Source memory source, uint256 place) private pure returns (bytes32) {
        return keccak256(abi.encode(source, place));
    }
}
