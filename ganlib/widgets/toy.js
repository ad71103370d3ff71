// Figure 1, live: the picture above, V, C and JSD beside it, presets, and every control below.

import { RunView } from "./view.js";
import { coalesce, drawChart, prepare, range, theme } from "./canvas.js";
import { button, element, enable, number, rateText, select, slider, write } from "./controls.js";
import { densityTop, drawFigure1, drawSketch, layout } from "./figure1.js";

const MINUS_LOG_4 = -Math.log(4);
const COLUMNS = ["moves", "V", "C", "JSD"];
const STATES = { idle: "Ready", running: "Playing", paused: "Paused", stopped: "Stopped", error: "Error" };
const SPEEDS = [1, 2, 5, 10, 30, 100, 300, "full"];
const SLOW = 30; // up to so many moves a second the picture says whose move it is
const HELD = -3.05; // where a rate's slider means 0
const NODES = 81; // heights of a p_data that is drawn
const UNHURRIED = 120; // ms between two drawings of the charts, and of words, while it plays: each costs the page much
const FIRST = "Predict what will happen, then press Play; or choose above what to see.";
const ROOT_3 = Math.sqrt(3);
const Z_TICKS = {
  uniform: [[-ROOT_3, "−√3"], [0, "0"], [ROOT_3, "√3"]],
  normal: [-2, -1, 0, 1, 2].map((z) => [z, String(z).replace("-", "−")]),
};
const Z_REACH = { uniform: ROOT_3, normal: 2.6 };
const KEYS =
  "Space: play or pause. D: one update of D. G: one of G. S: one iteration. B: D to its optimum. R: reset. " +
  "When p_data is drawn: drag, or move with left and right and raise or lower a hill with up and down.";

function render({ model, el }) {
  const view = new View(model, el);
  return () => view.close();
}

class View extends RunView {
  keys = { d: "step_D", g: "step_G", s: "step", b: "best_D", r: "reset" };
  frames = 0;
  cursor = 40;

  // -- what stands where --------------------------------------------------------------------------------------------

  build(el) {
    this.last = {}; // what was shown when, ms
    this.main = this.canvas("main", KEYS, "Space D G S B R");
    this.charts = this.canvas("charts", KEYS, "Space D G S B R");
    this.status = element("div", { class: "gl-status", role: "status" });
    this.see = element("p", { class: "gl-see", "aria-live": "polite" }, FIRST);
    this.caption = element("figcaption", { class: "gl-caption" });
    this.turns = element("div", { class: "gl-turns" });
    const readouts = { stepCount: "iterations", speed: "a second" };
    this.root = element(
      "section",
      { class: "ganlib gl-run gl-toy", "aria-label": "Figure 1, live: a generative adversarial net in one dimension", "data-lm-suppress-shortcuts": "true" },
      element("div", { class: "gl-bar" }, this.buildTransport(), this.buildSeed(), this.buildReadouts(readouts)),
      this.buildPresets(),
      this.see,
      this.status,
      element(
        "div",
        { class: "gl-stage" },
        element("figure", { class: "gl-main" }, this.main, this.caption, this.turns),
        element("figure", { class: "gl-charts" }, this.charts),
      ),
      this.buildControls(),
    );
    this.listenToDrawing();
    el.append(this.root);
    this.tellMain = this.teller((words) => this.main.setAttribute("aria-label", words));
    this.tellCharts = this.teller((words) => this.charts.setAttribute("aria-label", words));
  }

  buildTransport() {
    const act = (name) => () => this.command(name);
    this.buttons = {
      start: button("start", "Play", "Train in the background (Space)", act("start")),
      pause: button("pause", "Pause", "Rest here (Space)", act("pause")),
      step_D: button("step_D", "One D step", "One update of D on fresh draws, G held (D)", act("step_D")),
      step_G: button("step_G", "One G step", "One update of G, D held (G)", act("step_G")),
      step: button("step", "One iteration", "k updates of D and one of G, or the rest of the iteration under way (S)", act("step")),
      best_D: button("best_D", "D to its optimum", "Train D alone until V no longer grows (B)", act("best_D")),
      stop: button("stop", "Stop", "End what is under way; the game stays where it is", act("stop")),
      reset: button("reset", "Reset", "Back to the start of the seed; the controls stay (R)", () => this.reset()),
    };
    return element("div", { class: "gl-transport", role: "group", "aria-label": "The game" }, ...Object.values(this.buttons));
  }

