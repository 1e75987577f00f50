// The predictions for closed candles, drawn behind them: both bands, and a ring around each miss.

import { colour } from "../core/theme.js";
import { Primitive } from "./primitive.js";

export class PastBands extends Primitive {
  constructor(rows) {
    super("bottom");
    this.rows = rows;
    this.outcomes = new Map();
    this.restyle();
  }

  restyle() {
    this.wide = colour("accent", 0.1);
    this.narrow = colour("accent", 0.17);
    this.point = colour("accent", 0.9);
    this.missed = colour("warn");
  }

  draw(context) {
    const width = this.barWidth();
    const [from, to] = this.visible(this.rows.list.length);
    for (let index = from; index <= to; index += 1) {
      const outcome = this.outcomes.get(this.rows.list[index].openMs);
      if (outcome) this.drawOne(context, outcome, this.x(index), width);
    }
  }

  drawOne(context, outcome, x, width) {
    this.bar(context, this.wide, outcome.low90, outcome.high90, x, width);
    this.bar(context, this.narrow, outcome.low50, outcome.high50, x, width);
    if (width >= 9) {
      context.fillStyle = this.point;
      context.fillRect(x - width / 2, this.y(outcome.price) - 0.75, width, 1.5);
    }
    if (outcome.covered90) return;
    context.strokeStyle = this.missed;
    context.lineWidth = 1.5;
    context.beginPath();
    context.arc(x, this.y(outcome.close), Math.min(4, Math.max(2, width / 2.5)), 0, 7);
    context.stroke();
  }

  bar(context, fill, low, high, x, width) {
    const top = this.y(high);
    context.fillStyle = fill;
    context.fillRect(x - width / 2, top, width, this.y(low) - top);
  }
}
