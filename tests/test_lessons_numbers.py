"""What notebooks 09 to 11 compute in their lessons: on cases by hand, and against the records they read."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch

from ganlib import MNIST, parzen, pretrained, scale
from ganlib.errors import DataError
from ganlib.lessons import k_and_rates, mnist, table_1, why_184
from ganlib.studies import long_runs, measures
from ganlib.studies import table_1 as studied
from ganlib.studies.grids import DIVERGED, Grid, Results, load_results
from ganlib.widgets.explorer_engine import ExplorerEngine, heat_map

LAST, AVERAGE = long_runs.LAST, long_runs.AVERAGE


def two_rates(JSD, width):
    """Results with k of 1 and 3, the rates 0.1 and 2 of both players, one seed and two records."""
    shape = (2, 2, 2, 1, 2)
    curves = {
        name: np.broadcast_to(np.reshape(values, (2, 2, 2, 1, -1)), shape)
        for name, values in (("JSD", JSD), ("width", width))
    }
    curves |= {"C": 2 * curves["JSD"], "V": curves["JSD"]}
    grid = Grid((1, 3), (0.1, 2.0), (0.1, 2.0), (0,))
    return Results("toy", grid, np.array([20.0, 40.0]), curves, np.zeros(shape[:-1], bool), 0.1, {"data": "-"})


# -- k and the learning rates ------------------------------------------------------------------------------------------


def test_the_maps_and_the_explorer_say_the_same_of_every_cell():
    results = load_results()
    engine = ExplorerEngine(results)
    for k in results.grid.ks:
        engine.set(k=k)
        shown = engine.complete().panels[0].cells
        alone = heat_map(results, "width", "D × G", k).cells
        assert shown.words == alone.words
        assert np.array_equal(shown.values, alone.values, equal_nan=True)


def test_where_runs_collapse_and_diverge_by_hand():
    """Collapsed: twice with the faster G, once not. Diverged: once with a rate above 1, and twice with none."""
    width = np.ones((2, 2, 2))
    width[:, 0, 1], width[0, 1, 0] = 0.01, 0.01  # G faster; D faster
    width[:, 0, 0], width[1, 1, 1] = 50, 50  # both rates 0.1; both rates 2
    assert k_and_rates.where(two_rates(np.ones((2, 2, 2)), width)) == pytest.approx((2 / 3, 1 / 3))


def test_what_k_buys_by_hand():
    """At the same updates of G (10) a run with k = 1 stands at its first record, one with k = 3 at its last."""
    JSD = np.full((2, 2, 2, 1, 2), 0.5)
    JSD[0, 0, 0, 0] = 0.5, 0.01  # k = 1: good at the end, not at the first record
    JSD[1, 0, :, 0] = 0.5, 0.02  # k = 3: two runs are good at the end
    table = k_and_rates.what_k_buys(two_rates(JSD, np.ones((2, 2, 2))))
    assert table["JSD of the best setting"].tolist() == [0.01, 0.02]
    assert table["good runs, same work"].tolist() == [0.25, 0.5]
    assert table["good runs, same 10 updates of G"].tolist() == [0, 0.5]
    assert table["C − V, median"].tolist() == pytest.approx([0.5, 0.26])
    assert table["good runs, with a fast G"].tolist() == [0.25, 0.5]


# -- Table 1 -----------------------------------------------------------------------------------------------------------


def test_nothing_is_left_over_when_nothing_is_rounded():
    x, centres = torch.rand(30, 50, generator=torch.Generator().manual_seed(0)), torch.rand(120, 50)
    assert (table_1.left_over(x, centres, 0.2, table_1.exactly) == 0).all()
    assert np.abs(table_1.left_over(x, centres, 0.2)).max() < 1e-9


def test_scores_are_held_against_each_other_digit_by_digit():
    each = pd.DataFrame({"real digits": [1.0, 2.0, 6.0], "samples": [2.0, 3.0, 7.0]})
    assert "samples: 4.0 ± 1.2 nats, +1.0 ± 0.0 against real digits" in table_1.against(each)


def test_the_growth_of_a_score_by_hand():
    grown = pd.DataFrame({"real digits": [100.0, 130.0, 160.0]}, pd.Index([1_000, 2_000, 4_000]))
    assert table_1.slopes(grown).startswith("real digits: +30.0 nats a doubling (1,000: 100, 2,000: 130, 4,000: 160)")


def test_verdicts_on_copies_stand_in_lines_that_fit_a_page():
    told = table_1.told({"copies, shifted": measures.Memorisation(0.11, 30.3, 0.0, 1.0)})
    assert told.startswith("copies, shifted: no sign of copying") and "99\u00a0%" in told
    assert len(told.splitlines()) == 2 and max(map(len, told.splitlines())) <= 100


def test_faces_have_a_row_for_each_iterate(monkeypatch):
    pair = SimpleNamespace(average="kept", averaged=lambda: "average")
    monkeypatch.setattr(table_1.table_1, "find_faces", lambda: (pair, "faces", "here"))
    monkeypatch.setattr(table_1.runs, "score", lambda trained, faces, n: (trained, faces, n))
    of = {"last iterate": pair, "average": "average"}
    assert table_1.score_faces(9) == {f"{who}, paper's grid": (one, "faces", 9) for who, one in of.items()}
    monkeypatch.setattr(pair, "average", None)
    assert list(table_1.score_faces(9)) == ["last iterate, paper's grid"]
    monkeypatch.setattr(table_1.table_1, "find_faces", lambda: (None, None, "none"))
    assert table_1.score_faces(9) == {}


# -- MNIST, scored ----------------------------------------------------------------------------------------------------


def test_real_digits_are_drawn_alike_in_all_notebooks(monkeypatch):
    """The first digits of MNIST's file score less than drawn ones: notebooks 06, 10 and 11 all draw, with seed 0."""
    train = torch.arange(60, dtype=torch.uint8).repeat_interleave(784).view(60, 784)
    data = SimpleNamespace(train=train, valid=train[:5], test=train[:7], name="made up")
    monkeypatch.setattr(mnist.parzen, "choose_sigma", lambda valid, x: (parzen.SIGMAS[2], None))
    monkeypatch.setattr(mnist, "centres", lambda pair: torch.zeros(20, 784))
    monkeypatch.setattr(mnist.parzen, "score", lambda x, valid, test, **_: x)
    found = mnist.scores((SimpleNamespace(iterate="the last iterate"),), data)["real training digits"]
    assert all(torch.equal(x, scale(studied.random_subset(train, 20))) for x in found) and len(found) == 2


