"""`python -m ganlib sweep`: what its options mean."""

import argparse
import warnings
from collections.abc import Sequence
from pathlib import Path

from ganlib.errors import RecipeError, brief
from ganlib.sweep import drive, gathering, planning, work
from ganlib.sweep.asked import plan, settings
from ganlib.sweep.planning import Plan
from ganlib.unattended import say

LISTED = 12  # runs that a plan shows
OF_PLAN = ("set", "seeds", "profile", "epochs", "updates", "records", "data", "device", "precision")


def carry_out(options: argparse.Namespace) -> int:
    """Plan, show, run or gather, as the options say; the exit code."""
    if options.recipe is None and options.out is None:
        raise RecipeError("name a recipe, or the folder of a sweep with --out (see --help)")
    folder = options.out or Path("sweeps") / options.recipe
    planned = _planned(options, folder)
    if options.gather:
        say(f"{len(work.done(folder)):,} of {len(planned):,} runs in {gathering.gather(folder)}")
        return 0
    if options.dry_run:
        _show(planned, folder)
        return 0
    drive.distributed()
    say(f"{_runs(len(planned))} into {folder}")
    how = {name: getattr(options, name) for name in ("workers", "scheduler", "keep", "retry")}
    told = drive.run(planned, folder, checkpoint_seconds=float(options.checkpoint_seconds), **how)
    return _said(told, folder)


def _planned(options: argparse.Namespace, folder: Path) -> Plan:
    """The plan that is asked for; without a recipe that of the folder. Raises where the folder holds another."""
    given = [name for name in OF_PLAN if getattr(options, name) not in (None, [])]
    if options.recipe is None:
        if given:
            raise RecipeError(
                f"--{given[0]} is for a new plan: name its recipe, or leave it out to go on with {folder}"
            )
        return planning.read(folder)
    over = settings([text for texts in options.set for text in texts])
    more = {name: getattr(options, name) for name in OF_PLAN[2:] if getattr(options, name) is not None}
    planned = plan(options.recipe, over, seeds=_seeds(options.seeds), **more)
    if planning.there(folder):
        drive.agree(planned, planning.read(folder), folder)
    elif options.gather:
        planning.read(folder)  # raises
    return planned


def _seeds(text: str | None) -> int | Sequence[int]:
    if text is None:
        return 1
    try:
        found = [int(part) for part in text.split(",") if part.strip()]
    except ValueError:
        found = []
    if not found or (len(found) == 1 and "," not in text and found[0] < 1):
        raise RecipeError(f"--seeds {brief(text)}: give how many, such as 3, or which, such as 0,5,7")
    return found if "," in text else found[0]


def _show(planned: Plan, folder: Path) -> None:
    """The runs in words, the first and the last of them each by itself."""
    sizes = " x ".join([*(f"{len(values)} {name}" for name, values in planned.axes.items())] or ["1 recipe"])
    length = f"{planned.updates:,} updates" if planned.toys else f"{planned.recipe.epochs} epochs"
    done = work.done(folder)
    seeds = f"{len(planned.seeds)} seed{'s' * (len(planned.seeds) > 1)}"
    say(f"{_runs(len(planned))}: {sizes} x {seeds} of {planned.recipe.name!r}, {length} each")
    say(f"{planned.records} records a run, {planned.device}, {planned.precision}; {len(done):,} are done in {folder}")
    few = len(planned) <= LISTED
    for number in range(len(planned)) if few else [*range(LISTED - 2), -1, len(planned) - 1]:
        if number < 0:
            say("   ...")
            continue
        run = planned.run(number)
        values = " ".join(f"{name}={value}" for name, value in run.values.items())
        say(f"{number:6,}  {values} seed={run.seed}" + ("  (done)" if number in done else ""))


def _runs(n: int) -> str:
    return f"{n:,} run{'s' * (n > 1)}"


def _said(told: drive.Told, folder: Path) -> int:
    """Gather, and say what there is now."""
    path = gathering.gather(folder)
    fates = {name: told.fates.get(name, 0) for name in (work.DIVERGED, work.FAILED)}
    bad = "".join(f", {n:,} {name}" for name, n in fates.items() if n)
    say(f"{told.results:,} of {told.of:,} runs have results, in {path}{bad and f' (of this call{bad})'}")
    if told.results == told.of:
        say(f'In a notebook: Explorer.open("{folder}"), pandas.read_parquet("{path}")')
        if fates[work.FAILED]:
            warnings.warn(
                f"{fates[work.FAILED]} runs failed; the column `error` says why, --retry does them again", stacklevel=2
            )
        return 0
    say(f"Stopped. To go on: python -m ganlib sweep --out {folder}")
    return 1
