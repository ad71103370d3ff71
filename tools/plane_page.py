"""A game in the plane, live, as a page without a kernel: a ring of 8 modes, a grid of 25, or points of one's own.

    python -m tools.plane_page _site/ring

The view is that of the notebooks, and the game is played by `plane_engine.js` in a Web Worker. A seed begins with the
same nets as in `ganlib`; the draws after that are the page's own.
"""

from __future__ import annotations

import base64
import html
import sys
from pathlib import Path
from typing import Any

from ganlib.densities import grid, ring
from ganlib.recipes import RING
from ganlib.widgets import frame, plane
from tools import toy_page

ENGINE = ("plain.js", "live.js", "toy_game.js", "plane_engine.js")
BODY = """\
<header>
<h1>@title@</h1>
<p>The data lie on a ring, in eight narrow hills. G turns four numbers of noise into a point of the plane, and D says at
each point how likely it is data: the bluer the map, the surer. Both learn in this page while you watch.</p>
</header>
<main>
<div id="demo"></div>
<noscript><p>The game needs a browser that runs scripts. This picture shows where it begins.</p>
<img alt="@alt@" src="data:image/png;base64,@picture@"></noscript>
<h2>What to try</h2>
<ul>
<li>Press Play, and count the hills that G reaches. Then begin anew from another seed.</li>
<li>Press "Settings that learn the ring": both rates fall after 2,500 iterations.</li>
<li>Set the rate of D to 0 while it plays. G then goes to wherever D was highest.</li>
<li>Click into the map to put data there, and see how long G takes to find it.</li>
</ul>
<p>The modes, the good samples and V are counted on 1,000 draws, the same z each time; V is in nats. A sample is good
within three standard deviations of a hill. A seed begins with the same nets as in the notebooks; the draws after that
are this page's own, so that a game here goes another way than there.</p>
</main>
"""
SAID = {
    "ended": toy_page.SAID["ended"],
    "seed": toy_page.SAID["seed"],
    "diverged": "After {step:,} iterations the game has diverged. Lower the rates, then reset.",
    "picture": "After {step:,} iterations G reaches {reached}, and {good:%}% of its samples lie near one. V(D, G) is "
    "{V:3} nats. Had G learnt the data, and were D at its best, it would be -1.386.",
    "map": "A map of D with {n} data and as many samples of G. On average D says {D_data:2} on the data and {D_x:2} on "
    "the samples.",
    "half": plane.HALF,
    "own": plane.OWN,
    "until": plane.UNTIL,
}
"""What the page says, as `plane` says it; tests hold it to that."""


def recipe() -> dict[str, Any]:
    """The nets of the ring's recipe, and what of a game no control sets."""
    layers = {"G": toy_page.layers(RING.G, RING.z_dim), "D": toy_page.layers(RING.D, 2)}
    return {**layers, "batch": RING.batch, "p_z": RING.p_z, "update": RING.update}


def given() -> dict[str, Any]:
    """All that the engine takes from Python, so that it is said once: recipe, controls, data, words."""
    made = plane.PlaneEngine()
    return frame.finite(
        {
            "recipe": recipe(),
            "controls": frame.described(made.controls),
            "whole": [key for key, one in made.controls.items() if getattr(one, "whole", False)],
            "values": made.values,
            "defaults": {key: value for key, value in made.defaults.items() if key != "seed"},
            "learns": plane.LEARNS,
            "data": {"ring": ring().centres, "grid": grid().centres},
            "std": plane.STD,
            "reach": plane.REACH,
            "side": len(plane.AXIS),
            "panels": [dict(panel, **toy_page.EMPTY) for panel in frame.packed(made.complete())[0]["panels"]],
            "states": made.STATES,
            "words": SAID,
        }
    )


def page(links: str = "") -> str:
    """The whole page; `links` is what stands at its top, as HTML, such as a way back to the site that it belongs to."""
    made = plane.PlaneEngine()
    texts = {
        "body": BODY,
        "title": "The ring of 8, live",
        "description": "A generative adversarial net in the plane, played in the page.",
        "links": links,
        "alt": html.escape(made.complete().words, quote=True),
        "picture": base64.b64encode(made.png()).decode("ascii"),
        "engine": toy_page.engine_script(ENGINE),
        "start": toy_page.small(toy_page.START),
    }
    return toy_page.filled(texts, given() | {"title": made.title})


def write(folder: Path, links: str = "") -> Path:
    """Write the page into a folder, which is made where there is none; the path of the page."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / toy_page.NAME
    path.write_text(page(links), encoding="utf-8")
    return path


if __name__ == "__main__":
    print(write(Path(sys.argv[1] if len(sys.argv) > 1 else "_site/ring")))
