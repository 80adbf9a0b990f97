"""Which port is chosen, and what is said about one that is taken."""

import os
import socket
from pathlib import Path

import pytest

from startup_scripts.errors import CannotStart
from startup_scripts.local_stack import DEFAULT_PORT, choose_port
from startup_scripts.ports import LOOPBACK, answers, free_port, holder, is_free


def test_free_port_is_not_one_that_is_lent_to_outgoing_connections() -> None:
    lent = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])

    assert all(port < lent and is_free(port) for port in (free_port() for _ in range(20)))


def test_taken_port_is_refused_with_the_name_of_who_has_it() -> None:
    with socket.create_server((LOOPBACK, 0)) as server:
        port = server.getsockname()[1]
        assert answers(port)
        assert not is_free(port)
        assert holder(port).endswith(f"(pid {os.getpid()})")
        with pytest.raises(
            CannotStart, match=rf"Port {port} is in use by .*\(pid {os.getpid()}\); stop it or"
        ):
            choose_port(port)


def test_zero_asks_for_any_free_port() -> None:
    assert is_free(choose_port(0))


def test_taken_default_is_replaced_and_said(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if is_free(DEFAULT_PORT):
            server.bind((LOOPBACK, DEFAULT_PORT))
            server.listen()

        port = choose_port(None)

    assert port != DEFAULT_PORT
    assert f"this is port {port} instead" in capsys.readouterr().out
