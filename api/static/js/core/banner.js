// One line across the page that says why its data is not fresh.

import { el, show } from "./dom.js";
import { age } from "./format.js";
import { now } from "./now.js";

export class Banner {
  constructor(market, health) {
    this.health = health;
    this.node = document.querySelector("[data-banner]");
    this.dot = document.querySelector("[data-link-dot]");
    this.text = document.querySelector("[data-link-text]");
    this.market = market;
    this.link = { open: false, began: now() };
    this.said = "";
  }

  /** Set the state of the stream; a closed one may have `reason` and `needsLogin`. */
  setLink(link) {
    this.link = { ...link, began: now() };
  }

  update(symbol) {
    const state = symbol ? this.market.symbol(symbol) : null;
    const trouble = this.trouble(state) ?? (this.link.open ? this.health.trouble : null);
    this.dot.className = `dot ${trouble ? "stale" : this.link.open ? "fresh" : "late"}`;
    this.text.textContent = trouble ? trouble.short : this.link.open ? "live" : "connecting";
    const words = trouble ? `${trouble.title}|${trouble.detail}` : "";
    if (words === this.said) return;
    this.said = words;
    this.node.hidden = !trouble;
    if (trouble) show(this.node, el("span", { text: trouble.title }), el("span", { class: "detail", text: trouble.detail }));
  }

  trouble(state) {
    if (this.link.needsLogin) return null;
    if (!this.link.open) return now() - this.link.began < 800 ? null : OFFLINE;
    if (!state || !this.market.isStale(state)) return null;
    const all = this.market.names().every((name) => this.market.isStale(this.market.symbol(name)));
    const old = this.market.ageMs(state);
    if (!Number.isFinite(old)) return waiting(all, state);
    const since = age(Math.floor(old / 1000) * 1000).replace(".0", "");
    return {
      short: "stale", title: all ? `Stale: no market data for ${since}.` : `Stale: no data for ${state.name} for ${since}.`,
      detail: "The last numbers are greyed out; they update by themselves when trades arrive again.",
    };
  }
}

const OFFLINE = {
  short: "offline", title: "Connection lost.", detail: "The numbers are old. The page reconnects by itself; there is no need to reload.",
};

function waiting(all, state) {
  return {
    short: "stale", title: all ? "Stale: no market data has arrived yet." : `Stale: no data for ${state.name} has arrived yet.`,
    detail: "The numbers are the last stored ones.",
  };
}
