// The present state of each symbol. Bounded: one open candle, a few closed ones and marks each.

import { digitsOf } from "./format.js";
import { now } from "./now.js";

const RATE_WINDOW_MS = 20_000;
const CLOSED_KEPT = 4; // until they are stored, which takes seconds unless the sinks are behind

export class Market extends EventTarget {
  constructor() {
    super();
    this.symbols = new Map();
    this.order = []; // in the order of the list
    this.staleMs = 30_000;
    this.connected = false;
    this.headMs = 0;
    this.headAt = 0;
  }

  symbol(name) {
    if (!this.symbols.has(name)) this.symbols.set(name, fresh(name));
    return this.symbols.get(name);
  }

  names() {
    return this.order;
  }

  /** Sort the symbols by quote volume, largest first. */
  orderByTurnover() {
    const turnover = (name) => this.symbol(name).turnover;
    this.order = this.order.toSorted((one, other) => turnover(other) - turnover(one) || one.localeCompare(other));
    this.dispatchEvent(new Event("listing"));
  }

  ageMs(state) {
    return now() - state.arrivedAt;
  }

  isStale(state) {
    return !this.connected || !(this.ageMs(state) <= this.staleMs);
  }

  /** Whether none of those that are traded is fresh. */
  areAllStale() {
    return this.traded().every((state) => this.isStale(state));
  }

  traded() {
    return this.order.map((name) => this.symbol(name)).filter((state) => !this.isNotTraded(state));
  }

  /** Whether the exchange has halted or delisted it: then nothing new is to come. */
  isNotTraded(state) {
    return state.notTradingSinceMs !== null && this.isStale(state);
  }

  /** The exchange's time: the newest event's time plus the time since then by our clock. */
  nowMs() {
    return this.headMs ? this.headMs + Math.min(now() - this.headAt, 3_600_000) : Date.now();
  }

  /** Take the symbols that are followed, and forget all others; returns whether any is new. */
  takeListing(rows) {
    const followed = rows.filter((each) => each.followed);
    const names = new Set(followed.map((row) => row.symbol));
    const known = this.order.filter((name) => names.has(name));
    for (const name of [...this.symbols.keys()]) if (!names.has(name)) this.symbols.delete(name);
    for (const row of followed) {
      const state = this.symbol(row.symbol);
      state.notTradingSinceMs = row.not_trading_since_ms ?? null;
      if (row.age_s !== null) state.arrivedAt = Math.max(state.arrivedAt, now() - row.age_s * 1000);
      if (row.last_price !== null && (row.event_ms ?? 0) >= state.eventMs) {
        setPrice(state, row.last_price);
        state.eventMs = row.event_ms ?? 0;
      }
      this.seeHead(row.event_ms ?? 0);
    }
    this.order = [...new Set([...known, ...names])];
    this.dispatchEvent(new Event("listing"));
    return names.size > known.length;
  }

  take(kind, data) {
    if (kind === "candle-live" || kind === "candle") this.takeCandle(kind, data);
    else if (kind === "prediction") this.takePrediction(data);
    this.dispatchEvent(new CustomEvent(kind, { detail: data }));
  }

  takeCandle(kind, candle) {
    const state = this.symbol(candle.symbol);
    if (kind === "candle" && candle.interval === "15m") state.closed = [...state.closed, candle].slice(-CLOSED_KEPT);
    if (kind === "candle" && (candle.revision > 1 || candle.status === "gapped")) return;
    if (candle.event_ms < state.eventMs) return;
    state.arrivedAt = now();
    state.eventMs = candle.event_ms;
    setPrice(state, candle.close);
    this.seeHead(candle.event_ms);
    if (kind !== "candle-live" || candle.interval !== "15m") return;
    countTrades(state, candle);
    state.open = candle;
  }

  takePrediction(prediction) {
    const state = this.symbol(prediction.symbol);
    if (prediction.lately !== undefined) state.lately.set(prediction.model, prediction.lately); // events have none
    if (prediction.open_ms !== state.predictedOpenMs) {
      if (prediction.open_ms < (state.predictedOpenMs ?? 0)) return;
      state.predictions.clear();
      state.predictedOpenMs = prediction.open_ms;
    }
    if (prediction.issued_ms < (state.predictions.get(prediction.model)?.issued_ms ?? 0)) return; // an answer that was overtaken
    state.predictions.set(prediction.model, prediction);
    state.predictedAt = Math.max(state.predictedAt, now() - (prediction.age_s ?? 0) * 1000);
    this.seeHead(prediction.issued_ms);
  }

  /** The newest prediction of each model, without those that have stopped: as old ones are left out by the API. */
  predictions(state) {
    const all = [...state.predictions.values()];
    const newestMs = Math.max(...all.map((each) => each.issued_ms));
    return all.filter((each) => newestMs - each.issued_ms <= this.staleMs);
  }

  champion(state) {
    const all = this.predictions(state);
    return newest(all.filter((each) => each.champion)) ?? all[0] ?? null;
  }

  /** The prediction of the champion of the chance, which may be another model; else the champion's. */
  chanceChampion(state) {
    return newest(this.predictions(state).filter((each) => each.chance_champion)) ?? this.champion(state);
  }

  /** The champion's prediction if it is fresh: its candle is open, and it arrived just now. */
  freshChampion(state) {
    const found = this.champion(state);
    const old = !found || this.isStale(state) || now() - state.predictedAt > this.staleMs;
    return old || found.close_ms <= this.nowMs() ? null : found;
  }

  /** The change over 24 hours in per cent; null if a price is unknown. */
  change(state) {
    return state.dayAgo && state.price !== null ? (state.price / state.dayAgo - 1) * 100 : null;
  }

  rate(state) {
    const { marks } = state;
    const spanMs = Math.min(RATE_WINDOW_MS, this.nowMs() - (marks[0]?.ms ?? Infinity));
    if (marks.length < 2 || this.isStale(state)) return null;
    return ((marks.at(-1).trades - marks[0].trades) / Math.max(spanMs, marks.at(-1).ms - marks[0].ms, 1)) * 1000;
  }

  seeHead(ms) {
    if (ms <= this.headMs) return;
    this.headMs = ms;
    this.headAt = now();
  }
}

function fresh(name) {
  return {
    name, digits: 2, price: null, direction: 0, eventMs: 0, arrivedAt: -Infinity, open: null, closed: [],
    marks: [], trades: 0, predictions: new Map(), predictedOpenMs: null, predictedAt: -Infinity,
    lately: new Map(), history: [], dayAgo: null, turnover: 0, notTradingSinceMs: null,
  };
}

/** The newest of some predictions: within a candle another model may become champion. */
function newest(predictions) {
  return predictions.toSorted((one, other) => other.issued_ms - one.issued_ms)[0];
}

function setPrice(state, text) {
  const value = Number(text);
  state.digits = Math.max(state.price === null ? digitsOf(text) : state.digits, digitsOf(text));
  if (state.price !== null && value !== state.price) state.direction = Math.sign(value - state.price);
  state.price = value;
}

function countTrades(state, candle) {
  const before = state.open?.open_ms === candle.open_ms ? state.open.trade_count : 0;
  const added = state.open === null ? 0 : Math.max(0, candle.trade_count - before);
  state.trades += added;
  state.marks.push({ ms: candle.event_ms, trades: state.trades });
  while (state.marks.length > 2 && state.marks[0].ms < candle.event_ms - RATE_WINDOW_MS) state.marks.shift();
}
