// A panel on the page: its title and legend, its canvas, and what a person does on that by mouse and keyboard.

import { drawPanel, tileAt } from "./canvas.js";
import { element, mark, unhurried, write } from "./controls.js";

const NEAR = 26; // CSS pixels from a mark that still take hold of it
const NODES = 81; // heights of a curve that is drawn by hand
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

/** The height that a panel needs at the most on a narrow page, where its shape is given. */
function most({ tiles, square, x, y }) {
  if (square) return `calc((100cqw - 66px) * ${(y[1] - y[0]) / (x[1] - x[0])} + 78px)`;
  if (!tiles) return "100000px";
  const [n, h, w] = tiles.images.shape;
  return `calc(100cqw * ${(Math.ceil(n / tiles.columns) * h) / (tiles.columns * w)} + 50px)`;
}

const clip = (value, low, high) => Math.min(high, Math.max(low, value));

/**
 * One panel. `view` has `controls` and `kinds` by key, `looks`, `colours`, `press(button, values)`, `settled(key)`, and `request()`, which asks
 * for a drawing.
 */
export class Figure {
  constructor(view, i) {
    this.view = view;
    this.canvas = element("canvas", { class: `gl-canvas-${i}`, role: "img", tabindex: 0, title: view.keys });
    this.title = element("figcaption", { class: "gl-legend" });
    this.caption = element("p", { class: "gl-caption" });
    this.root = element("figure", {}, this.title, this.canvas, this.caption);
    this.tell = unhurried((words) => mark(this.canvas, "aria-label", words));
    this.tile = 0; // the keyboard's cursor on images
    this.cursor = null; // ... and where a person draws, [x, y]
    const on = (name, act) => this.canvas.addEventListener(name, (event) => this.place && act(event));
    on("pointerdown", (event) => event.button === 0 && this.down(event));
    on("pointermove", (event) => this.move(event));
    for (const name of ["pointerup", "pointercancel"]) on(name, () => this.up());
    for (const name of ["focus", "blur"]) on(name, () => view.request(this));
  }

  // -- what there is to see -----------------------------------------------------------------------------------------

  show(panel) {
    this.panel = panel;
    const [row, column, rows, columns] = panel.at;
    const at = `grid-area: ${row + 1} / ${column + 1} / span ${rows} / span ${columns}; order: ${12 * row + column}; --gl-rows: ${rows}; --gl-most: ${most(panel)}`;
    if (at !== this.at) this.root.style.cssText = this.at = at;
    this.canvas.dataset.does = this.does();
    this.showLegend(panel);
    write(this.caption, panel.caption);
    this.tell(panel.words);
  }

  /** Title and legend, made anew only when another line has come or gone. */
  showLegend({ title, lines, heat, cells }) {
    const named = lines.filter(({ name }) => name);
    const map = heat ?? cells;
    const { ramps } = this.view.colours;
    const kind = JSON.stringify([title, named.map(({ name, style, dash, dots }) => [name, style, dash, dots]), map && [map.name, map.limits, ramps[map.ramp]]]);
    if (kind !== this.kind) {
      this.kind = kind;
      this.numbers = named.map(() => element("b"));
      const keys = named.map((line, i) => element("span", { class: "gl-key" }, this.swatch(line), line.name, " ", this.numbers[i]));
      if (map?.name) keys.push(this.ramp(map));
      this.title.replaceChildren(element("span", { class: "gl-title" }, title), ...keys);
    }
    named.forEach(({ value }, i) => write(this.numbers[i], value ?? ""));
  }

  swatch({ style, dash, dots }) {
    const { styles, dashes } = this.view.looks;
    const look = styles[style];
    const made = element("span", { class: "gl-swatch", style: `--gl-light-line: ${look.light}; --gl-dark-line: ${look.dark}` });
    const line = `<path d="M0 4h24" stroke-width="${look.width}" stroke-opacity="${look.alpha}" stroke-dasharray="${dash === null ? look.dash : dashes[dash]}"/>`;
    made.innerHTML = `<svg width="24" height="8" aria-hidden="true">${dots ? '<circle cx="12" cy="4" r="3"/>' : line}</svg>`;
    return made;
  }

  ramp({ name, limits, ramp }) {
    const ends = limits.map((end) => String(Number(end.toPrecision(3))).replace("-", "−"));
    const colours = `background: linear-gradient(to right, ${this.view.colours.ramps[ramp].join(", ")})`;
    return element("span", { class: "gl-key" }, `${name} ${ends[0]}`, element("span", { class: "gl-ramp", style: colours }), ends[1]);
  }

