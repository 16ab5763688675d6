// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAggregateJudge} from "../../interfaces/IAggregateJudge.sol";
import {IHub} from "../../interfaces/IHub.sol";
import {AggregateVerbatim} from "../../libraries/AggregateVerbatim.sol";
import {MxInt8} from "../../libraries/MxInt8.sol";
import {Pieces} from "../../libraries/Pieces.sol";
import {
    AggregateClaim,
    AggregateEntry,
    AggregateFault,
    AggregateGame,
    AggregateMatter,
    AggregateStage
} from "../../types/AggregateGame.sol";
import {Challenge} from "../../types/Challenge.sol";
import {Commitment, Member, MemberStatus} from "../../types/Membership.sol";
import {AggregateBase} from "./AggregateBase.sol";

/// @title Which commitments make a version, as the hub tells it
/// @dev Twin of `accepted_work` in protocol/spec/rounds.py.
/// SOUND: an honest poster lists all that are accepted, and says the earliest posting; the hub's rings convict nobody else.
abstract contract AggregateSets is AggregateBase {
    uint256 private constant RING = 64;

    /// @inheritdoc IAggregateJudge
    function chargeOmitted(
        Challenge calldata challenge,
        AggregateGame calldata game,
        AggregateMatter calldata matter,
        AggregateClaim calldata claim,
        address[] calldata nodes,
        AggregateEntry calldata omitted
    ) external {
        uint256 challengeId = _charge(challenge, game, matter, claim);
        if (keccak256(abi.encode(nodes)) != claim.nodes) revert AggregateJudge_OtherSubject(claim.nodes);
        if (claim.givenUp || !_isAccepted(matter, claim.decidedAt, omitted)) {
            revert AggregateJudge_ChargeFails();
        }
        for (uint256 i = 0; i < nodes.length; ++i) {
            if (nodes[i] == omitted.node) revert AggregateJudge_ChargeFails();
        }

        _convict(challengeId, challenge, game);
    }

    /// @inheritdoc IAggregateJudge
    function chargeDecided(
        Challenge calldata challenge,
        AggregateGame calldata game,
        AggregateMatter calldata matter,
        AggregateClaim calldata claim,
        AggregateEntry calldata earlier
    ) external {
        uint256 challengeId = _charge(challenge, game, matter, claim);
        uint256 decided = _decidedAt(matter, _timeOfPosting(matter, earlier));
        if (decided >= claim.decidedAt) revert AggregateJudge_ChargeFails();

        _convict(challengeId, challenge, game);
    }

    /// @inheritdoc IAggregateJudge
    function chargeFault(
        Challenge calldata challenge,
        AggregateGame calldata game,
        AggregateMatter calldata matter,
        AggregateClaim calldata claim,
        bytes32[] calldata manifests,
        AggregateFault calldata fault
    ) external {
        uint256 challengeId = _charge(challenge, game, matter, claim);
        if (keccak256(abi.encode(manifests)) != claim.manifests) {
            revert AggregateJudge_OtherSubject(claim.manifests);
        }
        if (fault.entry >= manifests.length) {
            revert AggregateJudge_OutOfRange(fault.entry, manifests.length);
        }
        _checkFault(manifests[fault.entry], fault);

        _convict(challengeId, challenge, game);
    }

    function _charge(
        Challenge calldata challenge,
        AggregateGame calldata game,
        AggregateMatter calldata matter,
        AggregateClaim calldata claim
    ) private view returns (uint256 challengeId) {
        challengeId = _idOf(challenge);
        _begin(challengeId, game, AggregateStage.Charge);
        _requireClaim(game, claim);
        _requireMatter(claim, matter);
    }

    function _requireMatter(AggregateClaim calldata claim, AggregateMatter calldata matter) internal pure {
        if (AggregateVerbatim.hash(matter) != claim.matter) revert AggregateJudge_OtherSubject(claim.matter);
    }

    /// @dev Whether the hub holds such work of the version's round, of a node that had not been slashed by then.
    function _isAccepted(AggregateMatter calldata matter, uint256 decided, AggregateEntry calldata entry)
        internal
        view
        returns (bool)
    {
        Commitment calldata c = entry.commitment;
        _checkHeld(matter.task, entry);
        if (c.units == 0 || uint256(c.round) + 1 != matter.version) return false;
        Member memory member = IHub(hub).memberOf(matter.task, entry.node);
        // Of a slashed member this is the time.
        return member.status != MemberStatus.Slashed || member.challenged >= decided;
    }

    /// @dev When the version, or a later one, was posted for the first time, as far as `posting` shows.
    function _timeOfPosting(AggregateMatter calldata matter, AggregateEntry calldata posting)
        internal
        view
        returns (uint256)
    {
        Commitment calldata c = posting.commitment;
        _checkHeld(matter.task, posting);
        if (c.units != 0 || c.round < matter.version || c.time > matter.postedAt) {
            revert AggregateJudge_PostingUnfit(c.round, c.time);
        }
        return c.time;
    }

    /// @dev Beginning of the round in which the version was first posted.
    function _decidedAt(AggregateMatter calldata matter, uint256 first) internal pure returns (uint256) {
        uint256 end = uint256(matter.start) + uint256(matter.version) * matter.roundSeconds;
        return end + (first - end) / matter.roundSeconds * matter.roundSeconds;
    }

    /// @dev Beginning of the first round in which nobody can lose a stake over a commitment of the version's round.
    function _givenUpAt(AggregateMatter calldata matter) internal pure returns (uint256) {
        uint256 over = (uint256(matter.version) - 1) * matter.roundSeconds + matter.commitSeconds
            + matter.challengeWindow + matter.disputeSeconds;
        uint256 rounds = (over + matter.roundSeconds - 1) / matter.roundSeconds;
        return uint256(matter.start) + rounds * matter.roundSeconds;
    }

    /// @dev What is shown lies under the node's own commitment, and no update has such a file.
    function _checkFault(bytes32 digest, AggregateFault calldata fault) internal view {
        bytes calldata manifest = fault.manifest;
        if (sha256(manifest) != digest) revert AggregateJudge_ManifestNotProven(digest);
        if (!Pieces.hasHead(manifest) || Pieces.length(manifest) != MxInt8.fileBytes(parameters)) return;
        uint256 place = _placeIn(bytes32(manifest[:32]), Pieces.length(manifest), fault.offset, fault.piece);
        bytes1 found = fault.piece.data[place];
        if (!MxInt8.isFault(parameters, _maxExponent(), fault.offset, found)) {
            revert AggregateJudge_NoFault(fault.entry);
        }
    }

    function _checkHeld(bytes32 task, AggregateEntry calldata entry) private view {
        Commitment calldata c = entry.commitment;
        bytes32 held = IHub(hub).commitmentHash(task, entry.node, c.sequence % RING);
        if (held != AggregateVerbatim.hash(c)) revert AggregateJudge_EntryUnknown(entry.node, c.sequence);
    }
}
