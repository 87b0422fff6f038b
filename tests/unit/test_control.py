"""The control socket: who may ask for what, and that silent clients lock nobody out."""

import getpass
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from recorder.control import Answer, Request, Server, ask, socket_path
from recorder.errors import RecorderError


def told(request: Request, user: str) -> Answer:
    return Answer(True, data={"verb": request.verb, "user": user})


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Path]:
    server = Server(socket_path(tmp_path), told)
    yield tmp_path
    server.close()


def test_the_recorder_is_told_which_user_asks(run: Path) -> None:
    assert ask(run, Request("stop")).data == {"verb": "stop", "user": getpass.getuser()}


def test_a_second_recorder_takes_nothing_from_the_first_one(run: Path) -> None:
    with pytest.raises(RecorderError, match="another recorder is running here"):
        Server(socket_path(run), told)
    assert ask(run, Request("status")).ok


def test_what_a_dead_recorder_left_behind_is_taken_over(tmp_path: Path) -> None:
    left = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    left.bind(str(socket_path(tmp_path)))
    left.close()
    server = Server(socket_path(tmp_path), told)
    assert ask(tmp_path, Request("status")).ok
    server.close()


def test_a_limited_user_may_ask_how_it_is_have_something_said_and_tell_of_its_store(
    tmp_path: Path,
) -> None:
    server = Server(socket_path(tmp_path), told, limited=("nobody-else", getpass.getuser()))
    for verb in ("status", "say", "dock"):
        assert ask(tmp_path, Request(verb)).ok
    for verb in (
        "stop",
        "start",
        "button",
        "case-load",
        "case-clear",
        "sensitive",
        "away-start",
        "away-end",
        "selftest",
    ):
        answer = ask(tmp_path, Request(verb))
        assert (answer.ok, answer.code) == (False, "control-denied")
        assert "control.limited" in answer.remedy
    server.close()


def test_silent_clients_make_room_for_one_who_asks(run: Path) -> None:
    silent = []
    for _ in range(30):
        client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        client.connect(str(socket_path(run)))
        silent.append(client)
    assert ask(run, Request("status"), timeout_s=3).ok
    for client in silent:
        client.close()


@pytest.mark.parametrize(
    "line",
    [b"", b"\n", b"null\n", b"[]\n", b'{"verb": 1}\n', b'{"verb": "x", "more": 1}\n',
     b"\xff\xfe\n", b"[" * 60_000 + b"\n", b"x" * 400_000],
    ids=lambda line: repr(line[:12]),
)  # fmt: skip
def test_what_is_no_request_gets_an_answer_that_says_so(run: Path, line: bytes) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(3)
        client.connect(str(socket_path(run)))
        client.sendall(line)
        client.shutdown(socket.SHUT_WR)
        answer = client.recv(65536)
    assert b'"control-message"' in answer
    assert ask(run, Request("status")).ok
