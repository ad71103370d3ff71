// The one view of every demo: what its engine describes, and the frames that come from it.

import { Arrays, coalesce, theme } from "./canvas.js";
import { button, control, element, isOn, mark, unhurried, write } from "./controls.js";
import { Figure } from "./panel.js";
import { KernelSource, RecordingSource, Talk } from "./talk.js";

const UNHURRIED = 120; // ms between two drawings of charts, and of words, while it runs: each costs the page much
const SLOW = 500; // ms between two moves of a slider that plays, for those who ask for less motion
const FRAME = 16; // ms in which a drag is one command
const SETTLING = [0, 250, 1000]; // ms after a change of theme: its style sheets arrive when they arrive
const APART = ["", "-", "hidden"]; // groups of their own kind: none, the last buttons, and what only a panel presses
const THEME = ["data-jp-theme-light", "data-jp-theme-name", "class", "theme"];

function render({ model, el }) {
  const Source = model.get("recording")?.length ? RecordingSource : KernelSource;
  const view = new View(new Source(model), el);
  return () => view.close();
}

class View {
  pending = {}; // control -> the id of the last command about it
  changed = {}; // control -> the value that the next command sets
  controls = {};
  buttons = {};
  figures = [];
  arrays = new Arrays();
  last = {}; // what was shown, or sent, when, ms
  frames = 0;
  playing = null;

