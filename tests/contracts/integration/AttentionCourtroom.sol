// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Traces} from "../utils/Traces.sol";
import {Trees} from "../utils/Trees.sol";
import {CanonicalPlay} from "./CanonicalPlay.sol";
import {AttentionJudge} from "contracts/judges/AttentionJudge.sol";
import {CanonicalJudge} from "contracts/judges/CanonicalJudge.sol";
import {LeafContext, RolloutLeaf, RolloutLeaves} from "contracts/libraries/RolloutLeaves.sol";
import {AttentionAnswer} from "contracts/types/Attention.sol";
import {CanonicalChunk, CanonicalMatter, CanonicalStage} from "contracts/types/CanonicalGame.sol";
import {Challenge} from "contracts/types/Challenge.sol";
import {Commitment, Member, MemberStatus} from "contracts/types/Membership.sol";
import {Pinned, TaskParams} from "contracts/types/Task.sol";

/// @title An audit task beside the task of the vectors, and a verifier whose draw is the vectors' rollout
abstract contract AttentionCourtroom is CanonicalPlay {
    uint40 internal constant AUDIT_START = START + 1000;
    uint32 internal constant ANSWERS = 3;

    AttentionJudge internal attention;
    bytes32 internal audit;
    address internal verifier;
    bytes32 internal target;
    RolloutLeaf internal said;
    bytes32[] internal answerHashes;
    Commitment internal answers;

    function prepareAudit(uint256 dispute) internal {
        prepare(dispute);
        attention = new AttentionJudge(address(hub), address(steps), shape, CLOCK, GRACE);
        fund(CREATOR, 1000 ether);
        vm.prank(CREATOR);
        audit = hub.createTask(auditParams(), 1000);
        target = attention.targetOf(task, NODE, keccak256(abi.encode(commitment)));
        joinAudit();
        vm.warp(AUDIT_START);
        vm.roll(1100);
        drawTheRollout();
        hub.openRound(audit, 0);
        // The moves behind the answer are those of the judge of computation.
        judge = CanonicalJudge(address(attention));
    }

    function auditParams() internal view returns (TaskParams memory p) {
        p = params();
        p.genesisDigest = task;
        p.start = AUDIT_START;
        p.problemsPerRound = ANSWERS;
        p.judges[0] = Pinned(address(attention), address(attention).codehash);
    }

    function joinAudit() private {
        verifier = address(0xA0D17);
        fund(verifier, TASK_STAKE);
        vm.prank(verifier);
        hub.join(auditParams(), verifier, verifier, 100, "");
    }

    /// @dev The beacon will have the verifier look at the vectors' rollout.
    function drawTheRollout() private {
        bytes32 random = 0;
        bytes32 parent = blockhash(block.number - 1);
        bytes32 beacon = keccak256(abi.encode(random, parent));
        while (attention.drawnOf(beacon, verifier, target, UNITS) != rollout) {
            random = keccak256(abi.encode(random));
            beacon = keccak256(abi.encode(random, parent));
        }
        vm.prevrandao(random);
    }

    /// @dev The verifier commits to this answer among others.
    function commitAnswer(bytes32 traceRoot) internal {
        said = leaf;
        (said.index, said.seed, said.toplocRoot, said.reward) = (1, target, traceRoot, rollout);
        commitLeaves(RolloutLeaves.hash(context(), said), keccak256("others"));
    }

    /// @dev `second` stands at index 1.
    function commitLeaves(bytes32 second, bytes32 third) internal {
        delete answerHashes;
        answerHashes.push(keccak256("somebody's"));
        answerHashes.push(second);
        answerHashes.push(third);
        bytes32 root = Trees.root(answerHashes);
        answers = Commitment(0, 0, root, keccak256("answers"), ANSWERS, uint40(block.timestamp));
        bytes32 beacon = hub.beaconOf(audit, 0);
        vm.prank(verifier);
        hub.commit(audit, beacon, 0, 0, root, answers.manifest, ANSWERS);
    }

    function context() internal view returns (LeafContext memory) {
        return LeafContext(block.chainid, address(hub), audit, verifier, 0, 0);
    }

    /// @dev Asks for the answer at index 1.
    function ask() internal {
        bytes memory index = abi.encode(uint256(1));
        challenge = challengeWith(index);
        vm.prank(CHALLENGER);
        challengeId = hub.challenge(auditParams(), verifier, answers, address(attention), index);
        count("challenge");
        matter = CanonicalMatter({
            task: audit,
            sequence: 0,
            round: 0,
            root: answers.root,
            units: ANSWERS,
            rollout: 1,
            chunk: 0,
            chunkTokens: params().chunkTokens,
            topk: params().topk,
            rule: params().rewardRule
        });
        delete game;
        (game.accused, game.challenger) = (verifier, CHALLENGER);
        (game.accusedSeconds, game.challengerSeconds) = (CLOCK, CLOCK);
        game.movedAt = uint40(block.timestamp);
        game.subject = keccak256(abi.encode(matter));
        assertKept();
    }

    function challengeWith(bytes memory shown) internal view returns (Challenge memory) {
        return Challenge({
            task: audit,
            node: verifier,
            sequence: 0,
            judge: address(attention),
            challenger: CHALLENGER,
            token: address(token),
            stake: TASK_STAKE,
            bond: BOND,
            deadline: uint40(block.timestamp + params().disputeSeconds),
            evidenceHash: keccak256(shown)
        });
    }

    function attended() internal view returns (AttentionAnswer memory) {
        return AttentionAnswer({
            node: NODE,
            target: commitment,
            audited: leaf,
            auditedProof: Trees.proof(leafHashes, rollout),
            traceRoot: said.toplocRoot,
            answerProof: Trees.proof(answerHashes, 1)
        });
    }

    function attend() internal {
        vm.prank(verifier);
        attention.answer(challenge, game, matter, auditParams(), attended());
        count("answer");
        uint256 prompt = traced + 1 - leaf.numTokens;
        chunk = CanonicalChunk({
            rule: matter.rule,
            problem: leaf.problem,
            promptTokens: uint32(prompt),
            policyDigest: leaf.policyDigest,
            tokensRoot: leaf.tokensRoot,
            numTokens: leaf.numTokens,
            chunkTokens: matter.chunkTokens,
            first: uint32(prompt - 1),
            elements: leaf.numTokens * shape.width,
            topk: matter.topk,
            traceRoot: said.toplocRoot,
            support: keccak256("")
        });
        game.stage = CanonicalStage.Charge;
        game.tokens = uint32(traced);
        game.subject = keccak256(abi.encode(chunk));
        assertKept();
    }

    function honestRoot() internal view returns (bytes32) {
        return Traces.root(Traces.levels(Traces.leaves(shape, traced, rows)));
    }

    function assertFoundOut() internal view {
        Member memory member = hub.memberOf(audit, verifier);
        assertEq(uint256(member.status), uint256(MemberStatus.Slashed));
        assertEq(hub.credit(address(token), CHALLENGER), 11 * BOND);
    }
}
