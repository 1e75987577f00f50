// Runs before the first paint, so that the other theme does not flash.
try {
  const chosen = localStorage.getItem("candlewick.theme");
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
} catch {
  // A browser without storage follows the system's theme.
}
