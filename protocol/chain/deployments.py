"""Where a network's contracts are: one JSON file, written by the deployment."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from cupel.protocol.chain.contract import checksum
from cupel.protocol.config import ConfigError


@dataclass(frozen=True, slots=True)
class Deployment:
    """Addresses on one chain."""

    chain_id: int
    first_block: int
    """Block before which the hub has no events."""
    hub: str
    token: str
    objective_judge: str
    jury_judge: str
    data_judge: str
    canonical_judge: str
    sorting_reward: str
    attention_judge: str = ""
    """Empty where there is none, and so no audit tasks."""

    def write(self, path: Path) -> None:
        """Write the file."""
        named = {name: value for name, value in asdict(self).items() if value != ""}
        path.write_text(json.dumps(named, indent=2) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, path: Path, chain_id: int) -> Deployment:
        """Read the file. ConfigError if it is unreadable, incomplete or of another chain."""
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
            numbers = {name: int(values.pop(name)) for name in ("chain_id", "first_block")}
            deployment = cls(**numbers, **{name: checksum(value) for name, value in values.items() if value})  # type: ignore[arg-type]  # names decide
        except OSError as error:
            problem = f"cannot read {path} ({error.strerror})"
            raise ConfigError("deployment", problem, "Name the file that the deployment wrote") from None
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            problem = f"{path} is not a deployment file ({error})"
            raise ConfigError("deployment", problem, "Name the file that the deployment wrote") from None
        if deployment.chain_id != chain_id:
            problem = f"{path} is of chain {deployment.chain_id}, not {chain_id}"
            raise ConfigError("deployment", problem, "Correct chain_id or deployment")
        return deployment
