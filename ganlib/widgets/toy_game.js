// The game of Figure 1 in plain numbers, for a page without a kernel: the moves of studies/toys.py, the densities, and
// V, C and JSD by quadrature. A script alone, in double precision; tests hold its parameters to ganlib's.

import { PI, abs, ceil, exp, floor, log, log1p, max, min, range, round, softplus, sqrt, sum } from "./plain.js";

const REACH = { uniform: sqrt(3), normal: 9 }; // p_g is computed from |z| <= reach
const PIECES = { uniform: 1, normal: 18 }; // the z between which the prior is smooth enough for quadrature
export const SALT = 14; // sets these draws apart; of 70 that were tried the first with which every preset shows what it says
const SMOOTH_PIECES = 800; // a G that is not made of rectifiers is looked at as so many straight lines
export const MINUS_LOG_4 = -log(4);

export const SETTINGS = ["k", "lr_D", "lr_G", "momentum", "batch", "p_z", "update", "generator_cost"];

export const pick = (from, names) => Object.fromEntries(names.map((name) => [name, from[name]]));
export const floats = (numbers) => new Float64Array(numbers);
export const expit = (a) => 1 / (1 + exp(-a));
const xlogy = (x, y) => (x > 0 ? x * log(y) : 0);
const ascending = (numbers) => [...new Set(numbers)].sort((a, b) => a - b);
const allFinite = (numbers) => numbers.every(Number.isFinite);

/** The slope of each cost of G, a function of D's logit a on G(z), for one z: game.py has the costs. */
const SLOPES = { "non-saturating": (a) => -expit(-a), minimax: (a) => -expit(a), blend: () => -0.5 };

// -- random numbers ---------------------------------------------------------------------------------------------------

/** Torch's numbers of a seed, 32 bits each (the Mersenne twister): a seed begins with the same nets as in ganlib. */
function twister(seed) {
  const s = new Uint32Array(624);
  s[0] = seed % 2 ** 32;
  for (let i = 1; i < 624; i++) s[i] = Math.imul(1812433253, s[i - 1] ^ (s[i - 1] >>> 30)) + i;
  let at = 624;
  return () => {
    for (let i = 0; at === 624 && i < 624; i++) {
      const y = (s[i] & 0x80000000) | (s[(i + 1) % 624] & 0x7fffffff);
      s[i] = s[(i + 397) % 624] ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0);
    }
    at = (at % 624) + 1;
    let y = s[at - 1];
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return (y ^ (y >>> 18)) >>> 0;
  };
}

/** Random numbers whose place is four words, so that a game can go back to it (sfc32). */
export class Stream {
  constructor(words) {
    this.words = Uint32Array.from(words);
    for (let i = 0; i < 20; i++) this.next();
  }

  next() {
    const s = this.words;
    const t = (s[0] + s[1] + s[3]++) >>> 0;
    s[0] = s[1] ^ (s[1] >>> 9);
    s[1] = s[2] + (s[2] << 3);
    s[2] = ((s[2] << 21) | (s[2] >>> 11)) + t;
    return t;
  }

  uniform() {
    return (this.next() + 0.5) / 2 ** 32;
  }

  normal() {
    return sqrt(-2 * log(this.uniform())) * Math.cos(2 * PI * this.uniform());
  }
}

// -- densities --------------------------------------------------------------------------------------------------------

const phi = (t) => exp((-t * t) / 2) / sqrt(2 * PI);

/** The distribution function of N(0, 1), to 1e-15, by its Taylor series (Marsaglia 2004). */
function ndtr(x) {
  if (abs(x) > 9) return x > 0 ? 1 : 0;
  let [total, term, before] = [x, x, NaN];
  for (let i = 3; total !== before; i += 2) {
    before = total;
    term *= (x * x) / i;
    total += term;
  }
  return 0.5 + total * phi(x);
}

