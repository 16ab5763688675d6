"""The kernels are compiled where there is a compiler, and their absence does not stop an installation."""

import importlib
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from typing_view import COMPONENTS

PARTS = ("collective", "toploc")
ROOT = Path(__file__).resolve().parents[3]
COMPILER = (sysconfig.get_config_var("CC") or "cc").split()[0]


def build(folder: Path, compiler: str) -> list[str]:
    """Names of the extension modules that come of it."""
    command = [sys.executable, "setup.py", "build_ext", "--build-lib", "built", "--build-temp", "objects"]
    shutil.copy(ROOT / "setup.py", folder)
    shutil.copy(ROOT / "pyproject.toml", folder)
    for name in ("README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder)
    for component in COMPONENTS.values():
        (folder / component).mkdir(parents=True)
    for part in PARTS:
        shutil.copytree(ROOT / f"protocol/spec/{part}/kernel", folder / f"protocol/spec/{part}/kernel")
    environment = os.environ | {"CC": compiler}
    subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=True)
    modules = [path for path in folder.glob("built/**/*") if path.suffix in (".so", ".pyd")]
    return sorted(f"{path.parent.name}.{path.name.split('.')[0]}" for path in modules)


@pytest.mark.skipif(shutil.which(COMPILER) is None, reason="no C compiler here")
def test_a_compiler_gives_the_kernels(tmp_path: Path) -> None:
    assert build(tmp_path, COMPILER) == [f"{part}._kernel" for part in PARTS]


@pytest.mark.parametrize("compiler", ["false", "/nowhere/cc"])
def test_no_compiler_is_no_failure(tmp_path: Path, compiler: str) -> None:
    assert build(tmp_path, compiler) == []


@pytest.mark.skipif(shutil.which(COMPILER) is None, reason="no C compiler here")
@pytest.mark.parametrize("part", PARTS)
def test_this_checkout_has_the_kernel(part: str) -> None:
    assert importlib.import_module(f"cupel.protocol.spec.{part}.native").IS_COMPILED
