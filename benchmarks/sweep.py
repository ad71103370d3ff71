"""What a sweep survives, what it costs, and how far it goes: `python -m benchmarks.sweep kills | cost | many`.

`kills`: 200 toys and 12 small MNIST runs on four workers, once in peace, once with two workers and the scheduler killed
by SIGKILL at random moments; no run may be lost or run twice to its end, and all numbers must agree bit for bit.
`cost`: a run of a sweep against the plain loop in one process, in turns. `many`: 10,000 runs that do nothing, on 100
workers, and the scheduler's share of a run.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

import psutil
import torch

from ganlib import sweep
from ganlib.sweep import drive, work
from ganlib.sweep.cluster import Local, distributed
from ganlib.sweep.games import game
from ganlib.sweep.planning import Plan, Run
from ganlib.sweep.rounds import Rounds
from ganlib.unattended import Bar, Stop

TIMES = {"seconds", "from_step", "ended", "host", "pid"}  # columns that say how a run came about


def toys(seeds: int = 5, updates: int = 1_000) -> Plan:
    """200 toys."""
    over = {"k": [1, 2, 5, 10], "lr_D": [0.1, 0.3], "lr_G": [0.003, 0.01, 0.03, 0.1, 3.0]}
    return sweep.plan("toy", over, seeds=seeds, updates=updates, records=10)


def digits(data: str) -> Plan:
    """12 small MNIST runs."""
    over = {"k": [1, 2, 5], "lr_G": [0.05, 0.1]}
    return sweep.plan("mnist", over, seeds=2, profile="smoke", epochs=5, records=5, data=data)


# -- kills -------------------------------------------------------------------------------------------------------------


class Killer(threading.Thread):
    """Kills workers and schedulers that this process has started, at random moments."""

    def __init__(self, place: Local, home: Path, runs: int, seed: int):
        super().__init__(daemon=True)
        self.place, self.home, self.runs, self.rng = place, home, runs, random.Random(seed)
        self.killed: list[str] = []

    def run(self) -> None:
        """Two workers and the scheduler, each when another share of the runs is done."""
        whom = ["worker", "scheduler", "worker"]
        for who, share in zip(whom, sorted(self.rng.uniform(0.05, 0.8) for _ in whom)):
            while len(work.done(self.home)) < share * self.runs:
                time.sleep(0.05)
            time.sleep(self.rng.uniform(0, 0.5))
            names = [name for name in list(self.place.processes) if name.startswith(who)]
            name = self.rng.choice(names)
            process = self.place.processes[name]
            process.send_signal(signal.SIGKILL)
            self.killed.append(f"{name} (process {process.pid}) at {len(work.done(self.home))} of {self.runs} runs")


def carried_out(plan: Plan, home: Path, workers: int, seed: int | None) -> tuple[float, list[str]]:
    """Carry a plan out, with kills by a seed or without; the seconds, and who was killed."""
    home.mkdir(parents=True, exist_ok=True)
    drive.settled(plan, home)
    place, killer = Local(workers, home / "logs"), None
    start = time.perf_counter()
    with place, Bar(len(plan), show=False) as bar:
        if seed is not None:
            killer = Killer(place, home, len(plan), seed)
            killer.start()
        how = work.How(checkpoint_seconds=1.0)
        Rounds(plan, home, place, how, work.task, Stop(), bar).finish(list(range(len(plan))))
    return time.perf_counter() - start, killer.killed if killer else []


def journal(home: Path) -> list[dict]:
    """The lines of a sweep's journal."""
    return [json.loads(line) for line in (home / work.JOURNAL).read_text().splitlines()]


def same(a: Path, b: Path) -> bool:
    """Whether two sweeps have the same table bit for bit, but for the columns of times and places."""
    import pyarrow.parquet as pq

    tables = [pq.read_table(sweep.gather(home)) for home in (a, b)]
    names = [name for name in tables[0].column_names if name not in TIMES]
    return tables[0].select(names).equals(tables[1].select(names))