  buildPresets() {
    const made = this.model.get("presets").map(({ name, title, see }) => {
      const one = button("preset", title, see, () => this.change("preset", { name }));
      one.dataset.preset = name;
      return one;
    });
    this.presets = made;
    return element("div", { class: "gl-presets", role: "group", "aria-label": "Presets" }, ...made);
  }

  buildControls() {
    const set = (name, of = (value) => value) => (value) => this.set({ [name]: of(value) });
    const rate = (player) =>
      slider({
        name: `lr_${player}`,
        title: `Rate of ${player}`,
        hint: `How far ${player} moves at each of its updates; at the left end it is held`,
        ...{ min: HELD, max: 0, step: 0.05, text: (value) => (value < -3.01 ? "0: held" : rateText(10 ** value)) },
        onInput: set(`lr_${player}`, (value) => (value < -3.01 ? 0 : Number((10 ** value).toPrecision(3)))),
      });
    const range = (name, title, hint, rest, of) => slider({ name, title, hint, ...rest, onInput: set(name, of) });
    const choice = (name, title, hint, options) => select({ name, title, hint, options, onInput: set(name) });
    const times = (k) => (k === 0 ? "0: only G moves" : `${k} of D to 1 of G`);
    const pace = (i) => (SPEEDS[i] === "full" ? "as fast as it goes" : `${SPEEDS[i]} move${SPEEDS[i] > 1 ? "s" : ""}/s`);
    const cost = [["non-saturating", "−log D(G(z))"], ["minimax", "log(1 − D(G(z)))"]];
    const order = [["alternating", "D, then G (Algorithm 1)"], ["simultaneous", "both at once (the authors)"]];
    const data = [["gaussian", "one Gaussian"], ["bimodal", "two Gaussians"], ["trimodal", "three Gaussians"], ["uniform", "uniform"], ["drawn", "draw it yourself"]];
    const units = [["relu", "rectifiers"], ["sigmoid", "sigmoids"]];
    const priors = [["uniform", "uniform"], ["normal", "normal"]];
    this.controls = {
      p_data: choice("p_data", "p_data", "What the data are drawn from; draw it yourself: drag on the picture", data),
      p_z: choice("p_z", "Prior on z", "What z is drawn from", priors),
      batch: range("batch", "Batch m", "Examples, and z, in each update", { min: 3, max: 9, step: 1, text: (i) => `m = ${2 ** i}` }, (i) => 2 ** i),
      k: range("k", "k", "How often D is updated for each update of G", { min: 0, max: 20, step: 1, text: times }),
      lr_D: rate("D"),
      lr_G: rate("G"),
      generator_cost: choice("generator_cost", "Cost of G", "What G descends: the non-saturating cost, or the minimax one of Algorithm 1", cost),
      units: choice("units", "Units of G", "G's hidden units; another choice begins anew", units),
      momentum: range("momentum", "Momentum μ", "The share of the last move that is kept in the next one", { min: 0, max: 0.95, step: 0.05, text: (value) => number(value, 2) }),
      update: choice("update", "Who moves when", "Alternating: D first, then G against the new D. Simultaneous: both from the same old parameters", order),
      speed: range("speed", "Speed", "Moves a second: each is one update of D or of G", { min: 0, max: SPEEDS.length - 1, step: 1, text: pace }, (i) => SPEEDS[i]),
    };
    const { p_data, p_z, batch, k, lr_D, lr_G, generator_cost, units: kind, momentum, update, speed } = this.controls;
    return element(
      "div",
      { class: "gl-controls" },
      this.group("B", "Data and noise", p_data.root, p_z.root, batch.root),
      this.group("D", "D, the discriminator", k.root, lr_D.root),
      this.group("G", "G, the generator", lr_G.root, generator_cost.root, kind.root),
      this.group("B", "Both", momentum.root, update.root, speed.root),
      button("restore", "Defaults", "Every control as it was at first", () => this.change("restore")),
    );
  }

  // -- drawing p_data -----------------------------------------------------------------------------------------------

  get drawing() {
    return this.header.settings.p_data === "drawn";
  }

  listenToDrawing() {
    this.sendSoon = coalesce(() => this.sendSketch());
    this.main.addEventListener("pointerdown", (event) => {
      if (!this.drawing || event.button !== 0) return;
      this.main.setPointerCapture(event.pointerId);
      this.sketch = this.nodes();
      this.penTo(event);
    });
    this.main.addEventListener("pointermove", (event) => this.pen && this.penTo(event));
    for (const end of ["pointerup", "pointercancel"]) this.main.addEventListener(end, () => this.liftPen());
    for (const change of ["focus", "blur"]) this.main.addEventListener(change, () => this.request());
  }

