// Sliders: controls above, the panels that a Python function draws from their values below.

import { Link } from "./link.js";
import { coalesce, drawAxes, drawLevels, drawLine, label, prepare, stroke, theme, watch } from "./canvas.js";
import { button, element, number, select, slider, unhurried } from "./controls.js";

const SILENT = "The kernel is busy with another cell, or was restarted (then run this cell again).";
const DASHES = { data: [1.5, 2.5], D: [6, 4], G: [], V: [], other: [8, 3, 1.5, 3], reference: [] };
const LOG_STEPS = 200; // places of a slider that goes by equal ratios
const NEAR = 26; // CSS pixels from a mark that still take hold of it
const SLOW = 500; // ms between two moves of a slider that plays, for those who ask for less motion
const VIRIDIS = ["#440154", "#472d7b", "#3b528b", "#2c728e", "#21918c", "#28ae80", "#5ec962", "#addc30", "#fde725"];

function render({ model, el }) {
  const view = new View(model, el);
  return () => view.close();
}

class View {
  constructor(model, el) {
    this.pending = {}; // control -> the id of the last command about it
    this.changed = {}; // control -> the value that the next command sets
    this.figures = [];
    this.build(el, model.get("first"));
    this.request = coalesce(() => this.draw());
    this.flush = coalesce(() => this.send());
    this.motion = window.matchMedia("(prefers-reduced-motion: reduce)");
    this.link = new Link(model, (header) => this.update(header), (silent) => this.silence(silent));
    this.unwatch = watch(this.root, this.request);
    this.update(this.link.header);
  }

  close() {
    this.pause();
    this.link.close();
    this.unwatch();
    this.request.cancel();
    this.flush.cancel();
    this.tell.cancel();
  }

  // -- what stands where --------------------------------------------------------------------------------------------

  build(el, { title, controls }) {
    this.controls = Object.fromEntries(controls.map((control) => [control.key, this.buildControl(control)]));
    this.player = controls.find((control) => control.play);
    const hint = "Every control back to where it began (R)";
    const buttons = [button("reset", "Reset", hint, () => this.reset())];
    if (this.player) {
      this.play = button("start", "Play", `Move ${this.player.name} from end to end (Space)`, () => this.start());
      this.rest = button("pause", "Pause", "Rest here (Space)", () => this.pause());
      buttons.unshift(this.play, this.rest);
    }
    this.status = element("div", { class: "gl-status", role: "status" });
    this.words = element("p", { class: "gl-words", "aria-hidden": "true" });
    this.told = element("p", { class: "gl-told", "aria-live": "polite" });
    this.stage = element("div", { class: "gl-stage" });
    const name = title || "Sliders and what they change";
    this.root = element(
      "section",
      { class: "ganlib gl-sliders", "aria-label": name, "data-playing": "false", "data-lm-suppress-shortcuts": "true" },
      element(
        "div",
        { class: "gl-controls" },
        ...Object.values(this.controls).map(({ root }) => root),
        element("div", { class: "gl-buttons", role: "group", "aria-label": "Demo" }, ...buttons),
      ),
      this.status,
      this.stage,
      this.words,
      this.told,
    );
    this.root.addEventListener("keydown", (event) => this.key(event));
    el.append(this.root);
    this.tell = unhurried(({ words, panels }) => {
      this.told.textContent = words;
      panels.forEach((panel, i) => this.figures[i]?.canvas.setAttribute("aria-label", described(panel, words)));
    });
  }

  buildControl(control) {
    const { key, kind, name, hint } = control;
    if (kind === "choice") {
      const options = control.options.map((option) => [option, option]);
      return select({ name: key, title: name, hint, options, onInput: (value) => this.change({ [key]: value }) });
    }
    const scale = scaleOf(control);
    const common = { name: key, title: name, hint, min: 0, max: scale.steps, step: 1 };
    const made = slider({
      ...common,
      text: (place) => scale.text(scale.value(place)),
      onInput: (place) => {
        if (key === this.player?.key) this.pause();
        this.change({ [key]: scale.value(place) });
      },
    });
    return { ...made, scale };
  }

