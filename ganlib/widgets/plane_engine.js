// A game in the plane without a kernel, in a Web Worker: what plane.py is with one. It takes the commands of view.js and
// posts frames. What is said and chosen comes from Python with the message "begin" (plane_page.py).

import { Curves, Live, arrows, clock, level, line, packed, said, serve } from "./live.js";
import { fixed, max, range, softplus, sqrt, sum, ticks, whole } from "./plain.js";
import { Game, MINUS_LOG_4, SALT, Stream, expit, floats } from "./toy_game.js";

const [SHOWN, PULLED, MEASURED, EVERY, FALL] = [400, 80, 1000, 25, 0.2]; // as in plane.py
const LONGEST = 0.6; // of the arrows
const LIVING = ["start", "pause", "step", "stop"];

/** Equal Gaussians in the plane, around centres [x, y]. */
export class Modes {
  constructor(centres, std) {
    Object.assign(this, { centres, std });
  }

  sample(rng) {
    const [x, y] = this.centres[Math.floor(rng.uniform() * this.centres.length)];
    return [x + this.std * rng.normal(), y + this.std * rng.normal()];
  }

  /** Modes with a sample within 3 std, and the share of samples that are; x holds the samples, x and y of each. */
  covered(x) {
    const hit = new Set();
    let good = 0;
    for (let i = 0; i < x.length; i += 2) {
      const away = this.centres.map((one) => Math.hypot(x[i] - one[0], x[i + 1] - one[1]));
      const least = Math.min(...away);
      if (!(least <= 3 * this.std)) continue;
      good++;
      hit.add(away.indexOf(least));
    }
    return [hit.size, (2 * good) / x.length];
  }
}

/** The game of toy_game.js, with G from z of some numbers to x of two. */
export class PlaneGame extends Game {
  draw(kind) {
    const [for_x, for_z] = [2 * kind, 2 * kind + 1].map((key) => {
      return (this.streams[key] ??= new Stream([this.seed, this.seed / 2 ** 32, key + 4, SALT]));
    });
    return { x: this.data(kind < 0 ? 0 : this.batch, for_x), z: this.noise(this.batch, for_z) };
  }

  data(n, rng) {
    return floats(range(n, () => this.p_data.sample(rng)).flat());
  }

  noise(n, rng) {
    const one = this.p_z === "normal" ? () => rng.normal() : () => sqrt(3) * (2 * rng.uniform() - 1);
    return floats(range(n * this.recipe.G[0].inputs, one));
  }

  /** What is measured on as many data as z: V in nats, the mean D on both, modes that are reached, good samples. */
  seen(data, z) {
    const x = this.G.forward(z);
    const [a_data, a_x] = [data, x].map((at) => this.logit(at));
    const mean = (numbers) => sum(numbers) / numbers.length;
    const V = -mean(a_data.map((a) => softplus(-a))) - mean(a_x.map(softplus));
    const [reached, good] = this.p_data.covered(x);
    return { data, x, V, D_data: mean(a_data.map(expit)), D_x: mean(a_x.map(expit)), reached, good };
  }
}

class Plane extends Live {
  busy = 30; // a frame takes longer than a picture of the screen anyway
  wait = 120;

  constructor(given) {
    super(given);
    this.anew();
  }

  get moves() {
    return this.game.step;
  }

  anew() {
    Object.assign(this, { state: "idle", error: "", message: "", events: [], curves: new Curves(), ranges: {} });
    this.game = new PlaneGame(this.recipe, this.modes(), { ...this.recipe, ...this.values });
    this.handOver();
    this.measure(true);
  }

  /** Give the game what is set; the rates as they are by now. */
  handOver() {
    const { game, values: { fall, k, lr_D, lr_G, momentum, generator_cost } } = this;
    const left = fall > 0 && fall <= game.step ? FALL : 1;
    Object.assign(game, { k, momentum, generator_cost, lr_D: left * lr_D, lr_G: left * lr_G });
  }

  /** What the data are drawn from; the ring, as long as a person has put no points of their own. */
  modes() {
    const { p_data, points } = this.values;
    const own = p_data === "points" && points.length ? points : this.data[p_data];
    return new Modes(own ?? this.data.ring, this.std);
  }

  // -- commands -------------------------------------------------------------------------------------------------------

  do({ type, id, values = {}, button }) {
    this.applied = id ?? this.applied;
    try {
      this.message = this.error;
      if (type === "set") this.set(values);
      else this["on_" + button](values);
    } catch (error) {
      this.fail(error);
    }
  }

  changed(values) {
    const chosen = values.points?.length && !("p_data" in values) ? { ...values, p_data: "points" } : values;
    for (const [name, value] of Object.entries(chosen)) {
      if (!["points", "fall"].includes(name)) this.note(name, value);
    }
    Object.assign(this.values, chosen);
    this.handOver();
    if ("p_data" in chosen || "points" in chosen) this.game.p_data = this.modes();
    this.stale = true;
  }

  on_start() {
    this.usable();
    this.state = "running";
  }

  on_pause() {
    if (this.running) this.state = "paused";
  }

  on_stop() {
    if (this.running || this.state === "paused") this.state = "stopped";
  }

  on_step() {
    this.byHand(() => this.once());
  }

  on_step_D() {
    this.byHand(() => this.game.play("D", this.game.draw(0)));
  }

  on_step_G() {
    this.byHand(() => this.game.play("G", this.game.draw(-1)));
  }

