"""The command line: `python -m ganlib train | sweep | baseline | evaluate | sample | export | data`."""

import argparse
import json
import os
import re
import sys
import tempfile
import textwrap
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import torch

from ganlib import __version__, baselines, checkpoints, datasets, disk, images, parzen, runs
from ganlib.datasets import Unreachable
from ganlib.errors import CheckpointError, DataError, GanlibError, RecipeError, brief
from ganlib.hardware import provenance
from ganlib.recipes import LIVE, MNIST, PROFILES, RECIPES, named, profile, setting
from ganlib.unattended import steady_output

MOST = 10_000  # samples in a picture, and pictures in a row of it
WIDE = 80  # columns of a terminal


def main(arguments: list[str] | None = None) -> int:
    """Run one command; the exit code is 0, 1 when it stopped early, 2 on an error (one line on standard error).

    A standard output that breaks stops no command. What a command was to print and could not is an error, unless its
    reader had enough (`| head`); of one that writes a file it is a note.
    """
    with steady_output() as output:
        options = _parser().parse_args(arguments)
        warnings.showwarning = lambda message, *_, **__: _say("note", message)
        code = _run(options)
        if lost := output.lost():
            _say("error" if options.prints else "note", f"standard output cannot be written: {lost}")
            code = 2 if options.prints else code
        return code


def _run(options: argparse.Namespace) -> int:
    try:
        return options.run(options)
    except (GanlibError, Warning) as error:  # a warning is raised where Python was told so
        return _failed(error)
    except OSError as error:
        return _failed(f"{error.filename or options.run.__name__[1:]}: {error.strerror or error}")
    except (MemoryError, RuntimeError) as error:  # torch has its own way to say that
        if isinstance(error, MemoryError) or "memory" in str(error):
            return _failed("there is not enough memory for this")
        raise
    except KeyboardInterrupt:  # before or after the training itself, which saves and says so
        print("stopped", file=sys.stderr)
        return 1


def _failed(error: object) -> int:
    _say("error", error)
    return 2


def _say(kind: str, text: object) -> None:
    """One line on standard error, whatever is in the text: of a very long word only both its ends."""
    line = " ".join(word if len(word) < 200 else f"{word[:90]}...{word[-60:]}" for word in str(text).split())
    print(f"{kind}: " + "".join(c if c.isprintable() else "?" for c in line), file=sys.stderr)


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one line too."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong with the command line, and leave with exit code 2."""
        _say("error", f"{message if len(message) < 400 else message[:400] + '...'} (see {self.prog} --help)")
        self.exit(2)


def _whole(low: int, high: int) -> Callable[[str], int]:
    """What takes a whole number of that range from the command line."""

    def read(text: str) -> int:
        """The number."""
        if not re.fullmatch(r"[+-]?[0-9]{1,20}", text) or not low <= int(text) <= high:
            most = "2^63 - 1" if high == 2**63 - 1 else f"{high:,}"
            raise argparse.ArgumentTypeError(f"{brief(text)} is not a whole number from {low} to {most}")
        return int(text)

    return read


def _path(text: str) -> Path:
    """A path, where ~ is the home folder."""
    try:
        path = Path(text).expanduser()
    except RuntimeError:
        raise argparse.ArgumentTypeError(f"the home folder in {brief(text)} is not known") from None
    if not text or "\0" in text:
        raise argparse.ArgumentTypeError(f"{brief(text)} is no path")
    return path


