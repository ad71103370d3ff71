"""The first row, training: inference, the negative phase, reconstruction against mixing, D out of step with G."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from scipy.special import expit
from torch import Tensor

from ganlib import plots, scale
from ganlib.baselines.vae import VAE
from ganlib.controls import Choice
from ganlib.datasets import Dataset
from ganlib.densities import Pushforward, Uniform
from ganlib.drawing import Drawing
from ganlib.lessons.table_2.table import few
from ganlib.picture import Level, Line, Mark, Panel, Picture, Tiles
from ganlib.studies import chains
from ganlib.studies import table_2 as study
from ganlib.studies.toys import Toys
from ganlib.widgets import Sliders


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
        cost, steps = f"{self.cost:.0f} nats a picture", f"{self.time:,.3g} steps"
        return f"{self.corruption:.0%} noise: restoring costs {cost}, a fresh draw takes {steps}"


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
    return f"Denoising autoencoders. Trained with {trades[0]}; with {trades[-1]}."


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
        f"The middle 90% of p_g span {before:.1f} units while D follows, and {after:.2f} after 400 steps of G "
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
