// Live training: the samples of G on the left, costs, V and D's verdicts on the right, every control below.

import { RunView } from "./view.js";
import { drawChart, drawTiles, prepare, range, theme } from "./canvas.js";
import { button, element, enable, number, rateText, select, slider } from "./controls.js";

const MINUS_LOG_4 = -Math.log(4);
const COLUMNS = ["step", "V", "cost_D", "cost_G", "D_real", "D_fake"];
const STATES = { idle: "Ready", running: "Training", paused: "Paused", stopped: "Stopped", error: "Error" };
const DASHES = { D: [6, 4], G: [], V: [], data: [1.5, 2.5] };

function render({ model, el }) {
  const view = new View(model, el);
  return () => view.close();
}

class View extends RunView {
  keys = { s: "step", r: "reset" };
  pictures = 0;

  // -- what stands where --------------------------------------------------------------------------------------------

  build(el) {
    const keys = ["Space: start or pause. S: one step. R: reset.", "Space S R"];
    this.samples = this.canvas("samples", ...keys);
    this.charts = this.canvas("charts", ...keys);
    this.verdict = element("ul", { class: "gl-verdict", "aria-live": "polite", "aria-label": "Is this loss curve normal?" });
    this.status = element("div", { class: "gl-status", role: "status" });
    this.sampleTitle = element("span");
    this.root = element(
      "section",
      { class: "ganlib gl-run gl-training", "aria-label": "Live training of a generative adversarial net", "data-lm-suppress-shortcuts": "true" },
      element("div", { class: "gl-bar" }, this.buildTransport(), this.buildReadouts({ stepCount: "steps", epoch: "epochs", speed: "steps/s" })),
      this.status,
      element(
        "div",
        { class: "gl-stage" },
        element("figure", { class: "gl-samples" }, element("figcaption", {}, this.sampleTitle), this.samples),
        element("figure", { class: "gl-charts" }, this.charts),
      ),
      this.buildControls(),
      element("div", { class: "gl-diagnosis" }, element("h4", {}, "Is this normal?"), this.verdict),
    );
    el.append(this.root);
    this.tellSamples = this.teller((words) => this.samples.setAttribute("aria-label", words));
    this.tellCharts = this.teller((words) => this.charts.setAttribute("aria-label", words));
    this.tellDiagnosis = this.teller((diagnosis) => this.showDiagnosis(diagnosis));
  }

  buildTransport() {
    const act = (name) => () => this.command(name);
    this.buttons = {
      start: button("start", "Start", "Train in the background (Space)", act("start")),
      pause: button("pause", "Pause", "Rest here (Space)", act("pause")),
      step: button("step", "Step", "Exactly one iteration: k updates of D, one of G (S)", act("step")),
      stop: button("stop", "Stop", "End the training; what was learnt stays", act("stop")),
      reset: button("reset", "Reset", "Back to the start of the seed; the controls stay (R)", () => this.reset()),
    };
    return element("div", { class: "gl-transport", role: "group", "aria-label": "Training" }, ...Object.values(this.buttons), this.buildSeed());
  }

