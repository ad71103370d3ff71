// Controls made of plain HTML, each built from its description, with its name and its value in words for everybody.

const WORDS = 2000; // ms between two changes of what a screen reader is told
export const clip = (value, low, high) => Math.min(high, Math.max(low, value));
const FOCUSED = ["button", "canvas", "code", "input", "select"];
const ICONS = {
  play: "M3 1.5v11l9-5.5z",
  pause: "M2.5 1.5h3.2v11H2.5zM8.3 1.5h3.2v11H8.3z",
  step: "M2 1.5v11l7-5.5zM10 1.5h2v11h-2z",
  up: "M7 1.5l5 6H8.7v5H5.3v-5H2z",
  stop: "M2 2h10v10H2z",
  undo: "M6 1.5v3c4.5 0 7 2.5 7 8-1.6-3-3.7-4-7-4v3L1 6.5z",
  reset: "M7 2.2V0L3.4 3.2 7 6.4V4.1a3.9 3.9 0 1 1-3.9 4.2H1.2A5.8 5.8 0 1 0 7 2.2z",
};

/**
 * An element: element("button", { class: "go" }, "Start"). What can take the focus keeps the notebook's shortcuts away:
 * Jupyter Notebook 7 asks the focused element itself, before the demo hears of a key.
 */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  if (FOCUSED.includes(tag)) made.setAttribute("data-lm-suppress-shortcuts", "true");
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

/** Put words into an element, and set an attribute, only where they differ: each change costs the page some work. */
export function write(made, words) {
  if (made.textContent !== words) made.textContent = words;
}

export function mark(made, name, value) {
  if (made.getAttribute(name) !== String(value)) made.setAttribute(name, value);
}

/** Fill an element anew, where `what` it is to show differs from before. */
export function renew(made, what, make) {
  const said = JSON.stringify(what);
  if (made.said !== said) made.replaceChildren(...make());
  made.said = said;
}

/** A button with its icon. It keeps the focus when it is off, so it is never `disabled`. */
export function button({ key, name, hint, icon }, act) {
  const made = element("button", { type: "button", class: `gl-button gl-${key}`, title: hint });
  if (icon) made.innerHTML = `<svg viewBox="0 0 14 14" aria-hidden="true"><path d="${ICONS[icon]}"/></svg>`;
  made.append(name);
  made.addEventListener("click", () => isOn(made) && act());
  return made;
}

export function isOn(made) {
  return made.getAttribute("aria-disabled") !== "true";
}

/**
 * A control: its description, its elements (`root`, and the `input` in it), `show` for the kernel's value, and `take`
 * for what a person does other than by its own element. Either way the person's value is shown at once, and `change`
 * hears of it.
 */
export function control(described, change) {
  const pressed = () => ({ root: button(described, change) });
  const make = { slider, choice, switch: toggle, number, curve: drawn, points: drawn, place: drawn, button: pressed };
  return Object.assign(make[described.kind](described, change), described);
}

function slider(described, change) {
  const { places, words } = described;
  const last = Math.max(1, places.length - 1);
  const said = element("span");
  const longest = words.reduce((a, b) => (b.length > a.length ? b : a), ""); // its room is kept, so that nothing moves
  const output = element("span", { class: "gl-value", "aria-hidden": "true", "data-longest": longest }, said);
  const input = element("input", { type: "range", min: 0, max: last, step: 1, ...about(described) });
  const say = (place, told = words[place]) => {
    write(said, told);
    mark(input, "aria-valuetext", told);
    input.style.setProperty("--gl-fill", `${(100 * place) / last}%`);
  };
  return placed(described, change, say, input, output);
}

/** A choice among words. */
function choice(described, change) {
  const options = described.words.map((told, place) => element("option", { value: place }, told));
  return placed(described, change, () => {}, element("select", about(described), ...options));
}

const about = ({ key, name, hint }) => ({ "aria-label": name, title: hint, "data-name": key });

/** What has places 0 to n - 1, and words for each, which `say` shows; the place is the value of its `input`. */
function placed({ kind, name, places }, change, say, input, ...above) {
  const place = () => Number(input.value);
  const show = (to, told) => {
    if (place() !== to) input.value = to;
    say(to, told);
  };
  const take = (to) => {
    const kept = clip(to, 0, places.length - 1);
    show(kept);
    change(places[kept]);
  };
  input.addEventListener("input", () => take(place()));
  const root = element("label", { class: `gl-${kind}` }, element("span", { class: "gl-name" }, name), ...above, input);
  return { root, input, take, place, show: ([, to, told]) => show(to, told) };
}

function toggle({ key, name, hint }, change) {
  const input = element("input", { type: "checkbox", "data-name": key });
  input.addEventListener("change", () => change(input.checked));
  const root = element("label", { class: "gl-switch", title: hint }, input, element("span", {}, name));
  return { root, input, show: ([value]) => (input.checked = value) };
}

/** A whole number that goes with a button: Enter presses it. What a person has typed stays until then. */
function number({ key, name, hint }, press) {
  const input = element("input", { type: "number", min: 0, step: 1, "aria-label": hint || name, "data-name": key });
  const made = { input, typed: false };
  input.addEventListener("input", () => (made.typed = true));
  input.addEventListener("keydown", (event) => event.key === "Enter" && press());
  made.root = element("label", { class: "gl-number", title: hint }, element("span", {}, name), input);
  made.show = ([value]) => {
    if (!made.typed && document.activeElement !== input) input.value = value;
  };
  made.value = () => {
    made.typed = false;
    return /^\d{1,16}$/.test(input.value.trim()) ? Number(input.value) : input.value;
  };
  return made;
}

/** What a person draws in a panel, or drags there, has no element here, only a value. */
function drawn(_, change) {
  const made = { value: null };
  made.show = ([value]) => (made.value = value);
  made.take = (value) => {
    made.value = value;
    change(value);
  };
  return made;
}

/** A function that passes words on to `say`, one change in WORDS ms at the most, the last one always. */
export function unhurried(say) {
  let [last, timer, waiting] = [-Infinity, null, null];
  const now = () => {
    [last, timer] = [performance.now(), null];
    say(waiting);
  };
  const tell = (words) => {
    waiting = words;
    timer ??= setTimeout(now, Math.max(0, last + WORDS - performance.now()));
  };
  tell.cancel = () => clearTimeout(timer);
  return tell;
}
