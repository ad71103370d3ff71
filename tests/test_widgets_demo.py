"""What every demo shares: commands all or nothing, states, events, traits, the talk with the page, and `show`."""

from __future__ import annotations

import base64
import json
import random

import numpy as np
import pytest
import traitlets

from ganlib import RecipeError
from ganlib.controls import Button, Choice, Curve, Number, Points, Slider, Switch
from ganlib.picture import Line, Panel, Picture, Tiles
from ganlib.widgets import Demo, Engine, Game, Recording, show
from ganlib.widgets import engine as engine_module
from ganlib.widgets.curves import Curves, Ranges
from ganlib.widgets.engine import GAME
from ganlib.widgets.frame import described, finite, packed, valued


class Counter(Game):
    """A game that counts up by k; it breaks at 13."""

    title = "A counter"

    def __init__(self):
        super().__init__(
            {
                **GAME,
                "k": Slider(1, 9, 2, 1, whole=True),
                "rate": Slider(0.001, 1, 0.1, log=True, off=(0, "0: held")),
                "kind": Choice(["up", "down"]),
                "loud": Switch(),
                "heights": Curve([1.0] * 8),
                "points": Points(),
            }
        )
        self.broken = False
        self.begin()

    def begin(self):
        self.n = self.values["seed"]

    def once(self):
        self.n += self.values["k"]
        if self.n >= 13:
            raise ZeroDivisionError("13")

    def changed(self, values):
        if values.get("kind") == "down" and self.values["loud"]:
            raise RecipeError("not down and loud")
        for name in values:
            self.note(self.n, name, values[name])
        super().changed(values)

    def picture(self):
        if self.broken:
            raise ValueError("nothing to draw")
        return Picture([Panel("n", [Line([0, 1], [0, self.n], "n", value=float(self.n))])], f"n is {self.n}")


@pytest.fixture
def game():
    return Counter()


@pytest.fixture
def demo():
    made = Demo(Counter())
    made.sent = []
    made.send = lambda content, buffers=None: made.sent.append((content, buffers))
    yield made
    made._loop.retire()


# -- engines and games -------------------------------------------------------------------------------------------------


def test_the_states_of_a_game(game):
    assert (game.state, game.running, set(game.off())) == ("idle", False, {"pause", "stop"})
    game.do({"type": "press", "button": "start"})
    game.advance(0)  # at least one iteration
    assert (game.state, game.n, game.off()) == ("running", 2, ("start",))
    game.pause()
    assert game.state == "paused"
    game.step()
    assert (game.state, game.n) == ("paused", 4)
    game.start()
    game.stop()
    assert game.state == "stopped"
    game.start()
    with pytest.raises(ZeroDivisionError):
        game.advance(10)
    assert (game.state, game.error) == ("error", "ZeroDivisionError: 13")
    with pytest.raises(RecipeError, match="reset it first: ZeroDivisionError: 13"):
        game.start()
    game.fail(OSError("later"))
    assert game.message == "ZeroDivisionError: 13"  # the first cause stays
    game.fail(RecipeError("k is 99"))  # a bad command after it
    assert game.message == "ZeroDivisionError: 13. And then: k is 99" and game.error == "ZeroDivisionError: 13"
    game.do({"type": "press", "button": "reset", "values": {"seed": 5}})
    assert (game.state, game.message, game.n, game.values["seed"], game.values["k"]) == ("idle", "", 5, 5, 2)


