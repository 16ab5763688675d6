"""Map the top-level component folders to subpackages of the `cupel` namespace, and compile the kernels."""

import glob
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

SHARED_HEADERS = "protocol/spec/kernel"
KERNELS = {
    "cupel.protocol.spec._keccak": "protocol/spec/kernel",
    "cupel.protocol.spec.collective._kernel": "protocol/spec/collective/kernel",
    "cupel.protocol.spec.toploc._kernel": "protocol/spec/toploc/kernel",
}


def packages() -> list[str]:
    """Every package below the component folders, under its import name."""
    found = []
    for name, folder in COMPONENTS.items():
        found.append(f"cupel.{name}")
        found += [f"cupel.{name}.{package}" for package in find_packages(folder)]
    return found


def kernel(name: str, folder: str) -> Extension:
    """Inner loops in C. Optional: without a compiler Python does the same work, slower."""
    return Extension(
        name,
        sorted(glob.glob(f"{folder}/*.c")),
        include_dirs=[SHARED_HEADERS],
        depends=glob.glob(f"{folder}/*.h") + glob.glob(f"{SHARED_HEADERS}/*.h"),
        extra_compile_args=[] if os.name == "nt" else ["-O3"],  # some Pythons compile with -O2: no vectors
        py_limited_api=True,
        optional=True,
    )


setup(
    ext_modules=[kernel(name, folder) for name, folder in KERNELS.items()],
    options={"bdist_wheel": {"py_limited_api": "cp311"}},
    package_dir={f"cupel.{name}": folder for name, folder in COMPONENTS.items()},
    packages=packages(),
)
