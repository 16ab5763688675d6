"""`cupel update`: look at a signed release, fetch it, install it; and sign one."""

from __future__ import annotations

import json as json_text
import shlex
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from cupel.protocol.config import ConfigError
from cupel.protocol.settings import load_settings
from cupel.protocol.spec.errors import Rejected
from cupel.protocol.waiting import waiting

if TYPE_CHECKING:
    from cupel.protocol.release.taking import Offer

EXIT_REFUSED: Final = 1

app = typer.Typer(help="Take releases that those whom you trust have signed.", no_args_is_help=True)

Statement = Annotated[str, typer.Argument(help="The statement about a release: a URL or a file.")]
Config = Annotated[
    Path | None, typer.Option(help="TOML file with release_signers and release_quorum; CUPEL_* win over it.")
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")]


@app.callback()
def _root() -> None:
    """Nothing is trusted, asked or changed but by these commands.

    Exit codes: 0 done; 1 the statement or the wheel is refused, or is older than what is here; 2 a setting to correct;
    4 nobody delivers, or pip refuses.
    """


@app.command()
def check(statement: Statement, config: Config = None, json: AsJson = False) -> None:
    """Say what a statement offers, if enough of those whom you trust have signed it. Fetches nothing else.

    Example: cupel update check https://example.org/cupel/statement --config node.toml
    """
    from cupel.protocol.spec.release import Standing

    with _refusals():
        offer = _offer(statement, config)
        _tell(_plain(offer), json, _told(offer))
    raise typer.Exit(EXIT_REFUSED if offer.standing is Standing.OLDER else 0)


@app.command()
def fetch(
    statement: Statement,
    out: Annotated[Path, typer.Option(help="Folder for the wheel and a requirements file with its hash.")],
    sources: Annotated[
        list[str] | None,
        typer.Option(
            "--from", help="A block server or IPFS gateway to fetch the wheel from; may be repeated."
        ),
    ] = None,
    install: Annotated[
        bool, typer.Option("--install", help="Have pip install it here. Stop what runs from here first.")
    ] = False,
    config: Config = None,
    json: AsJson = False,
) -> None:
    """Fetch the wheel of a newer release, check its digest, and print how to install it.

    It comes from beside the statement, or by its address from the sources that --from names; none of them is trusted.
    Nothing that runs is changed or restarted; with --install, stop it before: parts are loaded late.

    Example: cupel update fetch https://example.org/cupel/statement --out releases --config node.toml
    """
    from cupel.protocol.release import taking
    from cupel.protocol.shards.commands import checked_sources
    from cupel.protocol.spec.release import Standing

    gateways = checked_sources("--from", sources or [])
    with _refusals():
        offer = _offer(statement, config)
        if offer.standing is Standing.SAME:
            _tell(_plain(offer), json, _told(offer))
            return
        with waiting("fetching the wheel"):
            requirements = taking.fetch(offer, statement, gateways, out)
    command = shlex.join(taking.pip_command(requirements))
    if install:
        with waiting("installing"):
            taking.install(requirements)
    plain = _plain(offer) | {"requirements": str(requirements), "command": command, "installed_now": install}
    done = "installed: start what you stopped" if install else f"stop what runs from here, then\n{command}"
    _tell(plain, json, f"{_told(offer)}\n{out / offer.release.wheel}\n{done}")


@app.command()
def sign(
    wheel: Annotated[Path, typer.Argument(help="The wheel, built by yourself with tools/wheel.sh.")],
    statement: Annotated[Path, typer.Option(help="The statement to begin, or to add your signature to.")],
    keystore: Annotated[str, typer.Option(help="Keystore v3 file of the key that signs.")],
    password_file: Annotated[str, typer.Option(help="File with the keystore's password.")],
    commit: Annotated[str | None, typer.Option(help="Begin a statement: the commit the wheel is of.")] = None,
    minimum: Annotated[
        str | None, typer.Option(help="Begin a statement: the oldest version that still works with this one.")
    ] = None,
    json: AsJson = False,
) -> None:
    """Sign a release. The first to sign names its commit; the others add their lines to the same statement.

    Everybody builds the wheel: a signature says that this commit gives these bytes.

    Example: cupel update sign dist/cupel-0.2.0-*.whl --statement s --keystore k.json --password-file k.password
    """
    from cupel.protocol.keys import load_account
    from cupel.protocol.release.making import add_signature
    from cupel.protocol.settings import Settings

    if (commit is None) is not (minimum is None):
        remedy = "Give both to begin a statement, and neither to add a signature"
        raise ConfigError("commit", "--commit and --minimum belong together", remedy)
    account = load_account(Settings(keystore=keystore, password_file=password_file))
    fresh = None if commit is None or minimum is None else (minimum, commit, int(time.time()))
    with _refusals():
        release = add_signature(statement, wheel, fresh, account)
    values = {"version": release.version, "digest": "0x" + release.digest.hex(), "signer": account.address}
    text = f"{account.address} signed {release.version}: {release.sha256.hex()} {release.cid}"
    _tell(values | {"cid": release.cid, "sha256": release.sha256.hex()}, json, text)


def _offer(statement: str, config: Path | None) -> Offer:
    trusted, quorum = load_settings(config, {}).trusted_releasers
    from cupel.protocol.release import taking

    with waiting("reading the statement"):
        return taking.look(statement, trusted, quorum)


def _plain(offer: Offer) -> dict[str, Any]:
    release = offer.release
    return {
        "standing": offer.standing.value,
        "version": release.version,
        "installed": offer.installed,
        "signers": list(offer.signers),
        "time": release.time,
        "minimum": release.minimum,
        "cut_off": offer.is_cut_off,
        "commit": release.commit,
        "wheel": release.wheel,
        "sha256": release.sha256.hex(),
        "cid": release.cid,
    }


def _told(offer: Offer) -> str:
    release = offer.release
    date = time.strftime("%Y-%m-%d", time.gmtime(release.time))
    lines = [
        f"{release.version} of {date}, {offer.standing.value}: {offer.installed} is installed",
        f"commit {release.commit}, signed by {', '.join(offer.signers)}",
    ]
    if offer.is_cut_off:
        lines.append(
            f"versions before {release.minimum} no longer work with the others: update before your next round"
        )
    return "\n".join(lines)


@contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except Rejected as rejected:
        print(f"cupel: {rejected}", file=sys.stderr)
        raise typer.Exit(EXIT_REFUSED) from None


def _tell(values: dict[str, Any], as_json: bool, text: str) -> None:
    print(json_text.dumps(values) if as_json else text)
