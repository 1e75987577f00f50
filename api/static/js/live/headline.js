// The chosen symbol in one line: last price, countdown to close, trades per second, age.

import { el, setClass, setText, show } from "../core/dom.js";
import { age, clock, countdown, hourMinute, moment, pairParts, price, signed } from "../core/format.js";

const QUARTER_MS = 900_000;

export class Headline {
  constructor(root, market) {
    this.root = root;
    this.market = market;
    this.pair = el("strong");
    this.until = el("span", { class: "faint tiny" });
    this.last = el("div", { class: "last", data: { role: "last-price" } });
    this.figures = {};
    const figures = [["change", "24 h"], ["left", "Closes in"], ["rate", "Trades/s"], ["age", "Data age"]];
    show(root, el("div", { class: "pair" }, this.pair, this.until), this.last, el("dl", { class: "figures" }, figures.map(([key, name]) => this.figure(key, name))));
  }

  figure(key, name) {
    this.figures[key] = el("dd", { data: { role: key } });
    return el("div", { class: "figure" }, el("dt", { text: name }), this.figures[key]);
  }

  update(name) {
    const state = this.market.symbol(name);
    const isStale = this.market.isStale(state);
    const nowMs = this.market.nowMs();
    const openMs = Math.floor(nowMs / QUARTER_MS) * QUARTER_MS;
    setText(this.pair, pairParts(name).filter(Boolean).join(" / "));
    setText(this.until, `${hourMinute(openMs)} – ${hourMinute(openMs + QUARTER_MS)} UTC`);
    setText(this.last, price(state.price, state.digits));
    setClass(this.root, "stale", isStale);
    setClass(this.last, "up", state.direction > 0 && !isStale);
    setClass(this.last, "down", state.direction < 0 && !isStale);
    this.updateFigures(state, isStale, openMs + QUARTER_MS - nowMs);
  }

  updateFigures(state, isStale, leftMs) {
    const { change, left, rate, age: old } = this.figures;
    const moved = this.market.change(state);
    setText(change, signed(moved, 2, "%"));
    setClass(change, "up", moved > 0 && !isStale);
    setClass(change, "down", moved < 0 && !isStale);
    setText(left, isStale ? "–" : countdown(leftMs));
    const perSecond = this.market.rate(state);
    setText(rate, perSecond === null ? "–" : perSecond.toFixed(1));
    const ageMs = this.market.ageMs(state);
    const isNotTraded = this.market.isNotTraded(state);
    setText(old, isNotTraded ? `not traded since ${moment(state.notTradingSinceMs)}` : isStale ? `stale ${age(ageMs)}` : age(ageMs));
    old.title = state.eventMs ? `newest trade ${clock(state.eventMs)} UTC` : "";
    setClass(old, "bad", isStale && !isNotTraded);
    for (const each of [change, left, rate]) setClass(each, "faint", isStale);
  }
}
