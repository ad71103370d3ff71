"""Notebook 18: a few labels beside many pictures; the game of K + 1 classes, and what D's features are worth."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from pandas.io.formats.style import Styler
from scipy.optimize import minimize

from ganlib import plots, scale
from ganlib.checkpoints import Trained
from ganlib.conditions import some_of_each
from ganlib.datasets import Dataset
from ganlib.densities import Array, Gaussian
from ganlib.images import tiles
from ganlib.picture import BLUE, GREEN, PURPLE, VERMILION, Level, Line, Panel, Tiles
from ganlib.recipes import profile
from ganlib.studies import semi_supervised as study
from ganlib.widgets import FewLabels, Guess
from ganlib.widgets.few_labels import FewLabelsEngine

RECORD = Path(__file__).parent.parent / "results" / "semi_supervised.json"
GAME = "the game of K + 1 classes"
PUBLISHED = {"who": "Salimans et al. 2016, at 100 labels", "errors": 93, "spread": 6.5, "draws": 10}  # of 10,000
COUNTS = (20, 100, 1_000)  # of labels
COLOURS = ("#1C1C1C", BLUE, "#56B4E9", "#9A9A9A", "#767676", PURPLE, "#E29BC4", "#E69F00", GREEN, VERMILION)

# -- the idea ----------------------------------------------------------------------------------------------------------


def guess_table() -> Guess:
    """What the cost says of the class of an example without a label, if D may be any function."""
    nothing = "nothing: any split is equally good"
    return Guess(
        "D may be any function. What does the lowest cost say of the class of a picture that has no label?",
        ["it is the class of the nearest label", nothing, "all classes are equally probable there"],
        answer=nothing,
        because="Without a label only the sum of all exp l stands in the cost, and every split of it costs the same.",
    )


def best_logits(joint: Array, p_g: Array) -> Array:
    """l at the lowest cost, log(p_data(x, k) / p_g(x)): joint (points, K) and p_g (points,) > 0 -> (points, K)."""
    return np.log(joint) - np.log(p_g)[:, None]


def found_logits(joint: Array, p_g: Array) -> Array:
    """The same by a search, from random numbers: joint (points, K) and p_g (points,), which each sum to 1."""
    p_data = joint.sum(1)

    def cost(flat: Array) -> tuple[float, Array]:
        """What D descends, in nats, and its gradient."""
        l = flat.reshape(joint.shape)
        a = np.logaddexp.reduce(l, 1)
        share = np.exp(l - a[:, None])  # softmax
        D = 1 / (1 + np.exp(-a))
        value = (p_data @ np.logaddexp(0, -a) + p_g @ np.logaddexp(0, a)) / 2 - (joint * (l - a[:, None])).sum()
        by_a = (p_g * D - p_data * (1 - D)) / 2
        return value, (share * by_a[:, None] + p_data[:, None] * share - joint).ravel()

    start = np.random.default_rng(0).normal(size=joint.size)
    options = {"maxiter": 10_000, "maxfun": 20_000, "ftol": 1e-16, "gtol": 1e-12}
    return minimize(cost, start, jac=True, method="L-BFGS-B", options=options).x.reshape(joint.shape)


def plot_optimum() -> plots.Drawing:
    """Two classes and a p_g in one dimension, and the two logits of the best D: where they cross, the classes part."""
    x = np.linspace(-4, 4, 401)
    A, B, p_g = Gaussian(-1.3, 0.5), Gaussian(1.1, 0.7), Gaussian(0, 1.5)
    joint = np.stack([A.pdf(x), B.pdf(x)], 1) / 2
    l, p = best_logits(joint, p_g.pdf(x)), joint.sum(1)
    densities = [Line(x, joint[:, 0], "p_data(x, A)", "D"), Line(x, joint[:, 1], "p_data(x, B)", "V")]
    densities.append(Line(x, p_g.pdf(x), "p_g(x)", "G"))
    logits = [Line(x, np.log(p / p_g.pdf(x)), "log sum exp l = log p_data / p_g", "D*")]
    logits += [Line(x, l[:, 0], "l_A", "D"), Line(x, l[:, 1], "l_B", "V")]
    return plots.draw(
        [
            Panel("Data of two classes, and G", densities, (-4, 4), (0, 0.45), y_label="density"),
            Panel("The best D's logits, nats", logits, (-4, 4), (-6, 3), levels=[Level(0.0)]),
        ]
    )


def check_optimum() -> str:
    """How far a search in a case of six points and three classes ends from the formula."""
    rng = np.random.default_rng(1)
    joint, p_g = (part / part.sum() for part in (rng.random((6, 3)) + 0.05, rng.random(6) + 0.05))
    far = np.abs(found_logits(joint, p_g) - best_logits(joint, p_g)).max()
    return f"Six points, three classes: the search ends within {far:.0e} nats of l = log p_data(x, k) / p_g(x)."


# -- the plane ---------------------------------------------------------------------------------------------------------


FOUR = [[-1.4, 0.0], [0.4, 0.2], [1.4, 0.0], [-0.4, -0.3]]  # two labels of each moon


def few_labels() -> FewLabels:
    """Two moons, two labels of each."""
    return FewLabels(points=FOUR)


def after(iterations: int) -> bytes:
    """What the demo looks like after so many iterations, as the bytes of a PNG file."""
    engine = FewLabelsEngine(points=FOUR)
    for _ in range(iterations):
        engine.once()
    return engine.png()


def guess_plane() -> Guess:
    """Which of the three is best with two labels of each moon."""
    game = "the net in the game"
    return Guess(
        "Two labels of each moon: which of the three names the fewest points wrong after 600 iterations?",
        ["logistic regression", "the same net on the labels alone", game],
        answer=game,
        because="It alone has seen where the points without labels lie, and where none lie.",
    )


def in_the_plane(labels: Sequence[int] = (2, 6, 20)) -> Styler:
    """The share of fresh points named wrong, in percent: mean ± sd over draws of the labels, as a table."""
    draws, iterations = {"smoke": (2, 40)}.get(profile(), (5, 600))
    rows = []
    x, y = study.points("moons", 1_000, seed=1)
    test, test_y = study.points("moons", 2_000, seed=2)
    for n in labels:
        wrong: dict[str, list[float]] = {}
        for draw in range(draws):
            known = some_of_each(y, n, 2, draw)
            lines = study.logistic(x[known], y[known], study.STRENGTH, 2)
            game, alone = (study.ClassGame(study.plane(), x, x[known], y[known], seed=draw) for _ in range(2))
            for _ in range(iterations):
                game.step()
                alone.step_on_labels()
            found = {"logistic regression": lines.logits, "the net on labels alone": alone.D.classes}
            for name, f in (found | {"the net in the game": game.D.classes}).items():
                with torch.no_grad():
                    wrong.setdefault(name, []).append(study.error(f(test), test_y))
        rows.append({"labels": f"{n}"} | {name: spread(found, draws) for name, found in wrong.items()})
    return plots.table(rows)


def spread(errors: Sequence[float], draws: int = 5) -> str:
    """Shares as percent, in words: their mean ± their standard deviation; their number where it is not `draws`."""
    if not errors:
        return ""
    sd = f" ± {100 * np.std(errors, ddof=1):.2f}" if len(errors) > 1 else ""
    number = f" ({len(errors)} draw{'s' * (len(errors) > 1)})" if len(errors) != draws else ""
    return f"{100 * np.mean(errors):.2f}{sd} %{number}"


# -- digits ------------------------------------------------------------------------------------------------------------


def guess_layer() -> Guess:
    """Which of D's layers makes better features for naming digits."""
    first = "the first layer's: better than pixels; the second's: worse"
    return Guess(
        "D was trained to tell digits from samples. Which of its features name digits better than pixels do?",
        ["both layers', the second one's more so", first, "neither's"],
        answer=first,
        because="The first layer sees strokes, which every digit is made of. The second has only to know what is fake.",
    )


