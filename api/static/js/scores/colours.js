// The colour of each model's line; the reference comes last and is faint.

const COLOURS = ["var(--accent)", "var(--up)", "var(--warn)", "var(--down)"];
const FAINT = "var(--faint)";

export function colours(rows) {
  const names = [...new Set(rows.map((row) => row.model))].sort((one, other) => Number(one === "reference") - Number(other === "reference"));
  return new Map(names.map((model, at) => [model, model === "reference" ? FAINT : COLOURS[at % COLOURS.length]]));
}
