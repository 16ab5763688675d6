// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {MemberSteps} from "./MemberSteps.sol";
import {Entry, Seat} from "./Model.sol";
import {IHub} from "contracts/interfaces/IHub.sol";
import {Commitment, MemberStatus, SignedCommit} from "contracts/types/Membership.sol";
import {TaskParams} from "contracts/types/Task.sol";

/// @title Commitments: alone, relayed, of checkpoints
abstract contract WorkSteps is MemberSteps {
    uint256 internal constant UNITS_PER_ROUND = 8;

    /// @dev Goes on to the next commit window and lets every member work, each alone or all through a relayer.
    function work(uint256 seed) external step(seed) {
        uint256 i = drawTask();
        (bool found, uint32 round) = _toNextRound(i);
        if (!found) return;
        if (draw(3) == 0) return _relay(i, round);
        for (uint256 j = 0; j < NODES; ++j) {
            _commit(i, j, round, 1 + draw(UNITS_PER_ROUND + 1));
        }
    }

    /// @dev One member of task 1 works for many short rounds, one unit each: so rings fill and come round.
    function toil(uint256 seed) external step(seed) {
        uint256 j = drawSeat(1, true);
        for (uint256 rest = 4 + draw(40); rest != 0; --rest) {
            (bool found, uint32 round) = _toNextRound(1);
            if (!found || !_commit(1, j, round, 1)) return;
            if (round + 1 == paramsOf(1).rounds) return;
            vm.warp(roundStart(paramsOf(1), round + 1));
        }
    }

    function post(uint256 seed) external step(seed) {
        uint256 i = drawTask();
        uint256 j = drawSeat(i, true);
        TaskParams memory p = paramsOf(i);
        uint256 over = block.timestamp < START ? 0 : (block.timestamp - START) / p.roundSeconds;
        uint32 version = uint32(draw((over < p.rounds ? over : p.rounds) + 2));
        bool good = version != 0 && version <= p.rounds && block.timestamp >= roundStart(p, version);
        good = good && _isFree(i, version) && seats[i][j].status == MemberStatus.Active && _hasRoom(i, j);
        _post(i, j, version, good);
    }

    /// @dev A node whose turn it is not, or that nobody asked.
    function intrude(uint256 seed) external step(seed) {
        uint256 i = drawTask();
        bytes memory data = abi.encodeCall(IHub.commit, (sites[i].id, 0, 0, uint32(draw(10)), 0, 0, 1));
        attempt(STRANGER, data, false, "commit of a stranger");
    }

    function _toNextRound(uint256 i) private returns (bool found, uint32 round) {
        TaskParams memory p = paramsOf(i);
        uint256 next = block.timestamp < START ? 0 : (block.timestamp - START) / p.roundSeconds;
        if (block.timestamp >= roundStart(p, next) + p.commitSeconds) ++next;
        if (next >= p.rounds) return (false, 0);
        if (block.timestamp < roundStart(p, next)) vm.warp(roundStart(p, next));
        if (sites[i].opened <= next) openRound(i, next);
        return (true, uint32(next));
    }

    function _hasRoom(uint256 i, uint256 j) private view returns (bool) {
        return history[i][j].length - seats[i][j].cursor < RING;
    }

    function _canCommit(uint256 i, uint256 j, uint256 round, uint256 units) private view returns (bool) {
        Seat storage seat = seats[i][j];
        bool fits = units != 0 && units <= UNITS_PER_ROUND && units <= seat.left;
        return seat.status == MemberStatus.Active && seat.nextRound <= round && fits && _hasRoom(i, j);
    }

    function _commit(uint256 i, uint256 j, uint32 round, uint256 units) private returns (bool predicted) {
        predicted = _canCommit(i, j, round, units);
        bool full = !predicted && !_hasRoom(i, j);
        Commitment memory c = _commitment(i, j, round, uint32(units));
        bytes32 id = sites[i].id;
        bytes32 beacon = hub.beaconOf(id, round);
        bytes memory data =
            abi.encodeCall(IHub.commit, (id, beacon, c.sequence, round, c.root, c.manifest, c.units));
        attempt(seats[i][j].node, data, predicted, full ? "commit to a full ring" : "commit");
        if (predicted) _record(i, j, c);
    }

    function _commitment(uint256 i, uint256 j, uint32 round, uint32 units)
        private
        view
        returns (Commitment memory c)
    {
        c.sequence = uint32(history[i][j].length);
        c.round = round;
        c.root = keccak256(abi.encode(i, j, round));
        c.manifest = keccak256(abi.encode(c.root));
        c.units = units;
        c.time = uint40(block.timestamp);
    }

    function _record(uint256 i, uint256 j, Commitment memory c) private {
        Seat storage seat = seats[i][j];
        if (history[i][j].length >= RING) count("ring comes round", true);
        if (c.units != 0) seat.nextRound = c.round + 1;
        seat.left -= c.units;
        history[i][j].push(Entry({c: c, isFalse: j != 0 && draw(3) == 0, voided: false, open: 0}));
    }

    /// @dev Every member that can commit, and sometimes one signature too many: a replayed one, one over other units,
    /// or one of a member that cannot commit. Then none of the batch counts.
    function _relay(uint256 i, uint32 round) private {
        SignedCommit[] memory batch = new SignedCommit[](NODES);
        Commitment[] memory cs = new Commitment[](NODES);
        uint256 bad = draw(4) == 0 ? draw(NODES) : NODES;
        uint256 size = 0;
        bool predicted = true;
        for (uint256 j = 0; j < NODES; ++j) {
            cs[j] = _commitment(i, j, round, uint32(1 + draw(4)));
            bool able = _canCommit(i, j, round, cs[j].units);
            if (!able && j != bad) continue;
            predicted = predicted && able && j != bad;
            batch[size++] = _sign(i, j, cs[j], j == bad);
        }
        assembly ("memory-safe") {
            mstore(batch, size)
        }
        predicted = predicted && size != 0;
        bytes memory data = abi.encodeCall(IHub.commitBatch, (sites[i].id, round, batch));
        attempt(STRANGER, data, predicted, "commitBatch");
        for (uint256 j = 0; j < NODES && predicted; ++j) {
            if (_canCommit(i, j, round, cs[j].units)) _record(i, j, cs[j]);
        }
    }

    function _sign(uint256 i, uint256 j, Commitment memory c, bool bad)
        private
        returns (SignedCommit memory)
    {
        uint32 sequence = bad && draw(2) == 0 && c.sequence != 0 ? c.sequence - 1 : c.sequence;
        uint32 units = bad && sequence == c.sequence ? c.units + 1 : c.units;
        bytes32 id = sites[i].id;
        bytes32 beacon = hub.beaconOf(id, c.round);
        bytes32 digest = hub.commitDigest(id, beacon, sequence, c.round, c.root, c.manifest, units);
        bytes memory signature;
        if (j == 1) sites[i].judge.approve(digest);
        else signature = signed(seats[i][j].key, digest);
        return SignedCommit(seats[i][j].node, c.root, c.manifest, c.units, signature);
    }

    function _isFree(uint256 i, uint256 version) private view returns (bool) {
        address poster = posters[i][version];
        for (uint256 j = 0; j < NODES; ++j) {
            if (seats[i][j].node == poster) return seats[i][j].status == MemberStatus.Slashed;
        }
        return true;
    }

    function _post(uint256 i, uint256 j, uint32 version, bool predicted) private {
        Commitment memory c = _commitment(i, j, version, 0);
        c.root = keccak256(abi.encode(keccak256("cupel.checkpoint.v1"), version, c.manifest));
        bytes memory data = abi.encodeCall(IHub.postCheckpoint, (sites[i].id, version, c.manifest));
        attempt(seats[i][j].node, data, predicted, "postCheckpoint");
        if (!predicted) return;
        posters[i][version] = seats[i][j].node;
        _record(i, j, c);
    }
}
