// The scoreboard: each model beside the naive reference, and what its bands held.

import { get } from "../core/api.js";
import { el, show } from "../core/dom.js";
import { count, pairParts, percent, signed } from "../core/format.js";
import { card, fillPanel, table } from "../core/panel.js";
import { coverageChart } from "./coverage.js";
import { skillBar } from "./skill-bar.js";

export class ScoresView {
  constructor(root, market) {
    this.market = market;
    this.symbol = "";
    this.choice = el("select", { "aria-label": "Symbol", onchange: () => this.choose() });
    this.overall = el("div", { data: { role: "scoreboard" } });
    this.minutes = el("div", { class: "split" });
    this.by = el("div", { class: "scroll" });
    show(root, el("div", { class: "page" },
      card("Models against “no change”", "the reference predicts the last price, with a constant band", this.overall, this.choice),
      this.minutes,
      card("By minutes to close", "", this.by),
      el("p", { class: "faint small note", text: "Skill is 1 − error ÷ error of the reference, over the same questions: 0 % is worth nothing, below 0 is worse than no change. Last 30 days." })));
    market.addEventListener("listing", () => this.fillChoice());
  }

  fillChoice() {
    const names = this.market.names();
    if (this.choice.children.length === names.length + 1) return;
    show(this.choice, el("option", { value: "", text: "All symbols" }), names.map((name) => el("option", { value: name, text: pairParts(name).join("/") })));
  }

  choose() {
    this.symbol = this.choice.value;
    this.load();
  }

  /** The whole first, as it is quicker, then by minutes. */
  async load() {
    const symbol = this.symbol;
    await fillPanel(this.overall, () => get("/v1/scores", { symbol }), ({ data }) => this.drawOverall(data));
    if (!this.overall.dataset.filled || symbol !== this.symbol) return;
    await fillPanel(this.by, () => get("/v1/scores", { symbol, by: "minutes" }), ({ data }) => this.drawMinutes(data));
  }

  drawOverall(all) {
    if (all.length === 0) {
      show(this.overall, el("p", { class: "empty", text: "No scores yet: the first come when a candle closes that was predicted." }));
      return;
    }
    const widest = Math.max(0.02, ...all.map((row) => Math.abs(row.pinball_skill ?? 0)), ...all.map((row) => Math.abs(row.point_skill ?? 0)));
    const heads = [["Model", ""], ["Cases", "number"], ["Skill of the close", "number"], ["", ""], ["Skill of the band", "number"], ["", ""], ["50 % held", "number"], ["90 % held", "number"], ["Error", "number"], ["90 % width", "number"]];
    show(this.overall, el("div", { class: "scroll" }, table(heads, all.map((row) => overallRow(row, widest)))));
  }

  drawMinutes(minutes) {
    show(this.minutes, minutes.length > 0 && [
      card("90 % band held", "by minutes to close", coverageChart(minutes, "coverage_90", 0.9)),
      card("50 % band held", "by minutes to close", coverageChart(minutes, "coverage_50", 0.5))]);
    show(this.by, minutes.length ? byMinutes(minutes) : el("p", { class: "empty", text: "No scores yet." }));
  }
}

function overallRow(row, widest) {
  const isReference = row.model === "reference";
  const coverage = (share, aim) => el("td", { class: `number ${Math.abs(share - aim) > 0.03 ? "warn" : ""}`, text: percent(share) });
  return el("tr", {},
    el("td", {}, el("span", { class: "strong", text: row.model }), isReference && el("span", { class: "faint", text: "  last price" })),
    el("td", { class: "number", text: count(row.cases) }),
    el("td", { class: "number", text: skill(row.point_skill) }), el("td", { class: "bar-cell" }, skillBar(row.point_skill, widest)),
    el("td", { class: "number", text: skill(row.pinball_skill) }), el("td", { class: "bar-cell" }, skillBar(row.pinball_skill, widest)),
    coverage(row.coverage_50, 0.5), coverage(row.coverage_90, 0.9),
    el("td", { class: "number", text: `${row.absolute_error_bp.toFixed(2)}\u202fbp` }),
    el("td", { class: "number", text: `${row.width_90_bp.toFixed(1)}\u202fbp` }));
}

function skill(share) {
  return share === null ? "–" : signed(Math.abs(share) < 0.00005 ? 0 : share * 100, 2, "%");
}

function byMinutes(rows) {
  const models = [...new Set(rows.map((row) => row.model))].filter((model) => model !== "reference");
  const minutes = [...new Set(rows.map((row) => row.minutes))].sort((one, other) => other - one);
  const find = (model, minute) => rows.find((row) => row.model === model && row.minutes === minute);
  const heads = [["Minutes to close", ""], ["Cases", "number"], ...models.flatMap((model) => [[`${model}: skill of close`, "number"], [`skill of band`, "number"], ["50 % held", "number"], ["90 % held", "number"]]), ["reference: 90 % held", "number"]];
  return table(heads, minutes.map((minute) => el("tr", {},
    el("td", { text: minute }), el("td", { class: "number soft", text: count(find(models[0] ?? "reference", minute)?.cases) }),
    models.map((model) => cells(find(model, minute))),
    el("td", { class: "number soft", text: percent(find("reference", minute)?.coverage_90) }))));
}

function cells(row) {
  const texts = row ? [skill(row.point_skill), skill(row.pinball_skill), percent(row.coverage_50), percent(row.coverage_90)] : ["–", "–", "–", "–"];
  return texts.map((text) => el("td", { class: "number", text }));
}
