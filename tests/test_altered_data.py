"""Data files that somebody altered, over all formats: each is one error of one line, in bounded memory and time."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
import safetensors.torch
import torch

from benchmarks.memory import UNKNOWN, peak
from ganlib import datasets
from ganlib.datasets import cifar10, kept, lfw
from tests import altered_data, altered_mat, altered_tars
from tests.archives import archive
from tests.killed import in_new_process

MEMORY, SECONDS = 500_000_000, 10
LOADS = ("nothing", "the most")  # what was altered where nothing is wrong
resource = pytest.importorskip("resource", reason="memory cannot be limited here")
STATM = Path("/proc/self/statm")
pytestmark = pytest.mark.skipif(peak() is None or not STATM.exists(), reason=UNKNOWN)


FORMATS: dict[str, tuple[str, Callable[[], dict[str, altered_data.Files]], Callable[[], altered_data.Files], bool]] = {
    # the set; what is altered; the good files around it; whether it is verified
    "MNIST, plain": ("mnist", altered_data.mnist_plain, lambda: dict(altered_data.digits()), False),
    "MNIST, gzipped": ("mnist", altered_data.mnist_gzipped, altered_data.digits_gzipped, False),
    "CIFAR-10, a folder": ("cifar10", altered_tars.cifar_folder, altered_tars.cifar.made, False),
    "CIFAR-10, a folder, verified": ("cifar10", altered_tars.cifar_checked, altered_tars.cifar.made, True),
    "CIFAR-10, an archive": ("cifar10", altered_tars.cifar_archive, dict, False),
    "LFW": ("lfw", altered_tars.lfw_archive, dict, False),
    "LFW, kept in the cache": ("lfw", altered_data.cached, dict, False),
    "TFD": ("tfd", altered_mat.tfd, dict, False),
    "FER-2013": ("fer2013", altered_data.fer2013, dict, False),
}  # fmt: skip


def largest() -> dict[str, tuple[str, str, bytes]]:
    """What is as large as a reader takes: the set, the file, and its content."""
    n = lfw.KEPT // 2_400
    made = {"pictures": torch.zeros(n, 2304, dtype=torch.uint8), "people": torch.arange(n)}
    return {
        "TFD": ("tfd", altered_mat.MAT, altered_mat.many_faces(120_000 - 1)),
        "LFW, kept in the cache": ("lfw", "kept", safetensors.torch.save(made, {"sha256": kept._digest(made)})),
    }


def load_all(folder: Path, result: Path) -> None:
    """In a process of its own: load each altered file, and write what came of it, a line of JSON each."""
    datasets.mnist.RECORD.counts = {"train": altered_data.TRAIN, "t10k": altered_data.TEST}
    cifar10.RECORD.counts = {"a file": altered_tars.cifar.N}
    lfw.RECORD.counts = {"pictures": len(altered_tars.people.PICTURES), "people": len(altered_tars.people.PEOPLE)}
    datasets.fer2013.RECORD.counts = {"Training": 4, "PublicTest": 6, "PrivateTest": 7}
    warnings.simplefilter("ignore")
    os.chdir(folder)  # where something that is executed leaves its trace
    with open(result, "w") as out:

        def one(title: str, case: str, name: str, files: altered_data.Files, verify: bool) -> None:
            """Put the files there, load the set and ask for its status: the errors, the seconds, the bytes."""
            print(json.dumps([title, case]), file=out, flush=True)  # so that a crash has a name
            put(title, files, folder)
            files.clear()
            found, grown, began = [], Growth(), time.monotonic()
            for ask, options in ((datasets.load, {"verify": verify, "download": False}), (datasets.status, {})):
                try:
                    ask(name, **options)
                    found.append(["", ""])
                except BaseException as error:
                    found.append([type(error).__name__, str(error)])
            print(json.dumps([title, case, *found, time.monotonic() - began, grown.end()]), file=out, flush=True)

        for title, (name, make, around, verify) in FORMATS.items():
            if title != "LFW, kept in the cache":
                one(title, "nothing", name, good(title), verify)
            for case, change in make().items():
                one(title, case, name, around() | change, verify)
        for title, (name, file, content) in largest().items():
            one(title, "the most", name, {file: content}, False)


class Growth:
    """How much more memory this process holds at most, and a limit that it cannot pass."""

    def __init__(self):
        with contextlib.suppress(OSError), open("/proc/self/clear_refs", "w") as marks:
            marks.write("5")  # on Linux the peak begins anew
        self.before = peak()
        taken = int(STATM.read_text().split()[0]) * resource.getpagesize()
        self.limits = soft, hard = resource.getrlimit(resource.RLIMIT_AS)
        lowest = min([taken + 3 * MEMORY, *(limit for limit in (soft, hard) if limit != resource.RLIM_INFINITY)])
        resource.setrlimit(resource.RLIMIT_AS, (lowest, hard))

    def end(self) -> int:
        resource.setrlimit(resource.RLIMIT_AS, self.limits)
        return peak() - self.before


def put(title, files, folder):
    """The files in an empty folder of the user's own, or in an empty cache."""
    own, cache = folder / "own", folder / "cache"
    os.environ |= {"GANLIB_DATA": str(own), "GANLIB_CACHE": str(cache)}
    for path in (own, cache):
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir()
    for file, content in files.items():
        path = own / ("cifar-10-batches-bin" if title.startswith("CIFAR-10, a folder") else "") / file
        if file == "kept":
            path = cache / "lfw" / f"{lfw.RECORD.files[lfw.ARCHIVE]}.safetensors"
        path.parent.mkdir(exist_ok=True)
        if content is not None:
            content(path) if callable(content) else path.write_bytes(content)


