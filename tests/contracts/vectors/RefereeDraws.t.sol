// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {VectorTest} from "./VectorTest.sol";
import {RefereeMath} from "contracts/libraries/RefereeMath.sol";

interface EnvironmentVm {
    function envOr(string calldata name, string calldata otherwise) external view returns (string memory);
}

/// @notice Drawn cases of every step give the digests that Python computed.
/// @dev Twin of protocol/testing/referee_draws.py. tools/fuzz_referee.py gives other seeds and counts.
contract RefereeDrawsTest is VectorTest {
    uint256 internal constant STEPS = 14;
    uint256 internal constant ACTIVATION = 39;
    uint256 internal constant WEIGHT = 24;
    /// @dev Cases for each call: memory is never given back within one.
    uint256 internal constant CASES = 128;

    /// @notice The cases of one step come from these words.
    struct Source {
        uint256 seed;
        uint256 step;
        uint256 number;
    }

    function test_EveryStepGivesWhatPythonGave() external view {
        string memory file = EnvironmentVm(address(vm)).envOr("REFEREE_DRAWS", read("referee_draws"));
        uint256 seed = json.parseJsonUint(file, ".seed");
        uint256 count = json.parseJsonUint(file, ".count");
        bytes32[] memory digests = json.parseJsonBytes32Array(file, ".digests");
        assertEq(digests.length, STEPS);
        assertTrue(count != 0);
        for (uint256 step = 1; step <= STEPS; ++step) {
            bytes32 chain = 0;
            for (uint256 first = 0; first < count; first += CASES) {
                uint256 end = first + CASES < count ? first + CASES : count;
                chain = this.digest(chain, seed, step, first, end);
            }
            assertEq(chain, digests[step - 1], json.toString(step));
        }
    }

    function digest(bytes32 chain, uint256 seed, uint256 step, uint256 first, uint256 end)
        external
        view
        returns (bytes32)
    {
        for (uint256 number = first; number < end; ++number) {
            int256[] memory results = resultsOf(Source(seed, step, number));
            for (uint256 i = 0; i < results.length; ++i) {
                chain = keccak256(abi.encode(chain, results[i]));
            }
        }
        return chain;
    }

    function dot(bytes calldata values, bytes calldata factors) external pure returns (int256) {
        return RefereeMath.partialDot(values, factors);
    }

    function moments(bytes calldata row, int256 average) external pure returns (int256, int256, uint256) {
        return RefereeMath.moments(row, average);
    }

    function resultsOf(Source memory source) private view returns (int256[] memory results) {
        if (source.step == 11) return ofRow(source);
        results = new int256[](1);
        results[0] = source.step < 8 ? early(source) : late(source);
    }

    function early(Source memory s) private view returns (int256) {
        if (s.step == 1) return RefereeMath.embed(signed(s, 0, WEIGHT), signed(s, 1, WEIGHT));
        if (s.step == 2) {
            uint256 count = 1 + word(s, 0) % 12;
            return this.dot(data(s, 1, 5 * count), data(s, 3, 4 * count));
        }
        if (s.step == 3) {
            return RefereeMath.finishDot(signed(s, 0, 90), 20 + 4 * (word(s, 1) & 1), signed(s, 2, WEIGHT));
        }
        if (s.step == 4) return RefereeMath.add(signed(s, 0, ACTIVATION), signed(s, 1, ACTIVATION));
        if (s.step == 5) return RefereeMath.multiply(signed(s, 0, ACTIVATION), signed(s, 1, ACTIVATION));
        if (s.step == 6) return RefereeMath.mean(signed(s, 0, 57), 1 + word(s, 1) % 2 ** 18);
        uint256 epsilon = 2 ** 27 + word(s, 2) % 2 ** 30;
        return int256(inverse(magnitude(s, 0, 98) / (1 + word(s, 1) % 2 ** 18) + epsilon));
    }

    function late(Source memory s) private pure returns (int256) {
        if (s.step == 8) {
            return RefereeMath.normalise(
                signed(s, 0, ACTIVATION),
                signed(s, 1, ACTIVATION),
                inverse(2 ** 27 + magnitude(s, 2, 98)),
                signed(s, 3, WEIGHT),
                signed(s, 4, WEIGHT)
            );
        }
        if (s.step == 9) {
            int256 distance = signed(s, 0, ACTIVATION) - signed(s, 1, ACTIVATION);
            return RefereeMath.exp(uint256(distance < 0 ? -distance : distance));
        }
        if (s.step == 10) {
            uint256 weight = word(s, 0) % (2 ** 30 + 1);
            return RefereeMath.divide(int256(weight), int256(weight + 1 + magnitude(s, 1, 48)));
        }
        if (s.step == 12) return RefereeMath.relu(signed(s, 0, ACTIVATION));
        if (s.step == 13) return RefereeMath.silu(signed(s, 0, ACTIVATION));
        return RefereeMath.rotate(
            signed(s, 0, ACTIVATION),
            signed(s, 1, ACTIVATION),
            signed(s, 2, WEIGHT),
            signed(s, 3, WEIGHT),
            word(s, 4) & 1 == 1
        );
    }

    function ofRow(Source memory s) private view returns (int256[] memory results) {
        results = new int256[](3);
        uint256 squares;
        bytes memory row = data(s, 1, 5 * (1 + word(s, 0) % 12));
        (results[0], results[1], squares) = this.moments(row, signed(s, 3, ACTIVATION));
        results[2] = int256(squares);
    }

    function inverse(uint256 meanSquare) private pure returns (uint256) {
        (uint256 factor, uint256 shift) = RefereeMath.inverseRoot(meanSquare);
        return factor << 8 | shift;
    }

    function word(Source memory source, uint256 place) private pure returns (uint256) {
        return uint256(keccak256(abi.encode(source, place)));
    }

    /// @dev Below 2^bits in magnitude.
    function signed(Source memory source, uint256 place, uint256 bits) private pure returns (int256) {
        int256 value = int256(magnitude(source, place, bits));
        return (word(source, place) >> 8) & 1 == 1 ? -value : value;
    }

    function magnitude(Source memory source, uint256 place, uint256 bits) private pure returns (uint256) {
        uint256 drawn = word(source, place);
        if ((drawn >> 9) & 15 == 0) return (1 << bits) - 1;
        return (drawn >> 16) % (1 << (drawn % 256 % (bits + 1)));
    }

    /// @dev The first `length` of up to 64 bytes.
    function data(Source memory source, uint256 place, uint256 length)
        private
        pure
        returns (bytes memory result)
    {
        result = abi.encode(word(source, place), word(source, place + 1));
        assembly ("memory-safe") {
            mstore(result, length)
        }
    }
}