  byHand(move) {
    this.usable();
    this.state = "paused";
    move();
    this.stale = true;
  }

  on_reset({ seed = this.values.seed }) {
    if (!Number.isSafeInteger(seed) || seed < 0) this.refuse("seed", { seed: JSON.stringify(seed) });
    this.values.seed = seed;
    this.anew();
  }

  on_restore() {
    this.set(this.defaults);
  }

  /** The ring from the start of the seed, under settings that learn it. */
  on_learn() {
    this.set(this.learns);
    this.anew();
  }

  // -- work -----------------------------------------------------------------------------------------------------------

  advance(ms) {
    for (const end = clock() + ms; this.running && clock() < end; ) this.once();
  }

  once() {
    this.game.iterate();
    this.stale = true;
    if (this.game.step === this.values.fall) this.handOver();
    if (this.game.step % EVERY === 0) this.measure(true);
  }

  /** Measure, on the same z each time; where V is no finite number the game ends, and what was measured last stays. */
  measure(keep = false) {
    const { game } = this;
    const [for_x, for_z] = [0, 1].map((key) => new Stream([1, 0, key, SALT]));
    const found = game.seen(game.data(MEASURED, for_x), (this.z ??= game.noise(MEASURED, for_z)));
    if (!Number.isFinite(found.V)) throw Error(this.say("diverged", game));
    this.measured = found;
    this.stale = false;
    const { V, reached, good } = found;
    if (keep) this.curves.add([game.step, V, reached / game.p_data.centres.length, good]);
  }

  // -- what there is to see -------------------------------------------------------------------------------------------

  map(around) {
    const { game, measured: { data, x, D_data, D_x }, reach, side } = this;
    const corners = range(side, (row) => range(side, (column) => [column, row])).flat(2);
    const D = game.logit(corners.map((i) => reach * ((2 * i) / (side - 1) - 1)));
    const pairs = (of, n) => range(n, (i) => [of[2 * i], of[2 * i + 1]]);
    const start = pairs(x, PULLED);
    const pull = pairs(game.push(x.slice(0, 2 * PULLED)).map((one) => (Number.isFinite(one) ? one : 0)), PULLED);
    const scale = LONGEST / max(...pull.map((one) => Math.hypot(...one)), 0.05);
    const end = start.map((one, i) => one.map((at, j) => at + scale * pull[i][j]));
    const dots = (of, name, style) => {
      const some = pairs(of, SHOWN);
      return line(some.map(([at]) => at), some.map(([, at]) => at), name, style, { dots: true });
    };
    around.D = D.map((a) => (Number.isFinite(a) ? expit(a) : 0.5));
    const words = this.say("map", { n: SHOWN, D_data, D_x });
    const { half, own, until } = this.words;
    const put = this.values.p_data === "points" ? own + (this.values.points.length ? "" : until) : "";
    const lines = [dots(data, "data", "data"), dots(x, "G(z)", "G")];
    return { lines, arrows: [arrows(start, end, "other")], caption: half + put, words };
  }

  charts(reached) {
    const { measured: { V, good }, values: { fall } } = this;
    const [step, Vs, modes, goods] = range(4, (j) => this.curves.rows.map((row) => row[j]));
    const x = [0, max(this.moves, 500)];
    const fell = fall > 0 && fall <= x[1] ? [level(null, "rates fall", { x: fall })] : [];
    const found = line(step, modes, "modes reached", "D", { value: reached.replace(" modes", "") });
    const near = line(step, goods, "good samples", "G", { value: `${fixed(100 * good, 0)}%` });
    const y = [this.around("V", [Vs], [-1.5, 0])[0], 0];
    const lower = { lines: [line(step, Vs, "V(D, G)", "V", { value: V })], x, y, x_ticks: ticks(x, 6), y_ticks: ticks(y, 4) };
    const levels = [level(MINUS_LOG_4, "-log 4"), ...this.levels(false)];
    return [{ lines: [found, near], x, levels: [...this.levels(true), ...fell] }, { ...lower, levels }];
  }

  frame() {
    if (this.stale && this.state !== "error") {
      try {
        this.measure();
      } catch (error) {
        this.fail(error); // then what was measured last is shown
      }
    }
    const { game, measured, message, applied, state, running } = this;
    const reached = `${measured.reached} of ${game.p_data.centres.length} modes`;
    const words = this.say("picture", { step: game.step, reached, good: measured.good, V: measured.V });
    const around = {};
    const own = [this.map(around), ...this.charts(reached)];
    const panels = own.map((one, i) => {
      const told = one.lines.map(({ name, value }) => `${name} ${said(value)}`);
      return { ...this.panels[i], words: `${this.panels[i].title}. ${told.join(", ")}`, ...one };
    });
    const [picture, buffers] = packed({ panels, words, readouts: [[whole(game.step), "iterations"]], notes: [] });
    const [map] = picture.panels;
    const z = { at: buffers.push(Float32Array.from(around.D).buffer) - 1, shape: [this.side, this.side], type: "float32" };
    map.heat = { ...map.heat, z };
    const off = { running: ["start"], paused: ["pause"], error: LIVING }[state] ?? ["pause", "stop"];
    const header = { running, message, state, applied, named: this.states[state], off, pressed: [] };
    return [{ ...header, values: this.valued(), picture }, buffers];
  }
}

serve((given) => new Plane(given));
