"""What this machine can do at most, measured beside the transfers: hashing on one core, and bytes through loopback."""

from __future__ import annotations

import hashlib
import os
import socket
import time
from dataclasses import dataclass

PIECE_BYTES = 1 << 20


@dataclass(frozen=True)
class Limits:
    """`hash_rate` and `loopback_rate` in bytes per second; CPU seconds per byte of each; processors we may use."""

    hash_rate: float
    hash_cpu: float
    loopback_rate: float
    loopback_cpu: float
    processors: int

    def least_cpu_seconds(self, file_bytes: int, copies: int) -> float:
        """What nobody can go below who hashes a file once when published and once per copy, and sends every copy."""
        return file_bytes * (self.hash_cpu * (1 + copies) + self.loopback_cpu * copies)

    def least_seconds(self, file_bytes: int, copies: int) -> float:
        """That work on all processors, without a pause; in no less than one pass of hashing and one of sending."""
        in_parallel = self.least_cpu_seconds(file_bytes, copies) / self.processors
        return max(in_parallel, file_bytes / self.hash_rate, file_bytes / self.loopback_rate)


def measure(size: int, rounds: int = 3) -> Limits:
    """The best of some rounds with `size` bytes each."""
    hashing = min(hash_once(size) for _ in range(rounds))
    sending = min(send_once(size) for _ in range(rounds))
    return Limits(
        hash_rate=size / hashing[0],
        hash_cpu=hashing[1] / size,
        loopback_rate=size / sending[0],
        loopback_cpu=sending[1] / size,
        processors=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
    )


def hash_once(size: int) -> tuple[float, float]:
    """SHA-256 by hashlib over pieces of 1 MiB; seconds and CPU seconds."""
    piece = os.urandom(PIECE_BYTES)
    started, cpu = time.perf_counter(), time.process_time()
    digest = hashlib.sha256()
    for _ in range(size // PIECE_BYTES):
        digest.update(piece)
    return time.perf_counter() - started, time.process_time() - cpu


def send_once(size: int) -> tuple[float, float]:
    """One TCP stream from this process to a forked one, which throws it away; seconds and both CPU times."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        child = os.fork()
        if child == 0:
            _receive_all(listener)
            os._exit(0)
        piece = memoryview(os.urandom(PIECE_BYTES))
        started, cpu = time.perf_counter(), time.process_time()
        with socket.create_connection(listener.getsockname()) as sender:
            for _ in range(size // PIECE_BYTES):
                sender.sendall(piece)
        _, _, usage = os.wait4(child, 0)
    seconds = time.perf_counter() - started
    return seconds, time.process_time() - cpu + usage.ru_utime + usage.ru_stime


def _receive_all(listener: socket.socket) -> None:
    buffer = bytearray(PIECE_BYTES)
    receiver, _ = listener.accept()
    while receiver.recv_into(buffer):
        pass
