// Plays a recording of a demo to the view as the kernel would: it answers what the page asks, sets and presses.
// A recording comes as a script, so that the site also works from files: record.py says what it holds.

const NOT_HERE = "This is a recording. In the notebook this can be set, too.";
const SAID = {
  run: "A recording. In the notebook it is a live game, which can be changed while it plays.",
  grid: "A recording, at some places of each control. In the notebook each place can be reached.",
  explored: "A recording: every run has been trained to its end, so there is nothing to start here. The map has {n} moments.",
  judge: "These are five rounds that were drawn once. In the notebook each round is drawn anew.",
};
const [CLOSE, ALIKE] = [0.06, 0.95]; // as in guess.py
const NEAR = "900px 0px"; // how far from the screen a demo is made

/** What stands in for the widget's model. */
class RecordedModel {
  constructor(about) {
    Object.assign(this, about);
    this.n = this.applied = 0;
    this.at = this.start ?? 0;
    this.hear = () => {};
  }

  get(name) {
    if (name !== "first") return null;
    const frame = this.message();
    return { ...this.first, frame, buffers: frame.buffers };
  }

  on(_, hear) {
    this.hear = hear;
  }

  off() {
    this.hear = () => {};
    cancelAnimationFrame(this.playing);
  }

  send(message) {
    const was = this.n;
    let said = "";
    if (message.id) this.applied = message.id;
    if (message.type === "set") said = this.set(message.values);
    else if (message.type === "press") said = this.press(message.button, message.values);
    const fresh = message.type !== "ask" || message.have < this.n || this.n > was;
    const same = { type: "same", n: this.n, applied: this.applied, answer: true };
    queueMicrotask(() => this.tell(fresh ? { ...this.message(said ?? ""), answer: true } : same));
  }

  tell(message) {
    this.hear(message, message.buffers);
  }

  /** The frame that is shown now, as the kernel would send it. */
  message(said = "") {
    const { b, ...frame } = this.frames[this.at];
    this.n += 1;
    const news = { type: "frame", n: this.n, applied: this.applied, message: said, stalled: false };
    return this.changed({ ...frame, ...news, buffers: b.map((i) => this.buffers[i]) });
  }

  changed(message) {
    return message;
  }

  set() {
    return NOT_HERE;
  }

  press() {
    return NOT_HERE;
  }
}

/** A question: from each frame its buttons lead to others. */
class Question extends RecordedModel {
  press(button) {
    const to = this.edges[this.at][button];
    if (to === undefined) return this.frames[this.at].off.includes(button) ? "" : NOT_HERE;
    this.at = to;
  }
}

/** Sliders and choices: a frame for each combination of their places. */
class Grid extends RecordedModel {
  set(values) {
    const places = Object.fromEntries(this.first.controls.map(({ key, places }) => [key, places ?? [false, true]]));
    const at = this.where();
    for (const [key, value] of Object.entries(values)) {
      if (!(key in at)) return NOT_HERE;
      at[key] = nearest(places[key], value);
    }
    this.at = this.axes.reduce((all, [key, n]) => all * n + at[key], 0);
  }

  /** The place of each control in the frame that is shown. */
  where() {
    let rest = this.at;
    const found = {};
    for (const [key, n] of [...this.axes].reverse()) {
      found[key] = rest % n;
      rest = Math.floor(rest / n);
    }
    return found;
  }

  press(button) {
    if (button !== "reset") return NOT_HERE;
    this.at = this.start;
  }
}

/** A sketch: the person's heights take the place of the recorded ones, and are compared with what happens. */
class Sketch extends RecordedModel {
  heights = null;

  set({ sketch }) {
    if (this.at === this.shown) return "What happens is shown already. Press “Guess again” to draw anew.";
    this.heights = sketch.map((h) => (Number.isFinite(h) ? h : null));
    this.at = this.heights.some((h) => h !== null) ? this.guessed : this.start;
  }

  press(button) {
    if (button === "again") [this.heights, this.at] = [null, this.start];
    else if (this.at === this.start) return "Guess first: then this can be shown.";
    else this.at = this.shown;
  }

  changed(message) {
    if (!this.heights) return message;
    const picture = structuredClone(message.picture);
    const line = picture.panels[0].lines.find(({ style }) => style === "guess");
    const floats = Float32Array.from(this.heights, (h) => h ?? NaN);
    const buffers = [...message.buffers, new DataView(floats.buffer)];
    line.y = { at: buffers.length - 1, shape: [floats.length], type: "float32" };
    const note = picture.notes.find(({ tone }) => tone !== "");
    if (this.at === this.shown && note) [note.tone, note.lines[0]] = this.verdict();
    return { ...message, picture, buffers };
  }

