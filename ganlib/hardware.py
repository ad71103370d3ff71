"""Where the arithmetic runs and in which precision (the one place that decides), and what made a file: provenance."""

import datetime
import functools
import os
import platform
import subprocess
import warnings
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch

from ganlib.errors import RecipeError, brief, door

PRECISIONS = ("bfloat16", "float32", "float64")


@dataclass(frozen=True)
class Hardware:
    """A device and the precision of the matrix products on it."""

    device: torch.device  # where parameters, data and gradients live
    precision: str  # "bfloat16" (parameters stay float32, and play as bfloat16 copies), "float32" or "float64"

    @property
    def dtype(self) -> torch.dtype:
        """The type of parameters and velocities."""
        return torch.float64 if self.precision == "float64" else torch.float32

    @property
    def product_dtype(self) -> torch.dtype:
        """The type of the matrix products: of the nets as they play."""
        return torch.bfloat16 if self.precision == "bfloat16" else self.dtype

    @property
    def measures(self) -> torch.device:
        """The device for measures, which sum in float64: this one, unless it has none."""
        return self.device if self.device.type == "cuda" else torch.device("cpu")

    def generator(self, seed: int) -> torch.Generator:
        """A seeded stream of random numbers on the device."""
        return torch.Generator(self.device).manual_seed(seed)


@door(RecipeError)
def choose(device: str = "auto", precision: str = "auto") -> Hardware:
    """The hardware to train on: CUDA before MPS before CPU, bfloat16 where native, else float32. Or `RecipeError`.

    The environment variable GANLIB_DEVICE names another device for "auto".
    """
    named = os.environ.get("GANLIB_DEVICE", "").strip()
    if device == "auto" and named not in ("", "auto"):
        try:
            _try(device := named)
        except RecipeError as error:
            raise RecipeError(f"GANLIB_DEVICE: {error}") from None
    elif device == "auto":
        device = "cuda" if torch.cuda.is_available() else "mps" if torch.mps.is_available() else "cpu"
    _try(device)
    chosen = torch.device(device)
    if precision == "auto":
        precision = "bfloat16" if has_bfloat16(chosen) else "float32"
    if precision not in PRECISIONS:
        raise RecipeError(f"precision is {brief(precision)}; use 'auto' or one of {', '.join(PRECISIONS)}")
    if precision == "float64" and chosen.type == "mps":
        raise RecipeError("MPS has no float64; use device='cpu', or precision='float32'")
    return Hardware(chosen, precision)


def _try(device: str) -> None:
    """Compute something on the device, read it back, and make random numbers there. Raises `RecipeError`."""
    try:
        with warnings.catch_warnings(action="ignore"):  # of names that torch gave up
            torch.zeros(1, device=device).item()
            torch.Generator(device)
    except Exception as error:  # each kind of device has its own
        why = f" ({(str(error).splitlines() or [''])[0][:120]})" if device.startswith("cuda") else ""  # a driver's
        here = ["cpu", *(f"cuda:{i}" for i in range(torch.cuda.device_count())), *["mps"] * torch.mps.is_available()]
        usable = ", ".join(map(repr, ["auto", *here]))
        raise RecipeError(f"device {brief(device)} is not usable here{why}; use one of {usable}") from None


def has_bfloat16(device: torch.device) -> bool:
    """Whether the processor multiplies matrices in bfloat16 natively (emulation would be slower than float32)."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    can = torch.cpu.get_capabilities() if device.type == "cpu" and hasattr(torch.cpu, "get_capabilities") else {}
    return bool(can.get("avx512_bf16") or can.get("amx_bf16"))


@functools.cache
def provenance() -> dict[str, str | dict[str, str]]:
    """The commit of the source tree (with "+changes" when it differs from it), the day, and the versions."""
    versions = {"python": platform.python_version()}
    versions |= {name: _version(name) for name in ("ganlib", "torch", "numpy", "matplotlib")}
    return {"commit": commit(), "made": datetime.datetime.now(datetime.UTC).date().isoformat(), "versions": versions}


def commit() -> str:
    """The commit that the source tree is at, or "unknown" outside a checkout."""
    here = Path(__file__).parent

    def git(*words: str) -> str:
        """What git prints when asked about the folder of this file."""
        command = ["git", "-C", str(here), *words]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=20).stdout.strip()

    try:
        if not git("ls-files", "--", Path(__file__).name):
            return "unknown"  # installed somewhere inside another project's checkout
        dirty = "+changes" if git("status", "--porcelain", "--untracked-files=no", "--", str(here)) else ""
        return git("rev-parse", "--short=12", "HEAD") + dirty
    except (OSError, subprocess.SubprocessError):
        return "unknown"


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "unknown"