  buildFigure(i) {
    const canvas = element("canvas", { class: `gl-canvas gl-canvas-${i}`, role: "img", tabindex: 0 });
    const caption = element("figcaption");
    const figure = { canvas, caption, root: element("figure", {}, caption, canvas) };
    canvas.addEventListener("pointerdown", (event) => this.grab(event, figure));
    canvas.addEventListener("pointermove", (event) => this.drag(event, figure));
    for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, () => (figure.held = null));
    this.stage.append(figure.root);
    return figure;
  }

  // -- what a person does -------------------------------------------------------------------------------------------

  change(values) {
    Object.assign(this.changed, values);
    for (const name of Object.keys(values)) this.pending[name] = Infinity; // until the command has its number
    this.flush();
  }

  send() {
    const values = this.changed;
    if (!Object.keys(values).length) return; // a reset came in between
    this.changed = {};
    const id = this.link.command("set", { values });
    for (const name of Object.keys(values)) this.pending[name] = id;
    this.root.dataset.asked = id;
  }

  reset() {
    this.pause();
    this.changed = {}; // what has not been sent would undo the reset
    const id = this.link.command("reset");
    for (const name of Object.keys(this.controls)) this.pending[name] = id;
    this.root.dataset.asked = id;
  }

  start() {
    const { key, play } = this.player;
    const { scale, input } = this.controls[key];
    const begun = Number(input.value) >= scale.steps ? 0 : Number(input.value) / scale.steps;
    let [from, last] = [null, -Infinity];
    const move = (now) => {
      from ??= now;
      const share = Math.min(1, begun + (now - from) / (1000 * play));
      this.frame = requestAnimationFrame(move);
      const settled = (this.pending[key] ?? 0) <= (this.header.applied ?? 0);
      if (!settled || (this.motion.matches && now - last < SLOW)) return;
      last = now;
      const place = Math.round(share * scale.steps);
      if (place !== Number(input.value)) {
        this.controls[key].set(place);
        this.change({ [key]: scale.value(place) });
      }
      if (share === 1) this.pause();
    };
    this.pause();
    this.root.dataset.playing = "true";
    this.frame = requestAnimationFrame(move);
  }

  pause() {
    cancelAnimationFrame(this.frame);
    this.root.dataset.playing = "false";
  }

  key(event) {
    event.stopPropagation(); // the notebook has shortcuts of its own
    if (event.target.tagName !== "CANVAS" || event.ctrlKey || event.metaKey || event.altKey) return;
    const playing = this.root.dataset.playing === "true";
    const act = { r: () => this.reset(), " ": () => this.player && (playing ? this.pause() : this.start()) }[event.key.toLowerCase()];
    if (!act) return;
    event.preventDefault();
    if (!event.repeat) act();
  }

  /** The mark that a pointer at this place would move, if any. */
  markAt({ offsetX, offsetY }, { panel, X, Y }) {
    const marks = (panel?.marks ?? []).filter(({ moves }) => moves.some(Boolean));
    const away = ({ x, y }) => Math.hypot(X(x) - offsetX, Y(y) - offsetY);
    const [nearest] = marks.sort((a, b) => away(a) - away(b));
    return nearest && (panel.heat || away(nearest) < NEAR) ? nearest : null;
  }

  grab(event, figure) {
    const mark = this.markAt(event, figure);
    if (!mark) return;
    figure.held = mark.moves;
    figure.canvas.setPointerCapture(event.pointerId);
    this.drag(event, figure);
  }

  drag(event, figure) {
    if (!figure.held) {
      figure.canvas.style.cursor = this.markAt(event, figure) ? "grab" : "";
      return;
    }
    const at = [figure.toX(event.offsetX), figure.toY(event.offsetY)];
    const values = {};
    figure.held.forEach((name, i) => {
      if (!name) return;
      const { scale, set } = this.controls[name];
      const place = scale.place(at[i]);
      set(place);
      values[name] = scale.value(place);
    });
    this.change(values);
  }

  // -- what the kernel says -----------------------------------------------------------------------------------------

  update(header) {
    this.header = header;
    Object.assign(this.root.dataset, { applied: header.applied, values: JSON.stringify(header.values) });
    for (const [name, { set, scale }] of Object.entries(this.controls)) {
      if ((this.pending[name] ?? 0) > header.applied) continue;
      const value = header.values[name];
      if (scale) set(scale.place(value), scale.text(value));
      else set(value);
    }
    this.showStatus(header.message, Boolean(header.message));
    if (this.words.textContent !== header.words) this.words.textContent = header.words;
    while (this.figures.length > header.panels.length) this.figures.pop().root.remove();
    header.panels.forEach((panel, i) => {
      this.figures[i] ??= this.buildFigure(i);
      showCaption(this.figures[i], panel);
    });
    this.stage.dataset.panels = header.panels.length;
    this.tell(header);
    this.request?.();
  }

  showStatus(words, wrong) {
    if (this.status.textContent !== words) this.status.textContent = words;
    this.status.classList.toggle("gl-wrong", wrong);
  }

  silence(silent) {
    if (silent) this.showStatus(SILENT, true);
    else if (this.status.textContent === SILENT) this.showStatus("", false);
  }

  // -- the picture --------------------------------------------------------------------------------------------------

  draw() {
    const colours = theme(this.root);
    colours.other = colours.pick;
    colours.reference = colours.soft;
    const { arrays } = this.link.store;
    this.header.panels.forEach((panel, i) => drawPanel(this.figures[i], panel, arrays, colours));
    if (this.link.frame) this.link.shown();
  }
}

