// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAggregateJudge} from "../../interfaces/IAggregateJudge.sol";
import {IJudge} from "../../interfaces/IJudge.sol";
import {AggregateVerbatim} from "../../libraries/AggregateVerbatim.sol";
import {CheckpointFile} from "../../libraries/CheckpointFile.sol";
import {Pieces} from "../../libraries/Pieces.sol";
import {
    AggregateAnswer,
    AggregateClaim,
    AggregateEntry,
    AggregateGame,
    AggregateMatter,
    AggregateStage
} from "../../types/AggregateGame.sol";
import {Challenge} from "../../types/Challenge.sol";
import {Commitment} from "../../types/Membership.sol";
import {TaskParams} from "../../types/Task.sol";
import {AggregateSets} from "./AggregateSets.sol";

/// @title What is disputed, and the accused's first word
abstract contract AggregateAnswers is AggregateSets {
    /// @dev So many rounds after a commitment its ring of 64 still holds it: in a round a node appends to it a commitment
    /// and, while versions are posted as they come, a version.
    uint256 private constant RING_ROUNDS = 31;

    /// @inheritdoc IJudge
    function open(
        uint256 challengeId,
        Challenge calldata challenge,
        TaskParams calldata p,
        Commitment calldata c,
        bytes calldata evidence
    ) external returns (Verdict) {
        _checkFront(challengeId, challenge);
        if (c.units != 0) revert AggregateJudge_NotVersion(c.sequence);
        if (evidence.length != 0) revert AggregateJudge_EvidenceUndecodable(evidence.length);
        uint256 needed = neededSeconds();
        if (needed > p.disputeSeconds) revert AggregateJudge_DisputeTooShort(needed, p.disputeSeconds);
        AggregateMatter memory matter = AggregateMatter({
            task: challenge.task,
            version: c.round,
            digest: c.manifest,
            back: 0,
            postedAt: c.time,
            genesisDigest: p.genesisDigest,
            start: p.start,
            roundSeconds: p.roundSeconds,
            commitSeconds: p.commitSeconds,
            challengeWindow: p.challengeWindow,
            disputeSeconds: p.disputeSeconds
        });
        _checkAge(matter);

        AggregateGame memory game;
        (game.front, game.accused, game.challenger) = (msg.sender, challenge.node, challenge.challenger);
        (game.accusedSeconds, game.challengerSeconds) = (clockSeconds, clockSeconds);
        game.movedAt = uint40(block.timestamp);
        game.subject = keccak256(abi.encode(matter));
        _keep(challengeId, game);
        emit VersionDisputed(challengeId, challenge.node, game, matter);
        return Verdict.Pending;
    }

    /// @inheritdoc IAggregateJudge
    function answer(
        Challenge calldata challenge,
        AggregateGame calldata game,
        AggregateMatter calldata matter,
        AggregateAnswer calldata move
    ) external {
        uint256 challengeId = _idOf(challenge);
        AggregateGame memory next = _begin(challengeId, game, AggregateStage.Answer);
        _requireSubject(game, AggregateVerbatim.hash(matter));
        AggregateClaim memory claim = _readManifests(matter, move);
        if (!_isPossible(matter, move, claim)) return _convict(challengeId, challenge, game);
        _fixTime(matter, move, claim);
        (address[] memory nodes, bytes32[] memory manifests) = _fixSet(matter, move, claim);
        if (move.unreadable) return _end(challengeId, challenge, game, Verdict.Dismissed, false);

        (claim.nodes, claim.manifests) = (keccak256(abi.encode(nodes)), keccak256(abi.encode(manifests)));
        claim.count = uint32(manifests.length);
        next.stage = AggregateStage.Charge;
        next.subject = keccak256(abi.encode(claim));
        _keep(challengeId, next);
        emit VersionAnswered(challengeId, next, claim, nodes, manifests);
    }

    /// @inheritdoc IAggregateJudge
    function goBack(
        uint256 challengeId,
        AggregateGame calldata game,
        AggregateMatter calldata matter,
        AggregateClaim calldata claim
    ) external {
        AggregateGame memory next = _begin(challengeId, game, AggregateStage.Charge);
        _requireClaim(game, claim);
        _requireMatter(claim, matter);
        if (matter.back == MAX_BACK || matter.version == 1) revert AggregateJudge_NoWayBack(matter.back);
        AggregateMatter memory earlier = matter;
        (earlier.version, earlier.digest) = (matter.version - 1, claim.parentDigest);
        earlier.back = matter.back + 1;
        _checkAge(earlier);

        next.stage = AggregateStage.Answer;
        next.subject = keccak256(abi.encode(earlier));
        _keep(challengeId, next);
        emit WentBack(challengeId, next, earlier);
    }

    /// @dev A caller that is not the challenge's judge, or the hub where this is, would play with itself alone; it must not
    /// take the place of a game that is on.
    function _checkFront(uint256 challengeId, Challenge calldata challenge) private view {
        address judge = msg.sender == hub ? address(this) : msg.sender;
        bool isOwn = challenge.judge == judge && challengeId == _idOf(challenge);
        if (!isOwn || gameHash[challengeId] != 0) revert AggregateJudge_NotFront(msg.sender);
    }

    /// @dev The last answer must find the commitments of the version's round in their rings.
    function _checkAge(AggregateMatter memory matter) private view {
        uint256 last =
            uint256(matter.start) + (uint256(matter.version) - 1 + RING_ROUNDS) * matter.roundSeconds;
        uint256 answered = block.timestamp + (clockSeconds < graceSeconds ? graceSeconds : clockSeconds);
        if (answered > last) revert AggregateJudge_TooOld(last);
    }

    function _readManifests(AggregateMatter calldata matter, AggregateAnswer calldata move)
        private
        pure
        returns (AggregateClaim memory claim)
    {
        bytes32 parentDigest = sha256(move.parentManifest);
        _checkManifest(move.manifest, matter.digest);
        _checkManifest(move.parentManifest, parentDigest);
        if (!CheckpointFile.namesParent(move.manifest, move.parentAt, parentDigest)) {
            revert AggregateJudge_ManifestNotProven(parentDigest);
        }
        claim.matter = AggregateVerbatim.hash(matter);
        (claim.version, claim.task) = (matter.version, matter.task);
        (claim.root, claim.parentDigest) = (bytes32(move.manifest[:32]), parentDigest);
        claim.parentRoot = bytes32(move.parentManifest[:32]);
        // casting is safe: a head has 8 bytes for it
        // forge-lint: disable-next-line(unsafe-typecast)
        claim.fileBytes = uint64(Pieces.length(move.manifest));
    }

    function _checkManifest(bytes calldata manifest, bytes32 digest) private pure {
        bool isShown = manifest.length <= CheckpointFile.MAX_MANIFEST_BYTES && sha256(manifest) == digest
            && Pieces.hasHead(manifest);
        if (!isShown) revert AggregateJudge_ManifestNotProven(digest);
    }

    /// @dev Checkpoints of a task are of one length, and version 0 is the task's.
    function _isPossible(
        AggregateMatter calldata matter,
        AggregateAnswer calldata move,
        AggregateClaim memory claim
    ) private pure returns (bool) {
        bool isGenesis =
            matter.version != 1 || claim.parentDigest == matter.genesisDigest;
        return isGenesis && claim.fileBytes == Pieces.length(move.parentManifest);
    }

    /// @dev When the version was decided, and whether its round had been given up by then. Twin of `decided_at` and
    /// `given_up_at` in protocol/spec/rounds.py.
    function _fixTime(
        AggregateMatter calldata matter,
        AggregateAnswer calldata move,
        AggregateClaim memory claim
    ) private view {
        uint256 first = matter.postedAt;
        if (move.earliest.node != address(0)) first = _timeOfPosting(matter, move.earliest);
        uint256 decided = _decidedAt(matter, first);
        claim.decidedAt = uint40(decided);
        claim.givenUp = decided >= _givenUpAt(matter);
    }

    /// @dev The accepted nodes, and the manifests of those whose update counts.
    function _fixSet(
        AggregateMatter calldata matter,
        AggregateAnswer calldata move,
        AggregateClaim memory claim
    ) private view returns (address[] memory nodes, bytes32[] memory manifests) {
        uint256 count = move.entries.length;
        if (claim.givenUp && count != 0) revert AggregateJudge_OutOfRange(count, 0);
        nodes = new address[](count);
        manifests = new bytes32[](count);
        uint256 counted = 0;
        uint256 fault = 0;
        for (uint256 i = 0; i < count; ++i) {
            AggregateEntry calldata entry = move.entries[i];
            bool isNext = i == 0 || entry.node > nodes[i - 1];
            if (!isNext || !_isAccepted(matter, claim.decidedAt, entry)) {
                revert AggregateJudge_EntryUnfit(entry.node, entry.commitment.sequence);
            }
            nodes[i] = entry.node;
            if (fault < move.faults.length && move.faults[fault].entry == i) {
                _checkFault(entry.commitment.manifest, move.faults[fault]);
                ++fault;
            } else {
                manifests[counted] = entry.commitment.manifest;
                ++counted;
            }
        }
        if (fault != move.faults.length) revert AggregateJudge_NoFault(move.faults[fault].entry);
        assembly ("memory-safe") {
            // Shorter than it was made: `manifests.length = counted`.
            mstore(manifests, counted)
        }
    }
}