  draw(arrays, colours, rightAxis) {
    const { panel, view } = this;
    const focused = document.activeElement === this.canvas;
    if (this.heights && !this.pen && view.settled(panel.draws)) this.heights = null; // the kernel has it
    const { cells, tiles, draws } = panel;
    const chosen = cells?.moves.every(Boolean) ? cells.moves.map((key) => view.controls[key].place()).reverse() : null;
    this.arrays = arrays;
    if (draws) this.cursor ??= [(panel.x[0] + panel.x[1]) / 2, (panel.y[0] + panel.y[1]) / 2];
    const cursor = !focused ? null : tiles?.press ? this.tile : draws ? this.hand() : null;
    this.place = drawPanel(this.canvas, panel, arrays, colours, { rightAxis, chosen, cursor, heights: this.heights }) ?? this.place;
  }

  /** What a person can do on this panel, if anything. */
  does() {
    const { draws, tiles, cells, marks } = this.panel;
    if (draws) return "draw";
    if (tiles?.press) return "press";
    if (cells?.moves.some(Boolean)) return "choose";
    return marks.some(({ moves }) => moves.some(Boolean)) ? "drag" : "";
  }

  // -- the mouse ----------------------------------------------------------------------------------------------------

  down(event) {
    const act = { draw: () => this.touch(event), press: () => this.pick(this.tileUnder(event)), choose: () => this.hover(event), drag: () => this.grab(event) };
    act[this.does()]?.();
  }

  move(event) {
    if (this.pen) this.penTo(event);
    else if (this.held) this.drag(event);
    else if (this.does() === "choose") this.hover(event);
    else if (this.does() === "drag") this.canvas.style.cursor = this.markUnder(event) ? "grab" : "";
  }

  up() {
    this.held = null;
    if (!this.pen) return;
    this.pen = null;
    this.sendHeights();
  }

  /** The mark that a pointer at this place would move, if any; on a map or on images the nearest one, however far. */
  markUnder({ offsetX, offsetY }) {
    const { X, Y } = this.place;
    const away = ({ x, y }) => Math.hypot(X(x) - offsetX, Y(y) - offsetY);
    const [nearest] = this.handles().sort((a, b) => away(a) - away(b));
    const { heat, tiles } = this.panel;
    return nearest && (heat || tiles || away(nearest) < NEAR) ? nearest : null;
  }

  handles() {
    return this.panel.marks.filter(({ moves }) => moves.some(Boolean));
  }

  grab(event) {
    this.held = this.markUnder(event)?.moves ?? null;
    if (!this.held) return;
    this.canvas.setPointerCapture(event.pointerId);
    this.drag(event);
  }

  drag(event) {
    const at = [this.place.toX(event.offsetX), this.place.toY(event.offsetY)];
    this.held.forEach((key, i) => {
      if (!key) return;
      const { places, take } = this.view.controls[key];
      const away = (place) => (typeof place === "number" ? Math.abs(place - at[i]) : Infinity);
      take(places.reduce((best, place, j) => (away(place) < away(places[best]) ? j : best), 0));
    });
  }

  hover(event) {
    const { rows, columns, moves } = this.panel.cells;
    const at = [this.place.toX(event.offsetX), this.place.toY(event.offsetY)].map(Math.floor);
    if (!(at[0] >= 0 && at[0] < columns.length && at[1] >= 0 && at[1] < rows.length)) return;
    moves.forEach((key, i) => key && this.view.controls[key].place() !== at[i] && this.view.controls[key].take(at[i]));
    this.view.request(this);
  }

  tileUnder({ offsetX, offsetY }) {
    const { images, columns } = this.panel.tiles;
    const within = (i) => {
      const { x, y, wide, tall } = tileAt(this.place.plot, columns, i);
      return offsetX >= x && offsetX < x + wide && offsetY >= y && offsetY < y + tall;
    };
    return Array.from({ length: images.shape[0] }, (_, i) => i).findIndex(within);
  }

  pick(index) {
    if (index < 0) return;
    this.tile = index;
    this.view.press(this.panel.tiles.press, { index });
  }

  // -- the keyboard -------------------------------------------------------------------------------------------------

  /** Take a key; whether it meant anything here. */
  key({ key, shiftKey }) {
    const does = this.does();
    const way = ARROWS[key];
    if (!does || !this.place || !(way || (key === "Enter" && does !== "drag"))) return false;
    const act = { draw: () => this.drawByKey(way, shiftKey), press: () => this.tileByKey(way), choose: () => this.step(this.panel.cells.moves, way), drag: () => this.step(this.handles()[0].moves, way, shiftKey) };
    act[does]();
    this.view.request(this);
    return true;
  }

