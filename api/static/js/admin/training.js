// Trainings: request one and follow it; the events of the models, with their evidence.

import { get, request } from "../core/api.js";
import { el, show } from "../core/dom.js";
import { day, moment } from "../core/format.js";
import { card, fillPanel, table } from "../core/panel.js";
import { offerSymbols } from "../core/symbol-choice.js";

const DAY_MS = 86_400_000;
const FOLLOW_MS = 2_000;

export class TrainingPanel {
  constructor(market) {
    const now = Date.now();
    this.market = market;
    this.symbol = el("select", { name: "symbol" });
    this.fillChoice();
    this.model = el("select", { name: "model" }, ["batch", "forest", "lstm"].map((name) => el("option", { value: name, text: name })));
    this.from = el("input", { type: "date", name: "from", value: day(now - 30 * DAY_MS), required: true });
    this.to = el("input", { type: "date", name: "to", value: day(now), required: true });
    this.said = el("p", { class: "fault", role: "status", data: { role: "training" } });
    const form = el("form", { class: "form inline body", onsubmit: (event) => this.start(event) }, el("label", {}, "Symbol", this.symbol), el("label", {}, "Model", this.model), el("label", {}, "From", this.from), el("label", {}, "Until", this.to), el("button", { class: "primary", text: "Start a training" }));
    this.events = el("div", { class: "scroll" });
    this.root = card("Models", "newest first", el("div", {}, form, el("div", { class: "body" }, this.said), this.events));
  }

  fillChoice() {
    offerSymbols(this.symbol, this.market.names());
  }

  load() {
    return fillPanel(this.events, () => get("/v1/models", { limit: 50 }), ({ data }) => {
      const heads = [["When", ""], ["Model", ""], ["Version", ""], ["Symbol", ""], ["Event", ""], ["Why", ""]];
      show(this.events, data.length ? table(heads, data.map(eventRow)) : el("p", { class: "empty", text: "No model events yet." }));
    });
  }

  async start(event) {
    event.preventDefault();
    const json = { model: this.model.value, from: `${this.from.value}T00:00:00Z`, to: `${this.to.value}T00:00:00Z`, ...(this.symbol.value ? { symbol: this.symbol.value } : {}) };
    this.say("fault", "");
    try {
      const training = await (await request("/v1/models/train", { method: "POST", json })).json();
      this.follow(training.url, Date.now());
    } catch (problem) {
      this.say("fault", problem.sentence ?? problem.message);
    }
  }

  async follow(url, beganMs) {
    const waited = Math.round((Date.now() - beganMs) / 1000);
    this.say("soft small", `Training asked for; waiting for ${waited}\u202fs. It may take some minutes; you can leave this page.`);
    const training = await get(url).catch(() => null);
    if (training && training.status !== "waiting") {
      this.say(training.status === "trained" ? "done" : "fault", `${training.status}: ${training.result?.reason ?? ""}`);
      return void this.load();
    }
    if (this.root.isConnected) setTimeout(() => this.follow(url, beganMs), FOLLOW_MS);
  }

  say(kind, text) {
    this.said.className = kind;
    this.said.textContent = text;
  }
}

function eventRow(row) {
  const kinds = { trained: "tag good", promoted: "tag accent", failed: "tag wrong", drift: "tag warning" };
  return el("tr", {}, el("td", { class: "soft nowrap", text: moment(row.event_ms) }), el("td", { class: "strong", text: row.model }), el("td", { class: "soft version", text: row.version, title: row.version }), el("td", { text: row.symbol || "all" }),
    el("td", {}, el("span", { class: kinds[row.event] ?? "tag", text: row.event })), el("td", { class: "soft reason", text: row.reason }));
}
