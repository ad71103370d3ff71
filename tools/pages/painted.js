// A mask over a test digit, painted without a kernel: what paint.py is with one. G and the classifier are fetched when
// the reader asks for them; until then the picture is the recorded one.

/** A layer from 8 bits: W (units, inputs) is whole numbers times a scale for each row. */
function dense(layer, [whole, scales, b]) {
  const [W, size] = [Float32Array.from(new Int8Array(whole.buffer)), new Float32Array(scales.buffer)];
  for (let at = 0; at < W.length; at++) W[at] *= size[Math.floor(at / layer.inputs)];
  return { ...layer, W, b: new Float32Array(b.buffer) };
}

/** Add to a sum what the inputs x, which stand from a place on among all inputs, give to a unit. */
function weighed({ W, inputs }, unit, x, from, sum) {
  for (let j = 0, w = unit * inputs + from; j < x.length; j++) sum += W[w + j] * x[j];
  return sum;
}

const ACTS = { relu: (a) => Math.max(0, a), sigmoid: (a) => 1 / (1 + Math.exp(-a)), linear: (a) => a };

/** One example through a layer. */
function passed(layer, x) {
  const act = ACTS[layer.activation];
  return Float32Array.from(layer.b, (b, unit) => act(weighed(layer, unit, x, 0, b)));
}

class Painted extends RecordedModel {
  constructor(about) {
    super(about);
    Object.assign(this, { which: 0, noise: 0, brush: 1, side: Math.sqrt(this.hidden.length) * this.block });
    this.all = new Uint8Array(this.buffers[this.digits].buffer);
    this.z = new Float32Array(this.buffers[this.noises].buffer);
  }

  /** The nets have come. */
  meet({ G, judge, buffers }) {
    const numbers = [...buffers];
    const made = (layer) => dense(layer, numbers.splice(0, 3));
    this.G = [G[0].map(made), ...G.slice(1).map(made)];
    this.judge = judge.map(made);
    this.work();
  }

  press(button, { index, stroke } = {}) {
    if (!this.G) return `G is not here yet: the button “${this.fetches}” below fetches it.`;
    if (button === "paint") {
      if (!stroke) this.brush = 1 - this.hidden[index];
      this.hidden[index] = this.brush;
    } else if (button === "all" || button === "none") this.hidden.fill(Number(button === "all"));
    else if (button === "other") this.which = (this.which + 1) % this.labels.length;
    else if (button === "noise") this.noise += 1;
    else return NOT_HERE;
    this.work();
  }

  get fetches() {
    return `Fetch G (${this.size.toFixed(1)} MB) and paint`;
  }

  get label() {
    return this.labels[this.which];
  }

  /** The digit, bytes. */
  get digit() {
    const d = this.side ** 2;
    return this.all.subarray(this.which * d, (this.which + 1) * d);
  }

  /** What z alone gives to G's second layer, for each of the completions; it stays until there is other noise. */
  fromNoise([[ofZ], middle]) {
    const sets = this.z.length / (this.draws * ofZ.inputs);
    const begin = (this.noise % sets) * this.draws;
    return Array.from({ length: this.draws }, (_, i) => {
      const z = this.z.subarray((begin + i) * ofZ.inputs, (begin + i + 1) * ofZ.inputs);
      const a = passed(ofZ, z);
      return Float32Array.from(middle.b, (b, unit) => weighed(middle, unit, a, 0, b));
    });
  }

