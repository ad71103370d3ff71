// The explorer: a heatmap of a grid of runs, and the curves of the cell under the mouse or the arrow keys.

import { RunView } from "./view.js";
import { nextId } from "./link.js";
import { drawAxes, drawChart, drawLine, prepare, range, theme } from "./canvas.js";
import { Numbers, drawCell, frame, labels, legend, plainly, scaleOf, writeAt } from "./heatmap.js";
import { button, element, enable, number, select, slider } from "./controls.js";

const MINUS_LOG_4 = -Math.log(4);
const STATES = { idle: "Ready", running: "Training", paused: "Paused", finished: "Finished", error: "Error", precomputed: "Precomputed" };
const SEEDS = [[], [6, 3], [2, 2], [8, 3, 2, 3]]; // the dashes of the seeds' lines
const AXIS = { k: "k", D: "D's rate", G: "G's rate" };
const PLANES = { DG: ["D", "G", "k"], kD: ["k", "D", "G"], kG: ["k", "G", "D"] }; // rows, columns, the slider's
const MEASURES = {
  toy: {
    JSD: { name: "JSD(p_data ‖ p_g)", title: "JSD(p_data ‖ p_g), nats", log: true, ends: [0.015, Math.log(2)], ticks: [0.02, 0.05, 0.1, 0.2, 0.5], digits: 3 },
    gap: { name: "C(G) − V(D, G)", title: "C(G) − V(D, G), nats: what D lacks", log: true, ends: [0.003, 1], ticks: [0.003, 0.01, 0.03, 0.1, 0.3, 1], digits: 3 },
    width: { name: "width of p_g", title: "Width of p_g over that of p_data", log: true, ends: [0.1, 10], ticks: [0.1, 0.3, 1, 3, 10], digits: 2 },
  },
  mnist: {
    score: { name: "Parzen score", title: "Parzen score, nats (higher is better; see the text)", digits: 0 },
    width: { name: "spread of the samples", title: "Spread of the samples over that of digits", ends: [0, 1.2], ticks: [0, 0.3, 0.6, 0.9, 1.2], digits: 2 },
    V: { name: "V(D, G)", title: "V(D, G), nats", ends: [-1.4, 0], ticks: [-1.4, -1, -0.5, 0], digits: 2 },
    D_fake: { name: "D(G(z))", title: "D(G(z)), probability", ends: [0, 0.6], ticks: [0, 0.2, 0.4, 0.6], digits: 2 },
  },
};

function render({ model, el }) {
  const view = new View(model, el);
  return () => view.close();
}

class View extends RunView {
  keys = { r: "reset" };

  // -- what stands where --------------------------------------------------------------------------------------------

  build(el) {
    const { tabs } = this.model.get("first");
    this.views = Object.fromEntries(tabs.map((tab) => [tab.kind, opening(tab)]));
    this.kind = tabs[0].kind;
    this.status = element("div", { class: "gl-status", role: "status" });
    this.note = element("p", { class: "gl-note" });
    this.heat = this.canvas("heat", "Arrow keys or the mouse: choose a cell. Space: start or stop. R: reset.", "ArrowUp ArrowDown ArrowLeft ArrowRight Space R");
    this.charts = element("canvas", { class: "gl-canvas-charts", role: "img" });
    this.words = element("p", { class: "gl-words", "aria-hidden": "true" });
    this.told = element("p", { class: "gl-told", "aria-live": "polite" });
    this.code = element("code", { class: "gl-code", tabindex: 0, "aria-label": "The line that opens this run by itself" });
    const stage = element("div", { class: "gl-stage" }, element("figure", {}, this.heat), element("figure", {}, this.charts));
    this.panel = element("div", { role: "tabpanel", id: `gl-panel-${nextId()}` }, this.note, stage, this.words, this.told, this.code, this.buildControls());
    this.root = element(
      "section",
      { class: "ganlib gl-run gl-explorer", "aria-label": "Explorer of k and the learning rates", "data-lm-suppress-shortcuts": "true" },
      this.buildTabs(tabs),
      element("div", { class: "gl-bar" }, this.buildTransport(), this.buildReadouts({ done: "% done", runs: "runs" })),
      this.status,
      this.panel,
    );
    for (const name of ["pointermove", "pointerdown"]) this.heat.addEventListener(name, (event) => this.hover(event));
    el.append(this.root);
    this.tell = this.teller(({ heat, charts, words }) => {
      this.heat.setAttribute("aria-label", heat);
      this.charts.setAttribute("aria-label", charts);
      this.told.textContent = words;
    });
    this.turnTo(this.kind, false);
  }

