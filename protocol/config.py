"""What an operator can mend.

ConfigError           a setting that cannot work
EnvironmentProblem    the world outside failed; each port derives its own error from it (chain, network, storage)
"""

from __future__ import annotations


class ConfigError(Exception):
    """A setting that cannot work: names the key and the fix, in one line."""

    def __init__(self, key: str, problem: str, remedy: str) -> None:
        super().__init__(f"{key}: {problem}. {remedy}")
        self.key = key
        self.problem = problem
        self.remedy = remedy


class EnvironmentProblem(Exception):
    """A service, port or disk that fails: one line that says what to do."""
