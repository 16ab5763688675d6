// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Checks} from "../../utils/Checks.sol";
import {ToplocFormat} from "contracts/libraries/ToplocFormat.sol";

contract ToplocFormatTest is Checks {
    uint256 internal constant TOPK = 128;

    function testFuzz_AgreesWithThePlainTwin(bytes memory data, uint8 topk, uint8 shape) external pure {
        // Mostly well-formed headers and lengths, so that the fuzzer reaches the coefficients.
        if (shape % 4 != 0) data = bytes.concat(hex"ffd9", resized(data, 2 * uint256(topk)));
        if (shape % 4 == 2) silenceUpperHalf(data, topk);
        assertEq(ToplocFormat.isMalformed(data, topk) ? 1 : 0, plainIsMalformed(data, topk) ? 1 : 0);
    }

    function test_AnHonestLookingProofIsWellFormed() external pure {
        assertFalse(ToplocFormat.isMalformed(honest(), TOPK));
    }

    function test_ASingleZeroLeadingCoefficientIsWellFormed() external pure {
        bytes memory proof = honest();
        setCoefficient(proof, TOPK - 1, 0);
        assertFalse(ToplocFormat.isMalformed(proof, TOPK));
    }

    function test_OneCoefficientInTheUpperHalfSuffices() external pure {
        bytes memory proof = honest();
        silenceUpperHalf(proof, TOPK);
        assertTrue(ToplocFormat.isMalformed(proof, TOPK));
        setCoefficient(proof, TOPK / 2 - 1, 1);
        assertTrue(ToplocFormat.isMalformed(proof, TOPK));
        setCoefficient(proof, TOPK / 2, 1);
        assertFalse(ToplocFormat.isMalformed(proof, TOPK));
    }

    function test_NullAndConstantProofsAreDegenerate() external pure {
        bytes memory proof = resized(hex"ffd9", 258);
        assertTrue(ToplocFormat.isMalformed(proof, TOPK));
        setCoefficient(proof, 0, 16_256);
        assertTrue(ToplocFormat.isMalformed(proof, TOPK));
        assertTrue(ToplocFormat.isMalformed(new bytes(258), TOPK));
    }

    function test_TheLengthIsExact() external pure {
        bytes memory proof = honest();
        assertTrue(ToplocFormat.isMalformed(bytes.concat(proof, hex"00"), TOPK));
        assertTrue(ToplocFormat.isMalformed(resized(proof, 257), TOPK));
        assertTrue(ToplocFormat.isMalformed(resized(proof, 256), TOPK));
        assertTrue(ToplocFormat.isMalformed("", TOPK));
        assertTrue(ToplocFormat.isMalformed(proof, TOPK - 1));
    }

    function testFuzz_TheModulusIsPinned(uint16 modulus) external pure {
        bytes memory proof = honest();
        proof[0] = bytes1(uint8(modulus >> 8));
        proof[1] = bytes1(uint8(modulus));
        assertTrue(ToplocFormat.isMalformed(proof, TOPK) == (modulus != 65_497));
    }

    function testFuzz_CoefficientsLieInTheField(uint8 place, uint16 coefficient) external pure {
        bytes memory proof = honest();
        setCoefficient(proof, place % TOPK, coefficient);
        assertTrue(ToplocFormat.isMalformed(proof, TOPK) == (coefficient >= 65_497));
    }

    function plainIsMalformed(bytes memory data, uint256 topk) private pure returns (bool) {
        if (data.length != 2 + 2 * topk) return true;
        if (uint16(bytes2(bytes.concat(data[0], data[1]))) != 65_497) return true;
        bool degenerate = true;
        for (uint256 i = 0; i < topk; ++i) {
            uint16 coefficient = uint16(bytes2(bytes.concat(data[2 + 2 * i], data[3 + 2 * i])));
            if (coefficient >= 65_497) return true;
            if (i >= topk / 2 && coefficient != 0) degenerate = false;
        }
        return degenerate;
    }

    function honest() private pure returns (bytes memory proof) {
        proof = resized(hex"ffd9", 258);
        for (uint256 i = 0; i < TOPK; ++i) {
            setCoefficient(proof, i, uint16(uint256(keccak256(abi.encode(i))) % 65_497));
        }
    }

    function silenceUpperHalf(bytes memory proof, uint256 topk) private pure {
        for (uint256 i = topk / 2; i < topk; ++i) {
            setCoefficient(proof, i, 0);
        }
    }

    function setCoefficient(bytes memory proof, uint256 place, uint16 value) private pure {
        proof[2 + 2 * place] = bytes1(uint8(value >> 8));
        proof[3 + 2 * place] = bytes1(uint8(value));
    }

    function resized(bytes memory data, uint256 length) private pure returns (bytes memory result) {
        result = new bytes(length);
        for (uint256 i = 0; i < length && i < data.length; ++i) {
            result[i] = data[i];
        }
    }
}
