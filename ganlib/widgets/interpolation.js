// Figure 3 by hand: a grid of pictures to pick from, the strip of pictures between them, and the picture at t.

import { Link } from "./link.js";
import { coalesce, drawTiles, prepare, theme, watch } from "./canvas.js";
import { button, element, number, slider, unhurried } from "./controls.js";

const SILENT = "The kernel is busy with another cell, or was restarted (then run this cell again).";
const HINT = "Pick two or more pictures: click them, or move with the arrow keys and press Enter.";
const STEPS = 200; // places of the slider t

function render({ model, el }) {
  const view = new View(model, el);
  return () => view.close();
}

class View {
  constructor(model, el) {
    this.cursor = 0;
    this.pending = 0;
    this.tiles = [];
    this.build(el);
    this.request = coalesce(() => this.draw());
    this.link = new Link(model, (header) => this.update(header), (silent) => this.silence(silent));
    this.unwatch = watch(this.root, this.request);
    this.update(this.link.header);
  }

  close() {
    this.link.close();
    this.unwatch();
    this.request.cancel();
    this.tellGrid.cancel();
    this.tellStrip.cancel();
  }

  // -- what stands where --------------------------------------------------------------------------------------------

  build(el) {
    const canvas = (name, more) => element("canvas", { class: `gl-canvas-${name}`, role: "img", ...more });
    this.grid = canvas("grid", { tabindex: 0, title: "Arrow keys move, Enter picks, Backspace clears, N draws new pictures" });
    this.strip = canvas("strip", {});
    this.big = canvas("big", {});
    this.status = element("div", { class: "gl-status", role: "status" });
    this.t = slider({
      name: "t",
      title: "t, the place on the path",
      hint: "0 is the first picked picture, 1 the end of the path",
      ...{ min: 0, max: STEPS, step: 1, text: (value) => `t = ${number(value / STEPS, 3)}` },
      onInput: (value) => this.command("set", { values: { t: value / STEPS } }),
    });
    this.closed = element("input", { type: "checkbox", "data-name": "closed" });
    this.closed.addEventListener("change", () => this.command("closed", { value: this.closed.checked }));
    this.seed = element("span", { class: "gl-seed-shown" });
    this.root = element(
      "section",
      { class: "ganlib gl-interpolation", "aria-label": "Interpolation between pictures", "data-lm-suppress-shortcuts": "true" },
      element(
        "div",
        { class: "gl-bar" },
        button("new", "New pictures", "Other pictures, of the next seed (N)", () => this.command("new")),
        button("clear", "Clear the path", "Take every picture off the path (Backspace)", () => this.command("clear")),
        element("label", { class: "gl-check" }, this.closed, "back to the first picture at the end"),
        this.seed,
      ),
      this.status,
      element(
        "div",
        { class: "gl-stage" },
        element("figure", {}, element("figcaption", {}, "Digits drawn by G. Pick a path through them."), this.grid),
        element("figure", {}, element("figcaption", {}, "G at t"), this.big),
      ),
      element("figure", { class: "gl-walk" }, element("figcaption", {}, "G on the straight lines between their z"), this.strip),
      this.t.root,
    );
    this.grid.addEventListener("pointerdown", (event) => this.point(event));
    this.strip.addEventListener("pointerdown", (event) => this.slide(event));
    this.strip.addEventListener("pointermove", (event) => event.buttons === 1 && this.slide(event));
    this.root.addEventListener("keydown", (event) => this.key(event));
    el.append(this.root);
    this.tellGrid = unhurried((words) => this.grid.setAttribute("aria-label", words));
    this.tellStrip = unhurried((words) => {
      this.strip.setAttribute("aria-label", words);
      this.big.setAttribute("aria-label", `The picture G makes at t = ${number(this.header.t, 3)}`);
    });
  }

  // -- what a person does -------------------------------------------------------------------------------------------

  command(type, rest = {}) {
    this.pending = this.link.command(type, rest);
    this.root.dataset.asked = this.pending;
  }

  pick(index) {
    this.command("pick", { index });
  }

  point(event) {
    const index = this.tiles.findIndex(
      ({ x, y, width, height }) =>
        event.offsetX >= x && event.offsetX < x + width && event.offsetY >= y && event.offsetY < y + height,
    );
    if (index < 0 || index >= this.header.grid.n) return;
    this.cursor = index;
    this.pick(index);
  }

  slide(event) {
    const { strip } = this.header;
    if (strip < 2) return;
    const tile = this.strip.clientWidth / strip;
    const t = Math.min(1, Math.max(0, (event.offsetX - tile / 2) / (this.strip.clientWidth - tile)));
    this.t.input.value = Math.round(t * STEPS);
    this.t.input.dispatchEvent(new Event("input"));
  }

