// Data quality: stored candles by day, gaps and their repair, and the audit.

import { get } from "../core/api.js";
import { el, show } from "../core/dom.js";
import { count, moment, pairName, percent } from "../core/format.js";
import { card, fillPanel, table } from "../core/panel.js";
import { calendar } from "./calendar.js";

export class QualityView {
  constructor(root) {
    this.figures = {};
    this.top = el("div", { class: "tiles" });
    this.days = el("div", { class: "body scroll", data: { role: "calendar" } });
    this.audit = el("div", { class: "scroll" });
    this.gaps = el("div", { class: "scroll", data: { role: "gaps" } });
    this.interval = el("select", { "aria-label": "Interval", onchange: () => this.load() }, el("option", { value: "15m", text: "15 minutes" }), el("option", { value: "1m", text: "1 minute" }));
    show(root, el("div", { class: "page" }, this.top,
      card("Completeness", "each square is a day, UTC", this.days, this.interval),
      el("div", { class: "split" }, card("Audit", "our candles compared with the exchange’s, field by field", this.audit), card("Gaps", "trades that were missing, and whether they were repaired", this.gaps))));
  }

  load() {
    const interval = this.interval.value;
    if (interval !== this.shown) this.clear(interval);
    return Promise.all([
      fillPanel(this.days, () => get("/v1/completeness/days", { interval, days: 31 }), ({ data }) => this.drawDays(data), interval),
      fillPanel(this.audit, () => get("/v1/audit", { interval }), ({ data }) => this.drawAudit(data), interval),
      fillPanel(this.gaps, () => get("/v1/gaps", { limit: 200 }), ({ data }) => this.drawGaps(data)),
    ]);
  }

  /** Take away the figures of another interval; gaps are of trades, and so of all. */
  clear(interval) {
    const { gaps, repaired } = this.figures;
    this.shown = interval;
    this.figures = { gaps, repaired };
    this.drawTop();
  }

  drawDays(rows) {
    const sum = (key) => rows.reduce((total, row) => total + row[key], 0);
    this.figures = { ...this.figures, expected: sum("expected"), held: sum("held") + sum("official_holes"), missing: sum("missing") + sum("gapped") };
    show(this.days, rows.length ? calendar(rows) : el("p", { class: "empty", text: "Nothing is stored yet." }));
    this.drawTop();
  }

  drawAudit(rows) {
    const sum = (key) => rows.reduce((total, row) => total + row[key], 0);
    this.figures = { ...this.figures, verified: sum("verified"), mismatched: sum("mismatched"), newest: Math.max(0, ...rows.map((row) => row.newest_ms ?? 0)) };
    const heads = [["Symbol", ""], ["Verified", "number"], ["Mismatch", "number"], ["Gapped", "number"], ["Only ours", "number"], ["Last compared", "number"]];
    show(this.audit, rows.length ? table(heads, rows.map(auditRow)) : el("p", { class: "empty", text: "Nothing to compare yet." }));
    this.drawTop();
  }

  drawGaps(events) {
    const gaps = events.filter((event) => event.state !== "new-era");
    this.figures = { ...this.figures, gaps: gaps.length, repaired: gaps.filter((gap) => gap.state === "repaired").length };
    const heads = [["Noticed", ""], ["Symbol", ""], ["Trades", "number"], ["State", ""], ["Why", ""]];
    show(this.gaps, events.length ? table(heads, events.map(gapRow)) : el("p", { class: "empty" }, el("span", { class: "tag good", text: "no gaps" }), " Trade ids are consecutive."));
    this.drawTop();
  }

  drawTop() {
    const f = this.figures;
    const tiles = [
      ["Stored", f.expected === undefined ? "–" : percent(f.held / f.expected, f.held === f.expected ? 0 : 2), f.expected === undefined ? "" : `${count(f.held)} of ${count(f.expected)} candles in 31 days`, f.held < f.expected ? "warn" : ""],
      ["Missing", count(f.missing), "candles that the exchange has", f.missing ? "warn" : ""],
      ["Verified", count(f.verified), "of ours equal the exchange’s in every field", ""],
      ["Mismatches", count(f.mismatched), f.newest === undefined ? "" : f.newest ? `last compared ${moment(f.newest)}` : "nothing compared yet", f.mismatched ? "bad" : ""],
      ["Gaps repaired", f.gaps === undefined ? "–" : f.gaps ? `${count(f.repaired)} of ${count(f.gaps)}` : "none found", "in the stream of trades", f.repaired < f.gaps ? "warn" : ""],
    ];
    show(this.top, tiles.map(([name, value, words, kind]) => el("div", { class: "card tile-figure" }, el("span", { class: "faint small", text: name }), el("strong", { class: kind, text: value }), el("span", { class: "faint tiny", text: words }))));
  }
}

function auditRow(row) {
  const cell = (value, kind) => el("td", { class: `number ${value ? kind : "faint"}`, text: count(value) });
  const times = row.mismatched_ms.map(moment).join(", ");
  return el("tr", { title: times && `differ: ${times}` }, el("td", { class: "strong", text: pairName(row.symbol) }), cell(row.verified, ""), cell(row.mismatched, "bad strong"), cell(row.gapped, "warn"), cell(row.only_ours, ""), el("td", { class: "number soft", text: moment(row.newest_ms) }));
}

function gapRow(gap) {
  const kinds = { repaired: "tag good", found: "tag warning", "given-up": "tag wrong", "new-era": "tag warning" };
  return el("tr", {}, el("td", { class: "soft nowrap", text: moment(gap.noticed_ms) }), el("td", { class: "strong", text: pairName(gap.symbol) }),
    el("td", { class: "number", text: gap.state === "new-era" ? "–" : count(gap.last_agg_id - gap.first_agg_id + 1), title: `ids ${gap.first_agg_id} to ${gap.last_agg_id}` }),
    el("td", {}, el("span", { class: kinds[gap.state] ?? "tag", text: gap.state })), el("td", { class: "soft reason", text: gap.reason }));
}
