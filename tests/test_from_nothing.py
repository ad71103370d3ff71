"""Notebook 1 types a GAN in plain torch, and then the same in `ganlib`: here from the notebook's own cells."""

from __future__ import annotations

import contextlib
import io
import re

import pytest
import torch

from tests.test_notebooks import LONGEST, NOTEBOOKS, cells

pytestmark = pytest.mark.usefixtures("one_thread")
GAME = "01_the_game"
LINES = 40  # that a student types


def tagged(tag: str) -> list[str]:
    """The source of the notebook's cells with a tag, in order."""
    return [cell.source for cell in cells(GAME, "code") if tag in cell.metadata.get("tags", ())]


@pytest.fixture(scope="module")
def space(one_thread) -> dict[str, object]:
    """What the cells leave behind: those that work in an empty notebook; then the set-up and the five lines."""
    found: dict[str, object] = {}
    with contextlib.redirect_stdout(io.StringIO()) as found["said"]:
        for source in (*tagged("from-nothing"), *tagged("what-came-out")):
            exec(compile(source, "typed by hand", "exec"), found)
        for source in (cells(GAME, "code")[1].source, *tagged("five-lines")):
            exec(compile(source, "ganlib", "exec"), found)
    return found


def test_the_gan_from_nothing_is_short_plain_torch():
    typed = tagged("from-nothing")
    lines = [line for source in typed for line in source.splitlines() if line.strip()]
    assert 20 < len(lines) <= LINES
    assert all(len(source.splitlines()) <= LONGEST for source in typed)
    imported = re.findall(r"^\s*(?:import|from) (\w+)", "\n".join(typed), re.M)
    assert set(imported) == {"torch"}


def test_every_cell_is_explained_before_the_next():
    """Between two cells that are typed there is text."""
    everything = NOTEBOOKS[GAME].cells
    typed = [i for i, cell in enumerate(everything) if "from-nothing" in cell.metadata.get("tags", ())]
    for i in typed:
        assert everything[i + 1].cell_type == "markdown" and len(everything[i + 1].source) > 100


def test_the_same_in_ganlib_is_five_lines():
    [five] = tagged("five-lines")
    lines = [line for line in five.splitlines() if line.strip() and not line.startswith(("from ", "import "))]
    assert len(lines) == 5


def test_both_end_at_the_same_numbers(space):
    """Bit for bit is too much to ask: log(sigmoid(a)) and softplus(-a) round otherwise. Equal to 12 decimals it is."""
    for typed, theirs in ((space["G"], space["trainer"].G), (space["D"], space["trainer"].D)):
        for p, q in zip(typed.parameters(), theirs.parameters(), strict=True):
            assert p.dtype == q.dtype == torch.float64
            assert torch.allclose(p, q, rtol=0, atol=1e-11)
    assert len(space["values"]) == space["trainer"].step == 3_000
    assert [step.V for step in space["steps"][-100:]] == pytest.approx(space["values"][-100:], abs=1e-10)


def test_it_learns_the_data(space):
    fakes, pixels = space["fakes"], space["pixels"]
    assert fakes.mean().item() == pytest.approx(pixels.mean().item(), abs=5)
    assert fakes.std().item() == pytest.approx(pixels.std().item(), abs=5)
    assert "mean 150, spread 31" in space["said"].getvalue()


def test_a_slip_in_either_would_be_seen(space):
    """The rate of D in `ganlib` is twice the one of the text, as its cost is V/2: with the same one they part."""
    from dataclasses import replace

    from ganlib import Trainer

    game, one_pixel = replace(space["game"], lr_D=0.1), space["lesson"].one_pixel(space["pixels"])
    other = Trainer(game, one_pixel, seed=0, device="cpu", precision="float64")
    first = [step.V for step in other.steps(50)]
    assert max(abs(a - b) for a, b in zip(first, space["values"])) > 1e-3
