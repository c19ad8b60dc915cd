// Tables that sort, filter, unfold and download what they show.
const FOLD_FROM = 26, FOLD_TO = 20, FILTER_FROM = 9;
// Of every table: how to show it again, at another threshold.
const showAgain = new Map();
// Rows beyond the first few lie in the page as text until they are asked for.
function furtherOf(list) {
  const all = list.cloneNode();
  all.innerHTML = list.closest("figure, section").querySelector("script").textContent;
  return [...all.children];
}
// Where no script runs and on paper a line says how many rows there are.
function tellLeft(list, shown, all) {
  const line = list.closest("figure, section").querySelector(".left");
  if (!line) return;
  line.textContent = say(text.left, { shown, all });
  line.hidden = shown === all;
}

// Spreadsheets run cells that begin like a formula; an apostrophe keeps them text.
const csvCell = (value) => {
  if (value === null) return "";
  const cell = typeof value === "string" && /^[=+\-@\t\r]/.test(value) ? "'" + value : String(value);
  return /[",\n\r]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
};

// The threshold that rows hold at and the confidence of intervals stand in every row.
const download = (data, rows) => saveCsv(data, rows.map((row) => [...row, grid[at] ?? made.threshold]));
function saveCsv(data, rows, more) {
  const head = [...data.columns, text.threshold_file, text.confidence];
  const lines = [head, ...rows.map((row) => [...row, made.confidence])].map((row) => row.map(csvCell).join(","));
  const blob = new Blob(["\ufeff" + lines.join("\r\n") + "\r\n"], { type: "text/csv" });
  save(blob, fileName(data, data.moves && !more, more ? `${more}.csv` : "csv"));
}

const shownRows = (data, entries) => entries.map(({ i }) =>
  data.columns.map((_, column) => valueOf(data, i, column)));

function csvButton(data, rows = () => shownRows(data, data.rows.map((_, i) => ({ i })))) {
  const button = make("button", { type: "button", "aria-label": say(text.csv_label, data) }, text.csv);
  button.addEventListener("click", () => download(data, rows()));
  return button;
}

// What folds and unfolds something long stands after it.
function moreButton(place, toggle) {
  const more = make("button", { type: "button", class: "more" });
  more.addEventListener("click", toggle);
  place.after(more);
  return more;
}

const compare = (a, b) => (typeof a === "string" || typeof b === "string"
  ? String(a).localeCompare(String(b), undefined, { numeric: true })
  : a - b);

// Words and nothing else, with a blank on either side of each.
const wordsOf = (content) => ` ${content.toLowerCase().match(/[\p{L}\p{N}]+/gu)?.join(" ") ?? ""} `;

// The rows whose group has the wanted words, or else a part of them; or else other texts of
// theirs. Numbers are not searched: nearly every row has a "1" somewhere.
function found(rows, wanted) {
  const group = (row) => wordsOf(row.querySelector("th").firstElementChild.textContent);
  const texts = (row) => wordsOf([...row.querySelectorAll("th, td:not(.number)")].map((cell) => cell.textContent).join(" "));
  const begun = wanted.trim();
  const ways = [(row) => group(row).includes(wanted), (row) => group(row).includes(begun), (row) => texts(row).includes(begun)];
  for (const way of begun ? ways : [() => true]) {
    const hits = rows.filter(way);
    if (hits.length) return new Set(hits);
  }
  return new Set();
}

function enrich(table) {
  const data = tables[table.dataset.table];
  const body = table.tBodies[0];
  const place = table.closest(".scroll");
  const tools = make("div", { class: "tools" });
  place.before(tools);
  const entries = [...body.rows].map((row, i) => ({ row, i }));
  const total = data.rows.length;
  const told = make("span", { class: "rows", role: "status" });
  let more = null, folded = total >= FOLD_FROM, left = entries, sorted = null;

  const show = () => {
    const shown = folded ? left.slice(0, FOLD_TO) : left;
    body.replaceChildren(...shown.map(({ row }) => row));
    for (const { row, i } of data.moves ? shown : []) writeRow(data, table, row, i);
    tellLeft(body, shown.length, total);
    if (more) {
      more.textContent = say(folded ? text.show_all : text.show_fewer, { all: total });
      more.hidden = folded && left !== entries && left.length <= FOLD_TO;
    }
  };
  const complete = () => {
    if (entries.length < total) entries.push(...furtherOf(body).map((row, i) => ({ row, i: i + FOLD_TO })));
  };
  const sort = () => {
    complete();
    const { column, direction } = sorted;
    const values = new Map(entries.map((entry) => [entry, valueOf(data, entry.i, column)]));
    // What has no value stays last, whichever way the rest is sorted.
    const missing = (entry) => values.get(entry) === null;
    const inOrder = (a, b) => missing(a) - missing(b)
      || (missing(a) ? 0 : direction * compare(values.get(a), values.get(b)));
    entries.sort(inOrder);
    if (left !== entries) left.sort(inOrder);
  };
  const filter = (wanted) => {
    complete();
    const hits = found(entries.map(({ row }) => row), wanted);
    left = entries.filter(({ row }) => hits.has(row));
    told.textContent = wanted.trim() ? say(text.rows_shown, { shown: left.length, all: total }) : "";
    show();
  };
  showAgain.set(table, () => {
    if (sorted && sorted.column in data.moves) sort();
    show();
  });

  for (const head of table.tHead.rows[0].cells) {
    const column = Number(head.dataset.column);
    if (!head.dataset.column || total < 2) continue;
    const label = head.querySelector(".head");
    const button = make("button", { type: "button" });
    button.append(...label.childNodes);
    label.append(button);
    button.addEventListener("click", () => {
      const first = data.kinds[column] === "text" ? "ascending" : "descending";
      const second = first === "ascending" ? "descending" : "ascending";
      const next = head.getAttribute("aria-sort") === first ? second : first;
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", next);
      sorted = { column, direction: next === "ascending" ? 1 : -1 };
      sort();
      show();
    });
  }
  if (total >= FILTER_FROM) {
    const input = make("input", {
      type: "search", placeholder: text.filter, "aria-label": say(text.filter_label, data),
    });
    input.addEventListener("input", () => filter(wordsOf(input.value)));
    tools.append(input);
  }
  tools.append(csvButton(data, () => (complete(), shownRows(data, left))), told);
  if (folded) more = moreButton(place, () => { folded = !folded; complete(); show(); });
  show();
}