const priorCdf = (p_z, z) => (p_z === "normal" ? ndtr(z) : min(1, max(0, (z / REACH.uniform + 1) / 2)));

/** A mixture of Gaussians, [mean, std, share] each. */
const hills = (parts) => ({
  knots: parts.flatMap(([mean, std]) => range(25, (i) => mean + std * (i - 12))),
  pdf: (x) => sum(parts.map(([mean, std, share]) => (share * phi((x - mean) / std)) / std)),
  sample(rng) {
    let [i, left] = [0, rng.uniform()];
    while (i < parts.length - 1 && (left -= parts[i][2]) > 0) i++;
    return parts[i][0] + parts[i][1] * rng.normal();
  },
});

const even = ([low, high]) => ({
  knots: [low, high],
  pdf: (x) => (x >= low && x <= high ? 1 / (high - low) : 0),
  sample: (rng) => low + (high - low) * rng.uniform(),
});

/** The density proportional to the straight lines between heights at equal steps over a window. */
function drawn(drawnHeights, [low, high]) {
  const n = drawnHeights.length - 1;
  const width = (high - low) / n;
  const below = [0]; // the area up to each, of the heights as they are drawn
  for (let i = 0; i < n; i++) below.push(below[i] + ((drawnHeights[i] + drawnHeights[i + 1]) / 2) * width);
  const [heights, cdf] = [drawnHeights, below].map((each) => each.map((one) => one / below[n]));
  const x = range(n + 1, (i) => low + i * width);
  const knots = x.flatMap((here, i) => {
    const near = range(15, (j) => width * 0.25 ** (j + 1)); // log p is steep where p sinks to 0
    const right = i < n && !heights[i] && heights[i + 1] ? near.map((step) => here + step) : [];
    const left = i > 0 && !heights[i] && heights[i - 1] ? near.map((step) => here - step) : [];
    return [here, ...right, ...left];
  });
  const piece = (at) => min(n - 1, max(0, floor(at)));
  const pdf = (at) => {
    if (!(at >= low && at <= high)) return 0;
    const i = piece((at - low) / width);
    return heights[i] + ((at - x[i]) / width) * (heights[i + 1] - heights[i]);
  };
  const sample = (rng) => {
    const u = rng.uniform();
    const i = piece(cdf.findIndex((share) => share > u) - 1);
    const [h, rest] = [heights[i], max(0, u - cdf[i]) / width];
    const root = sqrt(max(0, h * h + 2 * (heights[i + 1] - h) * rest));
    return x[i] + width * min(1, (2 * rest) / max(h + root, 1e-300));
  };
  return { knots, pdf, sample };
}

/** A density by its description: {hills}, {even}, or {drawn, window}. */
export function density(of) {
  return of.hills ? hills(of.hills) : of.even ? even(of.even) : drawn(of.drawn, of.window);
}

/**
 * The density of x = G(z) for G linear between the points (z_i, x_i), exact. On a piece a z contributes
 * p_z(z) / |slope|; a flat piece puts its share of z on one x, an atom. `even`: each piece spreads its share evenly.
 */
export class Pushforward {
  constructor(z, x, p_z, spread) {
    this.p_z = p_z;
    this.even = spread || p_z === "uniform";
    const cdf = z.map((one) => priorCdf(p_z, one));
    this.knots = [...x];
    this.pieces = range(z.length - 1, (i) => {
      const [low, high] = [min(x[i], x[i + 1]), max(x[i], x[i + 1])];
      const [long, wide, mass] = [z, x, cdf].map((ends) => ends[i + 1] - ends[i]);
      const flat = high - low <= 1e-13 * max(1, abs(high));
      return { z: z[i], x: x[i], cdf: cdf[i], long, wide, mass, low, high, flat };
    });
    this.atoms = this.pieces.filter(({ flat }) => flat);
    this.smooth = this.pieces.filter(({ flat }) => !flat);
  }

