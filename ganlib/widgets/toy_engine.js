// The live Figure 1 without a kernel, in a Web Worker: what toy.py is with one. It takes the commands of view.js and
// posts frames. What is said, chosen and pressed comes from Python with the message "begin" (toy_page.py).

import { abs, fixed, floor, max, min, range, roundRange, sqrt, sum, ticks, whole } from "./plain.js";
import { Curves, Live, arrows, clock, level, line, mark, minus, packed, said, serve, short } from "./live.js";
import { BestD, Game, MINUS_LOG_4, SETTINGS, density, expit, floats, pick } from "./toy_game.js";

const [MEASURE_EVERY, SLOW, FAR, SINCE, STEEP] = [10, 30, 1e4, 100, 60]; // as in toy.py and diagnosis.py
const [EDGE, BINS] = [5, 240]; // the window, and its bins
const WIDTH = (2 * EDGE) / BINS;
const CENTRES = range(BINS, (i) => -EDGE + (i + 0.5) * WIDTH);
const [PUSH, MOST_PUSH, PULL, STAGES, ENOUGH] = [0.6, 3, 0.3, 5, 20];
const LIT = { D: "D", G: "p_g" }; // the curve of the player that has moved
const [KEPT, UNDONE] = [60, 50];
const SEEN = ["moment", "push", "speed"];
const MOVES = { step: "iterate", step_D: "D", step_G: "G", best_D: "best_D" }; // by their buttons
const ABOUT = ["moves", "game", "events", "moved", "recent", "alone", "stride"]; // of a moment of the game
const AFRESH = { error: "", message: "", due: 0, ends: [] };
const LIVING = ["start", "pause", "stop", ...Object.keys(MOVES)];

const std = (x, w = x.map(() => 1)) => {
  const [all, mean] = [sum(w), sum(x.map((v, i) => v * w[i])) / sum(w)];
  return sqrt(sum(x.map((v, i) => w[i] * (v - mean) ** 2)) / all);
};

// -- pictures ---------------------------------------------------------------------------------------------------------

/** The push on samples at x, where D says D: their points on D's curve, and the arrows, the largest cut. */
function pushes(x, D, push, top) {
  const start = x.map((at, i) => [at, top * D[i]]);
  const end = start.map(([at, y], i) => [at + PUSH * max(-MOST_PUSH, min(MOST_PUSH, push[i])), y]);
  const most = max(0, ...push.map(abs));
  const words = most <= MOST_PUSH ? fixed(most, most < 0.1 ? 3 : 2) : `${short(most)}, cut at ${MOST_PUSH}`;
  const dots = line(x, D, "", "other", { dots: true, right: true });
  return [dots, arrows(start, end, "other", "push on G(z)", `up to ${words}`)];
}

/** What is drawn of a game at one moment. */
class Scene {
  constructor(game, p_data, p_g, [z, reach, z_ticks], push) {
    Object.assign(this, { p_data, z, reach, z_ticks, top: roundRange(0, 1.7 * max(...p_data))[1] });
    this.p_g = Array.from(p_g.inBins(-EDGE, WIDTH, BINS), (m) => (m > 1e-12 ? m : 0)); // below it is rounding
    this.x = Array.from(game.G.forward(floats(z)));
    this.D = Array.from(game.logit(CENTRES), expit);
    this.D_x = Array.from(game.logit(this.x), expit);
    this.D_star = p_data.map((p, i) => p / (p + this.p_g[i])); // no number where both are 0
    const mean = (p) => sum(p.map((m, i) => m * this.D[i])) / max(sum(p), 1e-9);
    this.says = [mean(p_data), mean(this.p_g)];
    this.outside = max(0, 1 - sum(this.p_g) * WIDTH);
    this.push = push ? Array.from(game.push(this.x), (one) => (Number.isFinite(one) ? one : 0)) : null;
    this.finite = this.D.every(Number.isFinite);
  }

