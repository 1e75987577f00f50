// The prediction for the open candle, right of the present: both bands and the predicted close.

import { colour } from "../core/theme.js";
import { Primitive } from "./primitive.js";

const WIDTH = 84;
const FLAT = 30;

export class Fan extends Primitive {
  constructor(rows) {
    super("normal");
    this.rows = rows;
    this.prediction = null;
    this.isStale = false;
    this.label = "";
    this.axisView = {
      coordinate: () => (this.prediction ? (this.y(this.prediction.price) ?? -100) : -100),
      text: () => this.prediction?.priceText ?? "",
      textColor: () => this.onAccent,
      backColor: () => (this.isStale ? this.grey : this.line),
      visible: () => Boolean(this.prediction),
      tickVisible: () => true,
    };
    this.restyle();
  }

  restyle() {
    this.wide = colour("accent", 0.16);
    this.narrow = colour("accent", 0.3);
    this.line = colour("accent");
    this.grey = colour("faint");
    this.greyWide = colour("faint", 0.14);
    this.text = colour("soft");
    this.onAccent = colour("panel");
  }

  priceAxisViews() {
    return [this.axisView];
  }

  autoscaleInfo(from, to) {
    const last = this.rows.list.length - 1;
    if (!this.prediction || to < last - 1 || from > last) return null;
    return { priceRange: { minValue: this.prediction.low90, maxValue: this.prediction.high90 } };
  }

  draw(context, { width }) {
    const { prediction: p } = this;
    const start = this.x(this.rows.list.length - 1);
    if (!p || start === null || start > width) return;
    const begin = start + Math.min(this.barWidth() / 2, 8) + 3;
    const end = Math.min(begin + WIDTH, width - 4);
    const now = this.y(p.last);
    this.band(context, begin, end, now, p.low90, p.high90, this.isStale ? this.greyWide : this.wide);
    this.band(context, begin, end, now, p.low50, p.high50, this.isStale ? this.greyWide : this.narrow);
    this.point(context, begin, end, now, this.y(p.price));
    this.words(context, begin, end, p);
  }

  band(context, begin, end, now, low, high, fill) {
    const flat = Math.max(begin + 8, end - FLAT);
    context.fillStyle = fill;
    context.beginPath();
    context.moveTo(begin, now);
    context.bezierCurveTo((begin + flat) / 2, now, flat - 14, this.y(high), flat, this.y(high));
    context.lineTo(end, this.y(high));
    context.lineTo(end, this.y(low));
    context.lineTo(flat, this.y(low));
    context.bezierCurveTo(flat - 14, this.y(low), (begin + flat) / 2, now, begin, now);
    context.fill();
  }

  point(context, begin, end, now, y) {
    context.strokeStyle = this.isStale ? this.grey : this.line;
    context.lineWidth = 1.75;
    context.beginPath();
    context.moveTo(begin, now);
    context.lineTo(Math.max(begin + 8, end - FLAT), y);
    context.lineTo(end, y);
    context.stroke();
  }

  words(context, begin, end, p) {
    context.font = '500 11px "Inter", system-ui, sans-serif';
    context.fillStyle = this.text;
    context.textAlign = "right";
    context.fillText(this.label, end, this.y(p.high90) - 7);
  }
}
