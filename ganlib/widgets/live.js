// What the live games of the pages without a kernel share, each in a Web Worker of its own: curves and pictures as plain
// data, controls and their changes, and the talk with the page. Such a game takes the commands of view.js, posts frames.

import { abs, fixed, floor, max, min, range, round, roundRange, sum, whole } from "./plain.js";

const STILL = 500; // ms between two frames where nothing has moved; else they may follow at once
const later = self.requestAnimationFrame ?? ((act) => setTimeout(act, 4)); // a turn for each picture of the screen
const SLOW_FRAME = 1000; // ... for a person who asks for less motion
const AHEAD = 20; // frames that are sent unasked after a question of the page
const SILENCE = 2000; // ms without a question after which the game rests: nobody looks
const DRAG = 1000; // ms within which another change of the same control belongs to the same drag
const [ROWS, EVENTS] = [600, 50];

export const clock = () => performance.now();
export const minus = (words) => words.replace(/(^|[\s(=[])-(?=[\d.]|log)/g, "$1−");

/** A number with so many digits. */
export const short = (v, digits = 3) => (abs(v) < 1000 ? String : whole)(Number(v.toPrecision(digits)));
const SAID = { ",": whole, "%": (share) => fixed(100 * share, 0), g: short, h: (v) => short(v, 2) }; // by {name:how}

// -- ranges ---------------------------------------------------------------------------------------------------------

function quantile(sorted, share) {
  const at = share * (sorted.length - 1);
  const [i, rest] = [floor(at), at % 1];
  return sorted[i] + rest * ((sorted[i + 1] ?? sorted[i]) - sorted[i]);
}

// -- pictures ---------------------------------------------------------------------------------------------------------

export const said = (value) => (typeof value === "number" ? minus(fixed(value)) : value);
export const line = (x, y, name, style, more) => ({ x, y, name, style, ...more });
export const level = (y, name, more) => ({ y, name: minus(name), x: null, ...more });
export const mark = (x, y, name, more) => ({ x, y, name, moves: [], ...more });
export const arrows = (start, end, style, name, value) => ({ start, end, style, name, value });

/** The picture with its arrays as places among buffers; an array that stands in two places is packed once. */
export function packed(picture) {
  const [buffers, seen] = [[], new Map()];
  const place = (values) => {
    if (!seen.has(values)) {
      const at = buffers.push(new Float32Array(values.flat()).buffer) - 1;
      seen.set(values, { at, shape: [values.length], type: "float32" });
    }
    return seen.get(values);
  };
  const panels = picture.panels.map((one) => ({
    ...one,
    lines: one.lines.map((l) => ({ ...l, x: place(l.x), y: place(l.y), value: said(l.value) })),
    arrows: one.arrows.map((a) => ({ ...a, start: place(a.start), end: place(a.end) })),
  }));
  return [{ ...picture, panels }, buffers];
}

/** Rows of numbers over moves or iterations, each the mean of `stride` in a row, which doubles when there are too many. */
export class Curves {
  rows = [];
  stride = 1;
  rest = [];

  add(row) {
    this.rest.push(row);
    if (this.rest.length < this.stride) return;
    const mean = (rows) => rows[0].map((_, j) => (j ? sum(rows.map((r) => r[j])) / rows.length : rows.at(-1)[0]));
    if (this.rows.length === ROWS) {
      this.rows = range(ROWS / 2, (i) => mean(this.rows.slice(2 * i, 2 * i + 2)));
      this.stride *= 2;
      return;
    }
    this.rows.push(mean(this.rest));
    this.rest = [];
  }

  cut(moves) {
    this.rows = this.rows.filter(([at]) => at < moves);
    this.rest = [];
  }

  copy() {
    return Object.assign(new Curves(), structuredClone(this));
  }
}

// -- a game under a person's hands ------------------------------------------------------------------------------------

/** What a live game is made of beside the game: `given` has its controls and values, and `words` if it says any. */
export class Live {
  applied = 0;
  busy = 9; // ms of moves in a turn; a screen shows a picture every 17 ms, and the rest of it is for the page
  wait = 0; // ms between two frames that come unasked, at least

  constructor(given) {
    Object.assign(this, given, { values: { ...given.values } });
  }

  get running() {
    return this.state === "running";
  }

  set(values) {
    const differ = ([key, value]) => JSON.stringify(value) !== JSON.stringify(this.values[key]);
    const differing = Object.fromEntries(Object.entries(values).filter(differ));
    if (Object.keys(differing).length) this.changed(differing);
  }

  note(key, value) {
    const now = clock();
    const same = this.events.at(-1)?.[1] === key && now - this.eventAt < DRAG;
    this.eventAt = now;
    this.events = [...this.events.slice(0, same ? -1 : undefined), [this.moves, key, value]].slice(-EVENTS);
  }

  usable() {
    if (this.state === "error") this.refuse("ended", { error: this.error });
  }

  fail(error) {
    this.message = error.message;
    if (error.refused) return;
    if (this.state !== "error") this.error = this.message;
    this.state = "error";
    this.message = this.error;
    this.endActs?.(); // where a game has presets
  }

  refuse(words, values) {
    throw Object.assign(Error(this.say(words, values)), { refused: true });
  }

  /** Words of the page with values in them: {V:3} has three decimals, and SAID has the other ways. */
  say(name, values = {}) {
    const put = (_, key, how) => (how ? (SAID[how]?.(values[key]) ?? fixed(values[key], how)) : values[key]);
    return minus(this.words[name].replace(/\{(\w+):?(.?)\}/g, put));
  }

  about(key) {
    return this.controls.find((one) => one.key === key);
  }

  /** A value of a control in words. */
  told(key, value) {
    const { places, words } = this.about(key);
    return words ? (words[places.indexOf(value)] ?? short(value)) : String(value);
  }

  /** The changes of controls as upright lines, with names such as "k 3" or without. */
  levels(named) {
    return this.events.map(([x, key, value]) => {
      const told = this.whole.includes(key) ? value : this.told(key, value);
      return level(null, named ? `${this.about(key).name} ${told}` : "", { x });
    });
  }

  /** Round numbers around some curves, by quantiles, and around all that this axis has shown so far. */
  around(name, curves, include) {
    const ends = [include, this.ranges[name] ?? include];
    for (const curve of curves.filter(({ length }) => length)) {
      const sorted = [...curve].sort((a, b) => a - b);
      ends.push([quantile(sorted, 0.005), quantile(sorted, 0.995)]);
    }
    return (this.ranges[name] = roundRange(min(...ends.map(([low]) => low)), max(...ends.map(([, high]) => high))));
  }

  /** What a page shows of each control: [value, place, words], or [value]. */
  valued() {
    const found = {};
    for (const { key, places } of this.controls.filter((one) => one.key in this.values && one.kind !== "curve")) {
      const value = this.values[key];
      // the place of a value, or where it lies between two, the nearer one
      const place = places?.findIndex((one) => one === value || one > value * 0.95);
      found[key] = places ? [value, place, this.told(key, value)] : [value];
    }
    return found;
  }
}

// -- the talk with the page -------------------------------------------------------------------------------------------

let [live, n, allowed, slow, timer] = [null, 0, AHEAD, false, 0];
let askedAt = 0; // when the page last asked, ms
let shownAt = 0;

function show(answer) {
  shownAt = clock();
  const [frame, buffers] = live.frame();
  self.postMessage([{ type: "frame", n: ++n, stalled: false, answer, ...frame }, buffers], buffers);
}

/** Some moves, and a frame when one is due. */
function turn() {
  timer = 0;
  const now = clock();
  if (!live.running || now - askedAt > SILENCE) return;
  try {
    live.advance(live.busy);
  } catch (error) {
    live.fail(error);
  }
  const fresh = live.stale || live.stage !== live.staged;
  const due = clock() - shownAt >= (slow ? SLOW_FRAME : fresh ? live.wait : STILL);
  if (!live.running || (due && allowed-- > 0)) show(false);
  wake();
}

function wake() {
  if (live.running) timer ||= later(turn);
}

/** Play for the page the game that `make` gives of what the page has given. */
export function serve(make) {
  self.onmessage = ({ data: message }) => {
    askedAt = clock();
    allowed = AHEAD;
    slow = message.slow ?? slow;
    if (message.type === "begin") live = make(message.given);
    else if (message.type !== "ask") live.do(message);
    if (message.type === "ask" && message.have === n) {
      self.postMessage([{ type: "same", n, applied: live.applied, stalled: false, answer: true }, null]);
    } else show(true);
    wake();
  };
}
