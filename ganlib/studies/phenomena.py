"""What the live toy shows at one click: phenomena as data; numbers found by trying; tests hold each to its claim."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ganlib.densities import Density, Drawn, Gaussian, Mixture, Uniform
from ganlib.errors import RecipeError, brief

WINDOW = (-5.0, 5.0)  # the x that are shown, and over which p_data is drawn by hand
DATA: dict[str, Density] = {  # what p_data may be, besides "drawn"
    "gaussian": Gaussian(0.0, 1.0),
    "bimodal": Mixture((Gaussian(-1.5, 0.5), Gaussian(1.5, 0.5))),
    "trimodal": Mixture((Gaussian(-2.4, 0.4), Gaussian(0.0, 0.4), Gaussian(2.4, 0.4))),
    "uniform": Uniform(-2.0, 2.0),
}


def density(name: str, heights: Sequence[float]) -> Density:
    """One of DATA, or for "drawn" that of the heights at equal steps over the window."""
    return DATA[name] if name != "drawn" else Drawn(np.linspace(*WINDOW, len(heights)), heights)


def hills(*each: tuple[float, float, float]) -> list[float]:
    """The heights of a p_data drawn as Gaussian hills: (centre, width, height) each."""
    x = np.linspace(*WINDOW, 81)
    return np.round(sum(h * np.exp(-(((x - c) / w) ** 2)) for c, w, h in each), 4).tolist()


@dataclass(frozen=True)
class Act:
    """A part of a preset: `n` times `move`."""

    move: str  # "iterate" (an iteration), "D" or "G" (one update of that player), "best_D" (D to its optimum; n is 1)
    n: int = 1
    pace: int | None = None  # moves a second, slow enough to be seen; None: the demo's own speed
    settings: Mapping[str, Any] = field(default_factory=dict)  # controls that are set when it begins


@dataclass(frozen=True)
class Preset:
    """A phenomenon: from the start of a seed with `settings` (the rest at its defaults), or from the end of `after`."""

    name: str
    title: str  # the words on the button
    see: str  # what is to be seen, in a sentence or two
    acts: tuple[Act, ...]
    settings: Mapping[str, Any] = field(default_factory=dict)  # what differs from PLAIN; nothing where `after` is given
    after: str = ""  # the preset whose end this one goes on from; "" begins anew

    @property
    def group(self) -> str:
        """The group in which its button stands."""
        return "Figure 1" if len(self.name) == 1 else "How it goes wrong"


PLAIN = {"k": 1, "lr_D": 0.3, "lr_G": 0.01, "momentum": 0.0, "batch": 64, "update": "alternating"}
"""Numbers with which the toy learns well; every preset begins from them."""
FAR = {"seed": 3, "p_data": "drawn", "heights": hills((2.8, 0.7, 1.0))}  # far from where G begins: D makes no mistake
QUICK = {"seed": 3, "lr_D": 0.1, "lr_G": 0.1}  # a G that is as fast as D


def _sure(name: str, title: str, see: str, cost: str) -> Preset:
    """D is trained alone before both play, and G has that cost; the push on G(z) is shown."""
    acts = Act("D", 300), Act("iterate", 300)
    return Preset(name, title, see, acts, FAR | {"generator_cost": cost, "push": True})


def _quick(name: str, see: str, k: int, n: int) -> Preset:
    """n iterations of a G that is as fast as D, with k."""
    return Preset(name, name, see, (Act("iterate", n),), QUICK | {"k": k})


_ALL = (
    Preset(
        "a",
        "(a) near convergence",
        "Figure 1 (a): p_g has come near p_data, and D is a partly accurate classifier: compare it with the faint D*. "
        "(z is normal here, so that p_g can match the tails; the paper's is uniform.)",
        (Act("iterate", 80, pace=40),),
        {"seed": 29, "p_z": "normal"},  # G ascends, and p_g comes to stand on the right of p_data, as in the paper
    ),
    Preset(
        "b",
        "(b) D at its optimum",
        "Figure 1 (b): G is held, and D was trained until it lies on D* = p_data / (p_data + p_g). V has climbed to "
        "C(G); p_g and JSD have not moved.",
        (Act("best_D"),),
        after="a",
    ),
    Preset(
        "c",
        "(c) G follows D",
        "Figure 1 (c): D is held and G makes 24 steps. The arrows are the push on each G(z): up the slope of D, to "
        "where D says data. p_g comes closer (in grey: as it was), and JSD falls.",
        (Act("G", 24, pace=8, settings={"batch": 256, "push": True}),),
        after="b",
    ),
    Preset(
        "d",
        "(d) after training",
        "Figure 1 (d): both have trained on. p_g lies on p_data, and D on 1/2 where the data are: it cannot tell the "
        "two apart.",
        (Act("iterate", 2_500, settings={"batch": 64, "push": False}),),
        after="c",
    ),
    _sure(
        "saturation",
        "Saturation",
        "D was trained first, and is sure of itself: D(G(z)) is almost 0. There log(1 - D(G(z))) is flat: with the "
        "minimax cost each G(z) is a dot without an arrow, nothing pushes it. G hardly moves, and JSD stays at log 2.",
        "minimax",
    ),
    _sure(
        "no saturation",
        "The same, without",
        "The same start and the same sure D, but G descends -log D(G(z)), which is steep where D is near 0: each G(z) "
        "is pushed at full length, and G comes to the data within a hundred iterations.",
        "non-saturating",
    ),
    Preset(
        "Helvetica",
        "Helvetica scenario",
        "Both have learnt, and p_g is near p_data. From then on D is held (k = 0) and G trains alone: it maps ever "
        "more z onto the one x among the data where D is highest. p_g shrinks to a spike, as section 6 of the paper "
        "warns.",
        (Act("iterate", 500), Act("iterate", 400, pace=100, settings={"k": 0, "lr_G": 0.03, "push": True})),
        {"seed": 4, "p_data": "uniform"},
    ),
    Preset(
        "oscillation",
        "Oscillation",
        "High rates and much momentum: G throws all its mass to where D is high, D learns that this is fake, and G "
        "leaves again. p_g chases from side to side and V never settles, while JSD stays near log 2, for the spike "
        "covers little of p_data wherever it is.",
        (Act("iterate", 1_500),),
        QUICK | {"p_data": "bimodal", "momentum": 0.8},
    ),
    _quick(
        "k too small",
        "G is as fast as D, and k = 1: D lags behind, V stays far below C(G), and p_g jumps about as G follows a D "
        "that is out of date.",
        k=1,
        n=600,
    ),
    _quick(
        "k large",
        "The same with k = 20: D keeps close to its optimum, V follows C(G), and p_g comes nearer to p_data, "
        "at ten times the work for each step of G.",
        k=20,
        n=300,
    ),
)
PRESETS: dict[str, Preset] = {preset.name: preset for preset in _ALL}


def chain(name: str, at: str = "") -> list[Preset]:
    """A preset and those that have to be brought about before it, from the end of `at`. Raises `RecipeError`."""
    if name not in PRESETS:
        raise RecipeError(f"there is no preset {brief(name)}; there are: {', '.join(PRESETS)}")
    found = [PRESETS[name]]
    while found[0].after and found[0].after != at:
        found.insert(0, PRESETS[found[0].after])
    return found
