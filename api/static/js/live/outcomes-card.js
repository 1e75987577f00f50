// Past predictions and actual closes: how often the bands contained the close, and the newest ones.

import { get } from "../core/api.js";
import { el, setText, show } from "../core/dom.js";
import { count, hourMinute, percent, price, signed } from "../core/format.js";

const MOST = 960;
const NEWEST = 8;
const LISTED = 60;
const MINUTES = [14, 10, 5, 2];
const AFTER_SCORE_MS = [900, 3_500];

export class OutcomesCard {
  constructor(root, market, onOutcomes) {
    this.market = market;
    this.onOutcomes = onOutcomes;
    this.minutes = 10;
    this.byOpen = new Map();
    this.shown = ""; // the symbol and minutes of these outcomes
    this.isRead = false; // whether all of them were read, not only the newest
    this.figures = { narrow: el("dd"), wide: el("dd") };
    this.body = el("tbody", { data: { role: "outcomes" } });
    this.hint = el("p", { class: "empty", text: "No candle has closed since the first prediction." });
    const choice = el("select", { "aria-label": "Minutes before the close", onchange: (event) => this.ask(Number(event.target.value)) },
      MINUTES.map((minutes) => el("option", { value: minutes, text: `${minutes} min before`, selected: minutes === this.minutes })));
    const heads = [["Close at", ""], ["Predicted", "number"], ["Actual", "number"], ["Error", "number"], ["", ""]];
    this.table = el("table", {}, el("thead", {}, el("tr", {}, heads.map(([text, kind]) => el("th", { class: kind, text })))), this.body);
    show(root,
      el("header", {}, el("h2", { text: "Past predictions" }), el("span", { class: "spacer" }), choice),
      el("dl", { class: "held" }, this.figure("50 % band held", "narrow"), this.figure("90 % band held", "wide")),
      el("div", { class: "scroll" }, this.table, this.hint));
    market.addEventListener("score", ({ detail }) => this.onScore(detail));
  }

  figure(name, key) {
    return el("div", { class: "figure" }, el("dt", { text: name }), this.figures[key]);
  }

  ask(minutes) {
    this.minutes = minutes;
    return this.load(this.symbol);
  }

  /** Read all outcomes again; if that fails, the next score of the champion tries again. */
  async load(symbol) {
    this.choose(symbol);
    await this.read(MOST).catch(() => {});
  }

  /** Take away the outcomes of another symbol, or of other minutes. */
  choose(symbol) {
    this.symbol = symbol;
    this.isRead = false;
    if (this.shown === this.chosen()) return;
    this.shown = this.chosen();
    this.byOpen.clear();
    this.draw();
  }

  chosen() {
    return `${this.symbol}${this.minutes}`;
  }

  /** Scores are streamed at once and stored a moment later, so the newest are fetched twice. */
  onScore(score) {
    if (score.symbol !== this.symbol || !score.champion || this.waiting) return;
    this.waiting = true;
    for (const ms of AFTER_SCORE_MS) {
      setTimeout(() => {
        this.waiting = false;
        this.read(this.isRead ? NEWEST : MOST).catch(() => {});
      }, ms);
    }
  }

  async read(limit) {
    const asked = this.chosen();
    const page = await get("/v1/outcomes", { symbol: this.symbol, champion: true, minutes: this.minutes, limit });
    if (asked !== this.chosen()) return;
    this.isRead ||= limit === MOST;
    for (const row of page.data) this.byOpen.set(row.open_ms, drawn(row));
    const oldest = [...this.byOpen.keys()].sort((one, other) => other - one).slice(MOST);
    for (const openMs of oldest) this.byOpen.delete(openMs);
    this.draw();
  }

  draw() {
    const all = [...this.byOpen.values()].sort((one, other) => other.openMs - one.openMs);
    const { digits } = this.market.symbol(this.symbol);
    this.table.hidden = all.length === 0;
    this.hint.hidden = all.length > 0 || !this.isRead;
    this.held(this.figures.narrow, all, "covered50");
    this.held(this.figures.wide, all, "covered90");
    show(this.body, all.slice(0, LISTED).map((row) => line(row, digits)));
    this.onOutcomes(this.byOpen);
  }

  held(node, all, key) {
    const share = all.length ? all.filter((row) => row[key]).length / all.length : null;
    setText(node, percent(share));
    show(node, percent(share), el("span", { class: "faint tiny", text: ` of ${count(all.length)}` }));
  }
}

function drawn(row) {
  const predicted = Number(row.price);
  const edge = (text, bp) => (text === null ? predicted * Math.exp(bp / 20_000) : Number(text));
  return {
    openMs: row.open_ms, closeMs: row.close_ms, price: predicted, close: Number(row.outcome), errorBp: row.error_bp, model: row.model,
    low50: edge(row.low_50, -row.width_50_bp), high50: edge(row.high_50, row.width_50_bp),
    low90: edge(row.low_90, -row.width_90_bp), high90: edge(row.high_90, row.width_90_bp),
    covered50: row.covered_50, covered90: row.covered_90, replayed: row.low_90 === null,
  };
}

function line(row, digits) {
  const [kind, words] = row.covered50 ? ["verdict", "inside the 50 % band"] : row.covered90 ? ["verdict wide", "inside the 90 % band"] : ["verdict missed", "outside both bands"];
  const title = row.replayed ? `${words}; ${row.model}, replayed afterwards` : `${words}; ${row.model}`;
  return el("tr", { title },
    el("td", { text: hourMinute(row.closeMs) }), el("td", { class: "number", text: price(row.price, digits) }),
    el("td", { class: "number", text: price(row.close, digits) }), el("td", { class: "number", text: signed(row.errorBp, 1) }),
    el("td", {}, el("span", { class: kind, role: "img", "aria-label": words }, el("i"))));
}
