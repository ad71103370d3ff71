// A sharp canvas, pictures and charts on it.

import { decimal } from "./controls.js";

const SETTLING = [0, 250, 1000]; // ms after a change of theme: its style sheets arrive when they arrive

/** Calls `draw` once per animation frame at the most, however often it is asked to. */
export function coalesce(draw) {
  let asked = 0;
  const request = () => {
    asked ||= requestAnimationFrame(() => {
      asked = 0;
      draw();
    });
  };
  request.cancel = () => cancelAnimationFrame(asked);
  return request;
}

/** Fit a canvas to its place on a screen of any density, clear it, and return its context in CSS pixels. */
export function prepare(canvas) {
  const density = window.devicePixelRatio || 1;
  const { clientWidth: width, clientHeight: height } = canvas;
  const context = canvas.getContext("2d");
  if (!width || !height) return { context, width: 0, height: 0 }; // not laid out just now: what was drawn stays
  const [w, h] = [Math.round(width * density), Math.round(height * density)];
  if (canvas.width !== w || canvas.height !== h) {
    canvas.width = w;
    canvas.height = h;
  }
  context.setTransform(density, 0, 0, density, 0, 0);
  context.clearRect(0, 0, width, height);
  return { context, width, height };
}

/** The colours and the font that the style sheet and the theme of the page give. */
export function theme(element) {
  const style = getComputedStyle(element);
  const of = (name) => style.getPropertyValue(`--gl-${name}`).trim();
  const names = ["D", "G", "V", "data", "ink", "soft", "rule", "paper", "pick"];
  return { ...Object.fromEntries(names.map((name) => [name, of(name)])), font: style.fontFamily };
}

/** Calls `redraw` when the theme or the size of `element` changes; returns what ends that. */
export function watch(element, redraw) {
  const sizes = new ResizeObserver(redraw);
  sizes.observe(element);
  let timers = [];
  const settle = () => {
    timers.forEach(clearTimeout);
    timers = SETTLING.map((wait) => setTimeout(redraw, wait));
  };
  const themes = new MutationObserver(settle);
  for (const node of [document.body, document.documentElement]) {
    themes.observe(node, { attributes: true, attributeFilter: ["data-jp-theme-light", "data-jp-theme-name", "class", "theme"] });
  }
  return () => {
    sizes.disconnect();
    themes.disconnect();
    timers.forEach(clearTimeout);
  };
}

/** Draw a mosaic's tiles (no gaps in the bitmap) with gaps of the page's colour; returns where each tile is. */
export function drawTiles(context, bitmap, { rows, columns, width, height, gap }) {
  const [w, h] = [bitmap.width / columns, bitmap.height / rows];
  const side = Math.min((width - gap * (columns - 1)) / columns, ((height - gap * (rows - 1)) / rows) * (w / h));
  const tall = side * (h / w);
  context.imageSmoothingEnabled = !Number.isInteger(side / w);
  context.imageSmoothingQuality = "high";
  const at = [];
  for (let i = 0; i < rows * columns; i++) {
    const [row, column] = [Math.floor(i / columns), i % columns];
    const [x, y] = [column * (side + gap), row * (tall + gap)];
    context.drawImage(bitmap, column * w, row * h, w, h, x, y, side, tall);
    at.push({ x, y, width: side, height: tall });
  }
  return at;
}

// -- charts ---------------------------------------------------------------------------------------------------------

/** About `count` round numbers that cover [low, high]. */
export function ticks(low, high, count) {
  const raw = (high - low) / Math.max(count, 1) || 1;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = power * ([1, 2, 5, 10].find((m) => m * power >= raw * 0.999) ?? 10);
  const found = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i++) found.push(i * step);
  return { step, values: found };
}

export function label(value, step) {
  const digits = Math.max(0, Math.min(6, -Math.floor(Math.log10(step) + 1e-9)));
  return decimal(value, digits).replace(/^−(0\.?0*)$/, "$1");
}

/** The running mean over `share` of the curve. */
export function smooth(y, share = 0.03) {
  const half = Math.floor((y.length * share) / 2);
  if (half === 0) return y;
  const total = new Float64Array(y.length + 1);
  for (let i = 0; i < y.length; i++) total[i + 1] = total[i] + y[i];
  return y.map((_, i) => {
    const [low, high] = [Math.max(i - half, 0), Math.min(i + half + 1, y.length)];
    return (total[high] - total[low]) / (high - low);
  });
}

/** A range of round numbers around the curves: by their 1 % and 99 % quantiles, so that one spike does not hide the rest. */
export function range(curves, include) {
  let [low, high] = [Math.min(...include), Math.max(...include)];
  for (const y of curves) {
    if (!y.length) continue;
    const sorted = Float32Array.from(y).sort();
    low = Math.min(low, sorted[Math.floor(0.005 * (sorted.length - 1))]);
    high = Math.max(high, sorted[Math.ceil(0.995 * (sorted.length - 1))]);
  }
  if (!(Number.isFinite(low) && Number.isFinite(high))) return [Math.min(...include), Math.max(...include)];
  const { step } = ticks(low, high, 4);
  return [Math.floor(low / step + 1e-6) * step, Math.ceil(high / step - 1e-6) * step];
}

/**
 * A small chart. `box` is its place; `lines` are {y, colour, dash, name, value}; `levels` are {y, name}; `marks` are
 * {x, name}; the legend stands in the title's row, each with its line and its present value. Measured lines are drawn
 * faint and their running mean in full; with `exact`, lines that have no noise are drawn as they are.
 */
