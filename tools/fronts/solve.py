"""`python -m tools.fronts solve`: whether environment.yml has a solution, by conda's kind of solver, or else by pip's.

Runs in an environment with py-rattler, the solver of pixi. Where its channel cannot be reached, pip's resolver is asked
for the same names and bounds; with --conda that counts as a failure.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PLATFORMS = ("linux-64", "osx-arm64", "win-64")
SHOWN = ("python", "pytorch", "numpy", "ipywidgets", "jupyterlab", "ipykernel")


def read(path: Path) -> tuple[list[str], list[str]]:
    """The channels of an environment.yml, and what it asks of them."""
    import yaml

    told = yaml.safe_load(path.read_text(encoding="utf-8"))
    asked = [line for line in told["dependencies"] if isinstance(line, str)]
    return [name for name in told["channels"] if name != "nodefaults"], asked


async def by_conda(channels: list[str], asked: list[str], platform: str) -> dict[str, str]:
    """The versions that conda's kind of solver takes for a platform. Raises whatever py-rattler does."""
    from rattler import BuildString, GenericVirtualPackage, PackageName, Version, solve

    # What a usual machine of the platform says of itself.
    system = {"linux-64": ("glibc", "2.28"), "osx-arm64": ("osx", "13.0"), "win-64": ("win", "0")}[platform]
    names = [system, ("unix", "0")] if platform != "win-64" else [system]
    made = [
        GenericVirtualPackage(PackageName(f"__{name}"), Version(version), BuildString("0")) for name, version in names
    ]
    records = await solve(channels, asked, platforms=[platform, "noarch"], virtual_packages=made)
    return {record.name.normalized: str(record.version) for record in records}


def by_pip(asked: list[str]) -> subprocess.CompletedProcess[str]:
    """Ask pip's resolver for the same, for the Python that is named; nothing is installed."""
    python = next(re.sub(r"[^\d.]", "", line) for line in asked if line.startswith("python="))
    names = [line.replace("pytorch-cpu", "torch") for line in asked if not line.startswith(("python=", "pip"))]
    with tempfile.TemporaryDirectory() as scratch:
        command = [sys.executable, "-m", "pip", "install", "--dry-run", "--target", scratch, "--ignore-installed"]
        command += ["--python-version", python, "--only-binary", ":all:", "--quiet", "--report", "-", *names]
        return subprocess.run(command, capture_output=True, text=True, timeout=1_200, check=False)


def main(arguments: list[str]) -> int:
    """Solve for each platform, and say what was taken."""
    parser = argparse.ArgumentParser(prog="python -m tools.fronts solve")
    parser.add_argument("--conda", action="store_true", help="fail where the channel cannot be reached")
    parser.add_argument("--channel", help="another channel, such as a folder's address")
    told = parser.parse_args(arguments)
    from rattler.exceptions import GatewayError, SolverError

    channels, asked = read(ROOT / "environment.yml")
    channels = [told.channel] if told.channel else channels
    for platform in PLATFORMS:
        try:
            found = asyncio.run(by_conda(channels, asked, platform))
        except SolverError as error:
            print(f"fronts: environment.yml has no solution for {platform}: {error}", file=sys.stderr)
            return 1
        except (GatewayError, OSError) as error:
            words = " ".join(str(error).split())
            print(f"fronts: {channels[0]} cannot be reached: {words[:160]}", file=sys.stderr)
            if told.conda:
                return 1
            break
        print(f"{platform}: {len(found)} packages, {', '.join(f'{n} {found[n]}' for n in SHOWN if n in found)}")
    else:
        return 0
    done = by_pip(asked)
    if done.returncode:
        print(f"fronts: pip finds no solution either: {done.stderr.strip()[-500:]}", file=sys.stderr)
        return 1
    found = {
        item["metadata"]["name"].lower(): item["metadata"]["version"] for item in json.loads(done.stdout)["install"]
    }
    shown = ", ".join(f"{name} {found[name]}" for name in ("torch", *SHOWN) if name in found)
    print(f"by pip's resolver instead: {len(found)} packages, {shown}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
