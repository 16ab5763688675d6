"""A distribution with an environment of every kind of misbehaviour, on the path of the tests and of its processes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

MODULE = '''
import os, sys, time

class Echo:
    """Item n asks for n; `arguments["fault"]` says what goes wrong."""

    def __init__(self, name, arguments):
        self.fault = arguments.get("fault", "")
        self.size = arguments.get("size", 100)
        if self.fault == "opening":
            raise RuntimeError("no such data")

    def question(self, item):
        print("environments may print")
        return "x" * 50 if item % 3 == 0 else f"say {item}"

    def answer(self, item):
        return str(item)

    def score(self, item, completion):
        if self.fault == "hang":
            while True:
                time.sleep(1)
        if self.fault == "spin" and completion != "quick":
            while True:
                pass
        if self.fault == "slow":
            until = time.process_time() + 0.5
            while time.process_time() < until:
                pass
        if self.fault == "exit":
            os._exit(3)
        if self.fault == "flood":
            while True:
                os.write(3, b"y" * 65536) if _is_open(3) else os._exit(4)
        if self.fault == "nest":
            for descriptor in filter(_is_open, range(3, 10)):
                try:
                    os.write(descriptor, b"[" * 50000 + b"\\n")
                except OSError:
                    pass
            time.sleep(60)
        if self.fault == "memory":
            return float(len(bytearray(8 << 30)))
        if self.fault == "raise":
            raise ValueError("a rubric of bad manners")
        if self.fault == "nan":
            return float("nan")
        return 1.0 if completion == str(item) else 0.25

class Talk(Echo):
    """Replies with the number of turns so far; `arguments["fault"]` says what goes wrong with that."""

    def answer(self, item):
        return ""

    def reply(self, item, turns):
        if self.fault == "hang" and turns != [""]:
            while True:
                time.sleep(1)
        if self.fault == "raise" and turns != [""]:
            raise ValueError("no manners")
        if self.fault == "flood":
            return "z" * 1000
        if self.fault == "nan":
            return float("nan")
        return None if turns[-1] == "bye" else f"{len(turns)}."

    def score(self, item, turns):
        return 1.0 if turns and turns[-1] == "bye" else len(turns) / 10

def _is_open(descriptor):
    try:
        os.fstat(descriptor)
        return True
    except OSError:
        return False
'''


@pytest.fixture
def echo_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    folder = tmp_path / "site"
    information = folder / "echo_environment-2.1.dist-info"
    information.mkdir(parents=True)
    (folder / "echo_environment.py").write_text(MODULE)
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: echo-environment\nVersion: 2.1\n")
    (information / "entry_points.txt").write_text(
        "[cupel.environments]\necho = echo_environment:Echo\ntalk = echo_environment:Talk\n"
    )
    monkeypatch.syspath_prepend(str(folder))
    paths = [str(folder), *filter(None, [os.environ.get("PYTHONPATH")])]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(paths))
    return "echo-environment==2.1"
