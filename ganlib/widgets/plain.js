// Numbers, how they are said, and round ranges with their ticks: what the engines of the pages without a kernel share.

export const { PI, abs, ceil, exp, floor, log, log1p, log10, max, min, round, sqrt } = Math;
export const range = (n, make) => Array.from({ length: n }, (_, i) => make(i));
export const sum = (numbers) => numbers.reduce((a, b) => a + b, 0);
export const softplus = (a) => max(a, 0) + log1p(exp(-abs(a)));
export const whole = (n) => String(round(n)).replace(/\B(?=(\d{3})+$)/g, ",");
export const fixed = (v, digits = 3) => v.toFixed(digits);

// -- ranges and ticks, as in picture.py -------------------------------------------------------------------------------

function stepOf(low, high, n) {
  const raw = (high - low) / n;
  const power = 10 ** floor(log10(raw));
  return [1, 2, 5, 10].find((m) => m * power >= 0.999 * raw || m === 10) * power;
}

export function roundRange(low, high, n = 4) {
  const step = stepOf(low, high, n);
  return [floor(low / step + 1e-9), ceil(high / step - 1e-9)].map((i) => Number((i * step).toPrecision(12)));
}

export function ticks([low, high], n) {
  const step = stepOf(low, high, n);
  const digits = max(0, -floor(log10(step) + 1e-9));
  const first = ceil(low / step - 1e-9);
  return range(floor(high / step + 1e-9) - first + 1, (i) => {
    const at = Number(((first + i) * step).toPrecision(12)) + 0; // no -0
    return [at, (digits ? fixed(at, digits) : whole(at)).replace("-", "−")];
  });
}