/** Between a slider's places 0, 1, ..., `steps` and its values. */
function scaleOf({ low, high, step, log, unit }) {
  const steps = log ? LOG_STEPS : Math.round((high - low) / step);
  const digits = [0, 1, 2].find((d) => Math.abs(step - Number(step.toFixed(d))) < 1e-9) ?? 3;
  const clip = (value) => Math.min(high, Math.max(low, value));
  const along = (value) => (log ? Math.log(value / low) / Math.log(high / low) : (value - low) / (steps * step));
  return {
    steps,
    value: (place) => clip(Number((log ? low * (high / low) ** (place / steps) : low + place * step).toPrecision(log ? 4 : 12))),
    place: (value) => Math.round(along(clip(value)) * steps),
    text: (value) => `${log ? value.toPrecision(3).replace("-", "−") : number(value, digits)} ${unit}`.trim(),
  };
}

/** A panel in words: its title, what its lines are worth, and the demo's sentence. */
function described({ title, lines }, words) {
  const values = lines.filter(({ value }) => value !== null).map(({ name, value }) => `${name} ${value}`);
  return [title, values.join(", "), words].filter(Boolean).join(". ");
}

/** The title and the legend, made anew only when another line has come or gone. */
function showCaption(figure, { title, lines, heat }) {
  const named = lines.filter(({ name }) => name);
  const kind = JSON.stringify([title, named.map(({ name, style }) => [name, style]), heat?.name, heat?.low, heat?.high]);
  if (kind !== figure.kind) {
    figure.kind = kind;
    figure.numbers = named.map(() => element("b"));
    const keys = named.map(({ name, style }, i) => element("span", { class: "gl-key" }, swatch(style), name, figure.numbers[i]));
    if (heat) keys.push(heatKey(heat));
    figure.caption.replaceChildren(element("span", { class: "gl-title" }, title), ...keys);
  }
  named.forEach(({ value }, i) => {
    if (figure.numbers[i].textContent !== (value ?? "")) figure.numbers[i].textContent = value ?? "";
  });
}

function swatch(style) {
  const made = element("span", { class: "gl-swatch" });
  made.innerHTML = `<svg width="24" height="8" aria-hidden="true"><path class="gl-line-${style}" d="M0 4h24"/></svg>`;
  return made;
}

function heatKey({ name, low, high }) {
  const bar = element("span", { class: "gl-ramp", style: `background: linear-gradient(to right, ${VIRIDIS.join(", ")})` });
  return element("span", { class: "gl-key" }, `${name} ${label(low, 0.01)}`, bar, label(high, 0.01));
}

function drawPanel(figure, panel, arrays, colours) {
  const { context, width, height } = prepare(figure.canvas);
  if (width < 60) return;
  const plot = { left: panel.y_label ? 50 : 42, right: width - 12, top: 8, bottom: height - 32 };
  const [xMin, xMax] = panel.x;
  const [low, high] = panel.y;
  const X = (value) => plot.left + ((value - xMin) / (xMax - xMin)) * (plot.right - plot.left);
  const Y = (value) => plot.bottom - ((value - low) / (high - low)) * (plot.bottom - plot.top);
  const toX = (at) => xMin + ((at - plot.left) / (plot.right - plot.left)) * (xMax - xMin);
  const toY = (at) => low + ((plot.bottom - at) / (plot.bottom - plot.top)) * (high - low);
  Object.assign(figure, { panel, X, Y, toX, toY });
  drawAxes(context, plot, X, Y, { low, high, xMin, xMax, xTitle: panel.x_label || " ", whole: false, apart: 45 }, colours);
  if (panel.y_label) upright(context, panel.y_label, 8, (plot.top + plot.bottom) / 2, colours);
  context.save();
  context.beginPath();
  context.rect(plot.left, plot.top - 1, plot.right - plot.left + 1, plot.bottom - plot.top + 2);
  context.clip();
  if (panel.heat && arrays[panel.heat.array]) drawHeat(context, panel.heat, arrays[panel.heat.array], X, Y);
  for (const line of panel.lines) drawCurve(context, line, arrays[line.array], X, Y, colours);
  context.restore();
  drawLevels(context, plot, Y, panel.levels, colours);
  for (const mark of panel.marks) drawPoint(context, mark, plot, X, Y, colours);
}

function upright(context, words, x, y, { ink, font }) {
  context.save();
  context.translate(x, y);
  context.rotate(-Math.PI / 2);
  context.font = `10.5px ${font}`;
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.fillStyle = ink;
  context.fillText(words, 0, 0);
  context.restore();
}

