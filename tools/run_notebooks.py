"""Executes notebooks in place, each from a fresh kernel: `make notebooks [NB=notebooks/06_mnist.ipynb]`.

A notebook is written back, in one move, only when it ran without an error and its outputs are fit to be committed;
otherwise the committed one stays as it was. `problems` is also what the tests ask.
"""

from __future__ import annotations

import base64
import io
import os
import re
import sys
import tempfile
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from PIL import Image, ImageChops

ROOT = Path(__file__).resolve().parent.parent
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
MAX_BYTES = 1_000_000
MAX_LINES = 20  # of a code cell
CELL_TIMEOUT = 1800  # seconds
RUNS = "../runs"  # what runs.home() is for a reader of this checkout
ANSWER = "answer"  # the tag of a cell that shows what a guess asked for: JupyterLab opens it folded, until it is run
HINT = "Guess first: what this cell shows is the answer."
# A path of some machine's, but not the end of a web address or of a relative path.
ABSOLUTE_PATH = re.compile(r"(?<![\w./:~-])/(?:root|home|tmp|work|opt|usr|var|mnt|srv|Users|private|content)/\S*")


def clean(notebook: nbformat.NotebookNode) -> None:
    """Take out, in place, what differs from run to run or from machine to machine, and what needs a kernel.

    A run that says where it is saved says it as it would at a reader's. The widget view of a demo goes, since without a
    kernel JupyterLab shows an error instead; the picture above it stays. What the kernel says of its language stays:
    JupyterLab writes the same when it opens the notebook, so that under the same Python it changes nothing.
    """
    language = notebook.metadata.get("language_info", {"name": "python"})
    notebook.metadata = nbformat.from_dict({"kernelspec": KERNEL, "language_info": language})
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        cell.metadata.pop("ExecuteTime", None)
        for output in cell.get("outputs", []):
            if output.get("data", {}).pop(WIDGET_VIEW, None):
                output.data = {}  # without the kernel nobody can show it
            if png := output.get("data", {}).get("image/png"):
                output.data["image/png"] = smaller(png)
            if output.output_type == "stream" and (scratch := os.environ.get("GANLIB_RUNS")):
                output.text = output.text.replace(scratch, RUNS)  # where the same run stands at a reader's
        if cell.cell_type == "code":
            cell.outputs = [o for o in cell.outputs if "data" not in o or o.data]
            fold(cell)


def fold(cell: nbformat.NotebookNode) -> None:
    """Let the output of an answer open folded, in place, and that of any other cell open.

    Beside what is folded JupyterLab shows the first line of the first output, so a hint is put there. A cell whose
    output is checked gets none; its own first line must not tell the answer.
    """
    cell.outputs = [output for output in cell.outputs if not is_hint(output)]
    tags = cell.metadata.get("tags", [])
    if ANSWER in tags and cell.outputs:
        cell.metadata["collapsed"] = True  # JupyterLab writes both when it saves
        cell.metadata.setdefault("jupyter", {})["outputs_hidden"] = True
        if "nbval-check-output" not in tags:
            cell.outputs.insert(0, nbformat.v4.new_output("display_data", {"text/html": HINT, "text/plain": HINT}))
        return
    cell.metadata.pop("collapsed", None)
    if cell.metadata.get("jupyter", {}).pop("outputs_hidden", None) is not None and not cell.metadata["jupyter"]:
        del cell.metadata["jupyter"]


def is_hint(output: nbformat.NotebookNode) -> bool:
    """Whether an output is the hint that stands above a folded answer."""
    return output.get("data", {}).get("text/plain") == HINT


def smaller(png: str) -> str:
    """The same picture, pixel for pixel, in fewer bytes (both base64): without colours or alpha that it does not use.

    A picture that moves, or that does not get smaller, comes back as it is.
    """
    picture = Image.open(io.BytesIO(base64.b64decode(png)))
    if picture.mode != "RGBA" or getattr(picture, "is_animated", False):
        return png
    red, green, blue, alpha = picture.split()
    grey = not any(ImageChops.difference(red, other).getbbox() for other in (green, blue))
    if alpha.getextrema() == (255, 255):
        picture = red if grey else picture.convert("RGB")
    elif grey:
        picture = Image.merge("LA", (red, alpha))
    file = io.BytesIO()
    picture.save(file, "PNG", optimize=True)
    return min(png, base64.b64encode(file.getvalue()).decode(), key=len)


