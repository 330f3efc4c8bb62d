// Which functions the list shows, in which order, and as which file: no page is needed for it.

export const FILTERS = ["finite", "finite_at_zero", "monotone", "bounded", "diverged", "baseline", "exportable"];

const squeeze = (text) => text.toLowerCase().replace(/\s+/g, "");

export function emptyQuery() {
  return { text: "", flags: Object.fromEntries(FILTERS.map((name) => [name, ""])), span: null };
}

// A query's words must all be in a function's name or slug; blanks inside a call do not count.
export function matches(store, query, i) {
  const holds = (name) => (name === "diverged" ? store.divergedOn(i).length > 0 : store.is(i, name));
  for (const [name, wanted] of Object.entries(query.flags)) {
    if (wanted && holds(name) !== (wanted === "yes")) return false;
  }
  if (query.span) {
    const task = store.tasks[query.span.task];
    const value = task.values[i];
    if (value === null || task.tabled[i] !== "1") return false;
    if (value < query.span.low || value >= query.span.high) return false;
    if (query.span.status && (task.status[i] === "d") !== (query.span.status === "diverged")) return false;
  }
  const words = query.text.includes("(") ? [query.text] : query.text.trim().split(/\s+/);
  return words.map(squeeze).every((word) => store.names[i].toLowerCase().includes(word) || store.slugs[i].toLowerCase().includes(word));
}

// What a column sorts by; null goes last in both directions.
function keyOf(store, column) {
  const [kind, at] = column.split(":");
  const task = store.tasks[Number(at)];
  if (kind === "name") return (i) => store.names[i];
  if (kind === "mean") return (i) => store.meanRank(i);
  if (kind === "rank") return (i) => task.ranks[i];
  return (i) => (task.status[i] === "d" ? null : task.values[i]);
}

export function select(store, query, column, descending) {
  const key = keyOf(store, column);
  const found = store.ids.filter((i) => matches(store, query, i));
  const keys = new Map(found.map((i) => [i, key(i)]));
  const sign = descending ? -1 : 1;
  return found.sort((a, b) => {
    const [x, y] = [keys.get(a), keys.get(b)];
    if (x === null || y === null) return (x === null) - (y === null) || a - b;
    return x === y ? a - b : x < y ? -sign : sign;
  });
}

const STATUS = { c: "completed", p: "partial", d: "diverged", "-": "" };
const quoted = (value) => {
  const text = value === null || value === undefined ? "" : String(value);
  return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
};

export function toCsv(store, ids) {
  const head = ["name", "slug", ...store.properties];
  for (const { name } of store.shown) {
    head.push(...["validation_score", "deviation", "n_runs", "status", "rank"].map((column) => `${name}/${column}`));
  }
  const lines = ids.map((i) => [
    store.names[i],
    store.slugs[i],
    ...store.properties.map((flag) => store.is(i, flag)),
    ...store.shown.flatMap((t) => [t.values[i], t.deviations[i], t.runs[i], STATUS[t.status[i]], t.ranks[i]]),
  ]);
  return [head, ...lines].map((line) => line.map(quoted).join(",") + "\n").join("");
}

// The functions nearest to one on a map.
export function nearest(places, i, among, most) {
  const [xs, ys] = places;
  if (xs[i] === null) return [];
  return among
    .filter((j) => j !== i && xs[j] !== null)
    .map((j) => [j, Math.hypot(xs[j] - xs[i], ys[j] - ys[i])])
    .sort((a, b) => a[1] - b[1] || a[0] - b[0])
    .slice(0, most)
    .map(([j]) => j);
}
