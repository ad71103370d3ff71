"""G, D or E as a player in a run: the net that plays, and how a gradient moves it."""

import copy
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from ganlib.nets import Discriminator, Generator


class Player:
    """G, D or E in a run: its parameters, their velocities, and the net that plays.

    In bfloat16 that is a copy of the net in bfloat16, written anew whenever the parameters have moved; in other
    precisions it is the net itself.
    """

    PART = 2**18  # numbers moved at a time: few enough to stay in the processor's cache from one pass to the next

    def __init__(self, net: Generator | Discriminator, dtype: torch.dtype):
        self.net = net
        self.theta = [p.detach() for p in net.parameters()]  # the parameters' own memory
        self.velocity = [torch.zeros_like(p) for p in self.theta]
        self._plays = net if dtype == self.theta[0].dtype else copy.deepcopy(net).to(dtype)
        self._copies = [p.detach() for p in self._plays.parameters()]
        self._versions = self._now() if self._plays is net else []  # of the parameters, when they were copied

    def _now(self) -> list[int]:
        return [p._version for p in self.theta]  # torch counts every change of a tensor in place

    def plays(self) -> Generator | Discriminator:
        """The net whose gradients `descend` takes."""
        if self._versions != self._now():
            torch._foreach_copy_(self._copies, self.theta)
            self._versions = self._now()
        return self._plays

    def descend(self, gradients: Sequence[Tensor], lr: float | Tensor, mu: float | Tensor) -> None:
        """v = mu v - lr g; theta += v. The rate and mu may be tensors of one number, for a record (`replay`)."""
        if self.theta[0].is_cuda or isinstance(lr, Tensor):
            self._descend_at_once(gradients, lr, mu)
            return
        for theta, copied, g, v in self._parts(gradients, self.velocity):
            v.mul_(mu).add_(g.to(v.dtype), alpha=-lr)
            theta.add_(v)
            if self._plays is not self.net:
                copied.copy_(theta)
        self._versions = self._now()

    def _descend_at_once(self, gradients: Sequence[Tensor], lr: float | Tensor, mu: float | Tensor) -> None:
        """The same in few launches: on a GPU there is no cache to stay in."""
        lr, mu = (torch.as_tensor(rate, dtype=self.theta[0].dtype, device=self.theta[0].device) for rate in (lr, mu))
        torch._foreach_mul_(self.velocity, mu)
        for v, g in zip(self.velocity, gradients, strict=True):
            v.addcmul_(g, lr, value=-1)
        torch._foreach_add_(self.theta, self.velocity)
        if self._plays is not self.net:
            torch._foreach_copy_(self._copies, self.theta)
        self._versions = self._now()

    def _parts(self, gradients: Sequence[Tensor], *moments: Sequence[Tensor]) -> Iterator[tuple[Tensor, ...]]:
        """Parameters, what plays them, gradients and moments, a part of a tensor at a time."""
        for tensors in zip(self.theta, self._copies, gradients, *moments, strict=True):
            yield from zip(*(t.reshape(-1).split(self.PART) for t in tensors), strict=True)

    def state(self) -> dict[str, Any]:
        """What it needs to go on, beside its net and its velocity."""
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state` gave."""


class Adam(Player):
    """A player that moves by Adam (Kingma & Ba 2015), with beta_2 .999 and epsilon 1e-8; `mu` is beta_1."""

    def __init__(self, net: Generator | Discriminator, dtype: torch.dtype):
        super().__init__(net, dtype)
        self.squares = [torch.zeros_like(p) for p in self.theta]
        self.t = 0

    def descend(self, gradients: Sequence[Tensor], lr: float, mu: float) -> None:
        """v = the mean of g lately, s = that of g^2; theta -= lr v / sqrt(s), as if both had not begun at 0."""
        self.t += 1
        root = math.sqrt(1 - 0.999**self.t)
        rate = lr * root / (1 - mu**self.t)
        for theta, copied, g, v, s in self._parts(gradients, self.velocity, self.squares):
            g = g.to(v.dtype)
            v.lerp_(g, 1 - mu)
            s.mul_(0.999).addcmul_(g, g, value=0.001)
            theta.addcdiv_(v, s.sqrt().add_(1e-8 * root), value=-rate)
            if self._plays is not self.net:
                copied.copy_(theta)
        self._versions = self._now()

    def state(self) -> dict[str, Any]:
        """The mean squares, and how often it has moved."""
        return {"t": self.t, "squares": self.squares}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state` gave."""
        self.t = state["t"]
        for own, saved in zip(self.squares, state["squares"], strict=True):
            own.copy_(saved)


PLAYERS = {"momentum": Player, "adam": Adam}
"""How the players of a recipe move, by its `optimiser`."""
