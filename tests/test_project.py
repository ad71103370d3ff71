"""The project as a whole: who imports whom, versions, links, notebooks, the Makefile, docstrings."""

from __future__ import annotations

import ast
import base64
import importlib.metadata
import io
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import nbformat
import numpy as np
import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from PIL import Image

from tools import links
from tools.run_notebooks import problems, smaller

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = sorted(path for path in (ROOT / "ganlib").rglob("*.py"))
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def _run(*command: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=120, check=False)


# -- imports go strictly downward -------------------------------------------------------------------


def _rooms() -> dict[str, set[str]]:
    """The table of ARCHITECTURE.md: each room of ganlib, from the bottom up, with what it may import."""
    rooms: dict[str, set[str]] = {}
    for line in (ROOT / "ARCHITECTURE.md").read_text().splitlines():
        if row := re.fullmatch(r"\| `(\w+)` \| .* \| (nothing|everything above.*|[`\w ]+) \|", line):
            named = set(re.findall(r"`(\w+)`", row[2]))
            rooms[row[1]] = set(rooms) - named if row[2].startswith("everything above") else named
            assert named <= set(rooms), f"{row[1]} may import {named - set(rooms)}, which do not stand above it"
    return rooms


MAY_IMPORT = _rooms()
PACKAGES = ("recipes", "datasets", "studies", "sweep", "widgets", "lessons")  # their own files may import one another

FRONT_END = {"ipywidgets", "anywidget", "IPython", "traitlets"}  # only widgets and lessons
PICTURES = {"matplotlib", "seaborn"}  # only drawing, plots, widgets and lessons
# What is forbidden to those that draw; to others, both sets.
MAY_DRAW = {"drawing": FRONT_END, "plots": FRONT_END, "widgets": set(), "lessons": set()}
ONLY_TORCH = {"nets", "game", "parzen"}  # beside the standard library (parzen: and numpy)


