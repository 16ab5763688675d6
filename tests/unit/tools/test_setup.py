"""The set-up script: its refusals say what to do, and it forgets what is no longer true."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
STAMPS = {"environment", "torch", "packages", "tools", "contracts", "audit"}
PROGRAMS = ("sh", "sed", "awk", "df", "tail", "grep", "mkdir", "touch", "rm", "cat")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder with the script, and a `bin` with the usual programs but neither Python nor Node."""
    (tmp_path / "tools").mkdir()
    shutil.copy(ROOT / "tools" / "setup.sh", tmp_path / "tools")
    shutil.copy(ROOT / "tools" / "typing_view.py", tmp_path / "tools")
    (tmp_path / "bin").mkdir()
    for program in PROGRAMS:
        found = shutil.which(program)
        assert found
        (tmp_path / "bin" / program).symlink_to(found)
    return tmp_path


def program(folder: Path, name: str, body: str) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)


def run(checkout: Path, step: str, **environment: str) -> subprocess.CompletedProcess[str]:
    values = {"PATH": str(checkout / "bin"), "PYTHON": "", "TORCH": "torch==2.13.0", **environment}
    return subprocess.run(
        ["sh", "tools/setup.sh", step], cwd=checkout, env=values, capture_output=True, text=True, check=False
    )


def test_without_a_recent_python_it_says_what_to_install(checkout: Path) -> None:
    program(checkout / "bin", "python3", "exit 1")
    result = run(checkout, "prerequisites")
    assert result.returncode == 1
    assert "no Python 3.11 or newer found. Remedy: install one, or name it" in result.stderr
    assert result.stdout == ""
    assert not (checkout / ".setup" / "prerequisites").exists()


def test_a_full_disk_is_noticed_before_the_downloads(checkout: Path) -> None:
    program(checkout / "bin", "python3", "exit 0")
    (checkout / "bin" / "df").unlink()
    program(checkout / "bin", "df", "echo header; echo 'disk 9999999 1 204800 99% /'")
    result = run(checkout, "prerequisites")
    assert result.returncode == 1
    assert "only 200 MB free on this disk and 3000 MB are needed. Remedy: free some space." in result.stderr


def test_a_good_machine_passes(checkout: Path) -> None:
    program(checkout / "bin", "python3", "exit 0")
    assert run(checkout, "prerequisites").returncode == 0
    assert (checkout / ".setup" / "prerequisites").exists()


@pytest.mark.parametrize(
    ("output", "remedy"),
    [
        ("Temporary failure in name resolution", "check the network, then run the same command again"),
        ("OSError: [Errno 28] No space left on device", "free 4 GB and run the same command again"),
        ("error: command 'gcc' failed: No such file or directory", "build-essential"),
        ("fatal error: Python.h: No such file", "python3-dev"),
    ],
)
def test_a_failed_install_ends_with_one_line_and_a_remedy(checkout: Path, output: str, remedy: str) -> None:
    (checkout / ".setup").mkdir()
    program(checkout / ".venv" / "bin", "python", f'echo "{output}"; exit 1')
    result = run(checkout, "torch", CC="no-compiler-here")
    assert result.returncode == 1
    last = result.stderr.strip().splitlines()[-1]
    assert last.startswith("cupel set-up: ")
    assert remedy in last
    assert result.stdout == ""
    assert not (checkout / ".setup" / "torch").exists()


def finished(checkout: Path) -> None:
    """A set-up that is done."""
    for stamp in STAMPS:
        (checkout / ".setup").mkdir(exist_ok=True)
        (checkout / ".setup" / stamp).touch()
    (checkout / ".setup" / "place").write_text(f"{checkout}\n")
    (checkout / ".setup" / "torch.requirement").write_text("torch==2.13.0\n")
    program(checkout / ".venv" / "bin", "python", "exit 0")
    program(checkout / ".venv-audit" / "bin", "python", "exit 0")
    (checkout / "node_modules").mkdir()
    (checkout / "node_modules" / ".package-lock.json").touch()
    (checkout / "out").mkdir()


def left(checkout: Path, **environment: str) -> set[str]:
    assert run(checkout, "stale", **environment).returncode == 0
    return {path.name for path in (checkout / ".setup").iterdir()} & STAMPS


def test_a_finished_set_up_stays_finished(checkout: Path) -> None:
    finished(checkout)
    assert left(checkout) == STAMPS


def test_a_deleted_or_moved_environment_is_made_again(checkout: Path) -> None:
    finished(checkout)
    (checkout / ".setup" / "place").write_text("/elsewhere\n")
    assert left(checkout) == {"contracts"}
    program(checkout / "bin", "python3", "echo Python 3.11.7")
    assert run(checkout, "environment").returncode == 0
    assert left(checkout) == {"environment", "contracts"}


def test_another_torch_is_installed(checkout: Path) -> None:
    finished(checkout)
    assert left(checkout, TORCH="torch==2.14.0") == STAMPS - {"torch"}


def test_deleted_node_modules_are_installed_again(checkout: Path) -> None:
    finished(checkout)
    shutil.rmtree(checkout / "node_modules")
    assert left(checkout) == STAMPS - {"tools"}


def test_deleted_audit_tools_are_installed_again(checkout: Path) -> None:
    finished(checkout)
    shutil.rmtree(checkout / ".venv-audit")
    assert left(checkout) == STAMPS - {"audit"}
