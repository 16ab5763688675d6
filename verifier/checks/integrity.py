"""Whether the files are what the commitment says: names, sizes, strict form, Merkle root, units, tokens.

A false count of units and copied leaves are objective on-chain, because the tree shows them. The rest is not: the chain
holds digests, and a file is too large to show it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Final

from cupel.protocol.spec import merkle
from cupel.protocol.spec.errors import Reason, Rejected
from cupel.protocol.spec.fraud import ObjectiveKind
from cupel.protocol.spec.rollout import FileRef, PiecedRef, Rollout, leaf_hash
from cupel.verifier.checks.base import FetchedSubmission, Finding, Recomputed


class Integrity:
    """Files, root and tokens."""

    name: Final = "integrity"
    cost: Final = 0

    def run(
        self, submission: FetchedSubmission, drawn: Sequence[int], recomputed: Recomputed | None
    ) -> Finding | None:
        """See `Check.run`."""
        found: list[Finding] = []
        try:
            for finding in self._findings(submission):
                # Each is fatal; the chain itself settles an objective one.
                if finding.objective is not None:
                    return finding
                found.append(finding)
        except Rejected as rejected:
            found.append(Finding.of(self.name, rejected))
        return found[0] if found else None

    def _findings(self, submission: FetchedSubmission) -> Iterator[Finding]:
        """Lazily, cheapest first; raises Rejected for what does not decode."""
        yield from self._manifest(submission)
        yield from self._copied(submission)
        yield from self._size("rollouts", submission.manifest.rollouts, submission.rollouts_file)
        yield from self._size("update", submission.manifest.update, submission.update_file)
        yield from self._root(submission)
        for index, rollout in enumerate(submission.rollouts):
            yield from self._tokens(submission, index, rollout)
        # Nobody can aggregate an update that does not decode: the node has trained nothing.
        _ = submission.update

    def _manifest(self, submission: FetchedSubmission) -> Iterator[Finding]:
        """The manifest speaks of this commitment and no other."""
        manifest, work = submission.manifest, submission.work
        claims = {
            "task": (f"0x{manifest.task.hex()}", f"0x{submission.rules.task.hex()}"),
            "node": (manifest.node, work.node),
            "round": (str(manifest.round), str(work.round)),
            "sequence": (str(manifest.sequence), str(work.sequence)),
        }
        for name, (observed, allowed) in claims.items():
            if observed != allowed:
                detail = f"the manifest names another {name}"
                yield Finding(self.name, Reason.MANIFEST, detail, observed=observed, allowed=allowed)
        if manifest.units != work.units:
            yield self._units("manifest", manifest.units, work.units)
        submission.rules.spec.recipe.steps_behind(manifest.inner_steps)

    def _copied(self, submission: FetchedSubmission) -> Iterator[Finding]:
        """The tree of another commitment, whose manifest came with it: every leaf names its author."""
        context = submission.claimed_context
        if context == submission.context:
            return
        hashes = [leaf_hash(context, leaf) for leaf in submission.leaves]
        if merkle.root(hashes) == submission.work.root:
            yield Finding(
                self.name,
                Reason.MANIFEST,
                "the committed leaves are of another commitment",
                rollout=0,
                observed=f"{context.node} {context.sequence}",
                allowed=f"{submission.work.node} {submission.work.sequence}",
                objective=ObjectiveKind.MALFORMED_LEAF,
            )

    def _size(self, name: str, reference: FileRef | PiecedRef, file: bytes | Rejected) -> Iterator[Finding]:
        if isinstance(file, Rejected):
            raise file
        if len(file) != reference.size:
            detail = f"the {name} file has {len(file)} bytes, its reference says {reference.size}"
            yield Finding(
                self.name, Reason.SIZE, detail, observed=str(len(file)), allowed=str(reference.size)
            )

    def _root(self, submission: FetchedSubmission) -> Iterator[Finding]:
        count, units = len(submission.rollouts), submission.work.units
        root = merkle.root(submission.leaf_hashes)
        if count != units:
            yield self._miscount(submission, count, units)
        if root != submission.work.root:
            yield Finding(
                self.name,
                Reason.COMMITMENT_ROOT,
                "the committed root is not the root over the published rollouts",
                observed=f"0x{submission.work.root.hex()}",
                allowed=f"0x{root.hex()}",
            )

    def _miscount(self, submission: FetchedSubmission, count: int, units: int) -> Finding:
        """Objective if the committed tree is that of the published rollouts: then it has a hole, or a leaf too many."""
        finding = self._units("rollouts file", count, units)
        holes = (merkle.EMPTY_LEAF,) * (units - count)
        if merkle.root((*submission.leaf_hashes, *holes)) != submission.work.root:
            return finding
        kind = ObjectiveKind.EMPTY_LEAF if holes else ObjectiveKind.MALFORMED_LEAF
        return dataclasses.replace(finding, rollout=min(count, units), objective=kind)

    def _units(self, where: str, count: int, committed: int) -> Finding:
        detail = f"{count} rollouts in the {where}, {committed} committed"
        return Finding(self.name, Reason.UNITS, detail, observed=str(committed), allowed=str(count))

    def _tokens(self, submission: FetchedSubmission, index: int, rollout: Rollout) -> Iterator[Finding]:
        """Tokens that the vocabulary has."""
        greatest, vocabulary = max(rollout.tokens), submission.rules.environment.vocabulary
        if greatest >= vocabulary:
            detail = f"token {greatest} is outside the vocabulary of {vocabulary}"
            yield Finding(self.name, Reason.SCHEMA, detail, index, str(greatest), str(vocabulary - 1))