  /** The curves, and the arrows below them. */
  figure_1(title = "", ghosts = [], lit = "") {
    const { p_data, p_g, D, D_star, top, z, x, reach } = this;
    const ends = [CENTRES[0], CENTRES[BINS - 1]];
    const peaks = [];
    p_g.forEach((p, i) => {
      if (p <= top) return;
      if (!(p_g[i - 1] > top)) peaks.push(i);
      else if (p > p_g[peaks.at(-1)]) peaks[peaks.length - 1] = i;
    });
    const named = [];
    const marks = peaks.sort((i, j) => p_g[j] - p_g[i]).map((i) => {
      const far = named.length < 3 && named.every((j) => abs(CENTRES[i] - CENTRES[j]) > 1);
      if (far) named.push(i);
      const name = far ? `p_g to ${fixed(p_g[i], p_g[i] < 10 ? 1 : 0)}` : "";
      return mark(CENTRES[i], top, name, { style: "G", up: true });
    });
    const curve = (y, name, style, more) => line(CENTRES, y, name, style, { lit: name === lit, ...more });
    const right = { right: true };
    const lines = [...ghosts, curve(p_g, "p_g", "G", { fill: true }), curve(p_data, "p_data", "data")];
    lines.push(curve(D_star, "D*", "D*", right), curve(D, "D", "D", right));
    const upper = { title, lines, marks, y: [0, top], levels: [level(0.5, "", right)] };
    const isIn = (at) => abs(at) <= ends[1];
    if (this.push) {
      const shown = (of) => of.filter((_, i) => isIn(x[i]));
      const [dots, pushed] = pushes(shown(x), shown(this.D_x), shown(this.push), top);
      lines.push(dots);
      upper.arrows = [pushed];
    }
    const unit = (0.92 * ends[1]) / reach;
    const ways = [true, false].map((which) => {
      const some = (of) => of.filter((_, i) => isIn(x[i]) === which);
      const end = some(x).map((one) => [max(ends[0], min(ends[1], one)), 1]);
      return arrows(some(z).map((one) => [unit * one, 0]), end, which ? "G" : "other");
    });
    const x_ticks = this.z_ticks.map(([at, words]) => [unit * at, words]);
    return [upper, { lines: [line(ends, [1, 1], "", "reference")], arrows: ways, x_ticks }];
  }

  /** The curve of a player in grey, to stand behind a later one. */
  ghost(player, name = "", dash = null) {
    if (player === "D") return line(CENTRES, this.D, name, "reference", { right: true, dash: dash ?? 1 });
    return line(CENTRES, this.p_g, name, "reference", { dash });
  }
}

// -- the engine -------------------------------------------------------------------------------------------------------

class Toy extends Live {
  undone = [];
  pinned = null;

  constructor(given) {
    super(given);
    this.anew();
    if (this.opening) {
      this.preset(this.opening);
      this.finish();
      this.undone = [];
    }
  }

  // -- the start of a seed, and other moments -------------------------------------------------------------------------

  anew() {
    const about = { moves: 0, events: [], moved: "", recent: [], alone: [-SINCE, 0], stride: 1 };
    Object.assign(this, AFRESH, about, { state: "idle", kept: [], curves: new Curves() });
    this.values.moment = null;
    const G = this.values.units === "relu" ? this.recipe.G : this.recipe.smooth;
    this.game = new Game({ ...this.recipe, G }, this.density(), this.values);
    this.endActs();
    this.newData();
    this.draw();
    this.keep();
  }

  density() {
    const { p_data, heights } = this.values;
    return density(this.data[p_data] ?? { drawn: heights, window: [-EDGE, EDGE] });
  }

  bins(p_data) {
    return CENTRES.map((x) => sum(range(16, (i) => p_data.pdf(x + WIDTH * ((i + 0.5) / 16 - 0.5)))) / 16);
  }