  buildTabs(tabs) {
    this.tabs = tabs.map(({ kind, name }) => {
      const made = element("button", { type: "button", role: "tab", id: `gl-tab-${nextId()}`, class: "gl-tab", "aria-controls": this.panel.id, "data-kind": kind }, name);
      made.addEventListener("click", () => this.turnTo(kind));
      return made;
    });
    const list = element("div", { class: "gl-tabs", role: "tablist", "aria-label": "Which games" }, ...this.tabs);
    list.addEventListener("keydown", (event) => this.tabKey(event));
    return list;
  }

  buildTransport() {
    this.buttons = {
      start: button("start", "Start", "Train every run of this grid in the background (Space)", () => this.command("start", { tab: this.kind })),
      pause: button("stop", "Stop", "Rest here; Start goes on (Space)", () => this.command("pause")),
      reset: button("reset", "Reset", "Every run of this grid back to its start (R)", () => this.command("reset", { tab: this.kind })),
    };
    return element("div", { class: "gl-transport", role: "group", "aria-label": "Training" }, ...Object.values(this.buttons));
  }

  buildControls() {
    const look = (name) => (value) => this.look({ [name]: value });
    const whole = { min: 0, step: 1, max: 1 };
    this.controls = {
      shown: select({ name: "shown", title: "Colour", hint: "What the heatmap shows", options: [], onInput: look("shown") }),
      plane: select({
        name: "plane",
        title: "Rows × columns",
        hint: "Which two of k and the rates the heatmap shows; the slider picks the third",
        options: Object.entries(PLANES).map(([value, [rows, columns]]) => [value, `${AXIS[rows]} × ${AXIS[columns]}`]),
        onInput: look("plane"),
      }),
      slice: slider({ name: "slice", title: "k", hint: "The slice of the grid that is shown", ...whole, text: () => "", onInput: (place) => this.look({ [this.plane[2]]: place }) }),
      seed: slider({ name: "seed", title: "Seeds", hint: "The mean over the seeds, or one of them", ...whole, text: () => "", onInput: (place) => this.look({ seed: place - 1 }) }),
      record: slider({ name: "record", title: "After", hint: "How many updates of either player the heatmap looks at", ...whole, text: () => "", onInput: (place) => this.look({ record: place }) }),
    };
    return element("div", { class: "gl-controls" }, ...Object.values(this.controls).map(({ root }) => root));
  }

  // -- what a person does -------------------------------------------------------------------------------------------

  turnTo(kind, move = true) {
    this.kind = kind;
    for (const tab of this.tabs) {
      const chosen = tab.dataset.kind === kind;
      tab.setAttribute("aria-selected", String(chosen));
      tab.tabIndex = chosen ? 0 : -1;
      if (!chosen) continue;
      this.panel.setAttribute("aria-labelledby", tab.id);
      if (move) tab.focus();
    }
    const options = Object.entries(MEASURES[kind]).map(([value, { name }]) => element("option", { value }, name));
    this.controls.shown.input.replaceChildren(...options);
    if (this.header) this.take(this.header);
  }

  tabKey(event) {
    const at = this.tabs.indexOf(event.target);
    const n = this.tabs.length;
    const to = { ArrowRight: (at + 1) % n, ArrowLeft: (at + n - 1) % n, Home: 0, End: n - 1 }[event.key];
    if (at < 0 || to === undefined) return;
    event.preventDefault();
    this.turnTo(this.tabs[to].dataset.kind);
  }

  get view() {
    return this.views[this.kind];
  }

  get plane() {
    return PLANES[this.view.plane];
  }

  /** Change what is looked at; the kernel need not know. */
  look(values) {
    Object.assign(this.view, values);
    this.showLook();
    this.request();
  }

