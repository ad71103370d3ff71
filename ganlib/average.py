"""An average of G's parameters, read off beside the game. It changes nothing in the run."""

import copy
from typing import Annotated, Any, Self

import torch

from ganlib.errors import CheckpointError, RecipeError, Within, brief, need
from ganlib.nets import Generator, is_integer

Steps = Annotated[int, Within(0, 2**53)]
HORIZON = 33_333  # steps
PART = 2  # of the run so far: over a half of it the average scores higher than over a tenth (notebook 11)
EVERY = 10  # steps from one look at G to the next


class Average:
    """The exponential average of G's parameters over the last `horizon` steps, or over a `part` of the run if shorter.

        average = Average(trainer.G)
        for step in trainer.steps(1_000):
            average.see(step.step)
        average.G  # a net like any other

    Every ten steps, at step t of a run that it has followed from step b on:

        average += w (theta_g - average),  w = 10 / min(horizon, (t - b) / part), at most 1

    Averages of iterates go back to Ruppert (1988) and Polyak & Juditsky (1992); here the last iterate is a noisy point
    around a path that moves slowly, and the average is near that path. The paper does not average.
    """

    def __init__(self, G: Generator, horizon: int = HORIZON, step: int = 0, part: int = PART):
        if not isinstance(G, Generator) or not is_integer(step) or step < 0:
            raise RecipeError(f"an average is of a Generator at a step >= 0, not of {brief(G)} at {brief(step)}")
        if not is_integer(horizon) or horizon < EVERY:
            raise RecipeError(f"the horizon is {brief(horizon)}; it must be an integer >= {EVERY}, in steps")
        if not is_integer(part) or part < 1:
            raise RecipeError(
                f"the part is {brief(part)}; it must be an integer >= 1: 2 means a half of the run so far"
            )
        need(RecipeError, Steps, horizon=horizon, step=step, part=part)
        self.horizon = horizon
        self.part = part
        self.begun = step  # the step of the run at which it began to follow G
        self.step = step  # the step that it saw last
        self.G = copy.deepcopy(G).requires_grad_(False)
        self._followed = G

    @torch.no_grad()
    def see(self, step: int) -> None:
        """Take in G as it is after so many steps of its run."""
        need(RecipeError, Steps, step=step)
        self.step = step
        if step % EVERY == 0 and step > self.begun:
            w = min(1.0, EVERY / min(self.horizon, (step - self.begun) / self.part))
            torch._foreach_lerp_(list(self.G.parameters()), [p.detach() for p in self._followed.parameters()], w)

    def __str__(self) -> str:
        return f"the average of G over {max(1, min(self.horizon, (self.step - self.begun) // self.part)):,} steps"

    def state(self) -> dict[str, Any]:
        """Everything, as tensors and plain values; the tensors are its own, not copies."""
        plain = {name: getattr(self, name) for name in ("horizon", "part", "begun", "step")}
        return {**plain, "what": str(self), "G": dict(self.G.state_dict())}

    @classmethod
    def from_state(cls, G: Generator, state: dict[str, Any]) -> Self:
        """The average that `state` described, of a run whose G is this one. Older states have no part: a tenth.

        Raises `CheckpointError` for another state.
        """
        try:
            average = cls(G, state["horizon"], state["begun"], state.get("part", 10))
            average.step = state["step"]
            average.G.load_state_dict(state["G"])
        except (LookupError, TypeError, AttributeError, ValueError, RuntimeError) as error:
            why = " ".join(str(error).split())[:160]
            raise CheckpointError(f"has no average of this G ({why}); begin a new one, Average(G)") from None
        return average
