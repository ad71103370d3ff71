"""The conditional game under a person's hands, without a page: what is shown at a c."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.special import expit

from ganlib import RecipeError
from ganlib.studies import conditional
from ganlib.studies.conditional import ConditionalToys, Fork, Marginal
from ganlib.widgets import LiveFork
from ganlib.widgets.fork import EDGES, EVERY, C, ForkEngine, X


@pytest.fixture
def play():
    return ForkEngine(seed=2)


def test_what_is_shown_is_the_game_at_this_c(play):
    for _ in range(EVERY):
        play.once()
    play.set(c=0.4)
    toys = ConditionalToys(seeds=2)
    for _ in range(EVERY):
        toys.iterate()
    upper, data, own, chart = play.complete().panels
    lines = {line.name: line.y for line in upper.lines}
    p_g = toys.given(0.4).in_bins(EDGES)
    D = expit(toys.logit_given(X, 0.4))
    assert lines["p_data"] == pytest.approx(Fork()(0.4).pdf(X)) and lines["D"] == pytest.approx(D)
    seen = p_g + lines["p_data"] > 1e-9
    assert lines["D*"][seen] == pytest.approx((lines["p_data"] / (lines["p_data"] + p_g))[seen])
    assert own.heat.z[:, 16] == pytest.approx(np.minimum(p_g, 1.3)) and C[16] == pytest.approx(0.4)
    assert data.heat.z[:, 16] == pytest.approx(lines["p_data"], abs=1e-12)
    words, here = play.complete().words, toys.at_c(0.4).JSD
    assert f"is {here:.3f} nats; averaged over c {toys.measure(n=6).JSD:.3f}" in words
    assert chart.lines[0].x.tolist() == [0, EVERY]
    assert chart.levels[0].y == pytest.approx(conditional.JSD(Fork(), lambda c: Marginal(Fork())), abs=5e-3)


def test_looking_elsewhere_changes_nothing_and_a_reset_is_exact(play):
    def nets():
        return torch.cat([p.detach().flatten() for p in play.toys.G.parameters()])

    def after(n, look):
        for i in range(n):
            if look:
                play.set(c=i / n)
                play.complete()
            play.once()
        return nets()

    plain = after(20, False)
    play.press("reset")
    assert torch.equal(after(20, True), plain)
    play.press("reset", seed=3)
    assert not torch.equal(after(20, False), plain)


def test_rates_and_k_are_those_of_the_game(play):
    play.set(k=1, lr_G=0)
    G = [p.detach().clone() for p in play.toys.G.parameters()]
    play.once()
    assert int(play.toys.k.max()) == 1 and all(torch.equal(a, b) for a, b in zip(G, play.toys.G.parameters()))
    for values in ({"c": 1.2}, {"k": 0}, {"lr_D": 2.0}, {"lr_G": "fast"}):
        with pytest.raises(RecipeError):
            play.set(**values)


def test_the_widget_and_its_still_picture():
    play = LiveFork(seed=1, c=0.2)
    assert play["c"] == 0.2 and len(play.preview(steps=5)) > 1_000
    play.c = 0.9
    play.step()
    assert play.engine.toys.step == 1 and play.state == "paused"
