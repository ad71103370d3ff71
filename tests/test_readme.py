"""The numbers in README.md and REFERENCE.md against the results and weights that they are of."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from ganlib import MNIST

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
REFERENCE = (ROOT / "REFERENCE.md").read_text(encoding="utf-8")
RUNS = json.loads((ROOT / "ganlib" / "results" / "mnist_runs.json").read_text())["runs"]
LONGEST = "average, 33333 steps"


def weights(name: str) -> dict:
    """What stands beside shipped weights."""
    return json.loads((ROOT / "ganlib" / "weights" / f"{name}.json").read_text())


def said(score: dict) -> str:
    """A score as the README writes it."""
    return f"{score['log_likelihood']:.1f} ± {score['standard_error']:.1f}"


def scored(run: str, split: str, epoch: int, iterate: str) -> dict:
    """The row of a run at an epoch."""
    [row] = [r for r in RUNS[run][split] if r["epoch"] == epoch and r["iterate"] == iterate]
    return row


def row(words: str) -> list[str]:
    """The cells of the README's table in the row that begins with these words."""
    [line] = [line for line in README.splitlines() if line.startswith(f"| {words}")]
    return [cell.strip(" *") for cell in line.strip("|").split("|")]


def test_the_scores_of_the_shipped_pair():
    shipped = weights("mnist")
    for words, of in (("this project, the recipe's last", shipped), ("the same run, average", shipped["average"])):
        cells = row(words)
        assert cells[1] == said(of["parzen"]) and cells[3] == said(of["parzen_fine_grid"])
        assert cells[2] == f"{of['parzen']['sigma']:.4f}" and cells[4] == f"{shipped['epochs']:,.0f}"
        assert README.count(cells[1]) == 2  # in the first paragraph, too


def test_the_scores_of_the_other_runs():
    for words, iterate in (("a run of 150 epochs", LONGEST), ("the last iterate of that run", "last iterate")):
        of, cells = scored("half", "test", 150, iterate), row(words)
        assert cells[1].startswith(f"{of['paper']:.1f} ±") and cells[3] == f"{of['fine']:.1f}"
    for words, iterate in (("last iterates of three seeds", "last iterate"), ("averages of the three", LONGEST)):
        seeds, cells = [scored(f"seed {i}", "test", 300, iterate) for i in range(3)], row(words)
        for cell, grid in ((1, "paper"), (3, "fine")):
            values = [of[grid] for of in seeds]
            assert cells[cell] == f"{np.mean(values):.1f}, {np.std(values, ddof=1):.1f}"
    values = [scored(f"seed {i}", "validation", 300, LONGEST)["paper"] for i in range(3)]
    assert f"their averages have {np.mean(values):.1f}, {np.std(values, ddof=1):.1f}" in README


def test_the_four_draws_are_those_of_notebook_11():
    notebook = (ROOT / "notebooks" / "11_why_184.ipynb").read_text(encoding="utf-8")
    for number in ("210.5", "224.7"):
        assert f">{number}<" in notebook and number in README


def test_the_scores_of_the_faces():
    faces, real = weights("fer2013"), json.loads((ROOT / "ganlib" / "results" / "real_faces.json").read_text())
    of = [faces["parzen"], faces["average"]["parzen"], real["parzen"]]
    last, average, real = (f"{s['log_likelihood']:.0f} ± {s['standard_error']:.0f}" for s in of)
    assert f"score {last} by the last iterate and {average} by the average" in REFERENCE
    assert f"get {real}:" in REFERENCE


def test_the_scores_of_the_other_rows():
    scored = json.loads((ROOT / "ganlib" / "results" / "baselines.json").read_text())["rows"]
    of = {(one["model"], one["kind"]): one for one in scored if one["data"] == "mnist"}
    for words, model in (
        ("Deep belief net", "dbn"),
        ("Stacked contr", "cae"),
        ("Deep GSN", "gsn"),
        ("Variational", "vae"),
    ):
        cells = row(words)
        assert cells[2] == said(of[model, "means"]) and cells[3] == said(of[model, "samples"])
    epochs = {model: of[model, "means"]["epochs"] for model in ("dbn", "cae", "gsn", "vae")}
    for words, said_so in (
        ("Deep belief net", f"two layers of 1,000, {epochs['dbn'] // 2} epochs each"),
        ("Stacked contr", f"two layers of 1,000, {epochs['cae'] // 2} epochs each"),
        ("Deep GSN", f"{epochs['gsn']} epochs"),
        ("Variational", f"{epochs['vae']} epochs"),
    ):
        assert said_so in row(words)[4]


def test_the_epochs_of_a_profile():
    assert f"trains MNIST for {MNIST.at('quick').epochs} epochs" in REFERENCE
    assert f"into runs/mnist-0, {MNIST.epochs} epochs" in REFERENCE


def test_the_numbers_of_section_7():
    conditional, labels = (
        json.loads((ROOT / "ganlib" / "results" / f"{name}.json").read_text())
        for name in ("conditional", "semi_supervised")
    )
    last, average = conditional["class"]["rows"]
    [cells] = [line.split("|") for line in README.splitlines() if line.startswith("| p(x given c)")]
    agrees = [f"{100 * row['agrees']:.1f} %" for row in (last, average)]
    assert f"with {agrees[0]} of the digits" in cells[2] and f"the average of G: {agrees[1]})" in cells[2]
    assert f"{said(last)} nats, the average of G {said(average)};" in cells[2]
    errors = [
        100 * row["error"]
        for row in labels["rows"]
        if (row["method"], row["labels"]) == ("the game of K + 1 classes", 100)
    ]
    assert len(errors) == 5
    assert f"100 labels: {np.mean(errors):.1f} ± {np.std(errors, ddof=1):.1f} % of" in README
