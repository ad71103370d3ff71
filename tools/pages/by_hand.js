// Be the generator, without a kernel: what be_generator.py is with one. p_data comes as numbers at equal steps; p_g is a
// mixture of equal Gaussians, and V, C and the divergence are sums over the steps, in nats.

const SURE = 700; // a logit of D at the most
const [LONGEST, LOWEST, NEAR_ONE, HIGH] = [1.2, -8, 0.5, 1.05]; // as in be_generator.py
const minus = (words) => words.replace("-", "−");

/** log p_g(x) of pieces of equal mass at places `at`, of one width. */
function logMixture({ at, width }, x) {
  const powers = at.map((centre) => -0.5 * ((x - centre) / width) ** 2);
  const most = Math.max(...powers);
  const all = sum(powers.map((power) => Math.exp(power - most))) / at.length;
  return most + Math.log(all) - Math.log(width * Math.sqrt(2 * Math.PI));
}

class ByHand extends RecordedModel {
  constructor(about) {
    super(about);
    this.controls = Object.fromEntries(this.first.controls.map((one) => [one.key, one]));
    this.keys = Object.keys(this.values).filter((key) => key !== "width");
    this.x = this.p.map((_, i) => this.low + i * this.step);
    this.begin = this.values;
    this.press("reset");
  }

  get p_g() {
    return { at: this.keys.map((key) => this.values[key]), width: this.values.width };
  }

  /** p_data between two steps. */
  data(x) {
    const along = (x - this.low) / this.step;
    const i = Math.max(0, Math.min(this.p.length - 2, Math.floor(along)));
    return this.p[i] + (along - i) * (this.p[i + 1] - this.p[i]);
  }

  /** D's logit at x: at its optimum for p_g, or for that at which it was held. */
  logit(x, p = this.data(x), of = this.held ?? this.p_g) {
    return Math.max(-SURE, Math.min(SURE, Math.log(p) - logMixture(of, x)));
  }

  set(values) {
    Object.assign(this.values, values);
    this.leap = null;
    this.chosen = this.keys.find((key) => key in values) ?? this.chosen;
    this.measure();
    this.nearer();
  }

  press(button) {
    const follows = !this.held;
    if (button === "reset") {
      this.values = { ...this.begin };
      Object.assign(this, { held: null, leap: null, chosen: this.keys[0], events: [], curve: [] });
      this.measure();
      this.closest = this.JSD;
    } else if (button === "hold" && follows) {
      Object.assign(this, { held: this.p_g, before: this.V, leap: null });
      this.events.push([this.curve.length, "D held"]);
    } else if (button === "follow" && !follows) {
      const was = this.V;
      this.held = null;
      this.events.push([this.curve.length, "D follows"]);
      this.measure();
      this.leap = [this.before, was, this.V];
      this.nearer();
    } else if (button === "best") {
      const { at, width } = follows ? this.best : { at: this.keys.map(() => this.top), width: this.controls.width.places[0] };
      this.keys.forEach((key, i) => (this.values[key] = at[i]));
      this.values.width = width;
      this.measure();
    } else if (button.startsWith("pick_")) this.chosen = button.replace("pick", "x");
  }

  nearer() {
    if (!this.held) this.closest = Math.min(this.closest, this.JSD);
  }

  /** V, C, the divergence, and G's own part of V; a row of the chart. */
  measure() {
    const { x, p, p_g, step } = this;
    const q = x.map((at) => Math.exp(logMixture(p_g, at)));
    const D = x.map((at, i) => this.logit(at, p[i]));
    const best = this.held ? x.map((at, i) => this.logit(at, p[i], p_g)) : D;
    const fakes = (a) => step * sum(q.map((one, i) => -one * softplus(a[i])));
    const value = (a) => step * sum(p.map((one, i) => (one ? -one * softplus(-a[i]) : 0))) + fakes(a);
    this.cost = fakes(D);
    this.V = value(D);
    this.C = value(best);
    this.JSD = (this.C + Math.log(4)) / 2;
    this.top = this.controls[this.keys[0]].places.reduce((a, b) => (this.logit(b) > this.logit(a) ? b : a));
    this.curve.push(this.V);
    const { width } = p_g;
    const pull = D.map((a) => step * softplus(a));
    const density = (t) => Math.exp(-0.5 * t * t) / (width * Math.sqrt(2 * Math.PI));
    const push = (at) => sum(x.map((one, i) => density((one - at) / width) * (one - at) * pull[i])) / width ** 2;
    this.push = p_g.at.map(push);
  }