def kills(seed: int, data: str, only: str, workers: int = 4) -> None:
    """Both plans, or one, in peace and with kills."""
    with tempfile.TemporaryDirectory() as scratch:
        for name, plan in (("toys", toys()), ("MNIST runs", digits(data))):
            if only not in name:
                continue
            calm, rough = Path(scratch) / f"calm-{len(plan)}", Path(scratch) / f"rough-{len(plan)}"
            seconds, _ = carried_out(plan, calm, workers, None)
            longer, killed = carried_out(plan, rough, workers, seed)
            lines = journal(rough)
            begun = Counter(line["run"] for line in lines if line["event"] == "begin")
            ended = Counter(line["run"] for line in lines if line["event"] == "end")
            resumed = sum(line["step"] > 0 for line in lines if line["event"] == "begin")
            fates = Counter(sweep_result["status"] for sweep_result in results(rough))
            print(f"{len(plan)} {name} on {workers} workers: {seconds:.0f} s in peace, {longer:.0f} s with kills")
            print("  killed: " + "; ".join(killed))
            print(
                f"  results: {len(work.done(rough))} of {len(plan)} ({', '.join(f'{n} {s}' for s, n in fates.items())})"
            )
            print(f"  begun again: {sum(n > 1 for n in begun.values())}, of which from a checkpoint {resumed}")
            print(f"  run twice to the end: {sum(n > 1 for n in ended.values())}; lost: {len(plan) - len(ended)}")
            print(f"  the same numbers bit for bit: {same(calm, rough)}", flush=True)


def results(home: Path) -> list[dict]:
    """What the runs of a sweep have written."""
    return [json.loads(path.read_text()) for path in sorted((home / work.RESULTS).glob("*.json"))]


# -- cost --------------------------------------------------------------------------------------------------------------


def cost(data: str, rounds: int = 5) -> None:
    """A run of a sweep on one worker that is up, against the plain loop of this process, which writes nothing.

    Processor time, so that a busy machine does not count: of the worker, and of worker, scheduler and driver together.
    """
    sides = (
        ("toy, 2,000 updates, 10 records", sweep.plan("toy", seeds=4 * rounds, updates=2_000, records=10), 4),
        ("toy, 8,000 updates, 50 records", sweep.plan("toy", seeds=rounds, updates=8_000), 1),
        ("MNIST, smoke, 5 epochs", sweep.plan("mnist", seeds=rounds, profile="smoke", epochs=5, data=data), 1),
    )
    print(f"{'seconds a run, medians (minima)':34}{'plain loop':>18}{'worker':>18}{'all processes':>18}  ratios")
    for name, plan, each in sides:
        with tempfile.TemporaryDirectory() as scratch:
            home = Path(scratch)
            drive.settled(plan, home)
            with Local(1, home / "logs") as place, Bar(1, show=False) as bar:
                told = Rounds(plan, home, place, work.How(), work.task, Stop(), bar)
                client = place.client()
                told.once(client, [0], 0)  # the worker loads torch and the data
                work.result_path(home, 0).unlink()
                ends = [psutil.Process(place.processes[one].pid) for one in ("worker-0", "scheduler")]
                taken = [one_turn(told, client, range(n * each, (n + 1) * each), n + 1, ends) for n in range(rounds)]
                client.close()
        plain, worker, whole = ([seconds / each for seconds in side] for side in zip(*taken))
        cells = [f"{statistics.median(side):.3f} ({min(side):.3f})" for side in (plain, worker, whole)]
        middle, least = statistics.median(plain), min(plain)
        ratios = [f"{statistics.median(side) / middle:.3f} ({min(side) / least:.3f})" for side in (worker, whole)]
        print(f"{name:34}" + "".join(f"{cell:>18}" for cell in cells) + "  " + ", ".join(ratios), flush=True)


