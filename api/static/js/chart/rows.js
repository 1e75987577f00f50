// Candles as rows of the chart. A missing candle is a row without prices, so that the gap is visible.

export const QUARTER_MS = 900_000;
const MOST_ROWS = 3_200; // 30 days and a margin; older rows are dropped when the page stays open for days

export class Rows {
  constructor() {
    this.stepMs = QUARTER_MS;
    this.clear();
  }

  clear() {
    this.list = [];
    this.at = new Map();
  }

  fill(candles, stepMs = QUARTER_MS) {
    this.stepMs = stepMs;
    this.clear();
    for (const candle of candles) this.put(candle);
  }

  /** Add a candle; returns whether it was appended, replaced, or too old to be drawn. */
  put(candle) {
    const row = rowOf(candle);
    const index = this.at.get(row.openMs);
    if (index !== undefined) {
      this.list[index] = row;
      return "replaced";
    }
    const last = this.list.at(-1);
    if (last && row.openMs < last.openMs) return "old";
    for (let ms = last ? last.openMs + this.stepMs : row.openMs; ms < row.openMs; ms += this.stepMs) this.append(hole(ms));
    this.append(row);
    return "appended";
  }

  append(row) {
    this.at.set(row.openMs, this.list.length);
    this.list.push(row);
  }

  /** Drop rows older than 30 days; returns whether any was dropped. */
  trim() {
    if (this.list.length <= MOST_ROWS) return false;
    const kept = this.list.slice(-2_900);
    this.clear();
    for (const row of kept) this.append(row);
    return true;
  }

  find(openMs) {
    const index = this.at.get(openMs);
    return index === undefined ? null : this.list[index];
  }
}

function rowOf(candle) {
  return {
    openMs: candle.open_ms,
    time: candle.open_ms / 1000,
    open: Number(candle.open),
    high: Number(candle.high),
    low: Number(candle.low),
    close: Number(candle.close),
    volume: Number(candle.volume),
    trades: candle.trade_count,
    status: candle.status,
    revision: candle.revision,
  };
}

function hole(openMs) {
  return { openMs, time: openMs / 1000, status: "missing" };
}
