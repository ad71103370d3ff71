"""Notebook 12, the rest of Table 1: the models beside the adversarial nets, by the same ruler and as chains."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import torch
from matplotlib.axes import Axes
from pandas.io.formats.style import Styler
from torch import Tensor

from ganlib import baselines, parzen, plots, scale
from ganlib.baselines import Chain, Model
from ganlib.baselines.files import draws
from ganlib.checkpoints import Trained
from ganlib.datasets import Dataset
from ganlib.drawing import Drawing
from ganlib.errors import CheckpointError
from ganlib.lessons.table_1 import (
    classifier,  # noqa: F401 (for the notebook, as the next one)
    compares,  # noqa: F401
    n_centres,
    smoke,
    some_digits,
    test_digits,
)
from ganlib.picture import Level, Panel
from ganlib.studies import chains, table_1
from ganlib.studies.chains import Mixing
from ganlib.studies.measures import Classifier
from ganlib.widgets import Chains, Guess

REAL = "real training digits"
REAL_FACES = table_1.BASELINES.parent / "real_faces.json"
AVERAGE = "Adversarial nets, average"
ORDER = {"dbn": "DBN", "cae": "Stacked CAE", "gsn": "Deep GSN", "gan": "Adversarial nets", "gan-average": AVERAGE}
ORDER |= {"vae": "VAE"}
"""The rows by the names of their weights, in the order of Table 1; the VAE is of the same months, and not in it."""
KINDS = {"samples": "draws", "means": "conditional means", "both": "draws = means"}
STAYS = {1: "about 1 step: each picture is another digit", 10: "some 10 steps", 100: "some 100 steps"}
STAYS |= {1_000: "1,000 steps or more"}
COLOURS = {"DBN": plots.BLUE, "Stacked CAE": plots.PURPLE, "Deep GSN": plots.VERMILION, "VAE": plots.ORANGE}
COLOURS |= {"Adversarial nets": plots.GREEN, AVERAGE: plots.GREEN}
LAGS = 100  # steps of a chain over which its autocorrelation is shown


# -- what there is ---------------------------------------------------------------------------------------------------


def models() -> dict[str, Model]:
    """The models that come with the package, by their names in the table: all but the adversarial nets."""
    found = {}
    for name, said in ORDER.items():
        if not name.startswith("gan"):
            try:
                found[said] = baselines.pretrained(name)
            except CheckpointError as error:
                print(f"{said}: no weights here ({error})")
    return found


def only_chains(found: Mapping[str, Model]) -> dict[str, Chain]:
    """Those of the models that draw by a Markov chain."""
    return {name: model for name, model in found.items() if isinstance(model, Chain)}


def as_printed() -> Styler:
    """Table 1 of the paper, with what is known of where each row comes from."""
    rifai = "Rifai et al. (2012): {}; the recipe is not published"
    known = {
        "DBN": ("a Gibbs chain in the top two layers, one pass down", "not said", rifai.format("137.89 ± 2.11")),
        "Stacked CAE": ("a chain of small moves of the code", "not said", rifai.format("121.17 ± 1.59")),
        "Deep GSN": (
            "a chain: damage, restore, repeat",
            "10,000 consecutive conditional means of one chain",
            "Bengio et al. (2014), with their code; trained on training and validation digits together",
        ),
        "Adversarial nets": ("one pass through G", "10,000 samples, each from a z of its own", "the paper itself"),
    }
    rows = [(name, *table_1.PAPER[name], *told) for name, told in known.items()]
    return plots.table(pd.DataFrame(rows, columns=["model", "MNIST", "TFD", "it draws by", "scored", "measured by"]))


def trained_as(found: Mapping[str, Model]) -> Styler:
    """How the models that are shipped were trained: layers, epochs, seed."""
    rows = []
    for name, model in found.items():
        recipe, told = model.recipe, model.info
        widths = " + ".join(map(str, recipe.hidden if isinstance(recipe.hidden, tuple) else (recipe.hidden,)))
        drawn = "independent"
        if isinstance(model, Chain):
            many, at = recipe.chains, "training digits" if getattr(recipe, "from_data", False) else ""
            at = at or "pixels drawn by the mean picture"
            drawn = f"{many:,} chain{'s' * (many > 1)} that begin{'s' * (many < 2)} at {at}, "
            drawn += f"{recipe.burn_in:,} steps before the first draw, {recipe.thin} from one to the next"
        hours = told.get("seconds", math.nan) / 3_600
        rows.append((name, widths, model.done, told.get("seed", 0), hours, drawn))
    columns = ["model", "hidden units", "epochs", "seed", "hours of training", "10,000 draws"]
    return plots.table(pd.DataFrame(rows, columns=columns), digits=1)


def rows(data: str = "mnist") -> pd.DataFrame:
    """What is recorded on a data set, in the order of Table 1: of each model a row of draws and one of means.

    Where draws have no noise of their own the two are the same, and there is one row, of the kind "both".
    """
    found = pd.DataFrame([row for row in table_1.recorded()["rows"] if row["data"] == data])
    if not len(found):
        return found
    found = found[found["model"].isin(list(ORDER))].assign(name=found["model"].map(ORDER))
    scores = found.groupby(["name", "seed"])["log_likelihood"]
    same = (scores.transform("nunique") == 1) & (scores.transform("size") == 2)
    found.loc[same, "kind"] = "both"
    found = found.drop_duplicates(["name", "seed", "kind"])
    models, kinds = (pd.Categorical(found[of], list(known)) for of, known in (("model", ORDER), ("kind", KINDS)))
    return found.assign(model=models, kind=kinds).sort_values(["model", "seed", "kind"]).astype({"kind": str})


def both(found: pd.DataFrame, column: str) -> pd.DataFrame:
    """A column of `rows` by name, for draws and for conditional means; of several seeds the mean."""
    by = found.pivot_table(column, "name", "kind", sort=False).reindex(columns=["samples", "means", "both"])
    return pd.DataFrame({kind: by[kind].fillna(by["both"]) for kind in ("samples", "means")})


# -- guesses ---------------------------------------------------------------------------------------------------------


def guess_means() -> Guess:
    """How the conditional means of one model score beside its draws."""
    return Guess(
        "A VAE computes grey pictures, and draws black and white ones from them. The same 10,000 pictures are scored "
        "before and after that last draw. Which score better by the Parzen window?",
        ["the draws: they are what the model says", "the grey means, by a few nats", "the grey means, by hundreds"],
        answer="the grey means, by hundreds",
        because="A real digit is grey and smooth, and so are the means. Each pixel that is drawn adds a distance.",
    )


def guess_alike(mixed: Mapping[str, Mixing], name: str = "DBN") -> Guess:
    """The autocorrelation of a chain, to be sketched."""
    levels = [Level(0, "independent draws")]
    panel = Panel(f"Autocorrelation of the {name}'s chain", (), (0, LAGS), (-0.2, 1), "steps apart", levels=levels)
    return Guess(
        f"Two pictures of the {name}'s chain lie some steps apart. How alike are they? 1 is the same picture.",
        panel=panel,
        truth=lambda: (np.arange(len(mixed[name].rho))[: LAGS + 1], mixed[name].rho[: LAGS + 1]),
        because=f"Its integrated time is {said(mixed[name])} steps: so many count for one independent draw.",
    )


def guess_stays(mixed: Mapping[str, Mixing], name: str = "DBN") -> Guess:
    """How long a chain stays at one digit."""
    found, of_G = mixed[name].between, mixed.get("Adversarial nets")
    near = min(STAYS, key=lambda steps: abs(math.log(steps) - math.log(min(found, 1_000))))
    return Guess(
        f"The chain of the {name} goes on from a digit, step by step. After how many steps does it show another one?",
        list(STAYS.values()),
        answer=STAYS[near],
        because=f"On average {found:.1f} steps go by between two different digits."
        + (f" For draws of G it is {of_G.between:.1f}." if of_G else ""),
    )


# -- the pictures ----------------------------------------------------------------------------------------------------


def first_draws(found: Mapping[str, Model], G: Trained, data: Dataset, n: int = 20) -> dict[str, Tensor]:
    """The first n pictures of seed 0 of each model, as draws and as conditional means, after some real digits."""
    n = 4 if smoke() else n
    first, x = {"real digits": some_digits(data, n)}, scale(table_1.random_subset(data.train, n))
    for name, model in found.items():
        pair = [draws(model, n, x, 0, means) for means in (False, True)]
        if torch.equal(*pair):
            first[f"{name}: {KINDS['both']}"] = pair[0]
        else:
            first |= {f"{name}: draws": pair[0], f"{name}: conditional means of the same draws": pair[1]}
    first[f"Adversarial nets: {KINDS['both']}"] = G.samples(n, seed=0)
    return first


def score_both(model: Model, data: Dataset) -> pd.DataFrame:
    """The Parzen scores of a model's draws, of their means, and of real training digits, by the paper's protocol."""
    n, found = n_centres(data), []
    centres = {KINDS[kind]: model.samples(n, seed=1, means=kind == "means") for kind in ("samples", "means")}
    for said, x in (centres | {REAL: scale(table_1.random_subset(data.train, n))}).items():
        score = parzen.score(x, scale(data.valid), test_digits(data), data=data.name)
        found.append((said, score.log_likelihood, score.standard_error, score.sigma))
    return pd.DataFrame(found, columns=["centres", "nats", "±", "σ"]).set_index("centres")


# -- the table -------------------------------------------------------------------------------------------------------


def the_table() -> Styler:
    """The MNIST column of Table 1, the paper's and ours, each of our rows twice."""
    found, told = rows(), []
    for row in found.to_dict("records"):
        of = {"DBN": "means", "Deep GSN": "means"}.get(row["name"], "both")  # GSN: as its authors do; DBN: see there
        printed = table_1.PAPER.get(row["name"], ("",))[0] if row["kind"] == of else ""
        score = f"{row['log_likelihood']:.1f} ± {row['standard_error']:.1f}"
        told.append((row["name"], KINDS[row["kind"]], printed, score, row["sigma"], row["fine"], row["epochs"]))
    columns = ["model", "scored", "the paper", "here", "σ", "here, fine grid of σ", "epochs"]
    frame = pd.DataFrame(told, columns=columns)
    return plots.table(frame, digits=1, formats={"σ": "{:.4f}", "epochs": "{:,.0f}"})