  newData() {
    this.p_data = this.bins(this.game.p_data);
    Object.assign(this, { ranges: {}, stale: true, pushed: null, takenAt: -1, before: null });
    this.measure();
  }

  endActs() {
    Object.assign(this, { chosen: "", act: null, work: null });
  }

  /** The controls that make the game what it is. */
  own() {
    const { moment, push, speed, ...own } = this.values;
    return own;
  }

  moment(full) {
    const found = { values: this.own(), saved: this.game.saved(), preset: this.act ? "" : this.chosen };
    const more = full ? { curves: this.curves.copy(), kept: [...this.kept] } : {};
    return { ...pick(this, ABOUT), ...found, ...more };
  }

  keep() {
    if (this.moves < this.kept.at(-1)?.moves + this.stride) return;
    this.kept.push(this.moment());
    if (this.kept.length <= KEPT) return;
    this.kept = this.kept.filter((_, i) => i % 2 === 0);
    this.stride *= 2;
  }

  store() {
    if (this.state === "error") return;
    const [last, now] = [this.undone.at(-1), this.moment(true)];
    const same = (one) => JSON.stringify([one.moves, one.values]);
    if (last?.game === now.game && same(last) === same(now)) this.undone.pop();
    this.undone = [...this.undone, now].slice(-UNDONE);
  }

  backTo(moment) {
    const { moves, curves, kept = this.kept.filter((one) => one.moves <= moves) } = moment;
    Object.assign(this.values, moment.values, { moment: null });
    Object.assign(this, pick(moment, ABOUT), AFRESH, { kept, state: moves ? "paused" : "idle" });
    if (curves) this.curves = curves.copy();
    this.curves.cut(moves);
    this.endActs();
    this.game.load(moment.saved);
    this.chosen = moment.preset;
    this.recent = this.recent.filter(([at]) => at < moves);
    this.newData();
  }

  get past() {
    const at = this.values.moment;
    if (at === null || at >= this.moves) return null;
    return this.kept.reduce((a, b) => (abs(b.moves - at) < abs(a.moves - at) ? b : a));
  }

  /** An earlier moment: its scene, what is measured of it, its iterations. Null where the game had diverged. */
  look({ game, saved }) {
    const then = game.at(saved);
    const p_g = then.p_g();
    const scene = p_g && this.sceneOf(then, this.bins(then.p_data), p_g);
    return scene?.finite ? { scene, now: then.measure(p_g), step: then.step } : null;
  }

  sceneOf(game, p_data, p_g) {
    return new Scene(game, p_data, p_g, this.arrows[game.p_z], this.values.push);
  }

  // -- commands -------------------------------------------------------------------------------------------------------

  do({ type, id, values = {}, button }) {
    this.applied = id ?? this.applied;
    try {
      if (type === "set") this.set(values);
      else if (MOVES[button]) this.byHand(MOVES[button]);
      else this["on_" + button] ? this["on_" + button](values) : this.preset(button);
      this.message = this.error;
    } catch (error) {
      this.fail(error);
    }
  }

  changed(values, own = false) {
    const names = Object.keys(values);
    if (this.chosen && !own && names.some((name) => !SEEN.includes(name))) this.endActs();
    const anew = "units" in values;
    if (anew) this.store();
    const held = this.values.lr_G === 0;
    Object.assign(this.values, values);
    if (anew) return this.anew();
    Object.assign(this.game, pick(values, names.filter((name) => SETTINGS.includes(name))));
    if (held && values.lr_G) this.leftAlone();
    for (const name of names.filter((one) => ![...SEEN, "heights"].includes(one))) {
      this.note(name, values[name]);
      this.recent = [];
    }
    if ("speed" in values) this.due = 0;
    this.stale ||= "push" in values;
    if (names.some((name) => ["p_data", "heights", "p_z"].includes(name))) {
      this.game.p_data = this.density();
      this.newData();
    }
  }

