"""What notebook 12 says of the recorded rows and of the chains, on a made-up record and on chains that are known."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from ganlib.baselines.model import Chain
from ganlib.lessons import rest_of_table_1 as lesson
from ganlib.studies import table_1
from ganlib.studies.chains import Mixing

SCORES = {"vae": (-120, 230), "gan": (212, 212), "gsn": (-90, 205), "dbm": (-50, 150), "cae": (119, 119)}


@pytest.fixture
def record(tmp_path, monkeypatch):
    """A record in another order than Table 1's, with a model that is no row of it, and one row of faces."""

    def row(model, kind, score, **other):
        row = {"model": model, "data": "mnist", "kind": kind, "epochs": 9, "seed": 0, "log_likelihood": score}
        row |= {"standard_error": 2.0, "sigma": 0.1668, "fine": score + 3, "frechet": 5 - score / 100}
        row |= {"precision": 0.9, "recall": 0.8, "classes": [0.1] * 10, "nearer": 0.5, "tail": 0.01}
        return row | other

    rows = [
        row(model, kind, score)
        for model, pair in SCORES.items()
        for kind, score in zip(("means", "samples"), pair[::-1])
    ]
    rows.append(row("vae", "means", 1_900, data="fer2013"))
    path = tmp_path / "baselines.json"
    path.write_text(json.dumps({"rulers": {"mnist": {"floor": 0.2, "classifier": "made up"}}, "rows": rows}))
    monkeypatch.setattr(table_1, "BASELINES", path)
    return rows


def test_rows_are_in_the_order_of_table_1_and_equal_ones_stand_once(record):
    found = lesson.rows()
    assert list(zip(found["name"], found["kind"])) == [
        ("Stacked CAE", "both"),
        ("Deep GSN", "samples"),
        ("Deep GSN", "means"),
        ("Adversarial nets", "both"),
        ("VAE", "samples"),
        ("VAE", "means"),
    ]
    pairs = lesson.both(found, "log_likelihood")
    assert pairs.loc["Stacked CAE"].tolist() == [119, 119] and pairs.loc["VAE"].tolist() == [-120, 230]
    assert not len(lesson.rows("lfw"))


def test_the_papers_number_stands_at_the_kind_of_picture_it_is_of(record):
    frame = lesson.the_table().data.set_index(["model", "scored"])["the paper"]
    assert frame["Deep GSN", "conditional means"] == "214 ± 1.1" and frame["Deep GSN", "draws"] == ""
    assert frame["Adversarial nets"].tolist() == ["225 ± 2"] and (frame["VAE"] == "").all()
    assert "Deep GSN: draws -90, conditional means 205 (+295); the paper 214, our means -9" in lesson.gaps()


def test_faces_bear_their_own_name(record):
    frame = lesson.faces().data
    assert frame[frame["faces"] == "TFD"]["nats"].tolist() == [pair[1] for pair in table_1.PAPER.values()]
    own, real = frame[frame["faces"] != "TFD"].to_dict("records")
    assert (real["model"], real["nats"]) == ("real training faces (here)", "-66 ± 4")
    assert own == {
        "model": "VAE (here)",
        "faces": "fer2013, not TFD",
        "scored": "conditional means",
        "nats": "1900 ± 2",
    }


def test_where_no_faces_were_scored_it_says_so(record, monkeypatch):
    record = [row for row in record if row["data"] == "mnist"]
    monkeypatch.setattr(table_1, "recorded", lambda: {"rows": record})
    assert "no model of this page" in lesson.faces().data["model"].iloc[-1]


def test_the_ranks_by_hand(record):
    lines = lesson.ranks().splitlines()
    assert (
        lines[0]
        == "Parzen window: first VAE (conditional means), second Adversarial nets (draws = means), last VAE (draws)"
    )
    assert lines[1].startswith("Fréchet distance: first VAE (conditional means)")  # the least distance comes first


@pytest.mark.parametrize(("between", "answer"), [(1.3, 1), (4, 10), (29, 10), (33, 100), (400, 1_000), (np.inf, 1_000)])
def test_the_answer_to_how_long_a_digit_stays_is_the_nearest(between, answer):
    found = {name: Mixing(np.ones(3), 5.0, n, 2.0, 100) for name, n in (("DBN", between), ("Adversarial nets", 1.7))}
    guess = lesson.guess_stays(found)
    assert guess.engine.answer == lesson.STAYS[answer]
    assert guess.engine.because.endswith("For draws of G it is 1.7.")


def test_draws_that_are_their_own_means_are_shown_once():
    data = SimpleNamespace(test=torch.zeros(30, 4, dtype=torch.uint8), train=torch.ones(30, 4, dtype=torch.uint8))
    G = SimpleNamespace(samples=lambda n, seed: torch.zeros(n, 4))

    def model(noise):
        drawn = lambda n, seed, means: torch.full((n, 4), 0.0 if means else noise)  # noqa: E731
        return SimpleNamespace(samples=drawn, recipe=SimpleNamespace(from_data=False))

    first = lesson.first_draws({"A": model(1.0), "B": model(0.0)}, G, data, n=5)
    own = lesson.KINDS["both"]
    assert list(first) == [
        "real digits",
        "A: draws",
        "A: conditional means of the same draws",
        f"B: {own}",
        f"Adversarial nets: {own}",
    ]
    assert first["A: draws"].eq(1).all() and first["A: conditional means of the same draws"].eq(0).all()


def test_a_chain_that_was_watched_too_briefly_has_a_limit_only():
    long, short = (Mixing(np.ones(lags + 1), 20.0, 3.0, 2.0, 400) for lags in (100, 99))
    assert (lesson.said(long), lesson.said(short)) == ("20", "at least 20")
    assert lesson.mixing_table({"a": long, "b": short}).data.iloc[:, -1].tolist() == ["500 draws", "at most 500 draws"]


def test_chains_that_fade_are_left_out_and_said(capsys):
    class Fading(Chain):
        """It loses a part of its light at each step, or only moves it."""

        def __init__(self, kept):
            super().__init__(SimpleNamespace(chains=1, burn_in=0, thin=1), torch.zeros(16))
            self.kept = kept

        def walk(self, x, rng):
            while True:
                x = self.kept * x.roll(1, 1)
                yield x, x

    data = SimpleNamespace(test=(255 * torch.eye(16)).repeat(2, 1).to(torch.uint8))
    by = SimpleNamespace(probabilities=lambda x: x[:, :10])
    mixed = lesson.mix({"fades": Fading(0.9), "goes on": Fading(1.0)}, data, by)
    assert list(mixed) == ["goes on"]
    assert "fades: after 50 steps 20 of 20 pictures are empty" in capsys.readouterr().out