def _imports(path: Path) -> set[str]:
    """Every module that a file imports, at the top or inside a function, by its full name."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            package = path.relative_to(ROOT).with_suffix("").parts[: -node.level] if node.level else ()
            base = ".".join([*package, *([node.module] if node.module else [])])
            names |= {f"{base}.{alias.name}" for alias in node.names}
    return names


def _module(path: Path) -> str:
    parts = path.relative_to(ROOT / "ganlib").with_suffix("").parts
    return parts[0]


@pytest.mark.parametrize("path", PACKAGE, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_go_downward(path):
    module = _module(path)
    assert module in MAY_IMPORT, f"{path.name} is new: say in the table of ARCHITECTURE.md where it stands"
    imported = _imports(path)
    modules = {p.stem for p in (ROOT / "ganlib").glob("*.py")} | set(PACKAGES)
    own = {name.split(".")[1] for name in imported if name.startswith("ganlib.")}
    own = {name if name in modules else "__init__" for name in own}  # from ganlib import Trainer
    allowed = MAY_IMPORT[module] | ({module} & set(PACKAGES))
    assert own <= allowed, f"{module} imports {own - allowed}, which ARCHITECTURE.md does not allow"
    others = {name.split(".")[0] for name in imported} - set(sys.stdlib_module_names) - {"ganlib"}
    forbidden = others & MAY_DRAW.get(module, FRONT_END | PICTURES)
    assert not forbidden, f"{module} imports {forbidden}"
    if module in ONLY_TORCH:
        assert others <= {"torch", "numpy"}, f"{module} imports {others - {'torch', 'numpy'}}"
    if module in ("densities", "theory"):
        assert others <= {"numpy", "scipy"}, f"{module} imports {others - {'numpy', 'scipy'}}"


def test_each_promise_names_a_test_that_is_there():
    text = (ROOT / "ROBUSTNESS.md").read_text(encoding="utf-8")
    promises = re.findall(r"^\| (?!---|fault).*", text, re.M)
    assert len(promises) > 30
    for line in promises:
        named = re.findall(r"`(tests/\w+\.py)::(\w+)`", line)
        assert named, line
        for path, name in named:
            assert f"def {name}(" in (ROOT / path).read_text(encoding="utf-8"), name


def test_every_room_of_the_architecture_is_there():
    assert set(MAY_IMPORT) == {_module(path) for path in PACKAGE}


def test_import_ganlib_is_lean():
    heavy = PICTURES | FRONT_END - {"traitlets"} | {"dask", "distributed"}
    code = f"import sys, ganlib; print({heavy} & set(sys.modules))"
    done = _run(sys.executable, "-c", code)
    assert done.stdout.strip() == "set()", done.stdout + done.stderr


IMPORTS = """
import time
start = time.process_time()
import torch
middle = time.process_time()
import ganlib
print(middle - start, time.process_time() - middle)
"""


@pytest.mark.serial
def test_import_ganlib_takes_under_a_fifth_of_the_time_that_torch_takes():
    """Both in one process, torch first; the least of three processes, because the first may have to compile."""
    found = []
    for _ in range(3):
        done = _run(sys.executable, "-c", IMPORTS)
        assert done.returncode == 0, done.stderr
        found.append([float(seconds) for seconds in done.stdout.split()])
    torch_alone, rest = map(min, zip(*found))
    assert rest < torch_alone / 5


@pytest.mark.parametrize("path", PACKAGE, ids=lambda path: str(path.relative_to(ROOT)))
def test_public_things_say_what_they_are(path):
    """Every public function, method and class has a docstring, and every argument and result of it a type."""
    found = []

    def visit(node: ast.AST, public: bool) -> None:
        for child in ast.iter_child_nodes(node):
            if not isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                if not isinstance(child, ast.expr):
                    visit(child, public)
                continue
            magic = child.name.startswith("__") and child.name.endswith("__")
            if not public or (child.name.startswith("_") and not magic):
                continue
            at = f"line {child.lineno}: {child.name}"
            if not magic and not ast.get_docstring(child) and not _is_overload(child):
                found.append(f"{at} has no docstring")
            if isinstance(child, ast.ClassDef):
                visit(child, True)
            else:
                found.extend(f"{at}: {what} has no annotation" for what in _untyped(child))

    visit(ast.parse(path.read_text()), True)
    assert not found, "\n".join(found)


def _is_overload(node: ast.AST) -> bool:
    """Whether a decorator says that the docstring stands elsewhere: @overload, @x.setter."""
    names = [ast.unparse(decorator) for decorator in getattr(node, "decorator_list", [])]
    return any(name == "overload" or name.endswith((".setter", ".deleter")) for name in names)


def _untyped(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str]:
    a = function.args
    arguments = [*a.posonlyargs, *a.args, *a.kwonlyargs, *filter(None, (a.vararg, a.kwarg))]
    missing = [x.arg for x in arguments if x.annotation is None and x.arg not in ("self", "cls", "mcs")]
    return missing + (["the result"] if function.returns is None and function.name != "__init__" else [])


# -- versions ---------------------------------------------------------------------------------------

EXTRAS = PYPROJECT["project"]["optional-dependencies"]
CORE = [Requirement(line) for line in PYPROJECT["project"]["dependencies"]]
EVERYTHING = CORE + [Requirement(line) for lines in EXTRAS.values() for line in lines]


def _pins() -> dict[str, str]:
    lines = [line.strip() for line in (ROOT / "constraints.txt").read_text().splitlines()]
    pairs = [line.split("==") for line in lines if line and not line.startswith("#")]
    assert all(len(pair) == 2 for pair in pairs), [pair for pair in pairs if len(pair) != 2]
    return {canonicalize_name(name): version for name, version in pairs}


def test_constraints_pin_what_pyproject_asks_for():
    pins = _pins()
    for requirement in EVERYTHING:
        version = pins.get(canonicalize_name(requirement.name))
        assert version, f"{requirement.name} is not in constraints.txt"
        assert requirement.specifier.contains(version), f"{requirement}, but constraints.txt pins {version}"
    assert "+" not in pins["torch"], "a local version (+cpu) exists for one build only"


def test_constraints_pin_everything_that_is_pulled_in():
    pins, todo, seen = _pins(), list(EVERYTHING), set()
    while todo:
        requirement = todo.pop()
        name = canonicalize_name(requirement.name)
        cuda = name.startswith(("nvidia-", "cuda-", "triton"))  # torch pins those itself
        if (name, str(requirement.extras)) in seen or cuda:
            continue
        seen.add((name, str(requirement.extras)))
        assert name in pins, f"{requirement.name} is installed, but not in constraints.txt"
        extras = requirement.extras or {""}
        for line in importlib.metadata.requires(name) or []:
            needed = Requirement(line)
            if needed.marker is None or any(needed.marker.evaluate({"extra": extra}) for extra in extras):
                todo.append(needed)


def test_environment_yml_agrees_with_pyproject():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    assert environment["channels"] == ["conda-forge", "nodefaults"]
    *conda, pip = environment["dependencies"]
    assert pip == {"pip": ["-e ."]}
    requirements = {Requirement(line.replace("=3", "==3", 1) if line.startswith("python=") else line) for line in conda}
    here = {r.name: str(r.specifier) for r in requirements}
    assert here.pop("python") == "==3.12"
    assert here.pop("pip") == ""
    here["torch"] = here.pop("pytorch-cpu")
    lab = [Requirement(line) for line in EXTRAS["lab"]]
    assert here == {r.name: str(r.specifier) for r in CORE + lab}


# -- links ------------------------------------------------------------------------------------------

SLUG = links.read_slug()


def _slugs(text: str) -> set[str]:
    patterns = [r"colab\.research\.google\.com/github/([^/]+/[^/]+)/", r"mybinder\.org/v2/gh/([^/]+/[^/]+)/"]
    patterns += [r"git\+https://github\.com/([\w.-]+/[\w.-]+)", r"https://github\.com/([\w.-]+/[\w.-]+)/actions"]
    return {slug for pattern in patterns for slug in re.findall(pattern, text)}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_notebook_opens_on_colab_and_binder(path):
    cells = nbformat.read(path, as_version=4).cells
    assert cells[0].cell_type == "markdown"
    assert links.badges(SLUG, path.name) in cells[0].source.splitlines(), "run `make links`"
    first = next(cell for cell in cells if cell.cell_type == "code")
    assert first.source == links.colab_cell(SLUG), "run `make links`"
    assert _slugs(path.read_text()) == {SLUG}, "run `make links`"


def test_readme_links_to_colab_and_binder():
    readme = ROOT / "README.md"
    if not readme.exists():
        pytest.skip("no README.md yet")
    text = readme.read_text()
    assert f"colab.research.google.com/github/{SLUG}/blob/main/notebooks/" in text
    assert f"mybinder.org/v2/gh/{SLUG}/HEAD" in text
    assert _slugs(text) == {SLUG}, "run `make links`"


def test_colab_cell_is_short_and_does_nothing_elsewhere():
    assert len(links.COLAB_CELL.splitlines()) <= 4
    assert "--no-deps" in links.COLAB_CELL  # Colab's own torch and numpy stay
    from IPython.core.inputtransformer2 import TransformerManager

    first, second = ast.parse(TransformerManager().transform_cell(links.colab_cell(SLUG))).body
    assert ast.unparse(first) == "import sys"
    assert isinstance(second, ast.If) and ast.unparse(second.test) == "'google.colab' in sys.modules"


@pytest.fixture
def copy(tmp_path):
    """A small project of its own: pyproject.toml, a README, one notebook that is new and those of this project."""
    (tmp_path / "notebooks").mkdir()
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / "README.md").write_text(
        f"[run](https://mybinder.org/v2/gh/{SLUG}/HEAD?urlpath=lab) [all](https://github.com/{SLUG}/issues) "
        "[theirs](https://github.com/someone/else) pip install git+https://github.com/some-one/stale "
        f"{links.badges('some-one/stale', 'a.ipynb')}\n"
    )
    cells = [nbformat.v4.new_markdown_cell("# Title\n\nText, σ."), nbformat.v4.new_code_cell("1 + 1")]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "notebooks" / "a.ipynb")
    for path in NOTEBOOKS:
        shutil.copy(path, tmp_path / "notebooks")
    return tmp_path


def test_links_change_once_and_everywhere(copy):
    links.rewrite(copy, "other-owner/other.name")
    files = [copy / "README.md", *(copy / "notebooks").glob("*.ipynb")]
    assert links.read_slug(copy) == "other-owner/other.name"
    for path in files:
        assert _slugs(path.read_text()) == {"other-owner/other.name"}, path
    readme = (copy / "README.md").read_text()
    assert "github.com/other-owner/other.name/issues" in readme
    assert "github.com/someone/else" in readme
    assert links.rewrite(copy, "other-owner/other.name") == []
    new = nbformat.read(copy / "notebooks" / "a.ipynb", as_version=4)
    nbformat.validate(new)
    title = new.cells[0].source.splitlines()
    assert title == ["# Title", "", links.badges("other-owner/other.name", "a.ipynb"), "", "Text, σ."]
    assert [c.source for c in new.cells[1:]] == [links.colab_cell("other-owner/other.name"), "1 + 1"]


def test_links_there_and_back_is_byte_for_byte_the_same(copy):
    links.rewrite(copy, SLUG)
    path = copy / "notebooks" / "a.ipynb"
    path.write_text(json.dumps(json.loads(path.read_text()), indent=2))  # as some other editor writes it
    before = {path: path.read_bytes() for path in copy.rglob("*.*") if path.is_file()}
    links.rewrite(copy, "other-owner/other.name")
    links.rewrite(copy, SLUG)
    assert {path: path.read_bytes() for path in copy.rglob("*.*") if path.is_file()} == before


@pytest.mark.parametrize("bad", ["nobody", "https://github.com/a/b", "a/b/c", "a/b c", "a/b.git", "/b", "a/"])
def test_a_bad_repository_is_refused(bad):
    before = (ROOT / "pyproject.toml").read_text()
    done = _run(sys.executable, "tools/links.py", bad)
    assert done.returncode != 0
    assert "REPO must be owner/name" in done.stderr and "Traceback" not in done.stderr
    assert (ROOT / "pyproject.toml").read_text() == before


# -- notebooks --------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_notebook_is_fit_to_be_committed(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert problems(notebook) == []
    assert any(cell.get("outputs") for cell in notebook.cells), "run `make notebooks`"


def _notebook(source="1", outputs=(), count=1, **metadata):
    cell = nbformat.v4.new_code_cell(source, execution_count=count, outputs=list(outputs))
    return nbformat.v4.new_notebook(cells=[cell], metadata=metadata)


@pytest.mark.parametrize(
    ("notebook", "said"),
    [
        (_notebook(count=2), "in order"),
        (_notebook(count=None), "in order"),
        (_notebook("\n".join(["pass"] * 21)), "21 lines"),
        (_notebook(widgets={"application/vnd.jupyter.widget-state+json": {}}), "widget state"),
        (_notebook(outputs=[nbformat.v4.new_output("stream", name="stderr", text="Warning")]), "stderr"),
        (_notebook(outputs=[nbformat.v4.new_output("stream", text="saved in /home/me/x.png")]), "/home/me/x.png"),
        (_notebook("open('/root/x')"), "/root/x"),
        (_notebook(outputs=[nbformat.v4.new_output("stream", text="x" * 1_000_001)]), "1.0 MB"),
        (_notebook(outputs=[nbformat.v4.new_output("error", ename="KeyError", evalue="k", traceback=[])]), "KeyError"),
    ],
)
def test_problems_of_a_notebook_are_seen(notebook, said):
    assert said in "\n".join(problems(notebook))


def test_a_sound_notebook_has_no_problems():
    text = nbformat.v4.new_output("stream", text="https://example.org/home/page and runs/mnist-0/last.pt, 1/2/3\n")
    assert problems(_notebook("x = 'runs/opt/1'", outputs=[text])) == []


def _png(pixels):
    file = io.BytesIO()
    Image.fromarray(pixels, "RGBA").save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


def test_pictures_are_repacked_pixel_for_pixel():
    noise = np.random.default_rng(0).integers(0, 256, (40, 50, 1), np.uint8)
    grey = np.concatenate([np.repeat(noise, 3, 2), np.full((40, 50, 1), 255, np.uint8)], 2)
    coloured, see_through = grey.copy(), grey.copy()
    coloured[3, 4, 0] ^= 1
    see_through[3, 4, 3] = 254
    for pixels, mode in ((grey, "L"), (coloured, "RGB"), (see_through, "LA")):
        packed = smaller(_png(pixels))
        picture = Image.open(io.BytesIO(base64.b64decode(packed)))
        assert len(packed) < len(_png(pixels)) and picture.mode == mode
        assert np.array_equal(np.asarray(picture.convert("RGBA")), pixels)


def test_a_notebook_that_fails_is_left_as_it_was(tmp_path):
    good, bad = tmp_path / "good.ipynb", tmp_path / "bad.ipynb"
    notebook = _notebook("import os\nprint(6 * 7, os.environ['GANLIB_PROFILE'])", count=None)
    answer = {"tags": ["answer"], "jupyter": {"outputs_hidden": True}, "collapsed": True}  # as JupyterLab saves it
    notebook.cells.append(nbformat.v4.new_code_cell("print('halved')", metadata={"tags": ["answer"]}))
    nbformat.write(notebook, good)
    nbformat.write(_notebook("raise KeyError('gone')", count=None), bad)
    before = bad.read_bytes()
    done = _run(sys.executable, "tools/run_notebooks.py", str(bad), str(good))
    assert done.returncode != 0 and "KeyError" in done.stdout, done.stdout + done.stderr
    assert bad.read_bytes() == before
    made = json.loads(good.read_text())
    assert "".join(made["cells"][0]["outputs"][0]["text"]) == f"42 {os.environ['GANLIB_PROFILE']}\n"
    language = made["metadata"]["language_info"]  # JupyterLab puts these in when it opens a notebook
    assert {"codemirror_mode", "mimetype", "pygments_lexer"} <= set(language)
    assert language["version"] == platform.python_version()
    assert [cell["metadata"] for cell in made["cells"]] == [{}, answer]
    assert [output.get("text", "a hint") for output in made["cells"][1]["outputs"]] == ["a hint", ["halved\n"]]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad.ipynb", "good.ipynb"]


# -- the Makefile -----------------------------------------------------------------------------------


TARGETS = ["env", "lab", "test", "notebooks", "figures", "site", "fronts", "lint", "bench", "links", "clean"]


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_make_alone_explains_its_targets():
    done = _run("make", "--no-print-directory")
    assert done.returncode == 0, done.stderr
    listed = re.findall(r"^ +make (\w+) ", done.stdout, flags=re.MULTILINE)
    assert sorted(listed) == sorted(TARGETS)


def test_an_old_python_is_named_and_refused(tmp_path):
    """With a python3 of 3.8 on the PATH and nothing newer: one clear message, and no .venv is left."""
    (tmp_path / "tools").mkdir()
    for name in ("pyproject.toml", "constraints.txt", "tools/make_env.sh"):
        shutil.copy(ROOT / name, tmp_path / name)
    old = tmp_path / "python3"
    old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo Python 3.8.10 && exit 0\nexit 1\n')
    old.chmod(0o755)
    environment = {"PATH": os.environ["PATH"], "PYTHON": str(old)}
    command = ["bash", str(tmp_path / "tools" / "make_env.sh")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode != 0
    assert "3.11 or newer" in done.stderr and "3.8.10" in done.stderr
    assert not (tmp_path / ".venv").exists()
