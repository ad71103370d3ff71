"""The live Figure 1 as a page without a kernel: one file that needs no other, and no address outside itself.

    python -m tools.toy_page _site

The view is that of the notebooks, and the game is played by `toy_engine.js` in a Web Worker. A seed begins with the
same nets as in `ganlib`; the draws after that are the page's own.
"""

from __future__ import annotations

import base64
import html
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ganlib.densities import Density, Gaussian, Mixture, Uniform
from ganlib.nets import Layer
from ganlib.recipes import TOY
from ganlib.studies.diagnosis import BEFORE, ENOUGH, MANY_TO_ONE, OF_LATE, TOO_FEW, too_steep
from ganlib.studies.phenomena import DATA, PLAIN, PRESETS
from ganlib.widgets import frame, toy_engine
from ganlib.widgets.demo import FOLDER, script
from ganlib.widgets.scene import ARROWS
from ganlib.widgets.slow import MOVED

NAME = "index.html"
ENGINE = ("plain.js", "live.js", "toy_game.js", "toy_engine.js")
OPENING = "a"  # the preset at whose end the page opens
BLEND = "the mean of both"
PULL = "each x of the data pulls D up, by 1 − D(x), and each fake pulls it down, by D(G(z))"
PUSH = "each G(z) is pushed along x to where G's cost falls, by −d cost/dx"


def engine_script(files: tuple[str, ...] = ENGINE) -> str:
    """The worker's script as the page carries it: the files as one, without what no machine needs."""
    text = "".join((FOLDER / name).read_text(encoding="utf-8") for name in files)
    return small(f"(() => {{\n{joined(text)}}})();\n")  # names inside a function are free to be made short


def joined(text: str) -> str:
    """Modules one after another as one script: their imports of each other go."""
    lines = (line for line in text.splitlines() if not line.startswith("import "))
    return "\n".join(line.removeprefix("export ") for line in lines) + "\n"


def small(text: str) -> str:
    """A script made small by `tdewolff-minify` (extra `site`, not on Macs); without it, the script as it is."""
    try:
        import minify
    except ImportError:
        return text
    return minify.string("text/javascript", text)


def given() -> dict[str, Any]:
    """All that the engine takes from Python, so that it is said once: recipe, controls, presets, data, words."""
    made = toy_engine.ToyEngine()
    own = dict(made.controls)
    cost = own["generator_cost"]
    own["generator_cost"] = replace(cost, options=[*cost.options, "blend"], words={**cost.words, "blend": BLEND})
    hidden = [layer for layer in TOY.G[:-1]]
    smooth = [replace(layer, activation="sigmoid", irange=4 * layer.irange) for layer in hidden]
    nodes = {n: [part.tolist() for part in np.polynomial.legendre.leggauss(n)] for n in (2, 6)}
    presets = {name: vars(preset) | {"acts": [*map(vars, preset.acts)]} for name, preset in PRESETS.items()}
    return frame.finite(
        {
            "recipe": {
                "G": layers(TOY.G),
                "smooth": layers((*smooth, TOY.G[-1])),
                "D": layers(TOY.D),
                "nodes": nodes,
            },
            "controls": frame.described(own),
            "whole": [key for key, one in own.items() if getattr(one, "whole", False)],
            "values": made.values,
            "defaults": {key: value for key, value in made.defaults.items() if key not in ("moment", "seed")},
            "presets": presets,
            "plain": PLAIN,
            "data": {name: plain_density(p) for name, p in DATA.items()},
            "arrows": {name: [z.tolist(), reach, ticks] for name, (z, reach, ticks) in ARROWS.items()},
            "panels": [dict(panel, **EMPTY) for panel in frame.packed(made.complete())[0]["panels"]],
            "decay": toy_engine.DECAY,
            "states": made.STATES,
            "words": words(),
            "opening": OPENING,
        }
    )


