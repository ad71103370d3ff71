"""Hosts that serve the tests on this machine, well or badly, and the lack of any other."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread


class _Quiet(ThreadingHTTPServer):
    """A server whose visitors may leave in the middle of an answer."""

    request_queue_size = 100

    def handle_error(self, *_):
        pass


@contextmanager
def serve(*behaviours: Callable) -> Iterator[tuple[list[str], list[tuple[int, str]]]]:
    """One address for each behaviour, which answers a request (path, handler); and the list of requests, filled."""
    requests, servers = [], []
    for i, behaviour in enumerate(behaviours):

        class Host(BaseHTTPRequestHandler):
            number, answer = i, staticmethod(behaviour)

            def do_GET(self):
                requests.append((self.number, self.path))
                self.answer(self.path.lstrip("/"), self)

            def log_message(self, *_):
                pass

        servers.append(_Quiet(("127.0.0.1", 0), Host))
        Thread(target=servers[-1].serve_forever, daemon=True).start()
    try:
        yield [f"http://127.0.0.1:{server.server_address[1]}/" for server in servers], requests
    finally:
        for server in servers:
            server.shutdown()
            server.server_close()


def send(handler, content, length=None, status=200):
    """Answer a request with this content; with a wrong Content-Length, or none (False), where asked for."""
    handler.send_response(status)
    if length is not False:
        handler.send_header("Content-Length", str(len(content) if length is None else length))
    handler.end_headers()
    handler.wfile.write(content)


def closed_port() -> str:
    """An address where nobody answers."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{unused.getsockname()[1]}/"


def offline(monkeypatch) -> None:
    """No GANLIB_DATA and no proxy: what a test does not serve itself is not there."""
    monkeypatch.delenv("GANLIB_DATA", raising=False)
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def empty_machine(monkeypatch, folder, module):
    """No network, an empty GANLIB_DATA, an empty cache, and hosts for this module's set that do not answer."""
    offline(monkeypatch)
    (folder / "own").mkdir()
    monkeypatch.setenv("GANLIB_DATA", str(folder / "own"))
    monkeypatch.setenv("GANLIB_CACHE", str(folder / "cache"))
    monkeypatch.setattr(module.RECORD, "addresses", [closed_port() + "a", closed_port() + "b"])