  on_start() {
    this.usable();
    if (!this.running) this.store();
    this.values.moment = null;
    this.state = "running";
    if (!this.act) this.endActs();
  }

  on_pause() {
    if (this.running) this.state = "paused";
  }

  on_stop() {
    if (this.running || this.state === "paused") this.state = "stopped";
    if (this.act) this.endActs();
  }

  byHand(move) {
    this.usable();
    this.store();
    this.carry([{ move, n: 1 }]);
    if (move !== "best_D") this.finish();
  }

  on_reset({ seed = this.values.seed }) {
    if (!Number.isSafeInteger(seed) || seed < 0) {
      this.refuse("seed", { seed: JSON.stringify(seed) });
    }
    this.store();
    this.values.seed = seed;
    this.anew();
  }

  on_restore() {
    this.set(this.defaults);
  }

  on_undo() {
    if (this.undone.length) this.backTo(this.undone.pop());
  }

  on_resume() {
    const moment = this.past;
    if (!moment) return;
    this.store();
    this.backTo(moment);
  }

  on_present() {
    this.values.moment = null;
  }

  on_pin() {
    const { curves, game } = this;
    const values = this.own();
    this.pinned = this.pinned ? null : { rows: [...curves.rows], scene: this.now(), values, step: game.step };
  }

  preset(name) {
    const chain = [this.presets[name]];
    while (chain[0].after && chain[0].after !== this.chosen) chain.unshift(this.presets[chain[0].after]);
    this.store();
    if (!chain[0].after) {
      Object.assign(this.values, this.defaults, this.plain, chain[0].settings);
      this.anew();
    }
    this.carry(chain.flatMap(({ acts }) => acts), name);
  }

  carry(acts, name = "") {
    this.usable();
    this.values.moment = null;
    this.endActs();
    Object.assign(this, { state: "running", chosen: name, due: 0 });
    this.work = this.turns(acts);
    this.work.next();
  }

  finish() {
    while (this.running && this.act) this.once();
  }

  // -- work -----------------------------------------------------------------------------------------------------------

  get pace() {
    const { speed } = this.values;
    return min(speed === "full" ? Infinity : speed, this.act?.pace || Infinity);
  }

  /** Moves for so many ms, or as many as the pace lets. */
  advance(ms) {
    const end = clock() + ms;
    for (let now = end - ms; this.running && now < end && now >= this.due; now = clock()) {
      this.due = max(this.due, now - 100) + 1000 / this.pace;
      this.once();
    }
  }

  once() {
    if (!this.act) this.move("next");
    else if (this.work.next().done) {
      this.act = null;
      this.state = "paused";
    }
    this.keep();
    if (this.pace <= SLOW || !this.running || this.moves - this.takenAt >= MEASURE_EVERY) this.measure();
  }

  *turns(acts) {
    for (const act of acts) {
      this.act = act;
      this.changed(act.settings ?? {}, true);
      const begun = act.move !== "iterate" || act.n === 1 ? this.now() : null;
      let climb = null;
      for (let done = 0; done < act.n; ) {
        yield;
        if (act.move !== "best_D") {
          this.move(act.move, begun);
          done++;
          continue;
        }
        if (climb?.p_data !== this.game.p_data) {
          climb = new BestD(this.game, this.p_g(), this.decay[this.values.p_z]);
          climb.p_data = this.game.p_data;
        }
        const before = climb.tried;
        climb.advance();
        this.moves += climb.tried - before;
        this.after("D to its optimum", begun && ["D", begun]);
        done += climb.done;
      }
      if (act.move === "D" || act.move === "best_D") this.leftAlone();
    }
  }

  after(moved, before) {
    Object.assign(this, { moved, stale: true, pushed: null, before });
  }