SAYS = "D says {real:2} to data and {fake:2} to samples"
SAID = {
    # the status line
    "ended": "the game has ended in an error, reset it first: {error}",
    "seed": "seed is {seed}; it must be a whole number from 0 to 9007199254740991",
    "diverged": "The game has diverged: {how} after {step:,} iterations. {advice}",
    "far": "G(z) has left ±10,000",
    "V": "V(D, G) is {V:g}",
    "not finite": "D's parameters are no longer finite",
    "lower": "Reset, then try lower rates or less momentum.",
    # a pinned run
    "came": "After {step:,} iterations: JSD {JSD:3}, V {V:3}, C(G) {C:3}.",
    "differs": "It differs in: {each}.",
    "same": "Its controls were the same as now.",
    "by hand": "the p_data that was drawn by hand",
    # the picture
    "at move": "At move {moves:,}",
    "picture": "Figure 1 after {step:,} iterations, {state}. On average D gives data {real:2} and G's samples "
    "{fake:2}. V(D, G) is {V:3}, C(G) {C:3}, the Jensen-Shannon divergence {JSD:3} nats.",
    "caption": "{turn}D's mean is {real:2} on data, {fake:2} on fakes. p_g is {how}{beyond}.",
    "exact": "exact, as G is made of straight pieces",
    "lines": "that of 800 straight lines through G",
    "beyond": "; {outside:%} % of it lies outside the picture",
    "last": "Last move: {moved}; next: {next}. ",
    "next": "Next: {next}. ",
    "back": "You look back at move {at:,} of {moves:,}. The game itself stays as it is. Go on from here makes it the "
    "present; Back to now leaves it.",
    "nothing": "At move {at:,} the game had diverged already, so that there is nothing to draw of it.",
    # is this normal?
    "over": "The game has ended; why stands above. Reset goes back to its start.",
    "before": BEFORE,
    "run away": "Not normal: the costs run away (V fell to {lowest:g}).",
    "long": "Steps are too long. Lower D's rate (now {lr_D:h}), G's rate ({lr_G:h}) or the momentum ({momentum:2}).",
    "gone": "Not normal: {outside:%} % of p_g lies outside the picture. G was thrown beyond the data.",
    "comes back": "It comes back if D rises towards the data out there; if it does not, reset.",
    "D held": "D is held: G goes to wherever D was highest, and D does not learn of it.",
    "alike": f"p_g is {{width:%}} % as wide as p_data: {MANY_TO_ONE}",
    "G held": f"G is held, so that only V moves. {OF_LATE}, it is {{gap:3}} below C(G), which no D can exceed.",
    "few": f"{ENOUGH} moves {TOO_FEW}",
    "flat": "Not normal, but what section 3 predicts: G's cost log(1 - D(G(z))) has saturated. D says {fake:3} to "
    "samples, where that cost is flat.",
    "choose": "Choose the non-saturating cost.",
    "swings": "Not normal: V swings up and down, {turns} times in {since:,} moves. Each player overshoots what the "
    "other has just done. Less momentum (now {momentum:2}) or lower rates calm it.",
    "narrow": f"Not normal: p_g is {{width:%}} % as wide as p_data: {MANY_TO_ONE} If it does not widen, reset, or help "
    "D.",
    "below": "V is {V:2}, below -log 4: D does worse than if it said 1/2 to everything. It may be in the middle of a "
    "correction; if it stays there, k is too small or G's rate too high.",
    "misses": "p_g misses {missed} of the hills of p_data: G hears of a hill only where some z comes near it.",
    "D says": f"{SAYS}.",
    "lies on": f"Normal: p_g lies on p_data. {SAYS}, and V is on average {{V:3}}, near Theorem 1's -log 4.",
    "ahead": f"Normal. {SAYS}. {OF_LATE}, V is {{gap:2}} below C(G) and JSD {{JSD:2}}: D is ahead.",
    "even": f"Normal. {SAYS}. {OF_LATE}, V is {{gap:2}} below C(G) and JSD {{JSD:2}}: neither player runs away.",
    # slow motion
    "who D": "D moves next",
    "who G": "G moves next, and D is held",
    "who DG": "D and G move next, together",
    "some of each": " ({n} of each are shown)",
    "some of them": " ({n} of them are shown)",
    "and x": ", and {m} x from the data",
    "at both": "the data (black) and of the fakes (green)",
    "at fakes": "the fakes",
    "gradient D": PULL,
    "gradient G": PUSH,
    "gradient DG": f"{PULL}; {PUSH}",
    "stage 1": "{who}. {m} z are drawn from the prior{data}{some}.",
    "stage 2": "G maps each z to a fake, x = G(z): an arrow each.",
    "stage 3": "D says of {at} how likely they are to be data: a dot each, on D.",
    "stage 4": "The gradient: {gradient}.",
}
"""What the page says, as `toy_engine`, `diagnosis`, `charts` and `slow` say it; tests hold it to them."""


