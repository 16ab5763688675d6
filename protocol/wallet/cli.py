"""`cupel wallet`: keystore files for creators, nodes and verifiers."""

from __future__ import annotations

import getpass
import json as json_text
import secrets
import sys
from pathlib import Path
from typing import Annotated, Final

import typer

from cupel.protocol.config import ConfigError
from cupel.protocol.waiting import waiting

_PASSWORD_BYTES: Final = 24
_LEAST_PASSWORD: Final = 8

app = typer.Typer(help="Make keystore files, and see whether they open.", no_args_is_help=True)

File = Annotated[Path, typer.Argument(help="Keystore v3 file.")]
PasswordFile = Annotated[
    Path | None, typer.Option(help="File with the password; without it you are asked for one.")
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")]


@app.callback()
def _root() -> None:
    """Keystores."""


@app.command()
def new(
    file: Annotated[Path, typer.Argument(help="Keystore file to write; must not exist.")],
    password_file: PasswordFile = None,
    make_password_file: Annotated[
        Path | None,
        typer.Option(help="Draw a password and write it here: for a process that starts unattended."),
    ] = None,
    json: AsJson = False,
) -> None:
    """Make an account and write its keystore (scrypt, as geth and Foundry do).

    Copy the file and its password to a place of their own before you send it money: nobody can restore them.

    Example: cupel wallet new keys/node.json --make-password-file keys/node.password
    """
    from cupel.protocol.wallet import files

    if file.exists():
        raise ConfigError("keystore", f"{file} exists", "Choose another name; nothing was overwritten")
    if make_password_file is None:
        password = _new_password(password_file)
    else:
        password = secrets.token_urlsafe(_PASSWORD_BYTES)
        files.write_private(make_password_file, password + "\n", "make-password-file")
    with waiting("making a key that is slow to guess"):
        made = files.create(file, password)
    _tell({"address": made.address, "keystore": str(made.path)}, json, f"{made.address}  {made.path}")


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="Keystore file to write; must not exist.")],
    password_file: PasswordFile = None,
    json: AsJson = False,
) -> None:
    """Write the keystore of a private key that you type or pipe in; it is never on the command line.

    A keystore of geth or Foundry needs no import: name it as it is.

    Example: cupel wallet import keys/node.json
    """
    from cupel.protocol.wallet import files

    if file.exists():
        raise ConfigError("keystore", f"{file} exists", "Choose another name; nothing was overwritten")
    account = files.parse_private_key(_secret("Private key: "))
    password = _new_password(password_file)
    with waiting("making a key file that is slow to guess"):
        made = files.write(file, account, password)
    _tell({"address": made.address, "keystore": str(made.path)}, json, f"{made.address}  {made.path}")


@app.command("list")
def list_(
    folder: Annotated[Path, typer.Argument(help="Folder of keystores.")],
    json: AsJson = False,
) -> None:
    """List the keystores of a folder and the addresses they name. Opens none of them.

    Example: cupel wallet list keys
    """
    from cupel.protocol.wallet import files

    found = [{"address": one.address, "keystore": str(one.path)} for one in files.listed(folder)]
    lines = [f"{one['address'] or 'names no address':<42}  {one['keystore']}" for one in found]
    _tell({"wallets": found}, json, "\n".join(lines) if lines else f"no keystore in {folder}")


@app.command()
def check(file: File, password_file: PasswordFile = None, json: AsJson = False) -> None:
    """Open a keystore with its password, sign with it, and see that the signature is its address's.

    Do it with the copy that you would restore from.

    Example: cupel wallet check backup/node.json --password-file backup/node.password
    """
    from eth_account import Account
    from eth_account.messages import encode_defunct

    from cupel.protocol.keys import open_keystore

    password = _secret("Password: ") if password_file is None else _read_password(password_file)
    with waiting("opening the key file"):
        account = open_keystore(str(file), password, "the password given")
    message = encode_defunct(secrets.token_bytes(32))
    signature = account.sign_message(message).signature
    assert Account.recover_message(message, signature=signature) == account.address, "a key signs for itself"
    _tell({"address": str(account.address), "opens": True}, json, f"{account.address}  opens and signs")


@app.command()
def signer(
    url: Annotated[str, typer.Argument(help="The signer's URL, and # and the account if it has several.")],
    chain_id: Annotated[int, typer.Option(help="The chain you mean.")] = 31337,
    json: AsJson = False,
) -> None:
    """Ask an external signer for its account, have it sign a sentence (EIP-712), and see that it did.

    It may ask you to approve. Nothing is sent, and what is signed is worth nothing.

    Example: cupel wallet signer http://127.0.0.1:1248
    """
    import asyncio

    from cupel.protocol.chain.signing import RemoteAccount
    from cupel.protocol.wallet.proof import proof_message

    async def asked() -> str:
        async with RemoteAccount(url, chain_id) as account:
            await account.sign_typed_data(proof_message(chain_id, secrets.token_hex(16)))
            return account.address

    with waiting("waiting for the signer: approve it there"):
        address = asyncio.run(asked())
    values: dict[str, object] = {"address": address, "chain_id": chain_id, "signs": True}
    _tell(values, json, f"{address}  signs for chain {chain_id}")


def _new_password(password_file: Path | None) -> str:
    if password_file is not None:
        return _read_password(password_file)
    password = _secret("Password: ")
    if len(password) < _LEAST_PASSWORD:
        raise ConfigError("password", "too short", f"Choose at least {_LEAST_PASSWORD} characters")
    if sys.stdin.isatty() and _secret("The same again: ") != password:
        raise ConfigError("password", "the two differ", "Try again; nothing was written")
    return password


def _read_password(path: Path) -> str:
    try:
        password = path.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError("password-file", f"cannot read {path} ({error})", "Check the path") from None
    if not password:
        raise ConfigError("password-file", f"{path} is empty", "Write the password in its first line")
    return password


def _secret(prompt: str) -> str:
    """Typed without an echo, or one line of what is piped in."""
    return getpass.getpass(prompt) if sys.stdin.isatty() else sys.stdin.readline().rstrip("\r\n")


def _tell(values: dict[str, object], as_json: bool, text: str) -> None:
    print(json_text.dumps(values) if as_json else text)
