"""Helpers for the tests that drive JupyterLab in a browser. The fixtures are in conftest.py: `jupyterlab`, `page`.

def test_it(jupyterlab, page):
    lab = LabPage(page, jupyterlab)
    lab.open("06_mnist.ipynb")
    lab.run_all()
    assert lab.errors() == []
    page.locator("canvas").first.screenshot()
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
START_TIMEOUT = 90  # seconds that the server may take to answer
SETTINGS = {  # every cell is in the page, whether on screen or not; no questions about news
    "@jupyterlab/notebook-extension/tracker": {"windowingMode": "none"},
    "@jupyterlab/apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
}


@dataclass(frozen=True)
class Server:
    """A JupyterLab that runs: its address, its token, and the folder of notebooks that it serves (a copy)."""

    url: str
    token: str
    folder: Path


def find_chromium() -> str | None:
    """Return the path of a Chromium or Chrome of this machine, if there is one."""
    return next((path for name in CHROMIUM_NAMES if (path := shutil.which(name))), None)


@contextmanager
def serve(notebooks: Path, scratch: Path) -> Iterator[Server]:
    """Serve a copy of `notebooks` by a JupyterLab of its own: own settings, free port, token, this very Python."""
    folder = scratch / "notebooks"
    shutil.copytree(notebooks, folder, ignore=shutil.ignore_patterns(".ipynb_checkpoints", "runs"))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    for plugin, settings in SETTINGS.items():
        path = scratch / "settings" / f"{plugin}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(settings))
    server = Server(f"http://127.0.0.1:{port}", os.urandom(16).hex(), folder)
    command = [
        *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"),
        *(f"--ServerApp.root_dir={folder}", f"--ServerApp.port={port}", "--ServerApp.port_retries=0"),
        *("--ServerApp.ip=127.0.0.1", f"--IdentityProvider.token={server.token}"),
        *("--LabApp.expose_app_in_browser=True", f"--LabApp.user_settings_dir={scratch / 'settings'}"),
    ]
    own = {name: str(scratch / name.lower()) for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "IPYTHONDIR")}
    environment = (
        os.environ
        | own
        | {
            "GANLIB_PROFILE": "smoke",
            "JUPYTER_PREFER_ENV_PATH": "1",
            "OMP_WAIT_POLICY": "PASSIVE",  # as `make lab` has it
        }
    )
    log = scratch / "jupyterlab.log"
    with log.open("w") as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output, stdin=subprocess.DEVNULL)
    try:
        _wait_until_up(server, process, log)
        yield server
    finally:
        process.terminate()  # the server ends its kernels
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()


def _wait_until_up(server: Server, process: subprocess.Popen, log: Path) -> None:
    end = time.monotonic() + START_TIMEOUT
    while time.monotonic() < end:
        if process.poll() is not None:
            break
        try:
            urllib.request.urlopen(f"{server.url}/api/status?token={server.token}", timeout=5).close()
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise RuntimeError(f"JupyterLab did not start:\n{log.read_text()[-3000:]}")


class LabPage:
    """A page of a browser (Playwright's) with JupyterLab in it. `page` is there for everything else."""

    def __init__(self, page: Any, server: Server) -> None:
        self.page = page
        self.server = server

    def open(self, name: str, timeout: float = 60) -> None:
        """Open a notebook of the served folder and wait until its kernel is ready."""
        self.page.goto(f"{self.server.url}/lab/tree/{name}?reset&token={self.server.token}")
        self.page.wait_for_function(
            """name => {
                const app = window.jupyterapp;
                const panel = app?.shell?.currentWidget;
                return panel?.context?.path === name && panel.context.isReady && panel.sessionContext.isReady
                    && panel.sessionContext.session?.kernel?.status === "idle"
                    && app.commands.hasCommand("notebook:run-all-cells");
            }""",
            arg=name,
            timeout=timeout * 1000,
        )

    def run_all(self, timeout: float = 240) -> None:
        """Run every cell and wait until the last one has run, or the first one that fails."""
        self._command("notebook:run-all-cells", timeout)
        self.wait_idle(timeout)

    def restart_and_run_all(self, timeout: float = 240) -> None:
        """Restart the kernel, saying yes to the question, and run every cell."""
        self.page.evaluate("() => { window.jupyterapp.commands.execute('notebook:restart-run-all'); }")
        self.page.locator(".jp-Dialog button.jp-mod-accept").click()
        self.page.wait_for_function("() => !document.querySelector('.jp-Dialog')", timeout=20_000)
        self.page.wait_for_timeout(500)  # the prompts turn to [*] only now
        self.wait_idle(timeout)

    def wait_idle(self, timeout: float = 120) -> None:
        """Wait until no cell waits or runs and the kernel is idle. A task in the background does not count."""
        self.page.wait_for_function(
            """() => {
                const panel = window.jupyterapp.shell.currentWidget;
                const waiting = panel.content.widgets.some(cell => cell.promptNode?.textContent?.includes("*"));
                return !waiting && panel.sessionContext.session?.kernel?.status === "idle";
            }""",
            timeout=timeout * 1000,
        )

    def outputs(self) -> list[dict]:
        """Return the outputs of all code cells, as nbformat has them, in order."""
        return self.page.evaluate(
            """() => window.jupyterapp.shell.currentWidget.content.widgets
                .filter(cell => cell.model.type === "code").flatMap(cell => cell.model.outputs.toJSON())"""
        )

    def errors(self) -> list[str]:
        """Return the errors that cells ended in, as "NameError: ..."."""
        return [f"{o['ename']}: {o['evalue']}" for o in self.outputs() if o["output_type"] == "error"]

    def screenshot(self, path: Path) -> bytes:
        """Save what is on screen as a PNG and return its bytes."""
        return self.page.screenshot(path=path)

    def _command(self, name: str, timeout: float) -> None:
        self.page.evaluate(
            """([name, seconds]) => Promise.race([
                window.jupyterapp.commands.execute(name),
                new Promise((_, no) => setTimeout(() => no(new Error(`${name}: over ${seconds} s`)), seconds * 1000)),
            ]).then(() => null)""",
            [name, timeout],
        )
