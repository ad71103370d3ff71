// Digits without a kernel, in a Web Worker: G from half-precision weights, samples, and a walk on straight lines between
// their z; and what D says of them, once its weights are there, too. It takes the commands of view.js and posts frames,
// as interpolation.py does.

import { abs, floor, max, min, range, round, sqrt, sum } from "./plain.js";
import { Stream, expit, floats } from "./toy_game.js";

const [N, COLUMNS, SIDE] = [40, 10, 28];
const [STRIP, MOST_PICKED, FIRST_PATH] = [20, 12, 4];
const RAISED = 5; // places of the curve between two pictures of the strip

/** 16 bits as the number that they are in half precision. */
function half(bits) {
  const [power, rest] = [(bits >> 10) & 31, bits & 1023];
  return (bits >> 15 ? -1 : 1) * (power ? (1 + rest / 1024) * 2 ** (power - 15) : rest * 2 ** -24);
}

/** A net from its layers, {inputs, units, pieces, activation} each, and W (units * pieces, inputs) and b of each. */
export function net(layers, text) {
  const table = Float32Array.from({ length: 65536 }, (_, bits) => half(bits));
  const all = new Float32Array(text.length); // a number is a character of the text: both have 16 bits
  for (let i = 0; i < all.length; i++) all[i] = table[text.charCodeAt(i)];
  let at = 0;
  const take = (n) => all.subarray(at, (at += n));
  return layers.map((layer) => {
    const n = layer.units * layer.pieces;
    return { ...layer, W: take(n * layer.inputs), b: take(n) };
  });
}

/** One example through a net: what its last layer puts out; D's gives a logit. */
export function through(net, x) {
  for (const { inputs, units, pieces, activation, W, b } of net) {
    const out = new Float32Array(units).fill(-Infinity);
    for (let row = 0; row < units * pieces; row++) {
      let total = b[row];
      for (let j = 0, w = row * inputs; j < inputs; j++) total += W[w + j] * x[j];
      const unit = floor(row / pieces);
      out[unit] = max(out[unit], total);
    }
    if (activation === "relu") for (let u = 0; u < units; u++) out[u] = max(0, out[u]);
    if (activation === "sigmoid") for (let u = 0; u < units; u++) out[u] = expit(out[u]);
    x = out;
  }
  return x;
}

const image = (x) => Uint8Array.from(x, (level) => round(255 * min(1, max(0, level))));
const distance = (x, y) => x.reduce((total, one, i) => total + (one - y[i]) ** 2, 0);

export class Digits {
  message = "";
  applied = 0;

  says = null; // D(x) of each digit

  constructor(given, text) {
    Object.assign(this, given, { G: net(given.layers.G, text), D: null, values: { ...given.values } });
    this.on_new({ seed: 0 });
    this.picks = this.firstPath();
  }

  /** D has come. */
  meet(text) {
    this.D = net(this.layers.D, text);
    this.judge();
  }

  judge() {
    if (this.D) this.says = this.x.map((x) => this.D_of(x));
  }

  G_of(z) {
    return through(this.G, z);
  }

  D_of(x) {
    return expit(through(this.D, x)[0]);
  }

  // -- commands -------------------------------------------------------------------------------------------------------

  do({ type, id, values = {}, button }) {
    if (Number.isInteger(id)) this.applied = id;
    this.message = "";
    if (type === "press") return this["on_" + button](values);
    const early = "t" in values && !this.path.length;
    if (early) this.message = `there is no path yet. ${this.hint}`;
    else Object.assign(this.values, values);
  }

  /** Other digits, of the next seed. */
  on_new({ seed = this.seed + 1 }) {
    const rng = new Stream([seed, 0, 1406, 2661]);
    this.seed = seed;
    this.z = range(N, () => floats(range(this.G[0].inputs, () => sqrt(3) * (2 * rng.uniform() - 1))));
    this.x = this.z.map((z) => this.G_of(z));
    this.judge();
    this.on_clear();
  }

  on_pick({ index }) {
    const digit = this.order[index];
    if (this.picks.includes(digit)) this.picks = this.picks.filter((one) => one !== digit);
    else if (this.picks.length < MOST_PICKED) this.picks = [...this.picks, digit];
    else this.message = `a path holds ${MOST_PICKED} pictures at the most; take one off, or clear it`;
  }

  on_clear() {
    this.picks = [];
    this.values.t = 0;
  }

  /** A few digits, each the farthest from those before it. */
  firstPath() {
    const picks = [0];
    const away = (i) => min(...picks.map((j) => distance(this.x[i], this.x[j])));
    while (picks.length < FIRST_PATH) picks.push(range(N, (i) => i).reduce((a, b) => (away(b) > away(a) ? b : a)));
    return picks;
  }

  // -- what there is to see -------------------------------------------------------------------------------------------

  get order() {
    const every = range(N, (i) => i);
    return this.values.sorted && this.D ? every.sort((i, j) => this.says[j] - this.says[i]) : every;
  }

  get path() {
    const { picks, values } = this;
    return picks.length < 2 ? [] : values.closed ? [...picks, picks[0]] : picks;
  }

  /** z at t on the path. */
  on_path(t) {
    const along = t * (this.path.length - 1);
    const i = min(floor(along), this.path.length - 2);
    const [from, to] = [this.z[this.path[i]], this.z[this.path[i + 1]]];
    return from.map((one, j) => one + (along - i) * (to[j] - one));
  }

