// The page's data: functions by number, and what each task knows of them.
const GAP = -32768;
const MINUS = "\u2212";
export const NONE = "\u2013";

export function openStore(block) {
  const numbers = (text) => new Int16Array(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer);
  const curves = numbers(block.curves);
  const slopes = numbers(block.slopes);
  const row = (all, i) =>
    Array.from(all.subarray(i * block.points, (i + 1) * block.points), (v) =>
      v === GAP ? null : (v * block.highest) / 32767,
    );
  const { names, slugs } = block;
  // A list that is empty is stored as none.
  const unknown = names.map(() => null);
  const lists = ["values", "ranks", "deviations", "runs", "predicted"];
  const tasks = block.tasks.map((task) => ({ ...task, ...Object.fromEntries(lists.map((key) => [key, task[key] ?? unknown])) }));
  const bits = Object.fromEntries(block.properties.map((flag, k) => [flag, 1 << k]));
  const is = (i, flag) => (block.flags[i] & bits[flag]) !== 0;
  const ids = names.map((_, i) => i);
  const ranked = tasks.filter((task) => task.ranks.some((rank) => rank !== null));
  return {
    ...block,
    tasks,
    ids,
    shown: tasks.filter((task) => task.values.some((value) => value !== null) || /[cpd]/.test(task.status)),
    curve: (i) => row(curves, i),
    slope: (i) => row(slopes, i),
    byName: new Map(names.map((name, i) => [name, i])),
    bySlug: new Map(slugs.map((slug, i) => [slug, i])),
    is,
    isFunction: (i) => is(i, "exportable") || i in block.own,
    // Whether its value is a number everywhere but at 0, where networks often ask.
    onlyAtZero: (i) => is(i, "finite") && !is(i, "finite_at_zero"),
    // Names of the tasks on which a function diverged.
    divergedOn: (i) => tasks.filter((task) => task.status[i] === "d").map((task) => task.name),
    baselines: ids.filter((i) => is(i, "baseline")),
    ranked,
    // Of functions that every task ranks.
    meanRank(i) {
      const ranks = ranked.map((task) => task.ranks[i]);
      return ranks.includes(null) || !ranks.length ? null : ranks.reduce((a, b) => a + b, 0) / ranks.length;
    },
  };
}

const LONG = 10000;

function plain(score, value) {
  const scaled = score.factor * value;
  const digits = Math.abs(scaled) >= LONG ? Math.max(score.digits - 1, 0) : score.digits;
  const text = Math.abs(scaled) >= LONG ? scaled.toExponential(digits) : scaled.toFixed(digits);
  return (Number(text) ? text : text.replace("-", "")).replace("-", MINUS);
}

export const writeScore = (score, value) => (value === null || value === undefined ? NONE : plain(score, value) + score.sign);
// A score of a task, marked where functions count with the floor: R2 of the mean predictor.
export const writeMeasured = (task, i) =>
  (task.floor !== null && task.values[i] === task.floor ? "\u2264 " : "") + writeScore(task.score, task.values[i]);
export const writeSize = (score, value) => (value === null || value === undefined ? NONE : plain(score, Math.abs(value)));
export function writeDifference(score, value) {
  if (value === null || value === undefined) return NONE;
  const text = plain(score, Math.abs(value));
  return Number(text) === 0 ? text : (value < 0 ? MINUS : "+") + text;
}
export const count = (n) => String(n).replace(/\B(?=(\d{3})+$)/g, "\u202f");