def test_the_interrupt_key_pauses_a_game(game):
    game.start()
    game.fail(KeyboardInterrupt())
    assert (game.state, game.message) == ("paused", "Interrupted. Play goes on from here.")


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ({"type": "set", "values": {"k": 10}}, r"k is 10; it must lie in \[1, 9\]"),
        ({"type": "set", "values": {"k": 2.5}}, "k is 2.5; it must be a whole number"),
        ({"type": "set", "values": {"k": True}}, "k is True"),
        ({"type": "set", "values": {"k": 10**400}}, r"k is 1000\d*\.\.\.;"),
        ({"type": "set", "values": {"k": "x" * 500}}, r"k is 'xxx.{50,60}\.\.\.;"),
        ({"type": "set", "values": {"rate": float("nan")}}, "rate is nan"),
        ({"type": "set", "values": {"rate": 5e-4}}, r"\[0.001, 1\], or 0 \(0: held\)"),
        ({"type": "set", "values": {"kind": ["up"]}}, "use one of up, down"),
        ({"type": "set", "values": {"loud": 1}}, "True or False"),
        ({"type": "set", "values": {"heights": [0.0] * 8}}, "not all of them 0"),
        ({"type": "set", "values": {"heights": [1.0] * 7}}, "8 to 400 numbers"),
        ({"type": "set", "values": {"points": [[1, 2, 3]]}}, "points"),
        ({"type": "set", "values": {"self": 1}}, "there is no control 'self'"),
        ({"type": "set", "values": {"x" * 500: 1}}, r"there is no control 'xxx.{50,60}\.\.\.;"),
        ({"type": "press", "button": "start", "values": {"self": 1}}, "the button 'start' does not take"),
        ({"type": "press", "button": "start", "values": {"key": 1}}, "the button 'start' does not take"),
        ({"type": "press", "button": "start", "values": {"x" * 500: 1}}, r"does not take .{1,70}: .{1,60}$"),
        ({"type": "set", "values": {"heights": [10**400] * 8}}, "8 to 400 numbers"),
        ({"type": "set", "values": {"zz": 1}}, "there is no control 'zz'; there are: seed, k, rate"),
        ({"type": "set", "values": {"start": 1}}, "there is no control 'start'"),
        ({"type": "set", "values": {3: 1}}, "values are"),
        ({"type": "set", "values": 3}, "values are 3"),
        ({"type": "press", "button": "jump"}, "there is no button 'jump'; there are: start"),
        ({"type": "press", "button": ["start"]}, "there is no button"),
        ({"type": "press", "button": "k"}, "there is no button 'k'"),
        ({"type": "press", "button": "reset", "values": {"seed": True}}, "seed is True; it must be a whole number"),
        ({"type": "press", "button": "reset", "values": {"seed": "12"}}, "seed is '12'"),
        ({"type": "press", "button": "start", "values": {"seed": 1}}, "the button 'start' does not take"),
        ({"type": "jump"}, "unknown command 'jump'"),
        ({}, "unknown command None"),
    ],
)
def test_a_command_that_makes_no_sense_changes_nothing_and_ends_nothing(game, command, words):
    game.start()
    before = (dict(game.values), game.n, list(game.events))
    with pytest.raises(RecipeError, match=words):
        game.do(command)
    assert (game.values, game.n, game.events, game.state) == (*before, "running")
    game.fail(RecipeError("no"))
    assert (game.state, game.message) == ("running", "no")
    assert len(str(words)) < 200


def test_settings_are_taken_all_or_none(game):
    with pytest.raises(RecipeError):
        game.set(k=3, rate=7)
    assert game.values["k"] == 2
    game.set(loud=True)
    with pytest.raises(RecipeError, match="not down and loud"):  # the engine's own rule
        game.set(k=3, kind="down")
    assert (game.values["k"], game.values["kind"]) == (2, "up")
    game.set(k=np.int64(4), rate=np.float32(0.5), loud=np.bool_(False))
    assert [type(game.values[name]) for name in ("k", "rate", "loud")] == [int, float, bool]
    game.restore()
    assert (game.values["k"], game.values["rate"]) == (2, 0.1)


