"""D at its optimum for the G there is: Figure 1 (b)."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from ganlib import game, theory
from ganlib.errors import RecipeError
from ganlib.studies.toys import Toys


class BestD:
    """Takes D of a stack of one game towards its optimum for the G there is: L-BFGS up V, by quadrature.

    `advance` works for some 20 evaluations of V; `done` says when the gap C - V no longer shrinks.

    Where p_data or p_g ends abruptly the optimum is a cliff, on which no game can go on: a step of D or of G throws it
    far. `decay` times the sum of the squares of D's parameters is taken off V, which keeps D from getting so steep.
    """

    def __init__(self, toys: Toys, *, tolerance: float = 1e-4, limit: int = 1_500, decay: float = 0.0):
        if len(toys) != 1:
            raise RecipeError(f"only a stack of one game can take D to its optimum; this one has {len(toys)}")
        self.toys, self.tolerance, self.limit, self.decay = toys, tolerance, limit, decay
        self.p_data = p_data = toys.p_data
        p_g = toys.p_g()
        x, w = theory.quadrature(p_data, p_g, order=6)
        at, mass = p_g.atoms
        pairs = (x, at), (w * p_data.pdf(x), 0 * at), (w * p_g.pdf(x), mass)
        self._x, self._data, self._g = (torch.as_tensor(np.concatenate(pair), dtype=toys.dtype) for pair in pairs)
        self.C = theory.C(p_data, p_g, order=6)
        self.gap = math.inf  # C(G) - V(D, G) at the last evaluation
        self.evaluations = 0
        self.done = False
        self._last = self._lacking = math.inf  # the gap and what the decay takes off
        parameters = list(toys.D.parameters())
        self._climber = torch.optim.LBFGS(parameters, max_iter=20, history_size=20, line_search_fn="strong_wolfe")

    def advance(self) -> None:
        """Some evaluations more. Sets D's velocity to 0: where it stands has nothing to do with how it moved."""
        self._climber.step(self._descent)
        for v in self.toys.velocity["D"]:
            v.zero_()
        shrinks = self._last - self._lacking > 0.002 * max(self._lacking, 0.0)
        self.done = self._lacking < self.tolerance or not shrinks or self.evaluations >= self.limit
        self._last = self._lacking

    def _descent(self) -> Tensor:
        self._climber.zero_grad()
        a = self.toys.D.logit(self._x[None, :, None])[0]
        minus_V = self._data @ game.softplus(-a) + self._g @ game.softplus(a)
        self.gap = self.C + minus_V.item()
        if self.decay:
            minus_V = minus_V + self.decay * sum(p.square().sum() for p in self.toys.D.parameters())
        minus_V.backward()
        self.evaluations += 1
        self._lacking = self.C + minus_V.item()
        return minus_V
