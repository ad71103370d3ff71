"""How a file is fetched from the hosts that publish it: the first that sends what was published, and no other."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import time
from collections.abc import Iterator, Sequence
from http import HTTPStatus
from pathlib import Path
from queue import Empty, Full, Queue
from threading import Event, Thread
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

from ganlib.datasets import files
from ganlib.datasets.record import Record, Unreachable, package, short
from ganlib.errors import DataError

if TYPE_CHECKING:
    import requests
    import urllib3

TIMEOUT = (5, 20)  # seconds that a host may take to connect, and to send PIECE bytes, before the next one is asked
PIECE = 2**16
REDIRECTS = 5
THREAD = "ganlib download"
CERTIFICATES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")  # the variables that name a file of them, for requests
ROOM = "Free some space, or let the environment variable GANLIB_CACHE name another folder."


class _Failed(Exception):
    """A host did not send the file; `answered`, when it did send something."""

    def __init__(self, why: str, answered: bool) -> None:
        super().__init__(why)
        self.answered = answered


def fetch(record: Record, file: str, allowed: bool, largest: int, found: Sequence[Path] = ()) -> Path:
    """Fetch one file to its place in the cache, from the first address that sends what was published, and no other.

    `largest` is the most that its content (for a set whose checksums are of the files, the file) may have; `found` are
    the set's other files, for the message. A host that answers with a status other than 200, redirects more than 5
    times, sends another file or more of it, or less than 64 KiB in 20 seconds, is given up, and the next one asked. So
    memory stays bounded, and the time: a host has 20 seconds for each 64 KiB of the published size. Then the connection
    is shut, and the thread that read from it ends.

    Raises `Unreachable` when no host answers, or none may be asked and the user has none of the files; `DataError` when
    one answers otherwise, when nothing can be written, and when the user's own files lack this one.
    """
    incomplete = DataError if any(map(files.owned, found)) else Unreachable
    if not allowed:
        raise record.missing((), incomplete, found)
    package("requests")  # loading it takes a while, which is not the host's
    most = largest if record.digest_of == "file" else files.gzipped(largest)
    path = record.cache() / file
    failures, kind = [], incomplete
    for url in (address.format(file=file) for address in record.addresses):
        try:
            with _room(record, path) as beside:
                _download(url, beside, most)
                try:
                    files.verify(record, beside, file, largest)
                except DataError:
                    why = f"what it sent is truncated, or is not the file that {record.publisher} published"
                    raise _Failed(why, True) from None
                os.replace(beside, path)
                return path
        except _Failed as failure:
            failures.append(f"{url}: {failure}")
            kind = DataError if failure.answered else kind
    raise record.missing(failures, kind, found)


@contextlib.contextmanager
def _room(record: Record, path: Path) -> Iterator[Path]:
    """A place for a file beside `path`, which is gone afterwards, moved or not; `DataError` where none can be had."""
    try:
        with files.beside(path) as beside:
            yield beside
    except OSError as error:
        problem = f"cannot be written: {error.strerror or short(error)}"
        raise record.refusal(path, problem, "room for it in the cache", ROOM) from None


def _download(url: str, path: Path, most: int) -> None:
    """Write what a host sends to `path`: `_Failed` for whatever the host does wrong, OSError for what the disk does."""
    pieces, stop, sockets = Queue(maxsize=64), Event(), []
    Thread(target=_ask, args=(url, pieces, stop, sockets), name=THREAD, daemon=True).start()
    try:
        with open(path, "wb") as file, _bar(path.name) as bar:
            size, due, end, answered = 0, PIECE, time.monotonic() + sum(TIMEOUT), False
            while True:
                try:
                    piece = pieces.get(timeout=max(0.0, end - time.monotonic()))
                except Empty:
                    slow = f"it sent {size:,} bytes, and then too little in {TIMEOUT[1]:g} seconds"
                    silent = f"no answer in {sum(TIMEOUT):g} seconds"
                    raise _Failed(slow if answered else silent, answered) from None
                if piece is None:
                    return
                if isinstance(piece, _Failed):
                    raise piece
                answered = True
                size += len(piece)
                if size > most:
                    raise _Failed(f"it sent more than {most:,} bytes", True)
                if size >= due:
                    due, end = size + PIECE, time.monotonic() + TIMEOUT[1]
                file.write(piece)
                bar(len(piece))
    finally:
        stop.set()
        for each in sockets:  # a host may go on and on within what the libraries read at once
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)


def _ask(url: str, pieces: Queue, stop: Event, sockets: list[socket.socket]) -> None:
    """Put what a host sends into the queue, piece by piece; at its end None, or the `_Failed` that says why not."""
    import requests

    def put(piece: bytes | _Failed | None) -> None:
        """Wait for room in the queue, unless nobody reads from it any more."""
        while not stop.is_set():
            with contextlib.suppress(Full):
                return pieces.put(piece, timeout=0.5)

    answered = False
    options = {"stream": True, "allow_redirects": False, "timeout": TIMEOUT, "headers": {"Accept-Encoding": "identity"}}
    try:
        with requests.Session() as session:
            for scheme in ("http://", "https://"):
                session.mount(scheme, _watched(stop, sockets))
            session.get_redirect_target = lambda _: None  # or requests would read what comes with one to its end
            for _ in range(REDIRECTS + 1):
                with session.get(url, **options) as response:
                    answered = True
                    if response.is_redirect:
                        url = urljoin(url, response.headers["location"])
                        continue
                    if response.status_code != HTTPStatus.OK:
                        raise _Failed(f"it answered {_status(response.status_code)}", True)
                    put(b"")  # it answers; its first piece may take a while
                    for piece in response.raw.stream(PIECE // 8, decode_content=False):
                        put(piece)
                        if stop.is_set():
                            return
                    return put(None)
            raise _Failed(f"it redirects more than {REDIRECTS} times", True)
    except _Failed as failure:
        put(failure)
    except Exception as error:  # requests, urllib3, http.client, ssl, idna: each has many, and not all are wrapped
        put(_Failed(_said(error, url), answered or _is_answer(error)))


def _watched(stop: Event, sockets: list[socket.socket]) -> requests.adapters.HTTPAdapter:
    """What makes the connections of a session, and keeps their sockets."""
    import requests

    def keeping(pool: type) -> type:
        """The pool, with connections that hand out their sockets."""

        class Connection(pool.ConnectionCls):
            """A connection whose socket can be shut from outside."""

            def connect(self) -> None:
                """Connect, hand out the socket, and give up where it is too late."""
                super().connect()
                sockets.append(self.sock)
                if stop.is_set():
                    raise TimeoutError("too late")

        return type(pool.__name__, (pool,), {"ConnectionCls": Connection})

    def watch(manager: urllib3.PoolManager) -> urllib3.PoolManager:
        """The same manager, with such pools."""
        pools = manager.pool_classes_by_scheme
        manager.pool_classes_by_scheme = {scheme: keeping(pool) for scheme, pool in pools.items()}
        return manager

    class Adapter(requests.adapters.HTTPAdapter):
        """The usual adapter, with such pools, through a proxy, too."""

        def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
            """Make the manager of direct connections."""
            super().init_poolmanager(*arguments, **options)
            watch(self.poolmanager)

        def proxy_manager_for(self, *arguments: Any, **options: Any) -> urllib3.PoolManager:
            """The manager of connections through a proxy."""
            return watch(super().proxy_manager_for(*arguments, **options))

    return Adapter()


def _status(code: int) -> str:
    try:
        return f"{code} {HTTPStatus(code).phrase}"
    except ValueError:
        return str(code)


def _is_answer(error: Exception) -> bool:
    """Whether a request failed because the host sent something that is no HTTP, and not because it sent nothing."""
    import http.client

    import requests

    inner = [each for outer in error.args if isinstance(outer, Exception) for each in outer.args]
    nonsense = [each for each in inner if isinstance(each, http.client.HTTPException)]
    silent = any(isinstance(each, http.client.RemoteDisconnected) for each in nonsense)
    return isinstance(error, requests.exceptions.InvalidHeader) or (bool(nonsense) and not silent)


def _said(error: Exception, url: str) -> str:
    """A failure in a few words; with the certificates that a variable names, when there is something about them."""
    said = type(error).__name__
    named = [(name, os.environ[name]) for name in CERTIFICATES if os.environ.get(name)]
    if not (named and url.startswith("https:")):
        return said
    import ssl

    variable, path = named[0]  # the one that requests takes
    try:
        where = {"capath" if os.path.isdir(path) else "cafile": path}
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(**where)
    except (OSError, ValueError) as wrong:
        why = getattr(wrong, "strerror", None) or type(wrong).__name__
        return f"the certificates that {variable} names, {short(path)!r}, cannot be read ({short(why)})"
    return f"{said}, with the certificates that {variable} names, {short(path)!r}" if "SSL" in said else said


@contextlib.contextmanager
def _bar(name: str) -> Iterator:
    """A bar on standard error, which a download outlives; none where CI is set, or where it goes to a file."""
    from tqdm import tqdm

    bar = None
    with contextlib.suppress(OSError, ValueError):
        seen = sys.stderr is not None and ("ipykernel" in sys.modules or sys.stderr.isatty())
        off = bool(os.environ.get("CI")) or not seen
        bar = tqdm(desc=name, unit="B", unit_scale=True, leave=False, disable=off)

    def moved(n: int) -> None:
        """Move the bar, where it can still be written."""
        with contextlib.suppress(OSError, ValueError):
            bar.update(n)

    try:
        yield moved if bar is not None else lambda n: None
    finally:
        with contextlib.suppress(OSError, ValueError):
            if bar is not None:
                bar.close()
