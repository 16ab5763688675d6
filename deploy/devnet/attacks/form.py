"""Strategies that break the form of what is published, or the count of what is committed to."""

from __future__ import annotations

import dataclasses
from typing import Final

from cupel.devnet.attacks.base import Strategy, bound, forge, leaf_hashes
from cupel.node.publishing.submission import Draft, Submission
from cupel.protocol.spec import merkle
from cupel.protocol.spec.environments.base import get_environment
from cupel.protocol.spec.hashing import sha256
from cupel.protocol.spec.rollout import FileRef, Rollout


class TruncatedCompletions(Strategy):
    """Leaves the last token out: less to compute."""

    name = "truncated"
    title = "the end of every completion left out"
    reasons = frozenset({"termination"})

    def submit(self, draft: Draft, honest: Submission) -> Submission:
        """Proofs stay as they were where their number still fits."""
        return bound(draft, honest, [_shortened(draft, one) for one in draft.rollouts])


class PaddedCompletions(Strategy):
    """Goes on after the end token, where a reward that counts tokens would pay."""

    name = "padded"
    title = "text after the end token"
    reasons = frozenset({"termination"})

    def submit(self, draft: Draft, honest: Submission) -> Submission:
        """One more end token where there is room; the reward is what that text earns."""
        return bound(draft, honest, [_lengthened(draft, one) for one in draft.rollouts])


