// The chance to close up: each model's scores, its reliability, and its skill by minutes to close.

import { get } from "../core/api.js";
import { el, show } from "../core/dom.js";
import { count, percent } from "../core/format.js";
import { card, emptyPanel, fillPanel, table } from "../core/panel.js";
import { minutesChart } from "./by-minutes.js";
import { reliabilityChart } from "./reliability.js";
import { skillBar } from "./skill-bar.js";
import { FEW, skill } from "./skill.js";

const HEADS = [["Model", ""], ["Cases", "number"], ["Brier score", "number"], ["Skill over constant band", "number"], ["", ""], ["Skill over climatology", "number"], ["Log loss", "number"], ["Typically off by", "number"], ["Resolution", "number"]];

export class ChanceCards {
  constructor(market) {
    this.market = market;
    this.models = el("div", { data: { role: "chances" } });
    this.choice = el("select", { "aria-label": "Model", onchange: () => this.drawReliability() });
    this.reliability = el("div", { data: { role: "reliability" } });
    this.minutes = el("div", { data: { role: "chance-minutes" } });
    this.root = el("div", { class: "chances", hidden: true },
      card("Chance to close up", "whether the candle closes at or above its open", this.models),
      el("div", { class: "split" },
        card("Reliability", "of candles given 60 %, do 60 % close up?", this.reliability, this.choice),
        card("Skill of the chance", "by minutes to close, against the constant band", this.minutes)));
  }

  /** Take away what is drawn of another symbol. */
  clear(symbol) {
    this.root.hidden = true;
    this.tenths = null;
    show(this.minutes);
    emptyPanel(this.reliability, symbol);
  }

  /** Draw the models' scores, and read how often what was claimed has happened. */
  async load(symbol, rows) {
    const known = ranked(rows.filter((row) => row.chance_cases > 0));
    this.root.hidden = known.length === 0;
    if (this.root.hidden) return;
    const widest = Math.max(0.02, ...known.filter((row) => row.chance_cases >= FEW).map((row) => Math.abs(row.brier_skill ?? 0)));
    show(this.models, el("div", { class: "scroll" }, table(HEADS, known.map((row) => modelRow(row, widest)))));
    this.offer(symbol, known.map((row) => row.model));
    this.tenths = null;
    await fillPanel(this.reliability, () => get("/v1/scores/reliability", { symbol }), ({ data }) => {
      this.tenths = data;
      this.drawReliability();
    }, symbol);
  }

  /** The model whose chance is shown for the symbol, or else the best. */
  offer(symbol, models) {
    const champion = symbol && this.market.chanceChampion(this.market.symbol(symbol))?.model;
    const first = models.includes(champion) ? champion : models[0];
    const chosen = this.symbol === symbol && models.includes(this.choice.value) ? this.choice.value : first;
    this.symbol = symbol;
    show(this.choice, models.map((model) => el("option", { value: model, text: model, selected: model === chosen })));
  }

  drawReliability() {
    if (!this.tenths) return; // they are being read, or could not be
    const model = this.choice.value;
    const rows = this.tenths.filter((row) => row.model === model);
    show(this.reliability, rows.length ? reliabilityChart(rows, model) : el("p", { class: "empty", text: "No chances yet." }));
  }

  drawMinutes(all) {
    const drawn = all.filter((row) => row.chance_cases >= FEW / 15 && row.brier_skill !== null && row.model !== "reference");
    const chart = drawn.length > 0 && minutesChart(drawn, "brier_skill", { aim: 0, title: "Skill of the chance", isSkill: true, tall: 302 });
    show(this.minutes, chart || el("p", { class: "empty", text: "Too few cases yet." }));
  }
}

/** Best first, the reference last. */
function ranked(rows) {
  const place = (row) => (row.model === "reference" ? 2 : row.chance_cases < FEW ? 1 : 0);
  return rows.toSorted((one, other) => place(one) - place(other) || one.brier - other.brier);
}

function modelRow(row, widest) {
  const isReference = row.model === "reference";
  const isFew = row.chance_cases < FEW;
  const number = (text, title) => el("td", { class: "number", text, title });
  const bar = isFew ? el("span", { class: "tiny", text: "too few to tell" }) : skillBar(row.brier_skill, widest);
  return el("tr", { class: isFew ? "faint" : "" },
    el("td", {}, el("span", { class: "strong", text: row.model }), isReference && el("span", { class: "faint", text: "  constant band" })),
    number(count(row.chance_cases)), number(row.brier.toFixed(4)), number(skill(row.brier_skill)), el("td", { class: "bar-cell" }, bar),
    number(skill(row.climatology_skill)), number(row.log_loss.toFixed(4)),
    number(percent(Math.sqrt(row.reliability), 1), "how far claimed and happened are apart, typically; 0 is best"),
    number(row.resolution.toFixed(4), "what telling candles apart saves of the Brier score; more is better"));
}