  key(event) {
    event.stopPropagation(); // the notebook has shortcuts of its own
    if (event.target !== this.grid || event.ctrlKey || event.metaKey || event.altKey) return;
    const { columns, n } = this.header.grid;
    const move = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns }[event.key];
    const act = {
      Enter: () => this.pick(this.cursor),
      " ": () => this.pick(this.cursor),
      Backspace: () => this.command("clear"),
      Delete: () => this.command("clear"),
      n: () => this.command("new"),
    }[event.key];
    if (!move && !act) return;
    event.preventDefault();
    const to = this.cursor + (move ?? 0);
    if (to >= 0 && to < n) this.cursor = to;
    act?.();
    this.words();
    this.request();
  }

  // -- what the kernel says -----------------------------------------------------------------------------------------

  update(header) {
    this.header = header;
    const settled = this.pending <= header.applied;
    Object.assign(this.root.dataset, { applied: header.applied, picks: header.picks.join(" "), t: header.t });
    if (settled) {
      this.t.set(Math.round(header.t * STEPS));
      this.closed.checked = header.closed;
    }
    this.t.input.disabled = header.path.length === 0;
    this.seed.textContent = `seed ${header.seed}`;
    const words = header.message || (header.path.length ? "" : HINT);
    if (this.status.textContent !== words) this.status.textContent = words;
    this.status.classList.toggle("gl-wrong", Boolean(header.message));
    this.words();
    this.request?.();
  }

  words() {
    const { grid, picks, path, strip } = this.header;
    const place = (i) => `row ${Math.floor(i / grid.columns) + 1} column ${(i % grid.columns) + 1}`;
    const named = picks.map(place).join(", then ") || "none";
    this.tellGrid(`${grid.n} pictures drawn by G. The cursor is on ${place(this.cursor)}. Picked: ${named}.`);
    this.tellStrip(path.length ? `${strip} pictures along the path through the ${picks.length} picked pictures` : HINT);
  }

  silence(silent) {
    if (silent) this.status.textContent = SILENT;
  }

  // -- the picture --------------------------------------------------------------------------------------------------

  draw() {
    const colours = theme(this.root);
    this.drawGrid(colours);
    this.drawStrip(colours);
    this.drawBig();
    if (this.link.frame) this.link.shown();
  }

  drawGrid(colours) {
    const { grid, picks } = this.header;
    this.grid.style.aspectRatio = `${grid.columns} / ${grid.rows}`;
    const { context, width, height } = prepare(this.grid);
    const bitmap = this.link.store.pictures.grid;
    if (!bitmap || width < 10) return;
    this.tiles = drawTiles(context, bitmap, { ...grid, width, height, gap: 2 });
    picks.forEach((index, order) => frame(context, this.tiles[index], colours.pick, 3, String(order + 1), colours));
    if (this.grid.matches(":focus")) frame(context, this.tiles[this.cursor], colours.D, 2, "", colours);
  }

  drawStrip(colours) {
    const { strip, path, t } = this.header;
    const n = Math.max(strip, 1);
    const { context, width } = prepare(this.strip);
    const bitmap = this.link.store.pictures.strip;
    if (!bitmap || !path.length || bitmap.width < n || width < 10) return;
    const tiles = drawTiles(context, bitmap, { rows: 1, columns: n, width, height: 1000, gap: 1 });
    const between = (n - 1) / (path.length - 1);
    const order = path.map((index) => this.header.picks.indexOf(index) + 1);
    order.forEach((name, i) => frame(context, tiles[Math.round(i * between)], colours.pick, 2, String(name), colours));
    const x = tiles[0].width / 2 + t * (width - tiles[0].width);
    const y = tiles[0].height;
    context.fillStyle = colours.ink;
    context.beginPath();
    [[x, y + 2], [x - 6, y + 11], [x + 6, y + 11]].forEach(([px, py]) => context.lineTo(px, py));
    context.fill();
    this.root.style.setProperty("--gl-tile", `${tiles[0].width}px`);
    this.strip.style.height = `${Math.ceil(y + 13)}px`;
  }

  drawBig() {
    const { context, width, height } = prepare(this.big);
    const bitmap = this.link.store.pictures.big;
    if (!bitmap || width < 10) return;
    context.imageSmoothingQuality = "high";
    context.drawImage(bitmap, 0, 0, bitmap.width, bitmap.width, 0, 0, width, height);
  }
}

/** Frame a tile, with a small badge in its corner. */
function frame(context, { x, y, width, height }, colour, thick, name, { paper, font }) {
  context.strokeStyle = colour;
  context.lineWidth = thick;
  context.strokeRect(x + thick / 2, y + thick / 2, width - thick, height - thick);
  if (!name) return;
  context.font = `600 10.5px ${font}`;
  const wide = context.measureText(name).width + 7;
  context.fillStyle = colour;
  context.fillRect(x, y, wide, 14);
  context.fillStyle = paper;
  context.textAlign = "left";
  context.textBaseline = "middle";
  context.fillText(name, x + 3, y + 7.5);
}

export default { render };