  /** Whether the sketch is what happens, as guess.py has it. */
  verdict() {
    if (!this.truth) return ["normal", "Your guess is kept. Now see what happens."];
    const [xs, ys] = this.truth;
    const nodes = this.heights.map((h, i) => [this.x[0] + ((this.x[1] - this.x[0]) * i) / (this.nodes - 1), h]);
    const there = nodes.filter(([x, h]) => h !== null && x >= xs[0] && x <= xs.at(-1));
    if (!there.length) return ["odd", "Your sketch lies beside the curve: there is nothing to compare."];
    const mine = there.map(([, h]) => h);
    const real = there.map(([x]) => interpolated(x, xs, ys));
    const off = mean(mine.map((h, i) => Math.abs(h - real[i])));
    const said = shortly(off);
    if (off <= CLOSE * (this.y[1] - this.y[0])) {
      return ["normal", `Yes: your sketch is close to what happens, ${said} off on average.`];
    }
    if (correlation(mine, real) > ALIKE) {
      return ["normal", `Your sketch has the right shape. Its height is ${said} off on average.`];
    }
    return ["odd", `What happens is another curve: your sketch is ${said} off on average. See where they part.`];
  }
}

/** A grid of runs that have ended: its maps, each cell in words, and as frames the curves of each cell. */
class Explored extends RecordedModel {
  constructor(about) {
    super(about);
    this.places = Object.fromEntries(this.first.controls.map(({ key, places }) => [key, places]));
  }

  set(values) {
    for (const [key, value] of Object.entries(values)) {
      if (!(key in this.look)) return NOT_HERE;
      this.look[key] = nearest(this.places[key], value);
    }
  }

  /** Where that of the present choices stands among all. */
  among(...keys) {
    return keys.reduce((all, key) => all * this.places[key].length + this.look[key], 0);
  }

  message(said) {
    this.at = this.among("seed", "k", "D", "G");
    return super.message(said);
  }

  changed(message) {
    const { look, places } = this;
    const plane = places.plane[look.plane];
    const [rows, columns, third] = this.planes[plane];
    const words = this.said[this.among("seed", "record", "shown", "k", "D", "G")];
    const map = this.maps[plane][this.among("seed", "record", "shown", third)];
    const cells = { ...map.cells, chosen: [look[rows], look[columns]] };
    const heat = { ...map, cells, words: `${map.words} ${this.chosen}${words}` };
    const last = look.record === places.record.length - 1;
    const here = last ? [] : [{ y: null, name: "", x: this.updates[look.record], right: false }];
    const marked = (panel, i) => (this.marked.includes(i + 1) ? { ...panel, levels: [...panel.levels, ...here] } : panel);
    const picture = { ...message.picture, words, panels: [heat, ...message.picture.panels.map(marked)] };
    const shown = ({ key, places, words }) => [key, [places[look[key]], look[key], words[look[key]]]];
    return { ...message, picture, values: Object.fromEntries(this.first.controls.map(shown)), off: [] };
  }
}

/** A run of a game, which plays, rests, goes a frame on, and goes back to its start; seen from the place `look`. */
class Run extends RecordedModel {
  place = 0;
  state = "idle";

  constructor(about) {
    super(about);
    this.begin = Object.keys(this.tracks)[0];
    this.go(this.begin, 0);
  }

  set(values) {
    for (const [key, value] of Object.entries(values)) {
      if (key === this.choice) {
        this.rest("idle");
        [this.begin, this.state] = [value, "idle"];
        this.go(value, 0);
      } else if (key in this.look) {
        const { places } = this.first.controls.find((one) => one.key === key);
        this.look[key] = nearest(places, value);
        this.go(this.track, this.place);
      } else return NOT_HERE;
    }
  }

  press(button, values = {}) {
    if (button === "start") return this.play();
    if (button === "pause") return this.rest("paused");
    if (this.presets.includes(button)) {
      this.go(button, 0);
      return this.play();
    }
    if (!["reset", "step"].includes(button)) return NOT_HERE;
    this.rest("paused");
    if (button === "reset") {
      this.go(this.begin, 0);
      this.state = "idle";
      const seed = this.frames[this.at].values.seed?.[0];
      return values.seed !== undefined && values.seed !== seed ? NOT_HERE : "";
    }
    if (this.place + 1 >= this.tracks[this.track].length) return "The recording ends here.";
    this.go(this.track, this.place + 1);
  }

  go(track, place) {
    const look = this.looks.reduce((all, [key, n]) => all * n + this.look[key], 0);
    [this.track, this.place, this.at] = [track, place, this.tracks[track][place] + look];
  }