def test_one_event_for_each_drag_with_its_last_value(game, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(engine_module.time, "monotonic", lambda: now[0])
    for rate in (0.016, 0.1, 0.3, 0.5):
        game.n += 100
        now[0] += 0.3
        game.set(rate=rate)
    now[0] += 5
    game.set(rate=0.02)
    game.set(k=3)
    assert game.events == [(400, "rate", 0.5), (400, "rate", 0.02), (400, "k", 3)]
    assert [level.name for level in game.event_levels()] == ["rate 0.5", "rate 0.02", "k 3"]
    assert [level.name for level in game.event_levels(named=False)] == ["", "", ""]


def test_two_sliders_that_play_and_what_is_no_control_are_refused():
    with pytest.raises(RecipeError, match="only one slider"):
        Engine({"a": Slider(0, 1, 0, play=1), "b": Slider(0, 1, 0, play=1)})
    with pytest.raises(RecipeError, match="a is 3; give"):
        Engine({"a": 3})


def test_random_commands_leave_a_game_consistent(game):
    rng = random.Random(0)
    words = ["set", "press", "reset", None, 3]
    values = [0, 1, 3, -1, 2.5, True, None, "up", [], {}, 10**400, float("inf"), "x"]
    for _ in range(2_000):
        command = {"type": rng.choice(words), "id": rng.choice([1, 2**60, "x", None])}
        command["button"] = rng.choice([*game.controls, 3, None])
        command["values"] = {rng.choice([*game.controls, "zz"]): rng.choice(values) for _ in range(rng.randrange(3))}
        try:
            game.do(command)
            game.advance(0)
        except (RecipeError, ZeroDivisionError) as error:
            game.fail(error) if game.state != "error" else None
        assert game.state in Game.STATES
        for name, value in game.values.items():
            assert game.check(name, value) == value
        json.dumps(packed(game.complete())[0], allow_nan=False)


# -- the widget --------------------------------------------------------------------------------------------------------


def test_traits_buttons_and_items_are_one(demo):
    demo.k = 3
    assert (demo.engine.values["k"], demo["k"], demo.values["k"]) == (3, 3, 3)
    demo["rate"] = 0
    assert demo.rate == 0
    demo.set(k=4, kind="down")
    assert (demo.k, demo.kind) == (4, "down")
    demo.start()
    assert demo.state == "running"
    demo.reset(seed=7)
    assert (demo.seed, demo.engine.n, demo.state) == (7, 7, "idle")
    for bad in (0, "x", None, True):
        with pytest.raises((RecipeError, traitlets.TraitError)):
            demo.k = bad
        assert demo.k == 4
    with pytest.raises(AttributeError, match="no attribute 'jump'"):
        demo.jump()


def test_every_message_is_answered_at_once_with_the_newest_frame(demo):
    demo._heard(None, {"type": "ask", "have": 0}, None)
    message, buffers = demo.sent.pop()
    assert (message["type"], message["answer"], message["stalled"]) == ("frame", True, False)
    assert message["picture"]["words"] == "n is 0" and len(buffers) == 2
    demo._heard(None, {"type": "ask", "have": message["n"]}, None)
    assert demo.sent.pop()[0] == {"type": "same", "n": message["n"], "applied": 0, "stalled": False, "answer": True}
    demo._heard(None, {"type": "set", "id": 9, "values": {"k": 5}}, None)
    assert demo.sent.pop()[0]["applied"] == 0  # it waits for its turn
    demo._loop.tick()
    message, _ = demo.sent.pop()
    assert (message["applied"], message["answer"], message["values"]["k"]) == (9, False, [5, 4, "5"])
    assert demo.k == 5


@pytest.mark.parametrize("content", [None, 3, [], {}, {"type": []}, {"type": "set", "values": []}])
def test_an_absurd_message_shows_in_the_status_line(demo, content):
    demo._heard(None, content, None)
    demo._loop.tick()
    message, _ = demo.sent[-1]
    assert message["message"] and len(message["message"]) < 200 and message["state"] == "idle"


def test_a_picture_that_fails_leaves_the_last_one_and_says_why(demo):
    demo.engine.broken = True
    demo.k = 3
    message, _ = demo.sent[-1]
    assert message["picture"]["words"] == "n is 0" and "nothing to draw" in message["message"]
    engine = Counter()
    engine.broken = True
    with pytest.raises(ValueError, match="nothing to draw"):
        Demo(engine)


def test_a_control_may_have_the_name_of_something_that_a_widget_has():
    class Odd(Engine):
        def picture(self):
            return Picture([Panel(lines=[Line([0, 1], [0, self.values["layout"]])])])

    demo = Demo(Odd({"layout": (0, 2, 1)}))
    demo["layout"] = 2
    assert demo["layout"] == 2


def test_a_recording_holds_every_frame():
    pictures = [Picture([Panel(lines=[Line([0, 1], [0, i])])], f"number {i}") for i in range(4)]
    recording = Recording(pictures, seconds=2)
    assert [item["picture"]["words"] for item in recording.recording] == [f"number {i}" for i in range(4)]
    assert [item["values"]["frame"][:2] for item in recording.recording] == [[i, i] for i in range(4)]
    recording["frame"] = 2
    assert recording.engine.picture().words == "number 2"


def test_show_sends_the_picture_the_way_back_to_it_and_the_widget(demo, monkeypatch):
    sent = []
    monkeypatch.setattr("ganlib.widgets.display", lambda data, raw: sent.append(data))
    show(demo)
    still, png, view = sent
    assert base64.b64decode(png["image/png"]).startswith(b"\x89PNG")
    assert "run all cells" in still["text/html"] and all("live demo" in data["text/plain"] for data in sent)
    assert view["application/vnd.jupyter.widget-view+json"]["model_id"] == demo.model_id


def test_a_costly_picture_is_drawn_only_where_notebooks_are_made(demo, monkeypatch):
    sent, drawn = [], []
    monkeypatch.setattr("ganlib.widgets.display", lambda data, raw: sent.append(data))
    monkeypatch.delenv("GANLIB_MAKING_NOTEBOOKS", raising=False)
    show(demo, picture=lambda: drawn.append(1) or b"own")
    assert not drawn
    monkeypatch.setenv("GANLIB_MAKING_NOTEBOOKS", "1")
    show(demo, picture=lambda: drawn.append(1) or b"own")
    assert drawn and base64.b64decode(sent[4]["image/png"]) == b"own"


# -- frames and curves -------------------------------------------------------------------------------------------------


def test_a_frame_is_plain_and_packs_an_array_once():
    x, y = np.linspace(0, 1, 5), np.array([0, np.nan, 2, 3, 4.0])
    image = np.arange(8, dtype=np.uint8).reshape(2, 2, 2)
    panels = [Panel(lines=[Line(x, y), Line(x, x, smooth=True)]), Panel(tiles=Tiles(image, 2, {1: "a"}, "pick"))]
    engine = Counter()
    engine.picture = lambda: Picture(panels)
    plain, buffers = packed(engine.complete())
    json.dumps(plain, allow_nan=False)
    first, second = plain["panels"][0]["lines"]
    assert first["x"] == second["x"] == second["y"] == {"at": 0, "shape": [5], "type": "float32"}
    assert np.frombuffer(buffers[first["y"]["at"]], np.float32) == pytest.approx(y, nan_ok=True)
    tiles = plain["panels"][1]["tiles"]
    assert np.array_equal(np.frombuffer(buffers[tiles["images"]["at"]], np.uint8).reshape(2, 2, 2), image)
    assert (tiles["images"]["type"], tiles["badges"], tiles["press"]) == ("uint8", [[1, "a"]], "pick")


def test_what_a_page_is_told_of_the_controls():
    controls = Counter().controls
    told = {one["key"]: one for one in described(controls)}
    json.dumps(list(told.values()), allow_nan=False)
    assert told["rate"]["places"][:2] == [0, 0.001] and told["rate"]["words"][0] == "0: held"
    assert (told["start"]["kind"], told["start"]["press"], told["seed"]["of"]) == ("button", " ", "reset")
    assert [told[key]["kind"] for key in ("kind", "loud", "heights", "points")] == [
        "choice",
        "switch",
        "curve",
        "points",
    ]
    places = {key: controls[key].places() for key in ("k", "rate", "kind")}
    found = valued(controls, places, {"k": 3, "rate": 0.0123, "kind": "down", "loud": True, "heights": [1]})
    assert found["rate"][0] == 0.0123 and places["rate"][found["rate"][1]] == pytest.approx(0.0123, rel=0.06)
    assert (found["k"], found["kind"], found["loud"]) == ([3, 2, "3"], ["down", 1, "down"], [True])
    assert "heights" not in found


def test_finite_leaves_only_what_json_can_hold():
    assert finite({"a": [1.0, float("nan"), np.float32(2), np.int64(3)], "b": (float("inf"),)}) == {
        "a": [1.0, None, 2.0, 3],
        "b": [None],
    }


def test_curves_stay_short_and_right():
    curves = Curves(2, points=10)
    for step in range(1, 161):
        curves.add(step, (float(step),))
    rows = curves.rows()
    assert len(rows) <= 10 and curves.stride == 16
    assert rows[:, 0].tolist() == [16.0 * i for i in range(1, 11)]
    assert rows[:, 1] == pytest.approx([16 * i - 7.5 for i in range(1, 11)])  # the mean over the stride
    rows[:] = 0
    assert curves.rows()[0, 0] == 16  # a copy was handed out
    with pytest.raises(ValueError, match="points is 3"):
        Curves(2, points=3)


def test_ranges_only_widen_until_they_begin_anew():
    ranges = Ranges()
    low, high = ranges.around("V", [np.array([-1.0, 0.5])], (0, 0.1))
    assert low <= -1 and high >= 0.5
    assert ranges.around("V", [np.array([-0.1, 0.1])], (0, 0.1)) == (low, high)
    assert ranges.around("V", [np.array([-9.0, 0.1])], (0, 0.1))[0] <= -9
    ranges.clear()
    assert ranges.around("V", [np.array([-0.1, 0.1])], (0, 0.1))[0] > -1


def test_buttons_and_numbers_are_described_to_the_page_in_one_way():
    (told,) = described({"go": Button("Go", "hint", "g", "play", "Presets")})
    assert told == {
        **{"key": "go", "name": "Go", "hint": "hint", "group": "Presets", "kind": "button", "press": "g"},
        "icon": "play",
    }
    assert described({"n": Number(3, name="n", of="go")})[0]["kind"] == "number"
