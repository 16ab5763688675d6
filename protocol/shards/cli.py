"""`cupel shards`: files to many machines over plain HTTP, each block checked against its address.

The options of `publish`, `fetch` and `relay` are in `quick` too, which a test compares with these.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    help="Send files to many machines: every block is checked, everybody who has one passes it on.",
    no_args_is_help=True,
)

Store = Annotated[Path, typer.Option(help="Folder of blocks; it is made if it is not there.")]
Host = Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 for every one of this machine.")]
Port = Annotated[int, typer.Option(help="Port to listen on; 0 takes a free one.", min=0, max=65535)]
UploadLimit = Annotated[
    int | None, typer.Option(help="Bytes a second that all uploads together may use.", min=1000)
]
AsJson = Annotated[bool, typer.Option("--json", help="Events as JSON lines on standard output.")]


@app.callback()
def _root() -> None:
    """Commands of whoever gives or gets files.

    Exit codes: 0 done; 1 what was published is no file in Cupel's form, or a block is not what it was; 2 an argument
    to correct; 4 nobody delivers, or a disk or port fails; 130 interrupted (the way to end a server).
    """


@app.command()
def publish(
    file: Annotated[Path, typer.Argument(help="The file to give; it stays where it is and is not copied.")],
    store: Store,
    host: Host = "127.0.0.1",
    port: Port = 0,
    upload_limit: UploadLimit = None,
    json: AsJson = False,
) -> None:
    """Hash FILE, print its address (CID) and serve it until interrupted.

    Give the printed CID and URL to those who shall fetch it. The file must not change meanwhile: blocks that changed
    are noticed and served no more.

    Example: cupel shards publish model.safetensors --store /var/cupel --host 0.0.0.0 --port 8080
    """
    from cupel.protocol.shards import actions

    raise typer.Exit(actions.publish(file, store, host, port, upload_limit, json))


@app.command()
def fetch(
    cid: Annotated[str, typer.Argument(help="The file's address, as `publish` printed it.")],
    store: Store,
    sources: Annotated[
        list[str], typer.Option("--from", help="A server or any trustless IPFS gateway; may be repeated.")
    ],
    out: Annotated[
        Path | None, typer.Option(help="Where the file shall appear, whole or not at all.")
    ] = None,
    serve: Annotated[bool, typer.Option("--serve", help="Pass blocks on from the first one.")] = False,
    host: Host = "127.0.0.1",
    port: Port = 0,
    upload_limit: UploadLimit = None,
    json: AsJson = False,
) -> None:
    """Fetch a file from all sources at once, each block checked before it is kept.

    No source needs to be trusted. Interrupted or killed, the same command goes on where it was. With --serve it stays
    up and passes the blocks on until it is interrupted.

    Example: cupel shards fetch bafy... --from http://10.0.0.5:8080 --store /var/cupel --out model.safetensors
    """
    from cupel.protocol.shards import actions

    raise typer.Exit(actions.fetch(cid, store, sources, out, serve, host, port, upload_limit, json))


@app.command()
def relay(
    upstreams: Annotated[
        list[str],
        typer.Option("--upstream", help="Where to fetch what is asked for; may be repeated, first first."),
    ],
    store: Store,
    max_bytes: Annotated[int, typer.Option(help="Of blocks to keep; the oldest make room.", min=1 << 22)] = 50
    << 30,
    host: Host = "127.0.0.1",
    port: Port = 0,
    upload_limit: UploadLimit = None,
    json: AsJson = False,
) -> None:
    """Fetch whatever block is asked for from other gateways, check it, keep it and pass it on, until interrupted.

    It stands in front of a publisher, or between two networks. Nothing needs to be known in advance.

    Example: cupel shards relay --upstream http://10.0.0.5:8080 --store /var/relay --host 0.0.0.0 --port 8080
    """
    from cupel.protocol.shards import actions

    raise typer.Exit(actions.relay(upstreams, store, max_bytes, host, port, upload_limit, json))


@app.command("ls")
def list_files(store: Store, json: AsJson = False) -> None:
    """List the files of a store's folder, and how much of each is there.

    Example: cupel shards ls --store /var/cupel
    """
    from cupel.protocol.shards.inventory import existing_folder, holdings
    from cupel.protocol.shards.screen import Screen

    screen = Screen(json)
    for each in holdings(existing_folder(store), check=False):
        screen.event("file", cid=str(each.root), bytes=each.num_bytes, held_bytes=each.held_bytes)


@app.command()
def verify(store: Store, json: AsJson = False) -> None:
    """Hash every block of a store's folder again; a block that is not what it was goes to quarantine.

    Exit code 0 if all are right, 1 if one was not.

    Example: cupel shards verify --store /var/cupel
    """
    from cupel.protocol.shards.actions import EXIT_REFUSED
    from cupel.protocol.shards.inventory import decayed, existing_folder
    from cupel.protocol.shards.screen import Screen

    screen, bad = Screen(json), decayed(existing_folder(store))
    for cid in bad:
        screen.event("decayed", cid=str(cid))
    screen.event("verified", decayed=len(bad), seconds=screen.seconds)
    raise typer.Exit(EXIT_REFUSED if bad else 0)
