"""The experiments on toys behind the matrix of claims, by name: all of one section after another.

    from ganlib.studies.claims.toys import EXPERIMENTS

    found = EXPERIMENTS["overfit_D"].run()
    plots.draw(EXPERIMENTS["overfit_D"].show(found))

`run` gives plain numbers, "verdicts" among them: what the claim stands or falls with (`judged.judged`).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from ganlib.picture import Picture
from ganlib.studies.claims.curve import SHAPES, blur_and_mixing, sharp, show_blur_and_mixing, show_sharp
from ganlib.studies.claims.D import k_and_gap, overfit_D, show_k_and_gap, show_overfit_D
from ganlib.studies.claims.gradients import both_costs, cost_games, show_both_costs, show_cost_games
from ganlib.studies.claims.judged import Numbers
from ganlib.studies.claims.nce import nce_curves, nce_signal, show_nce_curves, show_nce_signal
from ganlib.studies.claims.synchrony import helvetica, show_helvetica, show_synchrony, synchrony


class Experiment(NamedTuple):
    """One experiment: what it does, with plain arguments that all have a default, and the picture of what it gave."""

    run: Callable[..., Numbers]
    show: Callable[[Numbers], Picture]


EXPERIMENTS = {
    "nce_signal": Experiment(nce_signal, show_nce_signal),
    "nce_curves": Experiment(nce_curves, show_nce_curves),
    "overfit_D": Experiment(overfit_D, show_overfit_D),
    "k_and_gap": Experiment(k_and_gap, show_k_and_gap),
    "both_costs": Experiment(both_costs, show_both_costs),
    "cost_games": Experiment(cost_games, show_cost_games),
    "helvetica": Experiment(helvetica, show_helvetica),
    "helvetica, bounded": Experiment(
        partial(helvetica, bounded=True, together=1_500, alone=1_600, lr_G=0.1), show_helvetica
    ),
    "synchrony": Experiment(synchrony, show_synchrony),
    **{f"sharp, {shape}": Experiment(partial(sharp, shape), show_sharp) for shape in SHAPES},
    "blur_and_mixing": Experiment(blur_and_mixing, show_blur_and_mixing),
}
