"""Runs the test suite in three steps and sums them up: `make test [ARGS="-k parzen"]`.

1. The core and the notebooks, in two workers with their share of the cores each.
2. What drives a browser ("browser"), in two workers as well, each with a JupyterLab and a Chromium of its own.
3. What measures time or memory ("serial"), alone.

Each step prints pytest's own report; the failures of all and the sum are repeated at the end.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WORKERS = 2
NBVAL = ["--nbval-lax", "--nbval-current-env", "--nbval-cell-timeout=120"]
OK, NOTHING_COLLECTED = 0, 5
# "== 3 failed, 120 passed, 2 skipped in 61.20s (0:01:01) ==", with the colours of a terminal or without
SUMMARY = re.compile(r"^=* ?((?:\d+ [a-z]+,? )+)in [\d.]+s")
COLOURS = re.compile(r"\x1b\[[0-9;]*m")


def run(title: str, arguments: list[str], threads: int) -> tuple[int, Counter, list[str]]:
    """Run pytest, show what it prints, and return its exit code, its counts and its lines on failures."""
    print(f"\n##### {title}\n", flush=True)
    environment = os.environ | {
        "GANLIB_PROFILE": "smoke",
        "OMP_NUM_THREADS": str(threads),
        "JUPYTER_PREFER_ENV_PATH": "1",
        "OMP_WAIT_POLICY": "PASSIVE",  # see the Makefile
        "PYTHONUNBUFFERED": "1",
    }
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # else each of many processes compiles every file for itself
    command = [sys.executable, "-m", "pytest", *arguments]
    counts, failures = Counter(), []
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout:
            print(line, end="", flush=True)
            plain = COLOURS.sub("", line)
            if plain.startswith(("FAILED ", "ERROR ")):
                failures.append(plain.rstrip())
            if summary := SUMMARY.match(plain):
                counts = Counter({word: int(n) for n, word in re.findall(r"(\d+) ([a-z]+)", summary[1])})
    return process.returncode, counts, failures


def marked(mark: str) -> list[str]:
    """The test files in which a mark stands. Only these are collected for it: all of them would take ten seconds."""
    return [str(path) for path in sorted((ROOT / "tests").glob("test_*.py")) if f"mark.{mark}" in path.read_text()]


def main(arguments: list[str]) -> int:
    """Run all steps; return 0 only if all passed."""
    with tempfile.TemporaryDirectory() as scratch:  # the notebooks begin their runs afresh
        os.environ["GANLIB_RUNS"] = scratch
        return _run_all(arguments)


def _run_all(arguments: list[str]) -> int:
    start = time.monotonic()
    cores = os.cpu_count() or 1
    workers = min(WORKERS, cores)
    share = max(1, cores // workers)
    everything = [name for name in ("tests", "ganlib", "notebooks") if (ROOT / name).exists()]
    together = ["-n", str(workers), "--dist", "loadscope"]
    steps = (
        ("the core and the notebooks", ["-m", "not browser and not serial", *together, *NBVAL, *everything], share),
        ("in a browser", ["-m", "browser", *together, *marked("browser")], share),
        ("measurements", ["-m", "serial", "-p", "no:xdist", *marked("serial")], cores),
    )
    results = [
        run(f"{i} of {len(steps)}: {title}", [*options, *arguments], threads)
        for i, (title, options, threads) in enumerate(steps, 1)
    ]
    codes = [code for code, _, _ in results]
    counts = sum((counts for _, counts, _ in results), Counter())
    counts.pop("deselected", None)
    print("\n##### all steps\n")
    print("\n".join(line for _, _, failures in results for line in failures), end="")
    bad = [code for code in codes if code not in (OK, NOTHING_COLLECTED)]
    if not bad and set(codes) == {NOTHING_COLLECTED}:
        bad = [NOTHING_COLLECTED]
    if bad and not counts["failed"] + counts["errors"] + counts["error"]:
        print(f"pytest ended with exit code {bad[0]}: see above")
    words = sorted(counts, key=lambda word: (word == "warnings", word not in ("failed", "passed"), word))
    said = ", ".join(f"{counts[word]} {word}" for word in words) or "no tests ran"
    print(f"\n===== {said} in {time.monotonic() - start:.2f}s =====", flush=True)
    return bad[0] if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
