// The status of each candle: a ribbon along the time axis, and hatching over missing ones.

import { colour } from "../core/theme.js";
import { Primitive } from "./primitive.js";

const RIBBON = 3;

export class StatusMarks extends Primitive {
  constructor(rows) {
    super("bottom");
    this.rows = rows;
    this.restyle();
  }

  restyle() {
    this.colours = {
      complete: colour("up", 0.85), verified: colour("up", 0.85), official: colour("faint", 0.4),
      quiet: colour("accent", 0.8), gapped: colour("warn"), missing: colour("warn"), open: colour("text", 0.5),
    };
    this.shade = colour("warn", 0.09);
    this.lines = colour("warn", 0.75);
  }

  draw(context, { height }) {
    const width = this.barWidth();
    const [from, to] = this.visible(this.rows.list.length);
    for (let index = from; index <= to; index += 1) {
      const { status } = this.rows.list[index];
      const left = this.x(index) - width / 2;
      context.fillStyle = this.colours[status] ?? this.colours.official;
      context.fillRect(left, height - RIBBON, Math.max(width, 0.6), RIBBON);
      if (status === "gapped" || status === "missing") this.hatch(context, left, width, height - RIBBON);
    }
  }

  hatch(context, left, width, height) {
    const wide = Math.max(width, 3);
    context.save();
    context.beginPath();
    context.rect(left, 0, wide, height);
    context.clip();
    context.fillStyle = this.shade;
    context.fillRect(left, 0, wide, height);
    context.strokeStyle = this.lines;
    context.lineWidth = 1;
    context.beginPath();
    for (let y = -wide; y < height + wide; y += 7) {
      context.moveTo(left, y + wide);
      context.lineTo(left + wide, y);
    }
    context.stroke();
    context.restore();
  }
}