def _text(text: str) -> str:
    """Text that can be kept in a file."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise argparse.ArgumentTypeError(f"{brief(text)} is not valid text (UTF-8)") from None
    return text


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="python -m ganlib", description="Generative Adversarial Nets, reproduced.")
    parser.add_argument("--version", action="version", version=f"ganlib {__version__}, torch {torch.__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    where = {"metavar": "DIR", "type": _path}
    seed, epochs = _whole(0, 2**63 - 1), _whole(1, 10**9)
    stand_in = {"action": "store_true", "help": "where MNIST cannot be had, train on mnist-5k, 5,000 of its digits"}
    fields_of = {"nargs": "+", "default": [], "type": _text, "metavar": "FIELD=VALUE"}
    average = {"action": "store_true", "help": "of the average of G over training, in place of the last iterate"}

    def command(run: Callable[[argparse.Namespace], int], text: str, prints: bool = False) -> argparse.ArgumentParser:
        """A parser for the command that `run` carries out, named as it is; `prints`: its text is its result."""
        added = commands.add_parser(run.__name__[1:], help=text)
        added.set_defaults(run=run, prints=prints)
        return added

    train = command(_train, "train a recipe, or go on with a run")
    train.add_argument("recipe", nargs="?", help=f"one of {', '.join(RECIPES)}")
    train.add_argument("--profile", choices=PROFILES, help="the scale (default: GANLIB_PROFILE, else quick)")
    train.add_argument("--seed", type=seed, help="default 0")
    train.add_argument("--epochs", type=epochs, help="instead of the recipe's; with --resume, the new end")
    train.add_argument("--set", **fields_of, help="fields of the recipe, e.g. k=2")
    train.add_argument("--data", help="another data set of the same shape, e.g. mnist-5k")
    train.add_argument("--out", type=_path, help="the run's folder (default: runs/RECIPE-SEED)")
    train.add_argument("--on", type=_path, metavar="DIR", help="the finished run that a recipe is built on (tfd-2)")
    train.add_argument("--resume", action="store_true", help="go on from the folder's last checkpoint")
    train.add_argument("--device", default="auto", help="auto, cpu, cuda or mps")
    train.add_argument("--precision", default="auto", help="auto, bfloat16, float32 or float64")

    train.add_argument("--stand-in", **stand_in)

    sweep = command(_sweep, "train every run of a grid over a recipe, on many processes or machines")
    sweep.add_argument("recipe", nargs="?", help="toy, ring, or a recipe of `train`; without one the sweep in --out")
    each = {**fields_of, "action": "append", "metavar": "FIELD=VALUE,..."}
    sweep.add_argument("--set", **each, help="fields that vary, and their values, e.g. k=1,2,5")
    sweep.add_argument("--seeds", type=_text, metavar="N", help="how many, from 0 on (default 1), or which: 3,5,7")
    sweep.add_argument("--profile", choices=PROFILES, help="of pictures (default: GANLIB_PROFILE, else quick)")
    sweep.add_argument("--epochs", type=epochs, help="of pictures, instead of the recipe's")
    sweep.add_argument("--updates", type=epochs, help="of toys: of both players together (default 8,000)")
    sweep.add_argument("--records", type=_whole(1, MOST), help="how often each run is measured")
    sweep.add_argument("--data", type=_text, help="another data set of the same shape, or the density of a toy")
    sweep.add_argument("--device", help="cpu (the default), cuda or mps")
    sweep.add_argument("--precision", help="float32 (the default), bfloat16 or float64")
    sweep.add_argument("--out", **where, help="the sweep's folder (default: sweeps/RECIPE); the one there goes on")
    sweep.add_argument("--workers", type=_whole(1, 1_000), help="processes of this machine (default: one a core)")
    sweep.add_argument("--scheduler", type=_text, metavar="ADDRESS", help="of a dask cluster, e.g. tcp://host:8786")
    sweep.add_argument("--checkpoint-seconds", type=epochs, default=60, help="what a kill may cost (default 60)")
    sweep.add_argument("--keep", action="store_true", help="keep the last checkpoint of each run")
    sweep.add_argument("--retry", action="store_true", help="do again what failed by an error")
    sweep.add_argument("--dry-run", action="store_true", help="print the runs, and do nothing")
    sweep.add_argument("--gather", action="store_true", help="only write the results that are there into one file")

    baseline = command(_baseline, "fit one of the models that the paper compares itself with, or go on with it")
    baseline.add_argument("name", choices=baselines.RECIPES, help=f"one of {', '.join(baselines.RECIPES)}")
    baseline.add_argument("--seed", type=seed, default=0, help="default 0")
    baseline.add_argument("--epochs", type=epochs, help="of each layer, where layers are trained one after the other")
    baseline.add_argument("--data", default="mnist", help="the data set (default mnist)")
    baseline.add_argument("--out", type=_path, help="the run's folder (default: runs/baselines/NAME-SEED)")
    baseline.add_argument("--device", default="auto", help="auto, cpu, cuda or mps")
    baseline.add_argument("--stand-in", **stand_in)

    evaluate = command(_evaluate, "the Parzen score of a run, or of a file of weights", prints=True)
    evaluate.add_argument("run_folder", **where, help="a run's folder, or a .safetensors file")
    evaluate.add_argument("--json", action="store_true", help="one JSON object instead of text")
    evaluate.add_argument("--seed", type=seed, default=1, help="of the samples (default 1)")
    evaluate.add_argument("--average", **average)

    sample = command(_sample, "draw samples into a PNG file")
    sample.add_argument("run_folder", **where, help="a run's folder, or a .safetensors file")
    sample.add_argument("--out", type=_path, required=True, metavar="FILE.png")
    sample.add_argument("--average", **average)
    sample.add_argument("--n", type=_whole(1, MOST), default=100, help="how many (default 100)")
    sample.add_argument("--columns", type=_whole(1, MOST), default=10, help="how many in a row (default 10)")
    sample.add_argument("--seed", type=seed, default=0, help="of the noise (default 0)")

    export = command(_export, "write a run's nets as half-precision safetensors, with their scores")
    export.add_argument("run_folder", **where)
    export.add_argument("--out", type=_path, required=True, metavar="FILE.safetensors")
    export.add_argument(
        "--note", type=_text, help="what must be said of the data it was trained on, kept beside the weights"
    )

    command(_data, "each data set: found where, or how to get it", prints=True)
    return parser


def _train(options: argparse.Namespace) -> int:
    seed = 0 if options.seed is None else options.seed
    folder = options.out or Path("runs") / f"{options.recipe or 'mnist'}-{seed}"
    if options.resume:
        run = _resume(options, folder)
    else:
        full = named(options.recipe or "mnist")
        recipe = full.at(options.profile or profile())
        changes = {name: value for name, [value] in map(setting, options.set)}
        recipe = replace(recipe, **({} if options.data is None else {"data": options.data}) | changes)
        how = {name: getattr(options, name) for name in ("epochs", "device", "precision", "on")}
        with _plain_yes(recipe.data, options.stand_in):
            run = runs.open(folder, recipe, seed=seed, **how, resume=False, stand_in=options.stand_in)
        recipe = run.trainer.recipe
        print(f"Changed from the recipe {recipe.name!r}: " + ("; ".join(recipe.changes(full)) or "nothing"))
    data, hardware = run.trainer.data, run.trainer.hardware
    print(f"{data.name} ({data.source}), {hardware.device}, {hardware.precision}, into {folder}")
    return 0 if run.train() else 1


def _sweep(options: argparse.Namespace) -> int:
    from ganlib.sweep.command import carry_out  # the rest of the command line starts without it

    return carry_out(options)


def _baseline(options: argparse.Namespace) -> int:
    recipe = baselines.RECIPES[options.name]
    if options.epochs is not None:
        length = "epochs_a_layer" if hasattr(recipe, "epochs_a_layer") else "epochs"
        recipe = replace(recipe, **{length: options.epochs})
    folder = options.out or Path("runs") / "baselines" / f"{options.name}-{options.seed}"
    with _plain_yes(options.data, options.stand_in):
        data = datasets.load(options.data, stand_in=options.stand_in)
    print(f"{recipe} on {data.name} ({data.source}), into {folder}")
    model = baselines.train(folder, recipe, data, options.seed, device=options.device)
    return 0 if model.done == recipe.epochs else 1


@contextmanager
def _plain_yes(name: str, given: bool) -> Iterator[None]:
    """Where the data to train on are loaded: no network is no reason to train on others, unless that was asked for."""
    try:
        yield
    except Unreachable as error:
        record = datasets.RECORDS[name]
        if given or not record.stand_in:
            raise
        what = f"{record.title} is not on this machine, and no host of it can be reached ({error.why})"
        how = (
            f"`python -m ganlib data` says how to get it; to train on its stand-in {record.stand_in!r}, add --stand-in"
        )
        raise DataError(f"{what}. {how}") from None


def _resume(options: argparse.Namespace, folder: Path) -> runs.Run:
    """The run in the folder, if it is what the other options ask for."""
    if options.set:
        raise RecipeError(f"--resume goes on with the recipe of the run in {folder}: leave out --set")
    if options.on is not None:
        raise RecipeError(f"--resume needs no --on {options.on}: what the run was built on is in its checkpoint")
    run = runs.open(folder, epochs=options.epochs, device=options.device, resume=True)
    recipe = run.trainer.recipe
    for name, asked, own in (
        ("recipe", options.recipe, recipe.name),
        ("seed", options.seed, run.trainer.seed),
        ("data", options.data, recipe.data),
        ("precision", None if options.precision == "auto" else options.precision, run.trainer.hardware.precision),
    ):
        if asked is not None and asked != own:
            what = f"--resume goes on with the {name} of the run in {folder}, {own!r}"
            raise RecipeError(f"{what}; you asked for {asked!r}")
    if options.profile is not None:
        free = {name: getattr(recipe, name) for name in ("epochs", "data", *LIVE)}
        if different := recipe.changes(replace(named(recipe.name).at(options.profile), **free)):
            raise RecipeError(
                f"--resume goes on with the scale of the run in {folder}, which is not {options.profile!r} "
                f"({'; '.join(different)}); leave out --profile (--epochs may move the end)"
            )
    return run


def _load(options: argparse.Namespace) -> checkpoints.Trained:
    """The nets in a run's folder, or in a file of weights; with --average that of G."""
    trained = _last_iterate(options.run_folder)
    return trained.averaged() if options.average else trained


