"""Map the top-level component folders to subpackages of the `cupel` namespace."""

from setuptools import find_packages, setup

COMPONENTS = {
    "protocol": "protocol",
    "node": "node",
    "verifier": "verifier",
    "devnet": "deploy/devnet",
    "networks": "deploy/networks",
}


def packages() -> list[str]:
    """Every package below the component folders, under its import name."""
    found = []
    for name, folder in COMPONENTS.items():
        found.append(f"cupel.{name}")
        found += [f"cupel.{name}.{package}" for package in find_packages(folder)]
    return found


setup(
    package_dir={f"cupel.{name}": folder for name, folder in COMPONENTS.items()},
    packages=packages(),
)
