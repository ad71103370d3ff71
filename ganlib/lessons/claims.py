"""Notebook 14, what the paper claims: its guesses, pictures of the telling experiments, and the matrix as a table."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from pandas.io.formats.style import Styler

from ganlib import MNIST, plots, pretrained, profile
from ganlib.datasets import Dataset
from ganlib.drawing import Drawing
from ganlib.errors import RecipeError, brief
from ganlib.picture import Level, Line, Panel, Picture, minus
from ganlib.studies import claims
from ganlib.studies.claims import digits
from ganlib.studies.claims.toys import EXPERIMENTS
from ganlib.studies.claims.verdict import HOLDS, IN_PART, MISSING, NOT_HERE, UNTESTED, VERDICTS, part
from ganlib.studies.claims.verdict import NAMES as MODELS
from ganlib.widgets import Guess

SHAPE = (1, 28, 28)
COLOURS = {HOLDS: "#00664A", IN_PART: "#8A5A00", NOT_HERE: "#A33B00", UNTESTED: "#5F6368", MISSING: "#5F6368"}
"""Behind a verdict, which stands there in white: the words say the same, so no colour is needed to read it."""
NOTEBOOKS = {
    **{"03": "03_jensen_shannon", "04": "04_algorithm_1", "05": "05_convergence", "06": "06_mnist", "07": "07_faces"},
    **{"08": "08_cifar10", "09": "09_k_and_learning_rates", "10": "10_table_1", "11": "11_why_184"},
    **{"12": "12_rest_of_table_1", "13": "13_table_2"},
}


# -- guesses -----------------------------------------------------------------------------------------------------------


def guess_count() -> Guess:
    """How many claims hold without reservation."""
    words = claims.matrix()["verdict"]
    shares = {"all of them": 1.0, "about four in five": 0.8, "about three in five": 0.6, "about two in five": 0.4}
    shares["about one in five"] = 0.2
    share = (words == HOLDS).mean()
    answer = min(shares, key=lambda name: abs(shares[name] - share))
    because = f"{(words == HOLDS).sum()} of {len(words)}. What became of the others is the subject of this notebook."
    return Guess("How many of the claims hold here without reservation?", list(shares), answer=answer, because=because)


def guess_overfit() -> Guess:
    """What a D that is trained to completion says of digits that it has not seen."""
    return Guess(
        "D is trained alone on a hundred digits, against a G that is held. What becomes of V on digits that it has "
        "never seen?",
        ["it rises with V on its own digits", "it stays at −log 4", "it falls far below −log 4"],
        answer="it falls far below −log 4",
        because="D learns its hundred digits by heart and becomes sure of itself. A fresh digit then counts as a fake, "
        "and log D(x) of it is a large negative number: worse than a D that says 1/2 to everything.",
    )


def guess_noise() -> Guess:
    """What G does with noise at every layer."""
    return Guess(
        "Noise enters every layer of G, and not only the bottom. What does G do with the noise at the upper layers?",
        ["it learns to ignore it", "it makes real use of it", "it cannot train with it"],
        answer="it makes real use of it",
        because="Each layer's noise alone makes a sizeable part of the variance of the samples.",
    )


def guess_rectifiers() -> Guess:
    """What rectifiers do in D."""
    return Guess(
        "D gets rectifiers in place of maxout units, with as many parameters and with its dropout. What do the digits "
        "look like after 8 epochs?",
        ["about the same", "more varied", "hardly any variety is left"],
        answer="hardly any variety is left",
        because="D wins by far, and G falls back on a few pictures. The table below has the numbers.",
    )


# -- the experiment that runs here -------------------------------------------------------------------------------------


def overfit(data: Dataset) -> dict[str, dict[str, list[float]]]:
    """Train a small D alone, on 100 digits and on 2,000, against the shipped G: V over its updates, in seconds."""
    steps, few, many = (150, 50, 200) if profile() == "smoke" else (800, 100, 2_000)
    D, G = MNIST.at("smoke").D, pretrained("mnist").G
    return {f"{n:,} digits": digits.D_alone(data, G, n, D, steps=steps, points=20) for n in (few, many)}


def plot_overfit(runs: Mapping[str, Mapping[str, list[float]]]) -> Drawing:
    """V of each run by D's updates: on the digits that D is trained on, and on digits it has never seen."""
    low = min(-3.0, *(min(run["V_validation"]) for run in runs.values()))
    low = float(np.floor(max(low, -12)))
    panels = []
    for name, run in runs.items():
        step = np.log10(np.maximum(run["step"], 1))
        x = (1.0, float(step[-1]))
        ticks = [(e, f"{10**e:,.0f}") for e in (1, 2, 3) if e <= x[1]]
        curves = {"on its own digits": ("V_train", "V"), "on fresh digits": ("V_validation", "D")}
        lines = [Line(step, np.clip(run[key], low, 0), words, style) for words, (key, style) in curves.items()]
        level = [Level(-1.3863, "−log 4")]
        axes = {"x_label": "updates of D", "y_label": "V(D, G), nats", "x_ticks": ticks}
        panels.append(Panel(f"D on {name}", lines, x, (low, 0), levels=level, **axes))
    return plots.draw(Picture(panels))