def one_turn(
    told: Rounds, client: object, numbers: range, turn: int, ends: list[psutil.Process]
) -> tuple[float, float, float]:
    """Processor seconds of some runs in a plain loop here, then in the sweep: of its worker, and of all processes."""
    start = time.process_time()
    for number in numbers:
        run = game(told.plan, number)
        while not run.finished:
            run.advance()
    plain = time.process_time() - start
    mine, before = time.process_time(), [_busy(one) for one in ends]
    told.once(client, numbers, turn)
    spent = [_busy(one) - was for one, was in zip(ends, before)]
    return plain, spent[0], sum(spent) + time.process_time() - mine


# -- many --------------------------------------------------------------------------------------------------------------


def nothing(folder: str, number: int, how: work.How) -> str:
    """A run that does nothing, and has a result."""
    home = Path(folder)
    made = {"seconds": 0.0, "from_step": 0, "ended": time.time()}
    work.write_result(home, Run(number, None, number, {}), work.DONE, "", [], 0, made)
    return work.DONE


def empty(folder: str, number: int, how: work.How) -> str:
    """A run that does nothing at all."""
    return work.DONE


def crowd(address: str, workers: int) -> None:
    """So many workers of dask in this process, each with one thread."""
    import asyncio

    async def live() -> None:
        async with asyncio.TaskGroup() as group:
            for _ in range(workers):
                one = distributed().Worker(address, nthreads=1, memory_limit=0, dashboard=False)
                await one
                group.create_task(one.finished())

    asyncio.run(live())


def many(runs: int, workers: int, processes: int) -> None:
    """Runs that do nothing on many workers; processor time of the scheduler and of the driver, a run."""
    plan = sweep.plan("toy", seeds=runs, updates=100, records=1)
    print(f"{runs:,} runs, {workers} workers in {processes} processes (threads of an event loop each), no nannies")
    for name, task in (("nothing, no result", empty), ("nothing, and a result file", nothing)):
        with tempfile.TemporaryDirectory() as scratch:
            home = Path(scratch)
            drive.settled(plan, home)
            with Local(0, home / "logs") as place, Bar(1, show=False) as bar:
                client = place.client()
                command = [sys.executable, "-m", "benchmarks.sweep", "crowd", client.scheduler.address]
                others = [
                    subprocess.Popen([*command, str(workers // processes)], stderr=subprocess.DEVNULL)
                    for _ in range(processes)
                ]
                try:
                    client.wait_for_workers(workers, timeout=180)
                    scheduler = psutil.Process(place.processes["scheduler"].pid)
                    before, mine = _busy(scheduler), _busy(psutil.Process())
                    start = time.perf_counter()
                    told = Rounds(plan, home, place, work.How(), task, Stop(), bar)
                    told.once(client, list(range(runs)), 0)
                    seconds = time.perf_counter() - start
                    share, driver = _busy(scheduler) - before, _busy(psutil.Process()) - mine
                    memory = scheduler.memory_info().rss / 1e6
                finally:
                    client.close()
                    for process in others:
                        process.kill()
            print(
                f"  {name}: {seconds:.1f} s, {1e3 * seconds / runs:.2f} ms a run on the clock; processor time a run: ",
                end="",
            )
            print(f"scheduler {1e3 * share / runs:.2f} ms, driver {1e3 * driver / runs:.2f} ms; ", end="")
            print(f"scheduler's memory {memory:.0f} MB; fates {told.fates}", flush=True)


def _busy(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


def main() -> None:
    """Run one of the three."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["kills", "cost", "many", "crowd"])
    parser.add_argument("rest", nargs="*", help=argparse.SUPPRESS)
    parser.add_argument("--seed", type=int, default=0, help="of the moments of the kills")
    parser.add_argument("--data", default="mnist", help="the digits: mnist, or mnist-5k")
    parser.add_argument("--only", default="", choices=["", "toys", "MNIST"], help="of the kills")
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--workers", type=int, default=100)
    parser.add_argument("--processes", type=int, default=4)
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.what == "kills":
        kills(options.seed, options.data, options.only)
    elif options.what == "cost":
        cost(options.data)
    elif options.what == "crowd":
        crowd(options.rest[0], int(options.rest[1]))
    else:
        many(options.runs, options.workers, options.processes)


if __name__ == "__main__":
    main()
