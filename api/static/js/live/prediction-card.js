// Where the open candle will close: in words, on a scale, and by each model.

import { el, setClass, setText, show, svg } from "../core/dom.js";
import { age, clock, count, percent, price, signed } from "../core/format.js";
import { now } from "../core/now.js";
import { ChanceLines, chanceWords } from "./chance.js";
import { drawGauge } from "./gauge.js";
import { basisPoints, sentence, trust } from "./words.js";

const FEW = 200; // with fewer cases a share means little

export class PredictionCard {
  constructor(root, market) {
    this.market = market;
    this.issued = el("span", { class: "faint tiny" });
    this.words = el("p", { class: "words", data: { role: "prediction" } });
    this.gauge = svg("svg", { class: "gauge", viewBox: "0 0 316 74", "aria-hidden": "true" });
    this.models = el("tbody");
    const chance = el("div");
    this.chance = new ChanceLines(chance);
    this.note = el("p", { class: "small warn" });
    this.lately = el("p", { class: "small faint" });
    const heads = [["Model", ""], ["Close", "number"], ["Up", "number"], ["Width", "number"], ["Held", "number"]];
    this.table = el("table", { class: "models" }, el("thead", {}, el("tr", {}, heads.map(([text, kind]) => el("th", { class: kind, text })))), this.models);
    show(root,
      el("header", {}, el("h2", { text: "Prediction" }), el("span", { class: "spacer" }), this.issued),
      el("div", { class: "body" }, this.words, this.note, this.gauge, chance, this.table, this.lately));
  }

  update(state) {
    const prediction = this.market.freshChampion(state);
    setClass(this.words, "stale", !prediction);
    this.gauge.style.display = this.table.style.display = prediction ? "" : "none";
    this.chance.update(prediction && this.market.chanceChampion(state), prediction, state);
    if (!prediction) return this.none(state);
    const issued = `${prediction.model} · ${clock(prediction.issued_ms)}`;
    const models = this.market.predictions(state).sort(byRank);
    const key = `${issued}${state.name}${models.map((each) => each.model)}${JSON.stringify([...state.lately])}`;
    setText(this.issued, issued);
    if (state.price) drawGauge(this.gauge, prediction, state.price, state.digits);
    if (this.key === key) return undefined;
    this.key = key;
    show(this.words, sentence(prediction, state));
    setText(this.note, trust(prediction));
    show(this.models, models.map((each) => this.row(each, state)));
    return setText(this.lately, latelyWords(state.lately.get(prediction.model)));
  }

  none(state) {
    this.key = "";
    setText(this.issued, "");
    setText(this.note, "");
    setText(this.lately, "");
    const known = this.market.champion(state);
    if (this.market.isNotTraded(state)) setText(this.words, `No prediction: ${state.name} is not traded.`);
    else if (this.market.isStale(state)) setText(this.words, `No prediction: the market data of ${state.name} is stale.`);
    else if (!known) setText(this.words, "Waiting for the first prediction. It appears within a minute once history is stored.");
    else if (known.close_ms <= this.market.nowMs()) setText(this.words, "The candle has just closed; the next prediction follows in a moment.");
    else setText(this.words, `No fresh prediction: the last one arrived ${age(now() - state.predictedAt)} ago.`);
  }

  row(each, state) {
    const lately = state.lately.get(each.model);
    return el("tr", {},
      el("td", {}, el("span", { class: each.champion ? "strong" : "", text: each.model }), each.champion && el("span", { class: "tag accent", text: "champion", style: { marginLeft: "6px" } })),
      el("td", { class: "number", text: signed(basisPoints(Number(each.last_price), Number(each.price)), 1, "bp"), title: price(Number(each.price), state.digits) }),
      el("td", { class: each.chance_champion ? "number strong" : "number", text: chanceWords(each.chance_up), title: each.chance_champion ? "champion of the chance to close up" : "chance to close up" }),
      el("td", { class: "number", text: `${basisPoints(Number(each.low_90), Number(each.high_90)).toFixed(1)}\u202fbp`, title: "width of the 90 % band" }),
      el("td", { class: lately?.cases < FEW ? "number faint" : "number", text: percent(lately?.coverage_90), title: lately ? `90 % band held in ${count(lately.cases)} cases of seven days` : "no scores yet" }));
  }
}

function byRank(one, other) {
  return Number(other.champion) - Number(one.champion) || one.model.localeCompare(other.model);
}

function latelyWords(lately) {
  if (!lately) return "No scores yet: they appear when candles close.";
  const skill = lately.point_skill === null ? "unknown" : signed(lately.point_skill * 100, 2, "%");
  return `Last seven days, ${count(lately.cases)} predictions: skill of the close against “no change” ${skill}.`;
}
