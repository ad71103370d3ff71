"""Digits, live, as a page without a kernel: G and D from the shipped weights, a walk through z, and what D says.

    python -m tools.digits_page _site/digits

The page asks for the weights when a reader presses a button: G's first, and D's where its opinion is asked for. They
are scripts beside it, so that the page also works from a file.
"""

from __future__ import annotations

import codecs
import html
import re
import sys
from pathlib import Path
from typing import Any

import torch

from ganlib.checkpoints import Trained, pretrained
from ganlib.controls import Switch
from ganlib.nets import Discriminator, Generator, Layer
from ganlib.widgets import frame
from ganlib.widgets.interpolation import CONTROLS, HINT
from tools import toy_page

ENGINE = ("plain.js", "toy_game.js", "digits_engine.js")
SORTED = Switch(False, "those that D takes for data first", "Sort the digits by what D says to them")
BODY = """\
<header>
<h1>@title@</h1>
<p>These digits are drawn in this page, by the G that the notebooks train on MNIST: 100 numbers z go in, and 28 x 28
pixels come out. The D that it played against says how likely it takes each of them to be data.</p>
</header>
<main>
<p id="ask"><button id="G" type="button" data-size="@G@">Fetch G (@G@ MB)</button>
<button id="D" type="button" data-size="@D@" hidden>Fetch D, too, and hear what it says of them (@D@ MB)</button>
<span id="said"></span></p>
<div id="demo"></div>
<noscript><p>The digits need a browser that runs scripts.</p></noscript>
<h2>What to try</h2>
<ul>
<li>Click two digits or more: the walk goes on straight lines from the z of each to the z of the next one.</li>
<li>Press Play, and watch one digit become the next.</li>
<li>Fetch D. Does it like the digits between two others less than those at the ends?</li>
<li>Sort the digits by what D says, and look for what it dislikes in the last ones.</li>
</ul>
<p>The weights are those in the repository, in half precision. D plays here without its dropout, so that it says the
same each time.</p>
</main>
"""
START = """\
const part = (id) => document.getElementById(id);
const { title, looks, ...given } = JSON.parse(part("given").textContent);
const worker = new Worker(URL.createObjectURL(new Blob([part("engine").textContent], { type: "text/javascript" })));
const say = (text) => { part("said").textContent = text; };
worker.onmessage = ({ data: [frame, buffers] }) => {
  const first = { title, looks, controls: given.controls, frame, buffers };
  render({ model: new Map(Object.entries({ first, worker })), el: part("demo") });
  say("");
  part("D").hidden = false;
};
window.ganlibWeights = (name, text) => {
  worker.postMessage({ type: name, given, text });
  part(name).hidden = true;
  part("ask").hidden = name === "D";
  say("G is here, and draws its first digits.");
};
/** The address of a net that has come; from a folder the file itself, as a page there cannot see it coming. */
async function come(name, size) {
  say(`${name} is on its way, ${size} MB.`);
  if (location.protocol === "file:") return `${name}.js`;
  const { ok, body } = await fetch(`${name}.js`);
  if (!ok) throw Error(name);
  const [parts, reader] = [[], body.getReader()];
  for (let got = 0, next; !(next = await reader.read()).done; ) {
    parts.push(next.value);
    got += next.value.length;
    say(`${name} is on its way: ${(got / 1e6).toFixed(1)} of ${size} MB.`);
  }
  return URL.createObjectURL(new Blob(parts, { type: "text/javascript" }));
}
for (const name of ["G", "D"]) {
  part(name).addEventListener("click", async () => {
    const failed = () => {
      say("It could not be fetched. Press the button once more.");
      part(name).disabled = false;
    };
    part(name).disabled = true;
    const script = document.createElement("script");
    script.onerror = failed;
    try {
      script.src = await come(name, part(name).dataset.size);
      document.head.append(script);
    } catch {
      failed();
    }
  });
}
"""


def layers(trained: Trained) -> dict[str, list[dict[str, Any]]]:
    """The layers of both nets as the engine takes them; D's last one gives a logit."""
    found = {}
    for name, net in (("G", trained.G), ("D", trained.D)):
        plain: list[Layer] = [dense.layer for dense in net.layers]
        inputs = [net.layers[0].linear.in_features, *(layer.units for layer in plain)]
        acts = [layer.activation for layer in plain]
        acts = acts if name == "G" else [*acts[:-1], "linear"]
        found[name] = [
            {"inputs": n, "units": layer.units, "pieces": layer.pieces, "activation": activation}
            for n, layer, activation in zip(inputs, plain, acts)
        ]
    return found


def weights(name: str, net: Generator | Discriminator) -> bytes:
    """A script that hands over all numbers of a net: of each layer W (units * pieces, inputs), then b.

    The script is in UTF-16, and a number in half precision is one character of a text, as both have 16 bits. Raises
    `UnicodeDecodeError` for a number of -128 or below, which is no character.
    """
    linears = [dense.linear for dense in net.layers]
    tensors = [part.detach().half().flatten() for linear in linears for part in (linear.weight, linear.bias)]
    text = torch.cat(tensors).numpy().astype("<f2").tobytes().decode("utf-16-le")
    quoted = re.sub(r'[\n\r"\\]', lambda one: f"\\x{ord(one[0]):02x}", text)
    return codecs.BOM_UTF16_LE + f'ganlibWeights("{name}", "{quoted}");\n'.encode("utf-16-le")


def given(trained: Trained) -> dict[str, Any]:
    """All that the engine takes from Python, but for the weights."""
    controls = {key: CONTROLS[key] for key in ("new", "clear", "t", "closed")} | {"sorted": SORTED}
    return {
        "layers": layers(trained),
        "controls": frame.described(controls),
        "values": {"t": 0, "closed": False, "sorted": False},
        "hint": HINT,
    }


def write(folder: Path, links: str = "") -> Path:
    """Write the page and its weights into a folder, which is made where there is none; the path of the page."""
    trained = pretrained("mnist")
    folder.mkdir(parents=True, exist_ok=True)
    scripts = {name: weights(name, net) for name, net in (("G", trained.G), ("D", trained.D))}
    for name, script in scripts.items():
        (folder / f"{name}.js").write_bytes(script)
    texts = {
        "body": BODY,
        "title": "Digits, live",
        "description": html.escape("Digits that G draws in the page, and what D says of them.", quote=True),
        **{name: f"{len(script) / 1e6:.1f}" for name, script in scripts.items()},
        "links": links,
        "engine": toy_page.engine_script(ENGINE),
        "start": toy_page.small(START),
    }
    path = folder / toy_page.NAME
    path.write_text(toy_page.filled(texts, given(trained) | {"title": "Digits, live"}), encoding="utf-8")
    return path


if __name__ == "__main__":
    print(write(Path(sys.argv[1] if len(sys.argv) > 1 else "_site/digits")))
