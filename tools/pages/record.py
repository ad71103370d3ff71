"""Records the demos of the notebooks, so that they play in a page without a kernel.

What a demo is decides how it is recorded: a question with every answer that can be given, sliders at chosen places of
each, a game as one run, a grid of runs with all of them, and pictures to be judged with what D says of each.
`recorded.js` plays that to the view as the kernel would, `by_hand.js` works out what a p_g in the reader's hands is
worth, and `painted.js` completes a digit by G's weights.
"""

from __future__ import annotations

import ast
import base64
import contextlib
import gzip
import hashlib
import io
import itertools
import json
import math
import struct
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import nbformat
import numpy as np

from ganlib.controls import Choice, Control, Slider, Switch
from ganlib.picture import Picture, completed, minus
from ganlib.studies.phenomena import PRESETS
from ganlib.widgets import frame
from ganlib.widgets.be_discriminator import ANSWERS, GS, BeTheDiscriminatorEngine
from ganlib.widgets.be_generator import SAID, BeTheGeneratorEngine
from ganlib.widgets.demo import Demo
from ganlib.widgets.explorer_engine import CHOSEN, PLANES, ExplorerEngine
from ganlib.widgets.guess import NODES, GuessEngine
from ganlib.widgets.paint import PaintMaskEngine
from ganlib.widgets.steering import BREAKS
from ganlib.widgets.toy_engine import ToyEngine
from ganlib.widgets.training import TrainingEngine
from tools.pages import painted, sources

PLACES = 260  # of all sliders of a demo together, at the most
FEWEST = 5  # places of a slider; where there is no room for so many, it stays where it begins
FRAMES, PRESET_FRAMES = 91, 41  # of a run; of a preset, at the most
LOOK_BACK = " (drag here to look back)"
CLOSER = ". Pick one to look at it closely"
INTERVAL = 1000 / 15  # ms between frames as they play
KEPT = 0xFFFFF000  # bits of a float32 that are kept: 11 of its fraction, a quarter of a pixel in a picture of 500
GRIDS = ("SlidersEngine", "InterpolationEngine", "AskEngine", "RulerEngine", "RealWalkEngine")
FIRST = {"D* for two densities": ("mean_g", "width_g", "factor")}  # by title, the sliders that get room first
RUNS = {
    **{"ToyEngine": 20, "PlaneEngine": 40, "SlicesEngine": 40, "FewLabelsEngine": 8, "SideBySideEngine": 4},
    **{"ForkEngine": 75, "TrainingEngine": 25, "ChainsEngine": 1},
}
"""Games that are recorded as a run, and how often each is called between two frames."""
FEWER = {"ForkEngine": 41, "SlicesEngine": 46, "TrainingEngine": 46, "ChainsEngine": 57}
"""Frames of such a run where they are not `FRAMES`: each is large."""
TRAINED = 10, 31  # of a run from a trained pair: moves between two frames, and frames
LOOKS = {
    "ForkEngine": {"c": (0.0, 0.1, 0.25, 0.4, 0.5, 0.6, 0.75, 0.9, 1.0)},
    "SlicesEngine": {"at": (-2.0, -1.5, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5, 2.0)},
}
"""Places at which each moment of a run is looked at."""
CHOICES = {"ChainsEngine": "model"}
"""A choice with a run for each of its values."""
COARSE = ("TrainingEngine", "ChainsEngine")
"""Runs of which each frame has other pictures: 32 shades of grey are enough, and pack well."""
MOMENTS = 12  # of a grid of runs, at the most
DEALS = 5  # of the pictures that a person judges
Latest = tuple[dict[str, Any], list[bytes]]


