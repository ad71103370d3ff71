"""The real command line, killed at any moment and with its output broken: nothing is lost, and it goes on bit for bit.

`tests/killed.py` says what runs in the processes that die here; three of them are a `python -m ganlib` of their own.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from ganlib import baselines
from ganlib.checkpoints import load_weights
from tests.hosts import send, serve
from tests.killed import FORK, TRAIN, command, in_new_process
from tests.small import same, saved

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL and fork")
INT, TERM, HUP = signal.SIGINT, signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM)
ROOT = Path(__file__).resolve().parent.parent
VARIANTS = {
    "simultaneous": [*TRAIN, "--epochs", "8"],
    "alternating, k=3": [*TRAIN, "--epochs", "8", "--set", "update=alternating", "k=3", "generator_cost=minimax"],
}
BEGIN = VARIANTS["simultaneous"]


def into(folder: Path, begin: list[str] = BEGIN) -> list[str]:
    """The command that begins the run in a folder, or goes on with it."""
    there = any(folder.glob("*.pt"))
    return ["train", "--resume", "--out", str(folder)] if there else [*begin, "--out", str(folder)]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The final checkpoint of each variant, trained in one go and saved only at the two ends."""
    finals = {}
    for name, begin in VARIANTS.items():
        folder = tmp_path_factory.mktemp("whole")
        assert in_new_process(command, into(folder, begin), seconds=1e9) == 0
        finals[name] = saved(folder)
    return finals


def goes_on(folder, whole, variant="simultaneous"):
    """The run in the folder, gone on with by the command line, ends as the one that was never stopped."""
    assert in_new_process(command, into(folder, VARIANTS[variant]), seconds=1e9) == 0
    same(saved(folder), whole[variant])
    assert sorted(os.listdir(folder)) == ["checkpoint-previous.pt", "checkpoint.pt"]


# -- training ---------------------------------------------------------------------------------------------------------

# Every checkpoint is: torch.save, fsync of the file, replace (latest -> previous, from the second on), replace
# (written -> latest), fsync of the folder.
MOMENTS = [
    *(("fsync", nth, when) for nth in (1, 2, 3, 4, 12) for when in ("before", "after")),
    *(("fsync", nth, "half-way") for nth in (1, 3, 11)),
    *(("replace", nth, when) for nth in (1, 2, 3, 14) for when in ("before", "after")),
    *(("save", nth, "half-way") for nth in (1, 2, 9)),
    *(("descend", nth, "after") for nth in (1, 7)),
    *(("validate", nth, when) for nth, when in ((1, "before"), (3, "after"))),
    ("gradients", 6, "before"),
]


@pytest.mark.parametrize("moment", MOMENTS, ids=lambda moment: "-".join(map(str, moment)))
def test_a_training_that_is_killed_and_resumed_ends_bit_for_bit_the_same(moment, tmp_path, whole):
    assert in_new_process(command, into(tmp_path), *moment) == -signal.SIGKILL
    goes_on(tmp_path, whole)


@pytest.mark.parametrize("variant", VARIANTS)
def test_one_that_is_killed_again_and_again_ends_bit_for_bit_the_same(variant, tmp_path, whole):
    """Each process gets a step or two further before it dies, most of them while a checkpoint is being written."""
    moments = [("replace", 4, "before"), ("save", 2, "half-way"), ("fsync", 5, "after"), ("descend", 5, "after")]
    killed, begin = 0, VARIANTS[variant]
    while in_new_process(command, into(tmp_path, begin), *moments[killed % 4]) == -signal.SIGKILL:
        killed += 1
        assert killed < 40
    assert killed >= 3
    goes_on(tmp_path, whole, variant)


