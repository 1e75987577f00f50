// Hourly closes of every symbol over the last day, for the list's small lines and the daily change.

import { request } from "../core/api.js";

const DAY_MS = 86_400_000;

export async function loadDay(market) {
  const symbols = market.names();
  if (symbols.length === 0 || !market.headMs) return;
  const json = { symbols, interval: "1h", from: market.headMs - DAY_MS, fields: ["close", "quote_volume"], order: "asc", limit: symbols.length * 26 };
  const answer = await request("/v1/candles/search", { method: "POST", json }).catch(() => null);
  if (!answer) return;
  const { data } = await answer.json();
  for (const name of symbols) {
    const rows = data.filter((row) => row.symbol === name);
    const closes = rows.map((row) => Number(row.close));
    const state = market.symbol(name);
    state.turnover ||= rows.reduce((sum, row) => sum + Number(row.quote_volume), 0);
    state.history = closes;
    state.dayAgo = closes[0] ?? null;
  }
  market.orderByTurnover();
}