  /** The pieces that pass x; between two knots they are the same. */
  passing(x) {
    return this.smooth.filter(({ low, high }) => x >= low && x < high);
  }

  /** The density at x, which these pieces pass. */
  pdf(x, passing) {
    let total = 0;
    for (const { z, long, x: from, wide, mass } of passing) {
      const share = this.even ? mass / long : phi(z + ((x - from) / wide) * long);
      total += share * abs(long / wide);
    }
    return total;
  }

  /** How much of a piece's probability lies below x, which is in it. */
  below({ z, long, x: from, wide, mass, cdf }, x) {
    const along = (x - from) / wide;
    const part = this.even ? along * mass : priorCdf(this.p_z, z + along * long) - cdf;
    return wide > 0 ? part : mass - part;
  }

  /** The mean density in each of n bins from `from` on. */
  inBins(from, width, n) {
    const mass = floats(n);
    for (const piece of this.pieces) {
      let before = 0;
      for (let bin = max(-1, floor((piece.low - from) / width)); bin < n; bin++) {
        const edge = from + (bin + 1) * width;
        const last = piece.flat || edge >= piece.high;
        const below = last ? piece.mass : edge <= piece.low ? 0 : this.below(piece, edge);
        if (bin >= 0) mass[bin] += below - before;
        if (last) break;
        before = below;
      }
    }
    return mass.map((m) => m / width);
  }
}

/** Nodes x, and the probability that p_data and p_g give to each, atoms included. `nodes`: [t, w] on [-1, 1]. */
export function shares(p_data, p_g, [t, w]) {
  const knots = ascending([...p_data.knots, ...p_g.knots]);
  const [x, P, Q] = [[], [], []];
  for (let i = 0; i + 1 < knots.length; i++) {
    const width = knots[i + 1] - knots[i];
    const passing = p_g.passing(knots[i] + width / 2);
    for (let j = 0; j < t.length; j++) {
      const at = knots[i] + (width * (t[j] + 1)) / 2;
      x.push(at);
      P.push(((width * w[j]) / 2) * p_data.pdf(at));
      Q.push(((width * w[j]) / 2) * p_g.pdf(at, passing));
    }
  }
  for (const { low, mass } of p_g.atoms) {
    x.push(low);
    P.push(0);
    Q.push(mass);
  }
  return { x: floats(x), P, Q };
}

/** -V of logits a at such nodes. */
const minusV = (P, Q, a) => sum(P.map((p, i) => p * softplus(-a[i]) + Q[i] * softplus(a[i])));

const bestV = (P, Q) => sum(P.map((p, i) => xlogy(p, p / (p + Q[i])) + xlogy(Q[i], Q[i] / (p + Q[i]))));

// -- nets -------------------------------------------------------------------------------------------------------------

/** Dense layers, {inputs, units, activation} each. `theta`: W (inputs, units) and b of each. */
export class Net {
  constructor(layers) {
    let at = 0;
    this.layers = layers.map((layer) => {
      const [W, b] = [at, at + layer.inputs * layer.units];
      at = b + layer.units;
      return { ...layer, W, b, h: floats(0), down: floats(0) }; // what it puts out, and what goes back below it
    });
    this.theta = floats(at);
    this.velocity = floats(at);
  }

  /** Examples x, one after another, to their outputs; the way is kept for `backward`. */
  forward(x) {
    const { theta } = this;
    let h = (this.x = x);
    let n = x.length; // numbers in x, and then in h
    for (const layer of this.layers) {
      const { inputs, units, activation, W, b } = layer;
      const m = n / inputs;
      if (layer.h.length < m * units) [layer.h, layer.down] = [floats(m * units), floats(n)];
      n = m * units;
      const out = layer.h;
      for (let i = 0; i < m; i++) {
        const o = i * units;
        for (let u = 0; u < units; u++) out[o + u] = theta[b + u];
        for (let j = 0; j < inputs; j++) {
          const value = h[i * inputs + j];
          if (value === 0) continue; // a rectifier that is off
          const w = W + j * units;
          for (let u = 0; u < units; u++) out[o + u] += value * theta[w + u];
        }
        if (activation === "relu") for (let u = o; u < o + units; u++) out[u] = max(0, out[u]);
        if (activation === "sigmoid") for (let u = o; u < o + units; u++) out[u] = expit(out[u]);
      }
      h = out;
    }
    return h.slice(0, n);
  }