def one_draw(data: Dataset, D: Any, labels: int = 100, draw: int = 0) -> Styler:
    """Logistic regression on pixels and on what each layer of D puts out, with one draw of the labels, as a table."""
    known = some_of_each(data.train_labels, labels, 10, draw)
    train, test = scale(data.train[:5_000]), scale(data.test)
    rows = []
    for name, f in {
        "pixels": lambda x: x,
        "D's first layer": study.hidden(D, 1),
        "D's second layer": study.hidden(D, 2),
    }.items():
        by = study.Scaling.of(study.by_parts(f, train))
        model = study.logistic(by(study.by_parts(f, scale(data.train[known]))), data.train_labels[known], 0.1)
        wrong = study.error(model.logits(by(study.by_parts(f, test))), data.test_labels)
        rows.append({"logistic regression on": name, "test digits named wrong": f"{100 * wrong:.1f} %"})
    return plots.table(rows)


def guess_winner() -> Guess:
    """Who names the digits best with 100 labels."""
    return Guess(
        "100 labels: what brings the fewest errors on the test digits?",
        ["D's features, frozen", "D, tuned on the labels", "the game of K + 1 classes"],
        answer="the game of K + 1 classes",
        because="There D learns what the classes are while the pictures without labels still shape all of its layers.",
    )


