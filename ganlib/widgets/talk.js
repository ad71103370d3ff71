// The page's side of the talk with an engine: demo.py says what each message holds. There are three sources of frames.

const ASK = 150; // ms from one question to the next while frames arrive
const QUIET = 400; // ms without a frame after which the page asks again
const PUSHES = 1000; // ms without a frame that came unasked: only answers reach this page
const SILENT = 2000; // ms without an answer
const BUSY = "The kernel is busy with another cell; this goes on when that has ended.";
const GONE = "The kernel is busy with another cell, or was restarted (then run this cell again).";

let lastId = 0;

/** A number that grows from call to call, in every view of every demo on this page. */
function nextId() {
  lastId = Math.max(lastId + 1, Date.now());
  return lastId;
}

/** Frames from the kernel. */
export class KernelSource {
  constructor(model) {
    this.model = model;
    this.first = model.get("first");
  }

  listen(hear) {
    this.hear = hear;
    this.model.on("msg:custom", hear);
  }

  ask(message) {
    this.model.send(message);
  }

  close() {
    this.model.off("msg:custom", this.hear);
  }
}

/** Frames that the page has had from the start: it turns to any of them without the kernel, whatever that is doing. */
export class RecordingSource extends KernelSource {
  constructor(model) {
    super(model);
    this.n = this.first.frame.n;
  }

  listen(hear) {
    this.tell = hear;
    super.listen(({ type, values }) => type === "frame" && this.ask({ values: { frame: values.frame[0] } }));
  }

  ask({ id = 0, values }) {
    const frame = this.model.get("recording")[values?.frame];
    if (frame) this.tell({ ...frame, n: ++this.n, applied: id, answer: true }, frame.buffers);
    else this.tell({ type: "same", n: this.n, applied: 0, answer: true });
  }
}

/** Frames from a worker of the page, which plays the game itself, with no kernel anywhere: see toy_engine.js. */
export class WorkerSource {
  gone = "The game has not answered for a while. If this stays, load the page again.";

  constructor(model) {
    this.worker = model.get("worker");
    this.first = model.get("first");
  }

  listen(hear) {
    this.worker.onmessage = ({ data: [message, buffers] }) => hear(message, buffers);
  }

  ask(message) {
    this.worker.postMessage(message);
  }

  close() {
    this.worker.terminate();
  }
}

/**
 * Asks a source for frames while there are some to be expected, and says when none come. `onFrame(message, buffers)`
 * hears of newer frames, `onNews()` of what else has changed: `applied`, and `trouble`, words for the status line.
 */
export class Talk {
  constructor(source, onFrame, onNews) {
    Object.assign(this, { source, onFrame, onNews });
    this.n = -1;
    this.running = this.polling = false;
    this.applied = this.asked = 0; // ids of commands
    this.trouble = "";
    this.askedAt = this.heardAt = this.pushedAt = -Infinity;
    this.unanswered = null; // when the first message without an answer was sent
    this.motion = window.matchMedia("(prefers-reduced-motion: reduce)");
    this.seen = () => document.hidden || this.ask();
    document.addEventListener("visibilitychange", this.seen);
    this.motion.addEventListener("change", this.seen);
    source.listen((message, buffers) => this.hear(message, buffers));
    this.timer = setInterval(() => this.look(), 100);
  }

  close() {
    clearInterval(this.timer);
    document.removeEventListener("visibilitychange", this.seen);
    this.motion.removeEventListener("change", this.seen);
    this.source.close();
  }

  ask() {
    this.send({ type: "ask", have: this.n, slow: this.motion.matches });
  }

  /** Send a command; the frame that shows its effect has `applied` >= the id that comes back. */
  command(type, rest) {
    this.asked = nextId();
    this.send({ type, id: this.asked, ...rest });
    return this.asked;
  }

  send(message) {
    this.askedAt = performance.now();
    this.unanswered ??= this.askedAt;
    this.source.ask(message);
  }

  get expecting() {
    return !document.hidden && (this.running || this.applied < this.asked);
  }

  hear(message, buffers) {
    if (message.type !== "frame" && message.type !== "same") return;
    const now = performance.now();
    this.heardAt = now;
    if (message.answer) this.unanswered = null;
    const fresh = message.type === "frame" && message.n > this.n;
    if (!message.answer || (fresh && message.running && !this.running)) this.pushedAt = now;
    this.applied = Math.max(this.applied, message.applied);
    this.trouble = message.stalled ? BUSY : "";
    if (fresh) {
      [this.n, this.running] = [message.n, message.running];
      this.onFrame(message, buffers);
    } else this.onNews();
    this.polling = this.running && message.answer && now - this.pushedAt > PUSHES;
    if (this.polling && !fresh) setTimeout(() => this.unanswered === null && this.expecting && this.ask(), ASK / 4);
  }

  /** The page has drawn the newest frame. */
  drawn() {
    const soon = this.polling ? this.unanswered === null : performance.now() - this.askedAt >= ASK;
    if (this.expecting && soon) this.ask();
  }

  look() {
    const now = performance.now();
    const silent = this.unanswered !== null && now - this.unanswered > SILENT;
    const gone = this.source.gone ?? GONE;
    if (silent && this.trouble !== gone) {
      this.trouble = gone;
      this.onNews();
    }
    const quiet = silent ? SILENT : QUIET;
    if (this.expecting && now - this.heardAt > quiet && now - this.askedAt > quiet) this.ask();
  }
}