def plot_overfit_recorded() -> Drawing:
    """The same with the recipe's D, as it was recorded: on 500, 5,000 and 50,000 digits."""
    r = claims.results()
    runs = {f"{name} digits": part(r, "overfitting", f"{name}, seed 0") for name in ("500", "5,000", "50,000")}
    return plot_overfit(runs)


# -- pictures of what was recorded -------------------------------------------------------------------------------------


def plot_costs() -> Drawing:
    """The recipe with both costs of G, seed 0: what D says of fakes, and the length of G's gradient, by epoch."""
    r, panels = claims.results(), []
    runs = {"non-saturating cost": ("recipe", "G"), "minimax cost": ("minimax cost", "C")}
    for key, title in (("D_fake", "D(G(z))"), ("norm_G", "Length of G's gradient")):
        lines = []
        for words, (name, style) in runs.items():
            curves = part(r, "variants", f"{name}, seed 0")["curves"]
            lines.append(Line(curves["epoch"], np.log10(curves[key]), words, style))
        ends = np.floor(min(line.y.min() for line in lines)), np.ceil(max(line.y.max() for line in lines))
        panels.append(Panel(title, lines, (0, digits.EPOCHS), ends, "epoch", y_ticks=powers(*ends)))
    return plots.draw(Picture(panels))


def powers(low: float, high: float, every: int = 1) -> list[tuple[float, str]]:
    """Ticks of an axis of log10: 10 to each power."""
    raised = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
    return [
        (float(e), "1" if e == 0 else "10" + str(e).translate(raised)) for e in range(int(low), int(high) + 1, every)
    ]


def plot_feedback() -> Drawing:
    """The largest hidden unit along the chain of a small GSN, with tanh and with rectifiers in its loop."""
    found = part(claims.results(), "checks", "feedback")
    lines = []
    for name, run in found.items():
        kind, rate = name.split(", rate ")
        y = np.log10(run["largest"])
        words = f"{kind}, trained at rate {rate}"
        lines.append(
            Line(np.arange(1, len(y) + 1), y, words, "V" if kind == "rectifiers" else "D", dash=int(rate != "0.25"))
        )
    top = float(np.ceil(max(line.y.max() for line in lines)))
    axes = {"x_label": "step of the chain", "y_label": "largest hidden unit", "y_ticks": powers(0, top, 3)}
    return plots.draw(Picture([Panel("Units in a loop", lines, (1, 30), (0, top), **axes)]))


def plot_interpolation() -> Drawing:
    """From one sample to another, through z and through the pixels: how often a classifier of digits is unsure."""
    found = part(claims.results(), "checks", "interpolation")
    ways = {"along a line in z": ("z", "G"), "mixing the pixels": ("pixels", "other")}
    lines = [Line(found["t"], found[key], words, style) for words, (key, style) in ways.items()]
    real = [Level(found["unsure_real"], "real digits")]
    title, axes = "Share of pictures that a classifier is unsure of", {"x_label": "share of the way", "levels": real}
    return plots.draw(Picture([Panel(title, lines, (0, 1), (0, 0.7), **axes)]))


def redrawn() -> Drawing:
    """Samples of a G with noise at every layer: along a row the noise at the bottom is the same."""
    found = part(claims.results(), "variants", "noise at every layer, seed 0")
    sheet = digits.unpacked(found["redrawn"]).unflatten(0, (-1, 10))
    names = [f"noise {i} at the bottom, all other noise drawn anew" for i in range(1, len(sheet) + 1)]
    return plots.rows(dict(zip(names, sheet)), SHAPE)


