// Controls made of plain HTML, each built from its description, with its name and its value in words for everybody.

const WORDS = 2000; // ms between two changes of what a screen reader is told
const FOCUSED = ["button", "canvas", "code", "input", "select"];
const ICONS = {
  play: "M3 1.5v11l9-5.5z",
  pause: "M2.5 1.5h3.2v11H2.5zM8.3 1.5h3.2v11H8.3z",
  step: "M2 1.5v11l7-5.5zM10 1.5h2v11h-2z",
  up: "M7 1.5l5 6H8.7v5H5.3v-5H2z",
  stop: "M2 2h10v10H2z",
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
 * A control: its elements, `show` for the kernel's value, and `take` for what a person does other than by its own
 * element. Either way the person's value is shown at once, and `change` hears of it.
 */
export function control(described, change) {
  return { slider, choice, switch: toggle, number, curve: drawn, points: drawn }[described.kind](described, change);
}

/** A slider with places 0 to n - 1, and words for each. */
function slider({ key, name, hint, places, words }, change) {
  const last = Math.max(1, places.length - 1);
  const said = element("span");
  const longest = words.reduce((a, b) => (b.length > a.length ? b : a), ""); // its room is kept, so that nothing moves
  const output = element("span", { class: "gl-value", "aria-hidden": "true", "data-longest": longest }, said);
  const about = { "aria-label": name, title: hint, "data-name": key };
  const input = element("input", { type: "range", min: 0, max: last, step: 1, ...about });
  const show = (place, told = words[place]) => {
    if (Number(input.value) !== place) input.value = place;
    write(said, told);
    mark(input, "aria-valuetext", told);
    input.style.setProperty("--gl-fill", `${(100 * place) / last}%`);
  };
  const take = (place) => {
    const kept = Math.min(places.length - 1, Math.max(0, place));
    show(kept);
    change(places[kept]);
  };
  input.addEventListener("input", () => take(Number(input.value)));
  const root = element("label", { class: "gl-slider" }, element("span", { class: "gl-name" }, name), output, input);
  return { root, input, places, take, place: () => Number(input.value), show: ([, place, told]) => show(place, told) };
}

/** A choice among words. */
function choice({ key, name, hint, places, words }, change) {
  const options = words.map((told, place) => element("option", { value: place }, told));
  const input = element("select", { "aria-label": name, title: hint, "data-name": key }, ...options);
  const show = (place) => {
    if (input.selectedIndex !== place) input.selectedIndex = place;
  };
  const take = (place) => {
    const kept = Math.min(places.length - 1, Math.max(0, place));
    show(kept);
    change(places[kept]);
  };
  input.addEventListener("change", () => take(input.selectedIndex));
  const root = element("label", { class: "gl-choice" }, element("span", { class: "gl-name" }, name), input);
  return { root, input, places, take, place: () => input.selectedIndex, show: ([, place]) => show(place) };
}

function toggle({ key, name, hint }, change) {
  const input = element("input", { type: "checkbox", "data-name": key });
  input.addEventListener("change", () => change(input.checked));
  const root = element("label", { class: "gl-switch", title: hint }, input, element("span", {}, name));
  return { root, input, show: ([value]) => (input.checked = value) };
}

/** A whole number that goes with a button: Enter presses it. What a person has typed stays until then. */
function number({ key, name, hint, of }, press) {
  const input = element("input", { type: "number", min: 0, step: 1, "aria-label": hint || name, "data-name": key });
  const made = { input, of, typed: false };
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

/** What is drawn by hand in a panel has no element here, only a value. */
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