  /**
   * From d cost / d output of the first examples, which it overwrites, to d cost / d x of these. `gradient` takes
   * d cost / d theta.
   */
  backward(d, gradient = null) {
    const { theta } = this;
    let n = d.length;
    gradient?.fill(0);
    for (let l = this.layers.length - 1; l >= 0; l--) {
      const { inputs, units, activation, W, b, h, down } = this.layers[l];
      const below = l ? this.layers[l - 1].h : this.x;
      const m = n / units;
      for (let i = 0; i < m; i++) {
        const o = i * units;
        for (let u = o; u < o + units; u++) {
          if (activation === "relu" && !(h[u] > 0)) d[u] = 0;
          else if (activation === "sigmoid") d[u] *= h[u] * (1 - h[u]);
          if (gradient) gradient[b + u - o] += d[u];
        }
        for (let j = 0; j < inputs; j++) {
          const [value, w] = [below[i * inputs + j], W + j * units];
          let total = 0;
          for (let u = 0; u < units; u++) total += theta[w + u] * d[o + u];
          if (gradient && value !== 0) for (let u = 0; u < units; u++) gradient[w + u] += value * d[o + u];
          down[i * inputs + j] = total;
        }
      }
      d = down;
      n = m * inputs;
    }
    return d.slice(0, n);
  }

  /** The first weights as torch draws them: uniform within ±irange, in single precision; a bias where it is drawn. */
  begin(next) {
    for (const { inputs, units, irange, bias, W, b } of this.layers) {
      const [wide, low] = [Math.fround(2 * irange), Math.fround(-irange)];
      const draw = () => Math.fround((next() & 0xffffff) * 2 ** -24 * wide + low);
      for (let u = 0; u < units; u++) for (let j = 0; j < inputs; j++) this.theta[W + j * units + u] = draw();
      for (let u = 0; bias && u < units; u++) this.theta[b + u] = draw();
    }
  }

  /** v = mu v - rate g; theta += v. A rate of 0 holds at once. */
  descend(gradient, rate, momentum) {
    const [{ theta, velocity }, mu] = [this, rate > 0 ? momentum : 0];
    for (let i = 0; i < theta.length; i++) {
      velocity[i] = mu * velocity[i] - rate * gradient[i];
      theta[i] += velocity[i];
    }
  }
}

// -- the game ---------------------------------------------------------------------------------------------------------

/**
 * One game. `recipe`: the layers of G and of D, and `nodes` of Gauss and Legendre by their number. SETTINGS may be
 * changed at any time, as may p_data, but not the seed.
 */
export class Game {
  constructor(recipe, p_data, settings) {
    const own = pick(settings, ["seed", ...SETTINGS]);
    Object.assign(this, { recipe, p_data, G: new Net(recipe.G), D: new Net(recipe.D), ...own });
    const next = twister(this.seed);
    this.G.begin(next);
    this.D.begin(next);
    this.gradients = { G: floats(this.G.theta.length), D: floats(this.D.theta.length) };
    this.exact = recipe.G[0].activation === "relu";
    this.step = this.turn = 0;
    this.streams = {};
  }

