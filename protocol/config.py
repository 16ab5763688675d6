"""An operator's mistake, and how to mend it."""

from __future__ import annotations


class ConfigError(Exception):
    """A setting that cannot work: names the key and the fix, in one line."""

    def __init__(self, key: str, problem: str, remedy: str) -> None:
        super().__init__(f"{key}: {problem}. {remedy}")
        self.key = key
        self.problem = problem
        self.remedy = remedy
