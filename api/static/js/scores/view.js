// The scoreboard: each model compared with the reference, and the coverage of its bands.

import { get } from "../core/api.js";
import { el, show } from "../core/dom.js";
import { count, percent } from "../core/format.js";
import { card, emptyPanel, fillPanel, table } from "../core/panel.js";
import { offerSymbols } from "../core/symbol-choice.js";
import { minutesChart } from "./by-minutes.js";
import { ChanceCards } from "./chance.js";
import { skillBar } from "./skill-bar.js";
import { FEW, skill } from "./skill.js";

export class ScoresView {
  constructor(root, market) {
    this.market = market;
    this.symbol = "";
    this.choice = el("select", { "aria-label": "Symbol", onchange: () => this.choose() });
    this.overall = el("div", { data: { role: "scoreboard" } });
    this.minutes = el("div", { class: "split" });
    this.by = el("div", { class: "scroll" });
    this.chances = new ChanceCards(market);
    show(root, el("div", { class: "page" },
      card("Models against “no change”", "the reference predicts the last price, with a constant band", this.overall, this.choice),
      this.minutes,
      this.chances.root,
      card("By minutes to close", "skill of the close and of the band, and how often bands contained the close", this.by),
      el("p", { class: "faint small note", text: "Skill is 1 − error ÷ error of the reference, on the same questions: at 0 % a model is no better than “no change”, below 0 it is worse. Last 30 days." })));
    market.addEventListener("listing", () => this.fillChoice());
  }

  fillChoice() {
    offerSymbols(this.choice, this.market.names());
    if (this.choice.value !== this.symbol) this.choose();
  }

  choose() {
    this.symbol = this.choice.value;
    show(this.minutes);
    this.chances.clear(this.symbol);
    this.load();
  }

  /** The overall scores first, as they are quicker, then those by minutes. */
  async load() {
    const symbol = this.symbol;
    let rows = null;
    emptyPanel(this.by, symbol);
    await fillPanel(this.overall, () => get("/v1/scores", { symbol }), ({ data }) => {
      rows = data;
      this.drawOverall(data);
    }, symbol);
    if (symbol !== this.symbol) return;
    await fillPanel(this.by, () => get("/v1/scores", { symbol, by: "minutes" }), ({ data }) => this.drawMinutes(data), symbol);
    if (rows && symbol === this.symbol) await this.chances.load(symbol, rows);
  }

  drawOverall(all) {
    if (all.length === 0) {
      show(this.overall, el("p", { class: "empty", text: "No scores yet: the first appear when a predicted candle closes." }));
      return;
    }
    const telling = all.filter((row) => row.cases >= FEW);
    const widest = Math.max(0.02, ...telling.flatMap((row) => [row.pinball_skill ?? 0, row.point_skill ?? 0]).map(Math.abs));
    const heads = [["Model", ""], ["Cases", "number"], ["Skill of the close", "number"], ["", ""], ["Skill of the band", "number"], ["", ""], ["50 % held", "number"], ["90 % held", "number"], ["Error", "number"], ["90 % width", "number"]];
    show(this.overall, el("div", { class: "scroll" }, table(heads, ranked(all).map((row) => overallRow(row, widest)))));
  }

  drawMinutes(minutes) {
    this.chances.drawMinutes(minutes);
    const drawn = minutes.filter((row) => row.cases >= FEW / 15);
    show(this.minutes, drawn.length > 0 && [
      card("90 % band held", "by minutes to close", minutesChart(drawn, "coverage_90", { aim: 0.9, title: "Share of closes inside the 90 % band" })),
      card("50 % band held", "by minutes to close", minutesChart(drawn, "coverage_50", { aim: 0.5, title: "Share of closes inside the 50 % band" }))]);
    show(this.by, minutes.length ? byMinutes(minutes) : el("p", { class: "empty", text: "No scores yet." }));
  }
}

function overallRow(row, widest) {
  const isReference = row.model === "reference";
  const isFew = row.cases < FEW;
  const coverage = (share, aim) => el("td", { class: `number ${!isFew && Math.abs(share - aim) > 0.03 ? "warn" : ""}`, text: percent(share) });
  const bar = (share) => el("td", { class: "bar-cell" }, isFew ? el("span", { class: "tiny", text: "too few to tell" }) : skillBar(share, widest));
  return el("tr", { class: isFew ? "faint" : "" },
    el("td", {}, el("span", { class: "strong", text: row.model }), isReference && el("span", { class: "faint", text: "  last price" })),
    el("td", { class: "number", text: count(row.cases) }),
    el("td", { class: "number", text: skill(row.point_skill) }), bar(row.point_skill),
    el("td", { class: "number", text: skill(row.pinball_skill) }), bar(row.pinball_skill),
    coverage(row.coverage_50, 0.5), coverage(row.coverage_90, 0.9),
    el("td", { class: "number", text: `${row.absolute_error_bp.toFixed(2)}\u202fbp` }),
    el("td", { class: "number", text: `${row.width_90_bp.toFixed(1)}\u202fbp` }));
}

/** Best band first, the reference last. */
function ranked(rows) {
  const place = (row) => (row.model === "reference" ? 2 : row.cases < FEW ? 1 : 0);
  return rows.toSorted((one, other) => place(one) - place(other) || other.pinball_skill - one.pinball_skill);
}

function modelsOf(rows) {
  const cases = (model) => rows.filter((row) => row.model === model).reduce((sum, row) => sum + row.cases, 0);
  const names = [...new Set(rows.map((row) => row.model))];
  return names.sort((one, other) => Number(one === "reference") - Number(other === "reference") || cases(other) - cases(one));
}

function byMinutes(rows) {
  const models = modelsOf(rows);
  const minutes = [...new Set(rows.map((row) => row.minutes))].sort((one, other) => other - one);
  const find = (model, minute) => rows.find((row) => row.model === model && row.minutes === minute);
  const groups = el("tr", {}, el("th"), models.map((model) => el("th", { class: "group", colspan: headsOf(model).length, scope: "colgroup", text: model })));
  const heads = el("tr", {}, el("th", { text: "Minutes" }), models.flatMap((model) => headsOf(model).map((text, at) => el("th", { class: at ? "number" : "number group", text }))));
  const body = minutes.map((minute) => el("tr", {}, el("td", { class: "strong", text: minute }), models.map((model) => cells(find(model, minute), model))));
  return el("table", {}, el("thead", {}, groups, heads), el("tbody", {}, body));
}

/** The reference has no skill of its own. */
function headsOf(model) {
  return model === "reference" ? ["Cases", "50 % held", "90 % held"] : ["Cases", "Close", "Band", "50 % held", "90 % held"];
}

function cells(row, model) {
  const skills = row && model !== "reference" ? [skill(row.point_skill), skill(row.pinball_skill)] : [];
  const texts = row ? [count(row.cases), ...skills, percent(row.coverage_50), percent(row.coverage_90)] : headsOf(model).map(() => "–");
  const kind = !row || row.cases < FEW / 15 ? "number faint" : "number";
  return texts.map((text, at) => el("td", { class: at ? kind : "number group soft", text }));
}
