"""Each line of the doctor says what to do, or that nothing has to be done."""

from __future__ import annotations

import dataclasses
import json
import socket
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cupel.protocol.doctor import machine
from cupel.protocol.doctor.cli import config_app, doctor_app, version_app
from cupel.protocol.doctor.finding import Finding, Level
from cupel.protocol.settings import Settings


def test_a_finding_has_a_remedy_exactly_if_something_is_wrong() -> None:
    for level, remedy in ((Level.GOOD, "do"), (Level.BAD, ""), (Level.MIND, "")):
        with pytest.raises(AssertionError):
            Finding("subject", level, "text", remedy)


def test_a_port_in_use_is_bad_and_a_free_one_is_good() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        p2p, http = machine.ports(Settings(p2p_port=taken.getsockname()[1]))
    assert (p2p.level, http.level) == (Level.BAD, Level.GOOD)
    assert "p2p_port" in p2p.remedy


@pytest.mark.parametrize(
    ("host", "level"),
    [("127.0.0.1", Level.MIND), ("10.0.0.7", Level.MIND), ("93.184.216.34", Level.GOOD), ("here", Level.BAD)],
)
def test_an_address_is_judged_by_who_reaches_it(host: str, level: Level) -> None:
    assert machine.reachable(Settings(listen_host=host)).level is level


def test_a_folder_that_takes_no_files_is_bad(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    assert machine.disk(Settings(data_dir=str(tmp_path / "file" / "data"))).level is Level.BAD
    usage = machine.shutil.disk_usage(tmp_path)
    for free, level in ((6 << 30, Level.GOOD), (4 << 30, Level.MIND)):
        monkeypatch.setattr(machine.shutil, "disk_usage", lambda _, free=free: usage._replace(free=free))
        assert machine.disk(Settings(data_dir=str(tmp_path))).level is level


def test_a_store_that_does_not_open_is_bad(tmp_path: Path) -> None:
    settings = Settings(data_dir=str(tmp_path))
    assert machine.store(settings).level is Level.GOOD
    for name in ("ftp://nowhere", "kubo:http://127.0.0.1:1"):
        assert machine.store(dataclasses.replace(settings, store=name)).level is Level.BAD


def test_a_missing_package_names_the_extra() -> None:
    found = machine.package("no-such-package", "p2p")
    assert found.level is Level.BAD
    assert "cupel[p2p]" in found.remedy


def test_without_chain_and_key_the_report_is_whole_and_the_exit_code_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(doctor_app, ["--json"])
    assert result.exit_code == 1
    findings = {one["subject"]: one for one in json.loads(result.stdout)["findings"]}
    assert {findings[name]["level"] for name in ("keystore", "deployment")} == {"bad"}
    assert findings["disk"]["level"] in ("good", "mind")
    shown = CliRunner().invoke(doctor_app, [])
    assert shown.exit_code == 1
    assert "cupel wallet new" in shown.stdout


def test_config_tells_where_each_value_comes_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "node.toml"
    file.write_text('chain_id = 7\ntask = "0x1"\n')
    monkeypatch.setenv("CUPEL_TASK", "newest")
    values = json.loads(CliRunner().invoke(config_app, ["--config", str(file), "--json"]).stdout)
    assert values["chain_id"] == {"value": 7, "origin": str(file)}
    assert values["task"] == {"value": "newest", "origin": "CUPEL_TASK"}
    assert values["store"]["origin"] == "default"
    assert "CUPEL_TASK" in CliRunner().invoke(config_app, ["--config", str(file)]).stdout


def test_version_names_what_is_there() -> None:
    found = json.loads(CliRunner().invoke(version_app, ["--json"]).stdout)
    assert found["cupel"]
    assert "cupel" in CliRunner().invoke(version_app, []).stdout


def test_an_engine_that_cannot_sample_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "find_spec", lambda name: None)
    assert machine.engine(Settings()) == ()
    for chosen, text in (("vllm", "vllm is not installed"), ("vlm", "'vlm' is no engine")):
        [finding] = machine.engine(Settings(engine=chosen))
        assert (finding.level, finding.text) == (Level.BAD, text)


@pytest.mark.parametrize(
    ("requirement", "told"),
    [
        ("web3>=8", ""),
        ("web3 >= 99.1", "web3 8"),
        ('libp2p==0.8.1; extra == "p2p"', ""),
        ('eth-hash[pycryptodome]>=99; extra == "p2p"', "eth-hash 0"),
        ("numpy==1.2", "numpy 2"),
        ("no-such-package>=1", ""),
        ("numpy", ""),
    ],
)
def test_a_package_older_than_asked_for_is_told(requirement: str, told: str) -> None:
    found = machine.skewed(requirement)
    assert found.startswith(told) if told else not found
    assert "is asked for" in found if told else True


def test_this_installation_fits_its_own_requirements() -> None:
    assert machine.versions().level is Level.GOOD
