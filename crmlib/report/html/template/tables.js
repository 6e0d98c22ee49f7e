(() => {
  "use strict";
  const main = document.querySelector("main");
  const scales = { "\u4ebf": 1e8, "\u4e07": 1e4, K: 1e3, M: 1e6, B: 1e9 };
  const amount = (text) => {
    const found = /^([^\d]*)([\d,]*\.?\d+)\s*([\u4ebf\u4e07]|[KMB]\b)?/.exec(text);
    if (!found) return null;
    const size = Number(found[2].replaceAll(",", "")) * (scales[found[3]] || 1);
    return /[-\u2212]/.test(found[1]) ? -size : size;
  };
  const names = "JanFebMarAprMayJunJulAugSepOctNovDec"; // months in words sort by time, not by letter
  const month = (text) => {
    const found = /^([A-Z][a-z]{2})[a-z]* (\d{4})$/.exec(text);
    const place = found ? names.indexOf(found[1]) : -1;
    return place < 0 ? null : Number(found[2]) * 36 + place;
  };
  const compare = (one, other, numeric) => {
    const [a, b] = [month(one), month(other)];
    if (a !== null && b !== null) return a - b;
    if (!numeric) return one.localeCompare(other, document.documentElement.lang, { numeric: true });
    return amount(one) - amount(other);
  };
  const missing = (text, numeric) => text === "" || text === "\u2014" || (numeric && amount(text) === null);
  const sort = (body, column, numeric, falling) => {
    const text = (row) => row.cells[column].textContent.trim();
    const rows = [...body.rows];
    rows.sort((one, other) => {
      const [a, b] = [text(one), text(other)];
      const gone = missing(a, numeric) - missing(b, numeric); // what is not known stays below, either way
      return gone || (missing(a, numeric) ? 0 : compare(a, b, numeric) * (falling ? -1 : 1));
    });
    body.append(...rows);
  };
  const sortable = (table, body) => {
    const heads = [...table.tHead.rows[table.tHead.rows.length - 1].cells];
    if (body.rows[0].cells.length !== heads.length || table.querySelector("tbody [colspan], tbody [rowspan]")) return;
    heads.forEach((head, column) => {
      if (head.colSpan > 1 || !head.textContent.trim()) return;
      const numeric = body.rows[0].cells[column].classList.contains("gt_right");
      const button = document.createElement("button");
      button.type = "button";
      button.className = "sort";
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const before = head.getAttribute("aria-sort");
        const falling = before ? before === "ascending" : numeric;
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", falling ? "descending" : "ascending");
        sort(body, column, numeric, falling);
      });
    });
  };
  const filtered = (holder, body) => {
    const box = document.createElement("input");
    box.type = "search";
    box.className = "filter noprint";
    box.placeholder = main.dataset.filter;
    box.setAttribute("aria-label", `${main.dataset.filter} ${holder.getAttribute("aria-label") || ""}`);
    box.addEventListener("input", () => {
      const wanted = box.value.trim().toLowerCase();
      for (const row of body.rows) row.hidden = !row.textContent.toLowerCase().includes(wanted);
    });
    holder.before(box);
  };
  // on a phone a long list begins with ten; the rest is one press away, and there for whoever looks for something
  const folded = (holder, body) => {
    const more = document.createElement("button");
    more.type = "button";
    more.className = "more noprint";
    more.textContent = main.dataset.more.replace("0", String(body.rows.length));
    const open = () => holder.classList.remove("folded");
    more.addEventListener("click", open);
    holder.classList.add("folded");
    holder.after(more);
    const box = holder.previousElementSibling;
    if (box && box.classList.contains("filter")) box.addEventListener("input", open);
  };
  for (const holder of document.querySelectorAll(".scroll")) {
    const table = holder.querySelector("table");
    const body = table && table.tHead && table.tBodies[0];
    if (!body || body.rows.length < 3) continue;
    sortable(table, body);
    if (body.rows.length > 8) filtered(holder, body);
    if (body.rows.length > 12 && holder.closest(".list")) folded(holder, body);
  }
  const tip = document.createElement("div");
  tip.className = "means";
  tip.setAttribute("role", "tooltip");
  tip.hidden = true;
  document.body.append(tip);
  let leaving = 0;
  const hide = () => { tip.hidden = true; };
  const leave = () => { leaving = setTimeout(hide, 200); };
  const show = (button, text) => {
    clearTimeout(leaving);
    tip.textContent = text;
    tip.hidden = false;
    const place = button.getBoundingClientRect();
    tip.style.left = Math.max(4, Math.min(place.left, window.innerWidth - tip.offsetWidth - 4)) + "px";
    const below = place.bottom + tip.offsetHeight < window.innerHeight;
    tip.style.top = Math.max(4, below ? place.bottom : place.top - tip.offsetHeight) + "px";
  };
  tip.addEventListener("mouseenter", () => clearTimeout(leaving)); // one may point at the sentence and read it
  tip.addEventListener("mouseleave", leave);
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") hide(); });
  document.addEventListener("scroll", hide, { capture: true, passive: true });
  for (const holder of document.querySelectorAll("[data-term]")) {
    const said = document.getElementById("term-" + holder.dataset.term);
    if (!said) continue;
    let button = holder.querySelector(".sort");
    if (!button) {
      button = document.createElement("button");
      button.type = "button";
      button.className = "term";
      button.append(...holder.childNodes);
      holder.append(button);
      button.addEventListener("click", () => show(button, said.textContent));
    }
    button.setAttribute("aria-describedby", said.id);
    button.addEventListener("mouseenter", () => show(button, said.textContent));
    button.addEventListener("focus", () => show(button, said.textContent));
    button.addEventListener("mouseleave", leave);
    button.addEventListener("blur", leave);
  }
})();
