// Draws a panel on a canvas: axes with the ticks that Python sends, and all that can stand in it.

const [LEFT, RIGHT, TOP] = [54, 12, 9]; // margins in CSS pixels, the same in every panel: those in a column are aligned
const RIGHT_AXIS = 50;
const SMALL = 10.5;
const DARK_D = ["#111111", "#12293a", "#143f5e", "#175a86"];

/** Calls `act` once per animation frame at the most, however often it is asked to. */
export function coalesce(act) {
  let asked = 0;
  const request = () => {
    asked ||= requestAnimationFrame(() => {
      asked = 0;
      act();
    });
  };
  request.cancel = () => cancelAnimationFrame(asked);
  return request;
}

/** The colours and the font that the style sheet and the page's theme give, and the styles of lines in them. */
export function theme(root, { styles, dashes, ramps }) {
  const css = getComputedStyle(root);
  const of = (name) => css.getPropertyValue(`--gl-${name}`).trim();
  const shade = of("dark") === "1" ? "dark" : "light";
  const looks = Object.entries(styles).map(([name, look]) => [name, { ...look, colour: look[shade] }]);
  const [ink, soft, rule, paper] = ["ink", "soft", "rule", "paper"].map(of);
  const shown = shade === "dark" ? { ...ramps, D: DARK_D } : ramps; // a map under points begins at the page's colour
  return { ink, soft, rule, paper, font: css.fontFamily, styles: Object.fromEntries(looks), dashes, ramps: shown };
}

/** The arrays of a frame. One that equals its forerunner stays the same object, with the bitmap that was made of it. */
export class Arrays {
  slots = [];

  take(buffers) {
    this.slots = buffers.map((buffer, i) => {
      const bytes = new Uint8Array(buffer.buffer ?? buffer, buffer.byteOffset ?? 0, buffer.byteLength);
      const old = this.slots[i];
      return old && equal(old.bytes, bytes) ? old : { bytes };
    });
  }

  /** The numbers at a place such as { at: 3, type: "float32" }; a copy, as floats begin at a multiple of 4 bytes. */
  get({ at, type }) {
    const slot = this.slots[at];
    slot[type] ??= type === "uint8" ? slot.bytes : new Float32Array(slot.bytes.slice().buffer);
    return slot[type];
  }
}

