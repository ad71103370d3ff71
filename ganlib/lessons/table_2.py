"""Notebook 13, Table 2 measured: its guesses, its pictures, and the words that each experiment puts into the table."""

from __future__ import annotations

import json
import timeit
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from pandas.io.formats.style import Styler
from scipy.special import expit
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from ganlib import parzen, plots, scale
from ganlib.baselines import fit
from ganlib.baselines.dbm import DBM, DBMRecipe
from ganlib.baselines.gsn import GSN
from ganlib.baselines.model import Chain
from ganlib.baselines.rbm import RBM
from ganlib.baselines.vae import VAE
from ganlib.controls import Choice
from ganlib.datasets import Dataset
from ganlib.densities import Pushforward, Uniform
from ganlib.drawing import Drawing
from ganlib.picture import Level, Line, Mark, Panel, Picture, Tiles, minus
from ganlib.recipes import profile
from ganlib.studies import ais, chains, likelihood, measures
from ganlib.studies import table_2 as study
from ganlib.studies.toys import Toys
from ganlib.widgets import Guess, Sliders

ROWS = ("training", "inference", "sampling", "evaluating p(x)", "model design")
RECORD = Path(__file__).parent.parent / "results" / "table_2.json"
COLUMNS = ("directed", "undirected", "autoencoder", "adversarial")
HEADS = ("deep directed models", "deep undirected models", "generative autoencoders", "adversarial models")
PAPER = {  # Table 2, in our words
    "training": (
        "Each update needs inference of the hidden causes.",
        "Each update needs inference, and a Markov chain for the gradient of the partition function.",
        "A trade-off is built in: what reconstructs well mixes badly.",
        "D must keep in step with G, or all z go to one x.",
    ),
    "inference": (
        "A learned approximation.",
        "A variational approximation.",
        "A Markov chain.",
        "A learned approximation.",
    ),
    "sampling": (
        "No difficulty.",
        "Needs a Markov chain.",
        "Needs a Markov chain.",
        "No difficulty.",
    ),
    "evaluating p(x)": (
        "Out of reach; AIS may approximate it.",
        "Out of reach; AIS may approximate it.",
        "Not written down in the model; Parzen windows may approximate it.",
        "Not written down in the model; Parzen windows may approximate it.",
    ),
    "model design": (
        "Hardly any model can be had without great difficulty.",
        "Care is needed for several properties at once.",
        "Any differentiable function will do, in theory.",
        "Any differentiable function will do, in theory.",
    ),
}
"""The twenty cells of the paper's Table 2, in our words: row -> a cell for each of `COLUMNS`."""

Found = dict[tuple[str, str], str]
"""What was found for a cell, in words: (row, column) -> words."""


def smoke() -> bool:
    """Whether this is a quick look, in which numbers mean nothing."""
    return profile() == "smoke"


def few(quick: int, look: int) -> int:
    """A number for the profiles above smoke, and one for a quick look."""
    return look if smoke() else quick


def the_table(found: Mapping[tuple[str, str], str] | None = None) -> Styler:
    """Table 2: in each cell the paper's words, as we put them, and below what was found for it."""
    cells = []
    for row in ROWS:
        ours = [minus((found or {}).get((row, column), "")) for column in COLUMNS]
        both = [f"<i>{said}</i><br><br>{own}" if own else f"<i>{said}</i>" for said, own in zip(PAPER[row], ours)]
        cells.append([f"<b>{row}</b>", *both])
    look = {"text-align": "left", "white-space": "normal", "vertical-align": "top", "min-width": "9em"}
    heads = [{"selector": "th", "props": [("text-align", "left")]}]
    frame = pd.DataFrame(cells, columns=["", *HEADS])
    return frame.style.hide(axis="index").set_properties(**look).set_table_styles(heads)


def missing(found: Mapping[tuple[str, str], str]) -> list[tuple[str, str]]:
    """The cells for which nothing was found."""
    return [(row, column) for row in ROWS for column in COLUMNS if not found.get((row, column))]


# -- guesses -----------------------------------------------------------------------------------------------------------


def guess_cd() -> Guess:
    """How far contrastive divergence gets on a machine whose likelihood is known."""
    return Guess(
        "The best possible log-likelihood is -3.09 nats. The exact gradient comes within 0.1 of it. "
        "Where does CD-1, whose chain takes one step, end after as many updates?",
        ["within 0.1 nats as well", "about 1 nat short", "it never leaves its start at -8.3"],
        answer="about 1 nat short",
        because="One step from the data does not see what the model believes in far away from the data.",
    )


