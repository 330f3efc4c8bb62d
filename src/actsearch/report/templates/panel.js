// What is known of one function: a panel beside the page.
import { NONE, count, writeDifference, writeMeasured, writeScore, writeSize } from "./store.js";
import { nearest } from "./select.js";
import { plot, ring } from "./figures.js";

const MAPS = { outputs: "by outputs", fisher: "by Fisher information", union: "by both" };
const JUDGED = "A verdict follows p, which is corrected for the number of comparisons (Holm); the interval is not, so that of a tie may leave out 0.";

// An element with attributes and children; texts stay texts.
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== null) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

// A name that may wrap after its commas.
export const spell = (name) => make("code", { class: "fn" }, ...name.split(/(?<=,)/).flatMap((part) => [part, make("wbr")]));

// The roles are said, since narrow screens lay out rows as blocks, which takes them away.
const table = (label, head, rows) =>
  make("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": label },
    make("table", { role: "table" },
      make("thead", { role: "rowgroup" }, make("tr", { role: "row" }, ...head.map((text, k) => make("th", { role: "columnheader", scope: "col", class: k ? "number" : null }, text)))),
      make("tbody", { role: "rowgroup" }, ...rows.map((row) =>
        make("tr", { role: "row" }, ...row.map((cell, k) =>
          k ? make("td", { role: "cell", class: "number", "data-label": head[k] }, cell) : make("th", { role: "rowheader", scope: "row" }, cell)))))));
const caption = (text) => make("p", { class: "caption" }, text);

const link = (target, text) => (target ? make("a", { href: encodeURI(target) }, text) : text);

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const field = make("textarea", { class: "aside-copy", "aria-hidden": "true" });
    field.value = text;
    document.body.append(field);
    field.select();
    document.execCommand("copy");
    field.remove();
  }
}