  play() {
    if (this.place + 1 >= this.tracks[this.track].length) this.go(this.track, 0);
    this.state = "running";
    let due = performance.now() + this.interval;
    const move = (now) => {
      this.playing = requestAnimationFrame(move);
      if (now < due) return;
      due = Math.max(due, now - this.interval) + this.interval;
      const last = this.tracks[this.track].length - 1;
      this.go(this.track, Math.min(this.place + 1, last));
      if (this.place === last) this.rest("paused");
      this.tell({ ...this.message(), answer: false });
    };
    cancelAnimationFrame(this.playing);
    this.playing = requestAnimationFrame(move);
  }

  rest(state) {
    cancelAnimationFrame(this.playing);
    if (this.state === "running") this.state = state;
    else if (this.state === "idle" && this.place > 0) this.state = state;
  }

  changed(message) {
    const running = this.state === "running";
    const off = running ? ["start"] : ["pause"];
    const named = this.named[this.state];
    const picture = { ...message.picture, words: message.picture.words.replace(this.named.running, named) };
    return { ...message, picture, state: this.state, named, running, off };
  }
}

/** Pictures that the reader judges, as be_discriminator.py has it: D's opinions are recorded, and the page counts. */
class Judge extends RecordedModel {
  said = [];
  looking = null;
  seed = 0;

  constructor(about) {
    super(about);
    this.G = Object.keys(this.deals)[0];
  }

  set({ G }) {
    if (!(G in this.deals)) return NOT_HERE;
    this.G = G;
    this.press("new", {}, this.seed);
  }

  press(button, values = {}, seed = (this.seed + 1) % this.deals[this.G].length) {
    const [, which] = /^say_(\d)$/.exec(button) ?? [];
    if (which && this.said.length < this.deal.real.length) this.said.push(this.answers[which - 1]);
    else if (button === "back") this.said.pop();
    else if (button === "new") [this.said, this.seed] = [[], seed];
    this.looking = button === "look" && values.index < this.said.length ? values.index : null;
  }

  get deal() {
    return this.deals[this.G][this.seed];
  }

  message(said) {
    this.at = this.deal.at;
    return super.message(said);
  }

  changed(message) {
    const [{ logits, real }, { said, looking }] = [this.deal, this];
    const [done, n] = [said.length, real.length];
    const D = logits.map((a) => 1 / (1 + Math.exp(-a)));
    const here = looking ?? Math.min(done, n - 1);
    const judged = here < done;
    const picture = structuredClone(message.picture);
    const [one, sheet, table] = picture.panels;
    one.title = `Picture ${here + 1} of ${n}: real or fake?`;
    if (judged) one.title = `Picture ${here + 1}, a ${real[here] ? "real one" : "fake"}`;
    const right = (i) => Math.sign((said[i] - 0.5) * (real[i] ? 1 : -1));
    sheet.title = `${n - Math.floor(n / 2)} are real, in random order.`;
    if (done) sheet.title = "✓ where you were right. Click one to see it again.";
    const badge = (_, i) => [i, `${real[i] ? "real" : "fake"} ${["✗", "", "✓"][right(i) + 1]}`.trim()];
    sheet.tiles.badges = said.map(badge);
    const rows = [D, said, real.map(Number)].map((row) => row.map((value, i) => (i < done ? value : null)));
    for (const row of rows) while (row.length < n) row.push(null);
    table.cells.values = rows;
    const named = (value, i) => (value === null ? [] : [i < 2 ? value.toFixed(2) : ["fake", "real"][value]]);
    table.cells.words = rows.map((row, i) => row.map((value) => named(value, i)));
    for (const panel of [one, sheet]) panel.words = panel.title;
    const at = judged ? here : done - 1;
    const was = done && `Picture ${at + 1} was ${real[at] ? "real" : "drawn by G"}.`;
    const opinions = done && `You said ${said[at].toFixed(2)}, and D said ${D[at].toFixed(2)}.`;
    picture.words = done ? `${was} ${opinions}` : "Say of each picture how sure you are.";
    picture.readouts = [[`${done} of ${n}`, "judged"]];
    const [note] = picture.notes;
    note.title = done === n ? "In the end" : "So far";
    const scores = [["You", said], ["The trained D", D]].map(([who, D]) => `${who}: ${scored(D.slice(0, done), real)}`);
    note.lines = [...scores, note.lines.at(-1)];
    const all = new Uint8Array(message.buffers[1].buffer);
    const size = all.length / n;
    const shown = all.map((grey, i) => (i < done * size ? grey : 235)); // the others are still to come
    const buffers = [all.slice(here * size, (here + 1) * size), shown].map(({ buffer }) => new DataView(buffer));
    const off = [...(done === n ? this.answers.map((_, i) => `say_${i + 1}`) : []), ...(done ? [] : ["back"])];
    const state = done === n ? "finished" : done ? "playing" : "idle";
    return { ...message, picture, buffers, off, state };
  }
}

