// The live view: the list of symbols, and chart and cards of the chosen one.

import { PriceChart } from "../chart/price-chart.js";
import { get } from "../core/api.js";
import { el, show } from "../core/dom.js";
import { hourMinute, moment, price, short } from "../core/format.js";
import { now } from "../core/now.js";
import { Headline } from "./headline.js";
import { OutcomesCard } from "./outcomes-card.js";
import { PredictionCard } from "./prediction-card.js";
import { Watchlist } from "./watchlist.js";

const FIELDS = "open,high,low,close,volume,trade_count,status,revision";
const FIRST = "BTCUSDT";
const RANGES = [0.5, 1, 3, 7, 30];
const NARROW_PX = 760;
const DAYS_30 = 2_880;
const QUARTER = "15m"; // what is predicted; it moves with every trade, the others are read again
const MINUTE_MS = 60_000;
const INTERVALS = { "5m": 5, [QUARTER]: 15, "30m": 30, "1h": 60, "4h": 240, "1d": 1_440, "1w": 10_080 };
const AGAIN_MS = 4_000;
const SETTLED_MS = 150; // a key that is held chooses some thirty symbols a second
const HOLE_AGAIN_MS = [2_000, 10_000, 60_000]; // a candle that has closed is stored by then
const REPAIR_AGAIN_MS = 5 * MINUTE_MS; // what an outage cost is brought by the backfill, which is not streamed
const REPAIRED_WITHIN_MS = 1_440 * MINUTE_MS;
const STATUS = {
  complete: "complete: trade ids prove that nothing is missing", official: "the exchange’s own", quiet: "quiet: no trades",
  gapped: "gapped: trades are missing", missing: "no candle: none is stored, or nothing was traded", open: "open",
  incomplete: "incomplete: parts of it are missing or still to come",
};

export class LiveView {
  constructor(root, market) {
    this.market = market;
    this.symbol = "";
    this.interval = QUARTER;
    this.chosenMs = -Infinity; // the time of the last choice
    this.isDrawn = false; // the candles of this symbol and interval
    this.days = innerWidth < NARROW_PX ? 0.5 : 1;
    const watch = el("nav", { class: "card watch", "aria-label": "Symbols" });
    const headline = el("div", { class: "headline" });
    this.legend = el("div", { class: "legend" });
    this.ranges = el("div", { class: "ranges", role: "group", "aria-label": "Days shown" });
    const intervals = el("select", { "aria-label": "Candles", data: { role: "interval" }, onchange: ({ target }) => this.measure(target.value) },
      Object.keys(INTERVALS).map((name) => el("option", { value: name, text: name, selected: name === QUARTER })));
    this.canvas = el("div", { class: "canvas", data: { role: "chart" } });
    this.wait = el("div", { class: "wait loading" });
    const stage = el("section", { class: "card stage" }, headline, el("div", { class: "toolbar" }, this.legend, this.ranges, intervals), el("div", { class: "chart" }, this.canvas, this.wait), key());
    const prediction = el("section", { class: "card" });
    const outcomes = el("section", { class: "card outcomes" });
    this.side = el("div", { class: "side" }, prediction, outcomes);
    show(root, watch, stage, this.side);
    this.watchlist = new Watchlist(watch, market, (name) => this.choose(name));
    this.headline = new Headline(headline, market);
    this.card = new PredictionCard(prediction, market);
    this.outcomes = new OutcomesCard(outcomes, market, (byOpen) => this.drawOutcomes(byOpen));
    this.chart = new PriceChart(this.canvas, (row) => this.hover(row));
    show(this.ranges, RANGES.map((days) => el("button", { type: "button", text: days < 1 ? `${days * 24}H` : `${days}D`, data: { days }, onclick: () => this.range(days) })));
    this.listen();
  }

