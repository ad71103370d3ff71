"""Imported once by the process that the tests' processes are forked from: loads what training loads, in one thread."""

import torch

from ganlib import Trainer
from tests import killed, small  # noqa: F401

torch.set_num_threads(1)
list(Trainer(small.recipe(), small.data()).steps(1))