def test_the_papers_test_score_stands_on_no_curve_of_validation_scores():
    trained = pretrained("mnist")
    guess, ax = mnist.guess_score(trained), mnist.plot_scores(trained, trained.averaged())
    assert not guess.engine.panel.levels and len(ax.get_lines()) == 2
    assert all(len(line.get_xdata()) > 2 for line in ax.get_lines())
    guess._loop.retire()


# -- where the nats are ------------------------------------------------------------------------------------------------


def test_a_straight_line_has_no_jitter_and_noise_has_its_own(monkeypatch):
    epochs = pd.Index(np.arange(10.0, 8_010, 10), name="epoch")
    noise = np.random.default_rng(0).normal(0, 3, len(epochs))
    for y, expected in ((0.1 * epochs, 0), (0.1 * epochs + noise, 3)):
        monkeypatch.setattr(long_runs, "rows", lambda *_, y=y: pd.DataFrame({"paper": np.asarray(y)}, epochs))
        assert long_runs.jitter("seed 0", 4_000, width=4_000) == pytest.approx(expected, abs=0.3)


@pytest.mark.parametrize(
    ("ask", "told"),
    [
        (lambda: long_runs.rows("seed 9", "test"), "no run 'seed 9' is recorded; there are: .*seed 0"),
        (lambda: long_runs.rows("seed 0", "tests"), "no split 'tests' is recorded; there are: validation, test"),
        (lambda: long_runs.rows("seed 0", "test", "mean"), "no iterate 'mean' .*average, .*last iterate"),
        (lambda: long_runs.jitter("seed 0", 90_000), "0 scores of seed 0 lie within 100 epochs of epoch 90000"),
        (lambda: long_runs.score_now(None, None, draws=1), "draws is 1; it must be a whole number of 2 or more"),
    ],
)
def test_what_the_records_do_not_hold_is_said(ask, told):
    with pytest.raises(DataError, match=told):
        ask()


