// A panel on the page: its title and legend, its canvas, and what a person does on that by mouse and keyboard.

import { digits, drawPanel, lookOf, scale } from "./canvas.js";
import { clip, element, mark, renew, unhurried, write } from "./controls.js";

const NEAR = 26; // CSS pixels from a mark that still take hold of it
const TOUCH = 9; // ... from a point that a click takes away
const WAY = 16; // places between two of a stroke at which it looks for images
const NODES = 81; // heights of a curve that is drawn by hand
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

/** Where the least of some numbers stands; -1 when there are none. */
const least = (numbers) => numbers.indexOf(Math.min(...numbers));

/**
 * One panel. `view` has `controls` by key, `colours`, `press(button, values)`, `settled(key)`, and `request(figure)`,
 * which asks for a drawing.
 */
export class Figure {
  constructor(view, i) {
    this.view = view;
    this.canvas = element("canvas", { class: `gl-canvas-${i}`, role: "img", tabindex: 0, title: view.keys });
    this.legend = element("figcaption", { class: "gl-legend" });
    this.caption = element("p", { class: "gl-caption" });
    this.root = element("figure", {}, this.legend, this.canvas, this.caption);
    this.tell = unhurried((words) => mark(this.canvas, "aria-label", words));
    this.tile = 0; // the keyboard's cursor on images
    this.cursor = null; // ... and where a person draws, [x, y]
    this.brush = null; // the stroke under way on images that are painted
    this.reading = null; // the x at which the lines are read
    const on = (name, act) => this.canvas.addEventListener(name, (event) => this.place && act(event));
    on("pointerdown", (event) => event.button === 0 && this.down(event));
    on("pointermove", (event) => this.move(event));
    for (const name of ["pointerup", "pointercancel"]) on(name, () => this.up());
    on("pointerleave", () => this.read(null));
    on("focus", () => view.request(this));
    on("blur", () => {
      this.reading = null;
      view.request(this);
    });
  }

  // -- what there is to see -----------------------------------------------------------------------------------------

  show(panel) {
    this.panel = panel;
    const [row, column, rows, columns] = panel.at;
    const area = `grid-area: ${row + 1} / ${column + 1} / span ${rows} / span ${columns}`;
    const narrow = `order: ${100 * column + row}; --gl-rows: ${rows}; --gl-most: ${most(panel)}`;
    mark(this.root, "style", `${area}; ${narrow}`);
    this.does = this.view.controls[panel.draws ?? panel.seeks]?.kind ?? doing(panel);
    mark(this.canvas, "data-does", this.does);
    this.showLegend(panel);
    write(this.caption, panel.caption);
    this.tell(panel.words);
  }

  /** Title and legend, made anew only when another line has come or gone, or the theme. */
  showLegend({ title, lines, arrows, heat, cells }) {
    const [named, map] = [[...lines, ...arrows].filter(({ name }) => name), heat ?? cells];
    const { ramps } = this.view.colours;
    const looks = named.map((one) => lookOf(this.view.colours, { ...one, lit: false }));
    const kinds = named.map(({ dots, start }) => (dots ? "dots" : start ? "arrow" : "line"));
    const about = [title, named.map(({ name }) => name), kinds, looks, map?.name, map?.limits, ramps[map?.ramp]];
    renew(this.legend, about, () => {
      const key = (...parts) => element("span", { class: "gl-key" }, ...parts);
      const keys = named.map(({ name }, i) => key(swatch(looks[i], kinds[i]), name, " ", element("b")));
      if (map?.name) {
        const [low, high] = map.limits.map((end) => String(Number(end.toPrecision(3))).replace("-", "−"));
        const style = `background: linear-gradient(to right, ${ramps[map.ramp].join(", ")})`;
        keys.push(key(`${map.name} ${low}`, element("span", { class: "gl-ramp", style }), high));
      }
      return [element("span", { class: "gl-title" }, title), ...keys];
    });
    const numbers = this.legend.querySelectorAll("b");
    named.forEach(({ value }, i) => write(numbers[i], value ?? ""));
  }

  draw(arrays, colours, rightAxis) {
    const { panel, view } = this;
    const { cells, tiles, draws, x, y } = panel;
    this.arrays = arrays;
    if (this.heights && !this.pen && view.settled(draws)) this.heights = null; // the kernel has it
    if (draws) this.cursor ??= [(x[0] + x[1]) / 2, (y[0] + y[1]) / 2];
    const focused = document.activeElement === this.canvas;
    const cursor = !focused ? null : tiles?.press ? this.tile : draws ? this.hand() : null;
    const both = cells?.moves.every(Boolean); // then the person's choice shows before the kernel has it
    const chosen = both ? [...cells.moves].reverse().map((key) => view.controls[key].place()) : null;
    const reading = this.reading === null || !panel.reads ? null : { x: this.reading, rows: this.rows(this.reading) };
    const more = { rightAxis, chosen, cursor, heights: this.heights, reading };
    this.place = drawPanel(this.canvas, panel, arrays, colours, more) ?? this.place;
  }