  /** The completions of the digit as it is hidden now, and what is measured of them. */
  work() {
    const { G, side, block, columns, hidden, digit } = this;
    if (this.drawn?.noise !== this.noise) this.drawn = { noise: this.noise, sums: this.fromNoise(G) };
    const [[ofZ, ofSeen, ofMask], middle, last] = G;
    const at = (p) => Math.floor(p / side / block) * columns + Math.floor((p % side) / block);
    const mask = Float32Array.from(digit, (_, p) => hidden[at(p)]);
    const x = Float32Array.from(digit, (grey) => grey / 255);
    const seen = passed(ofSeen, x.map((grey, p) => grey * (1 - mask[p])));
    const where = passed(ofMask, mask.map((one) => this.mask * one));
    const next = ofZ.units + ofSeen.units;
    const rest = middle.b.map((_, unit) => weighed(middle, unit, where, next, weighed(middle, unit, seen, ofZ.units, 0)));
    this.completions = this.drawn.sums.map((sums) => {
      const h = sums.map((a, unit) => ACTS[middle.activation](a + rest[unit]));
      const act = ACTS[last.activation];
      return x.map((grey, p) => (mask[p] ? act(weighed(last, p, h, 0, last.b[p])) : grey));
    });
    const apart = [];
    this.completions.forEach((one, i) => {
      for (const other of this.completions.slice(0, i)) apart.push(Math.hypot(...one.map((grey, p) => grey - other[p])));
    });
    this.apart = mean(apart);
    const logits = this.judge.length ? this.completions.map((one) => this.judge.reduce((a, layer) => passed(layer, a), one)) : [];
    this.taken = logits.map((one) => one.indexOf(Math.max(...one)));
  }

  /** The blocks of the digit as images of their own, larger, those that are hidden in colour. */
  blocks() {
    const { block, columns, digit, hidden, shade, side, zoom } = this;
    const wide = block * zoom;
    const all = new Uint8Array(hidden.length * wide * wide * 3);
    for (let i = 0, at = 0; i < hidden.length; i++) {
      const corner = Math.floor(i / columns) * block * side + (i % columns) * block;
      for (let row = 0; row < wide; row++) {
        for (let column = 0; column < wide; column++, at += 3) {
          const grey = digit[corner + Math.floor(row / zoom) * side + Math.floor(column / zoom)];
          all.set(hidden[i] ? shade : [grey, grey, grey], at);
        }
      }
    }
    return all;
  }

  changed(message) {
    if (!this.G) return message;
    const { columns, completions, draws, hidden, label, taken } = this;
    const picture = structuredClone(message.picture);
    const [painted, sheet] = picture.panels;
    const count = hidden.reduce((sum, one) => sum + one, 0);
    const rows = new Set(hidden.flatMap((one, i) => (one ? [Math.floor(i / columns)] : []))).size;
    painted.title = `A test digit: ${label}`;
    painted.words = `A test digit, a ${label}, in ${hidden.length} blocks; ${count} are hidden, ${rows} rows touched.`;
    picture.words = sheet.words = this.words[count];
    sheet.tiles.badges = taken.map((one, i) => [i, String(one)]);
    const [blocks, between, right] = picture.readouts;
    blocks[0] = `${count} of ${hidden.length}`;
    between[0] = this.apart.toFixed(2);
    if (right) [right[0], right[1]] = [`${taken.filter((one) => one === label).length} of ${draws}`, `taken for a ${label}`];
    const pixels = completions.flatMap((one) => Array.from(one, (grey) => Math.round(255 * grey)));
    const buffers = [...message.buffers];
    const put = ({ images }, bytes) => (buffers[images.at] = new DataView(bytes.buffer));
    put(painted.tiles, this.blocks());
    put(sheet.tiles, Uint8Array.from(pixels));
    return { ...message, picture, buffers };
  }

  /** A button below the picture fetches the nets. */
  below(place) {
    const name = place.dataset.recording;
    const line = Object.assign(document.createElement("p"), { className: "demo-said" });
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: this.fetches });
    const said = document.createElement("span");
    said.setAttribute("role", "status");
    line.append(button, " ", said);
    place.append(line);
    const say = (words) => (said.textContent = words);
    say("G and the classifier then answer your strokes in this page, as in the notebook.");
    button.addEventListener("click", () => {
      button.disabled = true;
      say(`On their way, ${this.size.toFixed(1)} MB.`);
      fetchScript(`${name}-nets`).onerror = () => {
        button.disabled = false;
        say("They could not be fetched. Press the button once more.");
      };
    });
    window.ganlibNets = async (_, text) => {
      this.meet(await unpacked(text));
      this.tell({ ...this.message(), answer: false });
      button.remove();
      const sets = this.z.length / (this.draws * this.G[0][0].inputs);
      say(`G and the classifier are here: paint. There are ${this.labels.length} test digits, and ${sets} sets of z.`);
    };
  }
}

KINDS.paint = Painted;