  /** What the next move of a kind draws (-1: G's; n: D's with n to follow): x and z, (m,) each. */
  draw(kind) {
    const m = this.batch;
    const [for_x, for_z] = [2 * kind, 2 * kind + 1].map((key) => {
      return (this.streams[key] ??= new Stream([this.seed, this.seed / 2 ** 32, key + 4, SALT]));
    });
    const uniform = () => REACH.uniform * (2 * for_z.uniform() - 1);
    const z = Float64Array.from({ length: m }, this.p_z === "normal" ? () => for_z.normal() : uniform);
    return { x: Float64Array.from({ length: kind < 0 ? 0 : m }, () => this.p_data.sample(for_x)), z };
  }

  /** The same, and the draws are not used up. */
  ahead(kind) {
    const before = this.places();
    const found = this.draw(kind);
    this.back(before);
    return found;
  }

  places() {
    return Object.entries(this.streams).map(([key, { words }]) => [key, words.slice()]);
  }

  back(places) {
    this.streams = {};
    for (const [key, words] of places) (this.streams[key] = new Stream([])).words = words.slice();
  }

  /** One update on a batch, of "D", "G" or "DG", both from the same old parameters. */
  play(players, { x, z }) {
    const { G, D, gradients, batch: m } = this;
    const fakes = G.forward(z);
    const rows = floats(fakes.length + x.length); // the fakes first
    rows.set(fakes);
    rows.set(x, fakes.length);
    const a = D.forward(rows);
    const slope = SLOPES[this.generator_cost];
    const to_fakes = players.includes("G") ? D.backward(a.subarray(0, m).map((one) => slope(one) / m)) : null;
    if (players.includes("D")) {
      D.backward(a.map((one, i) => (i < m ? expit(one) : -expit(-one)) / (2 * m)), gradients.D);
      D.descend(gradients.D, this.lr_D, this.momentum);
    }
    if (!to_fakes) return;
    G.backward(to_fakes, gradients.G);
    G.descend(gradients.G, this.lr_G, this.momentum);
  }

  /** The players of the next move of the iteration under way, "D", "G" or "DG", and the kind of its draws. */
  get coming() {
    const [left, joint] = [this.k - this.turn, this.update === "simultaneous"];
    if (left > (joint ? 1 : 0)) return ["D", left - 1];
    return joint ? [left === 1 ? "DG" : "G", 0] : ["G", -1];
  }

  substep() {
    const [players, kind] = this.coming;
    this.play(players, this.draw(kind));
    this.turn = players === "D" ? this.turn + 1 : 0;
    if (!this.turn) this.step++;
  }

  /** One iteration, or the rest of the one under way. */
  iterate() {
    const before = this.step;
    while (this.step === before) this.substep();
  }

  get numbers() {
    return [this.G, this.D].flatMap(({ theta, velocity }) => [theta, velocity]);
  }

  /** All that the future of the game depends on, for `load`. */
  saved() {
    const numbers = this.numbers.map((one) => one.slice());
    return { numbers, places: this.places(), plain: pick(this, ["p_data", "step", "turn", ...SETTINGS]) };
  }

  load({ numbers, places, plain }) {
    this.numbers.forEach((one, i) => one.set(numbers[i]));
    this.back(places);
    return Object.assign(this, plain);
  }

  /** Another game that stands where `saved` says, to look at. */
  at(saved) {
    return new Game(this.recipe, this.p_data, this).load(saved);
  }

  logit(x) {
    return this.D.forward(floats(x));
  }

  /** -d cost of G / dx at samples x. */
  push(x) {
    const slope = SLOPES[this.generator_cost];
    return this.D.backward(this.logit(x).map(slope)).map((d) => -d);
  }

  /** The density of G(z): exact for rectifiers, whose zeros are G's breakpoints. Null where there is none. */
  p_g() {
    const [{ theta, layers }, reach] = [this.G, REACH[this.p_z]];
    if (!allFinite(theta)) return null;
    const steps = this.exact ? PIECES[this.p_z] : SMOOTH_PIECES;
    const zeros = range(this.exact ? layers[0].units : 0, (u) => -theta[layers[0].b + u] / theta[u]);
    const inside = zeros.filter((z) => abs(z) < reach);
    const z = ascending([...range(steps + 1, (i) => reach * ((2 * i) / steps - 1)), ...inside]);
    const x = this.G.forward(floats(z));
    return allFinite(x) ? new Pushforward(z, x, this.p_z, !this.exact) : null;
  }