def test_one_that_is_killed_from_outside_after_random_delays_ends_bit_for_bit_the_same(tmp_path):
    begin, rng, deaths = [*TRAIN, "--epochs", "100"], random.Random(0), 0
    folder = tmp_path / "killed"
    assert in_new_process(command, into(tmp_path / "whole", begin), seconds=1e9) == 0
    for _ in range(4):
        process = FORK.Process(target=command, args=(into(folder, begin),))
        process.start()
        while not (folder / "checkpoint.pt").exists() and process.is_alive():
            time.sleep(0.002)
        time.sleep(rng.uniform(0.01, 0.25))
        process.kill()
        process.join(60)
        deaths += process.exitcode == -signal.SIGKILL
    assert deaths >= 1
    assert in_new_process(command, into(folder, begin), seconds=0.05) == 0
    same(saved(folder), saved(tmp_path / "whole"))


@pytest.mark.parametrize("moment", [("replace", 1, "before"), ("replace", 2, "before"), ("replace", 2, "after")])
def test_one_that_is_killed_while_a_damaged_checkpoint_is_replaced(moment, tmp_path, whole):
    """A damaged latest checkpoint must not push out the good one before it."""
    in_new_process(command, into(tmp_path), "descend", 9, "after")
    latest = tmp_path / "checkpoint.pt"
    latest.write_bytes(latest.read_bytes()[:-100])
    assert in_new_process(command, into(tmp_path), *moment) == -signal.SIGKILL
    goes_on(tmp_path, whole)


FIT = ["baseline", "small", "--data", "small", "--device", "cpu", "--out"]


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    """A baseline of four epochs that was never stopped."""
    folder = tmp_path_factory.mktemp("fitted")
    assert in_new_process(command, [*FIT, str(folder)]) == 0
    return baselines.load(folder)[0].state()


STOPS = [("fsync", 3, "half-way"), ("replace", 3, "before"), ("replace", 5, "after"), ("fsync", 3, (INT, INT, TERM))]


@pytest.mark.parametrize(("moment", "done"), list(zip(STOPS, (1, 1, 3, 2))), ids=str)
def test_a_baseline_that_is_stopped_and_resumed_ends_bit_for_bit_the_same(moment, done, fitted, tmp_path):
    """By death, or by signals in a save, which is finished all the same."""
    assert in_new_process(command, [*FIT, str(tmp_path)], *moment) == (1 if done == 2 else -signal.SIGKILL)
    assert baselines.load(tmp_path)[0].done == done
    assert in_new_process(command, [*FIT, str(tmp_path)]) == 0
    model, told = baselines.load(tmp_path)
    same(model.state(), fitted)
    assert [row["epoch"] for row in told["history"]] == [1, 2, 3, 4]


# -- signals ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("where", "signals"),
    [
        ("gradients", (HUP,)),
        ("gradients", (TERM, TERM, HUP)),
        ("fsync", (TERM,)),
        ("fsync", (HUP, TERM, TERM, INT)),
        ("fsync", (INT, INT, INT)),
        ("replace", (TERM, INT, INT, HUP, TERM)),
    ],
)
def test_signals_in_a_step_or_in_a_save_let_it_be_saved(where, signals, tmp_path, whole):
    nth = {"gradients": 5, "fsync": 7, "replace": 6}[where]  # in the fifth step, or in the save after the third
    assert in_new_process(command, into(tmp_path), where, nth, signals) == 1
    assert saved(tmp_path)["step"] == (5 if where == "gradients" else 3)
    goes_on(tmp_path, whole)


@pytest.mark.parametrize("last", [(TERM, TERM, HUP), (INT, INT, TERM)])
def test_signals_in_the_last_save_do_not_lose_it(last, tmp_path, whole):
    """After the first signal the run is saved a last time (its second checkpoint), and more of them come then."""
    stop = into(tmp_path)
    assert in_new_process(stopped_then, stop, last) == 1
    assert saved(tmp_path)["step"] == 5
    goes_on(tmp_path, whole)
    other = tmp_path / "other"  # the save after the last step of all
    assert in_new_process(command, into(other), "fsync", 3, last, seconds=1e9) == 0
    same(saved(other), whole["simultaneous"])


def stopped_then(arguments, last):
    """A stop in the fifth step, and these signals in the save that follows."""
    from tests import killed

    killed.at("gradients", 5, (TERM,))
    command(arguments, "fsync", 3, last, seconds=1e9)