def _last_iterate(path: Path) -> checkpoints.Trained:
    if path.suffix != ".safetensors":
        if not path.is_dir():
            raise CheckpointError(f"{path} is neither a run's folder nor a .safetensors file")
        return checkpoints.load_run(path)
    trained = checkpoints.load_weights(path)
    if "data" not in trained.info:
        raise CheckpointError(f"{path.with_suffix('.json')} does not name its data set; export the weights again")
    return trained


def _evaluate(options: argparse.Namespace) -> int:
    trained = _load(options)
    data = datasets.load(trained.info["data"])
    if data.name != trained.info["data"]:
        warnings.warn(f"trained on {trained.info['data']}, scored on {data.name}: {data.note}", stacklevel=1)
    paper = runs.score(trained, data, seed=options.seed)
    if options.json:
        print(json.dumps({"iterate": trained.iterate} | paper.to_dict()))
    else:
        print(f"{options.run_folder}, epoch {trained.info['epochs']:g}, {trained.iterate}")
        whole = paper.n_samples == MNIST.n_samples
        protocol = "Parzen, the paper's protocol:" if whole else "Parzen, the paper's grid, fewer samples:"
        print(f"{protocol} {paper}")
        fine = runs.score(trained, data, parzen.FINE_SIGMAS, seed=options.seed)
        print(f"{'Parzen, a finer grid:':{len(protocol)}} {fine}")
    return 0


