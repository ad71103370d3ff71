// Controls made of plain HTML, each with its name, its value and its unit for everybody.

export const WORDS = 2000; // ms between two changes of what a screen reader is told

/** An element: element("button", { class: "go", onclick: f }, "Start"). */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value !== null && value !== false) made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children);
  return made;
}

const ICONS = {
  start: "M3 1.5v11l9-5.5z",
  pause: "M2.5 1.5h3.2v11H2.5zM8.3 1.5h3.2v11H8.3z",
  step: "M2 1.5v11l7-5.5zM10 1.5h2v11h-2z",
  step_D: "M2 1.5v11l7-5.5zM10 1.5h2v11h-2z",
  step_G: "M2 1.5v11l7-5.5zM10 1.5h2v11h-2z",
  best_D: "M7 1.5l5 6H8.7v5H5.3v-5H2z",
  stop: "M2 2h10v10H2z",
  reset: "M7 2.2V0L3.4 3.2 7 6.4V4.1a3.9 3.9 0 1 1-3.9 4.2H1.2A5.8 5.8 0 1 0 7 2.2z",
};

/** A button with a word and, where there is one, an icon. It keeps the focus when it is off, so it is never `disabled`. */
export function button(name, word, hint, act) {
  const made = element("button", { type: "button", class: `gl-button gl-${name}`, title: hint });
  if (ICONS[name]) {
    made.innerHTML = `<svg viewBox="0 0 14 14" aria-hidden="true"><path d="${ICONS[name]}"/></svg>`;
  }
  made.append(word);
  made.addEventListener("click", () => made.getAttribute("aria-disabled") !== "true" && act());
  return made;
}

export function enable(made, on) {
  if (made.getAttribute("aria-disabled") !== String(!on)) made.setAttribute("aria-disabled", String(!on));
}

/** Set an element's words, if they change: each change costs the page some work. */
export function write(made, words) {
  if (made.textContent !== words) made.textContent = words;
}

/** A slider with its name, its value and its unit, all visible and all told to a screen reader. */
export function slider({ name, title, hint, min, max, step, text, onInput }) {
  const output = element("output", { class: "gl-value" });
  const input = element("input", { type: "range", min, max, step, "aria-label": title, title: hint, "data-name": name });
  const root = element("label", { class: "gl-slider" }, element("span", { class: "gl-name" }, title), output, input);
  const show = (value, words = text(value)) => {
    output.textContent = words;
    input.setAttribute("aria-valuetext", words);
    input.style.setProperty("--gl-fill", `${(100 * (input.value - min)) / (max - min)}%`);
  };
  input.addEventListener("input", () => {
    show(Number(input.value));
    onInput(Number(input.value));
  });
  const set = (value, words) => {
    if (Number(input.value) !== value) input.value = value;
    show(value, words);
  };
  return { root, input, set };
}

/** A choice among words. */
export function select({ name, title, hint, options, onInput }) {
  const choices = options.map(([value, words]) => element("option", { value }, words));
  const input = element("select", { "aria-label": title, title: hint, "data-name": name }, ...choices);
  input.addEventListener("change", () => onInput(input.value));
  const root = element("label", { class: "gl-select" }, element("span", { class: "gl-name" }, title), input);
  const set = (value) => {
    if (input.value !== value) input.value = value;
  };
  return { root, input, set };
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

const formats = {};

/** A number with so many digits after the point, as English has it; making a format is slow, so each is kept. */
export function decimal(value, digits) {
  formats[digits] ??= new Intl.NumberFormat("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
  return formats[digits].format(value).replace("-", "−");
}

export function number(value, digits) {
  if (value === null || value === undefined) return "–";
  if (digits && Math.abs(value) >= 1e4) return value.toExponential(0).replace("e+", "e").replace("-", "−");
  return decimal(value, digits);
}

export function rateText(rate) {
  return rate >= 0.0995 ? number(rate, 2) : rate.toPrecision(2);
}
