"""Hosts that answer badly: each is given up in time, and the next one is asked, or one error says why not."""

from __future__ import annotations

import dataclasses
import gzip
import hashlib
import socket
import struct
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from ganlib import DataError, load
from ganlib.datasets import download, mnist
from ganlib.datasets.record import Unreachable
from tests.altered_data import bomb
from tests.hosts import closed_port, offline, send, serve

FILE = "t10k-images-idx3-ubyte.gz"
N = 40  # pictures in it
PIXELS = np.random.default_rng(0).integers(0, 256, (N, 28, 28), np.uint8)
RIGHT = gzip.compress(bytes([0, 0, 8, 3]) + struct.pack(">3I", N, 28, 28) + PIXELS.tobytes(), 1, mtime=0)
DIGEST = hashlib.sha256(gzip.decompress(RIGHT)).hexdigest()
MOST = 30_000_000  # bytes that a host gets rid of: the system itself keeps some millions on their way
WAIT = (3, 4)  # in the place of TIMEOUT
SECONDS = 12


def raw(*parts, head=b"HTTP/1.1 200 OK\r\n"):
    """Send just that, and hang up."""
    return lambda path, handler: [handler.wfile.write(part) for part in (head, *parts)]


def body(*headers):
    """The right file, under other headers."""
    return raw(*(header.encode("latin-1") + b"\r\n" for header in headers), b"\r\n", RIGHT)


def chunked(*parts):
    return raw(b"Transfer-Encoding: chunked\r\n\r\n", *parts)


def moved(to, *more):
    return raw(f"Location: {to}\r\n".encode("latin-1"), b"\r\n", *more, head=b"HTTP/1.1 302 Found\r\n")


def without_end(before, part, seconds=0.0):
    """Send `before`, and `part` again and again, until the other side leaves or the test is over: how much went out."""

    def answer(path, handler):
        sent[path] = 0
        end = time.monotonic() + SECONDS
        handler.wfile.write(before)
        while time.monotonic() < end:
            handler.wfile.write(part)
            sent[path] += len(part)
            time.sleep(seconds)

    return answer


def then_reset(*parts):
    """Send something, and break the connection."""

    def answer(path, handler):
        for part in parts:
            handler.wfile.write(part)
        handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        handler.connection.close()

    return answer


