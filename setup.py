"""Map the top-level component folders to subpackages of the `cupel` namespace, and compile the kernels."""

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

KERNELS = {"toploc": ("module", "polynomial", "selection"), "collective": ("module",)}


def packages() -> list[str]:
    """Every package below the component folders, under its import name."""
    found = []
    for name, folder in COMPONENTS.items():
        found.append(f"cupel.{name}")
        found += [f"cupel.{name}.{package}" for package in find_packages(folder)]
    return found


def kernel(part: str) -> Extension:
    """A part's inner loops. Optional: without a compiler NumPy does the same work, slower."""
    folder = f"protocol/spec/{part}/kernel"
    return Extension(
        f"cupel.protocol.spec.{part}._kernel",
        [f"{folder}/{name}.c" for name in KERNELS[part]],
        depends=[f"{folder}/kernel.h"],
        extra_compile_args=[] if os.name == "nt" else ["-O3"],  # some Pythons compile with -O2: no vectors
        py_limited_api=True,
        optional=True,
    )


setup(
    ext_modules=[kernel(part) for part in KERNELS],
    options={"bdist_wheel": {"py_limited_api": "cp311"}},
    package_dir={f"cupel.{name}": folder for name, folder in COMPONENTS.items()},
    packages=packages(),
)