  /** Move what two controls mean by a place each. */
  step(moves, way, far) {
    moves.forEach((key, i) => {
      if (key && way?.[i]) this.view.controls[key].take(this.view.controls[key].place() + way[i] * (far ? 10 : 1));
    });
  }

  tileByKey(way) {
    const { images, columns } = this.panel.tiles;
    const to = this.tile + (way ? way[0] - way[1] * columns : 0);
    if (to >= 0 && to < images.shape[0]) this.tile = to;
    if (!way) this.pick(this.tile);
  }

  /** The cursor moves along x, and along y or a hill there grows or shrinks; Enter sets a point, or takes it away. */
  drawByKey(way, far) {
    const { x, y, draws } = this.panel;
    const curve = this.view.kinds[draws] === "curve";
    if (!way) return curve || this.point(this.cursor);
    const steps = far ? 5 : 1;
    this.cursor[0] = clip(this.cursor[0] + (way[0] * steps * (x[1] - x[0])) / (NODES - 1), ...x);
    if (!curve) this.cursor[1] = clip(this.cursor[1] + (way[1] * steps * (y[1] - y[0])) / (NODES - 1), ...y);
    else if (way[1]) {
      const middle = this.node(this.cursor[0]);
      const rise = 0.036 * (y[1] - y[0]) * way[1];
      this.heights = (this.heights ?? this.nodes()).map((h, i) => Math.max(0, h + rise * Math.exp(-(((i - middle) / 3) ** 2))));
      this.sendHeights();
    }
  }

  // -- drawing by hand ----------------------------------------------------------------------------------------------

  touch(event) {
    if (this.view.kinds[this.panel.draws] === "points") {
      this.cursor = [this.place.toX(event.offsetX), this.place.toY(event.offsetY)];
      this.point(this.cursor);
      return;
    }
    this.canvas.setPointerCapture(event.pointerId);
    this.heights = this.nodes();
    this.penTo(event);
  }

  /** Set a point; or, near one that is there, take it away. */
  point([x, y]) {
    const { X, Y } = this.place;
    const control = this.view.controls[this.panel.draws];
    const away = control.value.map((p) => Math.hypot(X(p[0]) - X(x), Y(p[1]) - Y(y)));
    const near = away.findIndex((distance) => distance < 9 && distance === Math.min(...away));
    control.take(near < 0 ? [...control.value, [x, y]] : control.value.filter((_, i) => i !== near));
  }

  node(x) {
    const [low, high] = this.panel.x;
    return clip(((x - low) / (high - low)) * (NODES - 1), 0, NODES - 1);
  }

  /** Where the cursor is: on the curve, or where the next point will be set. */
  hand() {
    if (this.view.kinds[this.panel.draws] === "points") return this.cursor;
    return [this.cursor[0], (this.heights ?? this.nodes())[Math.round(this.node(this.cursor[0]))]];
  }

  /** The heights of the data's curve as it is shown, at the nodes. */
  nodes() {
    const line = this.panel.lines.find(({ style, right }) => style === "data" && !right);
    const [low, high] = this.panel.x;
    if (!line) return new Float64Array(NODES);
    const [x, y] = [this.arrays.get(line.x), this.arrays.get(line.y)];
    let j = 0;
    return Float64Array.from({ length: NODES }, (_, i) => {
      const at = low + ((high - low) * i) / (NODES - 1);
      while (j + 2 < x.length && x[j + 1] < at) j++;
      const share = clip((at - x[j]) / (x[j + 1] - x[j]), 0, 1);
      return y[j] + share * (y[j + 1] - y[j]) || 0;
    });
  }

  /** Everything between the pen's last place and this one takes the height of the line between them. */
  penTo({ offsetX, offsetY }) {
    const to = { node: this.node(this.place.toX(offsetX)), height: Math.max(0, this.place.toY(offsetY)) };
    const from = this.pen ?? to;
    const [first, last] = [Math.round(Math.min(from.node, to.node)), Math.round(Math.max(from.node, to.node))];
    for (let i = first; i <= last; i++) {
      const share = to.node === from.node ? 1 : clip((i - from.node) / (to.node - from.node), 0, 1);
      this.heights[i] = from.height + share * (to.height - from.height);
    }
    this.pen = to;
    this.cursor = [this.place.toX(offsetX), 0];
    this.sendHeights();
    this.view.request(this);
  }

  sendHeights() {
    const heights = Array.from(this.heights, (h) => Number(h.toFixed(4)));
    if (heights.some((h) => h > 0)) this.view.controls[this.panel.draws].take(heights);
  }
}
