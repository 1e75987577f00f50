// The symbols on the left: price, change over a day, trades per second, and age of the data.

import { el, setClass, setText, show, svg } from "../core/dom.js";
import { age, pairParts, price, signed } from "../core/format.js";

export class Watchlist {
  constructor(root, market, onSelect) {
    this.market = market;
    this.onSelect = onSelect;
    this.parts = new Map();
    this.selected = "";
    this.input = el("input", { type: "search", placeholder: "Find a symbol", "aria-label": "Find a symbol", autocomplete: "off", spellcheck: "false" });
    this.list = el("ol", { role: "listbox", "aria-label": "Symbols", tabindex: 0 });
    show(root, el("div", { class: "search" }, this.input, el("kbd", { text: "/" })), this.list);
    this.input.addEventListener("input", () => this.filter());
    this.input.addEventListener("keydown", (event) => this.onKey(event));
  }

  build() {
    this.parts.clear();
    show(this.list, this.market.names().map((name, at) => this.row(name, at)));
    this.drawSparks();
    this.filter();
    this.select(this.selected);
  }

  row(name, at) {
    const [base, quote] = pairParts(name);
    const parts = {
      dot: el("span", { class: "dot" }), price: el("span", { class: "price" }), rate: el("span", { class: "rate" }),
      change: el("span", { class: "change" }), path: svg("path"),
    };
    parts.spark = svg("svg", { class: "spark", viewBox: "0 0 52 26", preserveAspectRatio: "none", "aria-hidden": "true" }, parts.path);
    const title = el("span", { class: "name" }, base, el("span", { text: quote && `/${quote}` }));
    parts.row = el("li", { class: "row", role: "option", id: `symbol-${at}`, data: { symbol: name }, onclick: () => this.onSelect(name) }, parts.dot, title, parts.spark, parts.price, parts.rate, parts.change);
    this.parts.set(name, parts);
    return parts.row;
  }

  update() {
    for (const [name, parts] of this.parts) this.updateRow(this.market.symbol(name), parts);
  }

  updateRow(state, parts) {
    const isStale = this.market.isStale(state);
    const isNotTraded = this.market.isNotTraded(state);
    const rate = this.market.rate(state);
    setText(parts.price, price(state.price, state.digits));
    setClass(parts.row, "stale", isStale);
    setClass(parts.dot, "fresh", !isStale);
    setClass(parts.row, "untraded", isNotTraded);
    setClass(parts.dot, "stale", isStale && !isNotTraded);
    setText(parts.rate, isNotTraded ? "not traded" : isStale ? `stale ${age(this.market.ageMs(state))}` : rate === null ? "…" : `${rate < 10 ? rate.toFixed(1) : Math.round(rate)} trades/s`);
    const change = this.market.change(state);
    setText(parts.change, signed(change, 2, "%"));
    setClass(parts.change, "up", change > 0 && !isStale);
    setClass(parts.change, "down", change < 0 && !isStale);
  }

  drawSparks() {
    for (const [name, parts] of this.parts) {
      const { history, price: last } = this.market.symbol(name);
      const points = last === null ? history : [...history, last];
      if (points.length < 2) continue;
      parts.path.setAttribute("d", sparkPath(points));
      parts.spark.setAttribute("class", `spark ${points.at(-1) >= points[0] ? "up" : "down"}`);
    }
  }

  select(name) {
    this.selected = name;
    for (const [each, parts] of this.parts) parts.row.setAttribute("aria-selected", String(each === name));
    const row = this.parts.get(name)?.row;
    this.list.setAttribute("aria-activedescendant", row?.id ?? "");
    if (row) bringIntoView(this.list, row);
  }

  shown() {
    return [...this.parts].filter(([, parts]) => !parts.row.hidden).map(([name]) => name);
  }

  step(by) {
    const names = this.shown();
    const at = names.indexOf(this.selected);
    const next = names[Math.min(names.length - 1, Math.max(0, at + by))];
    if (next) this.onSelect(next);
  }

  filter() {
    const wanted = this.input.value.trim().toUpperCase();
    for (const [name, parts] of this.parts) parts.row.hidden = !name.includes(wanted);
  }

  onKey(event) {
    if (event.key === "Escape") {
      this.input.value = "";
      this.filter();
      this.input.blur();
    } else if (event.key === "Enter") {
      const [first] = this.shown();
      if (first) this.onSelect(first);
      this.input.value = "";
      this.filter();
      this.input.blur();
    }
  }
}

/** Scroll only the list; `scrollIntoView` would move the whole page on a phone. */
function bringIntoView(list, row) {
  const [outer, inner] = [list.getBoundingClientRect(), row.getBoundingClientRect()];
  list.scrollTop += Math.min(0, inner.top - outer.top) + Math.max(0, inner.bottom - outer.bottom);
  list.scrollLeft += Math.min(0, inner.left - outer.left) + Math.max(0, inner.right - outer.right);
}

function sparkPath(points) {
  const [low, high] = [Math.min(...points), Math.max(...points)];
  const span = high - low || 1;
  const step = 52 / (points.length - 1);
  return points.map((value, at) => `${at ? "L" : "M"}${(at * step).toFixed(1)} ${(24 - ((value - low) / span) * 22).toFixed(1)}`).join("");
}
