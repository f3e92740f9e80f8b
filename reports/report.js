"use strict";
// Everything from records becomes text nodes: nothing here parses HTML.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const places = new Map(data.places);
  const failures = new Map(data.failures);
  const panel = document.getElementById("panel");
  const table = document.getElementById("cells");
  const text = (number) => data.texts[number];
  const SVG = "http://www.w3.org/2000/svg";

  // The columns of a cell, in the order of `_packed` in html.py.
  const COLUMNS = [
    "dtypes", "device", "verdict", "planned", "cases", "elements", "failures", "reason", "remedy",
    "family", "exactness", "bound", "coverage", "edges", "ulps", "worst", "operands", "bits",
  ];
  const TEXTS = new Set([
    "dtypes", "device", "verdict", "reason", "remedy", "family", "exactness", "bound", "worst",
    "operands", "bits",
  ]);

  function unpacked(row) {
    const cell = {};
    COLUMNS.forEach((name, k) => { cell[name] = TEXTS.has(name) ? text(row[k]) : row[k]; });
    return cell;
  }

  function make(tag, className, ...children) {
    const node = document.createElement(tag);
    if (className) node.className = className;
    node.append(...children);
    return node;
  }

  function row(tag, items) {
    return make("tr", "", ...items.map((item) => {
      const cell = make(tag, typeof item === "number" ? "" : "text");
      cell.append(typeof item === "number" ? item.toLocaleString("en") : item);
      return cell;
    }));
  }

  function grid(className, titles, rows) {
    const found = make("table", className);
    if (titles.length) found.append(make("thead", "", row("th", titles)));
    found.append(make("tbody", "", ...rows));
    return make("div", "scroll", found);
  }

  // -- a cell -------------------------------------------------------------------------------------
  function verdictOf(cell) {
    return make("b", cell.verdict.replaceAll(" ", "-"), cell.verdict);
  }

  function summary(cells) {
    const sorted = alike(cells, (cell) => cell.dtypes).flat();
    const rows = sorted.map((cell) => row("td", [
      cell.dtypes, cell.device, verdictOf(cell), `${cell.cases} of ${cell.planned}`, cell.elements,
      cell.failures, cell.remedy ? `${cell.reason} (${cell.remedy})` : cell.reason,
    ]));
    const titles = ["dtypes", "device", "verdict", "batches", "elements", "wrong", "reason"];
    return grid("numbers", titles, rows);
  }

  function pairs(number) {
    const flat = data.counts[number];
    const found = [];
    for (let k = 0; k < flat.length; k += 2) found.push([text(flat[k]), flat[k + 1]]);
    return found;
  }

  function chips(found) {
    return make("ul", "chips", ...found.map(([name, count]) => {
      const said = make("span", "", count ? `×\u202f${count.toLocaleString("en")}` : "not reached");
      return make("li", count ? "" : "missing", name, " ", said);
    }));
  }

  // A list for each dtype: the names are "dtype class".
  function classes(found) {
    const lists = new Map();
    for (const [name, count] of found) {
      const space = name.indexOf(" ");
      const dtype = name.slice(0, space);
      lists.set(dtype, [...(lists.get(dtype) || []), [name.slice(space + 1), count]]);
    }
    return [...lists].flatMap(([dtype, list]) => [make("h5", "", dtype), chips(list)]);
  }

  function histogram(counts) {
    const top = Math.log(1 + Math.max(...counts));
    const rows = [];
    counts.forEach((count, k) => {
      if (!count) return;
      const drawing = document.createElementNS(SVG, "svg");
      drawing.setAttribute("viewBox", "0 0 100 4");
      drawing.setAttribute("preserveAspectRatio", "none");
      drawing.setAttribute("aria-hidden", "true");
      const bar = document.createElementNS(SVG, "rect");
      bar.setAttribute("width", String(100 * Math.log(1 + count) / top));
      bar.setAttribute("height", "4");
      drawing.append(bar);
      const bin = data.bins[k];
      const more = k === data.bins.length - 1;
      rows.push(row("td", [more ? `> ${data.bins[k - 1]} ulp` : `${k ? "≤ " : ""}${bin} ulp`,
        count, drawing]));
    });
    return grid("bars", [], rows);
  }

  // Devices that saw the same are shown once.
  function alike(cells, key) {
    const groups = new Map();
    for (const cell of cells) {
      const found = groups.get(key(cell));
      if (found) found.push(cell); else groups.set(key(cell), [cell]);
    }
    return [...groups.values()];
  }

  function titled(title, group, cells) {
    const names = group.map((cell) => cell.device).join(", ");
    return make("h4", "", group.length === cells.length ? title : `${title} on ${names}`);
  }

  function evidence(cells) {
    const [first] = cells;
    const said = [first.exactness && `judged as ${first.exactness}`,
      first.bound && `at most ${first.bound} ulp accepted`].filter(Boolean).join(", ");
    const found = [make("h3", "", first.dtypes), make("p", "versions", said)];
    for (const group of alike(cells, (cell) => cell.edges)) {
      if (data.counts[group[0].edges].length) {
        found.push(titled("Edge classes of the operands", group, cells),
          ...classes(pairs(group[0].edges)));
      }
    }
    for (const group of alike(cells, (cell) => cell.coverage)) {
      if (data.counts[group[0].coverage].length) {
        found.push(titled("Batches by layout", group, cells), chips(pairs(group[0].coverage)));
      }
    }
    for (const group of alike(cells, (cell) => `${cell.ulps} ${cell.worst}`)) {
      if (data.counts[group[0].ulps].some(Boolean)) {
        found.push(titled("Distance from the exact value (bars are logarithmic)", group, cells),
          histogram(data.counts[group[0].ulps]), worst(group[0]));
      }
    }
    return found;
  }

  function worst(cell) {
    if (!cell.worst) return make("p", "versions", "proved correctly rounded where right");
    const found = make("p", "", `worst: ${cell.worst} ulp, `);
    if (cell.operands) found.append("at ", make("code", "", cell.operands), ", ");
    found.append("result ", make("code", "", cell.bits));
    return found;
  }

  function certificates(place) {
    const numbers = failures.get(place) || [];
    const copies = numbers.map((number) => {
      const copy = document.getElementById(`failure-${number}`).cloneNode(true);
      copy.removeAttribute("id");
      copy.open = true;
      return copy;
    });
    return copies.length ? [make("h3", "", "Failures"), ...copies] : [];
  }

  function show(place) {
    const rows = places.get(place);
    if (!rows) return;
    const cells = rows.map(unpacked);
    const close = make("button", "", "close");
    close.type = "button";
    close.addEventListener("click", () => panel.close());
    const title = make("h2", "", place.replace("/", " · "));
    title.id = "panel-title";
    const family = make("span", "versions", cells[0].family);
    panel.replaceChildren(
      make("div", "bar", title, family, close), summary(cells), ...certificates(place),
      ...alike(cells, (cell) => cell.dtypes).flatMap(evidence),
    );
    if (!panel.open) panel.showModal();
    panel.scrollTop = 0;
  }

  function follow() {
    const match = /^#cell=(.*)$/s.exec(location.hash);
    if (!match) return;
    try {
      show(decodeURIComponent(match[1]));
    } catch (error) {
      if (!(error instanceof URIError)) throw error; // a fragment that nobody here has written
    }
  }

  panel.addEventListener("close", () => {
    history.replaceState(null, "", location.pathname + location.search);
  });
  panel.addEventListener("click", (event) => { if (event.target === panel) panel.close(); });
  addEventListener("hashchange", follow);
  addEventListener("beforeprint", () => {
    for (const failure of document.querySelectorAll(".failure")) failure.open = true;
  });

  // -- the filter ---------------------------------------------------------------------------------
  const form = document.getElementById("filter");
  const head = [...table.tHead.rows[0].cells].map((cell) => cell.textContent);
  const devices = [...form.elements.device.options].slice(1).map((option) => option.value);

  function filter() {
    const wanted = form.elements.op.value.trim().toLowerCase();
    const dtype = form.elements.dtype.value;
    const device = devices.indexOf(form.elements.device.value);
    const verdict = form.elements.verdict.value.replaceAll(" ", "-");
    [...table.tHead.rows[0].cells].forEach((cell, k) => {
      cell.hidden = Boolean(k && dtype && head[k] !== dtype);
    });
    let count = 0;
    for (const body of table.tBodies) {
      const [family, ...rows] = body.rows;
      const whole = family.textContent.toLowerCase().includes(wanted);
      let shown = 0;
      for (const line of rows) {
        const named = whole || line.cells[0].textContent.toLowerCase().includes(wanted);
        const found = filterRow(line, dtype, device, verdict);
        line.hidden = !(named && found);
        shown += line.hidden ? 0 : found;
      }
      body.hidden = !shown;
      count += shown;
    }
    const all = table.querySelectorAll("a").length;
    form.querySelector("output").textContent = `${count} of ${all} shown`;
  }

  // How many cells of a row are left.
  function filterRow(line, dtype, device, verdict) {
    let found = 0;
    [...line.cells].forEach((cell, k) => {
      if (!k) return;
      cell.hidden = Boolean(dtype && head[k] !== dtype);
      const symbols = [...cell.querySelectorAll("b")];
      symbols.forEach((symbol, n) => symbol.classList.toggle("away", device >= 0 && n !== device));
      const left = symbols.filter((symbol) => !symbol.classList.contains("away")
        && !symbol.classList.contains("nothing"));
      const here = left.some((symbol) => !verdict || symbol.classList.contains(verdict));
      cell.classList.toggle("away", !here);
      found += here && !cell.hidden ? 1 : 0;
    });
    return found;
  }

  form.hidden = false;
  form.addEventListener("input", filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(filter));

  // Symbols are read out as words.
  for (const link of table.querySelectorAll("a")) {
    const op = link.closest("tr").cells[0].textContent;
    const said = [...link.querySelectorAll("b")].map((symbol, k) =>
      `${devices[k]} ${symbol.classList[0].replaceAll("-", " ")}`);
    link.setAttribute("aria-label", `${op} ${head[link.parentNode.cellIndex]}: ${said.join(", ")}`);
  }

  // -- copying, dark and light --------------------------------------------------------------------
  for (const button of document.querySelectorAll(".copy")) button.hidden = false;
  document.addEventListener("click", async (event) => {
    const button = event.target.closest(".copy");
    if (!button) return;
    const code = button.parentNode.querySelector("code");
    getSelection().selectAllChildren(code); // also where the clipboard is out of reach
    try {
      await navigator.clipboard.writeText(code.textContent);
      button.textContent = "copied";
    } catch {
      button.textContent = "selected";
    }
  });

  const root = document.documentElement;
  const toggle = document.getElementById("theme");
  toggle.hidden = false;
  function remember(theme) {
    root.dataset.theme = theme;
    try { localStorage.setItem("lockstep-theme", theme); } catch { /* not kept, that is all */ }
  }
  try {
    const kept = localStorage.getItem("lockstep-theme");
    if (kept === "dark" || kept === "light") root.dataset.theme = kept;
  } catch { /* a file may have no storage */ }
  toggle.addEventListener("click", () => {
    const system = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
    remember((root.dataset.theme || system) === "dark" ? "light" : "dark");
  });

  follow();
})();