  move(move, begun = null) {
    const { game } = this;
    const before = game.step;
    const shown = begun ?? (this.pace <= 1 ? this.now() : null);
    let moved;
    do {
      moved = this.next(move);
      if (move === "iterate" || move === "next") game.substep();
      else game.play(move, game.draw(move === "D" ? 0 : -1));
      this.moves++;
    } while (move === "iterate" && game.step === before);
    if (game.step !== before) this.ends = [...this.ends.slice(-49), clock()];
    const players = move === "iterate" || moved.includes("and") ? "DG" : moved[0];
    this.after(moved, shown && [players, shown]);
  }

  /** The move that comes next, in words. */
  next(move = this.act?.move) {
    const alone = { D: "D", G: "G", best_D: "D to its optimum" }[move];
    if (alone) return alone;
    const { k, turn, coming } = this.game;
    return { D: `D, ${turn + 1} of ${k}`, DG: "D and G together" }[coming[0]] ?? "G";
  }

  // -- measuring ------------------------------------------------------------------------------------------------------

  p_g() {
    if (!this.pushed) {
      const found = this.game.p_g();
      if (!found || found.knots.some((x) => abs(x) > FAR)) this.diverge("far");
      this.pushed = found;
    }
    return this.pushed;
  }

  /** End the game, and say how it went. */
  diverge(how, values) {
    const advice = this.say(this.steep > STEEP ? "steep" : "lower", this);
    const found = { how: this.say(how, values), step: this.game.step, advice };
    const error = Object.assign(Error(this.say("diverged", found)), { diverged: true });
    this.fail(error);
    throw error;
  }

  leftAlone() {
    const a = this.game.logit(CENTRES);
    this.alone = [this.game.step, max(...range(BINS - 1, (i) => abs(a[i + 1] - a[i]))) / WIDTH];
  }

  get steep() {
    return steepness(this.alone, this.game.step);
  }

  measure() {
    if (this.state === "error" || this.takenAt === this.moves) return;
    const found = this.game.measure(this.p_g());
    const row = [this.moves, found.V, found.C, found.JSD];
    if (!row.every(Number.isFinite) || found.V <= -FAR) this.diverge("V", found);
    Object.assign(this, { measured: found, takenAt: this.moves });
    this.curves.add(row);
    this.recent = [...this.recent.slice(-59), row];
  }

  draw() {
    const scene = this.sceneOf(this.game, this.p_data, this.p_g());
    if (!scene.finite) this.diverge("not finite");
    this.scene = scene;
    this.stale = false;
  }

  now() {
    if (this.stale && this.state !== "error") this.draw();
    return this.scene;
  }

  // -- what there is to see -------------------------------------------------------------------------------------------

  charts(now, at) {
    const [rows, before] = [this.curves.rows, this.pinned?.rows ?? []];
    const column = (from, j) => from.map((row) => row[j]);
    const [over, V, C, JSD] = range(4, (j) => column(rows, j));
    const x = [0, max(100, this.moves, ...column(before, 0))];
    const [low, high] = this.around("V", [V, C, column(before, 1)], [-1.45, -1.25]);
    const top = this.around("JSD", [JSD, column(before, 3)], [0, 0.1])[1];
    const ghost = (j, name, value) => line(column(before, 0), column(before, j), name, "reference", { dash: 2, value });
    const value = [line(over, V, "V(D, G)", "V", { value: now.V }), line(over, C, "C(G)", "C", { value: now.C })];
    const distance = [line(over, JSD, "JSD(p_data ‖ p_g)", "G", { value: now.JSD })];
    if (before.length) {
      value.unshift(ghost(1, "", null));
      distance.unshift(ghost(3, "pinned", before.at(-1)[3]));
    }
    const levels = this.levels(false);
    if (top > Math.LN2) levels.unshift(level(Math.LN2, "log 2"));
    const nats = [max(low, -6), high];
    const here = (y) => (at === null ? [] : [mark(at, max(y, nats[0]), "", { style: "other", stem: true })]);
    const floor = [level(MINUS_LOG_4, "-log 4"), ...this.levels(true)];
    const upper = { lines: value, x, y: nats, marks: here(now.V), levels: floor };
    return [upper, { lines: distance, x, y: [0, top], marks: here(now.JSD), levels, x_ticks: ticks(x, 6) }];
  }

