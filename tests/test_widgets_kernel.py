"""A live demo in a real kernel, spoken to over jupyter_client as a page does: what its messages do to other cells."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import ipykernel
import pytest
from jupyter_client.manager import start_new_kernel
from PIL import Image

pytestmark = pytest.mark.skipif(ipykernel.version_info < (7, 4), reason="not every message is heard while a cell runs")

TIMEOUT = 60  # seconds that the kernel may be silent
DEMO = """\
%matplotlib inline
import asyncio, time
import matplotlib.pyplot as plt
from ganlib.widgets import Demo
game, heard = Demo(Small()), []
game.on_msg(lambda widget, content, buffers: heard.append(content["type"]))
print(game.model_id)"""
HALF_DRAWN = """\
heard.clear()
ax = plt.subplots()[1]
print("half drawn")
while len(heard) < 5:
    {}
{}"""
MESSAGES = [
    {"type": "ask"},
    {"type": "set", "values": {"k": 3}},
    {"type": "set", "values": {"row": 2}},  # what only looks is carried out at once, on the thread of the message
    {"type": "press", "button": "leap"},
    {"type": "ask"},  # when this one is heard, the kernel has done with all before
]


class Kernel:
    """A kernel, one of its subshells, and the demo in it."""

    def __init__(self, client):
        self.client = client
        client.control_channel.send(client.session.msg("create_subshell_request"))
        self.subshell = client.get_control_msg(timeout=TIMEOUT)["content"]["subshell_id"]
        client.execute(Path(__file__).with_name("demos.py").read_text())
        self.model_id = self.until("stream", client.execute(DEMO))[-1]["content"]["text"].strip()

    def until(self, kind, asked):
        """What the kernel publishes up to a message of this kind, or its state "idle", about what was asked."""
        found = []
        while True:
            found.append(message := self.client.get_iopub_msg(timeout=TIMEOUT))
            kinds = message["msg_type"], message["content"].get("execution_state")
            if kind in kinds and message["parent_header"].get("msg_id") == asked:
                return found

    def send(self, content, subshell):
        """Send the demo a message."""
        data = {"method": "custom", "content": content}
        message = self.client.session.msg("comm_msg", {"comm_id": self.model_id, "data": data})
        message["header"]["subshell_id"] = subshell
        self.client.shell_channel.send(message)
        return message["header"]["msg_id"]


@pytest.fixture(scope="module")
def kernel():
    manager, client = start_new_kernel(kernel_name="python3")
    yield Kernel(client)
    client.stop_channels()
    manager.shutdown_kernel(now=True)


@pytest.mark.parametrize(
    ("wait", "end", "shown"),
    [
        ("time.sleep(0.01)", "ax.plot([0, 1]);", ["display_data"]),
        ("time.sleep(0.01)", "1 / 0", ["error", "display_data"]),
        ("await asyncio.sleep(0.01)", "ax.plot([0, 1]);", ["display_data"]),
    ],
    ids=["blocks", "fails", "awaits"],
)
def test_a_figure_stays_with_its_cell_whatever_a_demo_hears_meanwhile(kernel, wait, end, shown):
    subshell = None if "await" in wait else kernel.subshell
    kernel.until("idle", kernel.send(MESSAGES[0], subshell))  # the kernel answers there from now on
    cell = kernel.client.execute(HALF_DRAWN.format(wait, end), stop_on_error=False)
    kernel.until("stream", cell)
    for content in MESSAGES:
        kernel.send(content, subshell)
    published = [m for m in kernel.until("idle", cell) if m["msg_type"] in ("display_data", "error", "stream")]
    assert [m["msg_type"] for m in published] == shown
    assert {m["parent_header"]["msg_id"] for m in published} == {cell}


FIGURE = """
from ganlib import plots
plots.use_style()
plt.plot([0, 1]);"""


def test_a_figure_of_pyplot_is_on_no_background_and_asks_for_none(kernel):
    """JupyterLab would put it on white in a dark theme, too."""
    *_, shown = [m for m in kernel.until("idle", kernel.client.execute(FIGURE)) if m["msg_type"] == "display_data"]
    assert not shown["content"]["metadata"].get("image/png", {}).get("needs_background")
    assert "needs_background" not in shown["content"]["metadata"]
    picture = Image.open(io.BytesIO(base64.b64decode(shown["content"]["data"]["image/png"])))
    assert picture.convert("RGBA").getpixel((0, 0))[3] == 0
