// The chance that the open candle closes up, in words, and the chance to close above a price that is asked for.

import { get } from "../core/api.js";
import { el, setText, show } from "../core/dom.js";
import { percent, price } from "../core/format.js";
import { now } from "../core/now.js";

const TYPING_MS = 350;
const AGAIN_MS = 5_000; // predictions come more often than anybody reads

export class ChanceLines {
  constructor(root) {
    this.root = root;
    root.hidden = true; // until there is a prediction
    this.words = el("p", { class: "chance", data: { role: "chance" } });
    this.input = el("input", { type: "text", inputmode: "decimal", size: 11, "aria-label": "Price", oninput: () => this.typed() });
    this.answer = el("output", { data: { role: "chance-above" } });
    this.ask = el("p", { class: "ask small soft" }, el("label", {}, "Chance to close above ", this.input), this.answer);
    show(root, this.words, this.ask);
  }

  /** Show a prediction's chance; nothing if there is none. Its model is named if another one speaks for the band. */
  update(said, speaker, state) {
    this.root.hidden = !said;
    if (!said) return;
    if (this.symbol !== state.name) this.begin(state);
    const key = `${said.symbol}${said.model}${said.issued_ms}${speaker.model}`;
    if (this.key === key) return;
    this.key = key;
    show(this.words, said.chance_up === null ? [] : sentence(said, speaker, state));
    if (this.input.value && now() - this.askedAt > AGAIN_MS) this.load();
  }

  begin(state) {
    this.symbol = state.name;
    this.input.value = "";
    this.input.placeholder = price(state.price, state.digits);
    setText(this.answer, "");
  }

  typed() {
    clearTimeout(this.waiting);
    setText(this.answer, "");
    this.waiting = setTimeout(() => this.load(), TYPING_MS);
  }

  /** The price that was typed, as the API takes it. */
  wanted() {
    return plainNumber(this.input.value);
  }

  async load() {
    const { symbol } = this;
    const above = this.wanted();
    if (!above) return;
    this.askedAt = now();
    const found = await get("/v1/predictions/current", { symbol, above }).catch((problem) => problem);
    if (symbol !== this.symbol || above !== this.wanted()) return;
    this.answer.className = found instanceof Error ? "warn" : "strong";
    const understood = this.input.value.includes(",") ? ` above ${above}` : "";
    setText(this.answer, found instanceof Error ? refusal(found) : chanceWords(found.chance.above[0].chance) + understood);
  }
}

function sentence(said, speaker, state) {
  const start = said.open === null ? "it opens now" : `open ${price(Number(said.open), state.digits)}`;
  const by = said.model === speaker.model ? "" : ` · by ${said.model}`;
  return [el("b", { text: chanceWords(said.chance_up) }), " chance to close up", el("span", { class: "faint", text: ` · ${start}${by}`, title: "up: at or above its open" })];
}

/** A comma before each three digits separates thousands; another one, the only key for it on some phones, is the point. */
export function plainNumber(text) {
  const typed = text.replace(/\s/g, "");
  return /^[1-9]\d{0,2}(,\d{3})+(\.\d*)?$/.test(typed) ? typed.replaceAll(",", "") : typed.replace(",", ".");
}

function refusal(problem) {
  return problem.status === 422 ? "that is no price" : "no fresh prediction";
}

/** Whole percents, as nobody can tell 62.1 from 62.4; nothing is certain before the close. */
export function chanceWords(share) {
  if (share === null) return "–";
  if (share < 0.01) return "<\u202f1\u202f%";
  return share > 0.99 ? ">\u202f99\u202f%" : percent(share, 0);
}