def guess_corruption() -> Guess:
    """What more noise does to a denoising autoencoder."""
    return Guess(
        "A denoising autoencoder is trained with nine pixels in ten replaced by noise. What will its chain do?",
        ["bring a fresh picture at nearly every step", "keep one digit for a hundred steps", "draw pure noise"],
        answer="bring a fresh picture at nearly every step",
        because="So little is left of a digit that the next one need not be the same. Nor can it be sharp.",
    )


def guess_ruler() -> Guess:
    """How far the Parzen window falls short of a density that is known."""
    return Guess(
        "A linear G with Gaussian noise has a density that can be written down. 10,000 of its samples are given to "
        "the Parzen window, with the very sigma of that noise. How does the score compare with the true log p(x)?",
        ["it is right to a few nats", "it is some 20 nats too low", "it is some 200 nats too low"],
        answer="it is some 200 nats too low",
        because="In many dimensions no sample is as near to x as the best z would come, and 10,000 are few.",
    )


def guess_fold() -> Guess:
    """What the encoder's shape costs."""
    return Guess(
        "Let x = |z| with a little noise. A given x then has two causes, z and -z. How much of log p(x) does the best "
        "Gaussian encoder lose?",
        ["next to nothing", "log 2, 0.69 nats", "more and more as the noise gets small"],
        answer="log 2, 0.69 nats",
        because="It can only cover one of two equal hills. Half of the posterior is left out, whatever the noise.",
    )


# -- training ----------------------------------------------------------------------------------------------------------


def without_inference(runs: Mapping[str, tuple[list[float], study.Linear]], vae: VAE) -> str:
    """What the linear model loses with each q, and how much of the VAE is there for inference."""
    lost = {which: max(curve[-1], 0.0) for which, (curve, _) in runs.items()}
    share = sum(p.numel() for p in vae.encoder.parameters()) / sum(p.numel() for p in vae.parameters())
    return (
        f"A linear model trained without inference ends {lost['held']:.2f} nats short; with it, learned or exact, "
        f"{max(lost['learned'], lost['exact']):.2f}. Of the VAE's weights {share:.0%} are its encoder."
    )


def plot_linear(runs: Mapping[str, tuple[list[float], study.Linear]]) -> Drawing:
    """The data and two standard deviations of each linear model; and what each loses over the updates."""
    C = next(iter(runs.values()))[1].C
    data = np.random.default_rng(0).multivariate_normal([0, 0], C.numpy(), 150)
    lines, curves = [Line(*data.T, "data", "reference", dots=True)], []
    names = {"exact": "the posterior itself", "learned": "a q that learns", "held": "no inference: q = p(z)"}
    for (which, (lost, model)), style, dash in zip(runs.items(), ("G", "V", "D"), (0, 2, 1)):
        lines.append(Line(*_ellipse(model.covariance.numpy()).T, names[which], style, dash=dash))
        curves.append(Line(np.arange(len(lost)), np.maximum(lost, 1e-4), names[which], style, dash=dash))
    ends = (-5.0, 5.0)
    left = Panel("Two standard deviations of p(x)", lines, ends, ends, "x₁", "x₂", square=True, at=(0, 0, 13, 6))
    right = Panel("KL(p_data || p), nats", curves, (0, 300), (0, 2.6), "updates", at=(0, 6, 13, 6))
    return plots.draw([left, right])


def _ellipse(C: np.ndarray) -> np.ndarray:
    """Two standard deviations of N(0, C): (181, 2)."""
    values, vectors = np.linalg.eigh(C)
    t = np.linspace(0, 2 * np.pi, 181)
    return (vectors @ (2 * np.sqrt(values)[:, None] * np.stack([np.cos(t), np.sin(t)]))).T


def updates() -> int:
    """How long the small machine learns."""
    return few(6_000, 60)


def negative_phase(curves: Mapping[str, np.ndarray]) -> str:
    """Where each way to do the negative phase ends."""
    best = -np.log(len(study.bars_and_stripes()))
    told = ", ".join(f"{name} {curve[-1]:.2f}" for name, curve in curves.items())
    top = max(curves["persistent chain"])
    once = f"it once was at {top:.2f}, and exercise 1 takes a tenth of this rate"
    return f"Bars and stripes, at best {best:.2f} nats: {told} ({once})."


