// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice Why a TOPLOC proof is refused, in the order of the checks; `None` if it is accepted.
/// @dev Twin of the TOPLOC reasons of protocol/spec/errors.py.
enum ToplocReason {
    None,
    Length,
    Modulus,
    Coefficient,
    Degenerate,
    NonFinite,
    Exponent,
    MantissaMean,
    MantissaMedian,
    Constant,
    OffSupport
}

/// @notice Largest honest difference between a proof and its recomputation. Twin of `Thresholds` in
/// protocol/spec/task.py; an error is at most 128, so larger limits than these types hold are no limits either.
struct ToplocThresholds {
    uint32 maxExponentMismatches;
    uint32 maxMantissaMeanThousandths;
    uint32 maxMantissaMedianThousandths;
}

/// @notice One chunk's proof and the support it is judged against.
/// @param proof Modulus and `topk` coefficients, see `ToplocFormat`.
/// @param support `topk` points of four bytes, bfloat16 pattern and index, both big-endian: the activations of
/// greatest magnitude, ties to the lower index, greatest first. Twin of protocol/spec/toploc/support.py.
/// @param topk Points of a proof, 16 to 128.
/// @param elements Activations of the chunk, 1 to 65497. With fewer than `topk`, +0.0 at the indices from `elements`
/// on fills the support up.
struct ToplocCase {
    bytes proof;
    bytes support;
    uint256 topk;
    uint256 elements;
}