def sheets(*variants: str) -> Drawing:
    """Fair samples of the average of variants of the recipe after 8 epochs, seed 0: a row each."""
    r = claims.results()
    found = {name: part(r, "variants", f"{name}, seed 0")["samples"] for name in variants}
    return plots.rows({NAMES.get(name, name): digits.unpacked(text)[:14] for name, text in found.items()}, SHAPE)


NAMES = {"recipe": "the recipe: maxout, dropout"}
D_KINDS = ("recipe", "maxout, no dropout", "rectifiers, dropout", "rectifiers, no dropout")


def table_of_variants(*variants: str) -> Styler:
    """Variants of the recipe after 8 epochs, a row a seed: measures of the average of G, and what D says of fakes."""
    r, rows = claims.results(), []
    known = [name.removesuffix(", seed 0") for name in r["claims"]["variants"] if name.endswith(", seed 0")]
    for name in variants:
        _one_of("variant", name, known)
    for name in variants:
        for seed in digits.SEEDS:
            if f"{name}, seed {seed}" not in r["claims"]["variants"]:
                continue
            found = part(r, "variants", f"{name}, seed {seed}")
            average = found["average"]
            rows.append(
                {
                    "variant": NAMES.get(name, name),
                    "seed": seed,
                    "Fréchet distance": average["frechet"],
                    "precision": average["precision"],
                    "recall": average["recall"],
                    "Parzen, nats": average["log_likelihood"],
                    "D(G(z)), last epoch": float(np.mean(found["curves"]["D_fake"][-10:])),
                }
            )
    formats = {"Fréchet distance": "{:.0f}", "Parzen, nats": "{:.0f}", "D(G(z)), last epoch": "{:.3f}"}
    return plots.table(rows, formats=formats)


def operations() -> Styler:
    """Millions of multiplications and additions: of an update for each example, of a step, and of a draw."""
    rows = [
        {
            "model": MODELS[name],
            "an update, for each example": one["update"],
            "a step of the chain, or a run of G": one["step"],
            "steps for a draw": one["steps"],
            "a draw": one["step"] * one["steps"],
        }
        for name, one in part(claims.results(), "checks", "work").items()
    ]
    return plots.table(rows, digits=1, formats={"steps for a draw": "{:.0f}"})


# -- the matrix --------------------------------------------------------------------------------------------------------


def counts() -> Styler:
    """How many claims of each section have which verdict."""
    table = claims.matrix()
    columns = [word for word in (*VERDICTS, MISSING) if word in VERDICTS or word in set(table["verdict"])]
    found = pd.crosstab(table["section"], table["verdict"]).reindex(columns=columns, fill_value=0)
    found.index = [f"{section}, {claims.SECTIONS[section]}" for section in found.index]
    found.loc["all"] = found.sum()
    return found.rename_axis(columns=None).style.map_index(_look, axis=1)


def _look(verdict: str) -> str:
    """How a verdict is shown."""
    return f"background-color: {COLOURS[verdict]}; color: white; font-weight: bold" if verdict in COLOURS else ""


def matrix(section: str) -> Styler:
    """The claims of a section as a table, each with its verdict in words and in colour."""
    _one_of("section", section, list(claims.SECTIONS))
    table = claims.matrix(section).drop(columns="section")
    table["what came out"] = table["what came out"].map(minus)
    table["where"] = [re.sub(r"\b\d\d\b", _link, where) for where in table["where"]]
    table.insert(1, "verdict", table.pop("verdict"))  # beside its claim, on a narrow page, too
    look = {"text-align": "left", "white-space": "normal", "vertical-align": "top"}
    heads = [{"selector": "th", "props": [("text-align", "left")]}]
    styled = table.style.hide(axis="index").set_properties(**look).map(_look, subset=["verdict"])
    return styled.set_table_styles(heads)


def _one_of(what: str, name: str, names: Sequence[str]) -> None:
    """Hold a name that a person gives to those that there are."""
    if name not in names:
        raise RecipeError(f"{what} {brief(name)} is not there; use one of: {', '.join(map(repr, names))}")


def _link(number: re.Match[str]) -> str:
    name = NOTEBOOKS[number.group()]
    return f'<a href="{name}.ipynb">{number.group()}</a>'


def toy(name: str) -> Drawing:
    """What one of `claims.toys.EXPERIMENTS` found, drawn by its own function."""
    _one_of("experiment", name, list(EXPERIMENTS))
    return plots.draw(EXPERIMENTS[name].show(part(claims.results(), "toys", name)))
