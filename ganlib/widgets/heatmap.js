// A grid of runs in numbers, and as a heatmap on a canvas.

import { number } from "./controls.js";

const CIVIDIS = ["#00224e", "#083370", "#35456c", "#4f576c", "#666970", "#7d7c78", "#948e77", "#aea371", "#c8b866", "#e5cf52", "#fee838"];
const LAST = 0.1; // a run is judged by the mean over the last tenth of its records, as in grids.py

/** The curves (names, K, D, G, S, T), read at one record: what grids.Results works out, for any moment. */
export class Numbers {
  constructor(curves, diverged, tab, record) {
    Object.assign(this, { curves, gone: diverged, tab });
    const [, K, D, G, S, T] = curves.shape;
    this.shape = { K, D, G, S, T };
    const whole = Math.min(record, T - 1);
    this.end = record >= T - 1 ? this.measured() : whole + 1;
    this.begin = Math.max(this.end - Math.max(Math.floor(LAST * this.end + 0.5), 1), 0);
  }

  /** How many records there are. */
  measured() {
    const { T } = this.shape;
    for (let j = T - 1; j >= 0; j--) for (let i = j; i < this.curves.length; i += T) if (Number.isFinite(this.curves[i])) return j + 1;
    return 1;
  }

  run(k, D, G, s) {
    const { shape } = this;
    return ((k * shape.D + D) * shape.G + G) * shape.S + s;
  }

  curve(name, k, D, G, s) {
    const { shape, tab } = this;
    const runs = shape.K * shape.D * shape.G * shape.S;
    const start = (tab.names.indexOf(name) * runs + this.run(k, D, G, s)) * shape.T;
    return this.curves.subarray(start, start + shape.T);
  }

  /** Over the seeds, or of one of them. */
  seedsMean(name, k, D, G, seed) {
    if (seed >= 0) return this.curve(name, k, D, G, seed);
    const all = this.tab.seeds.map((_, s) => this.curve(name, k, D, G, s));
    return all[0].map((_, j) => meanOf(all.map((y) => y[j])));
  }

  /** One run's value at the record looked at. */
  value(name, k, D, G, s) {
    if (name === "gap") return this.value("C", k, D, G, s) - this.value("V", k, D, G, s);
    return meanOf(this.curve(name, k, D, G, s).subarray(this.begin, this.end));
  }

  /** A cell: its mean, each seed's value, and how many seeds have diverged or collapsed, of those that are known. */
  cell(name, k, D, G, seed) {
    const seeds = seed < 0 ? this.tab.seeds.map((_, s) => s) : [seed];
    const runs = seeds.map((s) => {
      const [value, width] = [this.value(name, k, D, G, s), this.value("width", k, D, G, s)];
      const gone = this.gone[this.run(k, D, G, s)] > 0 && (this.end === this.measured() || !Number.isFinite(width));
      return { value: gone ? NaN : value, diverged: gone || width > this.tab.wide, collapsed: !gone && width < this.tab.narrow, known: gone || Number.isFinite(width) };
    });
    const count = (of) => runs.filter((run) => run[of]).length;
    const values = runs.map(({ value }) => value).filter(Number.isFinite);
    return { mean: meanOf(values), values, diverged: count("diverged"), collapsed: count("collapsed"), known: count("known") };
  }
}

function meanOf(values) {
  let [total, n] = [0, 0];
  for (const value of values) {
    if (!Number.isFinite(value)) continue;
    total += value;
    n += 1;
  }
  return n ? total / n : NaN;
}

export function plainly(value) {
  return String(Number(value.toPrecision(3)));
}

/** A measure's way from numbers to shares of the colour bar. */
export function scaleOf({ log, ends, ticks, digits }, values) {
  const known = values.filter(Number.isFinite);
  const [low, high] = ends ?? [Math.min(...known, 0), known.length ? Math.max(...known) : 1];
  const by = log ? (value) => Math.log(Math.max(value, 1e-12)) : (value) => value;
  const share = (value) => Math.min(1, Math.max(0, (by(value) - by(low)) / (by(high) - by(low) || 1)));
  return { share, digits, ticks: ticks ?? [low, (low + high) / 2, high] };
}