  /** V, C and JSD by quadrature, nats. */
  measure(p_g = this.p_g()) {
    const { x, P, Q } = shares(this.p_data, p_g, this.recipe.nodes[this.exact ? 6 : 2]);
    const C = bestV(P, Q);
    return { V: -minusV(P, Q, this.logit(x)), C, JSD: (C - MINUS_LOG_4) / 2 };
  }
}

/** D on its way to its optimum for the G there is, by L-BFGS, as `toys.BestD`: V less `decay` times |theta|^2. */
export class BestD {
  constructor(game, p_g, decay) {
    Object.assign(this, shares(game.p_data, p_g, game.recipe.nodes[6]), { game, decay });
    this.C = bestV(this.P, this.Q);
    this.tried = 0;
    this.done = false;
    this.pairs = [];
    [this.f, this.g] = this.at(game.D.theta);
  }

  /** What is to be made small at theta, C - V and the decay; and its gradient. */
  at(theta) {
    const { game: { D }, P, Q, decay } = this;
    D.theta.set(theta);
    this.tried++;
    const a = D.forward(this.x);
    const gradient = floats(theta.length);
    D.backward(a.map((one, i) => Q[i] * expit(one) - P[i] * expit(-one)), gradient);
    return [this.C + minusV(P, Q, a) + decay * dot(theta, theta), gradient.map((g, i) => g + 2 * decay * theta[i])];
  }

  /** Some 20 evaluations more. D's velocity becomes 0: where it stands has nothing to do with how it moved. */
  advance() {
    const [{ D }, before, until] = [this.game, this.f, this.tried + 20];
    while (this.tried < until && this.once());
    D.velocity.fill(0);
    this.done = this.f < 1e-4 || !(before - this.f > 0.002 * max(this.f, 0)) || this.tried >= 1_500;
  }

  /** One step along the direction of L-BFGS, as long as Wolfe's conditions ask; whether there was one. */
  once() {
    const { pairs, f, g } = this;
    const theta = this.game.D.theta.slice();
    const d = g.map((one) => -one);
    const back = [...pairs].reverse().map(([s, y, rho]) => {
      const share = rho * dot(s, d);
      add(d, y, -share);
      return share;
    });
    const [s, y] = pairs.at(-1) ?? [];
    const scale = s ? dot(s, y) / dot(y, y) : min(1, 1 / sum(g.map(abs)));
    d.forEach((one, i) => (d[i] = one * scale));
    pairs.forEach(([s, y, rho], i) => add(d, s, back[pairs.length - 1 - i] - rho * dot(y, d)));
    const slope = dot(g, d);
    let [step, low, high] = [1, 0, Infinity];
    for (let tries = 0; slope < 0 && tries < 25; tries++) {
      const there = theta.map((one, i) => one + step * d[i]);
      const [f_there, g_there] = this.at(there);
      if (!(f_there <= f + 1e-4 * step * slope)) high = step;
      else if (dot(g_there, d) < 0.9 * slope) low = step;
      else {
        const [moved, turned] = [d.map((one) => step * one), g_there.map((one, i) => one - g[i])];
        const along = dot(moved, turned);
        if (along > 1e-10) this.pairs = [...pairs, [moved, turned, 1 / along]].slice(-20);
        [this.f, this.g] = [f_there, g_there];
        return true;
      }
      step = high < Infinity ? (low + high) / 2 : 2 * low;
    }
    this.game.D.theta.set(theta);
    return false;
  }
}

function dot(a, b) {
  return sum(a.map((one, i) => one * b[i]));
}

function add(a, b, times) {
  b.forEach((one, i) => (a[i] += times * one));
}
