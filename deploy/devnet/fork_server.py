"""The process that the demo's nodes and verifiers are forked from: it has loaded what all of them need.

    python -m cupel.devnet.fork_server SOCKET PARENT MODULE...

Loading PyTorch, libp2p and web3 takes some seconds of processor time. Eight processes that each load them keep two
cores busy for half a minute; forked from one that has, they start at once and share that memory. What they run is
what the command line runs. The MODULEs are what is loaded first.

Over SOCKET, a datagram each: in comes `{"module", "arguments"}` with two open files, the child's standard output and
error; out go `{"pid"}` when it runs, or `{"pid", "code"}` when it ended (negative code: ended by that signal). Every
child dies with this process, and this process when its standard input closes.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import selectors
import signal
import socket
import sys
import traceback
from typing import Final, NoReturn

from cupel.protocol.tether import tether

MAX_REQUEST_BYTES: Final = 64 * 1024
_NUM_FILES: Final = 2


def serve(connection: socket.socket) -> None:
    """Fork what is asked for and tell of every end, until standard input closes."""
    wakeup, alarm = socket.socketpair()
    alarm.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda number, frame: None)
    signal.set_wakeup_fd(alarm.fileno())
    children: set[int] = set()
    with selectors.DefaultSelector() as selector:
        for source in (connection, wakeup, sys.stdin):
            selector.register(source, selectors.EVENT_READ)
        while True:
            ready = {key.fileobj for key, _ in selector.select()}
            if sys.stdin in ready:
                break
            if wakeup in ready:
                wakeup.recv(4096)
                _reap(connection, children)
            if connection in ready:
                children.add(_fork(connection))
    for pid in children:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)


def _fork(connection: socket.socket) -> int:
    message, files, _, _ = socket.recv_fds(connection, MAX_REQUEST_BYTES, _NUM_FILES)
    request = json.loads(message)
    server = os.getpid()
    pid = os.fork()
    if pid == 0:
        tether(server)
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        connection.close()
        _become(request["module"], request["arguments"], files)
    # Here as well as in the child: whoever is told the pid may signal its group at once.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.setpgid(pid, pid)
    for file in files:
        os.close(file)
    _send(connection, pid=pid)
    return pid


def _become(module: str, arguments: list[str], files: list[int]) -> NoReturn:
    """Be the child: run the module's `main` as a command line would, and end with its exit code."""
    code = 1
    try:
        os.setpgid(0, 0)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(files[0], 1)
        os.dup2(files[1], 2)
        for file in files:
            os.close(file)
        sys.argv = [module, *arguments]
        importlib.import_module(module).main()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        # Past the server's own frames and the threads that a library left behind.
        os._exit(code)


def _reap(connection: socket.socket, children: set[int]) -> None:
    for pid in sorted(children):
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            children.remove(pid)
            _send(connection, pid=pid, code=os.waitstatus_to_exitcode(status))


def _send(connection: socket.socket, **fields: int) -> None:
    with contextlib.suppress(OSError):  # the demo has gone; standard input tells
        connection.send(json.dumps(fields).encode())


def main() -> None:
    """Load the modules, then serve the socket."""
    descriptor, parent, *modules = sys.argv[1:]
    tether(int(parent))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for module in modules:
        importlib.import_module(module)
    # What is loaded lives for ever: a collector that touched it would only unshare its pages.
    gc.collect()
    gc.freeze()
    serve(socket.socket(fileno=int(descriptor)))


if __name__ == "__main__":
    main()