export function makePanel(store, element, say, onLeave) {
  let shown = null;
  let origin = null;
  const body = element.querySelector(".panel-body");
  const title = element.querySelector("h2");

  const code = (i) => `from actsearch import Activation\n\nlayer = Activation(${JSON.stringify(store.names[i])})`;
  const copier = (label, text) =>
    make("button", { type: "button", onclick: () => copy(text).then(() => say(`${label} copied`)) }, `Copy ${label}`);
  const pick = (i) => make("button", { type: "button", class: "link", onclick: () => open(i, true) }, spell(store.names[i]));

  function marks(i) {
    const tags = [store.is(i, "baseline") ? "baseline" : null, ...store.divergedOn(i).map((task) => `diverged on ${task}`)];
    tags.push(store.onlyAtZero(i) ? "finite except at 0" : store.is(i, "finite") ? "finite" : "not finite");
    tags.push(...["monotone", "bounded"].map((flag) => (store.is(i, flag) ? flag : `not ${flag}`)));
    if (!store.isFunction(i)) tags.push("cannot be evaluated here");
    else if (store.own[i]) tags.push(`no ONNX export: ${store.own[i].join(", ")} is not built in`);
    else tags.push("exportable");
    return make("p", {}, ...tags.filter(Boolean).flatMap((tag) => [make("span", { class: "tag" }, tag), " "]));
  }

  function figure(i) {
    const line = (y, more) => ({ type: "scatter", mode: "lines", x: store.x, y, ...more });
    const ghosts = store.baselines.filter((j) => j !== i).map((j) =>
      line(store.curve(j), { line: { color: "var(--faint)", width: 0.8 }, hoverinfo: "skip", showlegend: false }));
    const [curve, slope] = [store.curve(i), store.slope(i)];
    const inside = [...curve, ...slope].filter((v) => v !== null && Math.abs(v) <= store.limit);
    const low = Math.min(-1, ...inside);
    const high = Math.max(1, ...inside);
    const axis = { gridcolor: "var(--grid)", linecolor: "var(--line)", zerolinecolor: "var(--line)", fixedrange: true, automargin: true };
    return {
      data: [
        ...ghosts,
        line(curve, { name: "f(x)", line: { color: store.is(i, "baseline") ? "var(--baseline)" : "var(--found)", width: 2.6 }, hovertemplate: "f(%{x:.1f}) = %{y:.3g}<extra></extra>" }),
        line(slope, { name: "derivative", line: { color: "var(--series-2)", width: 1.8, dash: "dash" }, hovertemplate: "f\u2032(%{x:.1f}) = %{y:.3g}<extra></extra>" }),
      ],
      layout: {
        height: 270,
        margin: { l: 8, r: 8, t: 8, b: 8 },
        paper_bgcolor: "rgba(0,0,0,0)",
        plot_bgcolor: "rgba(0,0,0,0)",
        font: { family: "system-ui, sans-serif", size: 12, color: "var(--muted)" },
        hoverlabel: { bgcolor: "var(--panel)", bordercolor: "var(--line)", font: { color: "var(--ink)" } },
        legend: { orientation: "h", x: 0, y: 1.02, yanchor: "bottom" },
        xaxis: { ...axis, range: [-store.limit, store.limit] },
        yaxis: { ...axis, range: [low - 0.3, high + 0.3] },
      },
    };
  }

  function onTasks(i) {
    const trained = store.shown.filter((task) => task.status[i] !== "-");
    const others = store.shown.filter((task) => task.status[i] === "-").map((task) => task.name);
    const rows = trained.map((task) => {
      const { score } = task;
      const value = task.values[i];
      const around = task.deviations[i] === null ? "" : `\u00a0\u00b1\u00a0${writeSize(score, task.deviations[i])}`;
      const text = task.status[i] === "d" ? "diverged" : writeMeasured(task, i) + around;
      const best = task.baseline === null ? null : task.values[task.baseline];
      const apart = task.status[i] !== "d" && best !== null && value !== null ? value - best : null;
      return [
        make("a", { href: `#${task.anchor}` }, task.name),
        text,
        task.runs[i] === null ? NONE : String(task.runs[i]),
        task.ranks[i] === null ? NONE : `${count(task.ranks[i])}\u00a0of\u00a0${count(task.ranked)}`,
        writeDifference(score, apart),
        task.predicted[i] === null ? NONE : writeScore(score, task.predicted[i]),
      ];
    });
    return [
      ...(rows.length ? [table("The function on every task", ["Task", "Validation, median", "Seeds", "Rank", "To the best baseline", "Predicted"], rows)] : []),
      ...(others.length ? [caption(`Not trained on ${others.join(", ")}.`)] : []),
    ];
  }

  function costs(i) {
    const found = new Set(Object.values(store.costs).map((of) => of[i]).filter(Boolean));
    return found.size ? make("p", {}, `Cost beside relu, forward and backward, and bytes kept for each number, measured with the table: ${[...found].join("; ")}.`) : null;
  }

  function files(i) {
    const paths = store.shown.filter((task) => task.trial && task.tabled[i] === "1").map((task) => task.trial.replace("{slug}", store.slugs[i]));
    for (const { searches, final } of store.tasks) {
      const rows = [...searches.flatMap((search) => search.rows), ...(final ?? [])];
      paths.push(...rows.filter((row) => row[0] === i).map((row) => row.at(-1)).filter(Boolean));
    }
    if (!paths.length) return make("p", { class: "muted" }, "No file here holds its trainings.");
    return make("ul", { class: "equals files" }, ...[...new Set(paths)].map((path) => make("li", {}, link(path, make("code", {}, path)))));
  }

  function inSearches(i) {
    const rows = [];
    for (const task of store.tasks) {
      for (const { strategy, rows: trained } of task.searches) {
        for (const [j, round, slot, prediction, value, status, file] of trained) {
          if (j !== i) continue;
          const where = round ? `round ${round}, slot ${slot}` : "one of the baselines at the start";
          rows.push([
            `${task.name}, ${strategy}`,
            link(file, where),
            prediction === null ? NONE : writeScore(task.score, prediction),
            status === "d" ? "diverged" : writeScore(task.score, value),
          ]);
        }
      }
    }
    return rows.length ? table("The function in live searches", ["Search", "Where", "Predicted", "Measured"], rows) : make("p", { class: "muted" }, "No live search trained it.");
  }

  function inFinals(i) {
    const rows = [];
    for (const { name, score, final } of store.tasks) {
      for (const [j, mean, deviation, apart, low, high, verdict, p] of final ?? []) {
        if (j !== i) continue;
        const interval = apart === null ? NONE : `${writeDifference(score, apart)} (${writeDifference(score, low)} to ${writeDifference(score, high)})`;
        rows.push([name, `${writeScore(score, mean)}\u00a0\u00b1\u00a0${writeSize(score, deviation)}`, interval, apart === null ? verdict : `${verdict}, p\u00a0${p.replace(" ", "\u00a0")}`]);
      }
    }
    return rows.length ? [make("h3", {}, "Last comparison, on the test set"), table("The function in last comparisons", ["Task", "Test, mean", "To the best baseline (95% interval)", "Verdict"], rows), caption(JUDGED)] : [];
  }

  function features(i) {
    const labels = ["mean", "deviation", "steepness (root mean square of the derivative)"];
    const write = (v) => (v === null ? NONE : v.toPrecision(3).replace("-", "\u2212"));
    const rows = labels.map((label, k) => {
      const of = store.baselines.map((j) => store.normal[j][k]).filter((v) => v !== null);
      const range = of.length ? `${write(Math.min(...of))} to ${write(Math.max(...of))}` : NONE;
      return [label, write(store.normal[i][k]), range];
    });
    const near = [];
    for (const task of store.tasks) {
      for (const [feature, label] of Object.entries(task.places ? MAPS : {})) {
        const among = nearest(task.places[feature], i, store.baselines, 1);
        const others = nearest(task.places[feature], i, store.ids, 3);
        const at = (list) => (list.length ? make("span", { class: "names" }, ...list.flatMap((j, k) => [k ? ", " : "", pick(j)])) : NONE);
        if (others.length) near.push([`${task.name}, ${label}`, at(among), at(others)]);
      }
    }
    return [
      table("Outputs on normal inputs", ["Outputs on normal inputs", "This function", "Baselines, lowest to highest"], rows),
      near.length
        ? table("Neighbours on the maps", ["Map", "Nearest baseline", "Nearest functions"], near)
        : make("p", { class: "muted" }, "It is on no map here."),
    ];
  }

  function equals(i) {
    const spaces = store.spaces.filter(({ has }) => has[i] === "1");
    const muted = (text) => make("p", { class: "muted" }, text);
    if (!store.spaces.length) return [muted("Not looked for: this page has the functions of no space.")];
    if (!spaces.length) return [muted(`Not looked for: it is not in ${store.spaces.map(({ name }) => name).join(", nor in ")}.`)];
    return spaces.flatMap(({ name, equals: of }) => {
      if (!of[i]) return [muted(`In ${name}: none.`)];
      const [some, more] = of[i];
      const items = some.map((other) => make("li", {}, spell(other)));
      return [
        make("p", {}, `In ${name}:`),
        make("ul", { class: "equals" }, ...items),
        ...(more ? [muted(`And ${count(more)} more.`)] : []),
      ];
    });
  }

  function open(i, focus = false) {
    if (shown === null) origin = document.activeElement;
    shown = i;
    const name = store.names[i];
    title.replaceChildren(spell(name));
    const chart = make("div", { class: "chart", role: "img", "aria-label": `${name} and its derivative from \u2212${store.limit} to ${store.limit}` });
    body.replaceChildren(
      marks(i),
      make("p", { class: "buttons" }, copier("name", name), copier("slug", store.slugs[i]), store.isFunction(i) ? copier("code", code(i)) : ""),
      chart,
      caption("Thin lines: the baselines."),
      make("h3", {}, "On every task"),
      ...onTasks(i),
      costs(i) ?? "",
      ...inFinals(i),
      make("h3", {}, "In live searches"),
      inSearches(i),
      make("h3", {}, "Its features beside the baselines\u2019"),
      ...features(i),
      make("h3", {}, "Equal functions"),
      ...equals(i),
      make("h3", {}, "Files with its trainings"),
      files(i),
    );
    element.hidden = false;
    document.body.classList.add("with-panel");
    body.scrollTop = 0;
    plot(chart, figure(i));
    ring(Object.fromEntries(store.tasks.flatMap(({ anchor, places }) =>
      Object.entries(places ?? {}).map(([feature, [xs, ys]]) => [`${anchor}-map-${feature}`, [xs[i], ys[i]]]))));
    history.replaceState(null, "", `#f=${encodeURIComponent(store.slugs[i])}`);
    if (focus) title.focus();
  }

  function close() {
    if (shown === null) return;
    shown = null;
    element.hidden = true;
    document.body.classList.remove("with-panel");
    ring({});
    history.replaceState(null, "", location.pathname + location.search);
    onLeave();
    if (origin?.isConnected && origin !== document.body) origin.focus();
  }

  element.querySelector(".close").addEventListener("click", close);
  addEventListener("keydown", (event) => event.key === "Escape" && close());
  return {
    open,
    redraw: () => shown !== null && plot(body.querySelector(".chart"), figure(shown)),
  };
}
