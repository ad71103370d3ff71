// The one view of every demo: what its engine describes, and the frames that come from it.

import { Arrays, coalesce, theme } from "./canvas.js";
import { button, control, element, isOn, mark, renew, unhurried, write } from "./controls.js";
import { Figure } from "./panel.js";
import { KernelSource, RecordingSource, Talk, WorkerSource } from "./talk.js";

const UNHURRIED = 120; // ms between two drawings of charts, and of words, while it runs: each costs the page much
const SLOW = 500; // ms between two moves of a slider that plays, for those who ask for less motion
const FRAME = 16; // ms in which a drag is one command
const SETTLING = [0, 250, 1000]; // ms after a change of theme: its style sheets arrive when they arrive
const THEME = ["data-jp-theme-light", "data-jp-theme-name", "class", "theme"];

function render({ model, el }) {
  const played = model.get("recording")?.length ? RecordingSource : KernelSource;
  const Source = model.get("worker") ? WorkerSource : played;
  const view = new View(new Source(model), el);
  return () => view.close();
}

class View {
  pending = {}; // control -> the id of the last command about it
  changed = {}; // control -> the value that the next command sets
  figures = [];
  arrays = new Arrays();
  last = {}; // what was shown, or sent, when, ms
  frames = 0;
  playing = null;

  constructor(source, el) {
    const { title, controls, looks, frame, buffers } = source.first;
    this.looks = looks;
    this.makeControls(controls);
    this.build(el, title);
    this.drawing = coalesce(() => this.draw());
    this.sending = coalesce(() => this.send());
    this.talk = new Talk(source, (message, buffers) => this.take(message, buffers), () => this.showStatus());
    this.watch();
    this.rest();
    this.talk.hear(frame, buffers);
    this.talk.ask();
  }

  close() {
    this.rest();
    this.talk.close();
    const waiting = [this.drawing, this.sending, this.tell, this.tellNotes, ...this.figures.map(({ tell }) => tell)];
    for (const one of waiting) one.cancel();
    for (const one of [this.sizes, this.themes]) one.disconnect();
    this.timers.forEach(clearTimeout);
  }

  /** Draw again when a size or the page's theme changes. */
  watch() {
    this.sizes = new ResizeObserver(() => this.request());
    this.sizes.observe(this.root);
    this.timers = [];
    const again = () => {
      this.colours = null;
      this.request();
    };
    this.themes = new MutationObserver(() => {
      this.timers.forEach(clearTimeout);
      this.timers = SETTLING.map((wait) => setTimeout(again, wait));
    });
    for (const node of [document.body, document.documentElement]) {
      this.themes.observe(node, { attributes: true, attributeFilter: THEME });
    }
  }

  // -- what stands where --------------------------------------------------------------------------------------------

  makeControls(described) {
    this.parts = described.map((one) => {
      const acts = { button: () => this.press(one.key), number: () => this.press(one.of) };
      return control(one, acts[one.kind] ?? ((value) => this.change(one.key, value)));
    });
    this.controls = Object.fromEntries(this.parts.map((one) => [one.key, one]));
    this.keys = this.parts.filter(({ press }) => press).map(({ hint }) => hint).join(". ");
    this.player = this.parts.find(({ play }) => play);
    if (!this.player) return;
    const hint = `Move ${this.player.name} from end to end (Space)`;
    this.play = button({ key: "play", name: "Play", hint, icon: "play" }, () => this.start());
    this.hold = button({ key: "hold", name: "Pause", hint: "Rest here (Space)", icon: "pause" }, () => this.rest());
  }

  /** The elements of a group, all or of some kinds; "" is the group of what has none, "-" that of the last buttons. */
  inGroup(title, ...kinds) {
    const fits = ({ group, kind }) => group === title && (!kinds.length || kinds.includes(kind));
    return this.parts.filter(fits).map(({ root }) => root);
  }

