"""`python -m tools.fronts SET`: makes an environment of the set, and in it runs every notebook and a live demo.

It needs nothing but Python's standard library; what runs inside the environment is `tools/fronts/check.py`.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
SETS = {  # and the Python that its versions exist for; None: any that ganlib takes
    "oldest": "3.11",
    "colab": "3.12",
    "kernel6": None,
    "newest": None,
}
SOLVER = ("py-rattler==0.28.0", "pyyaml")
VERSION = "import sys; print('%d.%d' % sys.version_info[:2])"


class Refused(Exception):
    """What a person asked for cannot be done; the message says what to do."""


def constraints(name: str) -> str:
    """The file that pins a set, as the tools take it: "" for the newest of everything."""
    return "" if name == "newest" else f"tools/fronts/{name}.txt"


def python_of(name: str, asked: str | None) -> tuple[str, str]:
    """The Python that the set is to be made with, and its version, "3.12". Raises `Refused`."""
    wanted = SETS[name]
    for candidate in [asked] if asked else [f"python{wanted}" if wanted else sys.executable, sys.executable]:
        try:
            done = subprocess.run([candidate, "-c", VERSION], capture_output=True, text=True, timeout=60, check=True)
        except (OSError, subprocess.SubprocessError):
            continue
        version = done.stdout.strip()
        if wanted in (None, version):
            return candidate, version
        if asked:
            raise Refused(
                f"the set {name} exists for Python {wanted} only, and {asked} is {version}: PYTHON=python{wanted}"
            )
    if asked:
        raise Refused(f"{asked} does not run: name a Python by its path, PYTHON=/path/to/python{wanted or '3.12'}")
    raise Refused(f"the set {name} needs Python {wanted}: name it by its path, PYTHON=/path/to/python{wanted}")


def solve(arguments: list[str]) -> int:
    """Make an environment with a solver in it, and see whether environment.yml has a solution."""
    python = ROOT / ".venv-solve" / "bin" / "python"
    steps = [] if python.exists() else [[sys.executable, "-m", "venv", ROOT / ".venv-solve"]]
    steps += [[python, "-m", "pip", "install", "--quiet", *SOLVER], [python, "-m", "tools.fronts.solve", *arguments]]
    codes = (subprocess.run(step, cwd=ROOT, check=False).returncode for step in steps)
    return next((code for code in codes if code), 0)  # what fails has said why


def main(arguments: list[str]) -> int:
    """Make the environment and check in it; the exit code is 0 only if all went well, and 2 if nothing was tried."""
    parser = argparse.ArgumentParser(prog="python -m tools.fronts", description=__doc__.partition("\n")[0])
    parser.add_argument(
        "set",
        choices=SETS,
        help="oldest: the lowest versions that pyproject.toml claims; "
        "colab: Google Colab's; kernel6: ipykernel 6.31; newest: what pip takes today",
    )
    parser.add_argument("--python", metavar="PYTHON", help="the Python to make the environment with")
    parser.add_argument("--record", action="store_true", help="write what came out into FRONTENDS.md")
    parser.add_argument(
        "--notebooks", nargs="*", metavar="NAME", help="only these notebooks: 01 06 (with none, only the demo)"
    )
    parser.add_argument("--screenshots", metavar="DIR", help="where pictures of the demo are left")
    if arguments[:1] == ["solve"]:
        return solve(arguments[1:])
    told = parser.parse_args(arguments)
    try:
        python, version = python_of(told.set, told.python or os.environ.get("PYTHON"))
    except Refused as error:
        parser.exit(2, f"fronts: {error}\n")
    venv = f".venv-{told.set}-{version}"
    environment = os.environ | {"PYTHON": python}
    command = ["bash", "tools/make_env.sh", venv, constraints(told.set), "lab,test"]
    if code := subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode:
        return code
    check = [str(ROOT / venv / "bin" / "python"), "-m", "tools.fronts.check", told.set]
    check += ["--record"] if told.record else []
    check += ["--screenshots", str(Path(told.screenshots).resolve())] if told.screenshots else []
    check += ["--notebooks", *told.notebooks] if told.notebooks is not None else []
    return subprocess.run(check, cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
