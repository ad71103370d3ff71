// Figure 1 on a canvas: p_data, p_g, D and D* over x, and below them the arrows of x = G(z).

import { drawLine, label, stroke, ticks } from "./canvas.js";

const DOTS = [1.5, 3];
const DASH = [7, 4];
const LONG = ["p_data", "p_g, density of G(z)", "D", "D*, the best D for this G"];
const SHORT = ["p_data", "p_g", "D", "D*"];
const FAINT = 0.55; // how D* is drawn, beside D
const HEADROOM = 1.7; // the density axis reaches so many times as high as p_data

const sum = (numbers) => numbers.reduce((a, b) => a + b, 0);

/** The density axis for a p_data: a round number well above its highest point. */
export function densityTop(p_data) {
  const top = HEADROOM * Math.max(...p_data);
  const { step } = ticks(0, top, 4);
  return Math.ceil(top / step - 1e-6) * step;
}

/** Where things stand on a canvas of this size: functions from x, z, densities and probabilities to pixels. */
export function layout({ width, height, window: [low, high], zReach, top }) {
  const plot = { left: 42, right: width - 40, top: 30, bottom: height - 118 };
  const share = (plot.right - plot.left) / (high - low);
  const middle = (plot.left + plot.right) / 2;
  const tall = plot.bottom - plot.top;
  return {
    plot,
    xLine: plot.bottom + 27,
    zLine: height - 21,
    X: (x) => plot.left + (x - low) * share,
    Z: (z) => middle + (z / zReach) * 0.46 * (plot.right - plot.left),
    density: (p) => plot.bottom - (p / top) * tall,
    probability: (D) => plot.bottom - D * tall,
    xAt: (px) => low + (px - plot.left) / share,
    densityAt: (py) => Math.max(0, ((plot.bottom - py) / tall) * top),
  };
}

/** All of it. `arrays` are p_data, p_g, D, D_star (a bin each), z and x (an arrow each). */
export function drawFigure1(context, place, { arrays, window, top, zTicks }, colours) {
  const { p_data, p_g, D, D_star } = arrays;
  const { plot, X, density, probability } = place;
  const width = (window[1] - window[0]) / p_data.length;
  const at = Float64Array.from(p_data, (_, i) => window[0] + (i + 0.5) * width);
  drawScales(context, place, { window, top }, colours);
  context.save();
  context.beginPath();
  context.rect(plot.left, plot.top, plot.right - plot.left, plot.bottom - plot.top + 1);
  context.clip();
  fill(context, at, p_g, X, density, plot, colours.G);
  const defined = D_star.map((value, i) => (p_data[i] + p_g[i] > 0 ? value : NaN));
  drawLine(context, at, defined, X, probability, { colour: colours.D, dash: [], width: 1.3, alpha: FAINT });
  drawLine(context, at, p_g, X, density, { colour: colours.G, dash: [], width: 2, alpha: 1 });
  drawLine(context, at, p_data, X, density, { colour: colours.data, dash: DOTS, width: 2, alpha: 1 });
  drawLine(context, at, D, X, probability, { colour: colours.D, dash: DASH, width: 2, alpha: 1 });
  context.restore();
  drawSpikes(context, place, at, p_g, top, colours);
  drawArrows(context, place, arrays, { window, zTicks }, colours);
  drawKey(context, place, colours);
}

function drawScales(context, { plot, X, xLine, density, probability }, { window, top }, { ink, soft, rule, D, font }) {
  context.font = `10.5px ${font}`;
  context.lineWidth = 1;
  context.textBaseline = "middle";
  const { step, values } = ticks(0, top, 4);
  context.textAlign = "right";
  context.fillStyle = soft;
  for (const value of values) context.fillText(label(value, step), plot.left - 7, density(value));
  context.textAlign = "left";
  for (const [value, name] of [[0, "0"], [0.5, "½"], [1, "1"]]) {
    const y = Math.round(probability(value)) + 0.5;
    stroke(context, value === 0 ? soft : rule, value === 0.5 ? [2, 3] : [], [[plot.left, y], [plot.right, y]]);
    context.fillStyle = D;
    context.fillText(name, plot.right + 7, y);
  }
  context.fillStyle = soft;
  context.textAlign = "center";
  for (const value of ticks(...window, 10).values) {
    stroke(context, soft, [], [[X(value), xLine - 3], [X(value), xLine]]);
    context.fillText(label(value, 1), X(value), plot.bottom + 13);
  }
  context.font = `600 11.5px ${font}`;
  context.fillStyle = ink;
  context.fillText("density", plot.left - 18, plot.top - 15);
  context.fillStyle = D;
  context.fillText("D(x)", plot.right + 14, plot.top - 15);
}

function fill(context, at, p, X, Y, plot, colour) {
  context.globalAlpha = 0.13;
  context.fillStyle = colour;
  context.beginPath();
  context.moveTo(X(at[0]), plot.bottom);
  for (let i = 0; i < p.length; i++) context.lineTo(X(at[i]), Y(p[i]));
  context.lineTo(X(at[p.length - 1]), plot.bottom);
  context.fill();
  context.globalAlpha = 1;
}

