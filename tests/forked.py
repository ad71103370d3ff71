"""Imported once by the process that the tests' processes are forked from: loads what training loads, in one thread."""

import gc

import pooch  # noqa: F401
import requests  # noqa: F401
import torch
import torch._dynamo  # torch's optimisers load it

from ganlib import Trainer, parzen
from tests import killed, small  # noqa: F401

torch.set_num_threads(1)
list(Trainer(small.recipe(), small.data()).steps(1))
parzen.validation_score(torch.rand(3, 12), torch.rand(3, 12))
gc.collect()
gc.freeze()  # what is here lives on: looking through it again would take each of the processes a quarter of a second