sent: dict[str, int] = {}
OK = b"HTTP/1.1 200 OK\r\n"
CHUNK = f"{len(RIGHT):x}\r\n".encode() + RIGHT + b"\r\n"
WAITING = {  # these have to be waited for
    "silent": lambda path, handler: time.sleep(SECONDS),
    "silent after its headers": lambda path, handler: (handler.wfile.write(OK + b"\r\n"), time.sleep(SECONDS)),
    "silent after half": lambda path, handler: (handler.wfile.write(OK + b"\r\n" + RIGHT[:999]), time.sleep(SECONDS)),
    "silent after all, a byte short of its length": lambda path, handler: (
        handler.wfile.write(OK + f"Content-Length: {len(RIGHT) + 1}\r\n\r\n".encode() + RIGHT),
        time.sleep(SECONDS),
    ),
    "a body that drips": without_end(OK + b"\r\n", b"x", 0.05),
    "a body that drips in chunks": without_end(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n", 0.05),
    "headers that drip": without_end(OK, b"X: y\r\n", 0.1),
    "a header that drips": without_end(OK + b"X: ", b"y", 0.05),
    "a status line that drips": without_end(b"HTTP/1.1 200 ", b"O", 0.05),
    "100 Continue without end": without_end(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 9, 0.02),
}
UNREACHABLE = ["silent", "headers that drip", "a header that drips", "a status line that drips"]
UNREACHABLE += ["100 Continue without end", "hangs up", "resets"]
STATUSES = [201, 204, 206, 304, 400, 401, 403, 404, 407, 410, 418, 429, 451, 500, 502, 503, 504, 511, 599, 999]
HOSTILE = WAITING | {
    "hangs up": raw(head=b""),
    "resets": then_reset(),
    "resets after its headers": then_reset(OK + b"Content-Length: 99999\r\n\r\n"),
    "resets after half": then_reset(OK + b"\r\n", RIGHT[:9_999]),
    **{f"a length of {what[:9]}": raw(f"Content-Length: {what}\r\n\r\n".encode(), RIGHT[:-9]) for what in (
        "abc", "-1", "0", "10", "", "1 0", "+31000", "1e9", "0x10", "9" * 30, "9" * 5_000, "٣"
    )},
    "two lengths": raw(b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n", RIGHT),
    "a length, half, the end": raw(f"Content-Length: {len(RIGHT)}\r\n\r\n".encode(), RIGHT[:9_999]),
    "half, the end": raw(b"\r\n", RIGHT[:9_999]),
    "nothing, the end": raw(b"\r\n"),
    "a chunk of zz": chunked(b"zz\r\n", RIGHT),
    "a chunk of -5": chunked(b"-5\r\n", RIGHT),
    "a chunk of nothing": chunked(b"\r\n\r\n", RIGHT),
    "a chunk of 10^20": chunked(b"fffffffffffffffff\r\n", RIGHT),
    "a chunk too short": chunked(b"ffff\r\n", RIGHT[:99]),
    "a chunk without its end": chunked(CHUNK[:-2], CHUNK),
    "chunks without the last": chunked(f"{len(RIGHT) - 9:x}\r\n".encode(), RIGHT[:-9], b"\r\n"),
    "chunks without end": without_end(OK + b"Transfer-Encoding: chunked\r\n\r\n", CHUNK),
    "a line of chunks without end": without_end(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"0" * 10_000),
    "trailers without end": without_end(OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", b"X: y\r\n" * 99, 0.01),
    "announced as chunks, and is none": chunked(RIGHT),
    "to itself": lambda path, handler: moved(f"/{path}")(path, handler),
    "to and fro": lambda path, handler: moved(path[:-1] if path.endswith("2") else path + "2")(path, handler),
    "ever longer": lambda path, handler: moved(path + "/x")(path, handler),
    **{f"to {to[:24]}": moved(to) for to in (
        "file:///etc/passwd", "ftp://127.0.0.1/a", "http://", "http://[::1", "//:99999999/", "http://127.0.0.1:-1/",
        f"http://{'a' * 300}.invalid/", "http://\xe9\x00.invalid/", "javascript:alert(1)", "", "\\\\host\\share",
        "http://x" + "y" * 60_000,
    )},
    "to nobody": lambda path, handler: moved(closed_port())(path, handler),
    "redirects with a body without end": without_end(b"HTTP/1.1 302 Found\r\nLocation: /x\r\n\r\n", b"x" * 10_000),
    "redirects to a 404": moved("/404"),
    **{str(code): raw(b"\r\n", RIGHT, head=f"HTTP/1.1 {code} so\r\n".encode()) for code in STATUSES},
    "a status of letters": raw(b"\r\n", RIGHT, head=b"HTTP/1.1 abc OK\r\n"),
    "a status of 0": raw(b"\r\n", RIGHT, head=b"HTTP/1.1 000 OK\r\n"),
    "no HTTP": raw(RIGHT, head=b""),
    "another protocol": raw(b"220 ready\r\n", head=b""),
    "a status line of 1 MB": raw(b"x" * 2**20, b"\r\n\r\n", RIGHT, head=b"HTTP/1.1 200 "),
    "a header of 1 MB": raw(b"X: " + b"y" * 2**20 + b"\r\n\r\n", RIGHT),
    "1,000 headers": raw(b"X: y\r\n" * 1_000, b"\r\n", RIGHT),
    "headers without end": without_end(OK, b"X: y\r\n" * 1_000),
    "headers cut off": raw(b"Content-Le"),
    "a body without end": without_end(OK + b"\r\n", bytes(10_000)),
    "the file, then more without end": without_end(OK + b"\r\n" + RIGHT, bytes(10_000)),
    "a bomb": raw(b"\r\n", bomb(150)[:130_000]),
    "zeros": raw(b"\r\n", bytes(len(RIGHT))),
    "a web page": raw(b"Content-Type: text/html\r\n\r\n", b"<html>Log in to the network</html>"),
    "another picture": raw(b"\r\n", gzip.compress(gzip.decompress(RIGHT)[:-1] + b"?", 1)),
    "the file, and a byte": raw(b"\r\n", RIGHT + b"x"),
    "packed twice": raw(b"Content-Encoding: gzip\r\n\r\n", gzip.compress(RIGHT)),
}  # fmt: skip
HARMLESS = {  # odd, but the file is the right one
    "said to be packed": body("Content-Encoding: gzip"),
    "said to be packed otherwise": body("Content-Encoding: br"),
    "an old protocol": raw(b"\r\n", RIGHT, head=b"HTTP/1.0 200\r\n"),
    "by way of a redirect": lambda path, handler: (moved(f"/{path}/x") if "/" not in path else body())(path, handler),
}


def record(name, *addresses):
    """MNIST's record for that one file alone, in a folder of the cache by itself."""
    return dataclasses.replace(
        mnist.RECORD, name=name, addresses=addresses, files={FILE: DIGEST}, counts={"t10k": N, "train": 1}
    )


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    """What comes of each host alone, and with one behind it that is right: (path or error, seconds) by name and number.

    They are asked at the same time: some have to be waited for.
    """
    answers, sent_by = HOSTILE | HARMLESS, list(HOSTILE | HARMLESS)

    def bad(path, handler):
        number, *_ = path.split("-")
        if not number.isdecimal():
            return send(handler, b"gone", status=404)
        answers[sent_by[int(number)]](path, handler)

    def ask(job):
        name, both = job
        address = f"{bad_host}{sent_by.index(name)}-{int(both)}"
        made = record(f"{sent_by.index(name)}-{both}", address, *([good_host + "x"] if both else []))
        began = time.monotonic()
        try:
            got = download.fetch(made, FILE, True, 16 + N * 784)
        except Exception as error:
            got = error
        return got, time.monotonic() - began

    with pytest.MonkeyPatch.context() as patch:
        offline(patch)
        cache = tmp_path_factory.mktemp("cache")
        patch.setenv("GANLIB_CACHE", str(cache))
        patch.setenv("CI", "1")
        patch.setattr(download, "TIMEOUT", WAIT)
        jobs = [(name, both) for name in sorted(answers, key=lambda name: name not in WAITING) for both in (0, 1)]
        with (
            serve(bad, lambda path, handler: send(handler, RIGHT)) as ((bad_host, good_host), _),
            ThreadPoolExecutor(24) as pool,
        ):
            made = dict(zip(jobs, pool.map(ask, jobs)))
            time.sleep(1)
            still = [thread for thread in threading.enumerate() if thread.name == download.THREAD]
            yield made, cache, still


def test_there_are_sixty_hostile_answers_and_each_ends_in_one_error(outcomes):
    """Of one line, in seconds, with nothing left behind; a host that answers is never taken for no network."""
    assert len(HOSTILE) >= 60
    wrong = {}
    for name in HOSTILE:
        error, seconds = outcomes[0][name, 0]
        said = str(error)
        right = isinstance(error, DataError) and isinstance(error, Unreachable) == (name in UNREACHABLE)
        right = right and "\n" not in said and len(said) < 1_500 and "Tried now: http://127.0.0.1:" in said
        if not right or (name.isdecimal() and f"it answered {name}" not in said) or seconds > 3 * SECONDS:
            wrong[name] = f"{seconds:.1f} s, {error!r}"
    assert not wrong, "\n".join(f"{k}: {v[:20]} {v[-260:]}" for k, v in wrong.items())


def test_a_host_that_goes_on_and_on_is_not_listened_to(outcomes):
    """It gets rid of no more than a few megabytes, and no thread is left that reads from it."""
    assert max(sent.values()) < MOST, sent
    assert not outcomes[2], outcomes[2]


def test_after_each_hostile_answer_the_second_host_is_asked_and_its_file_is_right(outcomes):
    for name in HOSTILE:
        got, seconds = outcomes[0][name, 1]
        assert not isinstance(got, Exception), (name, got)
        assert got.read_bytes() == RIGHT and seconds < 3 * SECONDS, name
    left = [path.name for path in outcomes[1].rglob("*") if path.is_file() and path.name != FILE]
    assert not left, "what was begun is removed"


def test_odd_answers_with_the_right_file_are_taken(outcomes):
    for name in HARMLESS:
        got, _ = outcomes[0][name, 0]
        assert not isinstance(got, Exception) and got.read_bytes() == RIGHT, (name, got)


@pytest.mark.parametrize("variable", download.CERTIFICATES)
@pytest.mark.parametrize(
    ("what", "why"), [("missing", "No such file"), ("text", "cannot be read"), ("a folder", "Error")]
)
def test_a_file_of_certificates_that_cannot_be_read_is_named_and_counts_as_no_network(
    what, why, variable, tmp_path, monkeypatch
):
    offline(monkeypatch)
    monkeypatch.setenv("GANLIB_CACHE", str(tmp_path / "cache"))
    for name in download.CERTIFICATES:
        monkeypatch.delenv(name, raising=False)
    named = tmp_path / "certificates.pem"
    if what == "text":
        named.write_text("no certificates")
    elif what == "a folder":
        named.mkdir()
    monkeypatch.setenv(variable, str(named))
    monkeypatch.setattr(mnist.RECORD, "addresses", [closed_port().replace("http:", "https:") + "{file}"])
    with pytest.raises(Unreachable) as caught:
        load("mnist", stand_in=False)
    said = str(caught.value)
    assert why in said and "cannot be written" not in said
    assert (f"the certificates that {variable} names, '{str(named)[:70]}" in said) or what == "a folder"
    with pytest.warns(UserWarning, match=f"no host of it can be reached .*({variable}|Error).*'mnist-5k' is loaded"):
        assert load("mnist").name == "mnist-5k"


@pytest.mark.parametrize("proxy", ["nonsense", "http://", "socks9://x", "http://127.0.0.1:1", "ftp://x:y@z:w"])
def test_a_proxy_that_makes_no_sense_counts_as_no_network(proxy, tmp_path, monkeypatch):
    offline(monkeypatch)
    monkeypatch.setenv("GANLIB_CACHE", str(tmp_path))
    monkeypatch.setenv("HTTP_PROXY", proxy)
    monkeypatch.setattr(mnist.RECORD, "addresses", ["http://mnist.invalid/{file}"])
    with pytest.raises(Unreachable, match="Tried now: http://mnist.invalid/"):
        load("mnist", stand_in=False)
