"""Ports on the loopback interface."""

import errno
import secrets
import socket
from contextlib import suppress
from pathlib import Path
from typing import Final

import psutil

LOOPBACK: Final = "127.0.0.1"
LOWEST: Final = 20_000
_RANGE: Final = Path("/proc/sys/net/ipv4/ip_local_port_range")


def free_port() -> int:
    """Return a port that nobody listens on, below those that the system lends to outgoing connections.

    A server that restarts needs its old port back; one from the lent range may be somebody's by then, even
    that of a client that was trying to reach it.
    """
    highest = _first_lent()
    for _ in range(100):
        if highest > LOWEST and is_free(port := LOWEST + secrets.randbelow(highest - LOWEST)):
            return port
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def is_free(port: int) -> bool:
    """Tell whether a server could listen on this port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return False
            raise
    return True


def answers(port: int) -> bool:
    """Tell whether somebody accepts connections on this port."""
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex((LOOPBACK, port)) == 0


def holder(port: int) -> str:
    """Return who listens on this port, such as ``python (pid 7)``, as far as we may know."""
    with suppress(psutil.Error, OSError):
        for connection in psutil.net_connections("tcp"):
            listens = connection.status == psutil.CONN_LISTEN and connection.pid
            if listens and connection.laddr and connection.laddr.port == port:
                return f"{psutil.Process(connection.pid).name()} (pid {connection.pid})"
    return "another program"


def _first_lent() -> int:
    try:
        return int(_RANGE.read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return 32_768