  /** Digits along the path, and what D says of them, made once for each path. */
  get strip() {
    const { path } = this;
    const key = JSON.stringify([this.seed, path, Boolean(this.D)]);
    if (this.strips?.key !== key) {
      const between = path.length ? max(1, round((STRIP - 1) / (path.length - 1))) : 0;
      const n = between * (path.length - 1) + 1;
      const t = range((n - 1) * RAISED + 1, (i) => i / ((n - 1) * RAISED));
      const x = path.length ? t.map((one) => this.G_of(this.on_path(one))) : [];
      const images = x.filter((_, i) => i % RAISED === 0).map(image);
      this.strips = { key, between, t, images, says: this.D ? x.map((one) => this.D_of(one)) : [] };
    }
    return this.strips;
  }

  frame() {
    const { order, path, picks, values, strip } = this;
    const buffers = [];
    const place = (array, shape, type) => ({ at: buffers.push(array.buffer) - 1, shape, type });
    const tiles = (images, columns, badges, press = null) => {
      const all = new Uint8Array(images.length * SIDE * SIDE);
      images.forEach((one, i) => all.set(one, i * SIDE * SIDE));
      return { images: place(all, [images.length, SIDE, SIDE], "uint8"), columns, badges, press, paint: false };
    };
    const floats32 = (numbers) => place(Float32Array.from(numbers), [numbers.length], "float32");
    const said = (D) => D.toFixed(2);
    const black = new Uint8Array(SIDE * SIDE);
    const now = path.length ? this.G_of(this.on_path(values.t)) : picks.length ? this.x[picks[0]] : null;
    const badges = picks.map((digit, i) => [order.indexOf(digit), String(i + 1)]);
    const passed = path.map((digit, i) => [i * strip.between, String(picks.indexOf(digit) + 1)]);
    const { D, says } = this;
    const ends = D && `${said(sum(says) / N)} to these on average, from ${said(min(...says))} to ${said(max(...says))}`;
    const half = 0.5 / max(1, strip.images.length - 1);
    const handle = { x: values.t, name: "", style: "other", moves: ["t", null] };
    const here = (y) => (path.length ? [{ ...handle, y, stem: y > 0 }] : []);
    const none = { lines: [], levels: [], marks: [], arrows: [], caption: "", x: [0, 1], y: [0, 1] };
    const none_at = { ...none, x_label: "", y_label: "", x_ticks: [], y_ticks: [] };
    const sheet = {
      title: `${N} digits drawn by G. Pick a path through them.`,
      tiles: tiles(order.map((i) => image(this.x[i])), COLUMNS, badges, "pick"),
      caption: D ? `D says ${ends}: 1 is data, 0 is G's.` : "D is not here yet: its button stands above.",
    };
    const one = now ? image(now) : black;
    const D_now = now && D ? this.D_of(now) : null;
    const at_t = { title: D_now === null ? "G at t" : `G at t, and D says ${said(D_now)}`, tiles: tiles([one], 1, []) };
    const shown = strip.images.length ? strip.images : range(STRIP, () => black);
    const walk = { title: "G on the straight lines between their z", tiles: tiles(shown, shown.length, passed) };
    const line = { x: floats32(strip.t), y: floats32(strip.says), name: "D(G(z))", style: "D" };
    line.value = D_now === null ? null : said(D_now);
    const opinion = {
      title: "What D says on the way",
      lines: path.length ? [line] : [],
      levels: [{ y: 0.5, name: "1/2: no idea", x: null }],
      marks: D_now !== null && path.length ? here(D_now) : [],
      y_ticks: [[0, "0"], [0.5, "1/2"], [1, "1"]],
      x_ticks: [[0, "0"], [0.5, "0.5"], [1, "1"]],
      x_label: "t, the place on the path",
      reads: true,
    };
    const places = [[0, 0, 15, 8], [0, 8, 15, 4], [15, 0, 4, 12], [19, 0, 7, 12]];
    const parts = [sheet, at_t, { ...walk, x: [-half, 1 + half], marks: here(0) }, ...(D ? [opinion] : [])];
    const panels = parts.map((own, i) => {
      return { ...none_at, at: places[i], words: [own.title, own.caption].filter(Boolean).join(" "), ...own };
    });
    const words = path.length ? `${shown.length} digits along the path through ${picks.length} digits.` : this.hint;
    const picture = { panels, words, readouts: [[`seed ${this.seed}`, ""]], notes: [] };
    const { t, closed, sorted } = values;
    const shownAs = { t: [t, round(t * 200), t.toFixed(3)], closed: [closed], sorted: [sorted] };
    const off = [...(path.length ? [] : ["t"]), ...(D ? [] : ["sorted"])];
    const { message, applied } = this;
    const header = { running: false, message, applied, state: "idle", named: "", off, pressed: [] };
    return [{ ...header, values: shownAs, picture }, buffers];
  }
}

let [digits, count] = [null, 0];

self.onmessage = ({ data: message }) => {
  if (message.type === "G") digits = new Digits(message.given, message.text);
  else if (message.type === "D") digits.meet(message.text);
  else if (message.type !== "ask") digits.do(message);
  const news = { n: count, applied: digits.applied, stalled: false, answer: message.type !== "D" };
  if (message.type === "ask" && message.have === count) return self.postMessage([{ ...news, type: "same" }, null]);
  const [frame, buffers] = digits.frame();
  self.postMessage([{ ...news, ...frame, type: "frame", n: ++count }, buffers], buffers);
};
