import json
import socket
import stat
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from eth_account import Account
from typer.testing import CliRunner

from cupel.node.collective import commands
from cupel.node.collective.cli import app
from cupel.node.collective.commands import Wanted, run_reduce
from cupel.node.collective.files import read_entry, read_identity, read_values, write_entry, write_identity
from cupel.node.collective.identity import check_member, new_identity, signed_member
from cupel.protocol.config import ConfigError


def run(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


@pytest.fixture
def members(tmp_path, monkeypatch):
    """Entry and identity files of three."""
    monkeypatch.setattr(commands, "LINGER_SECONDS", 0.0)
    made = []
    for number in range(3):
        account = Account.from_key(bytes([number + 1]) * 32)
        identity = new_identity(account.address)
        entry, private = tmp_path / f"{number}.json", tmp_path / f"{number}.pem"
        write_entry(entry, signed_member(account, identity, "127.0.0.1", free_port()))
        write_identity(private, identity)
        made.append((entry, private))
    return made


def test_an_entry_is_signed_and_its_identity_private(tmp_path):
    keystore, word = tmp_path / "key.json", tmp_path / "word"
    account = Account.from_key(b"\1" * 32)
    keystore.write_text(json.dumps(account.encrypt("secret", iterations=2, kdf="scrypt")))
    word.write_text("secret\n")
    made = ("--keystore", keystore, "--password-file", word, "--host", "192.0.2.7", "--port", 7400)
    files = ("--identity", tmp_path / "me.pem", "--out", tmp_path / "me.json")
    assert run("entry", *made, *files).exit_code == 0
    member = read_entry(tmp_path / "me.json")
    check_member(member)
    assert (member.address, member.host, member.port) == (account.address.lower(), "192.0.2.7", 7400)
    assert stat.S_IMODE((tmp_path / "me.pem").stat().st_mode) == 0o600
    assert read_identity(tmp_path / "me.pem").certificate == member.certificate
    with pytest.raises(ConfigError):
        run("entry", *made, *files)  # an identity is never written over


@pytest.mark.parametrize(("bits", "measure"), [(0, True), (8, False)])
def test_members_reduce_from_their_files(members, tmp_path, bits, measure):
    entries = [read_entry(entry) for entry, _ in members]
    values = np.arange(300, dtype=np.float32).reshape(3, 100)
    wanted = Wanted("mean", bits, 0, measure, 20.0)

    def reduce(rank):
        out = tmp_path / f"{rank}.npy"
        return run_reduce(entries, read_identity(members[rank][1]), values[rank], out, wanted)

    with ThreadPoolExecutor(3) as pool:
        found = list(pool.map(reduce, range(3)))
    assert [one.problem for one in found] == [""] * 3
    assert len({one.digest for one in found}) == 1
    assert {one.survivors for one in found} == {found[0].survivors}
    assert set(found[0].survivors) == {entry.address for entry in entries}
    result = np.load(tmp_path / "0.npy")
    np.testing.assert_allclose(result, values.mean(axis=0), atol=1.5 if bits else 0)
    assert "3 members" in found[0].text()
    assert found[0].shown()["evicted"] == {}


def test_a_lone_member_is_told_why_there_is_no_result(members, tmp_path):
    np.save(tmp_path / "v.npy", np.ones(3))
    np.save(tmp_path / "v.npy", np.ones(3, np.int64))
    entries = [entry for entry, _ in members]
    values, out = ("--values", tmp_path / "v.npy"), ("--out", tmp_path / "o.npy")
    result = run("reduce", *entries, "--identity", members[0][1], *values, *out, "--patience", 1, "--json")
    assert result.exit_code == 1
    assert "collective-quorum: 1 of 3" in json.loads(result.stdout)["problem"]


@pytest.mark.parametrize(
    ("values", "options", "key"),
    [
        (np.ones(3), {}, "--values"),
        (np.ones((3, 3), np.float32), {}, "--values"),
        (np.full(3, np.nan, np.float32), {}, "--values"),
        (np.ones(3, np.int64), {"bits": 8}, "--bits"),
        (np.ones(3, np.float32), {"bits": 5}, "--bits"),
        (np.ones(3, np.float32), {"bits": 8, "operation": "max"}, "--bits"),
        (np.ones(3, np.float32), {"operation": "product"}, "--operation"),
        (np.ones(3, np.float32), {"stranger": True}, "--identity"),
    ],
)
def test_mistakes_are_told_by_their_option(members, tmp_path, values, options, key):
    np.save(tmp_path / "v.npy", values)
    entries = [read_entry(entry) for entry, _ in members]
    stranger = options.pop("stranger", False)
    identity = new_identity("0x" + "11" * 20) if stranger else read_identity(members[0][1])
    wanted = Wanted(
        **{"operation": "sum", "bits": 0, "round": 0, "measure": False, "patience": 1.0, **options}
    )
    with pytest.raises(ConfigError) as caught:
        run_reduce(entries, identity, read_values(tmp_path / "v.npy"), tmp_path / "o.npy", wanted)
    assert caught.value.key == key


def test_a_simulation_tells_what_it_adds_up():
    told = run("simulate", "--peers", 64, "--mib", 100, "--mbit", 100, "--latency-ms", 40, "--json")
    found = json.loads(told.stdout)
    assert found["prepared"] == pytest.approx(found["seconds"]["words"] + found["seconds"]["values"])
    assert found["seconds"]["words"] == pytest.approx(3 * 63 * 0.04)
    wire = 2 * 63 / 64 * 100 * 2**20 / 12.5e6
    assert wire < found["seconds"]["values"] < wire + 2 * 63 * 0.04 + 1


@pytest.mark.e2e
def test_a_bench_says_that_all_have_the_same_bits():
    told = run("bench", "--peers", 2, "--mib", 1, "--turns", 1, "--json")
    found = json.loads(told.stdout)
    assert (told.exit_code, found["same_bits"], found["peers"]) == (0, True, 2)