def plot_table(real: float) -> Axes:
    """A line for each model from its draws to its conditional means, the paper's number, and real digits' score.

    A square with a point in it says that the draws are the means.
    """
    found = both(rows(), "log_likelihood")
    [ax] = plots.panels(1, width=7.2, height=0.9 + 0.4 * len(found))
    for i, (name, row) in enumerate(found.iterrows()):
        colour = COLOURS[name]
        ax.plot([row["samples"], row["means"]], [i, i], color=colour, lw=1.6)
        ax.plot(row["means"], i, "s", color="white", mec=colour, mew=1.8, ms=9, label="conditional means" * (not i))
        ax.plot(row["samples"], i, "o", color=colour, ms=5, label="draws" if not i else "")
        if name in table_1.PAPER:
            paper = float(table_1.PAPER[name][0].split(" ± ")[0])
            ax.plot(paper, i, "|", color=plots.INK, ms=18, mew=2.4)
    ax.plot([], [], "|", color=plots.INK, ms=10, mew=2.4, label="the paper")
    ax.axvline(real, color=plots.INK, lw=1, ls=":", label=REAL)
    ax.set_yticks(range(len(found)), found.index)
    ax.invert_yaxis()
    ax.grid(axis="y", visible=False)
    ax.set(xlabel="nats, all test digits of MNIST", title="Each row twice: as draws, and as conditional means")
    ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), labelcolor=plots.INK)
    return ax