  listen() {
    this.market.addEventListener("listing", () => this.onListing());
    this.market.addEventListener("candle-live", ({ detail }) => this.onCandle(detail));
    this.market.addEventListener("candle", ({ detail }) => this.onCandle(detail));
    this.market.addEventListener("prediction", ({ detail }) => detail.symbol === this.symbol && this.drawPrediction());
  }

  onListing() {
    const names = this.market.names();
    if (String([...this.watchlist.parts.keys()]) !== String(names)) this.watchlist.build();
    if (!names.includes(this.symbol) && names.length) this.choose(names.includes(FIRST) ? FIRST : names[0]);
  }

  onCandle(candle) {
    if (candle.symbol !== this.symbol || candle.interval !== QUARTER || this.interval !== QUARTER || this.loading || !this.isDrawn) return;
    this.chart.put(candle);
    if (!this.hovered) this.showLegend(this.chart.rows.list.at(-1));
    this.fillHole();
  }

  /** Read again, some times, while one of the newest candles is missing: it may only not be stored yet. */
  fillHole() {
    const openMs = this.chart.rows.recentHole()?.openMs;
    if (openMs !== this.holeMs) [this.holeMs, this.readings] = [openMs, 0];
    if (!openMs || this.rereading || this.readings === HOLE_AGAIN_MS.length) return;
    this.rereading = setTimeout(() => this.load(), HOLE_AGAIN_MS[this.readings++]);
  }

  /** Whether it is time to look again for candles that were missing or gapped, and may be repaired by now. */
  awaitsRepair() {
    const isStale = this.market.isStale(this.market.symbol(this.symbol)); // after a sleep all is read anyway
    if (!this.isDrawn || isStale || now() - this.readMs < REPAIR_AGAIN_MS) return false;
    return this.chart.rows.isLackingSince(this.market.nowMs() - REPAIRED_WITHIN_MS);
  }

  choose(name) {
    if (name === this.symbol) return;
    this.symbol = name;
    this.watchlist.select(name);
    this.outcomes.choose(name);
    this.clear();
    this.loadSettled();
  }

  /** Read at once, but wait for the last of many choices. */
  loadSettled() {
    const isHeld = now() - this.chosenMs < SETTLED_MS;
    this.chosenMs = now();
    clearTimeout(this.again);
    if (isHeld) this.again = setTimeout(() => this.load(), SETTLED_MS);
    else this.load();
  }

  /** Show candles of another length. */
  measure(interval) {
    this.interval = interval;
    this.ranges.hidden = interval !== QUARTER;
    this.clear();
    this.load();
  }

  /** Take away what is drawn, so that it never stands under another name if reading fails. */
  clear() {
    this.isDrawn = false;
    this.hovered = null;
    this.holeMs = undefined;
    this.chart.clear();
    show(this.legend);
  }

  drawOutcomes(byOpen) {
    this.byOpen = byOpen;
    this.chart.setOutcomes(this.interval === QUARTER ? byOpen : new Map());
  }

  /** Read the past again; candles that arrive meanwhile are put over it. */
  async load() {
    const { symbol: name, interval } = this;
    const isChosen = () => name === this.symbol && interval === this.interval;
    clearTimeout(this.again);
    clearTimeout(this.rereading);
    this.rereading = 0;
    this.loading = true;
    this.wait.hidden = false;
    this.readMs = now();
    this.outcomes.load(name);
    try {
      const [candles] = await Promise.all([
        get("/v1/candles", { symbol: name, interval, limit: DAYS_30, order: "desc", fields: FIELDS }),
        this.loadPrediction(name),
      ]);
      if (isChosen()) this.drawCandles(candles.data.reverse());
    } catch {
      if (isChosen()) this.again = setTimeout(() => this.load(), AGAIN_MS);
    } finally {
      if (isChosen()) {
        this.loading = false;
        this.wait.hidden = this.isDrawn; // what was drawn before is of the same candles
      }
    }
  }