def plot_curves(at: np.ndarray, curves: Mapping[str, np.ndarray]) -> Drawing:
    """The data, and the exact log-likelihood over the updates by each way to do the negative phase."""
    x = study.bars_and_stripes()
    images = (255 * (1 - 0.85 * x.numpy())).astype(np.uint8).reshape(-1, 3, 4).repeat(7, 1).repeat(7, 2)
    framed = np.pad(images, ((0, 0), (2, 2), (2, 2)), constant_values=140)
    data = Panel("The data", tiles=Tiles(framed, 4), at=(0, 0, 13, 3))
    best = Level(-np.log(len(x)), "the best possible")
    lines = [
        Line(np.log10(at), np.maximum(curve, -9), name, style, f"{curve[-1]:.2f}", dash=dash)
        for (name, curve), (style, dash) in zip(curves.items(), (("G", 0), ("D", 1), ("V", 3), ("other", 2)))
    ]
    ticks = plots.decades(0, int(np.log10(at[-1])))
    chart = Panel("Log-likelihood, nats, exactly", lines, (0, float(np.log10(at[-1]))), (-9, -2), "updates")
    return plots.draw([data, replace(chart, levels=[best], x_ticks=ticks, at=(0, 3, 13, 9))])


@dataclass(frozen=True)
class Trade:
    """A denoising autoencoder trained with one corruption, and its chain."""

    corruption: float
    cost: float  # of a reconstruction, nats a picture
    time: float  # integrated autocorrelation time of its chain, steps
    walk: Tensor  # (steps, chains, d): conditional means of consecutive steps

    def __str__(self) -> str:
        return f"{self.corruption:.0%} noise: {self.cost:.0f} nats a picture, {self.time:,.3g} steps a fresh draw"