def _sample(options: argparse.Namespace) -> int:
    out = options.out
    if out.suffix.lower() != ".png":
        raise CheckpointError(f"--out {out}: samples are written as PNG; call the file {out.with_suffix('.png').name}")
    if os.path.lexists(out) and not out.is_file():
        raise CheckpointError(f"--out {out} is no regular file; give another name")
    trained = _load(options)
    samples = images.shown(trained.samples(options.n, options.seed), trained.recipe.pixels)
    sheet = images.mosaic(samples, datasets.picture_shape(trained.info["data"]), options.columns)
    disk.atomically(out, lambda file: file.write(images.png(sheet, zoom=2)))
    print(f"{options.n} samples of {trained.iterate} in {out}")
    return 0


def _export(options: argparse.Namespace) -> int:
    checkpoints.check_export_path(options.out)
    run = checkpoints.load_run(options.run_folder)
    info = run.info  # the scores go into it, those of the average under "average"
    info |= {"curves": runs.curves(options.run_folder), "exported_by": provenance()}
    if options.note:
        info["note"] = options.note
    with tempfile.TemporaryDirectory() as scratch:  # the scores are those of the half-precision weights
        trained = checkpoints.load_weights(checkpoints.save_weights(Path(scratch) / "w.safetensors", run))
    both = [(trained, info)] + ([(trained.averaged(), info["average"])] if trained.average else [])
    if runs.scored(run.recipe):
        data = datasets.load(info["data"], stand_in=False)
        for pair, scores in both:
            for name, sigmas in (("parzen", parzen.SIGMAS), ("parzen_fine_grid", parzen.FINE_SIGMAS)):
                scores[name] = runs.score(pair, data, sigmas).to_dict()
    checkpoints.save_weights(options.out, run)
    for pair, scores in both:
        score = f"{scores['parzen']['log_likelihood']:.1f} nats" if "parzen" in scores else "not scored"
        print(f"{options.out}, epoch {info['epochs']:g}, {pair.iterate}: {score}")
    return 0


def _data(options: argparse.Namespace) -> int:
    column = max(map(len, datasets.NAMES)) + 2
    for name in datasets.NAMES:
        found, text = datasets.status(name)
        print(f"{name:{column}}{f'found    {text}' if found else 'missing'}")
        if not found:  # addresses and checksums stay whole, to be copied
            lines = textwrap.wrap(text, WIDE - 4, break_long_words=False, break_on_hyphens=False)
            print(textwrap.indent("\n".join(lines), "    "))
    return 0


if __name__ == "__main__":
    sys.exit(main())