class Recording:
    """Frames of one demo, with every buffer that they share written once."""

    def __init__(self, demo: Demo, kind: str, *, coarse: bool = False, **about: Any):
        first = {key: demo.first[key] for key in ("title", "controls", "looks")}
        self.about: dict[str, Any] = {"kind": kind, "first": first, **about}
        self.demo, self.frames, self.coarse = demo, [], coarse
        self._buffers: dict[bytes, int] = {}
        self._places: list[tuple[int, int]] = []
        self._bytes = bytearray()
        self.later: dict[str, tuple[dict[str, Any], list[bytes]]] = {}
        """What the page fetches when it is asked for: name -> plain data, and buffers."""

    def add(self, latest: Latest | None = None, /, **changes: Any) -> int:
        """Keep the demo as it is now, or as it was; return the number of its frame."""
        message, buffers = latest or self.demo.latest
        types = dict(_types(message["picture"]))
        left = ("type", "n", "applied")
        plain = {key: value for key, value in message.items() if key not in left} | changes
        self.frames.append({**plain, "b": [self.keep(b, types.get(i, "uint8")) for i, b in enumerate(buffers)]})
        return len(self.frames) - 1

    def keep(self, buffer: bytes, kind: str = "exact") -> int:
        """The number of a buffer. Of "float32" the last bits go, and the rest is sorted by its bytes: it packs."""
        if kind == "float32":
            bits = np.frombuffer(buffer, np.uint32)
            whole = np.where(np.isfinite(np.frombuffer(buffer, np.float32)), bits + (~KEPT + 1 & 0xFFFFFFFF) // 2, bits)
            kept = (whole & KEPT).astype("<u4")
            buffer = kept.view(np.uint8).reshape(-1, 4).T.tobytes()
        elif self.coarse and kind == "uint8":
            shades = np.frombuffer(buffer, np.uint8) >> 3
            buffer = ((shades << 3) | (shades >> 2)).tobytes()  # white stays white
        key = hashlib.sha256(kind.encode() + buffer).digest()
        if key not in self._buffers:
            self._buffers[key] = len(self._buffers)
            self._places.append((len(buffer), kind == "float32"))
            self._bytes += buffer
        return self._buffers[key]

    def script(self, name: str) -> str:
        """The recording as a script that hands itself over: it can also be read from a file."""
        about = {**self.about, "frames": self.frames, "buffers": self._places}
        return _script("ganlibRecording", name, about, bytes(self._bytes))

    def scripts(self, name: str) -> dict[str, str]:
        """All of its scripts, by the names of their files."""
        later = {f"{name}-{part}": fetched(name, *what) for part, what in self.later.items()}
        return {name: self.script(name), **later}


def fetched(name: str, about: Mapping[str, Any], buffers: Sequence[bytes]) -> str:
    """A script that hands over what the page of this recording has asked for."""
    return _script("ganlibNets", name, {**about, "buffers": [(len(b), False) for b in buffers]}, b"".join(buffers))


def _script(function: str, name: str, about: Mapping[str, Any], data: bytes) -> str:
    plain = json.dumps(about, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
    packed = gzip.compress(struct.pack("<I", len(plain)) + plain + data, 9, mtime=0)
    return f'{function}("{name}", "{base64.b64encode(packed).decode()}");\n'


def _types(value: Any) -> Iterator[tuple[int, str]]:
    """Of each buffer that a picture names, its place and its type."""
    if isinstance(value, Mapping):
        if set(value) == {"at", "shape", "type"}:
            yield value["at"], value["type"]
        else:
            for item in value.values():
                yield from _types(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _types(item)


# -- by what a demo is -----------------------------------------------------------------------------------------------


def recorded(demo: Demo) -> Recording | None:
    """The demo's recording; None where it cannot be recorded."""
    engine = demo.engine
    if isinstance(engine, GuessEngine):
        return _sketch(demo) if engine.panel is not None else _question(demo)
    if isinstance(engine, BeTheDiscriminatorEngine):
        return _judged(demo)
    if isinstance(engine, BeTheGeneratorEngine):
        return _by_hand(demo)
    if isinstance(engine, ExplorerEngine):
        return _explored(demo)
    if isinstance(engine, PaintMaskEngine):
        return _painted(demo)
    name = type(engine).__name__
    return _run(demo) if name in RUNS else _grid(demo) if name in GRIDS else None


def _question(demo: Demo) -> Recording:
    """A question: each guess, and what happens beside each."""
    options = [key for key in demo.engine.controls if key.startswith("option_")]
    found = Recording(demo, "states")
    start = found.add()
    guessed, shown = {}, {}
    for option in options:
        demo.press("again")
        demo.press(option)
        guessed[option] = found.add()
        demo.press("reveal")
        shown[option] = found.add()
    back = {"again": start}
    edges = {start: guessed}
    for option in options:
        edges[guessed[option]] = {**guessed, **back, "reveal": shown[option]}
        edges[shown[option]] = dict(back)
    found.about["edges"] = [edges[i] for i in range(len(found.frames))]
    return found


def _sketch(demo: Demo) -> Recording:
    """A sketch: before, with some sketch, and what happens. The page puts the person's sketch in its place."""
    engine = demo.engine
    truth, found = engine.truth(), Recording(demo, "sketch", nodes=NODES, x=engine.panel.x, y=engine.panel.y)
    start = found.add()
    demo.set(sketch=[engine.panel.y[0]] * NODES)
    guessed = found.add()
    demo.press("reveal")
    shown = found.add()
    found.about |= {"start": start, "guessed": guessed, "shown": shown, "truth": None}
    if truth is not None:
        x, y = (np.asarray(values, float) for values in (truth.x, truth.y))
        there = np.isfinite(y)
        found.about["truth"] = [x[there].tolist(), y[there].tolist()]
    return found


def _grid(demo: Demo) -> Recording | None:
    """Sliders and choices: every combination of some places of each."""
    engine = demo.engine
    axes = {key: _all_of(one) for key, one in engine.controls.items() if isinstance(one, Slider | Choice | Switch)}
    chosen = _chosen(axes, {key: engine.values[key] for key in axes}, FIRST.get(engine.title, ()))
    if not any(len(places) >= FEWEST for places in chosen.values()):
        return None
    fixed = [key for key in engine.controls if key not in chosen and key != "reset"]
    found = Recording(demo, "grid", axes=[[key, len(places)] for key, places in chosen.items()])
    found.about["first"]["controls"] = _at_places(demo.first["controls"], chosen)
    start = tuple(places.index(engine.values[key]) for key, places in chosen.items())
    for at in itertools.product(*(range(len(places)) for places in chosen.values())):
        values = {key: places[i] for (key, places), i in zip(chosen.items(), at)}
        demo.set(**values)
        shown = dict(demo.latest[0]["values"])
        for key, i in zip(chosen, at):
            if isinstance(engine.controls[key], Slider | Choice):
                shown[key] = [shown[key][0], i, *shown[key][2:]]
        place = found.add(values=shown, off=[*demo.latest[0]["off"], *fixed])
        if at == start:
            found.about["start"] = place
    if any(frame["message"] for frame in found.frames):
        return None  # some place is one that the demo does not take
    return found


def _at_places(controls: Sequence[dict[str, Any]], chosen: Mapping[str, list[Any]]) -> list[dict[str, Any]]:
    """The controls as the page takes them, with those of their places that are chosen."""
    found = []
    for one in controls:
        if one["key"] in chosen and "places" in one:
            at = [one["places"].index(value) for value in chosen[one["key"]]]
            one = {**one, "places": chosen[one["key"]], "words": [one["words"][i] for i in at]}
        found.append(one)
    return found


def _all_of(one: Control) -> list[Any]:
    return [False, True] if isinstance(one, Switch) else one.places()


def _chosen(axes: Mapping[str, list[Any]], values: Mapping[str, Any], first: Sequence[str]) -> dict[str, list[Any]]:
    """Places for the axes, about `PLACES` of them in all, with the present value of each; some get no room."""
    found = {key: places for key, places in axes.items() if len(places) <= FEWEST or not isinstance(places[0], float)}
    found = {key: places for key, places in found.items() if len(places) < 13}
    many = sorted((key for key in axes if key not in found), key=lambda key: (key not in first, [*axes].index(key)))
    room = PLACES / math.prod(map(len, found.values()))
    while many and room ** (1 / len(many)) < FEWEST:
        many.pop()
    for i, key in enumerate(many):
        places, here = axes[key], axes[key].index(values[key])
        n = min(int(room ** (1 / (len(many) - i)) + 1e-9), len(places))
        at = [round(j) for j in np.linspace(0, len(places) - 1, n)]
        nearest = min(range(n), key=lambda j: abs(at[j] - here))
        at = [here if j == nearest and 0 < j < n - 1 else place for j, place in enumerate(at)]
        found[key] = [places[j] for j in sorted({*at, here})]
        room /= len(found[key])
    return {key: found[key] for key in axes if key in found}


def _judged(demo: Demo) -> Recording:
    """Pictures that a person judges: what each is, and what D says of it. The page counts who was right."""
    engine = demo.engine
    found = Recording(demo, "judge", answers=[*ANSWERS.values()])
    deals: dict[str, list[dict[str, Any]]] = {}
    for G in GS if "G" in engine.values else ("",):
        demo.set(**({"G": G} if G else {}))
        for seed in range(DEALS):
            engine.new(seed)
            for _ in range(engine.n):
                engine.once()
            demo.set()
            shown = {"logits": engine.logits.tolist(), "real": engine.real.tolist()}
            deals.setdefault(G, []).append({"at": found.add(), **shown})
    found.about["deals"] = deals
    return found


def _by_hand(demo: Demo) -> Recording:
    """p_g in a person's hands: p_data at equal steps, and the best that a search found. The page works out the rest."""
    engine = demo.engine
    x, width = np.linspace(-16, 16, 3_201), 0.01
    JSD, at, wide = engine.possible()
    about = {"low": -16, "step": width, "p": engine.p_data.pdf(x).round(9).tolist(), "values": {**engine.values}}
    best = {"JSD": JSD, "at": at.tolist(), "width": wide}
    found = Recording(demo, "hand", **about, best=best, sentences={name: minus(said) for name, said in SAID.items()})
    found.add()
    return found


def _explored(demo: Demo) -> Recording:
    """A grid of runs, each trained to its end. What hangs on different choices is kept apart, and the page joins it:
    the maps, each cell in words, and as frames the curves of each cell.
    """
    demo.finish(progress=False)
    engine = demo.engine
    demo.set(**engine.best())  # as in the demo's picture
    all_of = {key: one.places() for key, one in engine.controls.items() if isinstance(one, Choice)}
    records = len(all_of["record"])
    all_of["record"] = all_of["record"][:: -math.ceil(records / MOMENTS)][::-1]  # with the last one
    found = Recording(demo, "explored", look={key: places.index(engine.values[key]) for key, places in all_of.items()})
    found.about["first"]["controls"] = _at_places(
        [one for one in demo.first["controls"] if one["key"] in all_of], all_of
    )

    def each(*keys: str) -> Iterator[Any]:
        """Every combination of these choices, made; what is seen then."""
        at = engine.values["seed"], engine.values["record"]
        seen = engine.seen()
        for values in itertools.product(*map(all_of.get, keys)):
            engine.values |= dict(zip(keys, values))
            if at != (at := (engine.values["seed"], engine.values["record"])):
                seen = engine.seen()
            yield seen

    def packed_map(seen: Any) -> dict[str, Any]:
        panel = frame.packed(completed(Picture([engine.map(seen)], ""), [*engine.values]))[0]["panels"][0]
        values = [[value if value is None else round(value, 3) for value in row] for row in panel["cells"]["values"]]
        return panel | {"cells": panel["cells"] | {"values": values}}

    chosen = dict(engine.values)
    found.about["said"] = [minus(engine.cell(seen)) for seen in each("seed", "record", "shown", "k", "D", "G")]
    found.about["maps"] = {}
    for plane, (*_, third) in PLANES.items():
        engine.values["plane"] = plane
        found.about["maps"][plane] = [packed_map(seen) for seen in each("seed", "record", "shown", third)]
    engine.values |= chosen
    demo.set(record=0)
    panels = demo.latest[0]["picture"]["panels"]
    at = [i for i, panel in enumerate(panels) for level in panel["levels"] if level["x"] is not None]
    demo.set(record=records - 1)
    for values in itertools.product(*(all_of[key] for key in ("seed", "k", "D", "G"))):
        demo.set(**dict(zip(("seed", "k", "D", "G"), values)))
        message, buffers = demo.latest
        picture = message["picture"]
        found.add(({**message, "picture": {**picture, "panels": picture["panels"][1:]}}, buffers))
    about = {"planes": PLANES, "chosen": CHOSEN, "marked": at}
    found.about |= about | {"updates": [float(engine.results.updates[i]) for i in all_of["record"]]}
    return found


def _painted(demo: Demo) -> Recording:
    """A mask that a person paints: the first picture, test digits and z. The nets that answer come when asked for."""
    found = Recording(demo, "paint", **painted.given(demo.engine))
    found.add()
    found.about["digits"] = found.keep(painted.digits(demo.engine))
    found.about["noises"] = found.keep(painted.noises(demo.engine))
    found.later["nets"] = painted.nets(demo.engine)
    found.about["size"] = round(len(fetched("", *found.later["nets"])) / 1e6, 1)
    return found


def _run(demo: Demo) -> Recording:
    """A game: one run from its start, and of the toy and of a trained pair each preset; at each place to look from."""
    engine, name = demo.engine, type(demo.engine).__name__
    each, most = RUNS[name], FEWER.get(name, FRAMES)
    presets: list[str] = []
    if isinstance(engine, ToyEngine) and engine.values["lr_G"]:
        presets = [*PRESETS]
    elif isinstance(engine, TrainingEngine) and engine.trained is not None:
        presets, (each, most) = [*BREAKS], TRAINED
    looks, choice = LOOKS.get(name, {}), CHOICES.get(name, "")
    plays = ("start", "pause", "step", "reset", *presets, *looks, choice)
    named = {state: engine.STATES[state] for state in ("idle", "running", "paused")}
    about = {"interval": INTERVAL, "named": named, "presets": presets, "choice": choice}
    found = Recording(demo, "run", coarse=name in COARSE, **about, looks=[[key, len(at)] for key, at in looks.items()])
    found.about["first"]["controls"] = [
        {**one, "places": looks[one["key"]], "words": [f"{at:g}" for at in looks[one["key"]]]}
        if one["key"] in looks
        else one
        for one in demo.first["controls"]
        if one["key"] in plays
    ]
    start = {key: engine.values[key] for key in looks}
    found.about["look"] = {key: looks[key].index(value) for key, value in start.items()}

    def moment() -> list[Latest]:
        """The demo now, from each place."""
        seen = []
        for at in itertools.product(*looks.values()):
            demo.set(**dict(zip(looks, at)))
            message, buffers = _still(demo.latest)
            values = {key: [looks[key][looks[key].index(one)], looks[key].index(one)] for key, one in zip(looks, at)}
            seen.append(({**message, "values": {**message["values"], **values}}, buffers))
        demo.set(**start)
        return seen

    def moments(more: Callable[[], bool]) -> Iterator[list[Latest]]:
        """The demo now, and after each few moves, as long as there are more to come."""
        yield moment()
        while more():
            for _ in range(each):
                if engine.running:
                    engine.once()
            demo.set()
            yield moment()

    def kept(seen: list[Latest]) -> int:
        """The number of the first frame of a moment."""
        first, *_ = map(found.add, seen)
        return first

    tracks = {}
    for value in engine.controls[choice].places() if choice else [""]:
        if choice:
            demo.set(**{choice: value})
            engine.ghost = None  # of a run that the page may not have shown
        first = kept(moment())
        demo.press("start")
        rest = [*itertools.islice(moments(lambda: engine.running), most)][1:]
        tracks[value] = [first, *map(kept, rest)]
        demo.press("pause")
    for preset in presets:
        demo.press(preset)
        acts = hasattr(engine, "act")
        seen = [*itertools.islice(moments((lambda: engine.act is not None) if acts else (lambda: True)), most)]
        chosen = sorted({round(i) for i in np.linspace(0, len(seen) - 1, min(len(seen), PRESET_FRAMES))})
        tracks[preset] = [kept(seen[i]) for i in chosen]
    found.about["tracks"] = tracks
    demo.press("pause")
    return found


def _still(latest: Latest) -> Latest:
    """A frame without what a run has not: a speed of its own, earlier moments, what is looked at closely, or drawn."""
    message, buffers = latest
    picture = message["picture"]
    panels = []
    for panel in picture["panels"]:
        if panel["seeks"]:
            panel = {**panel, "seeks": "", "x_label": panel["x_label"].replace(LOOK_BACK, "")}
        panel = {**panel, "draws": None}
        if panel["title"].endswith(CLOSER):
            title, tiles = panel["title"].removesuffix(CLOSER), {**panel["tiles"], "press": None}
            panel = {**panel, "title": title, "tiles": tiles}
        panels.append(panel)
    readouts = [one for one in picture["readouts"] if one[1] not in ("a second", "steps/s")]
    return {**message, "picture": {**picture, "panels": panels, "readouts": readouts}}, buffers


# -- the demos of a notebook -----------------------------------------------------------------------------------------


class Player:
    """Runs of a notebook's cells what its demos need, each statement once, and records each demo that it shows."""

    def __init__(self, path: Path, folder: Path, say: Callable[[str], None]):
        self.stem, self.folder, self.say, self.names = path.stem, folder, say, list[str]()
        self._notebook = nbformat.read(path, as_version=4)
        self._names: dict[str, Any] = {"show": self._show}
        self._done: set[int] = set()
        self._statements: list[ast.stmt] = []
        self._demos = 0

    def play(self) -> None:
        """Record what can be recorded. What goes wrong in a cell leaves its demos as pictures, and is said."""
        for cell in self._notebook.cells:
            if cell.cell_type != "code" or sources.COLAB_MARK in cell.source:
                continue
            begin = len(self._statements)
            self._statements += ast.parse(cell.source).body
            before = self._demos
            if kinds := _demos_of(cell):
                try:
                    with contextlib.redirect_stdout(io.StringIO()):
                        self._run(begin)
                except Exception as error:
                    self.say(f"{self.stem}, from demo {before + 1}: {type(error).__name__}: {error}")
            self._demos = before + len(kinds)

    def _run(self, begin: int) -> None:
        """Run the statements from `begin` on, and of those before what they need."""
        wanted = set[str]().union(*map(_used, self._statements[begin:]))
        kept = [*range(begin, len(self._statements))]
        for i in reversed(range(begin)):
            if _bound(self._statements[i]) & wanted:
                kept.insert(0, i)
                wanted |= _used(self._statements[i])
        for i in kept:
            if i in self._done:
                continue
            exec(compile(ast.Module([self._statements[i]], []), self.stem, "exec"), self._names)
            self._names["show"] = self._show
            self._done.add(i)

    def _show(self, demo: Demo, *, picture: Any = None) -> None:
        """Stands in for `ganlib.widgets.show`."""
        self._demos += 1
        name, start = f"{self.stem}-{self._demos}", time.monotonic()
        if (found := recorded(demo)) is not None:
            scripts = found.scripts(name)
            for file, script in scripts.items():
                (self.folder / f"{file}.js").write_text(script, encoding="utf-8")
            self.names.append(name)
            seconds, sizes = time.monotonic() - start, (f"{len(script) / 1e3:.0f}" for script in scripts.values())
            self.say(f"{name}: {len(found.frames)} frames, {' and '.join(sizes)} kB, {seconds:.1f} s")


def _demos_of(cell: nbformat.NotebookNode) -> list[str]:
    """The kinds of the demos that a cell shows, such as "LiveToy"."""
    found = [output.get("data", {}) for output in cell.outputs]
    return [data["text/plain"].split(":")[0] for data in found if sources.STILL in data.get("text/html", "")]


def _used(tree: ast.AST) -> set[str]:
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}


def _bound(statement: ast.stmt) -> set[str]:
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return {(name.asname or name.name).split(".")[0] for name in statement.names}
    if isinstance(statement, ast.FunctionDef):
        return {statement.name}
    return {n.id for n in ast.walk(statement) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}


def record(folder: Path, names: Collection[str] = (), say: Callable[[str], None] = print) -> list[str]:
    """Write the recording of each demo of these notebooks, all unless said otherwise; return the recordings' names."""
    written = []
    for path in sorted((sources.ROOT / "notebooks").glob("*.ipynb")):
        if not names or path.stem in names:
            player = Player(path, folder, say)
            player.play()
            written += player.names
    return written