def gaps() -> str:
    """What the means score above the draws, and how far each row lies from the paper's, in words."""
    found, lines = both(rows(), "log_likelihood"), []
    for name, row in found.iterrows():
        more = row["means"] - row["samples"]
        line = f"{name}: draws {row['samples']:.0f}, conditional means {row['means']:.0f} ({more:+.0f})"
        if name in table_1.PAPER:
            paper = float(table_1.PAPER[name][0].split(" ± ")[0])
            line += f"; the paper {paper:.0f}, our means {row['means'] - paper:+.0f}"
        lines.append(line)
    return "\n".join(lines)


def plot_history(found: Mapping[str, Model]) -> Axes:
    """The validation score of the conditional means over the training, of models that are not trained in layers."""
    [ax] = plots.panels(1, width=6.6, height=3.2)
    for name, model in found.items():
        scored = [row for row in model.info.get("history", []) if "log_likelihood" in row]
        if scored and not hasattr(model.recipe, "epochs_a_layer"):
            x, y = ([row[key] for row in scored] for key in ("epoch", "log_likelihood"))
            ax.plot(x, y, color=COLOURS[name], marker="o", ms=3, label=name)
    ax.set(xlabel="epoch", ylabel="nats, 1,000 validation digits", title="Conditional means over the training")
    ax.legend(loc="lower right")
    return ax