def test_a_hangup_that_is_ignored_stays_ignored(tmp_path, whole):
    """As under nohup."""
    assert in_new_process(under_nohup, into(tmp_path)) == 0
    same(saved(tmp_path), whole["simultaneous"])


def under_nohup(arguments):
    signal.signal(HUP, signal.SIG_IGN)
    command(arguments, "gradients", 5, (HUP,))


# -- exporting, sampling ----------------------------------------------------------------------------------------------

# An export writes three files (.json, weights, .json), each by fsync, replace, fsync of the folder; before that, the
# same three elsewhere. It is the new one from the moment that the weights are moved.
EXPORTS = [
    *((("score", nth, "before"), "old") for nth in (1, 3)),
    *((("replace", 4, when), "old") for when in ("before", "after")),
    *((("fsync", nth, "half-way"), "old") for nth in (7, 9)),
    (("replace", 5, "before"), "old"),
    (("replace", 5, "after"), "new"),
    (("fsync", 11, "half-way"), "new"),
    *((("replace", 6, when), "new") for when in ("before", "after")),
]


def told(path):
    """All that a file of weights says."""
    trained = load_weights(path)
    return {"G": trained.G.state_dict(), "average": trained.average.state_dict(), "info": trained.info}


@pytest.fixture(scope="module")
def exports(tmp_path_factory):
    """A run that was exported after two epochs and after four: its folder, the files of the first, what both say."""
    folder = tmp_path_factory.mktemp("exports")
    run, said = folder / "run", {}
    for name, epochs in (("old", "2"), ("new", "4")):
        path = folder / f"{name}.safetensors"
        assert in_new_process(command, [*into(run, TRAIN), "--epochs", epochs], seconds=1e9) == 0
        assert in_new_process(command, ["export", str(run), "--out", str(path)]) == 0
        said[name] = told(path)
    files = {end: (folder / f"old{end}").read_bytes() for end in (".safetensors", ".json")}
    return run, files, said


@pytest.mark.parametrize(("moment", "left"), EXPORTS, ids=str)
def test_an_export_that_is_killed_leaves_the_old_pair_or_the_new_one(moment, left, exports, tmp_path):
    run, files, said = exports
    path = tmp_path / "w.safetensors"
    for end, content in files.items():
        path.with_suffix(end).write_bytes(content)
    export = ["export", str(run), "--out", str(path)]
    assert in_new_process(command, export, *moment) == -signal.SIGKILL
    same(told(path), said[left])
    assert in_new_process(command, export) == 0
    same(told(path), said["new"])
    assert sorted(os.listdir(tmp_path)) == ["w.json", "w.safetensors"]


def test_an_export_of_a_broken_run_leaves_the_good_one(exports, tmp_path):
    run, files, said = exports
    path, broken = tmp_path / "w.safetensors", tmp_path / "broken"
    for end, content in files.items():
        path.with_suffix(end).write_bytes(content)
    state = saved(run)
    next(iter(state["nets"]["G"].values()))[0] = float("nan")
    broken.mkdir()
    torch.save(state, broken / "checkpoint.pt")
    for arguments in (
        ["export", str(broken), "--out", str(path)],
        ["sample", str(broken), "--out", f"{tmp_path}/s.png"],
    ):
        assert in_new_process(command, arguments, err=str(tmp_path / "err")) == 2
        assert one_line(tmp_path / "err").startswith("error: ")
    same(told(path), said["old"])
    assert not (tmp_path / "s.png").exists()


def one_line(path):
    """What a command left on standard error: one line."""
    text = path.read_text()
    assert text.count("\n") == 1 and text.endswith("\n"), text
    return text


def test_samples_that_are_killed_leave_the_picture_that_was_there(exports, tmp_path):
    sample = ["sample", str(exports[0]), "--n", "3", "--out", str(tmp_path / "s.png")]
    assert in_new_process(command, sample) == 0
    before = (tmp_path / "s.png").read_bytes()
    for moment in (("fsync", 1, "half-way"), ("replace", 1, "before")):
        assert in_new_process(command, [*sample, "--seed", "1"], *moment) == -signal.SIGKILL
        assert (tmp_path / "s.png").read_bytes() == before
    assert in_new_process(command, [*sample, "--seed", "1"]) == 0
    assert (tmp_path / "s.png").read_bytes() != before and os.listdir(tmp_path) == ["s.png"]


