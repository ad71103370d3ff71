"""An update recorded on CUDA, and replayed: one launch in the place of hundreds.

On a GPU a step of small nets takes longer to say than to do: some hundred kernels, each launched from Python. A CUDA
graph holds them all. What differs from one update to the next, the minibatch and the rates, is read from memory that
stays where it is.
"""

from collections.abc import Callable, Mapping
from typing import Generic, TypeVar

import torch
from torch import Tensor

from ganlib.hardware import Hardware

FIRST = 3  # updates that are played before one is recorded: libraries set themselves up on the way

Found = TypeVar("Found")


class Record(Generic[Found]):
    """One kind of update, on whole minibatches: played three times, then recorded, then replayed.

        record = Record(rows, pace, hardware, rng)
        record.set(rows, pace)
        found = record(update)  # the same tensors each time, with new numbers in them

    The update reads `record.rows` and `record.pace`, draws its random numbers from `rng`, changes tensors in place, and
    reads no number back. It moves the run by one update whichever of the three happens.
    """

    def __init__(self, rows: Tensor, pace: Mapping[str, float], hardware: Hardware, rng: torch.Generator):
        self.rows = torch.empty_like(rows, device=hardware.device)
        self._numbers = torch.empty(len(pace), dtype=hardware.dtype, device=hardware.device)
        self.pace = dict(zip(pace, self._numbers.unbind()))  # each of one number, ()
        self._rng, self._left = rng, FIRST
        self._graph: torch.cuda.CUDAGraph | None = None
        self._found: Found | None = None

    def set(self, rows: Tensor, pace: Mapping[str, float]) -> None:
        """The minibatch and the rates of the next update."""
        self.rows.copy_(rows)
        self._numbers.copy_(torch.tensor(list(pace.values()), dtype=self._numbers.dtype))

    def __call__(self, update: Callable[[], Found]) -> Found:
        """Make the update, and return what it found."""
        if self._left:
            self._left -= 1
            here, aside = torch.cuda.current_stream(), torch.cuda.Stream()
            aside.wait_stream(here)
            with torch.cuda.stream(aside):
                found = update()
            here.wait_stream(aside)
            return found
        if self._graph is None:
            graph = torch.cuda.CUDAGraph()
            graph.register_generator_state(self._rng)
            with torch.cuda.graph(graph, capture_error_mode="thread_local"):
                self._found = update()
            self._graph = graph
        self._graph.replay()
        return self._found
