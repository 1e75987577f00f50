// One row per symbol and one square per day: full if all candles are stored, hatched if any is missing.

import { el } from "../core/dom.js";
import { count, pairName, percent } from "../core/format.js";

export function calendar(rows) {
  const days = [...new Set(rows.map((row) => row.day))].sort();
  const symbols = [...new Set(rows.map((row) => row.symbol))];
  const byKey = new Map(rows.map((row) => [`${row.symbol}${row.day}`, row]));
  const grid = el("div", { class: "calendar", style: { gridTemplateColumns: `minmax(56px, max-content) repeat(${days.length}, minmax(12px, 1fr)) 62px` } },
    el("span"), days.map((day, at) => el("span", { class: "day faint tiny", text: isLabelled(day, at, days) ? label(day) : "" })), el("span", { class: "day faint tiny end", text: "stored" }),
    symbols.map((symbol) => line(symbol, days, byKey)));
  const key = [["full", "all stored"], ["checked", "all stored, some verified"], ["part", "some missing"], ["none", "not due"]];
  return [grid, el("div", { class: "chart-key below" }, key.map(([kind, words]) => el("span", {}, el("i", { class: `square ${kind}` }), words)))];
}

function line(symbol, days, byKey) {
  const rows = days.map((day) => byKey.get(`${symbol}${day}`));
  const known = rows.filter(Boolean);
  const sum = (key) => known.reduce((total, row) => total + row[key], 0);
  const share = (sum("held") + sum("official_holes")) / (sum("expected") || 1);
  return [el("span", { class: "strong small", text: pairName(symbol) }), rows.map((row, at) => square(symbol, days[at], row)), el("span", { class: `end small ${share < 1 ? "warn" : "soft"}`, text: percent(share, share < 1 ? 2 : 0) })];
}

function square(symbol, day, row) {
  if (!row) return el("i", { class: "square none" });
  const isWhole = row.missing === 0 && row.gapped === 0;
  const kind = !isWhole ? "part" : row.verified > 0 ? "checked" : "full";
  const words = [`${symbol} ${day}: ${count(row.held)} of ${count(row.expected)} stored`, row.missing && `${row.missing} missing`, row.gapped && `${row.gapped} gapped`, row.official_holes && `${row.official_holes} missing at the exchange too`, row.verified && `${row.verified} verified`, row.mismatched && `${row.mismatched} differ`];
  return el("i", { class: `square ${kind}`, title: words.filter(Boolean).join(", ") });
}

function isLabelled(day, at, days) {
  const date = new Date(`${day}T00:00:00Z`);
  return date.getUTCDay() === 1 || at === days.length - 1;
}

function label(day) {
  return new Date(`${day}T00:00:00Z`).toLocaleDateString("en-GB", { day: "numeric", month: "short", timeZone: "UTC" });
}
