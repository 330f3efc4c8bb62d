// Draws the figures of the page in the colours of the style sheet, and again when those change.
const root = document.documentElement;
const stored = document.getElementById("figures");
const { figures, shared } = stored ? JSON.parse(stored.textContent) : { figures: {}, shared: [] };
const drawn = new Set();
const marks = {};
let onPoint = () => {};

// Fills in shared lists and CSS variables.
function resolve(node, css) {
  if (typeof node === "string" && node.startsWith("var(--")) {
    return css.getPropertyValue(node.slice(4, -1)).trim();
  }
  if (Array.isArray(node)) return node.map((item) => (typeof item === "object" ? resolve(item, css) : item));
  if (node === null || typeof node !== "object") return node;
  if ("$ref" in node) return shared[node.$ref];
  return Object.fromEntries(Object.entries(node).map(([key, value]) => [key, resolve(value, css)]));
}

// Draws one specification into an element, without bars and tools.
export function plot(element, spec, pans = false) {
  const { data, layout } = resolve(spec, getComputedStyle(root));
  if (!pans) layout.dragmode = false;
  layout.width = element.clientWidth;
  return Plotly.react(element, data, layout, {
    displaylogo: false,
    displayModeBar: pans ? "hover" : false,
    modeBarButtons: [["zoomIn2d", "zoomOut2d", "resetScale2d"]],
    doubleClick: "reset",
  });
}

function draw(id) {
  const element = document.getElementById(id);
  if (!element.clientWidth) return; // inside details that are closed
  const { data, layout } = figures[id];
  const ring = { symbol: "circle-open", size: 19, color: "var(--ink)", line: { width: 2.6 } };
  const mark = marks[id] && { type: "scatter", mode: "markers", name: "chosen", hoverinfo: "skip", marker: ring, ...marks[id] };
  // A finger scrolls the page; only a mouse pans a map.
  const pans = layout.dragmode === "pan" && !matchMedia("(pointer: coarse)").matches;
  plot(element, { data: mark ? [...data, mark] : data, layout }, pans);
  if (!drawn.has(id)) element.on("plotly_click", ({ points: [point] }) => onPoint(id, point));
  drawn.add(id);
}

// Rings a place on some figures: coordinates by figure, in place of those before.
export function ring(places) {
  const changed = new Set([...Object.keys(marks), ...Object.keys(places)]);
  Object.keys(marks).forEach((id) => delete marks[id]);
  for (const [id, [x, y]] of Object.entries(places)) {
    if (figures[id] && x !== null) marks[id] = { x: [x], y: [y] };
  }
  changed.forEach((id) => drawn.has(id) && draw(id));
}

// Calls with a figure's id and the point where one is clicked.
export function whenPointed(callback) {
  onPoint = callback;
}

// A figure is drawn when it comes near the screen, so that a page with many opens at once.
export function startFigures(redraw = () => {}) {
  const seen = new IntersectionObserver(
    (entries) =>
      entries.filter((entry) => entry.isIntersecting).forEach(({ target }) => {
        seen.unobserve(target);
        draw(target.id);
      }),
    { rootMargin: "500px" },
  );
  Object.keys(figures).forEach((id) => seen.observe(document.getElementById(id)));
  let timer = 0;
  const again = (delay = 0) => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      drawn.forEach(draw);
      redraw();
    }, delay);
  };
  // Paper is light, does not wait, and has nothing to click at: all that is closed is opened.
  let closed = [];
  const paper = (on) => {
    clearTimeout(timer);
    if (on) closed = [...document.querySelectorAll("details:not(.source):not([open])")];
    closed.forEach((details) => (details.open = on));
    root.classList.toggle("paper", on);
    (on ? Object.keys(figures) : [...drawn]).forEach(draw);
    redraw();
  };
  addEventListener("resize", () => again(120));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => again());
  addEventListener("beforeprint", () => paper(true));
  addEventListener("afterprint", () => paper(false));
}
