"""The control socket's server side: what is asked, and once in a while over a real socket."""

import contextlib
import socket
from collections.abc import Sequence
from typing import Any

import msgspec

from recorder.control import LIMITED_VERBS, MAX_REQUEST, Answer, Request, Server, ask, socket_path
from recorder.errors import RecorderError
from recorder.session import case
from tests.fuzz import made
from tests.fuzz.choices import Choices, edit_bytes, edit_tree
from tests.fuzz.targets import Broken, same

WORDS = ("verb", "argument", "reason", "status", "case-load", "case-show", "case-clear", "say",
         "button", "short", "double", "long", "start", "stop", "mark", "notice", "stage",
         "arrival", '{"', '":"')  # fmt: skip
_ASKED: list[Request] = []
_ONE_IN = 64
"""Inputs that go over a socket: a thread and a connection each."""


def _handle(request: Request, user: str) -> Answer:
    """Notes what it was asked; reads cards as the recorder does, and refuses what has no use."""
    _ASKED.append(request)
    if request.verb == "case-load":
        case.check(
            request.argument, made.example_catalogue(), made.ORGANISATION, "2026-11-23", user
        )
    elif request.verb not in WORDS:
        raise RecorderError(
            "control-verb", f"unknown verb {request.verb!r}", remedy="Ask for status"
        )
    return Answer(True, data={"verb": request.verb})


_SERVER = Server(socket_path(made.scratch()), _handle, limited=("sync",))
_CARD = made.examples("case.example.toml")[0].decode()
_REQUESTS = tuple(
    msgspec.json.encode(request)
    for request in (Request("status"), Request("case-load", _CARD), Request("mark", "封条", "x"))
)
HEAVY = tuple(b"\0\1" + text for text in made.HEAVY)


def seeds() -> Sequence[bytes]:
    """Requests as they are and as a start for edits, and a few over the socket."""
    return [*(b"\0\1" + r for r in _REQUESTS), *(bytes([1, 1, i]) for i in range(3)),
            b"\0\0" + _REQUESTS[0], bytes([1, 0, 2, 9, 9])]  # fmt: skip


def check(data: bytes) -> None:
    """Every line gets one answer, which is JSON; only whole requests reach the recorder."""
    choices = Choices(data)
    built, real = choices.number(2) == 1, choices.number(_ONE_IN) == 0
    raw = choices.pick(_REQUESTS) if built else choices.rest()
    if built:
        tree: Any = msgspec.json.decode(raw)
        while choices.more:
            if choices.number(4):
                tree = edit_tree(tree, choices, WORDS)
            else:
                break
        with contextlib.suppress(OverflowError, UnicodeEncodeError):
            raw = msgspec.json.encode(tree)
        while choices.more:
            raw = edit_bytes(raw, choices)
    _ASKED.clear()
    if real:
        _over_socket(raw)
        return
    line = raw[: MAX_REQUEST + 1].split(b"\n", 1)[0]
    for user in ("officer", "sync"):
        _ASKED.clear()
        answer = _SERVER._answer(line, user)
        again = msgspec.json.decode(msgspec.json.encode(answer), type=Answer)
        same(
            (again.ok, again.code, again.problem),
            (answer.ok, answer.code, answer.problem),
            "answer",
        )
        if not answer.ok and not answer.code:
            raise Broken("a refusal without a code")
        for request in _ASKED:
            if user == "sync" and request.verb not in LIMITED_VERBS:
                raise Broken(f"a limited user was let through with {request.verb!r}")
            sent = msgspec.json.decode(line)
            want = (sent["verb"], sent.get("argument", ""), sent.get("reason", ""))
            same((request.verb, request.argument, request.reason), want, "request")


def _over_socket(raw: bytes) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(10)
        client.connect(str(socket_path(made.scratch())))
        client.sendall(raw)
        client.shutdown(socket.SHUT_WR)
        answer = b""
        while part := client.recv(65536):
            answer += part
    if not answer.endswith(b"\n") or b"\n" in answer[:-1]:
        raise Broken(f"not one line: {answer[:100]!r}")
    msgspec.json.decode(answer, type=Answer)
    if not ask(made.scratch(), Request("status"), timeout_s=10).ok:
        raise Broken("it does not answer any more")
