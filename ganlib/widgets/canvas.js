// Draws a panel on a canvas: axes with the ticks that Python sends, and all that can stand in it.

import { clip } from "./controls.js";

const [LEFT, RIGHT, RIGHT_AXIS, TOP] = [54, 12, 50, 9]; // margins in CSS pixels: the same in every panel of a column
const GAP = 2; // between images
const [SMALL, BOLD] = ["400 10.5px", "600 10.5px"];
const DARK_D = ["#111111", "#12293a", "#143f5e", "#175a86"];

/** The way from numbers between two ends to numbers between two others. */
export function scale([a, b], [c, d]) {
  return (value) => c + ((value - a) / (b - a)) * (d - c);
}

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

/** The colours and the font that the style sheet and the page's theme give; styles of lines, and ramps, in them. */
export function theme(root, { styles, dashes, ramps, lit: wider }) {
  const css = getComputedStyle(root);
  const names = ["dark", "ink", "soft", "rule", "paper"];
  const [dark, ink, soft, rule, paper] = names.map((name) => css.getPropertyValue(`--gl-${name}`).trim());
  const each = (of, make) => Object.fromEntries(Object.entries(of).map(([name, one]) => [name, make(one)]));
  const lit = each(styles, (look) => ({ ...look, colour: dark === "1" ? look.dark : look.light }));
  const shown = dark === "1" ? { ...ramps, D: DARK_D } : ramps; // a map under points begins at the page's colour
  const colours = { styles: lit, ramps: shown, shades: each(shown, shades) };
  return { ink, soft, rule, paper, font: css.fontFamily, dashes, wider, ...colours };
}

/** 256 colours of a ramp, [red, green, blue] each. */
function shades(ramp) {
  const stops = ramp.map((hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16)));
  return Array.from({ length: 256 }, (_, i) => {
    const at = (i / 255) * (ramp.length - 1);
    const below = Math.min(Math.floor(at), ramp.length - 2);
    return stops[below].map((value, c) => Math.round(value + (at - below) * (stops[below + 1][c] - value)));
  });
}

/** The look of a line, or of arrows: that of its style, with its own dashes where it has some; wider when it is lit. */
export function lookOf({ styles, dashes, wider }, { style, dash = null, lit }) {
  const look = styles[style];
  return { ...look, dash: dash === null ? look.dash : dashes[dash], width: look.width * (lit ? wider : 1) };
}

/** The arrays of a frame. One that equals its forerunner stays the same object, with the bitmap that was made of it. */
export class Arrays {
  slots = [];

  take(buffers) {
    this.slots = buffers.map((buffer, i) => {
      const bytes = new Uint8Array(buffer.buffer ?? buffer, buffer.byteOffset ?? 0, buffer.byteLength);
      const old = this.slots[i];
      return old?.bytes.length === bytes.length && old.bytes.every((byte, j) => byte === bytes[j]) ? old : { bytes };
    });
  }

  /** The numbers at a place such as { at: 3, type: "float32" }; a copy, as floats begin at a multiple of 4 bytes. */
  get({ at, type }) {
    const slot = this.slots[at];
    slot[type] ??= type === "uint8" ? slot.bytes : new Float32Array(slot.bytes.slice().buffer);
    return slot[type];
  }
}

/**
 * Draw a panel. `more` holds `rightAxis` (whether its column leaves room for one), and what a person does in it:
 * `chosen` ([row, column] of cells), `cursor`, `heights`, `reading` (x and [name, style, value] of each line there).
 * Returns where things stand, or null when there is no room.
 */
export function drawPanel(canvas, panel, arrays, colours, more) {
  const { clientWidth: width, clientHeight: height } = canvas;
  if (width < 60 || height < 30) return null; // not laid out just now: what was drawn stays
  const context = prepare(canvas, width, height);
  const place = layout(panel, width, height, more.rightAxis);
  const pen = { context, colours, arrays, ...place };
  if (panel.tiles) drawTiles(pen, panel.tiles, more.cursor);
  else if (panel.cells) drawCells(pen, panel, more.chosen ?? panel.cells.chosen);
  else {
    drawAxes(pen, panel);
    context.save();
    context.beginPath();
    context.rect(pen.plot.left, pen.plot.top - 1, pen.wide + 1, pen.tall + 2);
    context.clip();
    if (panel.heat) drawHeat(pen, panel.heat);
    for (const line of panel.lines) drawLine(pen, line);
    for (const arrows of panel.arrows) drawArrows(pen, arrows);
    context.restore();
  }
  drawEvents(pen, panel.levels.filter(({ x }) => x !== null));
  drawLevels(pen, panel.levels.filter(({ x }) => x === null), panel.lines);
  drawMarks(pen, panel.marks);
  if (panel.draws) drawHand(pen, more);
  if (more.reading) drawReading(pen, more.reading);
  return place;
}

