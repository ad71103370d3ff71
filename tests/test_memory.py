"""The peak of a process's memory is its own: `benchmarks.memory`, which other tests rely on."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.memory import UNKNOWN, peak

pytestmark = pytest.mark.skipif(peak() is None, reason=UNKNOWN)
ROOT = Path(__file__).resolve().parent.parent
CHILD = """
import sys
from benchmarks.memory import peak
held = b"x" * int(sys.argv[1])
del held
print(peak())
"""
PARENT = """
import subprocess, sys
held = b"x" * int(sys.argv[1])
subprocess.run([sys.executable, "-c", *sys.argv[2:]], check=True)
"""


def peak_of_child(parent: int = 0, child: int = 0) -> int:
    """The peak in bytes that a process finds for itself, when it and its parent each hold so many bytes."""
    command = [sys.executable, "-c", PARENT, str(parent), CHILD, str(child)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


def test_what_the_parent_holds_does_not_count():
    assert abs(peak_of_child(parent=600_000_000) - peak_of_child()) < 5_000_000


def test_what_the_process_held_counts_even_after_it_is_given_back():
    grown = peak_of_child(child=100_000_000) - peak_of_child()
    assert 95_000_000 < grown < 105_000_000
