// Joins the parts of the page.
import { openStore } from "./store.js";
import { startFigures, whenPointed } from "./figures.js";
import { makePanel } from "./panel.js";
import { makeList } from "./list.js";

const block = document.getElementById("functions");
if (block) {
  const store = openStore(JSON.parse(block.textContent));
  const spoken = document.getElementById("spoken");
  const say = (text) => {
    spoken.textContent = text;
  };
  const panel = makePanel(store, document.getElementById("function"), say, () => say("Closed"));
  const list = makeList(store, document.getElementById("explorer"), say, panel.open);
  const plainText = (text) => new DOMParser().parseFromString(text, "text/html").body.textContent;

  whenPointed((id, point) => {
    const span = point.customdata;
    if (/-(histogram|upper)$/.test(id) && Array.isArray(span)) {
      const task = store.tasks.findIndex(({ anchor }) => id.startsWith(`${anchor}-`));
      const status = point.data.name === "diverged" ? "diverged" : "trained";
      list.within({ task, low: span[0] ?? -Infinity, high: span[1] ?? Infinity, status, label: point.text });
      return;
    }
    const name = typeof point.text === "string" ? plainText(point.text.split("<br>")[0]) : "";
    if (store.byName.has(name)) panel.open(store.byName.get(name));
  });

  const decoded = (text) => {
    try {
      return decodeURIComponent(text);
    } catch {
      return text; // it is no function's address, and is said as it is
    }
  };
  // Links to functions on the page are such addresses too.
  const follow = (focus) => {
    const slug = location.hash.startsWith("#f=") ? decoded(location.hash.slice(3)) : null;
    if (slug !== null && store.bySlug.has(slug)) panel.open(store.bySlug.get(slug), focus);
    else if (slug !== null) {
      say(`No function here has the slug ${slug}`);
      list.find(slug);
    }
  };
  addEventListener("hashchange", () => follow(true));
  addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.target.matches("input, select, textarea")) return;
    event.preventDefault();
    list.focus();
  });
  startFigures(panel.redraw);
  follow(false);
} else {
  startFigures();
}