def test_the_effective_rate_is_the_recipes():
    rate = long_runs.effective_rate([1, 250, 1_000])
    assert rate[1] == pytest.approx(0.1 / MNIST.lr_decay**500 / (1 - MNIST.momentum(1)))
    assert rate[1_000] == pytest.approx(0.1 / MNIST.lr_decay**500_000 / 0.3)


def test_a_run_is_held_against_seed_0_at_the_same_epoch():
    part = long_runs.against("normal prior", LAST)
    one, other = (long_runs.rows(run, "test")["paper"][100] for run in ("normal prior", "seed 0"))
    assert part.nats == f"{one - other:+.1f}" and "epoch 100, seed 0" in part.compared
    assert "validation" in long_runs.against("annealed", LAST).compared, "of no epoch do both have a test score"
    assert "at 1000, test" in long_runs.against("annealed", LAST, 150).compared


def test_the_fit_of_the_gap_is_that_of_a_power_law(monkeypatch):
    real = long_runs.rows
    rate = long_runs.effective_rate(np.arange(1, 1_001))

    def rows(run, split, iterate=LAST):
        table = real(run, split, iterate).copy()
        if iterate == AVERAGE and split == "test":
            last = real(run, split)["paper"]
            table["paper"] = [last[e] + 100 * rate[int(e)] ** 0.6 for e in table.index]
        return table

    monkeypatch.setattr(long_runs, "rows", rows)
    found = long_runs.gap()
    assert (found.power, found.factor) == pytest.approx((0.6, 100))


def test_the_guess_of_the_average_holds_what_was_recorded():
    guess = why_184.guess_average()
    truth = guess.engine.truth()
    recorded = long_runs.rows("seed 0", "validation", AVERAGE)["paper"].loc[20:]
    assert truth.x.tolist() == recorded.index.tolist() and truth.y.tolist() == recorded.tolist()
    guess._loop.retire()


def test_what_the_text_of_notebook_11_says_of_the_records():
    """Each sentence without a number in it that could become false with other records."""
    for iterate in (LAST, AVERAGE):  # a Gaussian prior: within the spread of two seeds
        spread = long_runs.seeds_of(iterate, "validation")[1]
        assert abs(float(long_runs.against("normal prior", iterate).nats)) < spread
    for run, iterate, lowest in (("float32", LAST, 5.3), ("float32", AVERAGE, 0), ("normal prior", LAST, 0)):
        seeds, score = (
            long_runs.seeds_of(iterate, "test")[0].loc[100],
            long_runs.rows(run, "test", iterate)["paper"][100],
        )
        assert round(max(0, seeds.min() - score), 1) == lowest and score < seeds.max() and len(seeds) == 3
    spread = {
        (name, split): long_runs.seeds_of(name, split) for name in (LAST, AVERAGE) for split in ("validation", "test")
    }
    at_300 = {what: table.loc[300].std(ddof=1) for what, (table, _) in spread.items()}
    assert at_300[AVERAGE, "test"] < 1 < 4 < at_300[AVERAGE, "validation"]
    assert [round(pooled) for _, pooled in spread.values()] == [3, 3, 3, 1]
    assert all(spread[AVERAGE, split][1] < spread[LAST, split][1] for split in ("validation", "test"))
    assert float(long_runs.against("alternating", LAST).nats) < -100
    assert (
        float(long_runs.against("annealed", LAST, 150).nats)
        > 3
        > 1
        > float(long_runs.against("annealed", AVERAGE, 150).nats)
    )
    assert (
        long_runs.rows("seed 0", "test")["paper"].max() < 223 <= long_runs.rows("half", "test", AVERAGE)["paper"][150]
    )
    by, on = (long_runs.rows("seed 0", split, AVERAGE)["paper"] for split in ("validation", "test"))
    assert by[700] < by[300] and on[700] > on[300]
    rate = long_runs.effective_rate(np.arange(1, 3_001))
    assert rate[rate < rate[1] / 10].index[0] > 1_000
    gain = (
        long_runs.rows("seed 1", "validation", AVERAGE)["paper"] - long_runs.rows("seed 1", "validation")["paper"]
    ).dropna()
    assert gain.loc[40:].between(30, 50).all(), gain
    assert long_runs.recorded()["annealed"]["changes"][:2] == ["lr_D: 0.1 -> 0.01", "lr_G: 0.1 -> 0.01"]


