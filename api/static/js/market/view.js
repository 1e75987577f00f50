// The market: coins by capitalisation, and the volatility of the followed symbols.

import { get } from "../core/api.js";
import { el, show } from "../core/dom.js";
import { anyPrice, day, moment, pairName, short, signed } from "../core/format.js";
import { card, fillPanel, table } from "../core/panel.js";
import { squarify } from "./treemap.js";

const HEADS = [["#", ""], ["Coin", ""], ["Price", "number"], ["24 h", "number"], ["Capitalisation", "number"], ["Volume 24 h", "number"], ["Turnover", "number"], ["Circulating", "number"], ["of maximum", "number"], ["Highest ever", "number"], ["since then", "number"]];
const FULL_COLOUR = 6; // change in per cent at which the colour is strongest

export class MarketView {
  constructor(root) {
    this.note = el("span", { class: "faint small" });
    this.map = el("div", { class: "treemap" });
    this.coins = el("div", { class: "scroll" });
    this.moves = el("div", { class: "body" });
    const legend = el("span", { class: "legend-scale tiny faint" }, "−6 %", el("i"), "+6 %");
    show(root, el("div", { class: "page" },
      el("div", { class: "market-top" }, card("Capitalisation", "area: US dollars; colour: change in 24 hours", el("div", { class: "body" }, this.map), legend),
        card("Volatility", "standard deviation of 15-minute moves", this.moves)),
      card("Coins", "US dollars, CoinGecko", this.coins, this.note)));
    new ResizeObserver(() => this.layOut()).observe(this.map);
  }

  load() {
    return Promise.all([
      fillPanel(this.coins, () => get("/v1/coins"), ({ data }) => this.drawCoins(data)),
      fillPanel(this.moves, () => get("/v1/volatility"), ({ data }) => this.drawMoves(data)),
    ]);
  }

  drawCoins(coins) {
    this.list = coins;
    this.layOut();
    const newest = Math.max(...coins.map((coin) => coin.updated_ms));
    this.note.textContent = coins.length ? `as of ${moment(newest)} UTC` : "";
    if (coins.length === 0) show(this.coins, el("p", { class: "empty", text: "No coins yet: they are fetched every few minutes." }));
    else show(this.coins, table(HEADS, coins.map(coinRow)));
  }

  layOut() {
    const { clientWidth: width, clientHeight: height } = this.map;
    if (!this.list || !width || !height) return;
    const boxes = squarify(this.list, (coin) => Number(coin.market_cap ?? 0), width, height);
    show(this.map, boxes.length ? boxes.map(tile) : el("p", { class: "empty", text: "No capitalisations are known yet." }));
  }

  drawMoves(rows) {
    if (rows.length === 0) return show(this.moves, el("p", { class: "empty", text: "No candles yet." }));
    const most = Math.max(...rows.flatMap((row) => [row.day_bp ?? 0, row.month_bp ?? 0]));
    const sorted = rows.toSorted((one, other) => (other.month_bp ?? 0) - (one.month_bp ?? 0));
    const key = el("div", { class: "chart-key" }, el("span", {}, el("i", { style: { background: "var(--accent)" } }), "30 days"), el("span", {}, el("i", { class: "needle" }), "last day"));
    return show(this.moves, key, el("div", { class: "moves" }, sorted.map((row) => moveRow(row, most))));
  }
}

function tile({ item: coin, x, y, width, height }) {
  const change = coin.change_24h === null ? null : Number(coin.change_24h);
  const share = Math.min(1, Math.abs(change ?? 0) / FULL_COLOUR);
  const colour = change === null ? "var(--faint)" : change >= 0 ? "var(--up)" : "var(--down)";
  const name = coin.ticker.toUpperCase();
  const size = Math.max(10, Math.min(30, width / 5, height / 3.2));
  const isSlim = width < 76;
  const fits = width > name.length * size * 0.72 + (isSlim ? 16 : 26) && height > 22;
  const box = { left: `${x}px`, top: `${y}px`, width: `${width}px`, height: `${height}px` };
  const fill = `color-mix(in oklab, ${colour} ${Math.round(18 + share * 52)}%, var(--raise))`;
  return el("div", { class: "tile", style: box, title: `${coin.name}: ${short(Number(coin.market_cap))} $, ${signed(change, 2, "%")}` },
    el("div", { class: isSlim ? "inner slim" : "inner", style: { background: fill } },
      fits && el("strong", { text: name, style: { fontSize: `${size}px` } }),
      fits && width > 64 && height > 44 && el("span", { text: signed(change, 2, "%") }),
      width > 92 && height > 86 && el("span", { class: "cap", text: `$${short(Number(coin.market_cap))}` })));
}

function coinRow(coin) {
  const number = (text) => (text === null ? null : Number(text));
  const change = number(coin.change_24h);
  const turnover = number(coin.volume_24h) / number(coin.market_cap);
  const mined = coin.max_supply === null ? null : number(coin.circulating_supply) / number(coin.max_supply);
  return el("tr", {},
    el("td", { class: "faint", text: coin.rank ?? "–" }),
    el("td", { class: "nowrap" }, el("span", { class: "strong", text: coin.name }), el("span", { class: "faint", text: `  ${coin.ticker.toUpperCase()}` })),
    el("td", { class: "number", text: anyPrice(number(coin.price)) }), el("td", { class: `number ${change > 0 ? "up" : change < 0 ? "down" : ""}`, text: signed(change, 2, "%") }),
    el("td", { class: "number", text: short(number(coin.market_cap)) }), el("td", { class: "number", text: short(number(coin.volume_24h)) }),
    el("td", { class: "number", text: Number.isFinite(turnover) ? `${(turnover * 100).toFixed(1)}\u202f%` : "–" }),
    el("td", { class: "number", text: short(number(coin.circulating_supply)) }), el("td", { class: "number", text: mined === null ? "no maximum" : `${(mined * 100).toFixed(1)}\u202f%` }),
    el("td", { class: "number", text: anyPrice(number(coin.ath)), title: coin.ath_ms ? day(coin.ath_ms) : "" }), el("td", { class: "number", text: signed(number(coin.ath_change), 1, "%") }));
}

const points = (bp) => (bp === null ? "–" : `${bp.toFixed(1)}\u202fbp`);

function moveRow(row, most) {
  const width = (bp) => `${((bp ?? 0) / most) * 100}%`;
  return el("div", { class: "move", title: `last day ${points(row.day_bp)}, seven days ${points(row.week_bp)}, 30 days ${points(row.month_bp)}` },
    el("span", { class: "strong", text: pairName(row.symbol) }),
    el("span", { class: "track" }, el("i", { style: { width: width(row.month_bp) } }), row.day_bp !== null && el("b", { style: { left: width(row.day_bp) } })),
    el("span", { class: "number", text: points(row.month_bp) }));
}
