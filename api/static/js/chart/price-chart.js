// The candle chart: draws rows and attached drawings, independent of the source of the data.

import { CandlestickSeries, createChart, CrosshairMode, HistogramSeries, LineStyle } from "../../vendor/lightweight-charts-5.2.1/lightweight-charts.standalone.production.mjs";
import { price } from "../core/format.js";
import { colour, onTheme } from "../core/theme.js";
import { Fan } from "./fan.js";
import { PastBands } from "./past-bands.js";
import { Rows } from "./rows.js";
import { StatusMarks } from "./status-marks.js";

const RIGHT_ROOM = 104; // pixels for the prediction

export class PriceChart {
  constructor(root, onHover) {
    this.rows = new Rows();
    this.chart = createChart(root, { autoSize: true, ...options() });
    this.candles = this.chart.addSeries(CandlestickSeries, candleOptions());
    this.volume = this.chart.addSeries(HistogramSeries, { priceScaleId: "", priceFormat: { type: "volume" }, lastValueVisible: false, priceLineVisible: false });
    this.volume.priceScale().applyOptions({ scaleMargins: { top: 0.87, bottom: 0.015 } });
    this.drawings = [new StatusMarks(this.rows), new PastBands(this.rows), new Fan(this.rows)];
    [this.marks, this.past, this.fan] = this.drawings;
    for (const drawing of this.drawings) this.candles.attachPrimitive(drawing);
    this.chart.subscribeCrosshairMove(({ time }) => onHover(time === undefined ? null : this.rows.find(time * 1000)));
    onTheme(() => this.restyle());
  }

  fill(candles, digits, stepMs) {
    this.rows.fill(candles, stepMs);
    this.candles.applyOptions({ priceFormat: { type: "custom", minMove: 10 ** -digits, formatter: (value) => price(value, digits) } });
    this.draw();
  }

  clear() {
    this.rows.clear();
    this.predict(null, { isStale: false, label: "" });
    this.draw();
  }

  draw() {
    this.candles.setData(this.rows.list.map(bar));
    this.volume.setData(this.rows.list.map(column));
  }

  put(candle) {
    const size = this.rows.list.length;
    const done = this.rows.put(candle);
    if (done === "old") return;
    if (this.rows.trim()) return void this.draw();
    const isLast = done === "replaced" && this.rows.at.get(candle.open_ms) === size - 1;
    const changed = done === "replaced" ? [this.rows.find(candle.open_ms)] : this.rows.list.slice(size);
    for (const row of changed) {
      this.candles.update(bar(row), done === "replaced" && !isLast);
      this.volume.update(column(row), done === "replaced" && !isLast);
    }
  }

  predict(prediction, { isStale, label }) {
    Object.assign(this.fan, { prediction, isStale, label });
    this.fan.redraw?.();
  }

  setOutcomes(outcomes) {
    this.past.outcomes = outcomes;
    this.past.redraw?.();
  }

  showDays(days) {
    const last = this.rows.list.length - 1;
    const wide = this.chart.timeScale().width() || 800;
    const bars = days * 96;
    const room = (RIGHT_ROOM / Math.max(wide - RIGHT_ROOM, 100)) * bars;
    this.candles.priceScale().applyOptions({ autoScale: true });
    this.chart.timeScale().setVisibleLogicalRange({ from: last - bars, to: last + room });
  }

  restyle() {
    this.chart.applyOptions(options());
    this.candles.applyOptions(candleOptions());
    for (const drawing of this.drawings) drawing.restyle();
    this.draw();
  }
}

function bar(row) {
  if (row.open === undefined) return { time: row.time };
  const { time, open, high, low, close } = row;
  if (row.status === "quiet") return { time, open, high, low, close, color: colour("faint"), wickColor: colour("faint") };
  if (row.status !== "gapped") return { time, open, high, low, close };
  const warn = colour("warn");
  return { time, open, high, low, close, color: colour("panel"), borderColor: warn, wickColor: warn };
}

function column(row) {
  if (row.open === undefined) return { time: row.time };
  return { time: row.time, value: row.volume, color: colour(row.close >= row.open ? "up" : "down", 0.28) };
}

function candleOptions() {
  const [up, down] = [colour("up"), colour("down")];
  return {
    upColor: up, downColor: down, borderUpColor: up, borderDownColor: down, wickUpColor: up, wickDownColor: down,
    priceLineColor: colour("faint"), priceLineStyle: LineStyle.Dotted,
  };
}

function options() {
  const line = { color: colour("faint", 0.7), labelBackgroundColor: colour("soft"), style: LineStyle.Dashed, width: 1 };
  return {
    layout: {
      background: { color: "transparent" }, textColor: colour("faint"), fontSize: 11,
      fontFamily: '"Inter", system-ui, sans-serif', attributionLogo: false,
    },
    grid: { vertLines: { color: colour("grid") }, horzLines: { color: colour("grid") } },
    crosshair: { mode: CrosshairMode.Normal, vertLine: line, horzLine: line },
    rightPriceScale: { entireTextOnly: true, borderColor: colour("line"), scaleMargins: { top: 0.08, bottom: 0.17 } },
    timeScale: { borderColor: colour("line"), timeVisible: true, secondsVisible: false, minBarSpacing: 0.2, rightOffsetPixels: RIGHT_ROOM },
    localization: { locale: "en-GB" },
  };
}
