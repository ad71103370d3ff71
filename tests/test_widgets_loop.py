"""The loop behind the live demos: threads, the task, errors, silence, and how many frames it sends."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from ganlib import RecipeError
from ganlib.widgets.loop import AHEAD, SILENCE, STALLED, Loop, superseded


class Fake:
    """An engine that counts."""

    interval = rest = 0.0

    def __init__(self):
        self.running, self.retired, self.worked = False, False, 0
        self.done, self.errors, self.threads = [], [], set()

    def do(self, command):
        self.threads.add(threading.get_ident())
        if command["type"] == "bad":
            raise RecipeError("k is 0")
        self.running = {"start": True, "pause": False}.get(command["type"], self.running)
        self.done.append(command)

    def advance(self, seconds):
        self.threads.add(threading.get_ident())
        self.worked += 1
        if self.worked == 50:
            raise ZeroDivisionError("step 50")

    def fail(self, error):
        self.errors.append(error)
        if not isinstance(error, RecipeError):
            self.running = False

    def retire(self):
        self.running, self.retired = False, True


def fake():
    engine, shown = Fake(), []
    return engine, shown, Loop(engine, lambda: shown.append(engine.worked))


def test_commands_may_come_from_many_threads_and_run_on_one():
    engine, _, loop = fake()

    def send(n):
        for i in range(200):
            loop.post({"type": "note", "n": n, "i": i})

    threads = [threading.Thread(target=send, args=[n]) for n in range(8)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        loop.tick()
    loop.tick()
    assert engine.threads == {threading.get_ident()}
    for n in range(8):
        assert [command["i"] for command in engine.done if command["n"] == n] == list(range(200))


def test_of_a_drag_only_the_last_value_is_carried_out():
    engine, _, loop = fake()
    for k in range(1, 8):
        loop.post({"type": "set", "id": k, "values": {"k": k}})
    loop.post({"type": "set", "values": {"lr_D": 0.1}})
    loop.tick()
    assert [command["values"] for command in engine.done] == [{"k": 7}, {"lr_D": 0.1}]
    assert not superseded({"type": "set", "values": {"k": 1}}, {"type": "press"})
    assert not superseded({"type": "set", "values": None}, {"type": "set", "values": None})


def test_the_task_begins_and_ends_with_the_work_on_the_owners_thread():
    async def story():
        engine, shown, loop = fake()
        assert loop._task is None
        await asyncio.to_thread(loop.post, {"type": "start"})
        await asyncio.sleep(0.05)
        assert engine.worked > 1
        loop.post({"type": "pause"})
        await asyncio.sleep(0.05)
        at = engine.worked
        await asyncio.sleep(0.05)
        assert engine.worked == at
        assert loop._task is None
        assert engine.threads == {threading.get_ident()}
        assert shown

    asyncio.run(story())


def test_other_tasks_get_their_turn_while_it_works():
    async def story():
        engine, _, loop = fake()
        loop.post({"type": "start"})
        turns = []
        for _ in range(10):
            await asyncio.sleep(0)
            turns.append(engine.worked)
        loop.cancel()
        return turns

    assert max(asyncio.run(story())) < 10  # not one of its turns for each of ours, let alone all at once


def test_an_error_shows_and_ends_the_work_but_not_the_loop():
    engine, shown, loop = fake()
    loop.post({"type": "start"})
    for _ in range(60):
        loop.asked()
        loop.tick()
    assert [type(error) for error in engine.errors] == [ZeroDivisionError]
    assert engine.worked == 50
    shown.clear()
    loop.post({"type": "bad"})
    loop.tick()
    assert [str(error) for error in engine.errors[1:]] == ["k is 0"]
    assert shown, "the error is shown"


def test_an_error_in_showing_is_kept_too(caplog):
    engine = Fake()

    def show():
        raise OSError("comm is closed")

    loop = Loop(engine, show)
    loop.post({"type": "start"})
    loop.tick()
    assert "comm is closed" in str(engine.errors[0])
    assert caplog.records


def test_call_raises_at_once_on_the_owners_thread_and_waits_its_turn_from_another():
    engine, shown, loop = fake()
    loop.call({"type": "start"})
    assert engine.running
    with pytest.raises(RecipeError):
        loop.call({"type": "bad"})
    assert len(shown) == 2
    thread = threading.Thread(target=loop.call, args=[{"type": "pause"}])
    thread.start()
    thread.join()
    assert engine.running  # only noted
    loop.tick()
    assert not engine.running


def test_a_look_is_carried_out_on_its_own_thread_unless_the_engine_is_at_work():
    engine, _, loop = fake()
    thread = threading.Thread(target=loop.at_once, args=[{"type": "look"}])
    thread.start()
    thread.join()
    assert engine.done == [{"type": "look"}]
    with loop._lock:  # the engine is at work
        thread = threading.Thread(target=loop.at_once, args=[{"type": "later"}])
        thread.start()
        thread.join()
        assert len(engine.done) == 1
    loop.tick()
    assert engine.done[-1] == {"type": "later"}


def test_a_new_demo_of_the_same_key_retires_the_old_one():
    async def story():
        old, gone = Fake(), []
        first = Loop(old, lambda: None, key="test:cell", retired=lambda: gone.append(True))
        first.post({"type": "start"})
        await asyncio.sleep(0.02)
        assert old.worked
        other = Loop(Fake(), lambda: None, key="test:another cell")
        assert not old.retired
        second = Loop(Fake(), lambda: None, key="test:cell")
        at = old.worked
        await asyncio.sleep(0.03)
        assert (old.worked, old.retired, gone) == (at, True, [True])
        second.retire()
        other.retire()
        assert not [key for key in Loop._by_key if key.startswith("test:")]

    asyncio.run(story())


def test_it_rests_when_no_page_asks_and_goes_on_when_one_does():
    engine, _, loop = fake()
    loop.post({"type": "start"})
    loop.tick()
    loop._silent = SILENCE + 1
    loop.tick()
    assert loop.resting and not loop.busy
    at = engine.worked
    loop.tick()
    assert engine.worked == at
    loop.asked()
    loop.tick()
    assert engine.worked == at + 1 and not loop.resting


def test_time_in_which_the_kernel_was_busy_is_not_the_pages_silence_but_is_said():
    _, _, loop = fake()
    loop.post({"type": "start"})
    loop.tick()
    assert not loop.stalled
    loop._turned -= 60  # a cell ran for a minute, and the page's questions wait in the queue
    loop._listened -= 60
    assert loop.stalled
    loop.tick()
    assert not loop.resting and not loop.stalled
    loop.call({"type": "pause"})
    loop._turned -= 2 * STALLED
    assert not loop.stalled  # there is nothing to do
    loop.post({"type": "note"})
    assert loop.stalled


def test_no_more_frames_than_a_page_has_asked_for():
    _, shown, loop = fake()
    loop.post({"type": "start"})
    loop.tick()
    before = len(shown)
    for _ in range(30):
        loop.tick()
    assert len(shown) - before <= AHEAD
    loop.asked()
    before = len(shown)
    for _ in range(15):
        loop.tick()
    assert len(shown) - before == AHEAD


def test_less_motion_is_a_frame_a_second():
    _, shown, loop = fake()
    loop.asked(slow=True)
    loop.call({"type": "start"})
    before, end = len(shown), time.monotonic() + 0.2
    while time.monotonic() < end:
        loop.asked()
        loop.engine.worked = 0
        loop.tick()
    assert len(shown) == before
    loop._shown -= 1
    loop.tick()
    assert len(shown) == before + 1


def test_the_interrupt_key_does_not_escape():
    engine, _, loop = fake()
    loop.post({"type": "start"})
    engine.advance = lambda seconds: (_ for _ in ()).throw(KeyboardInterrupt)
    loop.tick()
    assert [type(error) for error in engine.errors] == [KeyboardInterrupt]
