// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {HostileJudge, Manner} from "./HostileJudge.sol";
import {Case, Entry} from "./Model.sol";
import {MoneySteps} from "./MoneySteps.sol";
import {IHub} from "contracts/interfaces/IHub.sol";
import {IJudge} from "contracts/interfaces/IJudge.sol";
import {Challenge, ChallengeStatus} from "contracts/types/Challenge.sol";
import {Commitment, MemberStatus, SignedCommit} from "contracts/types/Membership.sol";

/// @title Challenges, verdicts in and out of order, judges and tokens that call back
/// @dev The fair judge tells the truth or says nothing. The hostile one says anything, but finds node 0 guilty only where
/// the hub must not listen: so node 0 keeps its stake.
abstract contract DisputeSteps is MoneySteps {
    uint256 private _accusations;
    uint256 private _planTask;
    uint256 private _planNode;

    /// @dev One challenge, or several to the same commitment at once.
    function accuse(uint256 seed) external step(seed) {
        uint256 i = drawTask();
        uint256 j = _drawAccused(i);
        uint256 size = history[i][j].length;
        if (size == 0) return;
        uint256 back = draw(draw(4) == 0 ? size : (size < 3 ? size : 3));
        for (uint256 rest = draw(6) == 0 ? 4 : 1; rest != 0; --rest) {
            if (draw(3) == 0) _accuseBeforeHostile(i, j, size - 1 - back);
            else _accuseBeforeFair(i, j, size - 1 - back);
        }
    }

    /// @dev A judge speaks, asked or not.
    function decide(uint256 seed) external step(seed) {
        if (cases.length == 0) return;
        uint256 k = _drawCase(true);
        Case storage case_ = cases[k];
        bool isFair = case_.c.judge == address(fair);
        bool heard = case_.status == ChallengeStatus.Pending && block.timestamp < case_.c.deadline;
        bool isFalse = history[case_.i][case_.j][case_.c.sequence].isFalse;
        IJudge.Verdict said = IJudge.Verdict(draw(4));
        if (isFair && said == IJudge.Verdict.Guilty && !isFalse) said = IJudge.Verdict.NotGuilty;
        if (isFair && said > IJudge.Verdict.Guilty && isFalse) said = IJudge.Verdict.Guilty;
        if (heard && case_.j == 0 && said == IJudge.Verdict.Guilty) said = IJudge.Verdict.Dismissed;
        bool predicted = heard && said != IJudge.Verdict.Pending;
        string memory what = block.timestamp >= case_.c.deadline ? "late verdict" : "verdict";
        attempt(case_.c.judge, abi.encodeCall(IHub.verdict, (case_.c, said)), predicted, what);
        if (predicted) cases[k].status = _settle(case_.i, case_.j, case_.c, said, "later");
    }

    /// @dev Somebody who may not, or about something that was not recorded.
    function forge(uint256 seed) external step(seed) {
        if (cases.length == 0) return;
        Challenge memory c = cases[_drawCase(true)].c;
        address from = c.judge;
        uint256 how = draw(14);
        if (how == 0) c.task = sites[c.task == sites[0].id ? 1 : 0].id;
        if (how == 1) c.node = STRANGER;
        if (how == 2) c.sequence ^= 1;
        if (how == 3) c.challenger = PAYOUT;
        if (how == 4) c.token = STRANGER;
        if (how == 5) c.stake *= 2;
        if (how == 6) c.bond *= 2;
        if (how == 7) c.deadline += 1000;
        if (how == 8) c.evidenceHash = ~c.evidenceHash;
        if (how == 9) (c.judge, from) = (STRANGER, STRANGER);
        if (how == 10) from = c.challenger;
        if (how == 11) from = c.node == c.judge ? PAYOUT : c.node;
        if (how == 12) from = STRANGER;
        if (how == 13) from = c.judge == address(fair) ? address(sites[third].judge) : address(fair);
        attempt(from, abi.encodeCall(IHub.verdict, (c, IJudge.Verdict.Guilty)), false, "forged verdict");
    }

    function expire(uint256 seed) external step(seed) {
        if (cases.length != 0) _expire(_drawCase(draw(3) == 0));
    }

    /// @dev Mostly a member whose last commitment can be challenged.
    function _drawAccused(uint256 i) private returns (uint256 j) {
        j = draw(NODES);
        if (draw(6) == 0) return j;
        for (uint256 k = 0; k < NODES; ++k) {
            uint256 other = (j + k) % NODES;
            uint256 size = history[i][other].length;
            bool fresh = size != 0 && block.timestamp < history[i][other][size - 1].c.time + WINDOW;
            if (fresh && isStaked(i, other)) return other;
        }
    }

    /// @dev Mostly one of the last open ones, and mostly one that a judge can still answer, or one that it cannot.
    function _drawCase(bool inTime) private returns (uint256 k) {
        uint256 last = cases.length - 1;
        k = draw(last + 1);
        if (draw(6) == 0) return k;
        for (uint256 back = 0; back < 16 && back <= last; ++back) {
            Case storage case_ = cases[last - back];
            bool open_ = case_.status == ChallengeStatus.Pending;
            if (open_ && inTime == block.timestamp < case_.c.deadline) return last - back;
        }
    }

    function _accuseBeforeFair(uint256 i, uint256 j, uint256 k) private {
        bool isFalse = history[i][j][k].isFalse;
        uint256 choice = draw(4);
        IJudge.Verdict said = isFalse ? IJudge.Verdict.Guilty : IJudge.Verdict.NotGuilty;
        if (choice < 2) said = IJudge.Verdict.Pending;
        if (choice == 2 && !isFalse) said = IJudge.Verdict.Dismissed;
        fair.script(said);
        _challenge(i, j, k, address(fair), said, true);
    }

    function _accuseBeforeHostile(uint256 i, uint256 j, uint256 k) private {
        HostileJudge judge = sites[i].judge;
        Manner manner = Manner(draw(5));
        IJudge.Verdict said = IJudge.Verdict(draw(4));
        if (j == 0 && said == IJudge.Verdict.Guilty) said = IJudge.Verdict.Pending;
        judge.script(manner, said);
        bool answers = manner == Manner.Answers || manner == Manner.Reenters;
        _challenge(i, j, k, address(judge), said, answers);
        if (manner == Manner.Reenters) count("reentry", judge.calls() != 0);
        if (sites[i].token.calls() != 0) count("callback", true);
    }

    /// @param answers Whether the judge's answer is one.
    function _challenge(uint256 i, uint256 j, uint256 k, address judge, IJudge.Verdict said, bool answers)
        private
    {
        Entry storage entry = history[i][j][k];
        bytes memory evidence = abi.encode(++_accusations);
        Challenge memory c = _accusation(i, j, entry.c, judge, evidence);
        bool inTime = block.timestamp < entry.c.time + WINDOW;
        bool predicted = isStaked(i, j) && inTime && answers && sites[i].token.movesIn();
        bytes memory data =
            abi.encodeCall(IHub.challenge, (paramsOf(i), seats[i][j].node, entry.c, judge, evidence));
        bool byPermit = draw(4) == 0;
        fund(i, CHALLENGER, c.bond);
        (_planTask, _planNode) = (i, j);
        if (byPermit) data = withPermit(i, CHALLENGER_KEY, c.bond, data);
        // A judge that answers nothing, or nonsense, is refused by the decoder, without a name.
        attemptUnnamed(CHALLENGER, data, predicted, byPermit ? "challenge by permit" : "challenge");
        if (byPermit) renewAllowance(i, CHALLENGER);
        if (!predicted) return;

        ++entry.open;
        bookOf(i).bonds += c.bond;
        if (said == IJudge.Verdict.Pending) {
            cases.push(Case(c, i, j, ChallengeStatus.Pending));
            return;
        }
        // INVARIANT: of a challenge that is answered at once the hub keeps nothing.
        cases.push(Case(c, i, j, ChallengeStatus.None));
        _settle(i, j, c, said, "at once");
    }

    function _accusation(uint256 i, uint256 j, Commitment memory about, address judge, bytes memory evidence)
        private
        view
        returns (Challenge memory)
    {
        return Challenge({
            task: sites[i].id,
            node: seats[i][j].node,
            sequence: about.sequence,
            judge: judge,
            challenger: CHALLENGER,
            token: address(sites[i].token),
            stake: STAKE,
            bond: paramsOf(i).bond,
            deadline: uint40(block.timestamp + paramsOf(i).disputeSeconds),
            evidenceHash: keccak256(evidence)
        });
    }

    /// @dev Calls that anybody, or the judge as a judge and as a member, might make from outside.
    function plan() external view returns (bytes[] memory calls) {
        (uint256 i, uint256 j) = (_planTask, _planNode);
        bytes32 id = sites[i].id;
        address node = seats[i][j].node;
        Challenge memory pending;
        if (cases.length != 0) pending = cases[cases.length - 1].c;
        calls = new bytes[](12);
        calls[0] = abi.encodeCall(IHub.verdict, (pending, IJudge.Verdict.Guilty));
        calls[1] = abi.encodeCall(IHub.expire, (pending));
        calls[2] = abi.encodeCall(IHub.claim, (paramsOf(i), node, _batch(i, j, seats[i][j].cursor, 1)));
        calls[3] = abi.encodeCall(IHub.exit, (paramsOf(i), node));
        calls[4] = abi.encodeCall(IHub.withdraw, (address(sites[i].token), BURN));
        calls[5] = abi.encodeCall(IHub.requestExit, (id, address(sites[i].judge)));
        calls[6] = abi.encodeCall(IHub.commit, (id, 0, 0, 0, 0, 0, 1));
        calls[7] = abi.encodeCall(IHub.postCheckpoint, (id, 1, 0));
        calls[8] = abi.encodeCall(IHub.commitBatch, (id, 0, new SignedCommit[](1)));
        calls[9] = abi.encodeCall(IHub.join, (paramsOf(i), STRANGER, STRANGER, 1, ""));
        calls[10] = abi.encodeCall(IHub.topUp, (paramsOf(i), 1));
        bytes[] memory inner = new bytes[](1);
        inner[0] = calls[3];
        calls[11] = abi.encodeWithSignature("multicall(bytes[])", inner);
    }
}
