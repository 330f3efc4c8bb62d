"use strict";
// Draws the figures of the page in the colours of the style sheet, and again when those change.
(() => {
  const { figures, shared } = JSON.parse(document.getElementById("figures").textContent);
  const root = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const touch = matchMedia("(pointer: coarse)").matches;

  // Fills in shared lists and CSS variables.
  const resolve = (node, css) => {
    if (typeof node === "string" && node.startsWith("var(--")) {
      return css.getPropertyValue(node.slice(4, -1)).trim();
    }
    if (Array.isArray(node)) return node.map((item) => (typeof item === "object" ? resolve(item, css) : item));
    if (node === null || typeof node !== "object") return node;
    if ("$ref" in node) return shared[node.$ref];
    return Object.fromEntries(Object.entries(node).map(([key, value]) => [key, resolve(value, css)]));
  };

  const draw = (id) => {
    const { data, layout } = resolve(figures[id], getComputedStyle(root));
    const element = document.getElementById(id);
    // A finger scrolls the page; only a mouse pans a map.
    const pans = layout.dragmode === "pan" && !touch;
    if (!pans) layout.dragmode = false;
    layout.width = element.clientWidth;
    Plotly.react(element, data, layout, {
      displaylogo: false,
      displayModeBar: pans ? "hover" : false,
      modeBarButtons: [["zoomIn2d", "zoomOut2d", "resetScale2d"]],
      doubleClick: "reset",
    });
  };

  // One figure after the other, so that the page can be read and scrolled meanwhile.
  let timer = 0;
  const drawAll = (delay = 0) => {
    clearTimeout(timer);
    const waiting = Object.keys(figures);
    const next = () => {
      draw(waiting.shift());
      if (waiting.length) timer = setTimeout(next);
    };
    timer = setTimeout(next, delay);
  };

  // Paper is light, and does not wait.
  const drawNow = (paper) => {
    clearTimeout(timer);
    root.classList.toggle("paper", paper);
    Object.keys(figures).forEach(draw);
  };

  addEventListener("resize", () => drawAll(120));
  dark.addEventListener("change", () => drawAll());
  addEventListener("beforeprint", () => drawNow(true));
  addEventListener("afterprint", () => drawNow(false));
  drawAll();
})();