/** Fit a canvas to its place on a screen of any density, clear it, and return its context in CSS pixels. */
function prepare(canvas, width, height) {
  const density = window.devicePixelRatio || 1;
  const context = canvas.getContext("2d");
  const [w, h] = [Math.round(width * density), Math.round(height * density)];
  if (canvas.width !== w || canvas.height !== h) [canvas.width, canvas.height] = [w, h];
  context.setTransform(density, 0, 0, density, 0, 0);
  context.clearRect(0, 0, width, height);
  return context;
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
  const [across, up] = [[plot.left, plot.right], [plot.bottom, plot.top]];
  const [X, Y, R] = [scale(panel.x, across), scale(panel.y, up), scale(panel.right ?? [0, 1], up)];
  return { plot, wide, tall, width, X, Y, R, toX: scale(across, panel.x), toY: scale(up, panel.y) };
}

// -- words and axes -----------------------------------------------------------------------------------------------

/** Words at a place; `most` squeezes what would not fit; a `halo` keeps them readable on a busy ground. */
function text({ context, colours }, words, x, y, style = {}) {
  const { colour = colours.soft, align = "left", look = SMALL, most, halo } = style;
  context.font = `${look} ${colours.font}`;
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

function length({ context, colours }, words, look = SMALL) {
  context.font = `${look} ${colours.font}`;
  return context.measureText(words).width;
}

function upright(pen, words, x, colour) {
  pen.context.save();
  pen.context.translate(x, (pen.plot.top + pen.plot.bottom) / 2);
  pen.context.rotate(-Math.PI / 2);
  text(pen, words, 0, 0, { colour, align: "center", most: pen.tall });
  pen.context.restore();
}

/** A line through points, thin as a rule; it has a gap where one is not finite. */
function stroke({ context }, { colour, dash = [], width = 1, alpha = 1 }, points) {
  Object.assign(context, { strokeStyle: colour, lineWidth: width, globalAlpha: alpha, lineJoin: "round" });
  context.setLineDash(dash);
  context.beginPath();
  let drawn = false;
  for (const [x, y] of points) {
    const here = Number.isFinite(y);
    if (here) context[drawn ? "lineTo" : "moveTo"](x, y);
    drawn = here;
  }
  context.stroke();
  context.globalAlpha = 1;
  context.setLineDash([]);
}

/** A thin line from the plot's left edge to its right one, on whole pixels. */
function across(pen, y, look) {
  const [at, { left, right }] = [Math.round(y) + 0.5, pen.plot];
  stroke(pen, look, [[left, at], [right, at]]);
}

/** Whether two labels, from and to along a line at a middle height, would cover each other. */
function touch(a, b) {
  return a.from < b.to + 6 && b.from < a.to + 6 && Math.abs(a.middle - b.middle) < 13;
}

/** Every label, or every second one, or third, ..., so that none touches its neighbour. */
function spaced(labels) {
  labels.sort((a, b) => a.from - b.from);
  for (let stride = 1; ; stride++) {
    const kept = labels.filter((_, i) => i % stride === 0);
    if (kept.every(({ from }, i) => i === 0 || from >= kept[i - 1].to)) return kept;
  }
}

/** Labels, [y, words] each, beside the plot. */
function drawBeside(pen, labels, x, align, colour) {
  const found = labels.map(([at, words]) => ({ at, words, from: at - 6, to: at + 6 }));
  for (const { words, at } of spaced(found)) text(pen, words, x, at, { colour, align, most: LEFT - 20 });
}

/** Labels, [x, words] each, below the plot, none of them over the canvas's edge; and the axis's name. */
function drawBelow(pen, labels, name) {
  const found = labels.map(([at, words]) => {
    const half = length(pen, words) / 2;
    const middle = clip(at, half + 1, pen.width - half - 1);
    return { words, at: middle, from: middle - half, to: middle + half + 6 };
  });
  for (const { words, at } of spaced(found)) text(pen, words, at, pen.plot.bottom + 12, { align: "center" });
  const { right, bottom } = pen.plot;
  if (name) text(pen, name, right, bottom + 26, { colour: pen.colours.ink, align: "right", most: right - 4 });
}

function drawAxes(pen, panel) {
  const { plot, X, Y, R, colours } = pen;
  const placed = (ticks, to) => ticks.map(([value, words]) => [to(value), words]);
  for (const [value] of panel.y_ticks) across(pen, Y(value), { colour: colours.rule });
  drawBeside(pen, placed(panel.y_ticks, Y), plot.left - 6, "right");
  if (panel.y_label) upright(pen, panel.y_label, 8, colours.ink);
  if (panel.right) {
    const first = panel.lines.find(({ right, style }) => right && style !== "reference");
    const colour = first && colours.styles[first.style].colour;
    drawBeside(pen, placed(panel.right_ticks, R), plot.right + 6, "left", colour);
    if (panel.right_label) upright(pen, panel.right_label, pen.width - 8, colour);
  }
  if (panel.x_ticks.length || panel.x_label) across(pen, plot.bottom, { colour: colours.soft });
  for (const [value] of panel.x_ticks) {
    const x = Math.round(X(value)) + 0.5;
    stroke(pen, { colour: colours.soft }, [[x, plot.bottom], [x, plot.bottom + 3]]);
  }
  drawBelow(pen, placed(panel.x_ticks, X), panel.x_label);
}

// -- what stands in a panel ---------------------------------------------------------------------------------------

/** The points of a line on the canvas. */
function pointsOf({ arrays, X, Y, R }, { x, y, right }) {
  const [xs, toY] = [arrays.get(x), right ? R : Y];
  return Array.from(arrays.get(y), (value, i) => [X(xs[i]), toY(value)]);
}

function drawLine(pen, line) {
  const { context, colours } = pen;
  const [points, look, floor] = [pointsOf(pen, line), lookOf(colours, line), (line.right ? pen.R : pen.Y)(0)];
  context.fillStyle = look.colour;
  if (line.fill && points.length) {
    context.globalAlpha = 0.14;
    context.beginPath();
    context.moveTo(points[0][0], floor);
    for (const [left, top] of points) context.lineTo(left, Number.isFinite(top) ? top : floor);
    context.lineTo(points.at(-1)[0], floor);
    context.fill();
    context.globalAlpha = 1;
  }
  if (line.dots) drawDots(context, points, look);
  else if (line.smooth) {
    stroke(pen, { colour: look.colour, alpha: 0.28 }, points);
    stroke(pen, look, pointsOf(pen, { ...line, y: line.mean }));
  } else stroke(pen, look, points);
}

/** Points, all as one path; the more there are, the smaller. */
function drawDots(context, points, { alpha }) {
  const radius = points.length > 600 ? 1.5 : 2.5;
  context.globalAlpha = 0.75 * alpha;
  context.beginPath();
  for (const [left, top] of points) {
    if (!Number.isFinite(left + top)) continue;
    context.moveTo(left + radius, top);
    context.arc(left, top, radius, 0, 2 * Math.PI);
  }
  context.fill();
  context.globalAlpha = 1;
}

/** Level lines, each with its name where the fewest curves pass; it stays there for as long as none does. */
function drawLevels(pen, levels, lines) {
  const { context, plot, colours } = pen;
  const [taken, before] = [[], (context.canvas.places ??= {})];
  const points = lines.flatMap((line) => pointsOf(pen, line));
  const crossed = ({ from, to, middle }) =>
    points.filter(([x, y]) => x >= from && x <= to && Math.abs(y - middle) < 8).length;
  const isFree = (place) =>
    place.middle > plot.top + 3 && place.middle < plot.bottom - 4 && !taken.some((other) => touch(place, other));
  for (const { y, name, right } of levels) {
    const at = Math.round((right ? pen.R : pen.Y)(y)) + 0.5;
    if (at < plot.top - 1 || at > plot.bottom + 1) continue;
    across(pen, at - 0.5, { colour: colours.soft, dash: [2, 3] });
    if (!name) continue;
    const long = Math.min(length(pen, name), pen.wide - 4);
    const [left, end] = [plot.left + 3, plot.right - 2 - long];
    const places = [[end, at - 7], [end, at + 8], [left, at - 7], [left, at + 8]];
    const free = places
      .map(([from, middle], i) => ({ i, from, to: from + long, middle }))
      .filter(isFree)
      .map((place) => ({ ...place, crossed: crossed(place) }))
      .sort((a, b) => a.crossed - b.crossed);
    const best = free.find((place) => place.i === before[name] && !place.crossed) ?? free[0];
    if (!best) continue;
    before[name] = best.i;
    taken.push(best);
    text(pen, name, best.from, best.middle, { halo: true, most: pen.wide - 4 });
  }
}

/** Upright lines where something happened. A name that would reach the next line, or the edge, is left out. */
function drawEvents(pen, levels) {
  const { plot, X, colours } = pen;
  const look = { colour: colours.styles.other.colour, dash: [1, 2] };
  const found = levels.map(({ x, name }) => ({ at: Math.round(X(x)) + 0.5, name })).sort((a, b) => a.at - b.at);
  const seen = found.filter(({ at }) => at >= plot.left - 1 && at <= plot.right + 1);
  seen.forEach(({ at, name }, i) => {
    stroke(pen, look, [[at, plot.top], [at, plot.bottom]]);
    const edge = i + 1 < seen.length ? seen[i + 1].at - 2 : plot.right;
    if (name && at + 3 + length(pen, name) <= edge) text(pen, name, at + 3, plot.top + 6, { halo: true });
  });
}

/** Points with their names; a handle is larger, and a name that would cover an earlier one is left out. */
function drawMarks(pen, marks) {
  const { context, plot, colours } = pen;
  const taken = [];
  for (const { x, y, name, style, moves, stem, up } of marks) {
    const [left, top] = [pen.X(x), Math.min(pen.Y(y), plot.bottom)];
    if (left < plot.left - 1 || left > plot.right + 1 || top < plot.top - 1) continue;
    const { colour } = colours.styles[style];
    if (stem) stroke(pen, { colour, dash: [2, 3] }, [[left, plot.bottom], [left, top]]);
    context.beginPath();
    if (up) for (const [a, b] of [[0, -7], [-5, 1], [5, 1]]) context.lineTo(left + a, top + b);
    else context.arc(left, top, moves.some(Boolean) ? 7 : 4.5, 0, 2 * Math.PI);
    context.closePath();
    context.lineWidth = 2;
    context.strokeStyle = colours.paper;
    context.stroke();
    context.fillStyle = colour;
    context.fill();
    const long = length(pen, name, BOLD);
    const from = left + 12 + long > plot.right ? left - 11 - long : left + 11;
    const place = { from, to: from + long, middle: clip(top, plot.top + 6, plot.bottom - 8) };
    if (!name || taken.some((other) => touch(place, other))) continue;
    taken.push(place);
    text(pen, name, from, place.middle, { colour: colours.ink, look: BOLD, halo: true });
  }
}

/** Arrows, all shafts as one path and all heads as one: one by one they cost ten times as much. */
function drawArrows(pen, { start, end, style }) {
  const { context, plot, X, Y, colours, arrays } = pen;
  const [from, to] = [arrays.get(start), arrays.get(end)];
  const [shafts, heads] = [new Path2D(), new Path2D()];
  for (let i = 0; i < from.length; i += 2) {
    const [a, b] = [X(from[i]), Y(from[i + 1])];
    const [c, d] = [clip(X(to[i]), plot.left, plot.right), clip(Y(to[i + 1]), plot.top, plot.bottom)];
    const far = Math.hypot(c - a, d - b);
    if (!(far > 0.5)) continue;
    const head = Math.min(7, 0.6 * far) / far;
    const [ux, uy] = [(c - a) * head, (d - b) * head];
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

/** The heights as they are drawn by hand from edge to edge, and where the keyboard's cursor is, [x, y]. */
function drawHand(pen, { heights, cursor }) {
  const { context, plot, X, Y, colours } = pen;
  const { colour } = colours.styles.other;
  const at = scale([0, heights?.length - 1], [plot.left, plot.right]);
  if (heights) stroke(pen, { colour }, Array.from(heights, (h, i) => [at(i), Math.max(plot.top, Y(h))]));
  if (!cursor) return;
  const [left, top] = [X(cursor[0]), Math.max(plot.top, Y(cursor[1]))];
  stroke(pen, { colour, dash: [2, 2] }, [[left, plot.top], [left, plot.bottom]]);
  context.beginPath();
  context.arc(left, top, 4, 0, 2 * Math.PI);
  context.fillStyle = colour;
  context.fill();
}

/** An upright line at x, and beside it the value of each line there; it covers nothing for longer than it is asked for. */
function drawReading(pen, { x, rows }) {
  const { context, plot, X, colours } = pen;
  const at = Math.round(X(x)) + 0.5;
  stroke(pen, { colour: colours.soft }, [[at, plot.top], [at, plot.bottom]]);
  const said = [["x", null, x], ...rows].map(([name, style, value]) => [name, style, digits(value)]);
  const [left, right] = [0, 2].map((i) => Math.max(...said.map((row) => length(pen, row[i], BOLD))));
  const [wide, tall] = [left + right + 24, 14 * said.length + 6];
  const from = at + 6 + wide > plot.right ? Math.max(at - 6 - wide, 0) : at + 6;
  Object.assign(context, { fillStyle: colours.paper, strokeStyle: colours.soft, lineWidth: 1 });
  context.beginPath();
  context.rect(Math.round(from) + 0.5, plot.top + 2.5, Math.round(wide), tall);
  context.fill();
  context.stroke();
  said.forEach(([name, style, value], i) => {
    const middle = plot.top + 13 + 14 * i;
    const colour = style ? colours.styles[style].colour : colours.ink;
    text(pen, name, from + 7, middle, { colour, look: BOLD });
    text(pen, value, from + wide - 6, middle, { colour: colours.ink, look: BOLD, align: "right" });
  });
}

/** A number in few digits, with a true minus; what is none is a dash. */
export function digits(value) {
  if (!Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  return value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : 3).replace("-", "−");
}

// -- maps and tables of colour ------------------------------------------------------------------------------------

function drawHeat({ context, X, Y, colours, arrays }, { z, x: [x0, x1], y: [y0, y1], limits, contours, ramp }) {
  const [numbers, [rows, columns], [low, high]] = [arrays.get(z), z.shape, limits];
  const [dx, dy] = [(x1 - x0) / (columns - 1), (y1 - y0) / (rows - 1)];
  const shade = scale([low, high === low ? low + 1 : high], [0, 255]);
  const bitmap = bitmapOf(numbers, [limits, colours.ramps[ramp]], columns, rows, (column, row) => {
    const at = (rows - 1 - row) * columns + column; // the first row is at the bottom
    return colours.shades[ramp][Math.round(clip(shade(numbers[at]), 0, 255))];
  });
  context.imageSmoothingEnabled = true;
  const [left, top] = [X(x0 - dx / 2), Y(y1 + dy / 2)];
  context.drawImage(bitmap, left, top, X(x1 + dx / 2) - left, Y(y0 - dy / 2) - top);
  context.globalAlpha = 0.55;
  context.strokeStyle = ramp === "D" ? colours.soft : "#fff";
  context.lineWidth = 1;
  context.beginPath();
  for (const level of contours) {
    contour(numbers, rows, columns, level).forEach(([column, row], i) => {
      context[i % 2 ? "lineTo" : "moveTo"](X(x0 + column * dx), Y(y0 + row * dy));
    });
  }
  context.stroke();
  context.globalAlpha = 1;
}

/** Numbers as a bitmap, `colour(x, y)` at each place; kept with them, as long as it would be of the same kind. */
function bitmapOf(numbers, kind, width, height, colour) {
  const said = JSON.stringify([kind, width, height]);
  if (numbers.kind === said) return numbers.bitmap;
  const [image, bitmap] = [new ImageData(width, height), document.createElement("canvas")];
  const data = image.data.fill(255); // opaque
  for (let at = 0; at < width * height; at++) {
    [data[4 * at], data[4 * at + 1], data[4 * at + 2]] = colour(at % width, Math.floor(at / width));
  }
  Object.assign(bitmap, { width, height });
  bitmap.getContext("2d").putImageData(image, 0, 0);
  Object.assign(numbers, { kind: said, bitmap });
  return bitmap;
}

/** The ends of the pieces of a level line, [column, row] each, two by two: cell by cell (marching squares). */
function contour(numbers, rows, columns, level) {
  const above = ([column, row]) => numbers[row * columns + column] - level;
  const ends = [];
  for (let i = 0; i + 1 < rows; i++) {
    for (let j = 0; j + 1 < columns; j++) {
      const corners = [[j, i], [j + 1, i], [j + 1, i + 1], [j, i + 1]];
      corners.forEach((from, k) => {
        const to = corners[(k + 1) % 4];
        const [a, b] = [above(from), above(to)];
        if (a > 0 !== b > 0) ends.push(from.map((value, axis) => value + (a / (a - b)) * (to[axis] - value)));
      });
    }
  }
  return ends;
}

/** A table in colour, its first row at the bottom; cells of which nothing is known are grey. */
function drawCells(pen, { cells, x_label, y_label }, chosen) {
  const { context, plot, X, Y, colours } = pen;
  const [across, up] = [X(1) - X(0), Y(0) - Y(1)];
  cells.values.forEach((row, i) => {
    row.forEach((share, j) => {
      const [red, green, blue] = colours.shades[cells.ramp][Math.round(255 * share)];
      context.fillStyle = share === null ? colours.rule : `rgb(${red}, ${green}, ${blue})`;
      context.fillRect(X(j) + 0.5, Y(i + 1) + 0.5, across - 1, up - 1);
      const colour = share === null ? colours.soft : 0.3 * red + 0.59 * green + 0.11 * blue < 128 ? "#fff" : "#000";
      const words = cells.words[i][j];
      const size = Math.min(11.5, across / 4.2, up / (words.length + 0.6));
      words.forEach((line, k) => {
        const at = Y(i + 0.5) + (k - (words.length - 1) / 2) * (size + 2);
        text(pen, line, X(j + 0.5), at, { colour, align: "center", look: `400 ${size}px`, most: across - 4 });
      });
    });
  });
  drawBeside(pen, cells.rows.map((words, i) => [Y(i + 0.5), words]), plot.left - 6, "right");
  drawBelow(pen, cells.columns.map((words, j) => [X(j + 0.5), words]), x_label);
  if (y_label) upright(pen, y_label, 8, colours.ink);
  if (!chosen) return;
  for (const [colour, width] of [["#000", 5], ["#fff", 3.5], [colours.styles.other.colour, 2]]) {
    context.strokeStyle = colour;
    context.lineWidth = width;
    context.strokeRect(X(chosen[1]) + 1, Y(chosen[0] + 1) + 1, across - 2, up - 2);
  }
}

// -- images -------------------------------------------------------------------------------------------------------

/** The edges of a sheet of tiles as large as it fits, and the place of a tile; marks stand at its foot. */
function sheet({ tiles, marks }, width, height) {
  const [n, h, w] = tiles.images.shape;
  const [columns, rows] = [tiles.columns, Math.max(1, Math.ceil(n / tiles.columns))];
  const room = (height - (marks.length ? 9 : 0) - GAP * (rows - 1)) / rows;
  const side = Math.min((width - GAP * (columns - 1)) / columns, (room * w) / h);
  const up = (side * h) / w;
  const tile = (i) => [(i % columns) * (side + GAP), Math.floor(i / columns) * (up + GAP), side, up];
  return { left: 0, top: 0, right: columns * (side + GAP) - GAP, bottom: rows * (up + GAP) - GAP, tile };
}

function drawTiles(pen, { images, columns, badges }, cursor) {
  const { context, plot, colours, arrays } = pen;
  const [n, h, w, channels = 1] = images.shape;
  const [bytes, rows] = [arrays.get(images), Math.max(1, Math.ceil(n / columns))];
  const next = channels === 3 ? 1 : 0; // a grey is its own green and blue
  const whole = bitmapOf(bytes, images.shape, columns * w, rows * h, (x, y) => {
    const i = Math.floor(y / h) * columns + Math.floor(x / w);
    const at = channels * (i * h * w + (y % h) * w + (x % w));
    return [bytes[at], bytes[at + next], bytes[at + 2 * next]];
  }); // all images as one, without gaps
  context.imageSmoothingEnabled = !Number.isInteger(plot.tile(0)[2] / w);
  context.imageSmoothingQuality = "high";
  for (let i = 0; i < n; i++) {
    context.drawImage(whole, (i % columns) * w, Math.floor(i / columns) * h, w, h, ...plot.tile(i));
  }
  const edge = (i, colour, width) => {
    const [x, y, wide, tall] = plot.tile(i);
    context.strokeStyle = context.fillStyle = colour;
    context.lineWidth = width;
    context.strokeRect(x + width / 2, y + width / 2, wide - width, tall - width);
    return [x, y];
  };
  for (const [index, name] of badges) {
    const [x, y] = edge(index, colours.styles.other.colour, 3);
    if (!name) continue;
    context.fillRect(x, y, length(pen, name, BOLD) + 7, 14);
    text(pen, name, x + 3, y + 7.5, { colour: "#000", look: BOLD });
  }
  if (cursor !== null) edge(cursor, colours.styles.D.colour, 2);
}