class HackedReward(Strategy):
    """Puts both a wrong and the right answer into one completion, and claims what the right one earns."""

    name = "hacked-reward"
    title = "a malformed completion, scored as a good one"
    reasons = frozenset({"termination", "wrong-reward"})

    def submit(self, draft: Draft, honest: Submission) -> Submission:
        """The end token first, the answer behind it."""
        environment, limit = get_environment(draft.spec.environment), draft.params.max_tokens
        rollouts = []
        for one in draft.rollouts:
            answer = environment.answer(one.problem)
            text = (environment.end_token, *answer)[: max(len(one.tokens), 2)][:limit]
            count = -(-len(text) // draft.params.chunk_tokens)
            proofs = (one.proofs * count)[:count]
            rollouts.append(
                dataclasses.replace(
                    one, tokens=text, proofs=proofs, reward=environment.reward(one.problem, answer)
                )
            )
        return bound(draft, honest, rollouts)


class UnknownToken(Strategy):
    """Writes a token that the vocabulary does not have."""

    name = "unknown-token"
    title = "a token outside the vocabulary"
    reasons = frozenset({"schema"})

    def submit(self, draft: Draft, honest: Submission) -> Submission:
        """In the first completion alone."""
        first = draft.rollouts[0]
        tokens = (2**31 - 1, *first.tokens[1:])
        return bound(draft, honest, (dataclasses.replace(first, tokens=tokens), *draft.rollouts[1:]))


class MalformedProof(Strategy):
    """Publishes a proof that is no polynomial."""

    name = "malformed-proof"
    title = "a proof of zero bytes"
    reasons = frozenset({"toploc-modulus", "toploc-degenerate", "toploc-coefficient"})

    def submit(self, draft: Draft, honest: Submission) -> Submission:
        """The last proof of the last rollout."""
        last = draft.rollouts[-1]
        proofs = (*last.proofs[:-1], bytes(len(last.proofs[-1])))
        return bound(draft, honest, (*draft.rollouts[:-1], dataclasses.replace(last, proofs=proofs)))


class InflatedUnits(Strategy):
    """Commits to a whole round's units and does half of them."""

    name = "inflated-units"
    title = "half the work, paid for all of it"
    reasons = frozenset({"units"})

    def submit(self, draft: Draft, honest: Submission) -> Submission:
        """The other half of the tree is empty leaves."""
        half = draft.rollouts[: max(1, len(draft.rollouts) // 2)]
        missing = len(draft.rollouts) - len(half)
        root = merkle.root([*leaf_hashes(draft, half), *(merkle.EMPTY_LEAF,) * missing])
        made = bound(draft, honest, half)
        return dataclasses.replace(made, root=root, false_units=len(draft.rollouts))


class SurplusLeaves(Strategy):
    """Hides further leaves behind the units that it commits to."""

    name = "surplus-leaves"
    title = "leaves behind the committed units"
    reasons = frozenset({"units"})

    def submit(self, draft: Draft, honest: Submission) -> Submission:
        """One unit fewer than leaves."""
        made = bound(draft, honest, draft.rollouts)
        return dataclasses.replace(made, false_units=max(1, len(draft.rollouts) - 1))


class FalseRoot(Strategy):
    """Commits to a root of something else."""

    name = "false-root"
    title = "a root that is not over the published rollouts"
    reasons = frozenset({"commitment-root"})

    def submit(self, draft: Draft, honest: Submission) -> Submission:
        """The hash of the true root."""
        return forge(honest, root=sha256(honest.root))


class GarbageManifest(Strategy):
    """Commits to bytes that are no manifest."""

    name = "garbage-manifest"
    title = "bytes in place of a manifest"
    reasons = frozenset({"encoding", "schema", "size"})
    _GARBAGE: Final = b"\xff\x00" * 200

    def submit(self, draft: Draft, honest: Submission) -> Submission:
        """Different in every round, so that it is a file of its own; nobody could ask for the files."""
        return forge(honest, manifest_file=draft.seed + self._GARBAGE, shown=())


class GarbageRollouts(Strategy):
    """Publishes bytes that are no rollouts."""

    name = "garbage-rollouts"
    title = "bytes in place of the rollouts"
    reasons = frozenset({"schema"})

    def submit(self, draft: Draft, honest: Submission) -> Submission:
        """As long as the honest file."""
        return forge(honest, rollouts_file=draft.seed * (len(honest.rollouts_file) // len(draft.seed)))


class FalseSize(Strategy):
    """Gives a file another size than it has."""

    name = "false-size"
    title = "a file reference with a false size"
    reasons = frozenset({"size", "schema"})

    def submit(self, draft: Draft, honest: Submission) -> Submission:
        """One byte more."""
        true = honest.manifest.rollouts
        manifest = dataclasses.replace(honest.manifest, rollouts=FileRef(true.cid, true.size + 1))
        return forge(honest, manifest_file=manifest.to_bytes())


class HostileAddress(Strategy):
    """Names its rollouts by an address that is none."""

    name = "hostile-address"
    title = "an address that cannot be parsed"
    reasons = frozenset({"cid"})

    def submit(self, draft: Draft, honest: Submission) -> Submission:
        """A path in place of a content identifier."""
        manifest = dataclasses.replace(honest.manifest, rollouts=FileRef("../../etc/passwd", 1))
        return forge(honest, manifest_file=manifest.to_bytes(), shown=(honest.update_file,))


def _shortened(draft: Draft, one: Rollout) -> Rollout:
    if len(one.tokens) == 1:
        return one
    tokens = one.tokens[:-1]
    count = -(-len(tokens) // draft.params.chunk_tokens)
    reward = get_environment(draft.spec.environment).reward(one.problem, tokens)
    return dataclasses.replace(one, tokens=tokens, proofs=one.proofs[:count], reward=reward)


def _lengthened(draft: Draft, one: Rollout) -> Rollout:
    environment = get_environment(draft.spec.environment)
    if len(one.tokens) >= draft.params.max_tokens:
        # No room behind the end, so the end comes earlier.
        tokens = (environment.end_token, *one.tokens[1:])
    else:
        tokens = (*one.tokens, environment.end_token)
    count = -(-len(tokens) // draft.params.chunk_tokens)
    proofs = (*one.proofs, one.proofs[-1])[:count]
    reward = environment.reward(one.problem, tokens)
    return dataclasses.replace(one, tokens=tokens, proofs=proofs, reward=reward)