  build(el, title) {
    const box = (name, ...parts) => element("div", { class: name }, ...parts);
    this.state = element("span", { class: "gl-state" });
    this.readouts = element("span");
    this.status = element("div", { class: "gl-status", role: "status" });
    this.above = element("div", { class: "gl-above", "aria-live": "polite" });
    this.below = element("div", { "aria-live": "polite" });
    this.stage = box("gl-stage");
    this.words = element("p", { class: "gl-words", "aria-hidden": "true" });
    this.told = element("p", { class: "gl-told", "aria-live": "polite" });
    this.tell = unhurried((words) => write(this.told, words));
    this.tellNotes = unhurried((notes) => showNotes(this.below, notes));

    const players = this.player ? [this.play, this.hold] : [];
    const pressed = [...players, ...this.inGroup("", "button"), ...this.inGroup("", "number")];
    const buttons = element("div", { class: "gl-buttons", role: "group", "aria-label": "Demo" }, ...pressed);
    const bar = box("gl-bar", buttons, box("gl-readouts", this.state, this.readouts));
    const plain = box("gl-plain", ...this.inGroup("", "slider", "choice", "switch"));
    const ends = box("gl-buttons", ...this.inGroup("-"));
    const titles = [...new Set(this.parts.map(({ group }) => group))].filter((group) => group && group !== "-");
    const made = titles.map((group) => this.groupOf(group));
    const [rows, groups] = [".gl-row", "fieldset"].map((kind) => made.filter((group) => group.matches(kind)));

    const trains = this.controls.start?.kind === "button"; // then the controls stand below the panels, else above
    const board = box("gl-controls", ...groups, ...(trains ? [plain] : []), ends);
    if (!trains) plain.append(bar);
    const middle = [box("gl-rows", ...rows), this.above, box("gl-line", this.status), this.stage];
    const parts = trains ? [bar, ...middle, board, this.words] : [plain, ...middle, this.words, board];
    this.root = element("section", { class: "ganlib", "aria-label": title }, ...parts, this.told, this.below);
    this.root.addEventListener("keydown", (event) => this.key(event));
    el.append(this.root);
  }

  /** A group with a title: in a row when it is of buttons alone, which then show whether they were pressed. */
  groupOf(title) {
    const [inside, buttons] = [this.inGroup(title), this.inGroup(title, "button")];
    if (inside.length > buttons.length) {
      const player = /^[DG]\b/.exec(title)?.[0] ?? "";
      return element("fieldset", { "data-player": player }, element("legend", {}, title), ...inside);
    }
    const stay = this.parts.filter(({ once, group }) => group === title && !once);
    for (const { root } of stay) root.setAttribute("aria-pressed", "false");
    const parts = [element("span", { class: "gl-name" }, title), ...buttons];
    return element("div", { class: "gl-buttons gl-row", role: "group", "aria-label": title }, ...parts);
  }

  // -- what a person does -------------------------------------------------------------------------------------------

  change(key, value) {
    if (key === this.player?.key && !this.moving) this.rest();
    this.changed[key] = value;
    this.pending[key] = Infinity; // until the command has its number
    this.controls[key].shown = null;
    if (performance.now() - (this.last.sent ?? -Infinity) < FRAME) this.sending();
    else queueMicrotask(() => this.send());
  }

  send() {
    const values = this.changed;
    if (!Object.keys(values).length) return;
    this.changed = {};
    this.last.sent = performance.now();
    const id = this.talk.command("set", { values });
    for (const key of Object.keys(values)) this.pending[key] = id;
    this.note({ asked: id });
  }

  press(key, values = {}) {
    this.rest();
    this.send(); // what was set before comes before
    for (const one of this.parts) if (one.of === key) values[one.key] = one.value();
    this.note({ asked: this.talk.command("press", { button: key, values }) });
  }

  /** Move the slider that plays from where it is, or from its start, to its end. */
  start() {
    const { key, play, places, place, take } = this.player;
    const end = places.length - 1;
    const begun = place() >= end ? 0 : place() / end;
    let [from, last] = [null, -Infinity];
    const move = (now) => {
      from ??= now;
      const share = Math.min(1, begun + (now - from) / (1000 * play));
      this.playing = requestAnimationFrame(move);
      if (!this.settled(key) || (this.talk.motion.matches && now - last < SLOW)) return;
      last = now;
      this.moving = true;
      if (Math.round(share * end) !== place()) take(Math.round(share * end));
      this.moving = false;
      if (share === 1) this.rest();
    };
    this.rest();
    this.showPlaying(requestAnimationFrame(move));
  }

  rest() {
    cancelAnimationFrame(this.playing);
    this.showPlaying(null);
  }

  showPlaying(playing) {
    this.playing = playing;
    if (!this.player) return;
    this.play.hidden = playing !== null;
    this.hold.hidden = playing === null;
    this.note({ playing: playing !== null });
  }

  /** A key on a canvas acts on its panel, else it presses the first button with that key that is on. */
  key(event) {
    event.stopPropagation(); // the notebook has shortcuts of its own
    const figure = this.figures.find(({ canvas }) => canvas === event.target);
    if (!figure || event.ctrlKey || event.metaKey || event.altKey) return;
    const key = event.key.toLowerCase();
    const found = this.parts.find(({ press, root }) => press?.toLowerCase() === key && isOn(root));
    const player = key === " " && this.player ? (this.playing === null ? this.play : this.hold) : null;
    const act = player ?? found?.root;
    const drawn = figure.key(event);
    if (!drawn && !act) return;
    event.preventDefault();
    if (!drawn && (!event.repeat || found?.icon === "step")) act.click();
  }

  // -- what the engine says -----------------------------------------------------------------------------------------

  /** Whether the kernel has carried out the last command about a control; until then the person's value is shown. */
  settled(key) {
    return (this.pending[key] ?? 0) <= this.talk.applied;
  }