  compared() {
    const { rows, values, step } = this.pinned;
    const [, V, C, JSD] = rows.at(-1);
    const differ = Object.keys(values).filter((key) => String(values[key]) !== String(this.values[key]));
    const told = differ.filter((key) => key !== "heights");
    const each = told.map((key) => {
      return `${this.about(key).name} ${this.told(key, values[key])} (now ${this.told(key, this.values[key])})`;
    });
    if (differ.includes("heights")) each.push(this.say("by hand"));
    const how = this.say(each.length ? "differs" : "same", { each: each.join("; ") });
    return [this.say("came", { step, JSD, V, C }), how];
  }

  picture() {
    try {
      if (!this.running) this.measure();
      this.now();
    } catch (error) {
      if (!error.diverged) throw error; // state and message say so; what was drawn last stays
    }
    const [at, stage] = [this.past, this.stage];
    const looked = at && this.look(at);
    this.staged = stage;
    if (stage) this.coming = new Coming(this.game, this.act?.move);
    const see = this.see(at, looked);
    const shown = looked ?? { scene: this.scene, now: this.measured, step: this.game.step };
    const { scene, now, step } = shown;
    const [players, before] = this.before ?? ["", null];
    const pinned = this.pinned ? [this.pinned.scene.ghost("G", "pinned p_g", 2)] : [];
    const ghosts = [...players].map((player) => before.ghost(player));
    const [upper, lower] = looked
      ? scene.figure_1(this.say("at move", at), pinned)
      : stage
        ? this.coming.panels(scene, stage)
        : scene.figure_1("", [...ghosts, ...pinned], LIT[players]);
    const [real, fake] = scene.says;
    const { moved, states } = this;
    const { outside } = scene;
    const values = { ...now, step, state: states[this.state], real, fake, outside, moved, next: this.next() };
    const paces = (this.pace <= SLOW || this.state === "paused") && !looked;
    values.turn = paces ? this.say(moved ? "last" : "next", values) : "";
    values.how = this.say(this.game.exact ? "exact" : "lines");
    values.beyond = outside > 0.005 ? this.say("beyond", values) : "";
    const words = (stage ? `${see} ` : "") + this.say("picture", values);
    upper.draws = this.values.p_data === "drawn" && !looked ? "heights" : null;
    upper.words = words;
    lower.caption = this.say("caption", values);
    const seconds = (this.ends.at(-1) - this.ends[0]) / 1000;
    const speed = this.running && seconds > 0 ? (this.ends.length - 1) / seconds : 0;
    const paced = speed > 0 && speed < 10 ? fixed(speed, 1) : whole(speed);
    const [tone, ...lines] = this.verdict(looked ? at : this, shown);
    const note = (lines, title = "", tone = "") => ({ lines, title, tone, above: !title });
    const notes = [note([see]), note(lines, "Is this normal?", tone)];
    if (this.pinned) notes.push(note(this.compared(), "The pinned run"));
    const panels = [upper, lower, ...this.charts(now, looked ? at.moves : null)].map((own, i) => {
      const made = { ...this.panels[i], ...own };
      const values = made.lines.filter(({ value }) => value).map(({ name, value }) => `${name} ${said(value)}`);
      if (i > 1) made.words = `${made.title}. ${values.join(", ")}`;
      if (own.y) made.y_ticks = ticks(own.y, i < 3 ? 4 : 2);
      return made;
    });
    return { panels, words, readouts: [[whole(this.game.step), "iterations"], [paced, "a second"]], notes };
  }

