// Keyboard shortcuts; inactive while a person types.

import { el, show } from "./dom.js";

const KEYS = [
  ["↑ ↓", "previous or next symbol, on Live"], ["1 … 9", "one of the first nine symbols, on Live"], ["/", "find a symbol"], ["← →", "previous or next page"],
  ["d w m", "show a day, a week, 30 days, on Live"], ["t", "light or dark"], ["?", "show these keys"], ["Esc", "close"],
];

/** Listen to the keys that `actions` returns for the page that is shown. */
export function listenToKeys(actions) {
  addEventListener("keydown", (event) => {
    const isTyping = event.target.closest?.("input, textarea, select, dialog[open]");
    if (isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
    const { number, ...byKey } = actions();
    const run = byKey[event.key] ?? (number && /^[1-9]$/.test(event.key) ? () => number(Number(event.key)) : null);
    if (!run) return; // the browser's, for example to scroll
    event.preventDefault();
    run();
  });
}

export function showKeys() {
  const dialog = el("dialog", { "aria-label": "Keys" });
  show(dialog, el("h2", { text: "Keys" }), el("div", { class: "keys" }, KEYS.flatMap(([key, words]) => [
    el("span", {}, key.split(" ").map((one) => [el("kbd", { text: one }), " "])), el("span", { class: "soft", text: words }),
  ])), el("div", { class: "actions" }, el("button", { type: "button", text: "Close", onclick: () => dialog.close() })));
  openDialog(dialog);
}

export function openDialog(dialog) {
  document.body.append(dialog);
  dialog.addEventListener("close", () => dialog.remove());
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  dialog.showModal();
  return dialog;
}
