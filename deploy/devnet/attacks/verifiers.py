"""Strategies of verifiers: the ordinary verifier with an auditor that lies."""

from __future__ import annotations

from typing import Final

from cupel.protocol.spec.errors import Reason
from cupel.verifier.auditor import Auditor
from cupel.verifier.checks.base import FetchedSubmission, Finding


class FalseAccuser(Auditor):
    """Finds a fault in whatever it looks at: it challenges every node, and votes against every accused.

    Charges that the chain can settle would be refused before they cost anything, so these go to the jury.
    """

    async def examine(self, submission: FetchedSubmission) -> Finding:
        """A lie about the first rollout."""
        return Finding("sampling", Reason.SAMPLING, "made up", 0, observed="2000", allowed="1000")


VERIFIERS: Final[dict[str, tuple[str, type[Auditor]]]] = {
    "false-challenge": ("a verifier that accuses every node", FalseAccuser),
}
