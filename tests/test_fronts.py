"""FRONTENDS.md, the sets of versions, the bounds and the workflows agree; what Colab and VS Code ask for is there."""

from __future__ import annotations

import importlib.util
import re
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import pytest
import yaml
from ipykernel.zmqshell import ZMQDisplayPublisher
from jupyter_client.session import Session
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from ganlib.widgets import Line, Panel, Picture, Sliders, show
from ganlib.widgets.demo import script
from tools.fronts.__main__ import SETS, Refused, constraints, main, python_of
from tools.fronts.check import FRONT_ENDS, HEAD, PACKAGES, record
from tools.fronts.solve import read

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
CLAIMED = [Requirement(line) for line in [*PROJECT["dependencies"], *EXTRAS["lab"], *EXTRAS["test"]]]
TEXT = (ROOT / "FRONTENDS.md").read_text(encoding="utf-8")
JOBS = yaml.safe_load((ROOT / ".github" / "workflows" / "fronts.yml").read_text())["jobs"]


def pins(name: str) -> dict[str, str]:
    """The versions that a set states."""
    lines = (ROOT / constraints(name)).read_text().splitlines()
    return {canonicalize_name(n): v for n, v in (line.split("==") for line in lines if line[:1] not in ("", "#"))}


def rows() -> list[dict[str, str]]:
    """The table of FRONTENDS.md."""
    first = TEXT[TEXT.index("| set |") :].partition("\n\n")[0]
    head, _, *rest = [line.strip("| ").split(" | ") for line in first.splitlines()]
    assert head == list(HEAD)
    return [dict(zip(head, row, strict=True)) for row in rest]


# -- the sets, the bounds, the workflow and the table ------------------------------------------------------------------


def test_the_oldest_set_is_the_lower_bounds_and_nothing_above_them():
    oldest = pins("oldest")
    for requirement in CLAIMED:
        [bound] = requirement.specifier
        assert bound.operator == ">=", requirement
        assert Version(oldest[canonicalize_name(requirement.name)]) == Version(bound.version), requirement


def test_what_ganlib_imports_is_claimed_and_so_has_a_lower_bound():
    """Colab's traitlets is older than any that pip would have taken for an undeclared import."""
    named = {"sklearn": "scikit-learn", "PIL": "pillow", "IPython": "ipython"}
    named |= {"urllib3": "requests", "matplotlib_inline": "ipython"}  # which say themselves what they need of them
    text = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "ganlib").rglob("*.py"))
    imported = set(re.findall(r"^ *(?:import|from) (\w+)(?:[. ]|$)", text, re.M)) - set(sys.stdlib_module_names)
    claimed = {Requirement(line).name for line in [*PROJECT["dependencies"], *sum(EXTRAS.values(), [])]}
    found = {named.get(name, name) for name in imported if importlib.util.find_spec(name) is not None}
    assert found - {"ganlib", "tests"} <= claimed
    assert {"torch", "traitlets"} <= found


@pytest.mark.parametrize("name", [name for name in SETS if constraints(name)])
def test_a_set_keeps_within_the_bounds_and_names_its_torch(name):
    stated = pins(name)
    assert "torch" in stated  # tools/make_env.sh installs it first
    for requirement in CLAIMED:
        version = stated.get(canonicalize_name(requirement.name))
        assert version is None or requirement.specifier.contains(version), requirement


def test_the_versions_that_front_ends_are_known_for_are_there():
    colab, kernel6, oldest = pins("colab"), pins("kernel6"), pins("oldest")
    assert (colab["ipykernel"], colab["ipywidgets"], colab["ipython"]) == ("6.17.1", "7.7.1", "7.34.0")
    assert kernel6["ipykernel"].startswith("6.31.") and kernel6["jupyterlab"].startswith("4.2.")
    assert oldest["jupyterlab"] == "4.2.0" and oldest["notebook"] == "7.0.0"


def test_the_workflow_runs_every_set_and_every_python_of_the_other_workflow():
    runs = JOBS["fronts"]["strategy"]["matrix"]["include"]
    assert {run["set"] for run in runs} == set(SETS)
    assert all(SETS[run["set"]] in (None, run["python"]) for run in runs)
    ci = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())["jobs"]["test"]["strategy"]["matrix"]
    assert {run["python"] for run in runs if run["set"] == "newest"} == set(ci["python"])
    assert min(ci["python"]) == PROJECT["requires-python"].removeprefix(">=")


