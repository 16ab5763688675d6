"""`cupel collective`: sum vectors over a ring of machines, and see what that costs."""

from __future__ import annotations

import json as json_text
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Final

import typer

from cupel.protocol.config import ConfigError
from cupel.protocol.waiting import waiting

EXIT_FAILED: Final = 1

app = typer.Typer(
    help="Sum vectors of several machines: same bits for all, and whoever dies is left out.",
    no_args_is_help=True,
)

AsJson = Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")]


@app.callback()
def _root() -> None:
    """Sum, mean, minimum or maximum over a ring without a coordinator. Needs the package's extra `collective`.

    Exit codes: 0 done; 1 no result, with the reason; 2 an argument to correct.
    """
    if find_spec("cryptography") is None:
        raise ConfigError("cryptography", "is not installed", "Install cupel[collective]")


@app.command()
def entry(
    keystore: Annotated[Path, typer.Option(help="Keystore v3 file of the key that signs the entry.")],
    password_file: Annotated[Path, typer.Option(help="File with the keystore's password.")],
    host: Annotated[str, typer.Option(help="Address at which the other members reach this one.")],
    port: Annotated[int, typer.Option(help="Port to listen on.", min=1, max=65535)],
    identity: Annotated[Path, typer.Option(help="New private file, which stays on this machine.")],
    out: Annotated[Path, typer.Option(help="Roster entry to hand to the others.")],
) -> None:
    """Make this machine's roster entry: its endpoint and a certificate, signed by its Ethereum key.

    Every member makes one and gets those of all others. `reduce` takes them in the order of the ring.

    Example: cupel collective entry --keystore key.json --password-file word --host 192.0.2.7 --port 7400
    --identity me.pem --out me.json
    """
    from cupel.node.collective.files import write_entry, write_identity
    from cupel.node.collective.identity import new_identity, signed_member
    from cupel.protocol.keys import open_keystore

    try:
        password = password_file.read_text(encoding="utf-8").rstrip("\r\n")
    except OSError as error:
        raise ConfigError("--password-file", f"cannot read it ({error.strerror})", "Check the path") from None
    with waiting("opening the key file"):
        account = open_keystore(str(keystore), password, f"the password in {password_file}")
    made = new_identity(account.address)
    write_identity(identity, made)
    write_entry(out, signed_member(account, made, host, port))
    typer.echo(f"{out}: {account.address} at {host}:{port}. Keep {identity} to yourself.")


@app.command()
def reduce(
    roster: Annotated[list[Path], typer.Argument(help="Entries of all members, the same order everywhere.")],
    identity: Annotated[Path, typer.Option(help="This member's private file.")],
    values: Annotated[Path, typer.Option(help="Vector to put in, as .npy.")],
    out: Annotated[Path, typer.Option(help="The result, as .npy.")],
    operation: Annotated[str, typer.Option(help="sum, mean, min or max.")] = "sum",
    bits: Annotated[
        int, typer.Option(help="8 or 4: sum float32 in so many bits a value; 0: exactly as they are.")
    ] = 0,
    round_index: Annotated[int, typer.Option("--round", help="A number that all members give.", min=0)] = 0,
    measure: Annotated[
        bool, typer.Option(help="Measure the links first, and take the fastest order.")
    ] = False,
    patience: Annotated[float, typer.Option(help="Seconds until all members must have begun.", min=1)] = 60.0,
    json: AsJson = False,
) -> None:
    """Combine this machine's vector with the others'. Run it on all of them with the same arguments.

    Everybody who gets a result has the same bits. Members that are dead, silent or send what is no number are left
    out, and named with the reason; more than half of the roster must be left.

    Example: cupel collective reduce me.json you.json --identity me.pem --values mine.npy --out total.npy
    """
    from cupel.node.collective.commands import Wanted, run_reduce
    from cupel.node.collective.files import read_entry, read_identity, read_values

    wanted = Wanted(operation, bits, round_index, measure, patience)
    entries = [read_entry(path) for path in roster]
    own, vector = read_identity(identity), read_values(values)
    with waiting("combining with the other members"):
        found = run_reduce(entries, own, vector, out, wanted)
    typer.echo(json_text.dumps(found.shown()) if json else found.text())
    raise typer.Exit(EXIT_FAILED if found.problem else 0)


@app.command()
def bench(
    peers: Annotated[int, typer.Option(help="Processes of this machine.", min=2, max=64)] = 2,
    mib: Annotated[int, typer.Option(help="MiB of float32 each puts in.", min=1)] = 64,
    turns: Annotated[int, typer.Option(help="Sums; the median counts.", min=1)] = 3,
    plain: Annotated[bool, typer.Option(help="Links in the clear, as other libraries' are.")] = False,
    json: AsJson = False,
) -> None:
    """Sum a vector between processes of this machine: seconds, CPU seconds, and whether all have the same bits.

    Example: cupel collective bench --peers 4 --mib 16
    """
    from cupel.node.collective.commands import run_bench

    found = run_bench(peers, mib, turns, plain)
    typer.echo(json_text.dumps(found.shown()) if json else found.text())
    raise typer.Exit(0 if found.same_bits else EXIT_FAILED)


@app.command()
def simulate(
    peers: Annotated[int, typer.Option(help="Members of the ring.", min=2, max=512)] = 64,
    mib: Annotated[float, typer.Option(help="MiB each puts in.", min=0)] = 100.0,
    mbit: Annotated[float, typer.Option(help="What each can send, in Mbit/s.", min=0.001)] = 100.0,
    slowest_mbit: Annotated[
        float | None, typer.Option(help="What one of them can send, if less.", min=0.001)
    ] = None,
    latency_ms: Annotated[float, typer.Option(help="One way, in milliseconds.", min=0)] = 40.0,
    json: AsJson = False,
) -> None:
    """How long a sum among many members would take: every frame of the ring, over links of a simple model.

    A frame leaves when its sender's link is free and arrives a latency after its last byte; nobody computes.

    Example: cupel collective simulate --peers 64 --mbit 100 --latency-ms 40
    """
    from cupel.node.collective.simulation import simulate as simulated

    rates = [mbit * 125_000] * peers
    rates[0] = min(rates[0], (slowest_mbit or mbit) * 125_000)
    with waiting(f"a ring of {peers}"):
        found = simulated(int(mib * (1 << 18)), 4, rates, latency_ms / 1000)
    if json:
        shown = {"opening": found.opening, "words": found.words, "values": found.values}
        typer.echo(
            json_text.dumps({"peers": peers, "mib": mib, "seconds": shown, "prepared": found.prepared})
        )
        return
    typer.echo(
        f"{peers} members, {mib:g} MiB: {found.prepared:.2f} s, of which {found.words:.2f} s for what members sign; "
        f"{found.opening:.2f} s more if links are not open yet"
    )