  liftPen() {
    if (!this.pen) return;
    this.pen = null;
    this.sendSoon.cancel();
    this.sendSketch();
  }

  sendSketch() {
    if (this.sketch?.some((h) => h > 0)) this.set({ heights: Array.from(this.sketch, (h) => Number(h.toFixed(4))) });
  }

  /** p_data as it is shown, at the points that are drawn. */
  nodes() {
    const { p_data } = this.link.store.arrays;
    return Float64Array.from({ length: NODES }, (_, i) => {
      const at = (i / (NODES - 1)) * p_data.length - 0.5;
      const [low, share] = [Math.floor(at), at - Math.floor(at)];
      return (p_data[Math.max(low, 0)] ?? 0) * (1 - share) + (p_data[Math.min(low + 1, p_data.length - 1)] ?? 0) * share;
    });
  }

  /** Everything between the pen's last place and this one takes the height of the line between them. */
  penTo({ offsetX, offsetY }) {
    const [low, high] = this.header.window;
    const node = ((this.place.xAt(offsetX) - low) / (high - low)) * (NODES - 1);
    const to = { node: Math.min(NODES - 1, Math.max(0, node)), height: this.place.densityAt(offsetY) };
    const from = this.pen ?? to;
    const [first, last] = [Math.round(Math.min(from.node, to.node)), Math.round(Math.max(from.node, to.node))];
    for (let i = first; i <= last; i++) {
      const share = to.node === from.node ? 1 : Math.min(1, Math.max(0, (i - from.node) / (to.node - from.node)));
      this.sketch[i] = from.height + share * (to.height - from.height);
    }
    this.pen = to;
    this.cursor = Math.round(to.node);
    this.sendSoon();
    this.request();
  }

  /** Arrow keys on the picture: the cursor moves along x, and a hill there grows or shrinks. */
  otherKey(event) {
    const along = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    const up = { ArrowUp: 1, ArrowDown: -1 }[event.key];
    if (!this.drawing || event.target !== this.main || !(along || up)) return false;
    if (along) this.cursor = Math.min(NODES - 1, Math.max(0, this.cursor + along * (event.shiftKey ? 5 : 1)));
    else {
      if (!this.sketch) this.sketch = this.nodes();
      const rise = 0.06 * this.top * up;
      this.sketch = this.sketch.map((h, i) => Math.max(0, h + rise * Math.exp(-(((i - this.cursor) / 3) ** 2))));
      this.sendSketch();
    }
    this.request();
    return true;
  }

  // -- what the kernel says -----------------------------------------------------------------------------------------

  update(header) {
    const { state, settings, step, speed, preset, see } = header;
    this.tell({ moves: header.moves, preset, moved: header.moved, next: header.next, drawing: this.drawing });
    write(this.state, header.waiting ? "Waiting" : STATES[state]);
    enable(this.buttons.start, !["running", "error"].includes(state));
    enable(this.buttons.pause, state === "running");
    for (const name of ["step_D", "step_G", "step", "best_D"]) enable(this.buttons[name], state !== "error");
    enable(this.buttons.stop, ["running", "paused"].includes(state));
    for (const one of this.presets) one.setAttribute("aria-pressed", String(one.dataset.preset === preset));
    this.showControls(settings);
    this.showStatus(header);
    write(this.see, see || FIRST);
    if (!this.due("words")) return;
    write(this.stepCount, number(step, 0));
    write(this.speed, state === "running" ? number(speed, speed < 10 ? 1 : 0) : "–");
    this.showWords(header);
  }

  /** Whether something may be shown anew: always at rest and in slow motion, else now and then. */
  due(what) {
    const now = performance.now();
    const { state, settings } = this.header;
    const hurried = state === "running" && !(settings.speed <= SLOW);
    if (hurried && now - (this.last[what] ?? 0) < UNHURRIED) return false;
    this.last[what] = now;
    return true;
  }

  showControls(settings) {
    const shown = {
      ...settings,
      batch: Math.log2(settings.batch),
      speed: SPEEDS.indexOf(settings.speed),
      lr_D: settings.lr_D ? Math.log10(settings.lr_D) : HELD,
      lr_G: settings.lr_G ? Math.log10(settings.lr_G) : HELD,
    };
    for (const [name, control] of Object.entries(this.controls)) {
      if (!this.settled(name) || control.shown === shown[name]) continue;
      control.set(shown[name]);
      control.shown = shown[name];
    }
    this.showSeed(settings.seed);
  }

