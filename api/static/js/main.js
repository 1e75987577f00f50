// Puts the page together: what is known, the stream that feeds it, and the views that show it.

import { get } from "./core/api.js";
import { clock } from "./core/format.js";
import { Market } from "./core/market.js";
import { setText } from "./core/dom.js";
import { Stream } from "./core/stream.js";
import { toggleTheme } from "./core/theme.js";
import { LiveView } from "./live/view.js";

const market = new Market();
const live = new LiveView(document.getElementById("live"), market);
const clockNode = document.querySelector("[data-clock]");
const stream = new Stream({
  onEvent: (kind, data) => market.take(kind, data),
  onState: (state) => {
    market.connected = state.open;
    if (state.open) listSymbols();
  },
});

async function listSymbols() {
  market.takeListing((await get("/v1/symbols")).data);
}

document.querySelector("[data-action=theme]").addEventListener("click", toggleTheme);
setInterval(() => {
  live.tick();
  setText(clockNode, `${clock(market.nowMs())} UTC`);
}, 250);
stream.start();