EMPTY: dict[str, Any] = {"lines": [], "levels": [], "marks": [], "arrows": []}
"""What of a panel the engine fills; the rest of it stays."""


def words() -> dict[str, str]:
    """All that the engine says, with the places of its numbers in braces, and how each is written."""
    steep = too_steep(9_999_999.0).replace("9,999,999", "{steep:,}")
    return (
        SAID
        | {"steep": steep, "first": toy_engine.FIRST, "on": toy_engine.ON}
        | {f"moved {who}": said for who, said in MOVED.items()}
    )


def layers(net: tuple[Layer, ...], reads: int = 1) -> list[dict[str, Any]]:
    """The layers of a net that reads so many numbers as the engine takes them; the last gives logits, or x."""
    inputs = [reads, *(layer.units for layer in net)]
    hidden = [layer.activation for layer in net[:-1]]
    return [
        {
            "inputs": n,
            "units": layer.units,
            "activation": activation,
            "irange": layer.irange,
            "bias": layer.bias == "irange",
        }
        for n, layer, activation in zip(inputs, net, [*hidden, "linear"])
    ]


def plain_density(p: Density) -> dict[str, Any]:
    """A density as the engine takes it."""
    if isinstance(p, Uniform):
        return {"even": [p.low, p.high]}
    if isinstance(p, Gaussian):
        return {"hills": [[p.mean, p.std, 1.0]]}
    if isinstance(p, Mixture):
        return {"hills": [[part.mean, part.std, float(share)] for part, share in zip(p.parts, p.shares)]}
    raise TypeError(f"the page knows no density {p!r}")


PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="description" content="@description@">
<title>@title@</title>
<script>
@theme@
</script>
<style>
@css@
html { background: #fff; color: #1c1c1c; font: 16px/1.55 system-ui, sans-serif; }
html[theme="dark"] { background: #111; color: #f0f0f0; color-scheme: dark; }
#demo .ganlib { max-width: none; }
body { max-width: 1240px; margin: 0 auto; padding: 0 16px 40px; }
header, main > p, main > ul { max-width: 46em; }
h1 { margin: 20px 0 6px; font-size: 25px; line-height: 1.25; }
a { color: #0060a0; }
html[theme="dark"] a { color: #7cc4f0; }
nav { display: flex; gap: 18px; align-items: baseline; padding-top: 12px; font-size: 14px; }
#theme { margin-left: auto; white-space: nowrap; }
:is(#theme, #ask button) { border: 1px solid currentcolor; border-radius: 4px; padding: 2px 10px; background: none; }
:is(#theme, #ask button) { color: inherit; font: inherit; cursor: pointer; }
noscript img { max-width: 100%; background: #fff; }
</style>
</head>
<body>
<nav>@links@<button id="theme" type="button" onclick="turn()">Light or dark</button></nav>
@body@
<script type="text/plain" id="engine">@engine@</script>
<script type="application/json" id="given">@given@</script>
<script type="module">
@view@
@start@
</script>
</body>
</html>
"""

BODY = """\
<header>
<h1>@title@</h1>
<p>One generative adversarial net, small enough to see whole. G turns noise z into x, and D says how likely an x is to
be data. Both learn in this page while you watch: there is nothing to install, and nothing leaves your machine.</p>
</header>
<main>
<div id="demo"></div>
<noscript><p>The game needs a browser that runs scripts. This picture shows where it begins.</p>
<img alt="@alt@" src="data:image/png;base64,@picture@"></noscript>
<h2>What to try</h2>
<ul>
<li>Press (a), (b), (c) and (d) in turn: these are the four pictures of Figure 1 of the paper.</li>
<li>Set the rate of D to 0 while it plays. G then goes to wherever D was highest.</li>
<li>Choose "draw it yourself" for p_data, and drag on the picture to draw a density of your own.</li>
<li>Drag along the chart of V, or of the JSD, to look at an earlier moment, and go on from there.</li>
</ul>
<p>The curves of p_g and D* are exact, no histograms: p_g is worked out from the points where G bends, and V, C and the
Jensen-Shannon divergence by quadrature, in nats. A seed begins with the same nets as in the notebooks; the draws after
that are this page's own, so that a game here goes another way than there.</p>
</main>
"""
START = """\
const part = (id) => document.getElementById(id);
const { title, looks, ...given } = JSON.parse(part("given").textContent);
const worker = new Worker(URL.createObjectURL(new Blob([part("engine").textContent], { type: "text/javascript" })));
worker.onmessage = ({ data: [frame, buffers] }) => {
  const first = { title, looks, controls: given.controls, frame, buffers };
  render({ model: new Map(Object.entries({ first, worker })), el: part("demo") });
};
worker.onerror = () => part("demo").append("The game could not be started.");
worker.postMessage({ type: "begin", given });
"""
THEME = """\
const dark = matchMedia("(prefers-color-scheme: dark)");
let chosen = null;
try {
  chosen = localStorage.getItem("theme"); // where the rest of the site keeps it
} catch {}
const isDark = () => chosen === "dark" || (chosen !== "light" && dark.matches);
const shade = () => document.documentElement.setAttribute("theme", isDark() ? "dark" : "light");
shade();
dark.addEventListener("change", shade);
function turn() {
  chosen = isDark() ? "light" : "dark";
  shade();
  try {
    localStorage.setItem("theme", chosen);
  } catch {}
}
"""


def page(links: str = "") -> str:
    """The whole page; `links` is what stands at its top, as HTML, such as a way back to the site that it belongs to."""
    engine = toy_engine.ToyEngine(opening=OPENING)
    texts = {
        "body": BODY,
        "title": "Figure 1, live",
        "description": "The game of Figure 1 of Generative Adversarial Nets, played in the page.",
        "links": links,
        "alt": html.escape(engine.complete().words, quote=True),
        "picture": base64.b64encode(engine.png()).decode("ascii"),
        "engine": engine_script(),
        "start": small(START),
    }
    return filled(texts, given() | {"title": engine.title})


def filled(texts: dict[str, str], given: dict[str, Any]) -> str:
    """A page of its own parts, the body first, and of what such pages share: the view, its style sheet, the theme."""
    plain = json.dumps(given | {"looks": frame.looks()}, ensure_ascii=False, separators=(",", ":"))
    shared = {
        "css": (FOLDER / "demo.css").read_text(encoding="utf-8"),
        "given": plain.replace("</", "<\\/"),
        "view": script().replace("export default { render };", ""),
        "theme": THEME,
    }
    made = PAGE
    for name, text in (texts | shared).items():
        made = made.replace(f"@{name}@", text)
    return made


def write(folder: Path, links: str = "") -> Path:
    """Write the page into a folder, which is made where there is none; the path of the page."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / NAME
    path.write_text(page(links), encoding="utf-8")
    return path


if __name__ == "__main__":
    print(write(Path(sys.argv[1] if len(sys.argv) > 1 else "_site")))
