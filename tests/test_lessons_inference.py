"""What notebook 16 shows: the demo of the posterior, and tables from the record."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ganlib.lessons import inference as lesson
from ganlib.studies import inference as study


def test_the_demo_shows_the_posterior_at_x():
    demo = lesson.backwards()
    demo.set(shape="twice", x=0.3)
    picture, (z, p) = demo.engine.complete(), study.posterior(study.folded("twice"), 0.3)
    assert [mark.x for mark in picture.panels[1].marks] == pytest.approx(z)
    assert [mark.y for mark in picture.panels[1].marks] == pytest.approx(p)
    [own] = [mark for mark in picture.panels[0].marks if mark.name == "E(x)"]
    assert own.x == pytest.approx(p @ z) and own.moves == (None, "x")
    demo.set(shape="straight", x=1.5)  # the very end, which nothing draws
    assert "No z draws" in demo.engine.complete().words
    demo.x = -0.3
    told = dict((words, float(number.replace("−", "-"))) for number, words in demo.engine.complete().readouts)
    assert all(value == pytest.approx(-math.log(4), abs=1e-3) for value in told.values())


def test_a_G_that_is_drawn_is_taken_as_it_is_and_gaps_are_bridged():
    heights = [0.0, None, 1.0, None, None, -5.0] + [None] * 4
    G = lesson.line(lesson.DRAWN, heights)
    at = np.linspace(-study.REACH, study.REACH, 10)
    assert G.G(at) == pytest.approx([0, 0.5, 1, -1, -1.5, -1.5, -1.5, -1.5, -1.5, -1.5])
    assert lesson.line(lesson.DRAWN, [None] * 10).G(0.5) == pytest.approx(study.folded("straight").G(0.5))
    demo = lesson.backwards()
    demo.set(shape=lesson.DRAWN, drawn=heights)
    assert demo.engine.complete().panels[0].draws == "drawn"


def test_the_exact_rows_of_the_small_table():
    rows = lesson.small_errors(["once"]).data
    first = rows.iloc[0]
    assert first.iloc[2] == pytest.approx(2 * study.least_cost(study.folded("once")))
    assert (rows.iloc[1:, 2] > first.iloc[2] - 1e-3).all(), "no E has a smaller error in z"


def test_the_tables_hold_the_record():
    record = lesson.recorded()
    assert set(record["nets"]) <= set(study.NETS)
    table = lesson.neighbours().data
    assert table["% wrong"].iloc[0] == 100 * record["reference"]["pixels_wrong"]
    errors = lesson.errors().data
    for name, row in zip(record["nets"].values(), errors.to_dict("records")):
        assert row["digits: |x − G(E(x))|²"] == name["errors"]["digits"]
    assert len(lesson.floors().data) == 2 * len(record["nets"])
    assert lesson.visible(0).data["directions that move the picture"].tolist() == [100] * len(record["nets"])