def results() -> dict[str, Any]:
    """What `tools/measure_semi_supervised.py` measured."""
    return json.loads(RECORD.read_text(encoding="utf-8"))


def errors(method: str, labels: int) -> list[float]:
    """The shares of test digits named wrong, one for each draw of the labels."""
    return [row["error"] for row in results()["rows"] if (row["method"], row["labels"]) == (method, labels)]


def methods() -> list[str]:
    """The methods in the record: on pixels, on frozen features, tuned, and the game last."""
    names = list(dict.fromkeys(row["method"] for row in results()["rows"]))
    kinds = (
        "pixels",
        "D, first",
        "D, second",
        "D of random weights, first",
        "D of random",
        "E (",
        "the same net",
        "D, tuned",
    )
    place = lambda name: next((i for i, kind in enumerate(kinds) if name.startswith(kind)), len(kinds))  # noqa: E731
    return sorted(names, key=place)


def results_table() -> Styler:
    """Mean ± sd over the draws of the labels, of the share of test digits named wrong, for each number of labels."""
    rows = []
    for method in methods():
        told = {f"{n:,} labels": spread(errors(method, n)) for n in COUNTS}
        rows.append({"what names the digits": method, **told})
    return plots.table(rows)


def plot_results() -> Axes:
    """The same as a chart, both axes logarithmic; a bar is one standard deviation to either side."""
    (ax,) = plots.panels(1, width=9, height=4.6)
    for i, method in enumerate(methods()):
        counts = [n for n in COUNTS if errors(method, n)]
        means = [100 * np.mean(errors(method, n)) for n in counts]
        sds = [100 * np.std(errors(method, n), ddof=min(1, len(errors(method, n)) - 1)) for n in counts]
        look = {"color": COLOURS[i % len(COLOURS)], "marker": "osD^vP*X<>"[i % 10], "ls": ("-", "--", ":")[i % 3]}
        look["lw"] = 2.5 if method == GAME else 1.3
        ax.errorbar(np.array(counts) * 1.015 ** (i - 4), means, sds, label=method, capsize=3, **look)
    best = 100 * PUBLISHED["errors"] / 10_000
    ax.plot(100, best, "k_", ms=14, mew=2, label=f"{PUBLISHED['who']}")
    ax.set(xscale="log", yscale="log", xlabel="labels", ylabel="test digits named wrong, %")
    ax.set_xticks(COUNTS, [f"{n:,}" for n in COUNTS])
    ax.set_yticks([1, 2, 5, 10, 20, 50], ["1", "2", "5", "10", "20", "50"])
    ax.minorticks_off()
    ax.legend(loc="center left", bbox_to_anchor=(1, 0.5), fontsize=8, frameon=False)
    return ax