def problems(notebook: nbformat.NotebookNode) -> list[str]:
    """Return, in words, everything that keeps an executed notebook from being committed."""
    found = []
    size = len(nbformat.writes(notebook).encode())
    if size > MAX_BYTES:
        found.append(f"it holds {size / 1e6:.1f} MB, more than {MAX_BYTES / 1e6:.0f} MB")
    if "widgets" in notebook.metadata:
        found.append("it carries widget state (metadata.widgets)")
    code = [cell for cell in notebook.cells if cell.cell_type == "code" and cell.source.strip()]
    if [cell.execution_count for cell in code] != list(range(1, len(code) + 1)):
        found.append("its cells were not executed in order, from 1, by a fresh kernel")
    for number, cell in enumerate(code, start=1):
        found += [f"code cell {number}: {problem}" for problem in _cell_problems(cell)]
    for cell in notebook.cells:
        found += [f"an absolute path in a cell's source: {path}" for path in ABSOLUTE_PATH.findall(cell.source)]
    return found


def _cell_problems(cell: nbformat.NotebookNode) -> list[str]:
    found = []
    lines = len(cell.source.splitlines())
    if lines > MAX_LINES:
        found.append(f"{lines} lines, more than {MAX_LINES}")
    for output in cell.outputs:
        if output.output_type == "error" and "raises-exception" not in cell.metadata.get("tags", []):
            found.append(f"it ends in {output.ename}: {output.evalue}")
        if output.get("name") == "stderr":
            found.append(f"it prints to stderr: {output.text.strip()[:200]!r}")
        if WIDGET_VIEW in output.get("data", {}):
            found.append("an output holds a widget view, which nobody can show without the kernel")
        found += [f"an absolute path in its output: {path}" for path in ABSOLUTE_PATH.findall(_text_of(output))]
    return found


def _text_of(output: nbformat.NotebookNode) -> str:
    texts = [output.get("text", ""), *output.get("traceback", [])]
    texts += [str(value) for mime, value in output.get("data", {}).items() if mime.startswith("text/")]
    return "\n".join(texts)


def execute(path: Path) -> list[str]:
    """Execute one notebook and write it back if it is fit to be committed; return what is wrong with it."""
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook,
        timeout=CELL_TIMEOUT,
        kernel_name="python3",
        record_timing=False,
        store_widget_state=False,
        coalesce_streams=True,  # of a progress bar its last state stays
        resources={"metadata": {"path": str(path.parent)}},
    )
    try:
        client.execute()
    except CellExecutionError as error:
        return [str(error)]
    clean(notebook)
    found = problems(notebook)
    if not found:
        temporary = path.with_name(f".{path.name}.new")
        temporary.write_text(nbformat.writes(notebook) + "\n", encoding="utf-8")
        os.replace(temporary, path)
    return found


def main(arguments: list[str]) -> None:
    """Run `run_notebooks.py [NOTEBOOK ...]`; without names, all of notebooks/ in order."""
    profile = os.environ.setdefault("GANLIB_PROFILE", "quick")
    os.environ["GANLIB_MAKING_NOTEBOOKS"] = "1"  # draw the demos as a reader without a kernel should see them
    os.environ.setdefault("JUPYTER_PREFER_ENV_PATH", "1")  # the kernel of this very environment
    os.environ.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")  # a debugger's warning on stderr
    paths = [Path(name).resolve() for name in arguments] or sorted((ROOT / "notebooks").glob("*.ipynb"))
    missing = [str(path) for path in paths if not path.is_file()]
    if missing or not paths:
        sys.exit(f"no such notebook: {', '.join(missing) or 'notebooks/ is empty'}")
    failed = 0
    scratch = tempfile.TemporaryDirectory()  # no notebook finds what an earlier one trained
    os.environ["GANLIB_RUNS"] = scratch.name
    for path in paths:
        print(f"{path.name} (GANLIB_PROFILE={profile}) ...", flush=True)
        start = time.monotonic()
        found = execute(path)
        failed += bool(found)
        print(f"  {'NOT WRITTEN' if found else 'written'} after {time.monotonic() - start:.0f} s", flush=True)
        for problem in found:
            print(f"  - {problem}", flush=True)
    scratch.cleanup()
    if failed:
        sys.exit(f"{failed} of {len(paths)} notebooks could not be made; those stay as they were")


if __name__ == "__main__":
    main(sys.argv[1:])