  // -- the mouse ----------------------------------------------------------------------------------------------------

  down(event) {
    if (this.panel.draws) this.cursor = this.at(event);
    if (this.does === "curve") this.penDown(event);
    else if (this.does === "points") this.point(this.cursor);
    else if (this.does === "press") this.brushDown(event);
    else if (this.does === "choose") this.hover(event);
    else if (this.does === "place") this.seekDown(event);
    else if (this.does === "drag" && (this.held = this.handleUnder(event)?.moves)) {
      this.canvas.setPointerCapture(event.pointerId);
      this.drag(event);
    }
  }

  move(event) {
    if (this.panel.reads) this.read(this.at(event)[0]);
    if (this.pen) this.penTo(event);
    else if (this.brush !== null) this.brushTo(event);
    else if (this.seeking) this.seek(this.at(event)[0]);
    else if (this.held) this.drag(event);
    else if (this.does === "choose") this.hover(event);
    else this.canvas.style.cursor = this.does === "drag" && this.handleUnder(event) ? "grab" : "";
  }

  up() {
    if (this.pen) this.sendHeights();
    this.held = this.pen = this.brush = null;
    this.seeking = false;
  }

  // -- reading the lines, and looking along x -------------------------------------------------------------------------

  /** Show the value of every named line at x; null: of none. */
  read(x) {
    if (!this.panel.reads) return;
    const [left, right] = this.panel.x;
    this.reading = x === null || x < left || x > right ? null : x;
    this.view.request(this);
  }

  /** [name, style, value] of every named line at x: between two of its points by the straight line through them. */
  rows(x) {
    const value = (line) => {
      const [xs, ys] = [this.arrays.get(line.x), this.arrays.get(line.y)];
      const i = clip(xs.findIndex((one) => one >= x), 1, xs.length - 1);
      return ys[i - 1] + clip((x - xs[i - 1]) / (xs[i] - xs[i - 1]), 0, 1) * (ys[i] - ys[i - 1]);
    };
    const read = this.panel.lines.filter(({ name, x: { shape } }) => name && shape[0] > 1);
    return read.map((line) => [line.name, line.style, value(line)]);
  }

  readByKey(to) {
    this.read(clip(to, ...this.panel.x));
    const said = this.rows(this.reading).map(([name, , value]) => `${name} ${digits(value)}`);
    this.view.tell(`At x = ${digits(this.reading)}: ${said.join(", ")}.`);
  }

  seekDown(event) {
    this.canvas.setPointerCapture(event.pointerId);
    this.seeking = true;
    this.seek(this.at(event)[0]);
  }

  /** Look at the place x along this panel; null: at none, which is the present. */
  seek(x) {
    this.view.controls[this.panel.seeks].take(x === null ? null : clip(x, ...this.panel.x));
  }

  at({ offsetX, offsetY }) {
    return [this.place.toX(offsetX), this.place.toY(offsetY)];
  }

  /** How far (x, y) is from where the pointer is, in pixels. */
  away([x, y], { offsetX, offsetY }) {
    return Math.hypot(this.place.X(x) - offsetX, this.place.Y(y) - offsetY);
  }

  /** The handle that a pointer at this place would move, if any; on a map or on images the nearest one, however far. */
  handleUnder(event) {
    const all = handles(this.panel);
    const away = all.map(({ x, y }) => this.away([x, y], event));
    const [near, reach] = [least(away), this.panel.heat || this.panel.tiles ? Infinity : NEAR];
    return away[near] < reach ? all[near] : null;
  }

  /** Move the controls of these keys, each to the place that `find` says; null leaves it where it is. */
  set(keys, find) {
    keys.forEach((key, i) => {
      const control = this.view.controls[key];
      const place = control ? find(control, i) : null;
      if (place !== null) control.take(place);
    });
  }

  drag(event) {
    const at = this.at(event);
    const away = (place, i) => (typeof place === "number" ? Math.abs(place - at[i]) : Infinity);
    this.set(this.held, ({ places }, i) => least(places.map((place) => away(place, i))));
  }

  hover(event) {
    const { rows, columns, moves } = this.panel.cells;
    const at = this.at(event).map(Math.floor);
    if (!(at[0] >= 0 && at[0] < columns.length && at[1] >= 0 && at[1] < rows.length)) return;
    this.set(moves, (control, i) => (control.place() === at[i] ? null : at[i]));
    this.view.request(this);
  }