def sweep(data: Dataset) -> list[Trade]:
    """Small denoising autoencoders with several corruptions: what each restores, and how its chain moves."""
    x, test = scale(data.train[: few(10_000, 300)]), scale(data.test[: few(500, 50)])
    trades = []
    for corruption in study.CORRUPTIONS:
        model = study.denoiser(x, corruption, few(5, 1))
        chain = model.chain(few(600, 20), 0, test[:50], means=True)
        steps = chains.integrated_time(chains.autocorrelation(chain[len(chain) // 6 :]))
        trades.append(Trade(corruption, study.reconstruction(model, test), steps, chain[-12:, 1:9]))
    return trades


def trade_off(trades: Sequence[Trade]) -> str:
    """Both ends of the trade-off."""
    return f"A denoising autoencoder trained with {trades[0]}; with {trades[-1]}."


def live_corruption(trades: Sequence[Trade], data: Dataset) -> Sliders:
    """The corruption under a person's hand: what it costs, how the chain moves, and eight chains step by step."""
    levels = [trade.corruption for trade in trades]
    costs, steps = [trade.cost for trade in trades], np.log10([trade.time for trade in trades])
    ticks = [(level, f"{level:.0%}") for level in levels]

    def draw(corruption: float) -> Picture:
        """Both curves with the chosen point, and the chains."""
        i = levels.index(corruption)
        cost, speed = Line(levels, costs, "", "V"), Line(levels, steps, "", "G")
        left = Panel("Reconstruction, nats a picture", [cost], (0, 1), (0, 250), "noise", x_ticks=ticks)
        left = replace(left, marks=[Mark(corruption, costs[i], f"{costs[i]:.0f}", "V")], at=(0, 0, 8, 5))
        right = Panel("Mixing, steps to a fresh draw", [speed], (0, 1), (0, 3), "noise", x_ticks=ticks)
        mark = Mark(corruption, float(steps[i]), f"{trades[i].time:.3g}", "G")
        right = replace(right, marks=[mark], y_ticks=plots.decades(0, 3), at=(8, 0, 8, 5))
        pictures = trades[i].walk.transpose(0, 1).reshape(-1, *data.shape[1:])  # a row a chain
        images = (255 * pictures.clamp(0, 1)).round().to(torch.uint8).numpy()
        sheet = Panel("Eight chains, twelve consecutive steps each", tiles=Tiles(images, 12), at=(0, 5, 16, 7))
        return Picture([left, right, sheet], f"Trained with {trades[i]}.")

    choice = Choice(levels, 0.5, "noise", "the share of pixels that are replaced by noise", "{:.0%}".format, slide=True)
    return Sliders(draw, title="Reconstruction or mixing", corruption=choice)


def out_of_step(p_gs: Sequence[Pushforward]) -> str:
    """How narrow p_g becomes when G moves alone."""
    before, after = (study.width(p) for p in p_gs)
    return (
        f"The middle 90 % of p_g span {before:.1f} units while D follows, and {after:.2f} after 400 steps of G "
        "against a D that is held (notebook 05)."
    )


def plot_helvetica(p_gs: Sequence[Pushforward], toys: Toys) -> Drawing:
    """p_g while D followed, and after G's steps alone, with the D that was held."""
    edges = np.linspace(-4, 4, 321)
    x, top = (edges[1:] + edges[:-1]) / 2, 1.2
    D, data = expit(toys.logit(x)), Uniform(-2, 2).pdf(x)
    panels = []
    for title, p in zip(("D follows G", "G alone, D held"), p_gs):
        heights = p.in_bins(edges)
        panel = plots.densities(x, data, np.minimum(heights, top), D=D, top=top, title=title)
        peak = float(x[heights.argmax()])
        up = [Mark(peak, top, f"p_g to {heights.max():.0f}", "G", up=True)] if heights.max() > top else []
        panels.append(replace(panel, marks=up))
    return plots.draw(panels)


# -- inference ---------------------------------------------------------------------------------------------------------


def bits(data: Dataset, n: int) -> Tensor:
    """The first n test digits with each pixel drawn as 0 or 1, its grey value being the probability: (n, d)."""
    return torch.bernoulli(scale(data.test[:n]), generator=torch.Generator().manual_seed(0))


def encoder_gap(vae: VAE, x: Tensor) -> pd.DataFrame:
    """log p(x) of bits x (n, d), nats a picture, by 1, 10, 100, ... draws of the encoder: a row each."""
    ks = (1, 10, 100, few(1_000, 100))
    rows = []
    for k in dict.fromkeys(ks):
        each = likelihood.by_encoder(vae, x, torch.Generator().manual_seed(0), k)
        rows.append((k, each.mean().item(), each.std().item() / len(each) ** 0.5))
    return pd.DataFrame(rows, columns=["draws of z", "log p(x) at least, nats", "±"])


def says_encoder(table: pd.DataFrame, n: int) -> str:
    """What the encoder's bound lacks."""
    bound, best = table.iloc[0, 1], table.iloc[-1, 1]
    return (
        f"One pass of the VAE's encoder. Its bound, {bound:.1f} nats on {n} binary test digits, lacks "
        f"{best - bound:.1f} nats of what {table.iloc[-1, 0]:,} draws of z reach."
    )


def small_dbms() -> dict[str, DBM]:
    """Deep Boltzmann machines of 12, 8 and 4 units: one trained on bars and stripes, one with random weights."""
    x = study.bars_and_stripes().repeat(5, 1)
    recipe = DBMRecipe(hidden=(8, 4), batch=len(x), epochs=few(1_500, 30), lr=0.3)
    *_, last = fit(x, recipe, 0, device="cpu")
    return {"trained": last.model, "random weights": study.random_dbm(recipe)}


def mean_field(dbms: Mapping[str, DBM]) -> pd.DataFrame:
    """What the variational bound lacks of log p(x), by enumeration, over the steps of mean field: means over the data.

    A column for each machine, nats.
    """
    x, steps, lacking = study.bars_and_stripes(), (0, 1, 2, 5, 10, 50), {}
    for name, dbm in dbms.items():
        log_z, exact = likelihood.log_z(likelihood.bipartite(dbm)), study.dbm_log_likelihood(dbm, x)
        lacking[name] = [(exact - likelihood.bound(dbm, x, log_z, n)).mean().item() for n in steps]
    return pd.DataFrame(lacking, pd.Index(steps, name="steps of mean field"))


def says_mean_field(table: pd.DataFrame) -> str:
    """What mean field lacks in the end, and how many steps it takes with random weights."""
    trained, random = (table[name] for name in table)
    settled = table.index[(random - random.iloc[-1]) < 0.01][0]
    return (
        f"Mean field: {settled} steps for each x. On deep Boltzmann machines that can be counted its bound lacks "
        f"{random.iloc[-1]:.2f} nats of log p(x) with random weights, {trained.iloc[-1]:.4f} after training by it."
    )


def upper_half(data: Dataset) -> Tensor:
    """Which pixels stand in the upper half of a picture: (d,) bool."""
    rows = torch.arange(data.shape[1]).repeat_interleave(data.shape[2])
    return rows < data.shape[1] // 2


def plot_completions(x: Tensor, filled: Tensor, data: Dataset, at: Sequence[int]) -> Drawing:
    """Digits, and their lower halves as the chain has them after so many steps: a row each."""
    rows = {"test digits": x} | {f"step {step}" + " of the chain" * (step == at[0]): filled[step - 1] for step in at}
    return plots.rows(rows, data.shape, zoom=2)


def moments(filled: Tensor) -> tuple[int, ...]:
    """Steps of a chain of so many that are worth a look."""
    n = len(filled)
    return tuple(dict.fromkeys((1, min(3, n), max(n // 6, 1), n // 2, n)))


def says_chain(filled: Tensor, x: Tensor, known: Tensor) -> str:
    """What the clamped chain does to the squared error of the half that it fills in."""
    error = (filled - x)[:, :, ~known].square().sum(2).mean(1)  # (steps,)
    level = error[len(error) // 2 :].mean()
    return (
        "The GSN fills in the hidden half of a digit by its chain, the other half held. After one step the squared "
        f"error is {error[0]:.0f}, and it stays there (about {level:.0f}): later steps make strokes of the blur, and "
        "the error does not see that."
    )


def says_search(errors: np.ndarray, nearest: float, starts: int) -> str:
    """What a search for z costs and finds."""
    return (
        f"The pair has none; a net that learns it is future work (section 7). A search for z takes {len(errors) - 1} "
        f"gradient steps from {starts} starts: |x − G(z)|² falls from {errors[0]:.0f} to {errors[-1]:.0f} (the "
        f"nearest training digit: {nearest:.0f})."
    )


def nearest(data: Dataset, x: Tensor) -> float:
    """The mean squared distance of x (n, d) from the nearest training picture."""
    return measures.nearest_distance(x, data.train).square().mean().item()


@torch.no_grad()
def restored(vae: VAE, x: Tensor) -> Tensor:
    """What the VAE's decoder makes of the mean of its encoder: (n, d)."""
    return vae.decoder(vae.q(x)[0]).sigmoid()


# -- sampling ----------------------------------------------------------------------------------------------------------


def multiply_adds(model: Any) -> float:
    """Millions of multiplications in one step of a chain's, or in one pass from z to x."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        if isinstance(model, Chain):
            steps = model.walk(model.mean[None].round(), torch.Generator().manual_seed(0))
            next(steps)
            first = counter.get_total_flops()
            next(steps)
            return (counter.get_total_flops() - first) / 2e6
        model.samples(1)
        return counter.get_total_flops() / 2e6


def sampling(models: Mapping[str, Any], data: Dataset) -> pd.DataFrame:
    """What an independent draw costs of each model: steps of its chain, and millions of multiplications."""
    start = scale(data.test[: few(10, 3)])
    rows = []
    for name, model in models.items():
        cost, steps, lower = multiply_adds(model), 1.0, False
        if isinstance(model, Chain):
            chain = model.chain(few(2_000, 20), 0, start, means=True)
            rho = chains.autocorrelation(chain, data_mean(data))
            steps = chains.integrated_time(rho)
            lower = chains.WINDOW * steps > len(rho)  # the chain was too short to see the end
        words = f"{'≥ ' * lower}{steps:,.0f}"
        rows.append((name, words, cost, steps * cost, _milliseconds(model, steps)))
    names = ["model", "steps of its chain", "million multiplications a step", "and a draw"]
    return pd.DataFrame(rows, columns=[*names, "milliseconds a draw, here"])


def data_mean(data: Dataset) -> Tensor:
    """The mean training picture: (d,)."""
    return scale(data.train[:10_000]).mean(0)


def _milliseconds(model: Any, steps: float) -> float:
    """What a draw takes here: of a hundred side by side, a hundredth; the least of three."""
    n = few(100, 5)
    if isinstance(model, Chain):
        start = model.mean.expand(n, -1).round()
        took = timeit.repeat(lambda: model.chain(3, start=start), number=1, repeat=3)
        return 1e3 * steps * min(took) / (3 * n)
    return 1e3 * min(timeit.repeat(lambda: model.samples(n), number=1, repeat=3)) / n


def says_sampling(table: pd.DataFrame, name: str) -> str:
    """What a draw costs of one model."""
    row = table.set_index("model").loc[name]
    steps, cost = row.iloc[0], row.iloc[2]
    if steps == "1":
        return f"{name}: one pass, {cost:.1f} million multiplications a draw."
    return f"{name}: {steps} steps of its chain for a fresh draw, {cost:,.0f} million multiplications."


# -- evaluating p(x) ---------------------------------------------------------------------------------------------------


def on_small_machines(rbm: RBM, dbm: DBM) -> pd.DataFrame:
    """log Z of machines small enough to be counted: by enumeration and by AIS, with its error."""
    rows = []
    for name, machine in (("RBM, 12 and 16 units", rbm), ("DBM, 12, 8 and 4 units", likelihood.bipartite(dbm))):
        found = ais.log_z(machine, few(100, 20), few(2_000, 50))
        rows.append((name, likelihood.log_z(machine).item(), found.value, found.standard_error))
    table = pd.DataFrame(rows, columns=["machine", "log Z exactly", "log Z by AIS", "±"])
    return table.assign(difference=table.iloc[:, 2] - table.iloc[:, 1])


def on_digits(machines: Mapping[str, RBM | DBM], x: Tensor) -> pd.DataFrame:
    """log p(x) of bits x (n, d) by AIS, nats: of RBMs, and of a DBM the mean-field bound."""
    rows = []
    for name, machine in machines.items():
        deep = isinstance(machine, DBM)
        z = ais.log_z(likelihood.bipartite(machine) if deep else machine, few(50, 5), few(1_000, 10))
        each = (likelihood.bound if deep else likelihood.log_p)(machine, x, z.value)
        rows.append((name, z.value, z.standard_error, each.mean().item(), each.std().item() / len(x) ** 0.5))
    return pd.DataFrame(rows, columns=["model", "log Z by AIS", "its ±", "log p(x), nats a digit", "±"])


def says_ais(small: pd.DataFrame, large: pd.DataFrame) -> str:
    """How AIS does where it can be checked, and what it says of the large machines."""
    worst = small["difference"].abs().max()
    told = ", ".join(f"{row.iloc[3]:.0f} nats ({row.iloc[0]})" for _, row in large.iterrows())
    return f"AIS: within {worst:.3f} nats of log Z by counting on small machines; on binary digits {told}."


def says_directed(table: pd.DataFrame) -> str:
    """What the VAE's log-likelihood is, by the most draws."""
    return (
        f"By importance sampling from the encoder, of which AIS is the longer relative: at least "
        f"{table.iloc[-1, 1]:.1f} nats a binary digit (VAE)."
    )


@dataclass(frozen=True)
class LinearG:
    """G(z) = mean + W z for z from N(0, I): with Gaussian noise on x, p(x) is known. W from the data's components."""

    mean: Tensor  # (d,)
    W: Tensor  # (z_dim, d)

    def __call__(self, z: Tensor) -> Tensor:
        """G(z): (m, d)."""
        return torch.addmm(self.mean, z, self.W)

    def log_p(self, x: Tensor, sigma: float) -> Tensor:
        """log N(x; mean, W^T W + sigma^2 I) of x (n, d): (n,)."""
        C = (self.W.T @ self.W + sigma**2 * torch.eye(self.W.shape[1])).double()
        return torch.distributions.MultivariateNormal(self.mean.double(), C).log_prob(x.double())


def linear_G(data: Dataset, z_dim: int = 20) -> LinearG:
    """The linear G whose samples vary as the training digits do along their first `z_dim` components."""
    x = scale(data.train[: few(10_000, 500)])
    mean = x.mean(0)
    _, s, V = torch.linalg.svd(x - mean, full_matrices=False)
    return LinearG(mean, V[:z_dim] * (s[:z_dim, None] / len(x) ** 0.5))


def rulers(G: Any, x: Tensor, sigma: float, z_dim: int, p_z: str, centres: Tensor, steps: int) -> dict[str, Tensor]:
    """log p of x (n, d) with Gaussian noise sigma on G's output, nats: by Parzen window and by AIS; (n,) each."""
    found = {"Parzen": parzen.log_likelihood(x, centres, [sigma])[0]}
    return found | {"AIS": ais.log_p(G, x, sigma, z_dim, p_z, steps=steps)}


def compare_rulers(found: Mapping[str, Tensor], exact: Tensor | None = None) -> Styler:
    """The means of both rulers over the same digits, nats, with their standard errors; and the exact one."""
    all_ = {**found, **({"exactly": exact} if exact is not None else {})}
    rows = []
    for name, each in all_.items():
        row = {"log p(x) with noise on x": name, "digits": len(each), "nats": each.mean().item()}
        row["±"] = each.std().item() / len(each) ** 0.5
        if exact is not None:
            row["off"] = (each - exact).mean().item()
        rows.append(row)
    return plots.table(rows, digits=1)


def record() -> dict[str, Any]:
    """What `tools/measure_table_2.py` measured of the shipped G: log p(x) of each digit by both rulers, nats."""
    return json.loads(RECORD.read_text(encoding="utf-8"))


def says_rulers() -> str:
    """Both rulers on the shipped G, as they were recorded, and how far apart the bounds of AIS are on its samples."""
    told = record()
    apart = np.subtract(told["samples_upper"], told["samples_lower"])
    return (
        f"Parzen {np.mean(told['parzen']):.0f} nats, AIS at least {np.mean(told['ais']):.0f}, on the same "
        f"{len(told['ais'])} test digits at the same σ, {told['sigma']:.4f} (recorded). On samples of G the bounds of "
        f"AIS lie {np.median(apart):.0f} nats apart (median; {np.sum(apart > 100)} walks of {len(apart)} got lost)."
    )


def says_parzen(gsn: GSN, x: Tensor, data: Dataset) -> str:
    """The Parzen score of a GSN's conditional means on digits x, with few centres."""
    n = few(2_000, 50)
    centres = gsn.samples(n, 1, means=True)
    sigma, _ = parzen.choose_sigma(scale(data.valid[: few(300, 30)]), centres, parzen.SIGMAS[1:6])
    value = parzen.log_likelihood(x, centres, [sigma])[0].mean().item()
    return f"Parzen window: {value:.0f} nats with {n:,} conditional means (GSN; notebook 12 has 10,000)."


# -- the pieces of a net -----------------------------------------------------------------------------------------------


def plot_fold(folds: Sequence[study.Fold]) -> Drawing:
    """For two noises the posterior of x = |z| and the best Gaussian q, with the nats that q lacks."""
    panels = []
    for fold in folds:
        mu, t, lacks = fold.best()
        q = np.exp(-((fold.z - mu) ** 2) / (2 * t**2)) / (t * np.sqrt(2 * np.pi))
        lines = [Line(fold.z, fold.posterior, "p(z | x)", "C"), Line(fold.z, q, "the best Gaussian q", "D")]
        title = f"x = {fold.x:g}, noise {fold.s:g}: q lacks {lacks:.3f} nats"
        panels.append(Panel(title, lines, (-2.5, 2.5), (0, 1.1 * q.max()), "z", "density"))
    return plots.draw(panels)


def says_fold(fold: study.Fold) -> str:
    """What a fold costs the encoder."""
    return (
        f"A decoder that folds, x = |z|, costs the best Gaussian encoder {fold.best()[2]:.3f} nats, log 2: it covers "
        "one of two causes."
    )


def says_within(far: Mapping[float, float]) -> str:
    """What one weight within a layer does to sampling a layer at a time."""
    least, (weight, most) = far[0], max(far.items())
    return (
        f"One weight of {weight} within a layer, and drawing a layer at a time is off by {most:.2f} in total variation "
        f"(without it {least:.2f}, the error of so many draws)."
    )


def pieces() -> pd.DataFrame:
    """Each piece as a part of G, and of a denoising autoencoder: before and after training."""
    rows = []
    for name in study.PIECES:
        game_ = study.play(study.net_of(name, 0), few(1_500, 20))
        coder = study.autoencode(study.net_of(name, 0, 12, 12), few(2_000, 20))
        rows.append((name, *game_, *coder))
    columns = ["piece", "JSD before", "JSD after", "error before", "error after"]
    return pd.DataFrame(rows, columns=columns)


def says_pieces(table: pd.DataFrame, before: str, after: str, what: str) -> str:
    """Which pieces train: those whose number falls to less than a half."""
    falls = table[after] < table[before] / 2
    stuck = ", ".join(table["piece"][~falls])
    worst = table[after][falls].max()
    return f"{falls.sum()} pieces of {len(table)} train ({what} {worst:.2f} or less in the end), untuned; not: {stuck}."
