// Shared part of our drawings on the price pane: attached to a series, drawn in CSS pixels.

export class Primitive {
  constructor(zOrder) {
    this.zOrder = zOrder;
    this.view = { zOrder: () => this.zOrder, renderer: () => ({ draw: (target) => this.onDraw(target) }) };
  }

  attached({ chart, series, requestUpdate }) {
    this.chart = chart;
    this.series = series;
    this.redraw = requestUpdate;
  }

  detached() {
    this.redraw = undefined;
  }

  paneViews() {
    return [this.view];
  }

  onDraw(target) {
    target.useMediaCoordinateSpace(({ context, mediaSize }) => {
      context.save();
      this.draw(context, mediaSize);
      context.restore();
    });
  }

  x(index) {
    return this.chart.timeScale().logicalToCoordinate(index);
  }

  y(price) {
    return this.series.priceToCoordinate(price);
  }

  barWidth() {
    return this.chart.timeScale().options().barSpacing;
  }

  /** First and last visible index of a list. */
  visible(length) {
    const range = this.chart.timeScale().getVisibleLogicalRange();
    if (!range) return [0, -1];
    return [Math.max(0, Math.floor(range.from)), Math.min(length - 1, Math.ceil(range.to))];
  }
}
