// The page's side of the talk with the kernel; protocol.py is the other one.
// Joined with a demo's own file by protocol.script(), as anywidget takes one module.

const TICK = 200; // ms between two looks at whether the kernel still talks
const TELL = { frames: 3, wait: 150 }; // so many frames, or ms, from one word that they are on the screen to the next
const QUIET = 1000; // ms without a frame after which the page asks for one
const UNANSWERED = 4000; // ms without an answer after which the page says so

let lastId = 0;

/** A number that grows from call to call, in every view of every demo on this page. */
export function nextId() {
  lastId = Math.max(lastId + 1, Date.now());
  return lastId;
}

/**
 * Connects a view to its engine. `onFrame(header)` is called once for every frame, before the screen is drawn;
 * `store` then holds the newest pictures (ImageBitmap), arrays (Float32Array, with their `shape`) and curves
 * (Float32Array a column).
 */
export class Link {
  constructor(model, onFrame, onSilence) {
    this.model = model;
    this.onFrame = onFrame;
    this.onSilence = onSilence;
    this.store = { pictures: {}, versions: {}, arrays: {}, arrayVersions: {}, curves: [], generation: null, rows: 0 };
    this.header = model.get("first");
    this.frame = this.told = this.toldAt = 0;
    this.running = false; // whether frames are to be expected; the view says so
    this.asked = 0; // the id of the last command
    this.lastFrame = performance.now();
    this.askedAt = null;
    this.polling = false; // only answers reach this page, so it asks for every frame
    this.receive = (message, buffers) => this.take(message, buffers);
    this.visible = () => this.model.send({ type: "visible", value: !document.hidden });
    model.on("msg:custom", this.receive);
    document.addEventListener("visibilitychange", this.visible);
    this.timer = setInterval(() => this.look(), TICK);
    for (const [name, png] of Object.entries(model.get("first_pictures") ?? {})) this.decode(name, 0, png);
    this.ask();
  }

  close() {
    clearInterval(this.timer);
    document.removeEventListener("visibilitychange", this.visible);
    this.model.off("msg:custom", this.receive);
  }

  /** Send a command; the frame that shows its effect has `applied` >= the id that comes back. */
  command(type, rest = {}) {
    const id = nextId();
    this.model.send({ type, id, ...rest });
    this.asked = id;
    this.lastFrame = performance.now();
    return id;
  }

  /**
   * Tell the kernel that frame `this.frame` is on the screen, so that it may send more; not each one, as for every
   * message to the kernel JupyterLab shows that it is busy, and then idle, which costs more than the frame.
   */
  shown() {
    const now = performance.now();
    if (this.frame - this.told < TELL.frames && now - this.toldAt < TELL.wait) return;
    [this.told, this.toldAt] = [this.frame, now];
    this.model.send({ type: "shown", frame: this.frame });
  }

  ask() {
    this.askedAt ??= performance.now();
    const { versions, arrayVersions, generation, rows } = this.store;
    const have = { pictures: versions, arrays: arrayVersions, curves: generation === null ? null : [generation, rows] };
    this.model.send({ type: "tick", frame: this.frame, have });
  }

  look() {
    const now = performance.now();
    if (this.askedAt !== null && now - this.askedAt > UNANSWERED) {
      this.askedAt = null;
      this.onSilence(true);
    }
    const expecting = this.running || (this.header.applied ?? 0) < this.asked;
    if (document.hidden || this.askedAt !== null || !expecting) return;
    if (this.polling || now - this.lastFrame > QUIET) this.ask();
  }

  take(message, buffers) {
    if (message.type !== "frame") return;
    if (message.answer && this.askedAt !== null && performance.now() - this.lastFrame > QUIET) this.polling = true;
    if (!message.answer) this.polling = false;
    this.askedAt = null;
    this.lastFrame = performance.now();
    this.onSilence(false);
    message.buffers.forEach((what, i) => {
      if (what.picture) this.decode(what.picture, what.version, buffers[i]);
      else if (what.array) this.keep(what, buffers[i]);
      else this.append(what, buffers[i]);
    });
    if (message.frame < this.frame) return;
    this.frame = message.frame;
    this.header = message;
    this.onFrame(message);
  }

  async decode(name, version, png) {
    const { pictures, versions } = this.store;
    if ((versions[name] ?? -1) > version) return;
    versions[name] = version;
    const bitmap = await createImageBitmap(new Blob([png], { type: "image/png" }));
    if (versions[name] !== version) return;
    pictures[name] = bitmap;
    this.onFrame(this.header);
  }

  keep({ array: name, version, shape }, buffer) {
    const { arrays, arrayVersions } = this.store;
    if ((arrayVersions[name] ?? -1) > version) return;
    arrays[name] = Object.assign(floats(buffer), { shape });
    arrayVersions[name] = version;
  }

  /** Add rows to the curves; rows that do not fit on what is here are left out, and asked for with the next tick. */
  append({ curves: generation, from, columns }, buffer) {
    const { store } = this;
    const fresh = floats(buffer);
    if (generation === store.generation ? from > store.rows : from > 0) {
      setTimeout(() => this.askedAt === null && this.ask(), 0);
      return;
    }
    const n = from + fresh.length / columns;
    const old = store.curves;
    store.curves = Array.from({ length: columns }, (_, c) => {
      const column = new Float32Array(n);
      if (from) column.set(old[c].subarray(0, from));
      for (let i = from; i < n; i++) column[i] = fresh[(i - from) * columns + c];
      return column;
    });
    store.generation = generation;
    store.rows = n;
  }
}

/** A buffer as numbers; a copy, as a view would have to begin at a multiple of 4 bytes. */
function floats(buffer) {
  return new Float32Array(buffer.buffer.slice(buffer.byteOffset, buffer.byteOffset + buffer.byteLength));
}