  hover({ offsetX, offsetY }) {
    const { left, bottom, wide, high, rows, columns } = this.place ?? {};
    const [column, row] = [Math.floor((offsetX - left) / wide), Math.floor((bottom - offsetY) / high)];
    if (!(column >= 0 && column < columns && row >= 0 && row < rows)) return;
    const [R, C] = this.plane;
    if (this.view[R] !== row || this.view[C] !== column) this.look({ [R]: row, [C]: column });
  }

  otherKey(event) {
    const move = { ArrowUp: [1, 0], ArrowDown: [-1, 0], ArrowRight: [0, 1], ArrowLeft: [0, -1] }[event.key];
    if (event.target !== this.heat || !move) return false;
    const clip = (axis, by) => Math.max(0, Math.min(this.tab.axes[axis].length - 1, this.view[axis] + by));
    const [R, C] = this.plane;
    this.look({ [R]: clip(R, move[0]), [C]: clip(C, move[1]) });
    return true;
  }

  // -- what the kernel says -----------------------------------------------------------------------------------------

  update(header) {
    this.tab = header.tabs.find(({ kind }) => kind === this.kind);
    const { state, done, axes, seeds, note } = this.tab;
    this.root.dataset.state = state; // of the tab on screen; `header.state` is that of both
    this.state.textContent = header.waiting && state === "running" ? "Waiting" : STATES[state];
    this.done.textContent = number(100 * done, 0);
    this.runs.textContent = number(axes.k.length * axes.D.length * axes.G.length * seeds.length, 0);
    const live = state !== "precomputed";
    enable(this.buttons.start, live && !["running", "finished", "error"].includes(state));
    enable(this.buttons.pause, state === "running");
    enable(this.buttons.reset, live);
    this.note.textContent = note;
    this.showStatus(header);
    this.showLook();
  }

  /** The controls, the sentence and the line of code, from what is looked at. */
  showLook() {
    const { view, tab } = this;
    const { shown, plane, slice, seed, record } = this.controls;
    const [, , third] = this.plane;
    shown.set(view.shown);
    plane.set(view.plane);
    retitle(slice, AXIS[third], tab.axes[third].length - 1);
    slice.set(view[third], plainly(tab.axes[third][view[third]]));
    retitle(seed, "Seeds", tab.seeds.length);
    seed.set(view.seed + 1, view.seed < 0 ? `mean of ${tab.seeds.length}` : `seed ${tab.seeds[view.seed]}`);
    const last = tab.updates.length - 1;
    retitle(record, "After", last);
    record.set(Math.min(view.record, last), `${number(tab.updates[Math.min(view.record, last)], 0)} updates`);
    Object.assign(this.root.dataset, { tab: this.kind, cell: [view.k, view.D, view.G].join(), look: JSON.stringify(view) });
    this.described = this.describe();
    this.words.textContent = this.described.words;
    this.code.textContent = this.codeLine();
    this.tell(this.described);
  }

  /** The numbers of the sweep on screen, as functions of a run's place. */
  get numbers() {
    const { arrays } = this.link?.store ?? { arrays: {} };
    const [curves, diverged] = [arrays[`${this.kind}_curves`], arrays[`${this.kind}_diverged`]];
    return curves && diverged ? new Numbers(curves, diverged, this.tab, this.view.record) : null;
  }

  describe() {
    const { view, tab } = this;
    const { digits, title } = MEASURES[this.kind][view.shown];
    const [R, C, third] = this.plane;
    const where = `k = ${tab.axes.k[view.k]}, D's rate ${plainly(tab.axes.D[view.D])}, G's rate ${plainly(tab.axes.G[view.G])}`;
    const found = this.numbers?.cell(view.shown, view.k, view.D, view.G, -1);
    let words = `${where}: nothing measured yet.`;
    if (found?.known) {
      const { values } = found;
      const spread = values.length > 1 ? ` (${number(Math.min(...values), digits)} to ${number(Math.max(...values), digits)} over ${values.length} seeds)` : "";
      const value = values.length ? `${MEASURES[this.kind][view.shown].name} ${number(found.mean, digits)}${spread}` : "no number left";
      const fate = [[found.diverged, "diverged"], [found.collapsed, "collapsed"]].filter(([n]) => n).map(([n, what]) => `${n} of ${found.known} ${what}`);
      words = `${where}: ${value}. ${fate.join(", ") || "None diverged or collapsed"}.`;
    }
    const heat = `Heatmap of ${title}. Rows: ${AXIS[R]}; columns: ${AXIS[C]}; ${AXIS[third]} ${plainly(tab.axes[third][view[third]])}. Chosen: ${words}`;
    return { heat, charts: `Curves of the chosen cell over its updates. ${words}`, words };
  }

