// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ChallengeStatus} from "../types/Challenge.sol";
import {MemberStatus} from "../types/Membership.sol";

/// @title Why the hub refuses
interface IHubErrors {
    /// @notice A token or a judge called back while the hub was calling it.
    error Hub_Reentered();

    // Time. Every window is open from its first second on and shut from its last on: no second belongs to both sides.

    /// @notice This is possible from `opens` on.
    error Hub_TooEarly(uint256 opens);
    /// @notice This was possible until before `closes`.
    error Hub_TooLate(uint256 closes);

    // Tasks

    /// @notice A task parameter is out of bounds.
    /// @param name Name of the field, or of the sum it is part of, as ASCII padded with zeros.
    error Hub_BadParameter(bytes32 name);
    /// @notice A pinned contract has other code than the parameters say.
    error Hub_CodeMismatch(address code, bytes32 expected, bytes32 actual);
    /// @notice Only the creator named in the parameters may do this.
    error Hub_NotCreator(address caller, address creator);
    /// @notice A task with these parameters was created before.
    error Hub_TaskExists(bytes32 task);
    /// @notice No task with these parameters was created.
    error Hub_TaskUnknown(bytes32 task);
    /// @notice The whole bounty is reserved, or spent.
    error Hub_NothingToRefund(bytes32 task);
    /// @notice The round does not exist in this task.
    error Hub_RoundUnknown(uint256 round, uint256 rounds);
    /// @notice The round's beacon is set already.
    error Hub_RoundAlreadyOpen(uint256 round);

    // Members

    /// @notice This node joined the task before. A node address serves one membership in a task.
    error Hub_MemberExists(bytes32 task, address node);
    /// @notice The membership does not exist, or is not in a state that allows this.
    error Hub_MemberNotActive(bytes32 task, address node, MemberStatus status);
    /// @notice Only the owner of the membership may do this.
    error Hub_NotOwner(address caller, address owner);
    /// @notice The node key did not sign this consent.
    error Hub_BadConsent(address node);
    /// @notice Pay cannot go to the zero address or to the hub.
    error Hub_BadPayout(address payout);
    /// @notice The bounty pays for fewer unreserved units than the quota asks for.
    error Hub_BountyTooSmall(uint256 asked, uint256 available);
    /// @notice No whole round is left to work in.
    error Hub_JoinClosed(uint256 firstRound, uint256 rounds);
    /// @notice Commitments from `cursor` up to `next` are still to be claimed.
    error Hub_CommitmentsUnpaid(uint256 cursor, uint256 next);

    // Commitments

    /// @notice The round has no beacon yet: call `openRound` first.
    error Hub_RoundNotOpen(uint256 round);
    /// @notice The round's beacon is another: the work was done for a chain that was reorganised away. Do it again.
    error Hub_BeaconStale(bytes32 named, bytes32 actual);
    /// @notice The node's next commitment has another sequence: another transaction of the node came first.
    error Hub_SequenceStale(uint256 named, uint256 next);
    /// @notice The node may only commit to `nextRound` and later.
    error Hub_RoundUsed(uint256 round, uint256 nextRound);
    /// @notice The node did not sign commitment `sequence` with these contents under the round's beacon.
    error Hub_BadSignature(address node, uint256 sequence);
    /// @notice The batch is empty.
    error Hub_BatchEmpty();
    /// @notice Units must be at least one and at most `limit`.
    error Hub_BadUnits(uint256 units, uint256 limit);
    /// @notice 64 commitments are unpaid: claim the oldest first.
    error Hub_RingFull(uint256 sequence);
    /// @notice The task has no such version; version 0 is the genesis and needs no claim.
    error Hub_VersionUnknown(uint256 version, uint256 versions);
    /// @notice A checkpoint stands for this version and its poster has not been slashed.
    error Hub_CheckpointExists(uint256 version, address poster);
    /// @notice The ring does not hold this commitment.
    error Hub_CommitmentUnknown(uint256 sequence);

    // Challenges

    /// @notice The judge is not among the task's.
    error Hub_JudgeUnknown(address judge);
    /// @notice Only the challenge's judge may give a verdict.
    error Hub_NotJudge(address caller, address judge);
    /// @notice The challenge does not exist or is over.
    error Hub_ChallengeNotPending(uint256 challengeId, ChallengeStatus status);
    /// @notice The same challenge, in the same second, is before the judge already.
    error Hub_ChallengeExists(uint256 challengeId);
    /// @notice The judge, asked for its first answer, said nothing or what is no verdict.
    error Hub_BadAnswer(address judge);
    /// @notice A verdict must be Guilty, NotGuilty or Dismissed.
    error Hub_NoVerdict(uint256 challengeId);

    // Money

    /// @notice The amount must not be zero.
    error Hub_AmountZero();
    /// @notice The token moved another amount than asked: fee-on-transfer and rebasing tokens are refused.
    error Hub_TransferMismatch(uint256 asked, uint256 moved);
    /// @notice The batch does not continue at the pay cursor.
    error Hub_SequenceGap(uint256 sequence, uint256 cursor);
    /// @notice A challenge to this commitment is pending.
    error Hub_SequenceBlocked(uint256 sequence);
    /// @notice The batch holds no commitment at or after the pay cursor.
    error Hub_NothingToClaim(uint256 cursor);
    /// @notice The account has no credit in this token.
    error Hub_NothingToWithdraw(address token, address account);
}
