// The one view of every demo: what its engine describes, and the frames that come from it.

import { Arrays, coalesce, theme } from "./canvas.js";
import { button, control, element, isOn, mark, unhurried, write } from "./controls.js";
import { Figure } from "./panel.js";
import { KernelSource, RecordingSource, Talk } from "./talk.js";

const UNHURRIED = 120; // ms between two drawings of charts, and of words, while it runs: each costs the page much
const SLOW = 500; // ms between two moves of a slider that plays, for those who ask for less motion
const SETTLING = [0, 250, 1000]; // ms after a change of theme: its style sheets arrive when they arrive

function render({ model, el }) {
  const recorded = model.get("recording")?.length;
  const view = new View(recorded ? new RecordingSource(model) : new KernelSource(model), el);
  return () => view.close();
}

class View {
  constructor(source, el) {
    const { title, controls, looks, frame, buffers } = source.first;
    this.looks = looks;
    this.pending = {}; // control -> the id of the last command about it
    this.changed = {}; // control -> the value that the next command sets
    this.figures = [];
    this.arrays = new Arrays();
    this.last = {}; // what was shown when, ms
    this.frames = 0;
    this.kinds = Object.fromEntries(controls.map(({ key, kind }) => [key, kind]));
    this.build(el, title, controls);
    this.drawing = coalesce(() => this.draw());
    this.sending = coalesce(() => this.send());
    this.talk = new Talk(source, (message, buffers) => this.take(message, buffers), () => this.showNews());
    this.watch();
    this.rest();
    this.talk.hear(frame, buffers);
    this.talk.ask();
  }

  close() {
    this.rest();
    this.talk.close();
    for (const one of [this.drawing, this.sending, this.tell, ...this.figures.map(({ tell }) => tell)]) one.cancel();
    for (const one of [this.sizes, this.themes]) one.disconnect();
    this.timers.forEach(clearTimeout);
  }

  // -- what stands where --------------------------------------------------------------------------------------------

  build(el, title, controls) {
    const made = (tag, name, ...parts) => element(tag, { class: name }, ...parts);
    this.makeControls(controls);
    this.state = made("span", "gl-state");
    this.readouts = made("div", "gl-readouts", this.state);
    this.status = element("div", { class: "gl-status", role: "status" });
    this.above = element("div", { class: "gl-notes gl-above", "aria-live": "polite" });
    this.below = element("div", { class: "gl-notes", "aria-live": "polite" });
    this.stage = made("div", "gl-stage");
    this.words = element("p", { class: "gl-words", "aria-hidden": "true" });
    this.told = element("p", { class: "gl-told", "aria-live": "polite" });
    this.tell = unhurried((words) => write(this.told, words));
    const game = this.kinds.start === "button";
    const bar = this.bar();
    const plain = this.group("", game ? "fieldset" : "div");
    if (!game) plain.append(bar);
    const titles = [...new Set(controls.map(({ group }) => group))].filter((group) => !["", "-", "hidden"].includes(group));
    const ofButtons = (group) => controls.every((one) => one.group !== group || one.kind === "button");
    const presets = titles.filter(ofButtons).map((group) => this.rowOfButtons(group));
    const groups = titles.filter((group) => !ofButtons(group)).map((group) => this.group(group, "fieldset"));
    if (game && plain.childElementCount) groups.push(plain);
    const ends = this.described.filter(({ group }) => group === "-").map(({ key }) => this.buttons[key]);
    if (ends.length) groups.push(made("div", "gl-buttons", ...ends));
    const board = made("div", "gl-controls", ...groups);
    const parts = [...presets, this.above, made("div", "gl-line", this.status), this.stage];
    this.root = element("section", { class: "ganlib", "aria-label": title }, game ? bar : plain, ...parts);
    this.root.append(...(game ? [board, this.words] : [this.words, board]), this.told, this.below);
    this.root.addEventListener("keydown", (event) => this.key(event));
    el.append(this.root);
  }