  codeLine() {
    const { view, tab } = this;
    const [k, lr_D, lr_G] = [tab.axes.k[view.k], tab.axes.D[view.D], tab.axes.G[view.G]];
    const seed = tab.seeds[Math.max(view.seed, 0)];
    const rates = `k=${k}, lr_D=${lr_D}, lr_G=${lr_G}`;
    if (this.kind === "mnist") return `LiveTraining(replace(small_mnist(), ${rates}), load("mnist"), seed=${seed})`;
    const inside = [["D", lr_D], ["G", lr_G], ["k", k]].every(([name, value]) => value >= tab.limits[name][0] && value <= tab.limits[name][1]);
    if (inside && tab.open) return `LiveToy("${tab.open}", ${rates}, seed=${seed})`;
    return `Toys(TOY, p_data, ${rates}, seeds=${seed})`;
  }

  // -- the picture --------------------------------------------------------------------------------------------------

  draw() {
    const [numbers, colours] = [this.numbers, theme(this.root)];
    this.drawHeat(numbers, colours);
    this.drawCharts(numbers, colours);
    const said = this.describe(); // the curves arrive with the frame, and after its words were made
    if (said.words !== this.described.words) this.showLook();
  }

  drawHeat(numbers, colours) {
    const { context, width, height } = prepare(this.heat);
    if (width < 60) return;
    const { tab, view } = this;
    const measure = MEASURES[this.kind][view.shown];
    const [R, C, third] = this.plane;
    const [rows, columns] = [tab.axes[R].length, tab.axes[C].length];
    const plot = { left: 58, right: width - 58, top: 26, bottom: height - 40 };
    const place = { left: plot.left, bottom: plot.bottom, wide: (plot.right - plot.left) / columns, high: (plot.bottom - plot.top) / rows, rows, columns };
    this.place = place;
    const cells = [];
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        const at = { [R]: row, [C]: column, [third]: view[third] };
        cells.push({ row, column, found: numbers?.cell(view.shown, at.k, at.D, at.G, view.seed) ?? {} });
      }
    }
    const scale = scaleOf(measure, cells.map(({ found }) => found.mean));
    for (const { row, column, found } of cells) {
      const box = { x: place.left + column * place.wide, y: place.bottom - (row + 1) * place.high, wide: place.wide, high: place.high };
      drawCell(context, box, found, scale, measure, colours);
    }
    const [x, y] = [place.left + view[C] * place.wide, place.bottom - (view[R] + 1) * place.high];
    frame(context, x, y, place.wide, place.high, colours);
    labels(context, plot, place, [R, C].map((axis) => [AXIS[axis], tab.axes[axis]]), colours);
    legend(context, plot, scale, colours);
    writeAt(context, measure.title, 2, 11, { font: `600 11.5px ${colours.font}`, colour: colours.ink });
  }

  drawCharts(numbers, colours) {
    const { context, width, height } = prepare(this.charts);
    if (width < 60 || !numbers) return;
    const { tab, view } = this;
    const x = tab.updates;
    const common = { x, xMax: x[x.length - 1], exact: true };
    const at = [view.k, view.D, view.G];
    const tall = (height - 22) / 3;
    const box = (i, more = 0) => ({ left: 0, top: i * tall, width, height: tall + more });
    const marks = view.record < x.length - 1 ? [{ x: x[view.record], name: "" }] : [];
    const main = this.kind === "toy" ? "JSD" : "score";
    const seeds = tab.seeds.map((seed, s) => ({
      ...{ y: numbers.curve(main, ...at, s), name: String(seed), value: "", colour: view.seed < 0 || view.seed === s ? colours.G : colours.rule, dash: SEEDS[s % SEEDS.length] },
    }));
    const y = range(seeds.map((line) => line.y.filter(Number.isFinite)), this.kind === "toy" ? [0, 0.1] : [0]);
    drawChart(context, box(0), { ...common, title: this.kind === "toy" ? "JSD, nats, by seed" : "Parzen score, nats, by seed", lines: seeds, y, marks }, colours);
    const mean = (name) => numbers.seedsMean(name, ...at, view.seed);
    const line = (name, label_, colour, dash) => ({ y: mean(name), name: label_, value: number(latest(mean(name)), 2), colour: colours[colour], dash });
    const value = line("V", "V(D, G)", "V", []);
    const lines = this.kind === "toy" ? [line("C", "C(G)", "D", [6, 4]), value] : [value];
    const low = Math.max(range(lines.map((l) => l.y.filter(Number.isFinite)), [-1.5, 0])[0], -4);
    const levels = [{ y: MINUS_LOG_4, name: "−log 4" }];
    drawChart(context, box(1, 22), { ...common, title: "Value, nats", lines, y: [low, 0], levels, marks, xTitle: "updates of either player" }, colours);
    const third = { ...box(2), top: 2 * tall + 26, height: tall - 6 };
    if (this.kind === "toy") this.drawDensities(context, third, at, colours);
    else {
      const says = [line("D_real", "D(x)", "data", [1.5, 2.5]), line("D_fake", "D(G(z))", "G", []), line("width", "spread", "pick", [8, 3])];
      drawChart(context, third, { ...common, title: "D says", lines: says, y: [0, 1.2], levels: [{ y: 0.5, name: "½" }], marks }, colours);
    }
  }

  /** p_data and the runs' p_g, as they are now: mean densities in bins. */
  drawDensities(context, box, at, colours) {
    const { arrays } = this.link.store;
    const [data, p_g] = [arrays.toy_p_data, arrays.toy_p_g];
    if (!data || !p_g) return;
    const n = data.shape[1];
    const [x, p] = [data.subarray(0, n), data.subarray(n)];
    const plot = { left: box.left + 40, right: box.left + box.width - 10, top: box.top + 24, bottom: box.top + box.height - 16 };
    const high = 2 * Math.max(...p);
    const X = (value) => plot.left + ((value - x[0]) / (x[n - 1] - x[0])) * (plot.right - plot.left);
    const Y = (value) => plot.bottom - (value / high) * (plot.bottom - plot.top);
    drawAxes(context, plot, X, Y, { low: 0, high, xMin: x[0], xMax: x[n - 1], xTitle: " ", whole: false, apart: 45 }, colours);
    context.save();
    context.beginPath();
    context.rect(plot.left, plot.top, plot.right - plot.left, plot.bottom - plot.top + 1);
    context.clip();
    this.tab.seeds.forEach((_, s) => {
      if (this.view.seed >= 0 && this.view.seed !== s) return;
      const start = (((at[0] * p_g.shape[1] + at[1]) * p_g.shape[2] + at[2]) * p_g.shape[3] + s) * n;
      drawLine(context, x, p_g.subarray(start, start + n), X, Y, { colour: colours.G, dash: SEEDS[s % SEEDS.length], width: 1.5, alpha: 0.9 });
    });
    drawLine(context, x, p, X, Y, { colour: colours.data, dash: [1.5, 2.5], width: 2, alpha: 1 });
    context.restore();
    writeAt(context, "p_g (green) and p_data (dotted), at the latest record", box.left + 2, box.top + 11, { font: `600 11.5px ${colours.font}`, colour: colours.ink });
  }
}

/** What is looked at when a tab is first shown: the middle of the grid, all seeds, the end. */
function opening({ kind, axes, updates }) {
  const middle = (values) => Math.floor(values.length / 2);
  const shown = Object.keys(MEASURES[kind])[0];
  return { shown, plane: "DG", k: 0, D: middle(axes.D), G: middle(axes.G), seed: -1, record: updates.length - 1 };
}

function latest(y) {
  for (let i = y.length - 1; i >= 0; i--) if (Number.isFinite(y[i])) return y[i];
  return null;
}

function retitle({ root, input }, title, max) {
  root.querySelector(".gl-name").textContent = title;
  input.setAttribute("aria-label", title);
  input.max = max;
}

export default { render };
