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

KERNELS = {
    "cupel.protocol.spec._keccak": "protocol/spec/kernel",
    "cupel.protocol.spec.collective._kernel": "protocol/spec/collective/kernel",
    "cupel.protocol.spec.toploc._kernel": "protocol/spec/toploc/kernel",
}
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
    for kernel in KERNELS.values():
        shutil.copytree(ROOT / kernel, folder / kernel)
    environment = os.environ | {"CC": compiler}
    subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=True)
    built = folder / "built"
    modules = [path.relative_to(built) for path in built.glob("**/*") if path.suffix in (".so", ".pyd")]
    return sorted(".".join((*path.parent.parts, path.name.split(".")[0])) for path in modules)


@pytest.mark.skipif(shutil.which(COMPILER) is None, reason="no C compiler here")
def test_a_compiler_gives_the_kernels(tmp_path: Path) -> None:
    assert build(tmp_path, COMPILER) == sorted(KERNELS)


@pytest.mark.parametrize("compiler", ["false", "/nowhere/cc"])
def test_no_compiler_is_no_failure(tmp_path: Path, compiler: str) -> None:
    assert build(tmp_path, compiler) == []


@pytest.mark.skipif(shutil.which(COMPILER) is None, reason="no C compiler here")
@pytest.mark.parametrize("module", KERNELS)
def test_this_checkout_has_the_kernel(module: str) -> None:
    importlib.import_module(module)
