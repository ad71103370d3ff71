"""The background loop of the live demos, with an engine that only counts."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from ganlib import RecipeError
from ganlib.widgets.background import IN_FLIGHT, SILENCE, Background, superseded


class Fake:
    """An engine that counts."""

    interval = 0.0

    def __init__(self):
        self.running, self.worked, self.done, self.errors, self.retired = False, 0, [], [], False
        self.threads = set()

    def do(self, command):
        self.threads.add(threading.get_ident())
        if command["type"] == "bad":
            raise RecipeError("k is 0")
        self.running = {"start": True, "pause": False}.get(command["type"], self.running)
        self.done.append(command)

    def advance(self, seconds):
        self.worked += 1
        if self.worked == 50:
            raise ZeroDivisionError("division by zero")
        time.sleep(0.001)

    def fail(self, error):
        self.errors.append(error)
        self.running = self.running and isinstance(error, RecipeError)

    def retire(self):
        self.running, self.retired = False, True


def fake():
    engine, shown = Fake(), []
    return engine, shown, Background(engine, shown.append)


def test_commands_may_come_from_many_threads_and_run_on_one():
    engine, _, background = fake()
    posts = [threading.Thread(target=lambda n=n: [background.post({"type": "x", "n": n, "i": i}) for i in range(200)])
             for n in range(8)]  # fmt: skip
    for thread in posts:
        thread.start()
    while any(thread.is_alive() for thread in posts):
        background.tick()
    background.tick()
    assert engine.threads == {threading.get_ident()}
    assert len(engine.done) == 1_600
    for n in range(8):
        assert [command["i"] for command in engine.done if command["n"] == n] == list(range(200))


def test_of_a_drag_only_the_last_value_is_carried_out():
    engine, _, background = fake()
    for k in range(1, 8):
        background.post({"type": "set", "id": k, "values": {"k": k}})
    background.post({"type": "set", "values": {"lr_D": 0.1}})
    background.tick()
    assert [command["values"] for command in engine.done] == [{"k": 7}, {"lr_D": 0.1}]
    assert not superseded({"type": "set", "values": {"k": 1}}, {"type": "reset"})
    assert not superseded({"type": "set", "values": None}, {"type": "set", "values": None})


def test_the_task_begins_and_ends_with_the_work():
    async def story():
        engine, shown, background = fake()
        assert background._task is None
        background.post({"type": "start"})
        await asyncio.sleep(0.05)
        assert engine.worked > 1
        background.post({"type": "pause"})
        await asyncio.sleep(0.05)
        at = engine.worked
        await asyncio.sleep(0.05)
        assert engine.worked == at
        assert background._task is None
        assert shown

    asyncio.run(story())


def test_a_command_from_another_thread_wakes_the_task():
    async def story():
        engine, _, background = fake()
        await asyncio.to_thread(background.post, {"type": "start"})
        await asyncio.sleep(0.05)
        assert engine.worked > 0
        assert engine.threads == {threading.get_ident()}
        background.cancel()

    asyncio.run(story())


def test_the_loop_stays_free_while_it_trains():
    async def story():
        _, _, background = fake()
        background.post({"type": "start"})
        await asyncio.sleep(0)
        begun = time.perf_counter()
        for _ in range(10):
            await asyncio.sleep(0)
        background.cancel()
        return time.perf_counter() - begun

    assert asyncio.run(story()) < 0.5


def test_an_error_shows_and_ends_the_work_but_not_the_loop():
    engine, shown, background = fake()
    background.post({"type": "start"})
    for _ in range(60):
        background.heard()
        background.tick()
    assert [type(error) for error in engine.errors] == [ZeroDivisionError]
    assert engine.worked == 50
    shown.clear()
    background.post({"type": "bad"})
    background.tick()
    assert [str(error) for error in engine.errors[1:]] == ["k is 0"]
    assert shown, "the error is shown"


def test_an_error_in_showing_is_kept_too(caplog):
    engine = Fake()

    def publish(draw):
        raise OSError("comm is closed")

    background = Background(engine, publish)
    background.post({"type": "start"})
    background.tick()
    assert "comm is closed" in str(engine.errors[0])
    assert caplog.records


def test_call_raises_at_once_on_the_owners_thread():
    engine, shown, background = fake()
    background.call({"type": "start"})
    assert engine.running
    with pytest.raises(RecipeError):
        background.call({"type": "bad"})
    assert len(shown) == 2
    thread = threading.Thread(target=background.call, args=[{"type": "pause"}])
    thread.start()
    thread.join()
    assert engine.running  # only noted
    background.tick()
    assert not engine.running


def test_a_new_demo_of_the_same_key_retires_the_old_one():
    async def story():
        old, gone = Fake(), []
        first = Background(old, lambda draw: None, key="test:cell", retired=lambda: gone.append(True))
        first.post({"type": "start"})
        await asyncio.sleep(0.02)
        assert old.worked
        other = Background(Fake(), lambda draw: None, key="test:another cell")
        assert not old.retired
        second = Background(Fake(), lambda draw: None, key="test:cell")
        at = old.worked
        await asyncio.sleep(0.03)
        assert (old.worked, old.retired, gone) == (at, True, [True])
        second.retire()
        other.retire()
        assert not [key for key in Background._by_key if key.startswith("test:")]

    asyncio.run(story())


def test_it_waits_when_the_page_is_silent_and_goes_on_when_it_speaks():
    engine, _, background = fake()
    background.post({"type": "start"})
    background.tick()
    background._silent = SILENCE + 1
    background.tick()
    assert background.waiting
    assert not background.busy
    at = engine.worked
    background.tick()
    assert engine.worked == at
    background.heard(0)
    background.tick()
    assert engine.worked == at + 1
    assert not background.waiting


def test_time_in_which_the_kernel_was_busy_is_not_the_pages_silence():
    _, _, background = fake()
    background.post({"type": "start"})
    background.tick()
    background._last_tick -= 60  # a cell ran for a minute, and the page's words wait in the queue
    background.tick()
    assert not background.waiting


def test_it_waits_while_the_tab_is_hidden():
    engine, _, background = fake()
    background.post({"type": "start"})
    background.set_visible(False)
    background.tick()
    background.heard(0)  # a late word does not start it again
    background.tick()
    assert (background.waiting, engine.worked) == (True, 0)
    background.set_visible(True)
    background.tick()
    assert (background.waiting, engine.worked) == (False, 1)


def test_no_more_frames_than_the_page_takes():
    engine, shown, _ = fake()
    background = Background(engine, lambda draw: (shown.append(draw), setattr(background, "sent", background.sent + 1)))
    background.post({"type": "start"})
    for _ in range(20):
        background.tick()
    assert len(shown) == IN_FLIGHT
    background.heard(background.sent - 1)
    for _ in range(5):
        background.tick()
    assert len(shown) == 2 * IN_FLIGHT - 1


def test_the_interrupt_key_does_not_escape():
    engine, _, background = fake()
    background.post({"type": "start"})
    engine.advance = lambda seconds: (_ for _ in ()).throw(KeyboardInterrupt)
    background.tick()
    assert [type(error) for error in engine.errors] == [KeyboardInterrupt]