/** How well some D(x) tell real from fake, in words. */
function scored(D, real) {
  if (!D.length) return "nothing judged yet.";
  const right = D.reduce((all, one, i) => all + (one === 0.5 ? 0.5 : one > 0.5 === real[i]), 0);
  const [data, fakes] = [true, false].map((kind) => D.filter((_, i) => real[i] === kind));
  const V = mean(data.map((one) => Math.log(one))) + mean(fakes.map((one) => Math.log(1 - one)));
  const worth = Number.isFinite(V) ? `V = ${V.toFixed(2).replace("-", "−")} nats` : "V is not known yet";
  const sure = mean(D.map((one) => Math.max(one, 1 - one)));
  return `${right} of ${D.length} right, ${worth}, confidence ${sure.toFixed(2)}.`;
}

const KINDS = { states: Question, grid: Grid, sketch: Sketch, explored: Explored, run: Run, judge: Judge };

/** Where the place of a control that is nearest to a value stands. */
function nearest(places, value) {
  const exact = places.indexOf(value);
  const off = (place) => (typeof place === "number" ? Math.abs(place - value) : Infinity);
  return exact >= 0 ? exact : places.reduce((best, place, i) => (off(place) < off(places[best]) ? i : best), 0);
}

function mean(values) {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function correlation(one, other) {
  const [a, b] = [mean(one), mean(other)];
  const product = (p, q) => mean(p.map((value, i) => value * q[i]));
  const [x, y] = [one.map((value) => value - a), other.map((value) => value - b)];
  const spread = Math.sqrt(product(x, x) * product(y, y));
  return Math.min(product(x, x), product(y, y)) > 1e-18 ? product(x, y) / spread : 0;
}

function interpolated(x, xs, ys) {
  const i = Math.min(Math.max(xs.findIndex((at) => at >= x), 1), xs.length - 1);
  const share = (x - xs[i - 1]) / (xs[i] - xs[i - 1]);
  return ys[i - 1] + share * (ys[i] - ys[i - 1]);
}

/** A number with two digits that say something, as Python's .2g. */
function shortly(value) {
  return String(Number(value.toPrecision(2)));
}

/** What record.py packed: plain data, and the buffers that its frames name. */
async function unpacked(text) {
  const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  const all = new Uint8Array(await new Response(stream).arrayBuffer());
  const length = new DataView(all.buffer).getUint32(0, true);
  const about = JSON.parse(new TextDecoder().decode(all.subarray(4, 4 + length)));
  let at = 4 + length;
  about.buffers = about.buffers.map(([size, sorted]) => {
    const buffer = all.slice(at, (at += size));
    if (!sorted) return new DataView(buffer.buffer);
    const n = size / 4;
    const floats = new Uint8Array(size);
    for (let byte = 0; byte < 4; byte++) for (let i = 0; i < n; i++) floats[4 * i + byte] = buffer[byte * n + i];
    return new DataView(floats.buffer);
  });
  return about;
}

// -- on the page ------------------------------------------------------------------------------------------------------

const places = Object.fromEntries([...document.querySelectorAll(".demo")].map((e) => [e.dataset.recording, e]));

/** A recording has come: show it in place of the picture above it. */
window.ganlibRecording = async (name, text) => {
  const place = places[name];
  const about = await unpacked(text);
  const still = place.closest(".cell_output")?.querySelectorAll("img") ?? [];
  const above = (one) => one.compareDocumentPosition(place) & Node.DOCUMENT_POSITION_FOLLOWING;
  const picture = [...still].filter(above).at(-1);
  place.model = new KINDS[about.kind](about);
  ganlibView.render({ model: place.model, el: place });
  if (picture) picture.hidden = true;
  if (SAID[about.kind]) {
    const textContent = SAID[about.kind].replace("{n}", about.updates?.length);
    const said = Object.assign(document.createElement("p"), { className: "demo-said", textContent });
    place.append(said);
  }
  place.model.below?.(place);
  place.dataset.there = "true";
};

/** Fetch a script of recordings/; the element that does. */
function fetchScript(name) {
  const script = Object.assign(document.createElement("script"), { src: `recordings/${name}.js` });
  document.head.append(script);
  return script;
}

const near = new IntersectionObserver((seen) => {
  for (const { isIntersecting, target } of seen) {
    if (!isIntersecting) continue;
    near.unobserve(target);
    fetchScript(target.dataset.recording);
  }
}, { rootMargin: NEAR });

if (window.DecompressionStream) for (const place of Object.values(places)) near.observe(place);
