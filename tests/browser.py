"""Helpers for the tests that drive JupyterLab in a browser. The fixtures are in conftest.py: `jupyterlab`, `page`.

def test_it(jupyterlab, page):
    lab = LabPage(page, jupyterlab)
    lab.open("06_mnist.ipynb")
    lab.run_all()
    assert lab.errors() == []
    page.locator("canvas").first.screenshot()
"""

from __future__ import annotations

import io
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nbformat
import numpy as np
from PIL import Image

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
DEMO = "section.ganlib"
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
def serve(
    notebooks: Path, scratch: Path, more: Mapping[str, Any] | None = None, *, prefer_own: bool = False
) -> Iterator[Server]:
    """Serve a copy of `notebooks` by a JupyterLab of its own: own settings, free port, token, this very Python.

    `more` are settings besides SETTINGS, by plugin. With `prefer_own` the kernels in `scratch`/jupyter_data_dir come
    before this environment's.
    """
    folder = scratch / "notebooks"
    shutil.copytree(notebooks, folder, ignore=shutil.ignore_patterns(".ipynb_checkpoints", "runs"))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    for plugin, values in (SETTINGS | dict(more or {})).items():
        path = scratch / "settings" / f"{plugin}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values))
    server = Server(f"http://127.0.0.1:{port}", os.urandom(16).hex(), folder)
    command = [
        *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"),
        *(f"--ServerApp.root_dir={folder}", f"--ServerApp.port={port}", "--ServerApp.port_retries=0"),
        *("--ServerApp.ip=127.0.0.1", f"--IdentityProvider.token={server.token}"),
        *(f"--{app}.expose_app_in_browser=True" for app in ("LabApp", "JupyterNotebookApp")),
        *(f"--{app}.user_settings_dir={scratch / 'settings'}" for app in ("LabApp", "JupyterNotebookApp")),
    ]
    own = {name: str(scratch / name.lower()) for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "IPYTHONDIR")}
    environment = (
        os.environ
        | own
        | {
            "GANLIB_PROFILE": "smoke",
            "JUPYTER_PREFER_ENV_PATH": "0" if prefer_own else "1",
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
    """A page of a browser (Playwright's) with JupyterLab in it. `page` is there for everything else.

    With the path "notebooks" it is Notebook 7, which the same server has.
    """

    def __init__(self, page: Any, server: Server, path: str = "lab/tree") -> None:
        self.page = page
        self.server = server
        self.path = path

    def open(self, name: str, timeout: float = 60) -> None:
        """Open a notebook of the served folder and wait until its kernel is ready."""
        self.page.goto(f"{self.server.url}/{self.path}/{name}?reset&token={self.server.token}")
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


def canvas(lab: LabPage, i: int, of: str) -> Any:
    """The canvas of a demo's panel i, scrolled into view."""
    found = lab.page.locator(f"{of} .gl-canvas-{i}")
    found.scroll_into_view_if_needed()
    return found


@contextmanager
def opened(
    chromium: Any, server: Server, name: str, sources: Sequence[str], demos: Sequence[str] = (), **context: Any
) -> Iterator[LabPage]:
    """A notebook of these code cells in a page of its own, run from top to bottom, with its demos there.

    It is put into the served folder; its kernel ends with it.
    """
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel}), server.folder / name)
    own = chromium.new_context(**{"viewport": {"width": 1280, "height": 950}, **context})
    lab = LabPage(own.new_page(), server)
    lab.open(name)
    lab.run_all()
    assert lab.errors() == []
    for demo in demos:
        lab.page.locator(demo).wait_for()
    yield lab
    lab.page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.shutdown()")
    own.close()


