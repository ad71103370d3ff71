"""Sweeps over many runs, on this machine or on many: planned, carried out by dask, gathered into one table.

from ganlib import sweep

plan = sweep.plan("toy", {"k": [1, 2, 5], "lr_G": [0.01, 0.1]}, seeds=8)
sweep.run(plan, "sweeps/mine", workers=4)  # the same call goes on after any stop
sweep.gather("sweeps/mine")  # results.parquet, a row a run
"""

from ganlib.sweep.asked import plan
from ganlib.sweep.drive import Told, run
from ganlib.sweep.following import Following, read
from ganlib.sweep.games import game
from ganlib.sweep.gathering import gather
from ganlib.sweep.planning import Plan, Run

__all__ = ["Following", "Plan", "Run", "Told", "game", "gather", "plan", "read", "run"]