  /** What slow motion draws: 0, the last move has been made; 1 to 4, a part of the next one. */
  get stage() {
    const { pace } = this;
    if (!this.running || pace > 1 || !this.moved || this.act?.move === "best_D") return 0;
    return min(floor(STAGES * (1 - (max(0, this.due - clock()) * pace) / 1000)), STAGES - 1);
  }

  /** What stands above: what is looked at, what a preset shows, or what has just moved. */
  see(at, looked) {
    if (at) return this.say(looked ? "back" : "nothing", { at: at.moves, moves: this.moves });
    if (this.staged) return this.coming.said(this, this.staged);
    if (this.chosen) return minus(this.presets[this.chosen].see);
    if (this.before) return this.say("moved " + this.before[0]);
    return this.say(this.moves || this.running ? "on" : "first");
  }

  /** Is this normal? A tone and a few sentences, as diagnose_toy, of a moment or of the game as it is. */
  verdict({ moves, values, recent, alone }, { scene: { says, p_g, p_data, x, outside }, now, step }) {
    const say = (name, values) => this.say(name, values);
    const past = moves < this.moves;
    if (this.state === "error" && !past) return ["broken", say("over")];
    const [hills, top] = [[], max(...p_data)];
    const high = p_data.map((one) => one > 0.3 * top);
    high.forEach((on, i) => on && (high[i - 1] ? hills.at(-1).push(i) : hills.push([i])));
    const mass = (p, hill) => sum(hill.map((i) => p[i]));
    const missed = hills[1] ? hills.filter((hill) => mass(p_g, hill) < 0.25 * mass(p_data, hill)).length : 0;
    const row = [moves, ...Object.values(now)];
    if (past) recent = [...recent.filter(([at]) => at < moves), row];
    else if (!recent[0]) recent = [row];
    const [width, steep] = [std(x) / std(CENTRES, p_data), steepness(alone, step)];
    return diagnose(say, { recent, controls: values, says, width, outside, missed, steep, moves });
  }

  off() {
    const usual = { running: ["start"], paused: ["pause"], error: LIVING }[this.state] ?? ["pause", "stop"];
    return [...usual, ...(this.undone.length ? [] : ["undo"]), ...(this.past ? [] : ["resume", "present"])];
  }

  frame() {
    const [picture, buffers] = packed(this.picture());
    const { running, message, state, applied } = this;
    const pressed = [this.chosen, this.pinned && "pin"].filter(Boolean);
    const header = { running, message, state, applied, named: this.states[state], off: this.off(), pressed };
    return [{ ...header, values: this.valued(), picture }, buffers];
  }
}

/** How often the running mean of V over 3 turns round by 0.3 nats. */
function reversals(V) {
  let [turns, way, low, high] = [0, 0, Infinity, -Infinity];
  for (let i = 2; i < V.length; i++) {
    const v = (V[i - 2] + V[i - 1] + V[i]) / 3;
    [low, high] = [min(low, v), max(high, v)];
    if (way >= 0 && v < high - 0.3) [turns, way, low] = [turns + 1, -1, v];
    else if (way <= 0 && v > low + 0.3) [turns, way, high] = [turns + 1, 1, v];
  }
  return turns;
}

const steepness = (alone, step) => (step - alone[0] <= SINCE ? alone[1] : 0);

