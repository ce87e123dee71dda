"use strict";
(() => {
  const root = document.documentElement;
  const all = (query, from = document) => [...from.querySelectorAll(query)];

  function choose(language) {
    root.lang = language;
    document.title = root.dataset[language];
    for (const one of all("[data-en][data-ko]:not(html)")) one.setAttribute("aria-label", one.dataset[language]);
  }
  if (!root.dataset.fixed && /^ko\b/i.test(navigator.language)) choose("ko");

  const isDark = () => root.dataset.theme
    ? root.dataset.theme === "dark"
    : matchMedia("(prefers-color-scheme: dark)").matches;
  const theme = document.getElementById("theme");
  const press = () => theme.setAttribute("aria-pressed", String(isDark()));
  theme.addEventListener("click", () => { root.dataset.theme = isDark() ? "light" : "dark"; press(); });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", press);
  press();
  for (const one of all("[data-choose]")) one.addEventListener("click", () => {
    choose(one.dataset.choose);
    all("[data-choose]").find((other) => other !== one).focus();
  });
  document.querySelector(".bar").hidden = false;

  for (const one of all("button[data-copy]")) {
    one.hidden = false;
    one.addEventListener("click", async () => {
      const text = document.getElementById(one.dataset.copy).textContent;
      try {
        await navigator.clipboard.writeText(text);
      } catch {
        const range = document.createRange();
        range.selectNodeContents(document.getElementById(one.dataset.copy));
        getSelection().removeAllRanges();
        getSelection().addRange(range);
        document.execCommand("copy");
      }
      document.getElementById("said").replaceChildren(document.getElementById("copied").content.cloneNode(true));
    });
  }

  const keyOf = (row, place) => {
    const cell = row.cells[place];
    const given = cell && cell.querySelector("data");
    return given ? given.value : cell ? cell.textContent.trim() : "";
  };
  const compare = (a, b) => {
    const [x, y] = [a, b].map((text) => Number(text.replaceAll(",", "")));
    if (a !== "" && b !== "" && !Number.isNaN(x) && !Number.isNaN(y)) return x - y;
    return a.localeCompare(b, undefined, { numeric: true });
  };
  for (const table of all("table.sortable")) {
    const heads = [...table.tHead.rows[0].cells];
    const body = table.tBodies[0];
    heads.forEach((head, place) => {
      if (!head.textContent.trim() || head.querySelector(":scope > .hidden")) return;
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      head.append(button);
      head.setAttribute("aria-sort", "none");
      button.addEventListener("click", () => {
        const isUp = head.getAttribute("aria-sort") === "ascending";
        for (const other of heads) if (other.hasAttribute("aria-sort")) other.setAttribute("aria-sort", "none");
        head.setAttribute("aria-sort", isUp ? "descending" : "ascending");
        const rows = [...body.rows].filter((row) => !row.classList.contains("total"));
        const last = [...body.rows].filter((row) => row.classList.contains("total"));
        rows.sort((one, other) => (isUp ? -1 : 1) * compare(keyOf(one, place), keyOf(other, place)));
        body.append(...rows, ...last);
      });
    });
  }

  const open = () => {
    const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    const around = target && target.closest("details");
    if (around) { around.open = true; target.scrollIntoView(); }
  };
  addEventListener("hashchange", open);
  open();
})();