# -- other measures --------------------------------------------------------------------------------------------------


def other_measures() -> Styler:
    """Fréchet distance, precision, recall, and the test of copying, of every row."""
    found, floor = rows(), table_1.recorded()["rulers"]["mnist"]["floor"]
    told = [("real test digits", "", floor, math.nan, math.nan, 0.5, 0.01)]
    columns = ["frechet", "precision", "recall", "nearer", "tail"]
    told += [
        (row["name"], KINDS[row["kind"]], *(row[column] for column in columns)) for row in found.to_dict("records")
    ]
    heads = ["model", "scored", "Fréchet distance", "precision", "recall", "nearer to training", "very near"]
    return plots.table(pd.DataFrame(told, columns=heads), formats={"very near": "{:.1%}"})


def ruler_says() -> str:
    """What measured, in words."""
    about = table_1.recorded()["rulers"]["mnist"]
    return f"The features are those of a classifier trained here: {about['classifier']}."


def ranks() -> str:
    """Which rows come first by each measure, and which last."""
    found, lines = rows(), []
    names = [f"{row['name']} ({KINDS[row['kind']]})" for row in found.to_dict("records")]
    for column, said, sign in (
        ("log_likelihood", "Parzen window", -1),
        ("frechet", "Fréchet distance", 1),
        ("precision", "precision", -1),
        ("recall", "recall", -1),
    ):
        order = np.argsort(sign * found[column].to_numpy())
        lines.append(f"{said}: first {names[order[0]]}, second {names[order[1]]}, last {names[order[-1]]}")
    return "\n".join(lines)


def plot_classes() -> Axes:
    """The share of each digit among the draws and the means of each model, in colour, with its percentage."""
    found = rows()
    shares = np.array(found["classes"].tolist())
    [ax] = plots.panels(1, width=7.6, height=0.8 + 0.3 * len(shares))
    ax.imshow(shares, vmin=0, vmax=0.2, cmap="cividis", aspect="auto")
    for (i, j), share in np.ndenumerate(shares):
        ax.text(j, i, f"{share:.0%}", ha="center", va="center", fontsize=8, color="white" if share < 0.12 else "black")
    ax.set_xticks(range(10))
    ax.set_yticks(range(len(shares)), [f"{row['name']}, {KINDS[row['kind']]}" for row in found.to_dict("records")])
    ax.tick_params(length=0)
    ax.grid(visible=False)
    ax.set(xlabel="digit, by the classifier", title="What share of the pictures shows each digit?")
    return ax


# -- chains ----------------------------------------------------------------------------------------------------------


def demo(found: Mapping[str, Model], G: Trained, data: Dataset, by: Classifier) -> Chains:
    """A chain of the reader's choice beside G."""
    play = Chains(only_chains(found), G, data, by)
    play.origin = "digit"
    return play


def walks(found: Mapping[str, Model], G: Trained, data: Dataset, n: int = 20) -> dict[str, Tensor]:
    """n steps in a row of each chain, from one real test digit on, as conditional means; and n draws of G."""
    start = scale(data.test[:1])
    rows = {f"{name}, step by step": m.chain(n, 0, start, means=True)[:, 0] for name, m in only_chains(found).items()}
    return rows | {"Adversarial nets, independent draws": G.samples(n, seed=0)}


def mix(found: Mapping[str, Model], data: Dataset, by: Classifier) -> dict[str, Mixing]:
    """How well twenty chains of each model mix, from real digits on, after some steps: conditional means.

    A model whose chains fade until nothing is left is said, and left out.
    """
    n, burn_in = (40, 10) if smoke() else (600, 200)
    start, mixed = some_digits(data, 20), {}
    for name, model in only_chains(found).items():
        chain = model.chain(n, 0, start, means=True, burn_in=burn_in)
        empty = int((chain[-1].amax(1) < 0.5).sum())
        if empty > len(start) // 2:
            print(f"{name}: after {burn_in + n} steps {empty} of {len(start)} pictures are empty, so it is left out.")
        else:
            mixed[name] = chains.mixing(chain, by)
    return mixed


