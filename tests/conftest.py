"""What every test shares: the smoke profile, a fair share of the cores, and a real JupyterLab in a real browser."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

_workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
THREADS = max(1, (os.cpu_count() or 1) // _workers)
# Before anything imports torch, and for the processes that tests start.
os.environ["GANLIB_PROFILE"] = "smoke"
os.environ["OMP_NUM_THREADS"] = str(THREADS)
os.environ.setdefault("GANLIB_DEVICE", "cpu")  # what is compared is worked out there; tests/test_cuda.py names its own
os.environ["JUPYTER_PREFER_ENV_PATH"] = "1"
os.environ["PYDEVD_DISABLE_FILE_VALIDATION"] = "1"
os.environ.setdefault("MPLBACKEND", "agg")

if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    # `nohup make test` ignores hang-ups, and so would the trainings that tests hang up. This is not inherited.
    signal.signal(signal.SIGHUP, lambda number, frame: None)

from tests import browser as _browser  # noqa: E402  (after the environment is set)

ROOT = Path(__file__).resolve().parent.parent
collect_ignore = ["forked.py"]  # to look through it for doctests would train a net in every worker


@pytest.fixture(autouse=True, scope="session")
def _threads() -> None:
    import torch

    torch.set_num_threads(THREADS)


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """Nets this small gain nothing from a second thread, and beside other work lose much."""
    import torch

    torch.set_num_threads(1)
    yield
    torch.set_num_threads(THREADS)


def _no_browser(reason: str) -> None:
    if os.environ.get("GANLIB_REQUIRE_BROWSER") == "1":
        pytest.fail(f"{reason}, and GANLIB_REQUIRE_BROWSER=1", pytrace=False)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """The browser of this machine; without one, or without playwright, the test is skipped (or fails: see above)."""
    try:
        import playwright.sync_api  # noqa: F401
    except ImportError:
        _no_browser("the Python package playwright is not installed")
    path = _browser.find_chromium()
    if path is None:
        _no_browser("no Chromium or Chrome on this machine (on Debian: apt-get install chromium)")
    return path


@pytest.fixture(scope="session")
def jupyterlab(chromium_path: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[_browser.Server]:
    """A real JupyterLab on a copy of notebooks/: `url`, `token`, `folder`. See tests/browser.py for what drives it."""
    with _browser.serve(ROOT / "notebooks", tmp_path_factory.mktemp("lab")) as server:
        yield server


@pytest.fixture(scope="session")
def _chromium(chromium_path: str) -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=chromium_path, headless=True, args=_browser.CHROMIUM_FLAGS
        )
        yield chromium
        chromium.close()


@pytest.fixture
def page(_chromium: Any) -> Iterator[Any]:
    """A fresh page of Playwright's, 1400 x 1000, in a profile of its own."""
    context = _chromium.new_context(viewport={"width": 1400, "height": 1000})
    yield context.new_page()
    context.close()
