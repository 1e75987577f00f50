// Builds the page: the market data, the stream that updates it, and the views that show it.

import { AdminView } from "./admin/view.js";
import { askToSignIn, watchAccount } from "./core/account.js";
import { get } from "./core/api.js";
import { Banner } from "./core/banner.js";
import { setText } from "./core/dom.js";
import { clock } from "./core/format.js";
import { Health } from "./core/health.js";
import { listenToKeys, showKeys } from "./core/keyboard.js";
import { Market } from "./core/market.js";
import { now } from "./core/now.js";
import { onSession } from "./core/session.js";
import { Stream } from "./core/stream.js";
import { toggleTheme } from "./core/theme.js";
import { Views } from "./core/views.js";
import { loadDay } from "./live/day.js";
import { LiveView } from "./live/view.js";
import { MarketView } from "./market/view.js";
import { QualityView } from "./quality/view.js";
import { ScoresView } from "./scores/view.js";

const TICK_MS = 250;
const MINUTE_MS = 60_000;
const LIST_AGAIN_MS = 3_000;
const LEAST_BETWEEN_MS = 10_000;
const market = new Market();
const root = (name) => document.getElementById(name);
const live = new LiveView(root("live"), market);
const views = new Views({
  live: { load: () => live.loadPrediction(live.symbol) }, scores: new ScoresView(root("scores"), market), market: new MarketView(root("market")),
  quality: new QualityView(root("quality")), admin: new AdminView(root("admin"), market),
});
const health = new Health();
const banner = new Banner(market, health);
const clockNode = document.querySelector("[data-clock]");
const stream = new Stream({ onEvent: (kind, data) => onEvent(kind, data), onState: (state) => onState(state) });
let wasOpen = false;
let listing; // the timer of the next
let listedAt = -Infinity;

function onEvent(kind, data) {
  if (kind === "lost" || kind === "dropped") return void live.load();
  const isNew = !market.symbols.has(data.symbol);
  market.take(kind, data);
  if (isNew && now() - listedAt > LEAST_BETWEEN_MS) listSymbols();
}

async function onState(state) {
  market.connected = state.open;
  if (state.open) market.staleMs = state.staleMs;
  banner.setLink(state);
  if (state.needsLogin) return askToSignIn("Reading needs an account here.");
  if (!state.open) return undefined;
  await listSymbols();
  if (wasOpen && !state.resumed) live.load();
  if (wasOpen) drawDay();
  wasOpen = true;
  return undefined;
}

/** Read which symbols are followed, again every minute: some are added or removed while the page is open. */
async function listSymbols() {
  if (!market.connected) return; // the stream asks again as soon as it is open
  listedAt = now();
  clearTimeout(listing);
  listing = setTimeout(listSymbols, MINUTE_MS);
  try {
    if (market.takeListing((await get("/v1/symbols")).data)) drawDay();
  } catch {
    clearTimeout(listing);
    listing = setTimeout(listSymbols, LIST_AGAIN_MS);
  }
}

async function drawDay() {
  await loadDay(market);
  live.watchlist.drawSparks();
}

function step(by) {
  const names = Object.keys(views.views);
  location.hash = names[(names.indexOf(views.shown) + by + names.length) % names.length];
}

const choose = (at) => {
  const name = market.names()[at - 1];
  if (name) live.choose(name);
};
const search = () => {
  location.hash = "live";
  views.open(); // at once, as a hidden field takes no focus
  live.watchlist.input.focus();
};
const everywhere = { ArrowLeft: () => step(-1), ArrowRight: () => step(1), "/": search, "?": showKeys, t: toggleTheme };
const onLive = {
  ...everywhere, ArrowUp: () => live.watchlist.step(-1), ArrowDown: () => live.watchlist.step(1), number: choose,
  d: () => live.range(1), w: () => live.range(7), m: () => live.range(30),
};
listenToKeys(() => (views.shown === "live" ? onLive : everywhere));
document.querySelector("[data-action=theme]").addEventListener("click", toggleTheme);
document.querySelector("[data-action=help]").addEventListener("click", showKeys);
watchAccount(document.querySelector("[data-action=account]"));
onSession(() => stream.start());
setInterval(() => {
  live.tick();
  banner.update(live.symbol);
  setText(clockNode, market.areAllStale() ? "–" : `${clock(market.nowMs())} UTC`);
}, TICK_MS);
setInterval(drawDay, 5 * MINUTE_MS);
health.start();
views.open();
stream.start();