def test_the_table_has_every_set_and_the_versions_that_the_sets_state():
    found = rows()
    assert {row["set"] for row in found} == set(SETS)
    for row in found:
        stated = {} if row["set"] == "newest" else pins(row["set"])
        shown = {name: row[name] for name in PACKAGES}
        shown |= {front: row[column].partition(":")[0] for front, column in zip(FRONT_ENDS, HEAD[-2:])}
        assert {name: shown[name] for name in shown if name in stated} == {n: stated[n] for n in shown if n in stated}
        assert row["Python"].startswith(SETS[row["set"]] or "3.")


def test_a_row_takes_the_place_of_the_older_one_of_its_set_and_python(tmp_path):
    path = tmp_path / "FRONTENDS.md"
    path.write_text(f"a\n\n| {' | '.join(HEAD)} |\n| --- |\n\nb\n")
    for line in ("| newest | 3.13.0 | 1 |", "| newest | 3.14.1 | 2 |", "| newest | 3.13.9 | 3 |"):
        record(line, path)
    assert path.read_text().splitlines()[4:] == ["| newest | 3.13.9 | 3 |", "| newest | 3.14.1 | 2 |", "", "b"]


# -- the command ------------------------------------------------------------------------------------------------------


def test_a_python_that_a_set_has_no_versions_for_is_refused():
    here = f"{sys.version_info[0]}.{sys.version_info[1]}"
    other = next(name for name, python in SETS.items() if python not in (None, here))
    with pytest.raises(Refused, match=f"{other} exists for Python {SETS[other]} only"):
        python_of(other, sys.executable)
    assert python_of("newest", sys.executable) == (sys.executable, here)


@pytest.mark.parametrize(
    ("arguments", "said"), [(["oldest", "--python", "/nowhere"], "/nowhere does not run"), (["odd"], "invalid choice")]
)
def test_a_slip_on_the_command_line_is_said_in_one_line(arguments, said, capsys):
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2 and said in capsys.readouterr().err.splitlines()[-1]


def test_the_solver_is_asked_for_what_environment_yml_says():
    channels, asked = read(ROOT / "environment.yml")
    assert channels == ["conda-forge"]  # "nodefaults" is a word to conda, and no channel
    assert {"python=3.12", "pytorch-cpu>=2.6", "jupyterlab>=4.2"} < set(asked) and "pip" in asked


# -- contracts of front ends that cannot run here ---------------------------------------------------------------------


class Recorder(Session):
    """A session that keeps what is sent."""

    def send(self, stream, message, *args, **kwargs):
        self.sent = [*getattr(self, "sent", []), message]


def test_in_colab_a_demo_asks_for_the_widget_manager_and_its_view_names_it(monkeypatch):
    """Colab's way, by a stand-in of google.colab: a hook on the display publisher adds the manager's address."""
    publisher, session = ZMQDisplayPublisher(), Recorder()
    publisher.session, address = session, "https://example.org/manager.js"

    def hook(message):
        data, metadata = message["content"]["data"], message["content"]["metadata"]
        for kind in set(data) & {"application/vnd.jupyter.widget-view+json"}:
            metadata[kind] = {"colab": {"custom_widget_manager": {"url": address}}}
        return message

    asked = []
    google = ModuleType("google.colab.output")
    google.enable_custom_widget_manager = lambda: asked.append(1) or publisher.register_hook(hook)
    monkeypatch.setitem(sys.modules, "google.colab.output", google)
    monkeypatch.setattr("ganlib.widgets.display", lambda data, raw: publisher.publish(data))
    show(Sliders(lambda a: Picture([Panel("", [Line([0, 1], [0, a], "")])]), a=(0, 2, 1)), picture=b"")
    assert asked
    *_, view = [message["content"] for message in session.sent]
    assert view["metadata"] == {next(iter(view["data"])): {"colab": {"custom_widget_manager": {"url": address}}}}


def test_the_script_of_a_demo_asks_for_nothing():
    """VS Code's and Colab's pages let a widget's script load from nowhere: ours is one module without an import."""
    text = script()
    assert not re.search(r"^\s*(import\b|export .* from)|\bimport\(|https?://(?!www\.w3\.org)|\bfetch\(", text, re.M)


def test_the_widget_that_carries_the_script_lies_where_vs_code_looks():
    """It reads nbextensions/NAME/extension.js of the kernel's Python for a require config, in one of two spellings."""
    folder = Path(sys.prefix) / "share" / "jupyter" / "nbextensions" / "anywidget"
    text = (folder / "extension.js").read_text()
    assert re.search(r"requirejs\??\.config\(\{", text)
    assert re.search(r"""\banywidget: ["']nbextensions/anywidget/index["']""", text)
    assert (folder / "index.js").stat().st_size > 1_000
