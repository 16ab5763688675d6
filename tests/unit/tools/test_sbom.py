"""The list of what Cupel is made of: everything that is locked, once, and the same every time."""

from pathlib import Path

import sbom

ROOT = Path(__file__).resolve().parents[3]


def test_lines_and_entries_become_components() -> None:
    text = "# a word\nWeb3==8.0.0\nfoo[bar]==1.2 \\\n    --hash=sha256:00\n-r other.txt\n"
    assert [one["purl"] for one in sbom.python_components(text, "required")] == [
        "pkg:pypi/web3@8.0.0",
        "pkg:pypi/foo@1.2",
    ]
    lock = {"packages": {"": {}, "node_modules/@a/b": {"version": "1.0", "integrity": "sha512-/w=="}}}
    (component,) = sbom.node_components(lock)
    assert component["purl"] == "pkg:npm/%40a/b@1.0"
    assert component["hashes"] == [{"alg": "SHA-512", "content": "ff"}]


def test_everything_that_is_locked_is_in_it_once() -> None:
    made = sbom.document(ROOT)
    names = [component["bom-ref"] for component in made["components"]]
    assert len(names) == len(set(names)) > 100
    assert {"web3", "numpy", "safetensors", "@foundry-rs/forge"} <= {
        one["name"] for one in made["components"]
    }
    assert made == sbom.document(ROOT)