export function drawChart(context, box, { title, x, xMax, y: [low, high], lines, levels = [], marks = [], xTitle, exact }, colours) {
  const plot = { left: box.left + 40, right: box.left + box.width - 10, top: box.top + 24, bottom: box.top + box.height - (xTitle ? 30 : 8) };
  const X = (value) => plot.left + (value / xMax) * (plot.right - plot.left);
  const Y = (value) => plot.bottom - ((value - low) / (high - low)) * (plot.bottom - plot.top);
  drawAxes(context, plot, X, Y, { low, high, xMax, xTitle }, colours);
  const seen = levels.filter(({ y }) => y >= low && y <= high);
  drawLevels(context, plot, Y, seen, colours);
  drawMarks(context, plot, X, marks, colours);
  context.save();
  context.beginPath();
  context.rect(plot.left, plot.top - 1, plot.right - plot.left + 1, plot.bottom - plot.top + 2);
  context.clip();
  for (const line of exact ? [] : lines) drawLine(context, x, line.y, X, Y, { colour: line.colour, width: 1, alpha: 0.28, dash: [] });
  for (const line of lines) drawLine(context, x, exact ? line.y : smooth(line.y), X, Y, { ...line, width: exact ? 1.6 : 1.9, alpha: 1 });
  context.restore();
  drawLegend(context, box, plot, title, lines, colours);
}

/** Rules at round y, ticks at round x from `xMin` to `xMax`; `whole`: x counts something, so its labels are integers. */
export function drawAxes(context, plot, X, Y, { low, high, xMin = 0, xMax, xTitle, whole = true, apart = 90 }, { ink, soft, rule, font }) {
  context.font = `10.5px ${font}`;
  context.lineWidth = 1;
  context.textBaseline = "middle";
  context.textAlign = "right";
  const vertical = ticks(low, high, plot.bottom - plot.top > 90 ? 4 : 2);
  for (const value of vertical.values) {
    const y = Math.round(Y(value)) + 0.5;
    stroke(context, rule, [], [[plot.left, y], [plot.right, y]]);
    context.fillStyle = soft;
    context.fillText(label(value, vertical.step), plot.left - 6, y);
  }
  stroke(context, soft, [], [[plot.left, plot.bottom + 0.5], [plot.right, plot.bottom + 0.5]]);
  const horizontal = ticks(xMin, xMax, Math.max(2, Math.floor((plot.right - plot.left) / apart)));
  context.textBaseline = "top";
  for (const value of horizontal.values) {
    const x = Math.round(X(value)) + 0.5;
    stroke(context, soft, [], [[x, plot.bottom], [x, plot.bottom + 3]]);
    if (!xTitle) continue;
    context.textAlign = x > plot.right - 14 ? "right" : "center";
    context.fillStyle = soft;
    context.fillText(label(value, whole ? Math.max(horizontal.step, 1) : horizontal.step), x, plot.bottom + 6);
  }
  if (xTitle) {
    context.textAlign = "right";
    context.fillStyle = ink;
    context.fillText(xTitle, plot.right, plot.bottom + 19);
  }
}

export function drawLevels(context, plot, Y, levels, { soft, font }) {
  for (const { y, name, below } of levels) {
    const at = Math.round(Y(y)) + 0.5;
    stroke(context, soft, [2, 3], [[plot.left, at], [plot.right, at]]);
    context.font = `10.5px ${font}`;
    context.textAlign = "right";
    context.textBaseline = below ? "top" : "bottom";
    context.fillStyle = soft;
    context.fillText(name, plot.right - 2, below ? at + 3 : at - 2);
  }
}

function drawMarks(context, plot, X, marks, { soft, pick, font }) {
  context.font = `10px ${font}`;
  context.textBaseline = "top";
  context.textAlign = "left";
  let free = -Infinity;
  for (const { x, name } of marks) {
    const at = Math.round(X(x)) + 0.5;
    stroke(context, pick, [1, 2], [[at, plot.top], [at, plot.bottom]]);
    const width = context.measureText(name).width;
    if (!name || at + 3 < free || at + 3 + width > plot.right) continue;
    context.fillStyle = soft;
    context.fillText(name, at + 3, plot.top + 1);
    free = at + width + 8;
  }
}

/** A line through the points; where y is not finite it has a gap. */
export function drawLine(context, x, y, X, Y, { colour, dash, width, alpha }) {
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
  context.globalAlpha = 1;
  context.setLineDash([]);
}

function drawLegend(context, box, plot, title, lines, { ink, soft, font }) {
  const y = box.top + 11;
  context.textBaseline = "middle";
  context.textAlign = "left";
  context.font = `600 11.5px ${font}`;
  context.fillStyle = ink;
  context.fillText(title, box.left + 2, y);
  context.textAlign = "right";
  let right = plot.right;
  for (const { name, value, colour, dash } of [...lines].reverse()) {
    context.font = `600 11.5px ${font}`;
    context.fillStyle = ink;
    context.fillText(value, right, y);
    right -= Math.max(context.measureText(value).width, context.measureText("0.000").width) + 5;
    context.font = `11.5px ${font}`;
    context.fillStyle = soft;
    context.fillText(name, right, y);
    right -= name ? context.measureText(name).width + 5 : 0;
    context.lineWidth = 2;
    stroke(context, colour, dash, [[right - 22, y], [right, y]]);
    context.lineWidth = 1;
    right -= 22 + 14;
  }
}

export function stroke(context, colour, dash, points) {
  context.strokeStyle = colour;
  context.setLineDash(dash);
  context.beginPath();
  for (const [x, y] of points) context.lineTo(x, y);
  context.stroke();
  context.setLineDash([]);
}