/** Where p_g is higher than the axis: a mark at the top, and the height of the highest ones. */
function drawSpikes(context, { plot, X }, at, p_g, top, { G, ink, font }) {
  const spikes = [];
  for (let i = 0; i < p_g.length; i++) {
    if (p_g[i] <= top) continue;
    const last = spikes.at(-1);
    if (last && i - last.end === 1) {
      last.end = i;
      if (p_g[i] > last.p) Object.assign(last, { p: p_g[i], i });
    } else spikes.push({ end: i, p: p_g[i], i });
  }
  spikes.sort((a, b) => b.p - a.p);
  context.font = `600 10.5px ${font}`;
  context.textBaseline = "middle";
  const taken = [];
  for (const { p, i } of spikes) {
    const x = X(at[i]);
    context.fillStyle = G;
    context.beginPath();
    context.moveTo(x, plot.top - 7);
    context.lineTo(x - 5, plot.top + 1);
    context.lineTo(x + 5, plot.top + 1);
    context.fill();
    if (taken.length >= 3 || taken.some((other) => Math.abs(other - x) < 60)) continue;
    taken.push(x);
    const left = x > plot.right - 60;
    context.textAlign = left ? "right" : "left";
    context.fillStyle = ink;
    context.fillText(`p_g to ${p < 10 ? p.toFixed(1) : p.toFixed(0)}`, x + (left ? -8 : 8), plot.top + 6);
  }
}

function drawArrows(context, place, { z, x }, { window, zTicks }, { ink, soft, pick, G, font }) {
  const { plot, xLine, zLine, X, Z } = place;
  context.lineWidth = 1;
  for (const y of [xLine, zLine]) stroke(context, ink, [], [[plot.left, y + 0.5], [plot.right, y + 0.5]]);
  context.font = `italic 600 13px ${font}`;
  context.textAlign = "right";
  context.textBaseline = "middle";
  context.fillStyle = ink;
  context.fillText("x", plot.left - 10, xLine);
  context.fillText("z", plot.left - 10, zLine);
  context.font = `10.5px ${font}`;
  context.textAlign = "center";
  context.textBaseline = "top";
  context.fillStyle = soft;
  for (const [value, name] of zTicks) {
    stroke(context, soft, [], [[Z(value), zLine], [Z(value), zLine + 3]]);
    context.fillText(name, Z(value), zLine + 6);
  }
  const inside = (value) => value >= window[0] && value <= window[1];
  for (const [colour, which] of [[G, inside], [pick, (value) => !inside(value)]]) {
    const ways = [];
    x.forEach((to, i) => which(to) && ways.push([Z(z[i]), X(Math.min(window[1], Math.max(window[0], to)))]));
    drawWays(context, ways, zLine, xLine + 1, colour);
  }
}

/** Arrows from (a, from) to (b, to), all as one line and one shape: one by one they cost ten times as much. */
function drawWays(context, ways, from, to, colour) {
  const shafts = new Path2D();
  const heads = new Path2D();
  for (const [a, b] of ways) {
    const length = Math.hypot(b - a, to - from);
    const [ux, uy] = [(b - a) / length, (to - from) / length];
    const [x, y] = [b - 7 * ux, to - 7 * uy];
    shafts.moveTo(a, from);
    shafts.lineTo(x, y);
    heads.moveTo(b, to);
    heads.lineTo(x - 2.6 * uy, y + 2.6 * ux);
    heads.lineTo(x + 2.6 * uy, y - 2.6 * ux);
    heads.closePath();
  }
  context.setLineDash([]);
  context.strokeStyle = context.fillStyle = colour;
  context.stroke(shafts);
  context.fill(heads);
}

/** The legend, with the lines as they are drawn. */
function drawKey(context, { plot }, { data, G, D, soft, font }) {
  const styles = [[data, DOTS, 2, 1], [G, [], 2, 1], [D, DASH, 2, 1], [D, [], 1.3, FAINT]];
  context.font = `11.5px ${font}`;
  context.textAlign = "left";
  context.textBaseline = "middle";
  const [from, to] = [plot.left + 36, plot.right - 12];
  const measured = [LONG, SHORT].map((names) => names.map((words) => 31 + context.measureText(words).width + 14));
  const short = sum(measured[0]) > to - from;
  const widths = measured[Number(short)];
  let x = Math.max(from, (from + to - sum(widths)) / 2);
  styles.forEach(([colour, dash, width, alpha], i) => {
    const words = (short ? SHORT : LONG)[i];
    context.globalAlpha = alpha;
    context.lineWidth = width;
    stroke(context, colour, dash, [[x, plot.top - 15], [x + 26, plot.top - 15]]);
    context.globalAlpha = 1;
    context.fillStyle = soft;
    context.fillText(words, x + 31, plot.top - 15);
    x += widths[i];
  });
  context.lineWidth = 1;
}

/** What a person draws: the line as drawn, and the place of the keyboard's cursor. */
export function drawSketch(context, { plot, X, density }, { heights, window, cursor }, { pick }) {
  const at = (i) => window[0] + ((window[1] - window[0]) * i) / (heights.length - 1);
  if (cursor !== null) {
    stroke(context, pick, [2, 2], [[X(at(cursor)), plot.top], [X(at(cursor)), plot.bottom]]);
    context.fillStyle = pick;
    context.beginPath();
    context.arc(X(at(cursor)), Math.max(plot.top, density(heights[cursor])), 4, 0, 7);
    context.fill();
  }
  const points = Float64Array.from(heights, (_, i) => at(i));
  drawLine(context, points, heights, X, (p) => Math.max(plot.top, density(p)), { colour: pick, dash: [], width: 1, alpha: 0.8 });
}
