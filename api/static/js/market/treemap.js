// Rectangles with areas proportional to values, as square as possible.
// Source: Bruls, Huizing, van Wijk (2000), "Squarified Treemaps", section 3.

/** Lay out items, largest first, in a rectangle; returns [{item, x, y, width, height}]. */
export function squarify(items, valueOf, width, height) {
  const sorted = items.filter((item) => valueOf(item) > 0).sort((one, other) => valueOf(other) - valueOf(one));
  const total = sorted.reduce((sum, item) => sum + valueOf(item), 0);
  const scale = (width * height) / (total || 1);
  const boxes = [];
  let space = { x: 0, y: 0, width, height };
  let row = [];
  for (const item of sorted) {
    const side = Math.min(space.width, space.height);
    const wider = [...row, { item, area: valueOf(item) * scale }];
    if (row.length && worst(wider, side) > worst(row, side)) {
      space = place(row, space, boxes);
      row = [wider.at(-1)];
    } else {
      row = wider;
    }
  }
  place(row, space, boxes);
  return boxes;
}

function worst(row, side) {
  const sum = row.reduce((total, { area }) => total + area, 0);
  const areas = row.map(({ area }) => area);
  return Math.max((side ** 2 * Math.max(...areas)) / sum ** 2, sum ** 2 / (side ** 2 * Math.min(...areas)));
}

function place(row, space, boxes) {
  const sum = row.reduce((total, { area }) => total + area, 0);
  const isWide = space.width >= space.height;
  const thickness = sum / (isWide ? space.height : space.width) || 0;
  let at = isWide ? space.y : space.x;
  for (const { item, area } of row) {
    const length = area / thickness || 0;
    boxes.push(isWide ? { item, x: space.x, y: at, width: thickness, height: length } : { item, x: at, y: space.y, width: length, height: thickness });
    at += length;
  }
  return isWide
    ? { x: space.x + thickness, y: space.y, width: space.width - thickness, height: space.height }
    : { x: space.x, y: space.y + thickness, width: space.width, height: space.height - thickness };
}