  buildControls() {
    const set = (name, of = (value) => value) => (value) => this.set({ [name]: of(value) });
    const rate = (player) =>
      slider({
        name: `lr_${player}`,
        title: `Learning rate of ${player}`,
        hint: `How far ${player} moves at each of its updates; it decays as the recipe says`,
        ...{ min: -4, max: 0, step: 0.05, text: (value) => rateText(10 ** value) },
        onInput: set(`lr_${player}`, (value) => Number((10 ** value).toPrecision(3))),
      });
    this.controls = {
      k: slider({
        name: "k",
        title: "k",
        hint: "How often D is updated for each update of G",
        ...{ min: 1, max: 10, step: 1, text: (value) => `${value} update${value > 1 ? "s" : ""} of D to one of G` },
        onInput: set("k"),
      }),
      lr_D: rate("D"),
      lr_G: rate("G"),
      momentum: slider({
        name: "momentum",
        title: "Momentum μ",
        hint: "The share of the last move that is kept in the next one, for both players",
        ...{ min: 0, max: 0.95, step: 0.05, text: (value) => number(value, 2) },
        onInput: set("momentum"),
      }),
      update: select({
        name: "update",
        title: "Who moves when",
        hint: "Simultaneous: both from the same old parameters. Alternating: D first, then G against the new D",
        options: [["simultaneous", "simultaneous (authors' code)"], ["alternating", "alternating (Algorithm 1)"]],
        onInput: set("update"),
      }),
      generator_cost: select({
        name: "generator_cost",
        title: "Cost of G",
        hint: "What G descends",
        options: [["non-saturating", "−log D(G(z)), non-saturating"], ["minimax", "log(1 − D(G(z))), minimax"]],
        onInput: set("generator_cost"),
      }),
    };
    const { k, lr_D, lr_G, momentum, update, generator_cost } = this.controls;
    return element(
      "div",
      { class: "gl-controls" },
      this.group("D", "D, the discriminator", k.root, lr_D.root),
      this.group("G", "G, the generator", lr_G.root, generator_cost.root),
      this.group("B", "Both", momentum.root, this.buildSchedule(), update.root),
      button("restore", "The recipe's own values", "Set every control to what the recipe says", () => this.change("restore")),
    );
  }

  buildSchedule() {
    this.schedule = element("input", { type: "checkbox", "data-name": "schedule" });
    this.schedule.addEventListener("change", () => {
      const { momentum } = this.controls;
      this.set({ momentum: this.schedule.checked ? null : Number(momentum.input.value) });
    });
    this.scheduleText = element("span");
    return element("label", { class: "gl-check" }, this.schedule, this.scheduleText);
  }

  // -- what a person does -------------------------------------------------------------------------------------------

  set(values) {
    super.set(values);
    if ("momentum" in values) this.schedule.checked = values.momentum === null;
  }

  // -- what the kernel says -----------------------------------------------------------------------------------------

  update(header) {
    this.state.textContent = header.waiting ? "Waiting" : STATES[header.state];
    this.stepCount.textContent = number(header.step, 0);
    this.epoch.textContent = number(header.epoch, header.epoch < 100 ? 2 : 1);
    this.speed.textContent = number(header.speed, header.speed < 10 ? 1 : 0);
    this.showButtons(header.state);
    this.showControls(header);
    this.showWords(header);
  }

  showButtons(state) {
    enable(this.buttons.start, !["running", "error"].includes(state));
    enable(this.buttons.pause, state === "running");
    enable(this.buttons.step, state !== "error");
    enable(this.buttons.stop, ["running", "paused"].includes(state));
  }

  showControls({ settings, momentum, schedule: [start, end], seed }) {
    const settled = (name) => this.settled(name);
    const { controls } = this;
    if (settled("k")) controls.k.set(settings.k);
    for (const name of ["lr_D", "lr_G"]) {
      if (settled(name)) controls[name].set(Math.log10(settings[name]), rateText(settings[name]));
    }
    if (settled("momentum")) {
      const scheduled = settings.momentum === null;
      this.schedule.checked = scheduled;
      controls.momentum.set(scheduled ? momentum : settings.momentum, number(scheduled ? momentum : settings.momentum, 2));
    }
    for (const name of ["update", "generator_cost"]) if (settled(name)) controls[name].set(settings[name]);
    this.scheduleText.textContent = `as the recipe schedules it, ${start} to ${end}`;
    this.showSeed(seed);
  }