  tileUnder({ offsetX, offsetY }) {
    return Array.from({ length: this.panel.tiles.images.shape[0] }).findIndex((_, i) => {
      const [x, y, wide, tall] = this.place.plot.tile(i);
      return offsetX >= x && offsetX < x + wide && offsetY >= y && offsetY < y + tall;
    });
  }

  pick(index, more = {}) {
    if (index < 0) return;
    this.tile = index;
    this.view.press(this.panel.tiles.press, { index, ...more });
  }

  brushDown(event) {
    const index = this.tileUnder(event);
    if (this.panel.tiles.paint && index >= 0) {
      this.canvas.setPointerCapture(event.pointerId);
      this.brush = { met: new Set([index]), from: [event.offsetX, event.offsetY] };
    }
    this.pick(index);
  }

  /** The stroke goes on, over every image on the way: each takes on what the first one has become. */
  brushTo(event) {
    const { met, from } = this.brush;
    const to = [event.offsetX, event.offsetY];
    for (let t = 1; t <= WAY; t++) {
      const [offsetX, offsetY] = from.map((start, i) => start + (t / WAY) * (to[i] - start));
      const index = this.tileUnder({ offsetX, offsetY });
      if (index < 0 || met.has(index)) continue;
      met.add(index);
      this.pick(index, { stroke: true });
    }
    this.brush.from = to;
  }

  // -- the keyboard -------------------------------------------------------------------------------------------------

  /** Take a key; whether it meant anything here. */
  key({ key, shiftKey }) {
    const [way, far] = [ARROWS[key], shiftKey ? 5 : 1];
    const presses = key === "Enter" || (key === " " && this.panel?.tiles?.paint);
    const enters = presses && (this.does === "press" || this.does === "points");
    const leaves = key === "Escape" && (this.does === "place" || this.reading !== null);
    if (!this.does || !this.place || !(way || enters || leaves)) return false;
    const [[left, right], along] = [this.panel.x, way?.[0] ?? 0];
    if (this.does === "place") this.seek(leaves ? null : (this.sought() ?? right) + (along * far * (right - left)) / 100);
    else if (leaves) this.read(null);
    else if (this.does === "read") this.readByKey((this.reading ?? (left + right) / 2) + (along * far * (right - left)) / 100);
    else if (this.does === "press") this.tileByKey(way);
    else if (this.panel.draws) this.drawByKey(way, far);
    else {
      const moves = this.panel.cells?.moves ?? handles(this.panel)[0].moves;
      this.set(moves, (control, i) => (way[i] ? control.place() + way[i] * (shiftKey ? 10 : 1) : null));
    }
    this.view.request(this);
    return true;
  }

  tileByKey(way) {
    const { images, columns } = this.panel.tiles;
    const to = way ? this.tile + way[0] - way[1] * columns : -1;
    if (to >= 0 && to < images.shape[0]) this.tile = to;
    if (!way) this.pick(this.tile);
  }

  /** The cursor moves along x, and along y or a hill there grows or shrinks; Enter sets a point, or takes it away. */
  drawByKey(way, far) {
    const { x, y } = this.panel;
    const tall = y[1] - y[0];
    if (!way) return this.point(this.cursor);
    this.cursor[0] = clip(this.cursor[0] + (way[0] * far * (x[1] - x[0])) / (NODES - 1), ...x);
    if (this.does === "points") this.cursor[1] = clip(this.cursor[1] + (way[1] * far * tall) / (NODES - 1), ...y);
    else if (way[1]) {
      const wide = this.free ? 8 : 3;
      const hill = (i) => 0.036 * tall * way[1] * Math.exp(-(((i - this.node(this.cursor[0])) / wide) ** 2));
      this.heights = this.nodes().map((h, i) => this.height((Number.isFinite(h) ? h : (y[0] + y[1]) / 2) + hill(i)));
      this.sendHeights();
    }
    if (this.panel.reads) this.readByKey(this.cursor[0]);
  }

  /** Where a person looks along x, if anywhere. */
  sought() {
    return this.view.controls[this.panel.seeks].value;
  }

  // -- drawing by hand: a "curve" or "points" -----------------------------------------------------------------------

  penDown(event) {
    this.canvas.setPointerCapture(event.pointerId);
    this.heights = this.nodes();
    this.penTo(event);
  }

