// Long tables can be sorted by a click on a heading; numbers as numbers, everything else as text.
document.addEventListener("DOMContentLoaded", () => {
  const number = (text) => Number.parseFloat(text.replace("\u2212", "-").replace(/[,\u202f ](?=\d{3})/g, ""));
  for (const table of document.querySelectorAll(".bd-article table")) {
    const body = table.tBodies[0];
    const headings = table.tHead?.rows.length === 1 ? [...table.tHead.rows[0].cells] : [];
    if (!body || body.rows.length < 10 || !headings.length || table.querySelector("td[colspan], td[rowspan]")) continue;
    headings.forEach((heading, column) => {
      if (!heading.textContent.trim()) return;
      const button = document.createElement("button");
      button.className = "sort";
      button.append(...heading.childNodes);
      heading.append(button);
      button.addEventListener("click", () => {
        const downwards = heading.getAttribute("aria-sort") === "ascending";
        headings.forEach((other) => other.removeAttribute("aria-sort"));
        heading.setAttribute("aria-sort", downwards ? "descending" : "ascending");
        const rows = [...body.rows].map((row) => [row.cells[column]?.textContent.trim() ?? "", row]);
        const numeric = rows.every(([text]) => !text || text === "-" || Number.isFinite(number(text)));
        const order = numeric
          ? (a, b) => (Number.isFinite(number(a)) ? number(a) : -Infinity) - (Number.isFinite(number(b)) ? number(b) : -Infinity)
          : (a, b) => a.localeCompare(b, "en", { numeric: true });
        rows.sort(([a], [b]) => (downwards ? order(b, a) : order(a, b)));
        body.append(...rows.map(([, row]) => row));
      });
    });
  }
});