# -- downloading ------------------------------------------------------------------------------------------------------


def test_a_download_that_is_killed_leaves_no_part_of_a_file_in_its_place(tmp_path):
    """The host kills it half-way through two of the files, and it dies beside its moves; each time it goes on."""
    made = {}
    for kind, n in (("train", 60_000), ("t10k", 10_000)):
        pixels, labels = np.zeros((n, 28, 28), np.uint8), (np.arange(n) % 10).astype(np.uint8)
        pixels[np.arange(n), np.arange(n) % 28, np.arange(n) // 28 % 28] = 255
        for name, array in ((f"{kind}-images-idx3-ubyte.gz", pixels), (f"{kind}-labels-idx1-ubyte.gz", labels)):
            made[name] = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes() + array.tobytes()
    files = {name: hashlib.sha256(content).hexdigest() for name, content in made.items()}
    sent = {name: gzip.compress(content, 1) for name, content in made.items()}
    deadly, process = [], None

    def host(path, handler):
        """Send the file; or, where its name is deadly, a half of it, and death."""
        content = sent[path]
        if path in deadly:
            deadly.remove(path)
            content = content[: len(content) // 2]
            send(handler, content, len(sent[path]))
            handler.wfile.flush()
            time.sleep(0.05)
            process.kill()
        else:
            send(handler, content)

    train = ["train", "mnist", "--device", "cpu", "--precision", "float32", "--epochs", "1", "--set", "examples=200"]
    names, cache = list(sent), tmp_path / "cache" / "mnist"
    moments = [names[0], ("replace", 1, "before"), ("replace", 1, "after"), names[2], ("replace", 2, "before")]
    own = tmp_path / "own"
    own.mkdir()
    for name, content in made.items():
        (own / name.removesuffix(".gz")).write_bytes(content)
    with serve(host) as (addresses, _):
        facts = {"addresses": [addresses[0] + "{file}"], "files": files}
        environment = {"GANLIB_CACHE": str(tmp_path / "cache"), "GANLIB_DATA": "", "NO_PROXY": "*"}
        for moment in [*moments, None]:
            deadly[:] = [moment] if isinstance(moment, str) else []
            process = FORK.Process(
                target=command,
                args=([*train, "--out", str(tmp_path / "run")], *(moment if isinstance(moment, tuple) else ())),
                kwargs={"environment": environment, "mnist": facts},
            )
            process.start()
            process.join(120)
            assert process.exitcode == (-signal.SIGKILL if moment else 0)
            for name in names:
                assert not (cache / name).exists() or (cache / name).read_bytes() == sent[name]
    assert sorted(path.name for path in cache.iterdir() if path.name in sent) == sorted(names)
    environment = {"GANLIB_DATA": str(own)}
    whole = [*train, "--out", str(tmp_path / "whole")]
    assert in_new_process(command, whole, environment=environment, mnist=facts) == 0
    same(saved(tmp_path / "run"), saved(tmp_path / "whole"))


# -- broken outputs ---------------------------------------------------------------------------------------------------

BROKEN = ("dead reader", "full device", "closed")


@pytest.mark.parametrize(("out", "err"), [*((out, "a file") for out in BROKEN), *zip(BROKEN, BROKEN[1:] + BROKEN[:1])])
def test_a_training_whose_output_is_broken_goes_on_and_is_saved(out, err, tmp_path, whole):
    errors = tmp_path / "err" if err == "a file" else None
    assert in_new_process(command, into(tmp_path / "run"), out=out, err=str(errors or err)) == 0
    same(saved(tmp_path / "run"), whole["simultaneous"])
    if errors:
        said = {"dead reader": "", "full device": "No space left on device\n", "closed": "it is closed\n"}[out]
        assert errors.read_text() == (said and f"note: standard output cannot be written: {said}")


@pytest.mark.parametrize("arguments", [["data"], ["evaluate"], ["train", "--resume"]], ids=lambda value: value[0])
@pytest.mark.parametrize("out", BROKEN)
def test_what_could_not_be_printed_is_an_error_unless_the_reader_had_enough(arguments, out, exports, tmp_path):
    """A run that is at its end has nothing to print."""
    where = {"data": [], "evaluate": [str(exports[0])], "train": ["--out", str(exports[0])]}[arguments[0]]
    code = in_new_process(command, [*arguments, *where], out=out, err=str(tmp_path / "err"))
    lost = out != "dead reader"
    assert code == (2 if lost and arguments[0] != "train" else 0)
    said = [line for line in (tmp_path / "err").read_text().splitlines() if "standard output" in line]
    assert len(said) == lost and "Traceback" not in (tmp_path / "err").read_text()


@pytest.mark.parametrize("err", BROKEN)
def test_an_error_that_nobody_hears_is_one_all_the_same(err, tmp_path):
    assert in_new_process(command, ["train", "nobody", "--out", str(tmp_path / "run")], err=err) == 2


def test_a_terminal_that_has_no_such_sign_gets_another(exports, tmp_path):
    assert in_new_process(command, ["evaluate", str(exports[0])], out=f"ascii {tmp_path / 'out'}") == 0
    assert " +/- " in (tmp_path / "out").read_text(encoding="ascii")


# -- a process of its own ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def made_up(tmp_path_factory):
    """A run of 12 epochs on made-up pictures, never stopped: the command but for its folder, its last checkpoint."""
    run = tmp_path_factory.mktemp("made up") / "run"
    begin = ["train", "mnist", "--data", "synthetic", "--device", "cpu", "--precision", "float32", "--epochs", "12"]
    assert in_new_process(command, [*begin, "--out", str(run)], seconds=60) == 0
    return begin, saved(run)


@pytest.mark.parametrize("numbers", [(TERM, TERM, HUP), (signal.SIGKILL,), ()], ids=["TERM-TERM-HUP", "KILL", "reader"])
def test_a_process_of_its_own_is_stopped_and_resumed_bit_for_bit(numbers, made_up, tmp_path):
    """By signals; the last one loses the reader of its output after one byte of it, and goes on to its end."""
    begin, whole = made_up
    run = tmp_path / "run"
    python = [sys.executable, "-m", "ganlib"]
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen([*python, *begin, "--out", str(run)], cwd=ROOT, **streams) as process:
        if not numbers:
            process.stdout.read(1)
            process.stdout.close()
        else:
            deadline = time.monotonic() + 240
            while not (run / "checkpoint.pt").exists() and process.poll() is None and time.monotonic() < deadline:
                time.sleep(0.005)
            time.sleep(0.1)
            for number in numbers:
                process.send_signal(number)
                time.sleep(0.01)
        err = process.stderr.read()
        assert process.wait(240) == (-signal.SIGKILL if len(numbers) == 1 else 1 if numbers else 0), err
    assert err == ""
    if numbers:
        assert in_new_process(command, ["train", "--resume", "--out", str(run)], seconds=60) == 0
    same(saved(run), whole)


def test_python_has_the_last_word_and_says_nothing():
    """At its end it flushes what is left, and would complain: of a full device, of a reader that died."""
    data, buffered = [sys.executable, "-m", "ganlib", "data"], os.environ | {"PYTHONUNBUFFERED": ""}
    for where, code, said in (
        ("/dev/full", 2, "error: standard output cannot be written: No space left on device\n"),
        (None, 0, ""),
    ):
        reader, writer = os.pipe() if where is None else (None, os.open(where, os.O_WRONLY))
        if reader is not None:
            os.close(reader)
        done = subprocess.run(
            data, cwd=ROOT, stdout=writer, stderr=subprocess.PIPE, text=True, timeout=240, env=buffered
        )
        os.close(writer)
        assert (done.returncode, done.stderr) == (code, said)