function equal(a, b) {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/**
 * Draw a panel. `more` holds `rightAxis` (whether its column leaves room for one), and what a person does in it:
 * `chosen` ([row, column] of cells), `cursor`, `heights`. Returns where things stand, or null when there is no room.
 */
export function drawPanel(canvas, panel, arrays, colours, more) {
  const { context, width, height } = prepare(canvas);
  if (width < 60 || height < 30) return null;
  const place = layout(panel, width, height, more.rightAxis);
  const pen = { context, colours, arrays, ...place };
  if (panel.tiles) drawTiles(pen, panel.tiles, more.cursor);
  else if (panel.cells) drawCells(pen, panel, more.chosen ?? panel.cells.chosen);
  else {
    drawAxes(pen, panel);
    clipped(pen, () => {
      if (panel.heat) drawHeat(pen, panel.heat);
      for (const line of panel.lines) drawLine(pen, line);
      for (const arrows of panel.arrows) drawArrows(pen, arrows);
    });
  }
  drawEvents(pen, panel.levels.filter(({ x }) => x !== null));
  drawLevels(pen, panel.levels.filter(({ x }) => x === null));
  drawMarks(pen, panel.marks);
  if (panel.draws) drawHand(pen, panel, more);
  return place;
}

/** Fit a canvas to its place on a screen of any density, clear it, and return its context in CSS pixels. */
function prepare(canvas) {
  const density = window.devicePixelRatio || 1;
  const { clientWidth: width, clientHeight: height } = canvas;
  const context = canvas.getContext("2d");
  if (!width || !height) return { context, width: 0, height: 0 }; // not laid out just now: what was drawn stays
  const [w, h] = [Math.round(width * density), Math.round(height * density)];
  if (canvas.width !== w || canvas.height !== h) [canvas.width, canvas.height] = [w, h];
  context.setTransform(density, 0, 0, density, 0, 0);
  context.clearRect(0, 0, width, height);
  return { context, width, height };
}

/** The plot's edges, and the ways from numbers to pixels (X, Y, and R for the axis at the right) and back. */
function layout(panel, width, height, rightAxis) {
  const below = panel.x_label ? 33 : panel.cells || panel.x_ticks.length ? 20 : 9;
  let plot = { left: LEFT, right: width - (rightAxis ? RIGHT_AXIS : RIGHT), top: TOP, bottom: height - below };
  const [[x0, x1], [y0, y1]] = [panel.x, panel.y];
  if (panel.tiles) plot = sheet(panel, width, height);
  if (panel.square) {
    const unit = Math.min((plot.right - plot.left) / (x1 - x0), (plot.bottom - plot.top) / (y1 - y0));
    plot.right = plot.left + unit * (x1 - x0);
    plot.bottom = plot.top + unit * (y1 - y0);
  }
  const [wide, tall] = [plot.right - plot.left, plot.bottom - plot.top];
  const [low, high] = panel.right ?? [0, 1];
  return {
    plot,
    width,
    height,
    X: (x) => plot.left + ((x - x0) / (x1 - x0)) * wide,
    Y: (y) => plot.bottom - ((y - y0) / (y1 - y0)) * tall,
    R: (y) => plot.bottom - ((y - low) / (high - low)) * tall,
    toX: (at) => x0 + ((at - plot.left) / wide) * (x1 - x0),
    toY: (at) => y0 + ((plot.bottom - at) / tall) * (y1 - y0),
  };
}

function clipped({ context, plot }, draw) {
  context.save();
  context.beginPath();
  context.rect(plot.left, plot.top - 1, plot.right - plot.left + 1, plot.bottom - plot.top + 2);
  context.clip();
  draw();
  context.restore();
}

// -- words and axes -----------------------------------------------------------------------------------------------

/** Words at a place; `most` squeezes what would not fit, and a `halo` keeps them readable on a busy ground. */
function text({ context, colours }, words, x, y, { colour = colours.soft, align = "left", size = SMALL, weight = 400, most, halo } = {}) {
  context.font = `${weight} ${size}px ${colours.font}`;
  context.textAlign = align;
  context.textBaseline = "middle";
  if (halo) {
    context.strokeStyle = colours.paper;
    context.lineWidth = 3;
    context.lineJoin = "round";
    context.strokeText(words, x, y, most);
  }
  context.fillStyle = colour;
  context.fillText(words, x, y, most);
}

function wide({ context, colours }, words, size = SMALL, weight = 400) {
  context.font = `${weight} ${size}px ${colours.font}`;
  return context.measureText(words).width;
}

function upright(pen, words, x, y, most, colour) {
  pen.context.save();
  pen.context.translate(x, y);
  pen.context.rotate(-Math.PI / 2);
  text(pen, words, 0, 0, { colour, align: "center", most });
  pen.context.restore();
}

function stroke(context, colour, dash, points) {
  context.strokeStyle = colour;
  context.setLineDash(dash);
  context.beginPath();
  for (const [x, y] of points) context.lineTo(x, y);
  context.stroke();
  context.setLineDash([]);
}

/** Every label, or every second one, or third, ..., so that none touches its neighbour. */
function spaced(labels) {
  labels.sort((a, b) => a.from - b.from);
  for (let stride = 1; ; stride++) {
    const kept = labels.filter((_, i) => i % stride === 0);
    if (kept.every(({ from }, i) => i === 0 || from >= kept[i - 1].to)) return kept;
  }
}

function drawAxes(pen, panel) {
  const { context, plot, X, Y, R, colours } = pen;
  context.lineWidth = 1;
  for (const [value] of panel.y_ticks) {
    const y = Math.round(Y(value)) + 0.5;
    stroke(context, colours.rule, [], [[plot.left, y], [plot.right, y]]);
  }
  const middle = (plot.top + plot.bottom) / 2;
  const tall = plot.bottom - plot.top;
  const upwards = (ticks, to) => spaced(ticks.map(([value, words]) => ({ words, at: to(value), from: to(value) - 6, to: to(value) + 6 })));
  for (const { words, at } of upwards(panel.y_ticks, Y)) text(pen, words, plot.left - 6, at, { align: "right", most: LEFT - 20 });
  if (panel.y_label) upright(pen, panel.y_label, 8, middle, tall, colours.ink);
  if (panel.right) {
    const first = panel.lines.find(({ right }) => right);
    const colour = first ? colours.styles[first.style].colour : colours.soft;
    for (const { words, at } of upwards(panel.right_ticks, R)) text(pen, words, plot.right + 6, at, { colour, most: RIGHT_AXIS - 20 });
    if (panel.right_label) upright(pen, panel.right_label, pen.width - 8, middle, tall, colour);
  }
  if (panel.x_ticks.length || panel.x_label) stroke(context, colours.soft, [], [[plot.left, plot.bottom + 0.5], [plot.right, plot.bottom + 0.5]]);
  for (const [value] of panel.x_ticks) {
    const x = Math.round(X(value)) + 0.5;
    stroke(context, colours.soft, [], [[x, plot.bottom], [x, plot.bottom + 3]]);
  }
  drawBelow(pen, panel.x_ticks.map(([value, words]) => [X(value), words]), panel.x_label);
}

/** The labels of the horizontal axis, none of them over the canvas's edge, and its name. */
function drawBelow(pen, labels, name) {
  const found = labels.map(([at, words]) => {
    const half = wide(pen, words) / 2;
    const middle = Math.min(pen.width - half - 1, Math.max(half + 1, at));
    return { words, at: middle, from: middle - half, to: middle + half + 6 };
  });
  for (const { words, at } of spaced(found)) text(pen, words, at, pen.plot.bottom + 12, { align: "center" });
  const most = pen.plot.right - 4;
  if (name) text(pen, name, pen.plot.right, pen.plot.bottom + 26, { colour: pen.colours.ink, align: "right", most });
}

// -- what stands in a panel ---------------------------------------------------------------------------------------

function drawLine(pen, line) {
  const { context, colours, arrays, X } = pen;
  const Y = line.right ? pen.R : pen.Y;
  const [x, y] = [arrays.get(line.x), arrays.get(line.y)];
  const look = colours.styles[line.style];
  const dash = line.dash === null ? look.dash : colours.dashes[line.dash];
  if (line.fill) {
    context.globalAlpha = 0.14;
    context.fillStyle = look.colour;
    context.beginPath();
    context.moveTo(X(x[0]), Y(0));
    for (let i = 0; i < x.length; i++) context.lineTo(X(x[i]), Y(Number.isFinite(y[i]) ? y[i] : 0));
    context.lineTo(X(x[x.length - 1]), Y(0));
    context.fill();
  }
  if (line.dots) drawDots(context, x, y, X, Y, look);
  else if (line.smooth) {
    trace(context, x, y, X, Y, { ...look, dash: [], width: 1, alpha: 0.28 });
    trace(context, x, arrays.get(line.mean), X, Y, { ...look, dash });
  } else trace(context, x, y, X, Y, { ...look, dash });
  context.globalAlpha = 1;
  context.setLineDash([]);
}

/** A line through the points; where y is not finite it has a gap. */
function trace(context, x, y, X, Y, { colour, dash, width, alpha }) {
  context.globalAlpha = alpha;
  context.strokeStyle = colour;
  context.lineWidth = width;
  context.lineJoin = "round";
  context.setLineDash(dash);
  context.beginPath();
  for (let i = 0, drawn = false; i < y.length; i++) {
    const here = Number.isFinite(y[i]);
    if (here && drawn) context.lineTo(X(x[i]), Y(y[i]));
    else if (here) context.moveTo(X(x[i]), Y(y[i]));
    drawn = here;
  }
  context.stroke();
}

/** Points, all as one path; the more there are, the smaller. */
function drawDots(context, x, y, X, Y, { colour, alpha }) {
  const radius = x.length > 600 ? 1.5 : 2.5;
  context.globalAlpha = 0.75 * alpha;
  context.fillStyle = colour;
  context.beginPath();
  for (let i = 0; i < x.length; i++) {
    const [left, top] = [X(x[i]), Y(y[i])];
    if (!Number.isFinite(left + top)) continue;
    context.moveTo(left + radius, top);
    context.arc(left, top, radius, 0, 2 * Math.PI);
  }
  context.fill();
}

/** Level lines, each with its name above its right end, or below it where there is no room above. */
function drawLevels(pen, levels) {
  const { context, plot, colours } = pen;
  const taken = [];
  context.lineWidth = 1;
  for (const { y, name, right } of levels) {
    const at = Math.round((right ? pen.R : pen.Y)(y)) + 0.5;
    if (at < plot.top - 1 || at > plot.bottom + 1) continue;
    stroke(context, colours.soft, [2, 3], [[plot.left, at], [plot.right, at]]);
    const free = [at - 7, at + 8].find((middle) => middle > plot.top + 3 && middle < plot.bottom - 4 && taken.every((other) => Math.abs(other - middle) > 11));
    if (!name || free === undefined) continue;
    taken.push(free);
    text(pen, name, plot.right - 2, free, { align: "right", halo: true, most: plot.right - plot.left - 4 });
  }
}

/** Upright lines where something happened. A name that would reach the next line, or the edge, is left out. */
function drawEvents(pen, levels) {
  const { context, plot, X, colours } = pen;
  const seen = levels.map(({ x, name }) => ({ at: Math.round(X(x)) + 0.5, name })).filter(({ at }) => at >= plot.left - 1 && at <= plot.right + 1);
  seen.sort((a, b) => a.at - b.at);
  context.lineWidth = 1;
  seen.forEach(({ at, name }, i) => {
    stroke(context, colours.styles.other.colour, [1, 2], [[at, plot.top], [at, plot.bottom]]);
    const edge = i + 1 < seen.length ? seen[i + 1].at - 2 : plot.right;
    if (name && at + 3 + wide(pen, name) <= edge) text(pen, name, at + 3, plot.top + 6, { halo: true });
  });
}

/** Points with their names; a handle is larger, and a name that would cover an earlier one is left out. */
function drawMarks(pen, marks) {
  const { context, plot, X, Y, colours } = pen;
  const taken = [];
  for (const { x, y, name, style, moves, stem, up } of marks) {
    const [left, top] = [X(x), Math.min(Y(y), plot.bottom)];
    if (left < plot.left - 1 || left > plot.right + 1 || top < plot.top - 1) continue;
    const { colour } = colours.styles[style];
    context.lineWidth = 1;
    if (stem) stroke(context, colour, [2, 3], [[left, plot.bottom], [left, top]]);
    context.beginPath();
    if (up) for (const [a, b] of [[0, -7], [-5, 1], [5, 1]]) context.lineTo(left + a, top + b);
    else context.arc(left, top, moves.some(Boolean) ? 7 : 4.5, 0, 2 * Math.PI);
    context.closePath();
    context.lineWidth = 2;
    context.strokeStyle = colours.paper;
    context.stroke();
    context.fillStyle = colour;
    context.fill();
    if (!name) continue;
    const long = wide(pen, name, 11, 600);
    const align = left + 12 + long > plot.right ? "right" : "left";
    const level = Math.max(plot.top + 6, Math.min(plot.bottom - 8, top));
    const from = align === "left" ? left + 11 : left - 11 - long;
    if (taken.some(([a, b, other]) => a < from + long + 6 && from < b + 6 && Math.abs(other - level) < 13)) continue;
    taken.push([from, from + long, level]);
    text(pen, name, align === "left" ? from : from + long, level, { colour: colours.ink, align, size: 11, weight: 600, halo: true });
  }
}

/** Arrows, all shafts as one path and all heads as one: one by one they cost ten times as much. */
function drawArrows(pen, { start, end, style }) {
  const { context, plot, X, Y, colours, arrays } = pen;
  const [from, to] = [arrays.get(start), arrays.get(end)];
  const [shafts, heads] = [new Path2D(), new Path2D()];
  const inside = (value, low, high) => Math.min(high, Math.max(low, value));
  for (let i = 0; i < from.length; i += 2) {
    const [a, b] = [X(from[i]), Y(from[i + 1])];
    const [c, d] = [inside(X(to[i]), plot.left, plot.right), inside(Y(to[i + 1]), plot.top, plot.bottom)];
    const length = Math.hypot(c - a, d - b);
    if (!(length > 0.5)) continue;
    const head = Math.min(7, 0.6 * length);
    const [ux, uy] = [((c - a) / length) * head, ((d - b) / length) * head];
    shafts.moveTo(a, b);
    shafts.lineTo(c - ux, d - uy);
    heads.moveTo(c, d);
    heads.lineTo(c - ux - 0.37 * uy, d - uy + 0.37 * ux);
    heads.lineTo(c - ux + 0.37 * uy, d - uy - 0.37 * ux);
    heads.closePath();
  }
  context.lineWidth = 1;
  context.strokeStyle = context.fillStyle = colours.styles[style].colour;
  context.stroke(shafts);
  context.fill(heads);
}

// -- maps and tables of colour ------------------------------------------------------------------------------------

/** The colour at a share of a ramp, as [red, green, blue]. */
function shade(ramp, share) {
  const at = Math.min(1, Math.max(0, share)) * (ramp.length - 1);
  const i = Math.min(Math.floor(at), ramp.length - 2);
  const [a, b] = [ramp[i], ramp[i + 1]].map((hex) => [1, 3, 5].map((c) => parseInt(hex.slice(c, c + 2), 16)));
  return a.map((value, c) => Math.round(value + (at - i) * (b[c] - value)));
}

function drawHeat({ context, X, Y, colours, arrays }, heat) {
  const numbers = arrays.get(heat.z);
  const [rows, columns] = heat.z.shape;
  const [[x0, x1], [y0, y1]] = [heat.x, heat.y];
  const [dx, dy] = [(x1 - x0) / (columns - 1), (y1 - y0) / (rows - 1)];
  const kind = JSON.stringify([heat.limits, colours.ramps[heat.ramp], heat.z.shape]);
  if (numbers.kind !== kind) Object.assign(numbers, { kind, bitmap: colourMap(numbers, rows, columns, heat.limits, colours.ramps[heat.ramp]) });
  context.imageSmoothingEnabled = true;
  const [left, top] = [X(x0 - dx / 2), Y(y1 + dy / 2)];
  context.drawImage(numbers.bitmap, left, top, X(x1 + dx / 2) - left, Y(y0 - dy / 2) - top);
  context.globalAlpha = 0.55;
  context.strokeStyle = heat.ramp === "D" ? colours.soft : "#fff";
  context.lineWidth = 1;
  context.beginPath();
  for (const level of heat.contours) {
    contour(numbers, rows, columns, level, (column, row, first) => {
      context[first ? "moveTo" : "lineTo"](X(x0 + column * dx), Y(y0 + row * dy));
    });
  }
  context.stroke();
  context.globalAlpha = 1;
}

/** The numbers as colours, one pixel each, the first row at the bottom. */
function colourMap(numbers, rows, columns, [low, high], ramp) {
  const image = new ImageData(columns, rows);
  const steps = Array.from({ length: 256 }, (_, i) => shade(ramp, i / 255));
  for (let i = 0; i < numbers.length; i++) {
    const share = Math.min(1, Math.max(0, (numbers[i] - low) / (high - low || 1)));
    const at = 4 * ((rows - 1 - Math.floor(i / columns)) * columns + (i % columns));
    image.data.set(steps[Math.round(255 * share)], at);
    image.data[at + 3] = 255;
  }
  return bitmapOf(image);
}

function bitmapOf(image) {
  const made = document.createElement("canvas");
  [made.width, made.height] = [image.width, image.height];
  made.getContext("2d").putImageData(image, 0, 0);
  return made;
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

/** A table in colour, its first row at the bottom; cells of which nothing is known are grey. */
function drawCells(pen, panel, chosen) {
  const { context, plot, X, Y, colours } = pen;
  const { cells } = panel;
  const [across, up] = [X(1) - X(0), Y(0) - Y(1)];
  cells.values.forEach((row, i) => {
    row.forEach((share, j) => {
      const [red, green, blue] = share === null ? [] : shade(colours.ramps[cells.ramp], share);
      context.fillStyle = share === null ? colours.rule : `rgb(${red}, ${green}, ${blue})`;
      context.fillRect(X(j) + 0.5, Y(i + 1) + 0.5, across - 1, up - 1);
      const colour = share === null ? colours.soft : 0.3 * red + 0.59 * green + 0.11 * blue < 128 ? "#fff" : "#000";
      const words = cells.words[i][j];
      const size = Math.min(11.5, across / 4.2, up / (words.length + 0.6));
      words.forEach((line, k) => {
        const at = Y(i + 0.5) + (k - (words.length - 1) / 2) * (size + 2);
        text(pen, line, X(j + 0.5), at, { colour, align: "center", size, most: across - 4 });
      });
    });
  });
  const rows = cells.rows.map((words, i) => ({ words, at: Y(i + 0.5), from: Y(i + 0.5) - 6, to: Y(i + 0.5) + 6 }));
  for (const { words, at } of spaced(rows)) text(pen, words, plot.left - 6, at, { align: "right", most: LEFT - 20 });
  drawBelow(pen, cells.columns.map((words, j) => [X(j + 0.5), words]), panel.x_label);
  if (panel.y_label) upright(pen, panel.y_label, 8, (plot.top + plot.bottom) / 2, plot.bottom - plot.top, colours.ink);
  if (chosen) frame(pen, { x: X(chosen[1]), y: Y(chosen[0] + 1), wide: across, tall: up }, colours.styles.other.colour);
}

/** A frame that stands out on any colour. */
function frame({ context }, { x, y, wide, tall }, colour) {
  for (const [shown, width] of [["#000", 5], ["#fff", 3.5], [colour, 2]]) {
    context.strokeStyle = shown;
    context.lineWidth = width;
    context.strokeRect(x + 1, y + 1, wide - 2, tall - 2);
  }
}

// -- images -------------------------------------------------------------------------------------------------------

const GAP = 2;

/** The edges of a sheet of tiles as large as it fits, and the size of a tile; marks stand below it. */
function sheet({ tiles, marks }, width, height) {
  const [n, h, w] = tiles.images.shape;
  const [columns, rows] = [tiles.columns, Math.max(1, Math.ceil(n / tiles.columns))];
  const room = height - (marks.length ? 9 : 0);
  const side = Math.min((width - GAP * (columns - 1)) / columns, (((room - GAP * (rows - 1)) / rows) * w) / h);
  const tall = (side * h) / w;
  return { left: 0, top: 0, right: columns * (side + GAP) - GAP, bottom: rows * (tall + GAP) - GAP, side, tall };
}

/** Where tile i stands. */
export function tileAt({ side, tall }, columns, i) {
  return { x: (i % columns) * (side + GAP), y: Math.floor(i / columns) * (tall + GAP), wide: side, tall };
}

function drawTiles(pen, { images, columns, badges }, cursor) {
  const { context, plot, colours, arrays } = pen;
  const [n, h, w] = images.shape;
  const bytes = arrays.get(images);
  const kind = JSON.stringify([images.shape, columns]);
  if (bytes.kind !== kind) Object.assign(bytes, { kind, bitmap: mosaic(bytes, images.shape, columns) });
  context.imageSmoothingEnabled = !Number.isInteger(plot.side / w);
  context.imageSmoothingQuality = "high";
  for (let i = 0; i < n; i++) {
    const { x, y, wide, tall } = tileAt(plot, columns, i);
    context.drawImage(bytes.bitmap, (i % columns) * w, Math.floor(i / columns) * h, w, h, x, y, wide, tall);
  }
  const edge = (i, colour, width) => {
    const { x, y, wide, tall } = tileAt(plot, columns, i);
    context.strokeStyle = colour;
    context.lineWidth = width;
    context.strokeRect(x + width / 2, y + width / 2, wide - width, tall - width);
    return { x, y };
  };
  for (const [index, name] of badges) {
    const { x, y } = edge(index, colours.styles.other.colour, 3);
    if (!name) continue;
    context.fillStyle = colours.styles.other.colour;
    context.fillRect(x, y, wide(pen, name, SMALL, 600) + 7, 14);
    text(pen, name, x + 3, y + 7.5, { colour: "#000", weight: 600 });
  }
  if (cursor !== null) edge(cursor, colours.styles.D.colour, 2);
}

/** All images as one bitmap without gaps. */
function mosaic(bytes, [n, h, w, channels = 1], columns) {
  const image = new ImageData(columns * w, Math.max(1, Math.ceil(n / columns)) * h);
  for (let at = 0; at < n * h * w; at++) {
    const i = Math.floor(at / (h * w));
    const [y, x] = [Math.floor(i / columns) * h + Math.floor((at % (h * w)) / w), (i % columns) * w + (at % w)];
    const to = 4 * (y * columns * w + x);
    for (let c = 0; c < 3; c++) image.data[to + c] = bytes[at * channels + (channels === 3 ? c : 0)];
    image.data[to + 3] = 255;
  }
  return bitmapOf(image);
}

// -- what a person draws ------------------------------------------------------------------------------------------

/** The heights as they are drawn by hand, and the place of the keyboard's cursor, [x, y] in the panel's numbers. */
function drawHand({ context, plot, X, Y, colours }, { x: [low, high] }, { heights, cursor }) {
  const { colour } = colours.styles.other;
  context.lineWidth = 1;
  if (heights) stroke(context, colour, [], Array.from(heights, (h, i) => [X(low + ((high - low) * i) / (heights.length - 1)), Math.max(plot.top, Y(h))]));
  if (!cursor) return;
  const [left, top] = [X(cursor[0]), Math.max(plot.top, Y(cursor[1]))];
  stroke(context, colour, [2, 2], [[left, plot.top], [left, plot.bottom]]);
  if (!heights) stroke(context, colour, [2, 2], [[plot.left, top], [plot.right, top]]);
  context.beginPath();
  context.arc(left, top, 4, 0, 2 * Math.PI);
  context.fillStyle = colour;
  context.fill();
}
