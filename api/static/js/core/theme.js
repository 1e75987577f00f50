// Light and dark theme, the system's unless one is chosen; colours for canvas drawings.

const KEY = "candlewick.theme";
const system = matchMedia("(prefers-color-scheme: dark)");
const watchers = new Set();
const probe = document.createElement("span");
probe.hidden = true;
document.documentElement.append(probe);

export function isDark() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : system.matches;
}

export function toggleTheme() {
  const next = isDark() ? "light" : "dark";
  document.documentElement.dataset.theme = next;
  try {
    localStorage.setItem(KEY, next);
  } catch {
    // Without storage the choice lasts until the page is closed.
  }
  announce();
}

export function onTheme(watcher) {
  watchers.add(watcher);
}

/** A colour of tokens.css in the form that canvas needs, with an alpha. */
export function colour(name, alpha = 1) {
  probe.style.color = `var(--${name})`;
  const [red, green, blue] = getComputedStyle(probe).color.match(/[\d.]+/g).map(Number);
  return `rgba(${red}, ${green}, ${blue}, ${alpha})`;
}

function announce() {
  for (const watcher of watchers) watcher();
}

system.addEventListener("change", announce);
