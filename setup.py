"""Map the top-level component folders to subpackages of the `cupel` namespace, and compile the TOPLOC kernel."""

import os

from setuptools import Extension, find_packages, setup

COMPONENTS = {
    "protocol": "protocol",
    "node": "node",
    "verifier": "verifier",
    "devnet": "deploy/devnet",
    "networks": "deploy/networks",
    "sdk": "sdk",
}

KERNEL = "protocol/spec/toploc/kernel"


def packages() -> list[str]:
    """Every package below the component folders, under its import name."""
    found = []
    for name, folder in COMPONENTS.items():
        found.append(f"cupel.{name}")
        found += [f"cupel.{name}.{package}" for package in find_packages(folder)]
    return found


def kernel() -> Extension:
    """TOPLOC's inner loops. Optional: without a compiler NumPy does the same work, slower."""
    return Extension(
        "cupel.protocol.spec.toploc._kernel",
        [f"{KERNEL}/{name}.c" for name in ("module", "polynomial", "selection")],
        depends=[f"{KERNEL}/kernel.h"],
        extra_compile_args=[] if os.name == "nt" else ["-O3"],  # some Pythons compile with -O2: no vectors
        py_limited_api=True,
        optional=True,
    )


setup(
    ext_modules=[kernel()],
    options={"bdist_wheel": {"py_limited_api": "cp311"}},
    package_dir={f"cupel.{name}": folder for name, folder in COMPONENTS.items()},
    packages=packages(),
)