  constructor(source, el) {
    const { title, controls, looks, frame, buffers } = source.first;
    Object.assign(this, { looks, described: controls });
    this.kinds = Object.fromEntries(controls.map(({ key, kind }) => [key, kind]));
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

  build(el, title) {
    this.makeControls();
    const box = (name, ...parts) => element("div", { class: name }, ...parts);
    this.state = element("span", { class: "gl-state" });
    this.readouts = box("gl-readouts", this.state);
    this.status = element("div", { class: "gl-status", role: "status" });
    this.above = element("div", { class: "gl-above", "aria-live": "polite" });
    this.below = element("div", { "aria-live": "polite" });
    this.stage = box("gl-stage");
    this.words = element("p", { class: "gl-words", "aria-hidden": "true" });
    this.told = element("p", { class: "gl-told", "aria-live": "polite" });
    this.tell = unhurried((words) => write(this.told, words));
    this.tellNotes = unhurried((notes) => showNotes(this.below, notes));

    const game = this.kinds.start === "button"; // what trains has its controls below, what only shows has them above
    const titles = new Set(this.described.map(({ group }) => group).filter((one) => !APART.includes(one)));
    const ofButtons = (group) => this.inGroup(group).every(({ kind }) => kind === "button");
    const rows = [...titles].filter(ofButtons).map((group) => this.rowOfButtons(group));
    const groups = [...titles].filter((group) => !ofButtons(group)).map((group) => this.groupOf(group));
    const plain = this.groupOf("");
    const ends = this.inGroup("-").map(({ key }) => this.buttons[key]);
    if (game && plain.childElementCount) groups.push(plain);
    if (ends.length) groups.push(box("gl-buttons", ...ends));
    if (!game) plain.append(this.bar());
    const [top, board] = [game ? this.bar() : plain, box("gl-controls", ...groups)];
    const under = game ? [board, this.words] : [this.words, board];
    const parts = [top, ...rows, this.above, box("gl-line", this.status), this.stage, ...under, this.told, this.below];
    this.root = element("section", { class: "ganlib", "aria-label": title }, ...parts);
    this.root.addEventListener("keydown", (event) => this.key(event));
    el.append(this.root);
  }

  makeControls() {
    for (const one of this.described) {
      const { key, kind, of } = one;
      if (kind === "button") this.buttons[key] = button(one, () => this.press(key));
      else if (kind === "number") this.controls[key] = control(one, () => this.press(of));
      else this.controls[key] = control(one, (value) => this.change(key, value));
    }
    this.player = this.described.find(({ play }) => play);
    if (this.player) {
      const hint = `Move ${this.player.name} from end to end (Space)`;
      this.play = button({ key: "play", name: "Play", hint, icon: "play" }, () => this.start());
      this.hold = button({ key: "hold", name: "Pause", hint: "Rest here (Space)", icon: "pause" }, () => this.rest());
    }
    this.keys = this.described.filter(({ press }) => press).map(({ hint }) => hint).join(". ");
  }

  inGroup(title) {
    return this.described.filter(({ group }) => group === title);
  }

  /** The buttons without a group, the numbers that go with them, and what there is to read. */
  bar() {
    const buttons = this.inGroup("").flatMap(({ key }) => this.buttons[key] ?? []);
    const numbers = Object.values(this.controls).filter(({ of }) => of !== undefined).map(({ root }) => root);
    const parts = this.player ? [this.play, this.hold, ...buttons] : buttons;
    const all = element("div", { class: "gl-buttons", role: "group", "aria-label": "Demo" }, ...parts, ...numbers);
    return element("div", { class: "gl-bar" }, all, this.readouts);
  }

  rowOfButtons(group) {
    const buttons = this.inGroup(group).map(({ key }) => this.buttons[key]);
    for (const one of buttons) one.setAttribute("aria-pressed", "false");
    const parts = [element("span", { class: "gl-name" }, group), ...buttons];
    return element("div", { class: "gl-buttons gl-row", role: "group", "aria-label": group }, ...parts);
  }

  /** A group of controls; those without a group stand in a plain row. */
  groupOf(title) {
    const inside = this.inGroup(title).filter(({ kind }) => kind !== "number" && (title || kind !== "button"));
    const parts = inside.flatMap(({ key }) => this.controls[key]?.root ?? this.buttons[key] ?? []);
    if (!title) return element("div", { class: "gl-group gl-plain" }, ...parts);
    const player = /^[DG]\b/.exec(title)?.[0] ?? "";
    return element("fieldset", { class: "gl-group", "data-player": player }, element("legend", {}, title), ...parts);
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
    for (const [name, made] of Object.entries(this.controls)) if (made.of === key) values[name] = made.value();
    this.note({ asked: this.talk.command("press", { button: key, values }) });
  }

  /** Move the slider that plays from where it is, or from its start, to its end. */
  start() {
    const { key, play } = this.player;
    const { places, place, take } = this.controls[key];
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
    const [named, key] = [this.described, event.key.toLowerCase()];
    const found = named.find((one) => one.press?.toLowerCase() === key && isOn(this.buttons[one.key]));
    const player = key === " " && this.player ? (this.playing === null ? this.play : this.hold) : null;
    const act = player ?? this.buttons[found?.key];
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
    for (const [key, made] of Object.entries(this.controls)) {
      const shown = JSON.stringify(values[key]);
      if (shown && shown !== made.shown && this.settled(key)) made.show(values[key], (made.shown = shown));
      if (made.input) made.input.disabled = off.includes(key);
    }
    for (const [key, made] of Object.entries(this.buttons)) {
      mark(made, "aria-disabled", off.includes(key));
      if (made.hasAttribute("aria-pressed")) mark(made, "aria-pressed", pressed.includes(key));
    }
    if (this.due("words")) this.showWords(message);
    this.request();
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
    this.tell(words);
    while (this.readouts.childElementCount > readouts.length + 1) this.readouts.lastElementChild.remove();
    readouts.forEach(([value, unit], i) => {
      if (!this.readouts.children[i + 1]) {
        this.readouts.append(element("span", { class: "gl-readout" }, element("b"), element("span")));
      }
      const [number, of] = this.readouts.children[i + 1].children;
      write(number, value);
      write(of, ` ${unit}`);
    });
    const below = notes.filter(({ above }) => !above);
    showNotes(this.above, notes.filter(({ above }) => above));
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

function isChart({ arrows, heat, cells, tiles, marks, draws }) {
  return !(arrows.length || heat || cells || tiles || marks.length || draws);
}

/** Whether two panels stand one above the other, so that their plots are to be aligned. */
function sameColumn(one, other) {
  return one.at[1] === other.at[1] && one.at[3] === other.at[3];
}

/** Notes; what has not changed stays, so that a screen reader says only what is new. */
function showNotes(place, notes) {
  while (place.childElementCount > notes.length) place.lastElementChild.remove();
  notes.forEach(({ title, lines, tone }, i) => {
    let note = place.children[i];
    if (note?.dataset.tone !== tone || note.firstElementChild.textContent !== title) {
      const about = { tabindex: 0, "aria-live": "off", "aria-label": title || "Code to copy" };
      const said = tone === "code" ? element("code", about) : element("ul");
      const made = element("div", { class: "gl-note", "data-tone": tone }, element("h4", {}, title), said);
      if (note) note.replaceWith(made);
      else place.append(made);
      note = made;
    }
    const said = note.lastElementChild;
    if (tone === "code") write(said, lines.join("\n"));
    else if (said.textContent !== lines.join("")) said.replaceChildren(...lines.map((line) => element("li", {}, line)));
  });
}

export default { render };