  showWords(header) {
    const { state, diagnosis, step, latest, grid, data } = header;
    this.showStatus(header);
    const n = grid.rows * grid.columns;
    this.sampleTitle.textContent = `G(z): the same ${n} z all along`;
    this.tellSamples(`${n} samples of G after ${number(step, 0)} steps, in ${grid.rows} rows; ${STATES[state]}`);
    const told = latest
      ? `Step ${number(step, 0)}, trained on ${data.name}. Cost of D ${number(latest.cost_D, 2)}, cost of G ${number(latest.cost_G, 2)}, ` +
        `V ${number(latest.V, 2)} nats (minus log 4 is −1.39). D gives data ${number(latest.D_real, 2)} and samples ${number(latest.D_fake, 2)}.`
      : "Charts of the costs, of V and of what D says; empty until training starts.";
    this.tellCharts(told);
    this.tellDiagnosis(diagnosis);
  }

  showDiagnosis({ tone, sentences }) {
    this.root.dataset.tone = tone;
    const said = sentences.join("\n").replace(/(^|[\s(])-(?=[\dl])/gm, "$1−");
    if (said !== this.said) this.verdict.replaceChildren(...said.split("\n").map((words) => element("li", {}, words)));
    this.said = said;
  }

  // -- the picture --------------------------------------------------------------------------------------------------

  draw() {
    const colours = theme(this.root);
    this.drawSamples();
    this.drawCharts(colours);
  }

  drawSamples() {
    const { rows, columns, shape } = this.header.grid;
    this.samples.style.aspectRatio = `${columns * shape[2]} / ${rows * shape[1]}`;
    const { context, width, height } = prepare(this.samples);
    const bitmap = this.link.store.pictures.samples;
    if (!bitmap || width < 10) return;
    drawTiles(context, bitmap, { ...this.header.grid, width, height, gap: 2 });
    if (bitmap !== this.drawn) this.root.dataset.pictures = ++this.pictures;
    this.drawn = bitmap;
  }

  drawCharts(colours) {
    const { context, width, height } = prepare(this.charts);
    if (width < 60) return;
    const rows = Object.fromEntries(COLUMNS.map((name, i) => [name, this.link.store.curves[i] ?? new Float32Array()]));
    const latest = this.header.latest ?? {};
    const line = (name, words, colour, digits = 2) => ({
      ...{ y: rows[name], name: words, value: number(latest[name], digits), colour: colours[colour], dash: DASHES[colour] },
    });
    const marks = this.header.marks.map(([x, name, value]) => ({ x, name: markText(name, value) }));
    const common = { x: rows.step, xMax: Math.max(this.header.step, 20) };
    const tall = (height - 22) / 3;
    const box = (i) => ({ left: 0, top: i * tall, width, height: i === 2 ? tall + 22 : tall });
    const costs = [line("cost_D", "D", "D"), line("cost_G", "G", "G")];
    const y = range(costs.map((c) => c.y), [0, 1]);
    drawChart(context, box(0), { ...common, title: "Costs, nats", lines: costs, y, marks }, colours);
    const values = [line("V", "V(D, G)", "V")];
    const V = { title: "Value, nats", lines: values, y: [range([rows.V], [-1.5, 0])[0], 0], levels: [{ y: MINUS_LOG_4, name: "−log 4 = −1.386" }] };
    drawChart(context, box(1), { ...common, ...V, marks: marks.map(({ x }) => ({ x, name: "" })) }, colours);
    const says = [line("D_real", "D(x)", "data"), line("D_fake", "D(G(z))", "G")];
    const P = { title: "D says", lines: says, y: [0, 1], levels: [{ y: 0.5, name: "½" }], xTitle: "step" };
    drawChart(context, box(2), { ...common, ...P, marks: marks.map(({ x }) => ({ x, name: "" })) }, colours);
  }
}

function markText(name, value) {
  if (name === "k") return `k ${value}`;
  if (name === "momentum") return value === null ? "μ scheduled" : `μ ${number(value, 2)}`;
  if (name.startsWith("lr_")) return `${name.slice(3)}'s rate ${rateText(value)}`;
  return value;
}

export default { render };
