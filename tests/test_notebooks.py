"""The form of the walkthrough: short cells, folded answers, exercises whose solutions run, numbers that are true."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import numpy as np
import pytest

from tests.claims import CLAIMS
from tools.run_notebooks import ANSWER, is_hint

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = {path.stem: nbformat.read(path, as_version=4) for path in sorted((ROOT / "notebooks").glob("*.ipynb"))}
LONGEST = 12  # lines of a cell that a student reads
EXERCISES = "## Exercises"
# What is plumbing: it belongs in ganlib, in a test, or in a cell with the tag "check", which is shown closed.
PLUMBING = {"an assert": r"^\s*assert\b", "NBVAL_CHECK_OUTPUT": "NBVAL_CHECK_OUTPUT", "the profile": r"\bprofile\(\)"}
FOLDED = re.compile(r"<details>\s*<summary>(.*?)</summary>(.*?)</details>", re.S)
PYTHON = re.compile(r"```python\n(.*?)```", re.S)


def in_the_form() -> list[str]:
    """The notebooks that are written in the form: those with exercises."""
    return [name for name, notebook in NOTEBOOKS.items() if any(EXERCISES in cell.source for cell in notebook.cells)]


def cells(name: str, kind: str) -> list[nbformat.NotebookNode]:
    """The cells of one kind, in order."""
    return [cell for cell in NOTEBOOKS[name].cells if cell.cell_type == kind]


def hidden(cell: nbformat.NotebookNode) -> bool:
    """Whether a cell is a check, which is shown closed."""
    return "check" in cell.metadata.get("tags", ())


def solutions(name: str) -> list[str]:
    """The Python in the folded answers below the heading "Exercises"."""
    after, found = False, []
    for cell in NOTEBOOKS[name].cells:
        after = after or EXERCISES in cell.source
        if after and cell.cell_type == "markdown":
            found += [code for _, body in FOLDED.findall(cell.source) for code in PYTHON.findall(body)]
    return found


@pytest.mark.parametrize("name", in_the_form())
def test_a_cell_that_a_student_reads_is_short_and_holds_no_plumbing(name):
    for number, cell in enumerate(cells(name, "code"), start=1):
        at = f"code cell {number} of {name}"
        if hidden(cell):
            assert cell.metadata.get("jupyter", {}).get("source_hidden"), f"{at} is a check, and stands open"
            continue
        assert len(cell.source.splitlines()) <= LONGEST, f"{at} has {len(cell.source.splitlines())} lines"
        found = [what for what, pattern in PLUMBING.items() if re.search(pattern, cell.source, re.M)]
        assert not found, f"{at} holds {', '.join(found)}"


@pytest.mark.parametrize("name", in_the_form())
def test_a_notebook_says_what_it_needs_and_leads_on(name):
    first, last = cells(name, "markdown")[0].source, cells(name, "markdown")[-1].source
    for word in ("**Before this:**", "**Time:**", "**Downloads:**"):
        assert word in first, f"the first cell lacks {word}"
    assert "**Try next:**" in last
    links = re.findall(r"\*\*Next:\*\*.*?\]\((\w+\.ipynb)\)", last)
    assert links, "the last cell links no next notebook"
    assert all((ROOT / "notebooks" / link).is_file() for link in links), links
    text = "\n".join(cell.source for cell in cells(name, "markdown"))
    assert name.startswith("00") or "00_start_here.ipynb#Glossary" in text, "it does not link the glossary"


@pytest.mark.parametrize("name", in_the_form())
def test_every_question_has_a_folded_answer(name):
    """After "Predict" a <details> comes before the next heading, no heading stands inside one, and no text is twice."""
    assert len({cell.source for cell in cells(name, "markdown")}) == len(cells(name, "markdown"))
    text = "\n\n".join(cell.source for cell in cells(name, "markdown"))
    assert text.count("<details>") == text.count("</details>") == len(FOLDED.findall(text))
    for section in re.split(r"^#{1,2} ", text, flags=re.M):
        for part in section.split("**Predict")[1:]:
            assert "<details>" in part, f"no folded answer to: {part[:80]!r}"


@pytest.mark.parametrize("name", in_the_form())
def test_what_answers_a_guess_opens_folded(name):
    """Between a guess and the next fold or heading an output is an answer, but for demos that tell nothing at first.

    Beside a folded output JupyterLab shows its first line: a hint, or words without a number.
    """
    guessed = False
    for number, cell in enumerate(NOTEBOOKS[name].cells):
        at, tags = f"cell {number} of {name}", cell.metadata.get("tags", ())
        if cell.cell_type == "markdown":
            guessed = guessed and not re.search(r"<details|^#{2,3} ", cell.source, re.M)
            continue
        shows = [output.get("data", {}) for output in cell.outputs]
        if "lesson.guess" in cell.source:
            guessed = True
        elif guessed and shows and not any("live demo" in one.get("text/plain", "") for one in shows):
            folds = all("<details" in one.get("text/html", "") for one in shows)
            assert folds or ANSWER in tags, f"{at} answers the guess above it: tag it {ANSWER!r}"
        folded = [cell.metadata.get("collapsed", False), cell.metadata.get("jupyter", {}).get("outputs_hidden", False)]
        assert folded == [ANSWER in tags] * 2, f"{at} is tagged {tags}, and folded {folded}: see run_notebooks.fold"
        if ANSWER in tags and not is_hint(cell.outputs[0]):
            assert not re.search(r"\d", cell.outputs[0].text.splitlines()[0]), (
                f"{at} tells its answer while it is folded"
            )


def test_a_reader_is_told_whose_machine_is_spoken_of():
    """Notebook 0 asks whether this machine is ready; one who runs nothing sees the machine that made the notebook."""
    said = [c.outputs[0].text for c in cells("00_start_here", "code") if re.search("machine|hours", c.source)]
    assert len(said) == 2 and all(text.startswith("Of the machine on which this notebook was made;") for text in said)


@pytest.mark.parametrize("name", in_the_form())
def test_a_notebook_has_two_or_three_exercises(name):
    assert 2 <= len(solutions(name)) <= 3


@pytest.mark.parametrize("name", in_the_form())
def test_the_solutions_run_after_the_set_up_cell_alone(name, monkeypatch):
    """A reader may begin with the exercises: nothing but the notebook's first two code cells has run.

    What a solution trains is cut short: what comes out of it is said in the text, and not looked at here.
    """
    import matplotlib.pyplot as plt

    from ganlib import Trainer

    whole = Trainer.steps
    monkeypatch.setattr(Trainer, "steps", lambda self, n=None: whole(self, n and min(n, 100)))
    monkeypatch.setenv("GANLIB_PROFILE", "smoke")
    setup = cells(name, "code")[1].source
    for code in solutions(name):
        space: dict[str, object] = {"display": lambda *_: None}
        exec(compile(setup, f"{name}: set-up", "exec"), space)
        exec(compile(code, f"{name}: a solution", "exec"), space)
        plt.close("all")


# -- numbers in the text ----------------------------------------------------------------------------

NUMBER = r"(?<![\w.,/^_-])[-−+±]?\d+(?:,\d{3})*(?:\.\d+)?(?![\w/])"
# What is no claim: formulas, code, links, web addresses, sections and other places of the paper, years, papers.
NOT_TEXT = [
    r"```.*?```", r"`[^`]*`", r"\$\$.*?\$\$", r"\$[^$]*\$", r"\]\([^)]*\)", r"https?://\S+",
    r"(?i)\b(?:sections?|equations?|eqs?\.|figures?|tables?|propositions?|theorems?|algorithms?|notebooks?|steps?|arxiv:)"
    r"\s*(?:\d[\d.]*(?:,| and| to|, and)? ?)+",
    r"\b(?:19|20)\d\d\b", r"(?m)^\s*\d+\.\s", r"\(\d\)",
]  # fmt: skip


def numbers(text: str) -> list[float]:
    """Every number of a text, in the order in which they stand."""
    found = re.findall(r"[-−]?\d+(?:,\d{3})+(?:\.\d+)?|[-−]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?", text)
    return [float(one.replace(",", "").replace("−", "-")) for one in found]


def claims(name: str) -> list[str]:
    """The numbers that the text of a notebook claims, as they are written: with a decimal point, or of three digits."""
    found = []
    for cell in cells(name, "markdown"):
        text = cell.source
        for pattern in NOT_TEXT:
            text = re.sub(pattern, " ", text, flags=re.S)
        found += [n for n in re.findall(NUMBER, text) if "." in n or len(n.strip("-−+±").replace(",", "")) >= 3]
    return found


def shown(name: str) -> np.ndarray:
    """Every number that a code cell of a notebook holds or puts out, but for progress bars."""
    texts = []
    for cell in cells(name, "code"):
        texts.append(cell.source)
        for output in cell.outputs:
            data = output.get("data", {})
            html = re.sub(r"(?s)<style.*?</style>|<[^>]*>", " ", data.get("text/html", ""))
            texts += [output.get("text", ""), data.get("text/plain", ""), html]
    kept = [line for text in texts for line in text.splitlines() if "step/s" not in line]
    return np.array(numbers("\n".join(kept)))


def holds(claim: str, values: np.ndarray) -> bool:
    """Whether one of the values is the claim when it is rounded to as many places, or its percentage."""
    plain = claim.replace(",", "").replace("−", "-").lstrip("+±")
    places = len(plain.partition(".")[2])
    half = 0.5000001 * 10.0**-places
    said = abs(float(plain))
    return bool(any((abs(abs(values * scale) - said) <= half).any() for scale in (1, 100) if values.size))


@pytest.mark.parametrize("name", in_the_form())
def test_a_number_in_the_text_stands_in_a_cell_or_in_its_source(name):
    """A measured number is what a cell puts out, or what CLAIMS finds in a results file, a recipe or the paper."""
    values, sources = shown(name), CLAIMS.get(name, {})
    wrong = [n for n in claims(name) if not holds(n, values) and n not in sources]
    assert not wrong, f"not to be found in any cell, and not in tests/claims.py: {wrong}"


@pytest.mark.parametrize("name", sorted(CLAIMS))
def test_a_claim_has_the_value_of_its_source(name):
    said = claims(name)
    for claim, source in CLAIMS[name].items():
        assert claim in said, f"{claim} is not claimed in {name} any more"
        values = np.atleast_1d(np.asarray(source() if callable(source) else source, float))
        assert holds(claim, values), f"{name} says {claim}, its source has {values}"


def test_claims_and_their_values_are_seen():
    """The numbers that are found, and what counts as the same."""
    NOTEBOOKS["made_up"] = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_markdown_cell("At epoch 150 it has **225.4 ± 2.2** nats (section 4.1), $z=0.2$, `1.5`.")]
    )
    try:
        assert claims("made_up") == ["150", "225.4", "2.2"]
    finally:
        del NOTEBOOKS["made_up"]
    assert holds("225.4", np.array([225.44])) and not holds("225.4", np.array([225.46]))
    assert holds("12.5", np.array([0.125])) and holds("1,000", np.array([1000.0]))
    assert holds("−0.11", np.array([-0.113]))
