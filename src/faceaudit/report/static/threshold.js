// What the threshold moves. All sliders of a page stand for the same threshold. Figures are
// painted when they are in view, and of their rows those that are not folded away.
const bar = document.querySelector(".threshold");
const figures = [...document.querySelectorAll("[data-moves]")].map((figure) => ({
  figure,
  data: tables[figure.dataset.moves],
  paint: painters()[figure.dataset.kind],
  table: figure.querySelector("table"),
  at: audited,
  axis: 0,
}));
const ofTable = new Map(figures.map((moving) => [moving.table, moving]));
const inView = new Set();

// Cells as they were audited, to go back to.
const asAudited = new WeakMap();
function keep(...cells) {
  for (const cell of cells) if (!asAudited.has(cell)) asAudited.set(cell, [cell.innerHTML, cell.style.cssText]);
}
function restore(row) {
  for (const cell of row.cells) {
    if (asAudited.has(cell)) [cell.innerHTML, cell.style.cssText] = asAudited.get(cell);
  }
}

function painters() {
  const place = (value, { low, high }) => `${100 * Math.min(Math.max((value - low) / (high - low), 0), 1)}%`;
  return {
    forest({ data, axis }, { row, i }) {
      const [, cases, plot, number] = row.cells;
      // A group without images has nothing that could move.
      if (!number) return;
      keep(cases, plot, number);
      const [events, value, low, high] = [2, 3, 4, 5].map((column) => valueOf(data, i, column));
      if (events !== null) {
        const n = write(data.rows[i][1], "count");
        cases.textContent = say(text.of, { events: write(events, "count"), n });
      }
      const shape = plot.querySelector("svg"), mark = shape.querySelector("use"), on = data.axes[axis];
      const line = shape.querySelector("line");
      line?.setAttribute("x1", place(low, on));
      line?.setAttribute("x2", place(high, on));
      mark.setAttribute("x", place(value, on));
      // The shape of a verdict belongs to the audited threshold.
      mark.setAttribute("href", shape.classList.contains("noted") ? "#m-hollow" : "#m-dot");
      number.querySelector("b").textContent = write(value, data.kinds[3]);
      number.querySelector(".interval").textContent = interval(low, high, data.kinds[3]);
    },
    table({ data, table }, { row, i }) {
      [...table.tHead.rows[0].cells].forEach((head, j) => {
        const { column } = head.dataset;
        if (!(column in data.moves)) return;
        const cell = row.cells[j], value = valueOf(data, i, column);
        keep(cell);
        cell.textContent = value === null && data.kinds[column] === "text" ? "" : write(value, data.kinds[column]);
      });
    },
    heatmap({ data, table, darkest }, { row, i }) {
      [...row.cells].slice(1).forEach((cell, j) => {
        const flat = i * (row.cells.length - 1) + j, value = valueOf(data, flat, 3);
        if (value === null) return;
        keep(cell);
        cell.style.setProperty("--heat", `${(100 * value) / darkest}%`);
        cell.querySelector(".value").textContent = write(value, "percent");
        cell.querySelector("small").textContent = interval(valueOf(data, flat, 4), valueOf(data, flat, 5), "percent");
      });
    },
    confusion({ data }, { row, i }) {
      const values = [1, 2].map((column) => valueOf(data, i, column)), of = values[0] + values[1];
      [...row.cells].slice(1).forEach((cell, j) => {
        keep(cell);
        cell.querySelector("b").textContent = write(values[j], "count");
        const share = cell.querySelector(".share");
        if (share) share.textContent = say(text.of_row, { share: write(values[j] / of, "percent") });
      });
    },
  };
}

// Never narrower than as audited, so that small moves can be compared; wider where it must be.
function chooseAxis(moving) {
  const { data, table, figure } = moving;
  const ends = data.rows.flatMap((_, i) => [valueOf(data, i, 3), valueOf(data, i, 5)]);
  const reference = referenceOf(data);
  const most = Math.max(...ends.filter((end) => end !== null), reference ?? 0);
  const fits = data.axes.findIndex((axis) => most <= axis.high);
  moving.axis = at === audited ? 0 : fits < 0 ? data.axes.length - 1 : fits;
  const { low, high, steps, ticks } = data.axes[moving.axis];
  const across = (value) => `${(100 * (value - low)) / (high - low)}%`;
  table.style.setProperty("--steps", steps);
  if (data.limit !== null) table.style.setProperty("--limit", across(data.limit));
  if (reference !== null) {
    table.style.setProperty("--reference", across(reference));
    const value = write(reference, data.kinds[3]);
    figure.querySelector(".key .reference").textContent = say(text.reference_of, { ...data.reference, value });
  }
  table.querySelector(".ticks").replaceChildren(...ticks.map(([left, label]) => {
    const tick = make("span", {}, label);
    tick.style.left = `${left}%`;
    return tick;
  }));
}
const referenceOf = ({ reference }) => (reference ? (at === audited ? reference.audited : reference.moved[at][0]) : null);

