// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ToplocCase, ToplocReason, ToplocThresholds} from "../types/Toploc.sol";
import {ToplocComparison, ToplocTally} from "./ToplocComparison.sol";
import {CLAIMS, KEYS, POINTS, PREIMAGE, ToplocMemory} from "./ToplocMemory.sol";
import {ToplocPolynomial} from "./ToplocPolynomial.sol";
import {ToplocSupport} from "./ToplocSupport.sol";

/// @title The TOPLOC verdict: whether a proof lies near enough to given activations
/// @notice All that protocol/spec/toploc decides about one chunk, in the order of verdict.py.
/// @dev The plain twin is tests/contracts/utils/ReadableToplocVerdict.sol.
library ToplocVerdict {
    /// @notice A proof has 16 to 128 points.
    error ToplocVerdict_BadTopk(uint256 topk);

    /// @notice A chunk has 1 to 65497 elements.
    error ToplocVerdict_BadElements(uint256 elements);

    /// @dev Indices drawn for the off-support test.
    uint256 private constant DRAWS = 16;
    bytes32 private constant DRAW = keccak256("cupel.toploc-off-support.v1");

    /// @dev Byte t: with up to how many different keys t landings are allowed. Twin of off_support.py.
    bytes16 private constant MOST_KEYS = hex"000000000103070b121a253141546b8b";

    /// @notice Why the proof is refused, `None` if it is accepted.
    function judge(ToplocCase memory c, ToplocThresholds memory thresholds)
        internal
        pure
        returns (ToplocReason reason)
    {
        ToplocTally memory tally;
        uint256 free = ToplocMemory.take();
        reason = _judge(c, thresholds, tally);
        ToplocMemory.release(free);
    }

    /// @notice `judge`, and `offSupport` of an accepted proof: together little dearer than one.
    function judgeWithOffSupport(ToplocCase memory c, ToplocThresholds memory thresholds, bytes32 seed)
        internal
        pure
        returns (ToplocReason reason)
    {
        ToplocTally memory tally;
        uint256 free = ToplocMemory.take();
        reason = _judge(c, thresholds, tally);
        if (reason == ToplocReason.None) reason = _offSupport(c, tally.keys, seed);
        ToplocMemory.release(free);
    }

    /// @notice Whether the polynomial looks like chance where it proves nothing: `OffSupport` if too many of its values
    /// at drawn indices outside the support have a sign and exponent of the support.
    /// @param seed Known to nobody when the proof was committed to.
    function offSupport(ToplocCase memory c, bytes32 seed) internal pure returns (ToplocReason reason) {
        ToplocTally memory tally;
        uint256 free = ToplocMemory.take();
        reason = _compare(c, 0, tally);
        if (reason == ToplocReason.None) {
            ToplocComparison.survey(tally, c.elements < c.topk ? c.elements : c.topk, 0);
            reason = _offSupport(c, tally.keys, seed);
        }
        ToplocMemory.release(free);
    }

    function _judge(ToplocCase memory c, ToplocThresholds memory thresholds, ToplocTally memory tally)
        private
        pure
        returns (ToplocReason)
    {
        uint256 limit = thresholds.maxMantissaMedianThousandths / 1000;
        ToplocReason reason = _compare(c, limit, tally);
        if (reason != ToplocReason.None) return reason;
        uint256 own = c.elements < c.topk ? c.elements : c.topk;
        (uint256 total, uint256 agreeing, uint256 within) = (tally.errors, tally.agreeing, tally.within);
        uint256 penalty = total + ToplocComparison.DISAGREEMENT * (own - agreeing);
        if (agreeing == 0) {
            (total, agreeing) = (ToplocComparison.DISAGREEMENT, 1);
            within = limit < ToplocComparison.DISAGREEMENT ? 0 : 1;
        }
        if (tally.mismatches > thresholds.maxExponentMismatches) return ToplocReason.Exponent;
        if (1000 * total > thresholds.maxMantissaMeanThousandths * agreeing) {
            return ToplocReason.MantissaMean;
        }
        // The upper median exceeds the limit iff at most half of the errors, rounded down, are within it.
        if (within <= agreeing / 2) return ToplocReason.MantissaMedian;
        uint256 least = ToplocComparison.survey(tally, own, penalty);
        // A chunk of one repeated pattern leaves nothing to beat.
        return penalty >= least && least > 0 ? ToplocReason.Constant : ToplocReason.None;
    }

    /// @dev What is wrong before anything is compared with a threshold.
    /// @param limit Mantissa error up to which `tally.within` counts.
    function _compare(ToplocCase memory c, uint256 limit, ToplocTally memory tally)
        private
        pure
        returns (ToplocReason)
    {
        if (c.topk < 16 || c.topk > 128) revert ToplocVerdict_BadTopk(c.topk);
        if (c.elements == 0 || c.elements > ToplocPolynomial.FIELD) {
            revert ToplocVerdict_BadElements(c.elements);
        }
        uint256 places = c.elements < c.topk ? c.topk : c.elements;
        ToplocReason reason = ToplocPolynomial.load(c.proof, c.topk, places);
        if (reason != ToplocReason.None) return reason;
        ToplocSupport.read(c.support, c.topk, c.elements);
        ToplocPolynomial.evaluate(POINTS, c.topk, CLAIMS);
        ToplocComparison.count(tally, c.topk, c.elements, limit);
        // The first point is the greatest.
        bool isFinite = (ToplocSupport.point(0) >> 16) & 0x7fff < 0x7f80;
        return isFinite ? ToplocReason.None : ToplocReason.NonFinite;
    }

    /// @dev Twin of protocol/spec/toploc/off_support.py, after the survey. An index drawn twice counts once.
    function _offSupport(ToplocCase memory c, uint256 keys, bytes32 seed)
        private
        pure
        returns (ToplocReason)
    {
        // No index is outside the support.
        if (c.elements <= c.topk) return ToplocReason.None;
        uint256 elements = c.elements;
        bytes32 domain = DRAW;
        uint256 landings = 0;
        assembly ("memory-safe") {
            mstore(PREIMAGE, domain)
            mstore(add(PREIMAGE, 0x20), seed)
            for { let i := 0 } lt(i, DRAWS) { i := add(i, 1) } {
                mstore(add(PREIMAGE, 0x40), i)
                mstore(add(POINTS, shl(2, i)), shl(224, mod(keccak256(PREIMAGE, 0x60), elements)))
            }
        }
        ToplocPolynomial.evaluate(POINTS, DRAWS, CLAIMS);
        assembly ("memory-safe") {
            for { let i := 0 } lt(i, DRAWS) { i := add(i, 1) } {
                let claim := mload(add(CLAIMS, shl(2, i)))
                let asked := and(shr(224, claim), 1)
                landings := add(landings, gt(byte(0, mload(add(KEYS, shr(247, claim)))), asked))
            }
        }
        uint256 allowed = 0;
        while (uint8(MOST_KEYS[allowed]) < keys) {
            ++allowed;
        }
        return landings > allowed ? ToplocReason.OffSupport : ToplocReason.None;
    }
}
