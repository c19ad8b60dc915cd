// Figures: their menu, their numbers as a table, and what they show at another threshold.

// The rows of the table that a figure is; of a curve its points.
function rowsOf(data, place = at) {
  if (data.series) {
    return data.series.flatMap(({ name, x, y, low, high }) =>
      x.map((where, i) => [name, where, y[i], low ? low[i] : null, high ? high[i] : null]));
  }
  return data.rows.map((_, i) => data.columns.map((_, column) => valueOf(data, i, column, place)));
}

// --- The menu ------------------------------------------------------------------------------
const svgOf = (key) => document.getElementById(key).querySelector("svg.figure");

// A figure as a file of its own, as wide as on a wide screen: with its title, whole, on white.
function drawn(key, data) {
  for (const one of moving) if (one.key === key) paint(one, true);
  const svg = svgOf(key).cloneNode(true), width = 900, top = 34;
  svg.classList.remove("folds");
  const height = Number(svg.getAttribute("height"));
  svg.setAttribute("y", top);
  svg.setAttribute("width", width - 24);
  const style = document.getElementById("figures-style").textContent;
  const foot = [svgOf(key).closest("[data-moves], [data-marker]") && atThreshold(), name, `faceaudit ${made.version}`, made.date];
  const sheet = `<svg xmlns="http://www.w3.org/2000/svg" class="sheet" width="${width}" height="${height + top + 30}">`
    + `<style/><rect class="paper" width="100%" height="100%"/><text class="title" x="12" y="22"/>`
    + `<svg x="12" width="${width - 24}" height="100%"/><text class="foot" x="12" y="${height + top + 18}"/></svg>`;
  const whole = new DOMParser().parseFromString(sheet, "image/svg+xml").documentElement;
  // The colours of a light page, for programs that know no variables.
  whole.querySelector("style").textContent = style
    .replace(/var\(--[\w-]+, ([^()]+)\)/g, "$1").replace(/@media screen[^{]*\{(?:[^{}]*\{[^{}]*\})*\s*\}/g, "");
  whole.querySelector(".title").textContent = data.title;
  whole.querySelector(".foot").textContent = foot.filter(Boolean).join(" · ");
  whole.querySelector("svg").append(svg);
  return { file: new XMLSerializer().serializeToString(whole), width, height: height + top + 30 };
}

const fileName = (data, moves, ending) => {
  const moved = moves && at !== audited ? `-${text.threshold_file}-${exact(grid[at])}` : "";
  return `${`${name} ${data.title}`.replace(/[^\p{L}\p{N}]+/gu, "-").slice(0, 80)}${moved}.${ending}`;
};
function save(blob, file) {
  const link = make("a", { href: URL.createObjectURL(blob), download: file });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

function savePng(key, data) {
  const { file, width, height } = drawn(key, data), image = new Image();
  image.addEventListener("load", () => {
    const canvas = make("canvas", { width: 2 * width, height: 2 * height });
    canvas.getContext("2d").drawImage(image, 0, 0, 2 * width, 2 * height);
    canvas.toBlob((blob) => save(blob, fileName(data, true, "png")));
  });
  image.src = `data:image/svg+xml,${encodeURIComponent(file)}`;
}

// A number as it is cited: what it is of, how sure, on how many, and where it comes from.
function citation(data, i) {
  const { value, low, high, n, kind } = data.cite, cell = (column) => valueOf(data, i, column);
  const group = data.cite.names.map((column) => data.rows[i][column]).join(" × ");
  const ends = interval(cell(low), cell(high), kind);
  return say(text.citation, {
    title: data.title, group, value: write(cell(value), kind), n: write(cell(n), "count"),
    interval: ends ? say(text.cited_interval, { interval: ends, confidence: exact(100 * made.confidence) }) : "",
    threshold: exact(grid[at] ?? made.threshold), report: title, version: made.version, date: made.date,
  });
}

async function fillMenu(menu, key) {
  const data = await numbers(key);
  const list = make("div", { class: "items" }), told = make("output", {});
  const item = (label, work) => {
    const button = make("button", { type: "button" }, label);
    button.addEventListener("click", work);
    list.append(button);
    return button;
  };
  const copy = (what) => {
    told.textContent = say(text.copied, { what });
    // Where the clipboard is closed to us, it can be copied by hand.
    navigator.clipboard?.writeText(what).catch(() => { told.textContent = what; });
  };
  if (svgOf(key)) {
    item("SVG", () => save(new Blob([drawn(key, data).file], { type: "image/svg+xml" }), fileName(data, true, "svg")));
    item("PNG", () => savePng(key, data));
  }
  item(text.csv, () => download(data, rowsOf(data)));
  if (data.moves) {
    const each = (place) => rowsOf(data, place).map((row) => [...row, grid[place]]);
    item(text.csv_all, () => saveCsv(data, grid.flatMap((_, place) => each(place)), text.all_thresholds));
  }
  item(text.copy_link, () => copy(`${location.href.split("#")[0]}#${key}&t=${exact(grid[at])}`));
  if (data.cite) {
    const { names, value } = data.cite;
    const choice = make("select", { "aria-label": text.which_number });
    const known = data.rows.map((_, i) => i).filter((i) => valueOf(data, i, value) !== null);
    choice.append(...known.map((i) => make("option", { value: i }, names.map((column) => data.rows[i][column]).join(" × "))));
    if (known.length) {
      list.append(choice);
      item(text.copy_number, () => copy(citation(data, Number(choice.value))));
    }
  }
  list.append(told);
  menu.append(list);
}

function addMenu(place) {
  const menu = make("details", { class: "menu", name: "menu" }), key = place.dataset.menu;
  const heading = place.closest("figure").querySelector("h3").textContent;
  menu.append(make("summary", { "aria-label": say(text.menu, { title: heading }), title: text.save_or_cite }, "⋯"));
  menu.addEventListener("toggle", () => { if (menu.open && !menu.querySelector(".items")) fillMenu(menu, key); });
  place.append(menu);
}
for (const place of document.querySelectorAll("[data-menu]")) addMenu(place);
const openMenu = () => document.querySelector(".menu[open]");
addEventListener("click", ({ target }) => { if (!target.closest(".menu")) openMenu()?.removeAttribute("open"); });
addEventListener("keydown", ({ key }) => {
  const menu = key === "Escape" && openMenu();
  if (menu) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});

// Rows beyond the first are folded by the style sheet until they are asked for.
for (const svg of document.querySelectorAll("svg.folds")) {
  const all = svg.querySelectorAll(".row").length;
  const more = moreButton(svg, () => {
    svg.classList.toggle("all");
    label();
    repaint();
  });
  const label = () => { more.textContent = say(svg.classList.contains("all") ? text.show_fewer : text.show_all, { all }); };
  label();
}

// --- The numbers as a table ----------------------------------------------------------------
async function buildTable(fold) {
  const key = fold.dataset.built, data = await numbers(key);
  const table = make("table", { "data-table": key });
  const head = table.createTHead().insertRow(), body = table.createTBody();
  table.createCaption().textContent = data.title;
  table.caption.className = "away";
  const rows = rowsOf(data, audited);
  const shown = data.columns.map((_, column) => column)
    .filter((column) => data.kinds[column] !== "text" || rows.some((row) => row[column] !== null));
  for (const column of shown) {
    const number = data.kinds[column] === "text" ? "text" : "number";
    const cell = make("th", { scope: "col", class: number, "data-column": column });
    cell.append(make("span", { class: "head" }, data.columns[column]));
    head.append(cell);
  }
  if (data.series) data.rows = rows;
  for (const row of rows) {
    body.insertRow().append(...shown.map((column, place) => {
      const numeric = data.kinds[column] !== "text";
      const cell = make(place ? "td" : "th", { ...(numeric && { class: "number" }), ...(!place && { scope: "row" }) });
      const words = row[column] === null && !numeric ? "" : write(row[column], data.kinds[column]);
      cell.append(make("bdi", {}, words));
      return cell;
    }));
  }
  const scroll = make("div", { class: "scroll", tabindex: 0, role: "group", "aria-label": data.title });
  scroll.append(table);
  fold.append(scroll);
  if (data.moves) addMoving({ figure: fold, key, paint: painters.table, table });
  enrich(table);
}
for (const fold of document.querySelectorAll("details[data-built]")) {
  fold.hidden = false;
  fold.addEventListener("toggle", () => { if (!fold.querySelector("table")) buildTable(fold); }, { once: true });
}