  makeControls(controls) {
    this.described = controls;
    this.controls = {};
    this.buttons = {};
    for (const one of controls) {
      const { key, kind, of } = one;
      if (kind === "button") this.buttons[key] = button(one, () => this.press(key));
      else if (kind === "number") this.controls[key] = control(one, () => this.press(of));
      else this.controls[key] = control(one, (value) => this.change(key, value));
    }
    this.player = controls.find(({ play }) => play);
    if (this.player) {
      const hint = `Move ${this.player.name} from end to end (Space)`;
      this.play = button({ key: "play", name: "Play", hint, icon: "play" }, () => this.start());
      this.hold = button({ key: "hold", name: "Pause", hint: "Rest here (Space)", icon: "pause" }, () => this.rest());
    }
    const hints = controls.filter(({ press }) => press).map(({ hint }) => hint);
    this.keys = hints.join(". ");
  }

  /** The buttons without a group, the numbers that go with them, and what there is to read. */
  bar() {
    const buttons = this.described.filter(({ kind, group }) => kind === "button" && !group).map(({ key }) => this.buttons[key]);
    if (this.player) buttons.unshift(this.play, this.hold);
    const numbers = Object.values(this.controls).filter(({ of }) => of !== undefined).map(({ root }) => root);
    const parts = element("div", { class: "gl-buttons", role: "group", "aria-label": "Demo" }, ...buttons, ...numbers);
    return element("div", { class: "gl-bar" }, parts, this.readouts);
  }

  rowOfButtons(group) {
    const buttons = this.described.filter((one) => one.group === group).map(({ key }) => this.buttons[key]);
    for (const one of buttons) one.setAttribute("aria-pressed", "false");
    const row = element("div", { class: "gl-buttons gl-row", role: "group", "aria-label": group });
    row.append(element("span", { class: "gl-name" }, group), ...buttons);
    return row;
  }

  group(title, tag) {
    const inside = this.described.filter(({ group, kind }) => group === title && kind !== "number" && (title || kind !== "button"));
    const parts = inside.map(({ key }) => (this.controls[key]?.root ?? this.buttons[key])).filter(Boolean);
    const player = /^[DG]\b/.exec(title)?.[0] ?? "";
    const made = element(tag, { class: `gl-group ${title ? "" : "gl-plain"}`, "data-player": player });
    if (title) made.append(element("legend", {}, title));
    made.append(...parts);
    return made;
  }

  watch() {
    this.sizes = new ResizeObserver(() => this.request());
    this.sizes.observe(this.root);
    this.timers = [];
    const settle = () => {
      this.timers.forEach(clearTimeout);
      this.timers = SETTLING.map((wait) => setTimeout(() => this.request(null, (this.colours = null)), wait));
    };
    this.themes = new MutationObserver(settle);
    const attributeFilter = ["data-jp-theme-light", "data-jp-theme-name", "class", "theme"];
    for (const node of [document.body, document.documentElement]) this.themes.observe(node, { attributes: true, attributeFilter });
  }

  // -- what a person does -------------------------------------------------------------------------------------------

  change(key, value) {
    if (key === this.player?.key && !this.moving) this.rest();
    this.changed[key] = value;
    this.pending[key] = Infinity; // until the command has its number
    this.controls[key].shown = null;
    this.sending();
  }

  send() {
    const values = this.changed;
    if (!Object.keys(values).length) return;
    this.changed = {};
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
    this.playing = requestAnimationFrame(move);
    this.showPlaying();
  }

  rest() {
    cancelAnimationFrame(this.playing);
    this.playing = null;
    if (this.player) this.showPlaying();
  }

  showPlaying() {
    this.play.hidden = this.playing !== null;
    this.hold.hidden = this.playing === null;
    this.note({ playing: this.playing !== null });
  }

  /** A key on a canvas acts on the panel, else it presses the first button with that key that is on. */
  key(event) {
    event.stopPropagation(); // the notebook has shortcuts of its own
    const figure = this.figures.find(({ canvas }) => canvas === event.target);
    if (!figure || event.ctrlKey || event.metaKey || event.altKey) return;
    const pressed = event.key.toLowerCase();
    const found = this.described.find(({ key, press }) => press === pressed && isOn(this.buttons[key]));
    const player = pressed === " " && this.player ? (this.playing === null ? this.play : this.hold) : null;
    const act = player ?? (found && this.buttons[found.key]);
    if (figure.key(event)) event.preventDefault();
    else if (act) {
      event.preventDefault();
      if (!event.repeat || found?.icon === "step") act.click();
    }
  }