  /** Set a point; or take the nearest one away, when that is near. */
  point([x, y]) {
    const { take, value } = this.view.controls[this.panel.draws];
    const here = { offsetX: this.place.X(x), offsetY: this.place.Y(y) };
    const away = value.map((point) => this.away(point, here));
    const near = least(away);
    take(away[near] < TOUCH ? value.filter((_, i) => i !== near) : [...value, [x, y]]);
  }

  /** x in nodes, 0 to NODES - 1. */
  node(x) {
    return clip(scale(this.panel.x, [0, NODES - 1])(x), 0, NODES - 1);
  }

  /** Where the keyboard's cursor is: on the curve, or where the next point will be set. */
  hand() {
    if (this.does === "points") return this.cursor;
    const height = this.nodes()[Math.round(this.node(this.cursor[0]))];
    return [this.cursor[0], Number.isFinite(height) ? height : (this.panel.y[0] + this.panel.y[1]) / 2];
  }

  /** Whether the curve that is drawn here may lie below 0, and have gaps. */
  get free() {
    return this.view.controls[this.panel.draws].free;
  }

  /** A height that the pen may give the curve. */
  height(y) {
    return this.free ? clip(y, ...this.panel.y) : Math.max(0, y);
  }

  /**
   * The heights at the nodes: as drawn by hand, before the kernel has them, or of the curve as it is shown: a guess, or
   * the data's. NaN where nothing is drawn.
   */
  nodes() {
    if (this.heights) return this.heights;
    const drawn = this.free ? "guess" : "data";
    const line = this.panel.lines.find(({ style, right }) => style === drawn && !right);
    if (!line) return new Float64Array(NODES).fill(this.free ? NaN : 0);
    const [x, y] = [this.arrays.get(line.x), this.arrays.get(line.y)];
    const toX = scale([0, NODES - 1], this.panel.x);
    let j = 0;
    return Float64Array.from({ length: NODES }, (_, i) => {
      const at = toX(i);
      while (j + 2 < x.length && x[j + 1] < at) j++;
      if (this.free) return y[Math.round((i * (y.length - 1)) / (NODES - 1))];
      return y[j] + clip((at - x[j]) / (x[j + 1] - x[j]), 0, 1) * (y[j + 1] - y[j]) || 0;
    });
  }

  /** Everything between the pen's last place and this one takes the height of the line between them. */
  penTo(event) {
    const [x, y] = this.at(event);
    const to = { node: this.node(x), height: this.height(y) };
    const from = this.pen ?? to;
    const [first, last] = [Math.min(from.node, to.node), Math.max(from.node, to.node)].map(Math.round);
    for (let i = first; i <= last; i++) {
      const share = to.node === from.node ? 1 : clip((i - from.node) / (to.node - from.node), 0, 1);
      this.heights[i] = from.height + share * (to.height - from.height);
    }
    this.pen = to;
    this.cursor = [x, 0];
    this.sendHeights();
    this.view.request(this);
  }

  sendHeights() {
    const heights = Array.from(this.heights, (h) => Number(h.toFixed(4)));
    if (heights.some((h) => (this.free ? Number.isFinite(h) : h > 0))) this.view.controls[this.panel.draws].take(heights);
  }
}

function swatch({ colour, width, alpha, dash }, kind) {
  const pen = `stroke-width="${width}" stroke-opacity="${alpha}" stroke-dasharray="${dash}"`;
  const drawn = {
    dots: `<circle cx="12" cy="4" r="3" fill="${colour}"/>`,
    arrow: `<path d="M2 4h16"/><path d="M16 1l7 3-7 3z" fill="${colour}"/>`,
    line: `<path d="M0 4h24" ${pen}/>`,
  };
  const made = element("span", { class: "gl-swatch" });
  made.innerHTML = `<svg width="24" height="8" stroke="${colour}" aria-hidden="true">${drawn[kind]}</svg>`;
  return made;
}

/** What a person can do on a panel where nothing is drawn by hand: "press", "choose", "drag", "read", or nothing. */
function doing(panel) {
  if (panel.tiles?.press) return "press";
  if (panel.cells?.moves.some(Boolean)) return "choose";
  return handles(panel).length ? "drag" : panel.reads ? "read" : "";
}

/** The marks that can be dragged. */
function handles({ marks }) {
  return marks.filter(({ moves }) => moves.some(Boolean));
}

/** The height that a panel needs at the most on a narrow page, where its shape is given. */
function most({ tiles, square, x, y }) {
  if (square) return `calc((100cqw - 66px) * ${(y[1] - y[0]) / (x[1] - x[0])} + 78px)`;
  if (!tiles) return "100000px";
  const [n, h, w] = tiles.images.shape;
  return `calc(100cqw * ${(Math.ceil(n / tiles.columns) * h) / (tiles.columns * w)} + 50px)`;
}