@contextmanager
def page_of_its_own(chromium: Any, path: Path) -> Iterator[SimpleNamespace]:
    """A file in a page without a kernel: `page`, `path`, when `begun`, what it `asked` for, what went `wrong`."""
    context = chromium.new_context(viewport={"width": 1400, "height": 1000})
    page, asked, wrong = context.new_page(), [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    begun = time.perf_counter()
    page.goto(path.as_uri())
    yield SimpleNamespace(page=page, path=path, asked=asked, wrong=wrong, begun=begun)
    context.close()
    assert wrong == []


# -- a live demo on the page (view.js): `of` is its element, where a page has more than one ---------------------------


def press(lab: LabPage, *names: str, of: str = DEMO) -> None:
    """Click the buttons of these names."""
    for name in names:
        lab.page.locator(of).get_by_role("button", name=name, exact=True).click(force=True)


def wait_for(lab: LabPage, condition: str, of: str = DEMO, timeout: float = 20_000) -> None:
    """Wait until the condition on e, the demo's element, holds."""
    lab.page.wait_for_function(
        f"() => {{ const e = document.querySelector('{of}'); return {condition}; }}", timeout=timeout
    )


def wait_until_applied(lab: LabPage, of: str = DEMO) -> None:
    """Wait until the kernel has carried out the last command of the page, and the page has drawn what came of it."""
    wait_for(lab, "Number(e.dataset.applied) >= Number(e.dataset.asked)", of)
    lab.page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")


def told(lab: LabPage, name: str, of: str = DEMO) -> str:
    """What the demo's element says in its attribute data-<name>."""
    return lab.page.locator(of).get_attribute(f"data-{name}")


def values(lab: LabPage, of: str = DEMO) -> dict[str, Any]:
    """The controls as the kernel has them, as far as the page knows."""
    return json.loads(told(lab, "values", of))


def run(lab: LabPage, code: str) -> tuple[str, float]:
    """Run code in the kernel as a cell would; return what it prints and the milliseconds it took to come back."""
    return lab.page.evaluate(
        """async code => {
            const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
            const begun = performance.now();
            const future = kernel.requestExecute({ code, store_history: false });
            let text = "";
            future.onIOPub = message => {
                text += message.content.text ?? "";
                if (message.header.msg_type === "error") text += message.content.evalue;
            };
            await future.done;
            return [text.trim(), performance.now() - begun];
        }""",
        code,
    )


def pixels(locator: Any) -> np.ndarray:
    """What a canvas shows, as an array (height, width, 3)."""
    return np.asarray(Image.open(io.BytesIO(locator.screenshot())).convert("RGB")).astype(int)


def changed(before: np.ndarray, after: np.ndarray) -> float:
    """The share of pixels that differ; all of them when the size does."""
    if before.shape != after.shape:
        return 1.0
    return float((np.abs(before - after).max(2) > 8).mean())


def quantiles(times: Sequence[float]) -> tuple[str, float]:
    """The median and the 90 % quantile of times in ms in words, and the latter."""
    deciles = statistics.quantiles(times, n=10)
    return f"p50 {deciles[4]:.0f} ms, p90 {deciles[8]:.0f} ms", deciles[8]


def drag(lab: LabPage, name: str, to: float, of: str = DEMO) -> None:
    """Drag a slider's thumb with the mouse to a share of its length."""
    slider = lab.page.locator(f"{of} input[data-name={name}]")
    box = slider.bounding_box()
    low, high, value = (float(slider.evaluate(f"e => e.{what}")) for what in ("min", "max", "value"))
    thumb = 14
    x = box["x"] + thumb / 2 + (value - low) / (high - low) * (box["width"] - thumb)
    y = box["y"] + box["height"] / 2
    lab.page.mouse.move(x, y)
    lab.page.mouse.down()
    target = box["x"] + thumb / 2 + to * (box["width"] - thumb)
    for i in range(1, 9):
        lab.page.mouse.move(x + (target - x) * i / 8, y)
    lab.page.mouse.up()


def draw_a_hill(lab: LabPage, canvas: Any) -> None:
    """Draw a hill with the mouse into the right half of a panel's canvas."""
    box = canvas.bounding_box()

    def at(x: float, y: float) -> tuple[float, float]:
        """The place on the page of a place in the panel."""
        return box["x"] + x * box["width"], box["y"] + y * box["height"]

    lab.page.mouse.move(*at(0.7, 0.68))
    lab.page.mouse.down()
    for i in range(1, 11):
        lab.page.mouse.move(*at(0.7 + 0.015 * i, 0.68 - 0.05 * min(i, 10 - i)))
    lab.page.mouse.up()
    wait_until_applied(lab)


def theme(page: Any, dark: bool) -> None:
    """Change the theme of JupyterLab."""
    name = "JupyterLab Dark" if dark else "JupyterLab Light"
    page.evaluate("name => window.jupyterapp.commands.execute('apputils:change-theme', { theme: name })", name)
    page.wait_for_function("dark => document.body.dataset.jpThemeLight === String(!dark)", arg=dark)


def key_times(lab: LabPage, n: int, name: str = "k", of: str = DEMO) -> list[float]:
    """Press an arrow key on a slider n times: the ms from each press to the frame that says that it is applied."""
    lab.page.locator(f"{of} input[data-name={name}]").focus()
    lab.page.evaluate(
        """of => {
            const root = document.querySelector(of);
            window.times = [];
            let pressed = null, was = root.dataset.values;
            root.addEventListener("keydown", () => { pressed = performance.now(); }, true);
            new MutationObserver(() => {
                if (root.dataset.values === was || pressed === null) return;
                window.times.push(performance.now() - pressed);
                was = root.dataset.values;
                pressed = null;
            }).observe(root, { attributes: true, attributeFilter: ["data-values"] });
        }""",
        of,
    )
    for i in range(n):
        lab.page.keyboard.press("ArrowRight" if i % 2 == 0 else "ArrowLeft")
        lab.page.wait_for_function(f"() => window.times.length > {i}", timeout=15_000)
    return lab.page.evaluate("() => window.times")


def hide(lab: LabPage, hidden: bool) -> None:
    """Let the page believe that its tab is hidden, or no longer."""
    lab.page.evaluate(
        """hidden => {
            Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
            document.dispatchEvent(new Event("visibilitychange"));
        }""",
        hidden,
    )