  take(message, buffers) {
    Object.assign(this, { message, buffers });
    const { values, off, pressed, state } = message;
    this.showStatus();
    const plain = Object.fromEntries(Object.entries(values).map(([key, [value]]) => [key, value]));
    this.note({ state, values: JSON.stringify(plain) });
    for (const made of this.parts) {
      const { key, kind, root } = made;
      const shown = JSON.stringify(values[key]);
      if (shown && shown !== made.shown && this.settled(key)) made.show(values[key], (made.shown = shown));
      if (made.input) made.input.disabled = off.includes(key);
      if (kind === "button") mark(root, "aria-disabled", off.includes(key));
      if (root?.hasAttribute("aria-pressed")) mark(root, "aria-pressed", pressed.includes(key));
    }
    this.showPlayer(off);
    if (this.due("words")) this.showWords(message);
    this.request();
  }

  /** The buttons that move a slider are off while the slider is. */
  showPlayer(off) {
    if (!this.player) return;
    const still = off.includes(this.player.key);
    mark(this.play, "aria-disabled", still);
    if (still && this.playing !== null) this.rest();
  }

  showStatus() {
    const { message, talk } = this;
    this.note({ applied: talk.applied });
    write(this.status, talk.trouble || message.message);
    this.status.classList.toggle("gl-wrong", !talk.trouble && message.message !== "");
  }

  showWords({ named, running, picture: { words, readouts, notes } }) {
    write(this.state, named);
    write(this.words, words);
    const above = notes.filter((note) => note.above);
    mark(this.above, "aria-live", running ? "off" : "polite"); // while it runs that may change many times a second
    this.tell(words);
    const readout = ([value, unit]) => element("span", { class: "gl-readout" }, element("b", {}, value), ` ${unit}`);
    renew(this.readouts, readouts, () => readouts.map(readout));
    const below = notes.filter((note) => !note.above);
    showNotes(this.above, above);
    if (running) this.tellNotes(below);
    else showNotes(this.below, below);
  }

  /** Whether something may be shown anew: always at rest, else now and then. */
  due(what) {
    const now = performance.now();
    if (this.message.running && now - (this.last[what] ?? -Infinity) < UNHURRIED) return false;
    this.last[what] = now;
    return true;
  }

  /** Set data attributes, those that change: each costs the page some work. */
  note(values) {
    for (const [name, value] of Object.entries(values)) mark(this.root, `data-${name}`, value);
  }

  // -- the picture --------------------------------------------------------------------------------------------------

  /** Ask for a drawing: of the whole picture, or of one panel. */
  request(figure = this) {
    figure.stale = true;
    this.drawing();
  }

  draw() {
    const { message, figures, buffers } = this;
    const { panels } = message.picture;
    this.colours ??= theme(this.root, this.looks);
    const fresh = this.drawn !== message.n;
    if (fresh) this.arrays.take(buffers);
    while (figures.length > panels.length) figures.pop().root.remove();
    const all = !fresh || this.due("charts");
    panels.forEach((panel, i) => {
      const figure = (figures[i] ??= this.addFigure(i));
      if (!figure.stale && !(this.stale && (all || i === 0 || !isChart(panel)))) return;
      figure.stale = false;
      figure.show(panel);
      figure.draw(this.arrays, this.colours, panels.some((other) => other.right && sameColumn(other, panel)));
    });
    this.stale = false;
    this.drawn = message.n;
    if (fresh) this.note({ frames: ++this.frames });
    this.talk.drawn();
  }

  addFigure(i) {
    const figure = new Figure(this, i);
    this.stage.append(figure.root);
    this.sizes.observe(figure.canvas);
    return figure;
  }
}

function isChart({ arrows, heat, cells, tiles, marks, draws, seeks }) {
  return Boolean(seeks) || !(arrows.length || heat || cells || tiles || marks.length || draws);
}

/** Whether two panels stand one above the other, so that their plots are to be aligned. */
function sameColumn(one, other) {
  return one.at[1] === other.at[1] && one.at[3] === other.at[3];
}

/** Notes; what has not changed stays, so that a screen reader says only what is new. */
function showNotes(place, notes) {
  while (place.childElementCount > notes.length) place.lastElementChild.remove();
  notes.forEach(({ title, lines, tone }, i) => {
    const note = place.children[i] ?? place.appendChild(element("div", { class: "gl-note" }));
    mark(note, "data-tone", tone);
    renew(note, [title, tone], () => {
      const code = { tabindex: 0, "aria-live": "off", "aria-label": title || "Code to copy" };
      return [element("h4", {}, title), tone === "code" ? element("code", code) : element("ul")];
    });
    const said = note.lastElementChild;
    if (tone === "code") write(said, lines.join("\n"));
    else renew(said, lines, () => lines.map((line) => element("li", {}, line)));
  });
}

export default { render };