function colourOf(share) {
  const at = share * (CIVIDIS.length - 1);
  const i = Math.min(Math.floor(at), CIVIDIS.length - 2);
  const [a, b] = [CIVIDIS[i], CIVIDIS[i + 1]].map((hex) => [1, 3, 5].map((c) => parseInt(hex.slice(c, c + 2), 16)));
  return `rgb(${a.map((v, c) => Math.round(v + (at - i) * (b[c] - v))).join()})`;
}

/** A cell in its colour, with its number, and × and ○ for seeds that diverged and collapsed. */
export function drawCell(context, { x, y, wide, high }, { mean, diverged, collapsed, known }, scale, { digits }, { rule, soft, font }) {
  const finite = Number.isFinite(mean);
  const share = finite ? scale.share(mean) : 0;
  context.fillStyle = finite ? colourOf(share) : rule;
  context.fillRect(x + 0.5, y + 0.5, wide - 1, high - 1);
  const colour = !finite ? soft : share < 0.55 ? "#fff" : "#000";
  const words = finite ? [Math.abs(mean) >= 1e4 ? mean.toExponential(0) : number(mean, digits)] : [];
  if (diverged) words.push(known > 1 ? `× ${diverged}/${known}` : "×");
  if (collapsed) words.push(known > 1 ? `○ ${collapsed}/${known}` : "○");
  const size = Math.min(11.5, wide / 4.2, high / (words.length + 0.6));
  words.forEach((line, i) => {
    const at = y + high / 2 + (i - (words.length - 1) / 2) * (size + 2);
    writeAt(context, line, x + wide / 2, at, { font: `${size}px ${font}`, colour, align: "center" });
  });
}

export function frame(context, x, y, wide, high, { pick }) {
  for (const [colour, width] of [["#000", 5], ["#fff", 3.5], [pick, 2]]) {
    context.strokeStyle = colour;
    context.lineWidth = width;
    context.strokeRect(x + 1, y + 1, wide - 2, high - 2);
  }
  context.lineWidth = 1;
}

export function labels(context, plot, { left, bottom, wide, high }, [[rowsName, rows], [columnsName, columns]], { ink, soft, font }) {
  const small = { font: `10.5px ${font}`, colour: soft };
  rows.forEach((value, i) => writeAt(context, plainly(value), left - 6, bottom - (i + 0.5) * high, { ...small, align: "right" }));
  columns.forEach((value, i) => writeAt(context, plainly(value), left + (i + 0.5) * wide, bottom + 10, { ...small, align: "center" }));
  writeAt(context, `${columnsName} →`, plot.right, bottom + 28, { ...small, colour: ink, align: "right" });
  context.save();
  context.translate(9, (plot.top + plot.bottom) / 2);
  context.rotate(-Math.PI / 2);
  writeAt(context, `${rowsName} →`, 0, 0, { ...small, colour: ink, align: "center" });
  context.restore();
}

export function legend(context, plot, { share, ticks, digits }, { soft, font }) {
  const [x, wide, tall] = [plot.right + 10, 10, plot.bottom - plot.top];
  for (let i = 0; i < tall; i++) {
    context.fillStyle = colourOf(i / tall);
    context.fillRect(x, plot.bottom - i - 1, wide, 1.5);
  }
  for (const value of ticks) {
    const words = digits ? plainly(value).replace("-", "−") : number(value, 0);
    writeAt(context, words, x + wide + 4, plot.bottom - share(value) * tall, { font: `10px ${font}`, colour: soft });
  }
}

export function writeAt(context, words, x, y, { font, colour, align = "left" }) {
  Object.assign(context, { font, fillStyle: colour, textAlign: align, textBaseline: "middle" });
  context.fillText(words, x, y);
}