  showWords({ state, settings, latest, exact, moved, next, step, outside }) {
    const estimate = exact ? "p_g is exact, as G is made of straight pieces" : "p_g is that of 800 straight lines through G";
    const beyond = outside > 0.005 ? `; ${number(100 * outside, 0)} % of it lies outside the picture` : "";
    const caption = `${estimate}${beyond}.`;
    write(this.caption, caption);
    const slow = settings.speed !== "full" && settings.speed <= SLOW;
    const turns = slow || state === "paused" ? `${moved ? `last move: ${moved}; ` : ""}next: ${next}` : "";
    write(this.turns, turns);
    const { p_data, p_g, D } = this.link?.store.arrays ?? {};
    if (!D) return;
    const [real, fake] = [p_data, p_g].map((p) => number(p.reduce((sum, p, i) => sum + p * D[i], 0) / p.reduce((a, b) => a + b, 1e-9), 2));
    this.tellMain(
      `Figure 1 after ${number(step, 0)} iterations, ${STATES[state]}. On average D gives data ${real} and G's samples ${fake}. ` +
        `V(D, G) is ${number(latest.V, 3)}, C(G) ${number(latest.C, 3)}, the Jensen-Shannon divergence ${number(latest.JSD, 3)} nats. ${caption}`,
    );
    this.tellCharts(
      `Over ${number(this.header.moves, 0)} moves: V(D, G) now ${number(latest.V, 3)} nats, C(G) ${number(latest.C, 3)}, the least possible −1.386; JSD ${number(latest.JSD, 3)}, of 0.693 at most.`,
    );
  }

  // -- the picture --------------------------------------------------------------------------------------------------

  draw() {
    const { arrays } = this.link.store;
    if (!arrays.D || !arrays.z) return;
    if (this.due("colours")) this.colours = theme(this.root);
    this.drawMain(arrays, this.colours);
    if (this.due("charts")) this.drawCharts(this.colours);
    this.root.dataset.frames = ++this.frames;
  }

  drawMain(arrays, colours) {
    const { context, width, height } = prepare(this.main);
    if (width < 60) return;
    const { window, settings } = this.header;
    if (this.sketch && !this.pen && this.settled("heights")) this.sketch = null; // the kernel has it
    if (!this.sketch || !this.top) this.top = densityTop(arrays.p_data);
    this.place = layout({ width, height, window, zReach: Z_REACH[settings.p_z], top: this.top });
    drawFigure1(context, this.place, { arrays, window, top: this.top, zTicks: Z_TICKS[settings.p_z] }, colours);
    const focused = document.activeElement === this.main;
    if (this.drawing && (this.sketch || focused)) {
      const heights = this.sketch ?? this.nodes();
      drawSketch(context, this.place, { heights, window, cursor: focused ? this.cursor : null }, colours);
    }
  }

  drawCharts(colours) {
    const { context, width, height } = prepare(this.charts);
    if (width < 60) return;
    const rows = Object.fromEntries(COLUMNS.map((name, i) => [name, this.link.store.curves[i] ?? new Float32Array()]));
    const { latest, moves, marks } = this.header;
    const line = (name, words, colour, dash) => ({ y: rows[name], name: words, value: number(latest[name], 3), colour, dash });
    const common = { x: rows.moves, xMax: Math.max(moves, 100), exact: true };
    const split = Math.round((height - 22) * 0.56);
    const at = marks.map(([x]) => ({ x, name: "" }));
    const named = marks.map(([x, name, value]) => ({ x, name: markText(name, value) }));
    const V = [line("V", "V(D, G)", colours.V, []), line("C", "C(G)", colours.ink, [5, 3])]; // nats
    const y = range([rows.V, rows.C], [-1.45, -1.25]);
    const bottom = { y: MINUS_LOG_4, name: "−log 4", below: true };
    drawChart(context, { left: 0, top: 0, width, height: split }, { ...common, title: "Nats", lines: V, y, levels: [bottom], marks: named }, colours);
    const JSD = [line("JSD", "", colours.G, [])];
    const levels = [{ y: Math.log(2), name: "log 2" }];
    const box = { left: 0, top: split, width, height: height - split };
    drawChart(context, box, { ...common, title: "JSD(p_data ‖ p_g), nats", lines: JSD, y: range([rows.JSD], [0, 0.1]), levels, marks: at, xTitle: "moves: updates of D and of G" }, colours);
  }
}

function markText(name, value) {
  if (name === "k") return `k ${value}`;
  if (name === "momentum") return `μ ${number(value, 2)}`;
  if (name === "batch") return `m ${value}`;
  if (name.startsWith("lr_")) return value ? `${name.slice(3)}'s rate ${rateText(value)}` : `${name.slice(3)} held`;
  return String(value);
}

export default { render };