  /** Read the current prediction: the stream's have no age, and nothing of how good their models were lately. */
  async loadPrediction(name) {
    if (!name) return;
    const current = await get("/v1/predictions/current", { symbol: name }).catch(() => null);
    if (!current) return;
    for (const each of [current, ...current.challengers]) this.market.takePrediction(each);
  }

  drawCandles(candles) {
    const state = this.market.symbol(this.symbol);
    for (const { close } of candles.slice(-200)) state.digits = Math.max(state.digits, decimals(close));
    this.chart.fill(candles, state.digits, INTERVALS[this.interval] * MINUTE_MS);
    if (this.interval === QUARTER) this.putArrived(state);
    if (!this.isDrawn) this.range(this.days);
    this.isDrawn = true;
    this.drawOutcomes(this.byOpen ?? new Map());
    this.drawPrediction();
    if (this.hovered) this.hovered = this.chart.rows.find(this.hovered.openMs);
    this.showLegend(this.hovered ?? this.chart.rows.list.at(-1));
    if (this.interval === QUARTER) this.fillHole();
  }

  /** Put what the stream has brought over what is stored: that may lack the newest candles. */
  putArrived(state) {
    for (const candle of state.closed) if (this.chart.rows.lacks(candle)) this.chart.put(candle);
    if (state.open) this.chart.put(state.open);
  }

  drawPrediction() {
    if (!this.isDrawn) return;
    const state = this.market.symbol(this.symbol);
    const found = this.interval === QUARTER && this.market.freshChampion(state);
    const drawn = found && {
      price: Number(found.price), last: state.price, low50: Number(found.low_50), high50: Number(found.high_50),
      low90: Number(found.low_90), high90: Number(found.high_90), priceText: price(Number(found.price), state.digits),
    };
    this.chart.predict(drawn, { isStale: false, label: found ? `close ${hourMinute(found.close_ms)}` : "" });
  }

  range(days) {
    this.days = days;
    for (const button of this.ranges.children) button.setAttribute("aria-pressed", String(Number(button.dataset.days) === days));
    this.chart.showDays(days);
  }

  hover(row) {
    this.hovered = row;
    this.showLegend(row ?? this.chart.rows.list.at(-1));
  }

  showLegend(row) {
    if (!row) return;
    const { digits } = this.market.symbol(this.symbol);
    const part = (name, value, kind = "") => el("span", { class: kind }, `${name} `, el("b", { text: value }));
    const prices = row.open === undefined ? [] : ["open", "high", "low", "close"].map((name) => part(name[0].toUpperCase(), price(row[name], digits)));
    show(this.legend, el("span", { text: moment(row.openMs) }), prices, row.open !== undefined && [part("Vol", short(row.volume), "more"), part("Trades", short(row.trades), "more wide")],
      el("span", { class: row.status === "gapped" || row.status === "missing" ? "warn" : "", text: STATUS[row.status] ?? row.status }));
  }

  tick() {
    this.watchlist.update();
    if (!this.symbol) return;
    this.headline.update(this.symbol);
    this.card.update(this.market.symbol(this.symbol));
    if (this.interval !== QUARTER) {
      if (now() - this.readMs > MINUTE_MS) this.load();
      return;
    }
    if (this.awaitsRepair()) this.load();
    const isShown = Boolean(this.market.freshChampion(this.market.symbol(this.symbol)));
    if (isShown !== Boolean(this.chart.fan.prediction)) this.drawPrediction();
  }
}

function decimals(text) {
  return text.includes(".") ? text.length - text.indexOf(".") - 1 : 0;
}

function key() {
  const items = [["complete", "complete, proven by trade ids"], ["official", "the exchange’s own"], ["quiet", "quiet"], ["gapped", "gapped, or no candle"], ["band", "predicted 50 % and 90 %"], ["missed", "outside 90 %"]];
  return el("div", { class: "key" }, items.map(([name, text]) => el("span", {}, el("i", { class: name }), text)));
}
