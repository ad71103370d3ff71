"""Algorithm 1, and the authors' simultaneous update."""

import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Self, TypeVar

import numpy as np
import torch
from torch import Tensor

from ganlib import conditions, game, hardware, parzen
from ganlib.datasets import Dataset
from ganlib.errors import CheckpointError, DataError, RecipeError, TrainingDiverged, brief
from ganlib.history import History, Step
from ganlib.images import mean_picture, scale
from ganlib.layers import whole
from ganlib.nets import Discriminator, Generator, fixed, limit
from ganlib.players import PLAYERS
from ganlib.recipes import LIVE, Recipe, states
from ganlib.replay import Record

Measured = tuple[Tensor, game.Gradients]  # the numbers of a step (6,), and the gradients of D's update
Found = TypeVar("Found", game.Gradients, Measured)
LABELLED = 32  # labelled examples in a minibatch, where it is not smaller
PLACE = ("step", "updates", "epoch", "position", "order")  # where a run stands: in a state by these names


class Trainer:
    """Trains G against D by a recipe (Goodfellow et al. 2014, Algorithm 1, or the authors' simultaneous update).

    The caller owns the loop:

        trainer = Trainer(recipe, load(recipe.data), seed=0)
        for step in trainer.steps(1_000):
            ...

    The order in which random numbers are drawn is part of the recipe: for each of D's updates m data examples (from
    `data_rng`), m noise samples, D's masks layer by layer (from `rng`); for an alternating update of G m fresh noise
    samples, then masks. In the simultaneous update G uses the noise and the masks of D's last update. Where m does not
    divide the data, the last batch of an epoch is what is left, and as many noise samples go with it.

    Where something is given (`ganlib.conditions`) the fakes of a minibatch are given what its examples are; an
    alternating update of G takes what D's last update was given. Masks of pictures are drawn (from `rng`) right after
    the examples. Labelled examples, 32 or as many as a batch has, are drawn (from `data_rng`) after the examples, too.

    `top` is for a recipe that is built on another: the trained layers (m, numbers) -> (m, numbers) of that one's G,
    which become the last layers of this G. `state` is for a run that goes on: see `from_state`.
    """

    def __init__(
        self,
        recipe: Recipe,
        data: Dataset,
        *,
        seed: int = 0,
        device: str = "auto",
        precision: str = "auto",
        history_every: int = 50,
        top: Sequence[torch.nn.Module] | None = None,
        state: dict[str, Any] | None = None,
    ):
        if not (isinstance(recipe, Recipe) and isinstance(data, Dataset)):
            raise RecipeError(f"a trainer takes a Recipe and a Dataset, not {brief(recipe)} and {brief(data)}")
        whole(0, 2**63 - 1).hold("seed is", seed)
        if recipe.G[-1].units != data.d:
            raise DataError(f"recipe {recipe.name!r} makes {recipe.G[-1].units} numbers, {data.name!r} has {data.d}")
        pictures = data.train[: recipe.examples or None]
        if len(pictures) < recipe.batch:
            few = f"{data.name!r} has {len(pictures)} training examples"
            raise DataError(f"{few}, fewer than a batch of {recipe.batch}")
        self.recipe, self.data, self.seed = recipe, data, seed
        self.hardware = hardware.choose(device, precision)
        self.history = History(history_every)
        self.step = 0  # iterations done
        self.updates = 0  # D's updates done: the t of the rates' schedule
        self.epoch = 1  # the pass over the data that is under way, from 1
        self.whole = True  # the run stands between two steps; inside one, or diverged, it cannot be saved
        self.pictures = pictures.to(self.hardware.device)
        self.labels = data.train_labels[: len(pictures)]
        nets = recipe.players(seed, mean_picture(pictures))
        nets = {name: net.to(self.hardware.device, self.hardware.dtype) for name, net in nets.items()}
        self.G, self.D, self.E = nets["G"], nets["D"], nets.get("E")
        moves = PLAYERS[recipe.optimiser]
        self.players = {name: moves(net, self.hardware.product_dtype) for name, net in nets.items()}
        self._labelled = conditions.some_of_each(self.labels, recipe.labels, recipe.classes, recipe.labels_seed)
        self._rows = torch.empty(0, dtype=torch.int64)  # the examples of this minibatch
        self._rates: dict[str, float] = {}  # the rates of this update, by player, and its momentum, "mu"
        self._pace: dict[str, Any] = {}  # the same as the update reads them: in a record they are tensors
        self._records: dict[tuple[Any, ...], Record] = {}
        self._c: Tensor | None = None  # what the examples of the last minibatch were given
        seeds = np.random.SeedSequence(seed).generate_state(2).tolist()
        self.data_rng = torch.Generator().manual_seed(seeds[0])
        self.rng = self.hardware.generator(seeds[1])
        self._reshuffle()
        if state is None:
            self._put_on_top(top)
        elif len(state["order"]) != len(pictures):
            raise CheckpointError(f"has an order of {len(state['order'])} examples; there are {len(pictures)}")
        else:
            for name in PLACE:
                setattr(self, name, state[name])
            self.data_rng.set_state(state["data_rng"])
            self.rng.set_state(state["rng"])
            for name, player in self.players.items():
                player.net.load_state_dict(state["nets"][name])
                for own, saved in zip(player.velocity, state["velocity"][name], strict=True):
                    own.copy_(saved)
                player.restore(state.get("moments", {}).get(name, {}))
            self.history = History.from_state(state["history"])

    def steps(self, n: int | None = None) -> Iterator[Step]:
        """Train for n iterations (None: until the caller breaks), yielding a record AFTER each. `TrainingDiverged`."""
        whole(0, 2**63).hold("n is", 0 if n is None else n)
        for _ in itertools.count() if n is None else range(n):
            self.whole = False
            for _ in range(self.recipe.k - 1):
                if self._ahead(self._turn(self._update_D)):
                    break
            found = self._turn(self._last_updates)
            self.step += 1
            step = self._describe(found)
            self.history.record(step)
            self.whole = True
            yield step

    def _turn(self, update: Callable[[], Found]) -> Found:
        """One update of D, and of those that move with it, on the next minibatch at the rates of now."""
        self._rows = self._next_rows()
        rates = {name: self._lr(name, self.updates) for name in self.players}
        self._pace = self._rates = rates | {"mu": self.recipe.momentum(self.epoch)}
        full = len(self._rows) == self.recipe.batch
        found = self._replay(update) if full and self._repeats() else update()
        self.updates += 1
        return found

    def _repeats(self) -> bool:
        """Whether an update does the same to other numbers each time: on CUDA it is then recorded, and replayed."""
        r = self.recipe
        reads = r.condition or r.labels or r.k_until or r.inference != "none" or r.generator_cost == "features"
        return self.hardware.device.type == "cuda" and r.optimiser == "momentum" and not reads

    def _replay(self, update: Callable[[], Found]) -> Found:
        """The same update, from its record. It reads its minibatch and its pace where the record left them."""
        key = (update.__name__, *self._fixed())
        if key not in self._records:
            self._records[key] = Record(self._rows, self._pace, self.hardware, self.rng)
        record = self._records[key]
        record.set(self._rows, self._pace)
        self._rows, self._pace = record.rows, record.pace
        for player in self.players.values():
            player.plays()  # as its parameters are now, where somebody has changed them
        return record(update)

    def _fixed(self) -> tuple[Any, ...]:
        """What may change while a run trains, and is fixed in the record of an update."""
        return self.recipe.update, self.recipe.generator_cost

    def _last_updates(self) -> Measured:
        """The last update of D in an iteration, and G's, simultaneous or alternating."""
        if self.recipe.inference == "alone":
            on_D = on_G = self._update_E()
        elif self.recipe.update == "simultaneous":
            on_D = on_G = self._update_both()
        else:
            on_D, on_G = self._update_D(), self._update_G()
        return self._measure(on_D, on_G)

    def _ahead(self, found: game.Gradients) -> bool:
        """Whether D is as right on its minibatch as the recipe wants before G moves; never, unless it says so."""
        if not self.recipe.k_until:
            return False
        right = torch.cat([found.a_real > 0, found.a_fake < 0]).float().mean()
        return right.item() >= self.recipe.k_until

    def _update_D(self) -> game.Gradients:
        """Algorithm 1, one turn of the inner loop: a fresh batch, fresh noise, D moves."""
        x = self._next_batch()
        z = self._noise(len(x))
        G, D = self._playing()
        with torch.no_grad():
            fake = G(z)
        found = game.discriminator_gradients(D, x, fake, self.rng)
        self._descend("D", found.D)
        return found

    def _update_G(self) -> game.Gradients:
        """Algorithm 1, the outer step: fresh noise, G moves against the D that has just moved."""
        G, D = self._playing()
        with fixed(D):
            z = self._noise(self.recipe.batch if self._c is None else len(self._c))
            found = game.generator_gradients(G, D, z, self.recipe.generator_cost, self.rng)
        self._descend("G", found.G)
        return found

    def _update_both(self) -> game.Gradients:
        """The authors' update: both gradients at the old parameters, then both players move."""
        x = self._next_batch()
        labelled = self._next_labelled() if self.recipe.labels else None
        z = self._noise(len(x))
        (G, D), cost = self._playing(), self.recipe.generator_cost
        if self.recipe.inference == "joint":
            found = game.joint_gradients(G, self.players["E"].plays(), D, x, z, cost, self.rng)
        elif labelled or cost == "features":
            found = game.feature_gradients(G, D, x, z, cost, self.rng, labelled)
        else:
            found = game.simultaneous_gradients(G, D, x, z, cost, self.rng)
        if self.recipe.inference == "regression":
            found = self._with_inference(found, G, z)
        for name in self.players:
            self._descend(name, getattr(found, name))
        return found

    def _update_E(self) -> game.Gradients:
        """The inference net moves alone; D's opinion is looked up for the record."""
        x = self._next_batch()
        z = self._noise(len(x))
        G, D = self._playing()
        with torch.no_grad():
            seen = game.Gradients(D.logit(G(z)).float(), D.logit(x).float())
        found = self._with_inference(seen, G, z)
        self._descend("E", found.E)
        return found

    def _with_inference(self, found: game.Gradients, G: Generator, z: Tensor) -> game.Gradients:
        """The same with E's gradient on the samples of this z, which has no way back to G."""
        with torch.no_grad():
            fake = G(z)
        cost, grad_E = game.inference_gradients(self.players["E"].plays(), fake, z)
        return replace(found, E=grad_E, cost_E=cost)

    def _playing(self) -> tuple[Generator | conditions.Given, Discriminator]:
        """G, of what is given if anything is, and D, as they play."""
        G, D = self.players["G"].plays(), self.players["D"].plays()
        if self._c is not None:
            G = conditions.Given(G, self._c, self.recipe.condition, self.data.shape)
        return G, D

    def _descend(self, name: str, gradients: tuple[Tensor, ...]) -> None:
        """v = mu v - lr_t g; theta += v, or Adam's move; then max-norm, where the recipe has it."""
        player = self.players[name]
        player.descend(gradients, self._pace[name], self._pace["mu"])
        if self.recipe.max_norm:
            for layer in player.net.layers:
                limit(layer, self.recipe.max_norm)
            player.plays()  # as it is now: a record of this update has to hold that, too

    def _lr(self, name: str, t: int) -> float:
        return self.recipe.lr(name, t, self.recipe.epochs * self.batches)

    def _noise(self, m: int) -> Tensor:
        return game.prior(self.recipe.p_z, m, self.recipe.z_dim, self.rng, self.hardware.product_dtype)

    def _next_rows(self) -> Tensor:
        """The next m examples of the shuffled data, or those that are left of them: (m,)."""
        if self.position == self.batches:
            self.epoch += 1
            self._reshuffle()
        m = self.recipe.batch
        self.position += 1
        return self.order[(self.position - 1) * m : self.position * m]

    def _next_batch(self) -> Tensor:
        """The examples of this minibatch as D looks at them: (m, d)."""
        x, recipe = self._examples(self._rows), self.recipe
        if recipe.condition:
            how = (self.labels[self._rows], self.data.shape, recipe.classes, recipe.block, self.rng)
            self._c = conditions.given(recipe.condition, x, *how)
            x = conditions.looked_at(recipe.condition, x, self._c)
        return x

    def _next_labelled(self) -> tuple[Tensor, Tensor]:
        """Labelled examples for a minibatch, drawn with replacement, and their labels: (n, d), (n,)."""
        drawn = torch.randint(len(self._labelled), (min(self.recipe.batch, LABELLED),), generator=self.data_rng)
        rows = self._labelled[drawn]
        return self._examples(rows), self.labels[rows].to(self.pictures.device)

    def _examples(self, rows: Tensor) -> Tensor:
        """These training pictures as the nets see them: (m, d)."""
        x = scale(self.pictures[rows.to(self.pictures.device)], self.hardware.dtype, self.recipe.pixels)
        return x.to(self.hardware.product_dtype)

    def _reshuffle(self) -> None:
        self.order = torch.randperm(len(self.pictures), generator=self.data_rng)
        self.position = 0

    def _measure(self, on_D: game.Gradients, on_G: game.Gradients) -> Measured:
        """What the record of a step holds of these gradients: V, cost_G, D_real, D_fake, norm_D, norm_G, and costs."""
        V = game.value(on_D.a_real, on_D.a_fake)
        cost_G = on_G.cost_G
        if cost_G is None:
            cost_G = game.generator_cost(on_G.a_fake, self.recipe.generator_cost)
        D_real, D_fake = (torch.sigmoid(a).mean() for a in (on_D.a_real, on_D.a_fake))
        norms = (torch.stack(torch._foreach_norm(g)).norm() if g else 0.0 for g in (on_D.D, on_G.G))
        numbers = (V, cost_G, D_real, D_fake, *norms)
        return torch.stack([torch.as_tensor(x, dtype=V.dtype, device=V.device) for x in numbers]), on_D

    def _describe(self, measured: Measured) -> Step:
        """The record of the step that was measured so. Raises `TrainingDiverged`."""
        lr_D, lr_G, mu = (self._rates[name] for name in ("D", "G", "mu"))
        numbers, on_D = measured
        V, cost_G, *rest = numbers.tolist()
        others = {"E's cost": on_D.cost_E, "D's cost of the labels": on_D.cost_labels}
        if not all(map(math.isfinite, (V, cost_G, *others.values()))):
            more = "".join(f", {name} {cost}" for name, cost in others.items() if cost)
            raise TrainingDiverged(
                f"at step {self.step} (epoch {self.epoch}) V(D, G) is {V} and G's cost {cost_G}{more}: the run has "
                f"diverged with lr_D {lr_D:g}, lr_G {lr_G:g}, momentum {mu:g}. Nothing is saved from here on, and "
                "earlier checkpoints are untouched. Go back to the last one, or start again, with lower rates or less "
                "momentum."
            )
        played = (self.step, self.epochs_done, V, -V / 2, cost_G, *rest, lr_D, lr_G, mu)
        return Step(*played, on_D.cost_E, on_D.cost_labels)

    @property
    def batches(self) -> int:
        """Minibatches in an epoch; the last one is smaller where the examples do not fill it."""
        return -(-len(self.pictures) // self.recipe.batch)

    @property
    def epochs_done(self) -> float:
        """Passes over the data done."""
        return self.recipe.epochs_done(len(self.pictures), self.epoch, self.position)

    @property
    def finished(self) -> bool:
        """Whether the recipe's epochs are done."""
        return self.epochs_done >= self.recipe.epochs

    def change(self, **values: Any) -> None:
        """Change fields of the recipe, those in `LIVE`, while it trains; a `RecipeError` changes nothing."""
        if unknown := set(values) - set(LIVE):
            raise RecipeError(f"{', '.join(sorted(unknown))} cannot change while a run trains; {', '.join(LIVE)} can")
        self.recipe = replace(self.recipe, **values)
        self.history.changes.append({"step": self.step, **values})

    @property
    def velocity(self) -> dict[str, list[Tensor]]:
        """The velocities of "G", "D" and, where it is there, "E", a tensor for each of their parameters."""
        return {name: player.velocity for name, player in self.players.items()}

    def samples(self, n: int, seed: int = 0) -> Tensor:
        """n fair draws of G as it is now: (n, d) on the CPU. Leaves the run's own random numbers alone."""
        return self.recipe.samples(self.G, n, seed, shape=self.data.shape).float()

    def score(self, G: Generator) -> dict[str, float]:
        """The Parzen score of the validation images that sigma is chosen on, by samples of a G of this recipe."""
        device = self.hardware.measures
        valid = scale(self.data.valid[: parzen.N_VALID], pixels=self.recipe.pixels)
        centres = self.recipe.samples(G, self.recipe.n_samples, self.seed, shape=self.data.shape)
        return parzen.validation_score(centres.float().to(device), valid.to(device))

    def validate(self) -> dict[str, float]:
        """The `score` of G as it is now; added to the history's scores."""
        self.history.scores.append({"step": self.step, "epoch": self.epochs_done, **self.score(self.G)})
        return self.history.scores[-1]

    def state(self) -> dict[str, Any]:
        """All that the run needs to go on, as tensors and plain values; the tensors are its own, not copies."""
        moments = {name: player.state() for name, player in self.players.items()}
        return {
            "recipe": self.recipe.to_dict(),
            "seed": self.seed,
            "device": self.hardware.device.type,
            "precision": self.hardware.precision,
            **{name: getattr(self, name) for name in PLACE},
            "data_rng": self.data_rng.get_state(),
            "rng": self.rng.get_state(),
            "nets": {name: dict(player.net.state_dict()) for name, player in self.players.items()},
            "velocity": self.velocity,
            **({"moments": moments} if any(moments.values()) else {}),
            "history": self.history.state(),
        }

    @classmethod
    def from_state(cls, state: dict[str, Any], data: Dataset, device: str = "auto") -> Self:
        """The run that `state` described, on the same data, bit for bit on a CPU, or `CheckpointError`."""
        recipe, seed, precision = states.check(state), state["seed"], state["precision"]
        device = state["device"] if device == "auto" else device  # "auto" is its own
        return cls(recipe, data, seed=seed, device=device, precision=precision, state=state)

    @torch.no_grad()
    def _put_on_top(self, top: Sequence[torch.nn.Module] | None) -> None:
        """Give G's last layers the parameters of the trained layers `top`, as the recipe asks for."""
        name, built_on = self.recipe.name, self.recipe.built_on
        top = list(top) if isinstance(top, Iterable) else [top] if top else []
        if built_on and not top:
            new = f"the recipe {name!r} puts a new bottom under the G that {built_on!r} has trained"
            how = "pass its G's layers as `top` (command line: --on its folder)"
            raise RecipeError(f"{new}: train that one first, and {how}")
        if top and not built_on:
            raise RecipeError(f"the recipe {name!r} is not built on another one: leave `top` out")
        own = self.G.layers[len(self.G.layers) - len(top) :]
        try:
            for layer, trained in zip(own, top, strict=True):
                layer.load_state_dict(trained.state_dict())
        except (RuntimeError, ValueError, AttributeError, TypeError):
            ends = ", ".join(str(layer.layer) for layer in own)
            what = f"the trained layers do not fit on top of the G of {name!r}, which ends in {ends}"
            raise RecipeError(f"{what}: train {built_on!r} at the same scale") from None
