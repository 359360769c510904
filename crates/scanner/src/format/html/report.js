// Filters what the report shows. It reads the page and nothing else, and the page is whole without it.
(() => {
  "use strict";
  const find = (id) => document.getElementById(id);
  const rows = [...document.querySelectorAll("[data-kind]")];
  const texts = new Map();
  const text = (row) => {
    if (!texts.has(row)) texts.set(row, row.textContent.toLowerCase());
    return texts.get(row);
  };
  const search = find("search"), kind = find("kind"), level = find("level"), state = find("state");
  const apply = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0, all = 0;
    for (const row of rows) {
      const isFinding = row.dataset.kind !== "package";
      const fits = words.every((word) => text(row).includes(word)) && (!isFinding || (
        (kind.value === "" || row.dataset.kind === kind.value) &&
        Number(row.dataset.weight) >= Number(level.value) &&
        (state.value === "" || row.dataset.state === state.value)));
      row.hidden = !fits;
      if (isFinding) { all += 1; if (fits) shown += 1; }
    }
    find("count").textContent = shown === all ? `${all} shown` : `${shown} of ${all} shown`;
    find("nothing").hidden = shown > 0;
  };
  for (const one of [search, kind, level, state]) one.addEventListener("input", apply);
  find("filter").hidden = false;
  const theme = find("theme");
  theme.hidden = false;
  theme.addEventListener("click", () => {
    const root = document.documentElement;
    const isDark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = isDark ? "light" : "dark";
  });
  apply();
})();