def of_G(G: Trained, by: Classifier) -> Mixing:
    """The same of G's draws, in the order in which they are drawn."""
    n = 40 if smoke() else 600
    return chains.mixing(G.samples(20 * n, seed=0).view(n, 20, -1), by)


def plot_mixing(mixed: Mapping[str, Mixing]) -> Axes:
    """The autocorrelation of each chain, and of G's draws."""
    [ax] = plots.panels(1, width=6.6, height=3.2)
    for (name, found), ls in zip(mixed.items(), ("-", "--", "-.", (0, (1, 1)), "-")):
        ax.plot(found.rho[: LAGS + 1], color=COLOURS[name], ls=ls, label=name)
    ax.axhline(0, color=plots.INK, lw=0.8, ls=":")
    ax.set(xlabel="steps apart", ylabel="autocorrelation", title="How alike are two pictures of a chain?")
    ax.legend()
    return ax


def said(found: Mixing) -> str:
    """An integrated time in words: a lower limit where the chains were watched for too few steps."""
    short = len(found.rho) - 1 < chains.WINDOW * found.time
    return f"{'at least ' * short}{found.time:.{0 if found.time > 10 else 1}f}"


def mixing_table(mixed: Mapping[str, Mixing]) -> Styler:
    """What the chains are worth: integrated time, steps between two digits, digits seen, effective draws."""
    told = []
    for name, found in mixed.items():
        worth = f"{'at most ' * said(found).startswith('at')}{10_000 / found.time:,.0f} draws"
        told.append((name, said(found), found.between, found.seen, worth))
    steps = 0 if not mixed else next(iter(mixed.values())).n // 20
    columns = ["model", "integrated time, steps", "steps to another digit", f"digits seen in {steps} steps"]
    return plots.table(pd.DataFrame(told, columns=[*columns, "10,000 steps are worth"]), digits=1)


def costs(found: Mapping[str, Model], G: Trained) -> str:
    """Seconds that 10,000 draws take here, on this machine and at this moment."""
    lines = []
    for name, model in {**found, "Adversarial nets": G}.items():
        seconds = chains.seconds_for(model)
        many = "one pass each"
        if isinstance(model, Chain):
            at_once = min(model.recipe.chains, 10_000)
            many = f"{at_once:,} chain{'s' * (at_once > 1)} of {chains.steps_for(model.recipe):,} steps"
        lines.append(f"{name}: {seconds:,.{0 if seconds >= 10 else 1}f} s for 10,000 draws ({many})")
    return "\n".join(lines)


# -- faces -----------------------------------------------------------------------------------------------------------


def faces() -> Styler:
    """The second column of Table 1, and what stands in for it here, under its own name."""
    told = [(f"{name} (the paper)", "TFD", "", scores[1]) for name, scores in table_1.PAPER.items()]
    others = {row["data"] for row in table_1.recorded()["rows"]} - {"mnist"}
    for data in sorted(others):
        for row in rows(data).to_dict("records"):
            score = f"{row['log_likelihood']:.0f} ± {row['standard_error']:.0f}"
            told.append((f"{row['name']} (here)", f"{data}, not TFD", KINDS[row["kind"]], score))
    if "fer2013" in others:
        real = json.loads(REAL_FACES.read_text(encoding="utf-8"))["parzen"]
        score = f"{real['log_likelihood']:.0f} ± {real['standard_error']:.0f}"
        told.append(("real training faces (here)", "fer2013, not TFD", "", score))
    if not others:
        told.append(("no model of this page was trained on faces here", "", "", ""))
    return plots.table(pd.DataFrame(told, columns=["model", "faces", "scored", "nats"]))


# -- one of one's own ------------------------------------------------------------------------------------------------


def small_vae() -> Any:
    """A recipe that a laptop fits while one watches."""
    return replace(baselines.RECIPES["vae"], hidden=(200,), z_dim=10, epochs=1 if smoke() else 3)


def moments() -> tuple[int, ...]:
    """The updates after which one looks at it."""
    return (1, 10) if smoke() else (1, 10, 30, 100, 300, 600)


def some_training_digits(data: Dataset) -> Tensor:
    """As many training digits as a fit takes while one watches."""
    return scale(data.train[: 1_000 if smoke() else 20_000])


def plot_rows(pictures: Mapping[str, Tensor], data: Dataset) -> Drawing:
    """A row of pictures below each name."""
    return plots.rows(pictures, data.shape)
