// The list of all functions: found, filtered, sorted, a part at a time.
import { NONE, count, writeMeasured, writeSize } from "./store.js";
import { FILTERS, emptyQuery, select, toCsv } from "./select.js";
import { make, spell } from "./panel.js";

const ROWS = 25;

export function makeList(store, element, say, open) {
  const find = (selector) => element.querySelector(selector);
  const query = emptyQuery();
  let column = store.ranked.length ? `rank:${store.tasks.indexOf(store.ranked[0])}` : "name";
  let descending = false;
  let first = 0;
  let found = [];

  const columns = [["name", "Function"]];
  for (const task of store.shown) {
    const at = store.tasks.indexOf(task);
    columns.push([`value:${at}`, store.shown.length > 1 ? task.name : `Validation ${task.score.shown}`]);
    if (store.ranked.includes(task)) columns.push([`rank:${at}`, "Rank"]);
  }
  if (store.ranked.length > 1) columns.push(["mean", "Mean rank"]);

  const heads = columns.map(([key, label]) => {
    const button = make("button", { type: "button", onclick: () => sortBy(key) }, label);
    if (label === "Rank" && store.shown.length > 1) {
      button.setAttribute("aria-label", `Rank on ${store.tasks[Number(key.split(":")[1])].name}`);
    }
    return make("th", { scope: "col", class: key === "name" ? null : "number" }, button);
  });
  find("thead").replaceChildren(make("tr", { "aria-rowindex": 1 }, ...heads));

  function sortBy(key) {
    descending = key === column ? !descending : key.startsWith("value");
    column = key;
    first = 0;
    show();
  }

  function cell(key, i) {
    const [kind, at] = key.split(":");
    const task = store.tasks[Number(at)];
    if (kind === "mean") {
      const mean = store.meanRank(i);
      return mean === null ? NONE : mean.toFixed(1);
    }
    if (kind === "rank") return task.ranks[i] === null ? NONE : count(task.ranks[i]);
    if (task.status[i] === "-") return NONE;
    if (task.status[i] === "d") return "diverged";
    const text = writeMeasured(task, i);
    if (task.deviations[i] === null) return text;
    return make("span", {}, text, make("span", { class: "muted" }, ` \u00b1 ${writeSize(task.score, task.deviations[i])}`));
  }

  function row(i, place) {
    const button = make("button", { type: "button", class: "link", "data-function": i, onclick: () => open(i, true) }, spell(store.names[i]));
    const tags = [store.is(i, "baseline") && "baseline", store.onlyAtZero(i) && "not finite at 0", store.own[i] && "no ONNX export"].filter(Boolean);
    const head = make("th", { scope: "row", class: store.is(i, "baseline") ? "baseline" : null }, button, ...tags.flatMap((tag) => [" ", make("span", { class: "tag" }, tag)]));
    return make("tr", { "aria-rowindex": place }, head, ...columns.slice(1).map(([key]) => make("td", { class: "number" }, cell(key, i))));
  }

  function show() {
    found = select(store, query, column, descending);
    first = Math.min(first, Math.max(0, found.length - 1));
    first -= first % ROWS;
    heads.forEach((head, k) => {
      if (columns[k][0] === column) head.setAttribute("aria-sort", descending ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    });
    const part = found.slice(first, first + ROWS);
    find("tbody").replaceChildren(...part.map((i, k) => row(i, first + k + 2))); // the head is the first row
    find("table").setAttribute("aria-rowcount", found.length + 1);
    const all = count(store.ids.length);
    find(".found").textContent = `${found.length === store.ids.length ? all : `${count(found.length)} of ${all}`} functions`;
    find(".part").textContent = found.length ? `${count(first + 1)} to ${count(first + part.length)} of ${count(found.length)}` : "none";
    const ends = { first: first === 0, back: first === 0, on: first + ROWS >= found.length, last: first + ROWS >= found.length };
    Object.entries(ends).forEach(([name, at]) => (find(`[data-go=${name}]`).disabled = at));
    const { span } = query;
    find(".span").hidden = !span;
    if (span) find(".span-text").textContent = `${store.tasks[span.task].name}: ${span.label}`;
  }

  // Listing anew after each letter would be read out each time.
  let timer = 0;
  const change = (delay) => {
    first = 0;
    clearTimeout(timer);
    timer = setTimeout(show, delay);
  };
  find("[name=find]").addEventListener("input", ({ target }) => {
    query.text = target.value;
    change(120);
  });
  for (const name of FILTERS) {
    find(`[name=${name}]`).addEventListener("change", ({ target }) => {
      query.flags[name] = target.value;
      change(0);
    });
  }
  find("form").addEventListener("submit", (event) => event.preventDefault());
  find("form").addEventListener("reset", () => {
    Object.assign(query, emptyQuery());
    change(0);
  });
  find(".span button").addEventListener("click", () => {
    query.span = null;
    change(0);
    find("[name=find]").focus();
  });
  const steps = { first: () => 0, back: () => first - ROWS, on: () => first + ROWS, last: () => found.length - 1 };
  for (const [name, to] of Object.entries(steps)) {
    find(`[data-go=${name}]`).addEventListener("click", () => {
      first = to();
      show();
    });
  }
  find(".csv").addEventListener("click", () => {
    const url = URL.createObjectURL(new Blob([toCsv(store, found)], { type: "text/csv" }));
    const anchor = make("a", { href: url, download: "functions.csv" });
    anchor.click();
    setTimeout(() => URL.revokeObjectURL(url));
    say(`${count(found.length)} functions written to functions.csv`);
  });
  // Arrows go from name to name, and over the end of a part to the next.
  find("tbody").addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step || !event.target.matches("[data-function]")) return;
    event.preventDefault();
    const to = found.indexOf(Number(event.target.dataset.function)) + step;
    if (to < 0 || to >= found.length) return;
    if (to < first || to >= first + ROWS) {
      first = to - (to % ROWS);
      show();
    }
    find(`[data-function="${found[to]}"]`).focus();
  });
  show();
  return {
    // Lists the functions of a histogram's bar.
    within(span) {
      query.span = span;
      first = 0;
      show();
      element.scrollIntoView();
      say(find(".found").textContent);
    },
    focus: () => find("[name=find]").focus(),
    // Lists what has a text in its name or slug.
    find(text) {
      find("[name=find]").value = query.text = text;
      first = 0;
      show();
      element.scrollIntoView();
    },
  };
}