  said() {
    if (this.held) {
      const { at } = this.p_g;
      const together = Math.max(...at) - Math.min(...at) < NEAR_ONE;
      if (this.cost < this.least + NEAR_ONE && together) return this.sentences.one_place;
      return this.sentences.held;
    }
    if (!this.leap) return this.sentences.follows;
    return this.leap.reduce((words, one) => words.replace("{}", minus(one.toFixed(2))), this.sentences.leap);
  }

  /** The lowest cost against this D. */
  get least() {
    return -softplus(this.logit(this.top));
  }

  changed(message) {
    const { held, keys, p_g, push, values } = this;
    const picture = structuredClone(message.picture);
    const [game, chart] = picture.panels;
    const buffers = [...message.buffers];
    const put = (numbers, shape) => {
      buffers.push(new DataView(Float32Array.from(numbers).buffer));
      return { at: buffers.length - 1, shape, type: "float32" };
    };
    const wide = Array.from({ length: 401 }, (_, i) => -5 + i / 40);
    const q = wide.map((x) => Math.exp(logMixture(p_g, x)));
    const D = wide.map((x) => 1 / (1 + Math.exp(-this.logit(x))));
    Object.assign(game.lines[1], { y: put(q, [401]) });
    Object.assign(game.lines[2], { y: put(D, [401]), name: held ? "D, held" : "D*, follows" });
    const lanes = game.marks.map(({ y }) => y);
    const marks = game.marks.map((one, i) => ({ ...one, x: p_g.at[i] }));
    const isChosen = (mark) => mark.moves[0] === this.chosen;
    game.marks = [...marks.filter(isChosen), ...marks.filter((one) => !isChosen(one))];
    const peak = q.indexOf(Math.max(...q));
    const above = { x: wide[peak], y: HIGH, name: `p_g to ${q[peak].toFixed(1)}`, moves: [null, null], up: true };
    if (q[peak] > HIGH) game.marks.push({ ...marks[0], ...above });
    const to = p_g.at.map((x, i) => x + Math.max(-LONGEST, Math.min(LONGEST, push[i])));
    const pairs = (xs) => put(xs.flatMap((x, i) => [x, lanes[i]]), [xs.length, 2]);
    Object.assign(game.arrows[0], { start: pairs(p_g.at), end: pairs(to) });
    const { curve } = this;
    const y = roundRange(Math.max(Math.min(-1.5, ...curve), LOWEST), 0);
    const x = [0, Math.max(20, curve.length)];
    Object.assign(chart, { x, y, x_ticks: ticks(x, 4), y_ticks: ticks(y, 4) });
    const shape = [curve.length];
    Object.assign(chart.lines[0], { x: put(curve.map((_, i) => i), shape), y: put(curve, shape) });
    const happened = this.events.slice(-6).map(([x, name]) => ({ ...chart.levels[0], y: null, x, name }));
    chart.levels = [chart.levels[0], ...happened];
    picture.words = this.said();
    const told = held
      ? [[this.V, "V, nats"], [this.cost, "your cost"], [this.least, "the least there is"]]
      : [[this.C, "V = C(G), nats"], [this.JSD, "JSD"], [this.closest, "your closest"]];
    if (!held) told.push([Math.min(this.best.JSD, this.closest), "the closest known"]);
    picture.readouts = told.map(([value, what]) => [minus(value.toFixed(3)), what]);
    const shown = [...keys, "width"].map((key) => {
      const place = nearest(this.controls[key].places, values[key]);
      return [key, [values[key], place, minus(values[key].toFixed(2))]];
    });
    const pressed = [this.chosen.replace("x", "pick")];
    const off = [held ? "hold" : "follow"];
    return { ...message, picture, buffers, off, pressed, values: Object.fromEntries(shown) };
  }
}

KINDS.hand = ByHand;