function diagnose(say, { recent, controls, says: [real, fake], width, outside, missed, steep, moves }) {
  const { lr_D, lr_G, k, generator_cost } = controls;
  const [V, C, JSD] = [1, 2, 3].map((j) => sum(recent.slice(-5).map((row) => row[j])) / min(5, recent.length));
  const lowest = min(...recent.slice(-ENOUGH).map((row) => row[1]));
  const since = recent.at(-1)[0] - recent[0][0];
  const turns = reversals(recent.map((row) => row[1]));
  const seen = { lowest, steep, outside, width, gap: max(C - V, 0), missed, turns, since };
  const values = { ...controls, ...seen, real, fake, V, JSD };
  const alike = width < 0.15 ? ["alike"] : [];
  const tell = (tone, ...names) => [tone, ...names.map((name) => say(name, values))];
  if (!moves) return tell("wait", "before");
  if (lowest < -5) return tell("broken", "run away", steep > STEEP ? "steep" : "long");
  if (outside > 0.25) return tell("odd", "gone", "comes back");
  if (k === 0 || lr_D === 0) return tell("odd", "D held", ...alike);
  if (lr_G === 0) return tell("normal", "G held");
  if (since < ENOUGH) return tell("wait", "few");
  if (generator_cost === "minimax" && fake < 0.02) return tell("broken", "flat", "choose");
  if (turns >= 5) return tell("odd", "swings", ...alike);
  if (alike.length) return tell("odd", "narrow");
  if (V < MINUS_LOG_4 - 0.05) return tell("odd", "below");
  if (missed) return tell("odd", "misses", "D says");
  if (JSD < 0.02) return tell("normal", "lies on");
  return tell("normal", V > -0.5 ? "ahead" : "even");
}

// -- slow motion: a move taken apart, as in slow.py -------------------------------------------------------------------

class Coming {
  constructor(game, act) {
    const [players, kind] = { D: ["D", 0], G: ["G", -1] }[act] ?? game.coming;
    const { x, z } = game.ahead(kind);
    const first = (all) => Array.from(all.slice(0, 16));
    Object.assign(this, { players, m: game.batch, z: first(z) });
    this.x = players === "G" ? [] : first(x);
    this.fakes = Array.from(game.G.forward(floats(this.z)));
    [this.D_x, this.D_fakes] = [this.x, this.fakes].map((at) => Array.from(game.logit(at), expit));
    this.push = Array.from(game.push(this.fakes));
  }

  said(toy, stage) {
    const { players, m, z, x } = this;
    const some = x.length ? "some of each" : "some of them";
    const values = { who: toy.say("who " + players), m, some: m > z.length ? toy.say(some, { n: z.length }) : "" };
    Object.assign(values, { data: x.length ? toy.say("and x", values) : "", gradient: toy.say("gradient " + players) });
    values.at = toy.say(x.length ? "at both" : "at fakes");
    return `${stage} of ${STAGES - 1}. ${toy.say("stage " + stage, values)}`;
  }

  /** Figure 1 with what is drawn at a stage. */
  panels(now, stage) {
    const { players, z, x, fakes, D_x, D_fakes } = this;
    const scene = Object.assign(Object.create(Scene.prototype), now, { z, x: fakes, push: null });
    const [upper, lower] = scene.figure_1("", [], LIT[players]);
    const flat = (at, y, style) => line(at, at.map(() => y), "", style, { dots: true });
    const starts = lower.arrows.flatMap(({ start }) => start.map(([at]) => at));
    lower.lines.push(flat(starts, 0.08, "G"), flat(x, 0.92, "data"));
    if (stage === 1) lower.arrows = [];
    if (stage < 3) return [upper, lower];
    const top = upper.y[1];
    upper.arrows = [];
    for (const [at, D, style] of [[fakes, D_fakes, "G"], [x, D_x, "data"]]) {
      const [x, y] = [at.flatMap((one) => [one, one, one]), D.flatMap((one) => [0, one, NaN])];
      const stems = line(x, y, "", "reference", { right: true });
      upper.lines.push(stems, line(at, D, "", style, { dots: true, right: true }));
      if (stage < 4 || !players.includes("D")) continue;
      const to = D.map((one) => one + PULL * (style === "data" ? 1 - one : -one));
      const pair = (ys) => at.map((one, i) => [one, top * ys[i]]);
      upper.arrows.push(arrows(pair(D), pair(to), "D"));
    }
    if (stage === 4 && players.includes("G")) upper.arrows.push(pushes(fakes, D_fakes, this.push, top)[1]);
    return [upper, lower];
  }
}

serve((given) => new Toy(given));