  // -- what the engine says -----------------------------------------------------------------------------------------

  /** Whether the kernel has carried out the last command about a control, so that it may be shown as the kernel has it. */
  settled(key) {
    return (this.pending[key] ?? 0) <= this.talk.applied;
  }

  take(message, buffers) {
    [this.message, this.buffers] = [message, buffers];
    const { picture, values, off, pressed } = message;
    this.showNews();
    const plain = Object.fromEntries(Object.entries(values).map(([key, [value]]) => [key, value]));
    this.note({ state: message.state, values: JSON.stringify(plain) });
    for (const [key, made] of Object.entries(this.controls)) {
      const shown = JSON.stringify(values[key]);
      if (values[key] && this.settled(key) && made.shown !== shown) made.show(values[key], (made.shown = shown));
      if (made.input) made.input.disabled = off.includes(key);
    }
    for (const [key, made] of Object.entries(this.buttons)) {
      mark(made, "aria-disabled", off.includes(key));
      if (made.hasAttribute("aria-pressed")) mark(made, "aria-pressed", pressed.includes(key));
    }
    while (this.figures.length > picture.panels.length) this.figures.pop().root.remove();
    if (this.due("words")) this.showWords(message);
    this.request();
  }

  showNews() {
    const { message, talk } = this;
    this.note({ applied: talk.applied });
    write(this.status, talk.trouble || message.message);
    this.status.classList.toggle("gl-wrong", Boolean(!talk.trouble && message.message));
  }

  showWords({ named, picture }) {
    write(this.state, named);
    write(this.words, picture.words);
    this.tell(picture.words);
    while (this.readouts.childElementCount > picture.readouts.length + 1) this.readouts.lastElementChild.remove();
    picture.readouts.forEach(([value, unit], i) => {
      const made = this.readouts.children[i + 1] ?? element("span", { class: "gl-readout" }, element("b"), element("span"));
      if (!made.parentNode) this.readouts.append(made);
      write(made.firstElementChild, value);
      write(made.lastElementChild, ` ${unit}`);
    });
    for (const [place, above] of [[this.above, true], [this.below, false]]) showNotes(place, picture.notes.filter((note) => note.above === above));
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
  request(figure = null) {
    if (figure) figure.stale = true;
    else this.stale = true;
    this.drawing();
  }

  draw() {
    const { panels } = this.message.picture;
    this.colours ??= theme(this.root, this.looks);
    const fresh = this.drawnN !== this.message.n;
    if (fresh) this.arrays.take(this.buffers);
    const charts = !fresh || this.due("charts");
    panels.forEach((panel, i) => {
      const figure = (this.figures[i] ??= this.addFigure(i));
      const chart = i > 0 && !panel.arrows.length && !panel.heat && !panel.cells && !panel.tiles && !panel.marks.length && !panel.draws;
      if (!figure.stale && !(this.stale && (charts || !chart))) return;
      figure.stale = false;
      figure.show(panel);
      figure.draw(this.arrays, this.colours, this.rightAxis(panel));
    });
    this.stale = false;
    this.drawnN = this.message.n;
    if (fresh) this.note({ frames: ++this.frames });
    this.talk.drawn();
  }

  addFigure(i) {
    const figure = new Figure(this, i);
    this.stage.append(figure.root);
    this.sizes.observe(figure.canvas);
    return figure;
  }

  /** Whether a panel of this one's column has an axis at the right, so that their plots are aligned. */
  rightAxis({ at }) {
    return this.message.picture.panels.some((other) => other.right && other.at[1] === at[1] && other.at[3] === at[3]);
  }
}

/** Notes, made anew only when they differ. */
function showNotes(place, notes) {
  const said = JSON.stringify(notes);
  if (place.said === said) return;
  place.said = said;
  const made = notes.map(({ title, lines, tone }) => {
    const note = element("div", { class: "gl-note", "data-tone": tone });
    if (title) note.append(element("h4", {}, title));
    if (tone === "code") note.append(element("code", { tabindex: 0, "aria-label": title || "Code to copy" }, lines.join("\n")));
    else note.append(element("ul", {}, ...lines.map((line) => element("li", {}, line))));
    return note;
  });
  place.replaceChildren(...made);
}

export default { render };
