"""A few labels in a person's hands, without a page: what a click labels, what is counted, and mistakes."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from ganlib import RecipeError
from ganlib.studies import semi_supervised as study
from ganlib.widgets import FewLabels
from ganlib.widgets.few_labels import EVERY, N_TEST, FewLabelsEngine


@pytest.fixture
def engine():
    return FewLabelsEngine()


def parameters(engine):
    nets = (engine.game.D, engine.game.G, engine.alone.D)
    return [p.detach().clone() for net in nets for p in net.parameters()]


def test_a_click_labels_the_nearest_point_and_another_takes_the_label_away(engine):
    assert sorted(engine.known_y.tolist()) == [0, 1]
    engine.set(points=[[-1.4, 0.0], [1.45, 0.0]])
    at = torch.tensor(engine.values["points"])
    far = torch.cdist(at, engine.x).min(1).values
    assert far.max() < 1e-6, "the labels stand on points of the data"
    assert engine.known_y.tolist() == [0, 1]
    assert torch.equal(engine.game.y, engine.known_y) and torch.equal(engine.alone.known, engine.known)
    one = engine.values["points"][0]
    engine.set(points=[one, one, [one[0] + 1e-4, one[1]]])  # the same point once
    assert len(engine.values["points"]) == 1 and engine.lines is None
    assert "a point of each class" in engine.picture().words
    engine.set(points=[])
    assert engine.known.shape == (0, 2)
    engine.step()  # without a label the game goes on


def test_both_nets_begin_alike_and_only_one_plays(engine):
    same = zip(engine.game.D.parameters(), engine.alone.D.parameters())
    assert all(torch.equal(a, b) for a, b in same)
    G = [p.detach().clone() for p in engine.alone.G.parameters()]
    for _ in range(EVERY):
        engine.once()
    assert all(torch.equal(a, b) for a, b in zip(G, engine.alone.G.parameters()))
    assert engine.curves.rows()[-1, 0] == EVERY
    test, y = study.points("moons", N_TEST, seed=2)
    with torch.no_grad():
        p = engine.game.D.classes(test).softmax(1)
    assert engine.wrong["game"] == pytest.approx(((p[:, 1] > 0.5) != (y == 1)).double().mean().item())
    np.testing.assert_allclose(engine.share("game", test.numpy()), p[:, 1].numpy(), atol=1e-6)


def test_a_reset_and_other_data_begin_anew(engine):
    begun = parameters(engine)
    for _ in range(3):
        engine.once()
    engine.press("reset", seed=0)
    assert all(torch.equal(a, b) for a, b in zip(begun, parameters(engine)))
    engine.set(data="rings")
    assert engine.game.steps == 0 and sorted(engine.known_y.tolist()) == [0, 1]
    radius = engine.x.norm(dim=1)
    assert radius[engine.y == 1].mean() < 0.8 < 1.2 < radius[engine.y == 0].mean()
    engine.press("more")
    assert len(engine.values["points"]) == 3 and engine.events[-1][1:] == ("points", 3)
    engine.press("clear")
    assert engine.values["points"] == [] and engine.game.steps == 0
    engine.set(noise=0.0)
    assert engine.game.D.layers[1].layer.noise == 0


def test_the_picture_says_what_is_counted(engine):
    picture = engine.complete()
    assert [panel.title for panel in picture.panels[:3]] == [
        *("Logistic regression", "The net on labels alone", "The net in the game")
    ]
    assert all(panel.draws == "points" for panel in picture.panels[:3])
    assert engine.png().startswith(b"\x89PNG")


def test_mistakes_change_nothing(engine):
    before = dict(engine.values)
    for wrong in ({"points": [[0, math.nan]]}, {"points": [[1, 2, 3]]}, {"data": "stars"}, {"noise": 9}):
        with pytest.raises(RecipeError):
            engine.set(**wrong)
    assert engine.values == before
    with pytest.raises(RecipeError, match="there is no control"):
        FewLabels(labels=3)