function drawCurve(context, { style, fill }, numbers, X, Y, colours) {
  if (!numbers) return; // its numbers are still on their way
  const n = numbers.shape[1];
  const [x, y] = [numbers.subarray(0, n), numbers.subarray(n)];
  const [colour, dash] = [colours[style], DASHES[style]];
  if (fill) {
    context.globalAlpha = 0.14;
    context.fillStyle = colour;
    context.beginPath();
    context.moveTo(X(x[0]), Y(0));
    for (let i = 0; i < n; i++) context.lineTo(X(x[i]), Y(Number.isFinite(y[i]) ? y[i] : 0));
    context.lineTo(X(x[n - 1]), Y(0));
    context.fill();
  }
  drawLine(context, x, y, X, Y, { colour, dash, width: style === "reference" ? 1.2 : 2, alpha: style === "reference" ? 0.8 : 1 });
}

function drawHeat(context, heat, numbers, X, Y) {
  const [rows, columns] = numbers.shape;
  const [[x0, x1], [y0, y1]] = [heat.x, heat.y];
  const [dx, dy] = [(x1 - x0) / (columns - 1), (y1 - y0) / (rows - 1)];
  numbers.bitmap ??= colourMap(numbers, rows, columns, heat);
  context.imageSmoothingEnabled = true;
  const [left, top] = [X(x0 - dx / 2), Y(y1 + dy / 2)];
  context.drawImage(numbers.bitmap, left, top, X(x1 + dx / 2) - left, Y(y0 - dy / 2) - top);
  context.globalAlpha = 0.55;
  context.strokeStyle = "#fff";
  context.lineWidth = 1;
  for (const level of heat.contours) {
    context.beginPath();
    contour(numbers, rows, columns, level, (column, row, first) => {
      context[first ? "moveTo" : "lineTo"](X(x0 + column * dx), Y(y0 + row * dy));
    });
    context.stroke();
  }
  context.globalAlpha = 1;
}

/** The numbers as colours, one pixel each, the first row at the bottom. */
function colourMap(numbers, rows, columns, { low, high }) {
  const ramp = VIRIDIS.map((hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16)));
  const image = new ImageData(columns, rows);
  for (let i = 0; i < numbers.length; i++) {
    const t = ((numbers[i] - low) / (high - low || 1)) * (ramp.length - 1);
    const k = Math.min(ramp.length - 2, Math.max(0, Math.floor(t)));
    const at = 4 * ((rows - 1 - Math.floor(i / columns)) * columns + (i % columns));
    for (let c = 0; c < 3; c++) image.data[at + c] = ramp[k][c] + (t - k) * (ramp[k + 1][c] - ramp[k][c]);
    image.data[at + 3] = 255;
  }
  const bitmap = element("canvas", { width: columns, height: rows });
  bitmap.getContext("2d").putImageData(image, 0, 0);
  return bitmap;
}

/** The level line, cell by cell (marching squares): `to(column, row, first)` for the two ends of each piece. */
function contour(numbers, rows, columns, level, to) {
  for (let i = 0; i + 1 < rows; i++) {
    for (let j = 0; j + 1 < columns; j++) {
      const corners = [[j, i], [j + 1, i], [j + 1, i + 1], [j, i + 1]];
      const above = corners.map(([column, row]) => numbers[row * columns + column] - level);
      const ends = [];
      for (let k = 0; k < 4; k++) {
        const [a, b] = [above[k], above[(k + 1) % 4]];
        if (a > 0 === b > 0) continue;
        const t = a / (a - b);
        ends.push(corners[k].map((value, axis) => value + t * (corners[(k + 1) % 4][axis] - value)));
      }
      ends.forEach(([column, row], k) => to(column, row, k % 2 === 0));
    }
  }
}

function drawPoint(context, { x, y, name, style, moves, stem }, plot, X, Y, { paper, ink, font, ...colours }) {
  const [left, top] = [X(x), Y(y)];
  if (left < plot.left - 1 || left > plot.right + 1 || top < plot.top - 1 || top > plot.bottom + 1) return;
  if (stem) stroke(context, colours[style], [2, 3], [[left, plot.bottom], [left, top]]);
  const held = moves.some(Boolean); // a handle is larger
  context.beginPath();
  context.arc(left, top, held ? 7 : 4.5, 0, 2 * Math.PI);
  context.fillStyle = colours[style];
  context.fill();
  context.lineWidth = 2;
  context.strokeStyle = paper;
  context.stroke();
  if (!name) return;
  context.font = `600 11px ${font}`;
  const wide = context.measureText(name).width;
  const beside = left + 12 + wide > plot.right ? -12 : 12;
  context.textAlign = beside > 0 ? "left" : "right";
  context.textBaseline = "middle";
  context.lineWidth = 3;
  context.lineJoin = "round";
  const level = Math.max(plot.top + 6, Math.min(plot.bottom - 8, top));
  context.strokeText(name, left + beside, level);
  context.fillStyle = ink;
  context.fillText(name, left + beside, level);
}

export default { render };
