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

TOPLOC = "protocol/spec/toploc/kernel"


def packages() -> list[str]:
    """Every package below the component folders, under its import name."""
    found = []
    for name, folder in COMPONENTS.items():
        found.append(f"cupel.{name}")
        found += [f"cupel.{name}.{package}" for package in find_packages(folder)]
    return found


def kernel(name: str, sources: list[str], depends: list[str]) -> Extension:
    """Inner loops in C. Optional: without a compiler Python does the same work, slower."""
    return Extension(
        name,
        sources,
        depends=depends,
        extra_compile_args=[] if os.name == "nt" else ["-O3"],  # some Pythons compile with -O2: no vectors
        py_limited_api=True,
        optional=True,
    )


setup(
    ext_modules=[
        kernel(
            "cupel.protocol.spec.toploc._kernel",
            [f"{TOPLOC}/{name}.c" for name in ("module", "polynomial", "selection")],
            [f"{TOPLOC}/kernel.h"],
        ),
        kernel("cupel.protocol.spec._keccak", ["protocol/spec/kernel/keccak.c"], []),
    ],
    options={"bdist_wheel": {"py_limited_api": "cp311"}},
    package_dir={f"cupel.{name}": folder for name, folder in COMPONENTS.items()},
    packages=packages(),
)
