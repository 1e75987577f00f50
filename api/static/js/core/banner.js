// One line across the page that says why its data is not fresh.

import { setText } from "./dom.js";
import { age } from "./format.js";
import { now } from "./now.js";

const PATIENCE_MS = 800;

export class Banner {
  constructor(market, health) {
    this.health = health;
    this.node = document.querySelector("[data-banner]");
    this.title = document.querySelector("[data-banner-title]"); // read aloud when it changes
    this.detail = document.querySelector("[data-banner-detail]"); // changes all the time
    this.dot = document.querySelector("[data-link-dot]");
    this.text = document.querySelector("[data-link-text]");
    this.market = market;
    this.link = { open: false, began: now() };
  }

  /** Set the state of the stream; a closed one may have `needsLogin`, `isResting`, and the `reason` of a server that refused it. */
  setLink(link) {
    const began = link.open === this.link.open ? this.link.began : now(); // not anew with each attempt
    this.link = { ...link, began };
  }

  update(symbol) {
    const trouble = this.trouble(symbol ? this.market.symbol(symbol) : null);
    this.dot.className = `dot ${trouble ? "stale" : this.link.open ? "fresh" : "late"}`;
    setText(this.text, trouble ? trouble.short : this.link.open ? "live" : "connecting");
    setText(this.title, trouble?.title ?? "");
    setText(this.detail, trouble?.detail ?? "");
    this.node.hidden = !trouble;
  }

  /** What is wrong: first what concerns all symbols, then what concerns this one. */
  trouble(state) {
    if (this.link.needsLogin || this.link.isResting) return null;
    if (!this.link.open) return now() - this.link.began < PATIENCE_MS ? null : offline(this.link.reason);
    if (!state || !this.market.isStale(state)) return this.health.trouble;
    const traded = this.market.traded();
    if (traded.length > 0 && this.market.areAllStale()) {
      return stale("market data", Math.min(...traded.map((each) => this.market.ageMs(each))));
    }
    return this.health.trouble ?? (this.market.isNotTraded(state) ? null : stale(`data for ${state.name}`, this.market.ageMs(state)));
  }
}

function offline(reason) {
  if (!reason) return { short: "offline", title: "Connection lost.", detail: "The numbers are old. The page reconnects by itself; there is no need to reload." };
  return {
    short: "offline", title: "The server sends no live data.",
    detail: `It says: ${reason.replace(/\.$/, "")}. The numbers are old. The page tries again by itself; there is no need to reload.`,
  };
}

function stale(what, ageMs) {
  if (!Number.isFinite(ageMs)) return { short: "stale", title: `Stale: no ${what} has arrived yet.`, detail: "The numbers are the last stored ones." };
  const since = age(Math.floor(ageMs / 1000) * 1000).replace(".0", "");
  return {
    short: "stale", title: `Stale: no ${what}.`,
    detail: `Nothing has come for ${since}. The last numbers are greyed out; they update by themselves when trades arrive again.`,
  };
}