def good(title):
    """The files as they should be, where a format's cases leave some out."""
    made = FORMATS[title][2]()
    if title == "CIFAR-10, an archive":
        made = {cifar10.ARCHIVE: archive(*altered_tars.cifar.members(altered_tars.cifar.made()))}
    elif title == "LFW":
        made = {lfw.ARCHIVE: archive(*altered_tars.people.members(altered_tars.people.made()))}
    elif title == "TFD":
        made = {altered_mat.MAT: altered_mat.put_together(packed=True)}
    elif title == "FER-2013":
        made = {"fer2013.csv": altered_data.faces.text().encode()}
    return made


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("altered")
    code = in_new_process(load_all, folder, folder / "result")
    lines = [json.loads(line) for line in (folder / "result").read_text().splitlines()]
    assert code == 0, f"the process ended with {code} at {lines[-1][:2]}"
    assert not (folder / "executed").exists(), "something was executed"
    return [line for line in lines if len(line) > 2]


@pytest.mark.parametrize("title", FORMATS)
def test_each_altered_file_is_one_error_of_one_line_in_bounded_memory_and_time(title, outcomes):
    wrong, n = {}, 0
    for which, case, (kind, said), (status_kind, _), seconds, grown in outcomes:
        if which != title or case in LOADS:
            continue
        n += 1
        right = kind == "DataError" or (kind == "Unreachable" and "is not here" in said)
        if not right or status_kind or "\n" in said or len(said) > 1_500 or seconds > SECONDS or grown > MEMORY:
            wrong[case] = (kind, said[:300], status_kind, f"{seconds:.1f} s", f"{grown:,} bytes")
    assert not wrong, "\n".join(f"{case}: {what}" for case, what in wrong.items())
    assert n >= 11


def test_there_are_two_hundred_and_the_files_that_they_are_made_of_are_right(outcomes):
    assert len({(title, case) for title, case, *_ in outcomes if case not in LOADS}) >= 200
    for title, case, (kind, said), *_ in outcomes:
        assert case not in LOADS or not kind, (title, case, kind, said)


def test_the_largest_files_that_are_taken_stay_within_the_bound_that_load_states(outcomes):
    assert "500 MB" in datasets.load.__doc__
    grown = {title: grown for title, case, *_, grown in outcomes if case == "the most"}
    assert grown.keys() == {"TFD", "LFW, kept in the cache"}
    assert all(10**8 < n < MEMORY for n in grown.values()), grown
