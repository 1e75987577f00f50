// Candles as rows of the chart. A missing candle is a row without prices, so that the gap is visible; whether
// the exchange has one there is not known here.

export const QUARTER_MS = 900_000;
const MOST_ROWS = 3_200; // 30 days and a margin; older rows are dropped when the page stays open for days
const RECENT = 8; // so late may the sinks be

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

  /** Add a candle; returns whether it was appended, replaced, or older than what is drawn. */
  put(candle) {
    const row = rowOf(candle);
    const index = this.at.get(row.openMs);
    if (index !== undefined) {
      if (isEarlier(row, this.list[index])) return "old";
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

  /** The last one of the newest candles that is missing, perhaps only because it is not stored yet. */
  recentHole() {
    return this.list.slice(-RECENT).findLast((row) => row.status === "missing") ?? null;
  }

  /** Whether a candle since this time is missing or has a gap. */
  isLackingSince(ms) {
    for (let index = this.list.length - 1; index >= 0 && this.list[index].openMs >= ms; index -= 1) {
      if (["missing", "gapped"].includes(this.list[index].status)) return true;
    }
    return false;
  }

  /** Whether a candle is missing here, or is an earlier state of it. */
  lacks(candle) {
    const known = this.find(candle.open_ms);
    return !known || known.status === "missing" || isEarlier(known, candle);
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

/** Whether a row is an earlier state of its candle: topics and answers of the API have no order among each other. */
function isEarlier(row, known) {
  if (known.status === "missing") return false;
  if (row.status === "open" || known.status === "open") return row.status === "open" && known.status !== "open";
  // Revisions count for each source by itself: of two, ours is the best if no trade is missing in it, as in the API.
  if (row.status === "official" && known.status !== "official") return known.status !== "gapped";
  if (known.status === "official" && row.status !== "official") return row.status === "gapped";
  return row.revision < known.revision;
}

function hole(openMs) {
  return { openMs, time: openMs / 1000, status: "missing" };
}
