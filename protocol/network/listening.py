"""Sockets to listen on, with errors that name the port and the setting."""

from __future__ import annotations

import errno
import socket

from cupel.protocol.network.errors import NetworkError, PortTaken


def bind(setting: str, host: str, port: int) -> socket.socket:
    """A bound TCP socket, not listening yet; `setting` is the key an operator would change.

    PortTaken, or NetworkError for an address that is not this machine's.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    # A server restarted at once must not wait for its old connections to be forgotten.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise PortTaken(setting, host, port) from error
        raise NetworkError(
            f"cannot listen on {host} port {port}: {error.strerror}; check listen_host"
        ) from error
    return listener