function paintRows(table, all = false) {
  const moving = ofTable.get(table);
  if (!moving || moving.at !== at) return;
  const rows = entriesOf.get(table) ?? [...table.tBodies[0].rows].map((row, i) => ({ row, i }));
  entriesOf.set(table, rows);
  for (const entry of rows) {
    if ((entry.at ?? audited) === at || (!all && isHidden(entry.row))) continue;
    entry.at = at;
    if (at === audited) restore(entry.row);
    else moving.paint(moving, entry);
  }
}

function paintFigure(moving, all) {
  const { figure, data, table } = moving;
  if (moving.at !== at) {
    moving.at = at;
    const moved = at !== audited;
    figure.classList.toggle("moved", moved);
    const mark = figure.querySelector(".shown-at");
    mark.hidden = !moved;
    mark.textContent = atThreshold();
    const told = figure.querySelector(".reads .as-audited");
    if (told) told.hidden = !moved;
    if (data.axes) chooseAxis(moving);
    if (figure.dataset.kind === "heatmap") {
      const most = (values) => Math.max(...values.filter((value) => value !== null));
      moving.darkest = most([...data.rows.map((row) => row[3]), ...(data.moves[3]?.[at] ?? [])]) || 1;
    }
    sortAgain.get(table)?.();
  }
  paintRows(table, all);
}

const curveSliders = [...document.querySelectorAll("[data-output]")].map((output) => output.dataset.output);
let frame = 0;
function showThreshold(all = false) {
  const value = exact(grid[at] ?? 0), moved = at !== audited;
  for (const slider of document.querySelectorAll("[data-slider]")) {
    slider.value = at;
    slider.setAttribute("aria-valuetext", say(moved ? text.at_threshold : text.at_audited, { value }));
  }
  if (bar) {
    const told = { value, audited: exact(grid[audited]) };
    bar.classList.toggle("moved", moved);
    bar.querySelector("[data-value]").textContent = value;
    bar.querySelector("[data-told]").textContent = say(moved ? text.moved : text.unmoved, told);
    bar.querySelector("[data-reset]").hidden = !moved;
  }
  for (const key of curveSliders) moveReadout(key);
  for (const place of places) {
    if (!movesThreshold(place)) continue;
    const told = curves[place.dataset.curve].told;
    place.setAttribute("aria-label", moved ? `${text.as_audited} ${told}` : told);
    if (drawn.has(place) && (all || inView.has(place))) moveMarker(place);
  }
  for (const moving of figures) if (all || inView.has(moving.figure)) paintFigure(moving, all);
}

const repaint = () => { frame ||= requestAnimationFrame(() => { frame = 0; showThreshold(); }); };
const moveTo = (place) => { at = Number(place); repaint(); };

const watchFigures = new IntersectionObserver((seen) => {
  for (const { isIntersecting, target } of seen) {
    if (isIntersecting) inView.add(target);
    else inView.delete(target);
  }
  if (seen.some(({ isIntersecting }) => isIntersecting)) repaint();
}, { rootMargin: "200px" });
for (const target of document.querySelectorAll("[data-moves], [data-curve]")) watchFigures.observe(target);

// Told once, and not at every step of the way.
function announce() {
  const told = at === audited ? text.told_audited : text.told_moved;
  const status = bar?.querySelector("[role=status]");
  if (status && status.textContent !== told && (status.textContent || at !== audited)) status.textContent = told;
}
for (const slider of document.querySelectorAll("[data-slider]")) {
  slider.addEventListener("input", () => moveTo(slider.value));
  slider.addEventListener("change", announce);
}
if (bar) {
  bar.hidden = false;
  bar.querySelector("[data-reset]").addEventListener("click", () => {
    moveTo(audited);
    announce();
    bar.querySelector("input").focus();
  });
  // What is reached by link or by keyboard must not lie below the bar.
  new ResizeObserver(() => {
    document.documentElement.style.setProperty("--bar", `${bar.offsetHeight}px`);
  }).observe(bar);
}
