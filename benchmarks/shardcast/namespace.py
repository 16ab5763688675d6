"""A network and mounts of this benchmark's own, where the system lets us: exact counters, and a disk that can fill."""

from __future__ import annotations

import fcntl
import os
import shutil
import socket
import struct
import subprocess
import sys

MARK = "CUPEL_SHARDCAST_NAMESPACE"
_GET_FLAGS, _SET_FLAGS, _UP = 0x8913, 0x8914, 0x1  # SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP of Linux


def enter() -> bool:
    """Start this program again in namespaces of its own; False if it must go on without.

    The original listens everywhere if it is let, so this also keeps it from other people's networks.
    """
    if os.environ.get(MARK):
        _loopback_up()
        return True
    for options in (["--net", "--mount"], ["--user", "--map-root-user", "--net", "--mount"]):
        program = shutil.which("unshare")
        if (
            program
            and not subprocess.run([program, *options, "true"], capture_output=True, check=False).returncode
        ):
            os.execve(program, [program, *options, sys.executable, *sys.argv], {**os.environ, MARK: "1"})
    return False


def _loopback_up() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as anything:
        request = struct.pack("16sH14x", b"lo", 0)
        flags = struct.unpack_from("H", fcntl.ioctl(anything, _GET_FLAGS, request), 16)[0]
        fcntl.ioctl(anything, _SET_FLAGS, struct.pack("16sH14x", b"lo", flags | _UP))