def test_every_run_says_who_trained_it_and_how_far_its_average_looks_back():
    runs, newer = long_runs.recorded(), {"half", "faster", "float32", "normal prior", "alternating"}
    assert runs.keys() == newer | {"seed 0", "seed 1", "seed 2", "annealed"}
    for name, run in runs.items():
        assert run["average_part"] == (2 if name in ("half", "faster") else 10), name
        assert (run["trained_by"][0]["commit"] == "ddcf900da85c") == (name not in newer), name
        assert run["precision"] == ("float32" if name == "float32" else "bfloat16"), name
        assert run["seed"] == (int(name[5:]) if name.startswith("seed ") else 0), name
    assert runs["seed 0"]["trained_by"] == pretrained("mnist").info["trained_by"]
    assert runs["annealed"]["trained_by"][:-1] == runs["seed 0"]["trained_by"]
    assert runs["annealed"]["trained_by"][-1]["from_step"] == 500_000


def test_the_answers_of_the_guesses_are_what_was_recorded():
    """The grid costs some 4 to 6 nats; a half of the run beats a tenth; D's rate may go up to between 0.3 and 1."""
    for iterate in (LAST, AVERAGE):
        row = long_runs.rows("seed 0", "test", iterate).loc[1_000]
        assert 3.5 < row.fine - row.paper < 6.5 and row.fine_sigma == pytest.approx(0.18, abs=0.005)
    assert parzen.SIGMAS[1] / parzen.SIGMAS[0] == pytest.approx(1.29, abs=0.005)
    table = long_runs.look_back().dropna(subset="average over a tenth (seed 0)")
    apart = (table["last iterate (half)"] - table["last iterate (seed 0)"]).abs()
    gain = table["average over a half"] - table["average over a tenth (seed 0)"]
    assert (
        gain.loc["40":].min() >= 15 and apart.max() < 9 and long_runs.look_back_gain().nats == f"{gain.iloc[-1]:+.1f}"
    )
    average = long_runs.rows("seed 0", "validation", AVERAGE)["paper"]
    assert abs(average[300] - average.iloc[-1]) < 5
    lost = load_results().share(DIVERGED).mean((0, 2))  # by D's rate
    assert (lost[:2] == 0).all() and 0 < lost[2] < lost[3] == 1
    for module in (k_and_rates, table_1, why_184):
        for name in (name for name in vars(module) if name.startswith("guess_")):
            guess = getattr(module, name)()
            assert guess.engine.because, name
            guess._loop.retire()


@pytest.mark.parametrize("which", range(3))
def test_parts_of_a_gap_in_words(which):
    part = long_runs.Part("+1.0", "at most 2.0", "test")
    said = ["+1.0 nats (test; ± at most 2.0)", "+1.0 nats (test)", "not run yet"]
    cases = [part, part._replace(error=""), long_runs.Part("not run yet", "", "")]
    assert str(cases[which]) == said[which]