def plot_curves() -> Axes:
    """Test errors of the game over its epochs: a line for each draw of the labels."""
    (ax,) = plots.panels(1, width=7, height=3)
    for n, colour, line in zip(COUNTS, ("C3", "C0", "C2"), (":", "-", "--")):
        curves = [r["curve"] for r in results()["rows"] if (r["method"], r["labels"]) == (GAME, n)]
        for i, curve in enumerate(curves):
            epoch, wrong = np.array(curve).T
            ax.plot(epoch, 100 * wrong, color=colour, ls=line, lw=1.2, label=f"{n:,} labels" if i == 0 else None)
    ax.set(yscale="log", xlabel="epoch", ylabel="test digits named wrong, %")
    ax.set_yticks([2, 5, 10, 20, 50], ["2", "5", "10", "20", "50"])
    ax.minorticks_off()
    ax.legend(frameon=False)
    return ax


def told() -> str:
    """The game against the best of the others, and against what was published, in sentences."""
    lines = []
    for n in COUNTS:
        if not errors(GAME, n):
            continue
        mean = {method: np.mean(errors(method, n)) for method in methods() if method != GAME and errors(method, n)}
        best = min(mean, key=mean.__getitem__)
        ours = 1e4 * np.array(errors(GAME, n))
        sd = f" ± {ours.std(ddof=1):.0f}" if len(ours) > 1 else ""
        lines.append(
            f"{n:,} labels: the game names {ours.mean():.0f}{sd} of 10,000 wrong (draws: {len(ours)}); "
            f"the best of the others, {best!r}, {1e4 * mean[best]:.0f}."
        )
    p = PUBLISHED
    return "\n".join([*lines, f"{p['who']}: {p['errors']} ± {p['spread']} over {p['draws']} draws."])


# -- the nets of the game ----------------------------------------------------------------------------------------------


def guess_samples() -> Guess:
    """What G's samples look like when G matches D's features."""
    worse = "worse ones: parts of digits, and some that are none"
    return Guess(
        "D of this game names digits well. What does its G draw, next to the G of notebook 6?",
        ["better digits", worse, "one and the same digit"],
        answer=worse,
        because="G is asked for the mean of D's features over a minibatch. No sample alone is asked to be a digit.",
    )


def plot_samples(labels: Trained, pair: Trained, n: int = 16) -> plots.Drawing:
    """Fair samples of the G that matches features, and of the pair of notebook 6."""
    pictures = {
        "G that matches features, in the game with 100 labels": labels.samples(n, seed=1),
        "G of notebook 6": pair.samples(n, seed=1),
    }
    return plots.rows(pictures, (1, 28, 28))


def plot_mistakes(labels: Trained, data: Dataset, n: int = 16) -> plots.Drawing:
    """Test digits that D names wrong, the surest ones first: in the corner what D says, above them what they are."""
    x = scale(data.test)
    p = study.by_parts(labels.D.classes, x).softmax(1)
    sure, said = p.max(1)
    wrong = torch.where(said != data.test_labels)[0]
    wrong = wrong[sure[wrong].argsort(descending=True)][:n]
    sheet = Tiles(tiles(x[wrong], data.shape), len(wrong), {i: f"{k}" for i, k in enumerate(said[wrong].tolist())})
    names = ", ".join(f"{k}" for k in data.test_labels[wrong].tolist())
    return plots.draw([Panel(f"They are {names}. In the corner: what D names them", tiles=sheet, at=(0, 0, 4, 12))])


def opinions(labels: Trained, data: Dataset, n: int = 2_000) -> Styler:
    """What D of the game says of test digits and of its G's samples: that they are no sample, and which class."""
    rows = []
    for name, x in {"test digits": scale(data.test[:n]), "samples of G": labels.samples(n, seed=1)}.items():
        l = study.by_parts(labels.D.classes, x)
        sure = (l.softmax(1).max(1).values > 0.99).double().mean().item()
        real = torch.sigmoid(l.logsumexp(1)).mean().item()
        rows.append({"pictures": name, "mean D(x)": real, "share with a p(k | x, not from G) above 0.99": sure})
    return plots.table(rows)


def error_of(labels: Trained, data: Dataset) -> str:
    """How many of the test digits D of the shipped game names wrong."""
    wrong = study.error(study.by_parts(labels.D.classes, scale(data.test)), data.test_labels)
    about = f"{labels.info['epochs']:.0f} epochs, 100 labels"
    return f"The shipped D ({about}) names {wrong:.2%} of {len(data.test):,} {data.name} test digits wrong."
