"""The process an installed environment runs in: one request a line on standard input, one answer a line back.

    python -m cupel.protocol.environments.worker ID ARGUMENTS

Requests and answers are JSON; a request comes with the processor seconds it may take, 0 for any number, an answer with
those it took. The first answer says how many items there are, and whether the network is cut off.
"""

from __future__ import annotations

import ctypes
import json
import math
import os
import resource
import sys
import time
from collections.abc import Callable, Sequence
from importlib.metadata import entry_points
from typing import Any, Final

from cupel.protocol.environments.port import ENTRY_POINTS, Dialogue, Environment

_CLONE_NEWNET: Final = 0x40000000
_CLONE_NEWUSER: Final = 0x10000000
# Whatever an environment raises is told in one line of at most so many characters.
_MOST_DETAIL: Final = 500
MOST_MEMORY_BYTES: Final = 4 << 30
_MOST_FILE_BYTES: Final = 64 << 20
_MOST_OPEN_FILES: Final = 256


def main(arguments: Sequence[str]) -> int:
    """Serve until standard input ends."""
    name, given = arguments
    answers = _take_output()
    offline = _limit()
    try:
        environment = _open(name, json.loads(given))
        answers({"size": environment.size, "offline": offline})
    except Exception as error:
        answers({"raised": _tell(error)})
        return 1
    for line in sys.stdin:
        seconds, request = json.loads(line)
        begun = time.process_time()
        _limit_processor(begun, seconds)
        answer = _answer(environment, request)
        answers({**answer, "seconds": time.process_time() - begun})
    return 0


def _take_output() -> Callable[[dict[str, Any]], None]:
    """Where answers go; what the environment prints goes nowhere."""
    channel = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(nowhere, stream)

    def answer(message: dict[str, Any]) -> None:
        channel.write(json.dumps(message) + "\n")

    return answer


def _limit() -> bool:
    """Bound memory, files and, where the kernel lets an ordinary user do so, the network: whether it did."""
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY_BYTES, MOST_MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_FSIZE, (_MOST_FILE_BYTES, _MOST_FILE_BYTES))
    resource.setrlimit(resource.RLIMIT_NOFILE, (_MOST_OPEN_FILES, _MOST_OPEN_FILES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if not sys.platform.startswith("linux"):
        return False
    return bool(ctypes.CDLL(None, use_errno=True).unshare(_CLONE_NEWUSER | _CLONE_NEWNET) == 0)


def _limit_processor(used: float, seconds: int) -> None:
    """The kernel ends this process once it has used so many seconds more, in whatever code it is; 0 sets no limit."""
    _, most = resource.getrlimit(resource.RLIMIT_CPU)
    soft = math.ceil(used) + seconds if seconds else most
    resource.setrlimit(resource.RLIMIT_CPU, (soft, most))


def _open(name: str, arguments: dict[str, Any]) -> Environment | Dialogue:
    opener, _, rest = name.partition("/")
    found = {point.name: point for point in entry_points(group=ENTRY_POINTS)}
    environment: Environment | Dialogue = found[opener].load()(rest, arguments)
    return environment


def _answer(environment: Any, request: list[Any]) -> dict[str, Any]:
    try:
        match request:
            case ["item", int(item)]:
                return {"question": environment.question(item), "answer": environment.answer(item)}
            case ["reply", int(item), [*turns]]:
                said = environment.reply(item, turns)
                return {"reply": None if said is None else str(said)}
            case ["score", int(item), (str() | list()) as given]:
                score = float(environment.score(item, given))
                return {"score": score} if math.isfinite(score) else {"raised": f"the score is {score}"}
    except Exception as error:
        return {"raised": _tell(error)}
    raise AssertionError(f"unknown request {request!r}")


def _tell(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:_MOST_DETAIL]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
