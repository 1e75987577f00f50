// The last day of every symbol: hourly closes for the list's small lines, and the price a day ago.

import { request } from "../core/api.js";

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;
const MOST_TOGETHER = 100; // the API answers of at most 400 symbols and 10,000 candles at once

/** Read the day again. The change is that from the first minute of the day, as in Grafana, and unknown without it. */
export async function loadDay(market) {
  const names = market.names();
  if (names.length === 0 || !market.headMs) return;
  for (let at = 0; at < names.length; at += MOST_TOGETHER) await loadSome(market, names.slice(at, at + MOST_TOGETHER));
  market.orderByTurnover();
}

async function loadSome(market, symbols) {
  const from = market.headMs - DAY_MS;
  const first = Math.ceil(from / MINUTE_MS) * MINUTE_MS;
  const [hours, minutes] = await Promise.all([
    search({ symbols, interval: "1h", from, fields: ["close", "quote_volume"], order: "asc", limit: symbols.length * 26 }),
    search({ symbols, interval: "1m", from: first, to: first + MINUTE_MS, fields: ["open"], limit: symbols.length }),
  ]);
  if (!hours || !minutes) return;
  for (const name of symbols) {
    const rows = hours.filter((row) => row.symbol === name);
    const state = market.symbol(name);
    state.turnover ||= rows.reduce((sum, row) => sum + Number(row.quote_volume), 0);
    state.history = rows.map((row) => Number(row.close));
    const minute = minutes.find((row) => row.symbol === name);
    state.dayAgo = minute ? Number(minute.open) : null;
  }
}

async function search(json) {
  const answer = await request("/v1/candles/search", { method: "POST", json }).catch(() => null);
  return answer && (await answer.json()).data;
}
