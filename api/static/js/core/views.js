// The pages behind the tabs; the open one is loaded when it is opened and regularly afterwards.

const EVERY_MS = 60_000;

export class Views {
  constructor(views) {
    this.views = views; // name -> {load?: () => Promise}
    this.shown = "";
    addEventListener("hashchange", () => this.open());
    setInterval(() => this.refresh(), EVERY_MS);
  }

  open() {
    const wanted = location.hash.slice(1).split("/")[0];
    const name = wanted in this.views ? wanted : "live";
    if (name === this.shown) return;
    this.shown = name;
    scrollTo(0, 0); // browsers scroll to the element that the fragment names
    requestAnimationFrame(() => scrollTo(0, 0));
    for (const each of Object.keys(this.views)) document.getElementById(each).hidden = each !== name;
    for (const link of document.querySelectorAll(".tabs a")) {
      if (link.dataset.view === name) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    document.title = name === "live" ? "Candlewick" : `${name[0].toUpperCase()}${name.slice(1)} · Candlewick`;
    this.refresh();
  }

  refresh() {
    if (!document.hidden) this.views[this.shown]?.load?.();
  }
}
