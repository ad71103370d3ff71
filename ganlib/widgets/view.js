// What the views of the live runs share: the link to the engine, the bar with its buttons, the status line.

import { Link } from "./link.js";
import { coalesce, watch } from "./canvas.js";
import { element, unhurried } from "./controls.js";

const SILENT = "The kernel is busy with another cell, or was restarted (then run this cell again).";
const WAITING = "Waiting for this page to be looked at.";

/** A view of a run. A subclass has `build(el)`, which sets `root` and `controls`; `update(header)`; and `draw()`. */
export class RunView {
  constructor(model, el) {
    this.model = model;
    this.pending = {}; // control -> the id of the last command about it
    this.tells = []; // what tells a screen reader something, unhurried
    this.build(el);
    this.root.addEventListener("keydown", (event) => this.key(event));
    this.request = coalesce(() => {
      this.draw();
      if (this.link.frame) this.link.shown();
    });
    this.link = new Link(model, (header) => this.take(header), (silent) => this.silence(silent));
    this.unwatch = watch(this.root, this.request);
    this.motion = window.matchMedia("(prefers-reduced-motion: reduce)");
    this.pace = () => this.model.send({ type: "slow", value: this.motion.matches });
    this.motion.addEventListener("change", this.pace);
    if (this.motion.matches) this.pace();
    this.take(this.link.header);
  }

  close() {
    this.link.close();
    this.unwatch();
    this.request.cancel();
    this.motion.removeEventListener("change", this.pace);
    for (const tell of this.tells) tell.cancel();
  }

  // -- what stands where --------------------------------------------------------------------------------------------

  /** A canvas that takes keys; `keys` are their names for a screen reader, `title` says what they do. */
  canvas(name, title, keys) {
    return element("canvas", { class: `gl-canvas-${name}`, role: "img", tabindex: 0, title, "aria-keyshortcuts": keys });
  }

  /** A function that sets an element's aria-label, unhurried. */
  teller(act) {
    const tell = unhurried(act);
    this.tells.push(tell);
    return tell;
  }

  /** The field of the seed that reset goes back to. */
  buildSeed() {
    this.seed = element("input", { type: "number", min: 0, step: 1, class: "gl-seed", "aria-label": "Seed that reset goes back to" });
    this.seed.addEventListener("keydown", (event) => event.key === "Enter" && this.reset());
    this.seed.addEventListener("input", () => (this.seedTouched = true));
    return element("label", { class: "gl-seed-label" }, "seed", this.seed);
  }

  /** Numbers that change, each with its unit; `this[name]` is where a number goes. */
  buildReadouts(named) {
    this.state = element("span", { class: "gl-state" });
    const numbers = Object.entries(named).map(([name, unit]) => {
      this[name] = element("b", { class: `gl-${name}` }, "–");
      return element("span", { class: "gl-readout" }, this[name], ` ${unit}`);
    });
    return element("div", { class: "gl-readouts" }, this.state, ...numbers);
  }

  group(kind, title, ...parts) {
    return element("fieldset", { class: `gl-group gl-group-${kind}` }, element("legend", {}, title), ...parts);
  }

  // -- what a person does -------------------------------------------------------------------------------------------

  command(type, rest = {}) {
    const id = this.link.command(type, rest);
    this.root.dataset.asked = id;
    return id;
  }

  set(values) {
    const id = this.command("set", { values });
    for (const name of Object.keys(values)) this.pending[name] = id;
  }

  /** A command that changes every control. */
  change(type, rest = {}) {
    const id = this.command(type, rest);
    for (const name of Object.keys(this.controls)) this.pending[name] = id;
  }

  reset() {
    const seed = this.seed.value.trim();
    this.seedTouched = false;
    this.command("reset", { seed: /^\d{1,16}$/.test(seed) ? Number(seed) : seed });
  }

  /** Keys on a canvas press the buttons that `this.keys` (by state) names. */
  key(event) {
    event.stopPropagation(); // the notebook has shortcuts of its own
    if (event.target.tagName !== "CANVAS" || event.ctrlKey || event.metaKey || event.altKey) return;
    if (this.otherKey?.(event)) {
      event.preventDefault();
      return;
    }
    const running = this.link.header.state === "running";
    const act = event.key === " " ? (running ? "pause" : "start") : this.keys[event.key.toLowerCase()];
    if (!act) return;
    event.preventDefault();
    if (!event.repeat || act.startsWith("step")) this.buttons[act].click();
  }

  // -- what the kernel says -----------------------------------------------------------------------------------------

  take(header) {
    this.header = header;
    if (this.link) this.link.running = header.state === "running";
    const { state, step, applied } = header;
    this.tell({ state, step, applied, settings: JSON.stringify(header.settings) });
    this.update(header);
    this.request?.();
  }

  /** Set data attributes, those that change: each costs the page some work. */
  tell(values) {
    const { dataset } = this.root;
    for (const [name, value] of Object.entries(values)) if (dataset[name] !== String(value)) dataset[name] = value;
  }

  /** Whether the kernel has carried out the last command about a control, so that it may be shown as the kernel has it. */
  settled(name) {
    return (this.pending[name] ?? 0) <= this.header.applied;
  }

  showSeed(seed) {
    if (!this.seedTouched && document.activeElement !== this.seed) this.seed.value = seed;
  }

  /** The status line: an error, else that it waits, else `words`. */
  showStatus({ message, waiting, state }, words = "") {
    this.say(message || (waiting ? WAITING : words), state === "error" || Boolean(message));
  }

  say(words, wrong) {
    if (this.status.textContent !== words) this.status.textContent = words;
    this.status.classList.toggle("gl-wrong", wrong);
  }

  silence(silent) {
    if (silent) this.say(SILENT, true);
    else if (this.status.textContent === SILENT) this.say("", false);
  }
}
