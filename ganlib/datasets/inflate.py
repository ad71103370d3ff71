"""A compressed file as it is read: forwards, as much as is asked for, and never more than it may hold."""

from __future__ import annotations

import zlib
from typing import BinaryIO

GZIP, ZLIB = 31, 15  # the wrappers that zlib knows
PIECE = 2**16  # bytes that are unpacked at once
HEADERS = 2**20  # bytes at most in blocks of more than 512 that `read` hands out, in all
PARTS = 10_000  # gzip files at most, one behind the other in one file


class Inflated:
    """The content of a compressed file, unpacked as it is asked for: a file for `tarfile`, and more.

    More than `most` bytes are a ValueError as soon as they come, so a small file that would unpack to all the memory
    there is costs no more than `most`. The sums at the end are compared there.
    """

    def __init__(self, file: BinaryIO, most: int, wrapper: int = GZIP, stored: int | None = None) -> None:
        """What follows in `file`, `stored` bytes of it or all; GZIP (one member after the other) or ZLIB."""
        self.file, self.most, self.wrapper, self.stored = file, most, wrapper, stored
        self.engine, self.packed, self.unpacked = zlib.decompressobj(wrapper), b"", b""
        self.at, self.place, self.headers = 0, 0, 0  # in the content; in `unpacked`; see HEADERS
        self.parts = 1

    def take(self, n: int) -> bytes:
        """The next n bytes; fewer at the end."""
        parts, lack = [], min(n, self.most + 1 - self.at)
        while lack > 0 and self._filled():
            part = self.unpacked[self.place : self.place + lack]
            self.place += len(part)
            self.at += len(part)
            lack -= len(part)
            parts.append(part)
        if self.at > self.most:
            raise ValueError(f"it unpacks to more than {self.most:,} bytes")
        return b"".join(parts)

    def read(self, n: int) -> bytes:
        """The next n bytes, for `tarfile`: what it asks for beyond its blocks of 512 is limited in all."""
        self.headers += n if n > 512 else 0
        if n < 0 or self.headers > HEADERS:
            raise ValueError(f"a header of {n:,} bytes")
        return self.take(n)

    def seek(self, place: int) -> None:
        """Go on to a place further on, no further than the end."""
        if place < self.at:
            raise ValueError(f"it points back, from byte {self.at:,} to {place:,}")
        while self.at < place and self.take(min(PIECE, place - self.at)):
            pass

    def tell(self) -> int:
        """How many bytes were read."""
        return self.at

    def _filled(self) -> bool:
        """Whether there is more, unpacked and not yet taken."""
        while self.place == len(self.unpacked):
            self.packed = self.packed or self._more()
            if self.engine.eof and self.packed and self.wrapper == GZIP:
                self.packed = self.packed.lstrip(b"\0")  # zeros fill the last block of a tape
                if not self.packed:
                    continue
                self.engine, self.parts = zlib.decompressobj(self.wrapper), self.parts + 1
                if self.parts > PARTS:
                    raise ValueError(f"more than {PARTS:,} gzip files in one")
            if self.engine.eof:
                return False
            if not self.packed:
                raise EOFError("it ends too early")
            self.unpacked, self.place = self.engine.decompress(self.packed, PIECE), 0
            self.packed = self.engine.unused_data if self.engine.eof else self.engine.unconsumed_tail
        return True

    def _more(self) -> bytes:
        packed = self.file.read(PIECE if self.stored is None else min(PIECE, self.stored))
        if self.stored is not None:
            self.stored -= len(packed)
        return packed
