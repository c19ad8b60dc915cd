// What the threshold moves. One bar sets it for the whole page, as does the marker of a curve.
// Figures are painted when they are in view, the others in idle moments.
const bar = document.querySelector(".threshold");
const moving = [], inView = new Set();
const percent = (places) => `${places}%`;

function addMoving(one) {
  const figure = { at: audited, whole: true, data: null, ...one };
  moving.push(figure);
  watchFigures.observe(figure.figure);
}

// --- What is drawn, as figures/drawing.py does ----------------------------------------------
const PLOT = [42, 34], DARKEST = 0.45;
const onAxis = ({ low, high, log }, value) =>
  ((log ? (value > 0 ? Math.log2(value) : -Infinity) : value) - low) / (high - low);
const across = (axis, value, [left, width] = PLOT) =>
  percent(left + width * Math.min(Math.max(onAxis(axis, value), 0), 1));

function whisker(axis, value, low, high, hollow) {
  const line = (a, b, more = "") => `<line x1="${a}" x2="${b}" y1="14" y2="14"${more}/>`;
  const off = (end) => end !== null && (onAxis(axis, end) > 1 + 1e-9) - (onAxis(axis, end) < -1e-9);
  const arrow = (end) => {
    const side = off(end), x = percent(PLOT[0] + (side < 0 ? 0 : PLOT[1]));
    return side ? `<svg x="${x}" overflow="visible"><path d="M${-3 * side} 8l${6 * side} 6 ${-6 * side} 6" class="arrow"/></svg>` : "";
  };
  const place = across(axis, value);
  return (low === null || high === null ? "" : line(across(axis, low), across(axis, high)))
    + arrow(low) + arrow(high)
    + (arrow(value) || line(place, place, ' class="dot"') + (hollow ? line(place, place, ' class="hole"') : ""));
}

const painters = {
  forest({ figure, data, whole }) {
    const axis = data.axes[at === audited ? 0 : data.axis_at[at]], svg = figure.querySelector("svg.figure");
    if (svg.dataset.axis !== String(data.axes.indexOf(axis))) {
      svg.dataset.axis = data.axes.indexOf(axis);
      const bottom = [...axis.ticks].map(([place]) => percent(PLOT[0] + PLOT[1] * place / 100));
      svg.querySelector(".plot.grid").innerHTML = bottom.map((x) => `<line x1="${x}" x2="${x}" y1="42" y2="100%"/>`).join("");
      svg.querySelector(".plot-ticks").innerHTML = axis.ticks
        .map(([place, label], i) => `<text class="tick" x="${bottom[i]}" y="34" style="--p:${place}">${label}</text>`).join("");
    }
    const { reference } = data;
    for (const [name, value] of [["limit", data.limit], ["reference", reference && (at === audited ? reference.audited : reference.moved?.[at][0] ?? reference.audited)]]) {
      const line = svg.querySelector(`.lines .${name}`);
      if (!line || value === null) continue;
      for (const end of ["x1", "x2"]) line.setAttribute(end, across(axis, value));
      if (name === "reference" && reference.moved) {
        svg.querySelector(".item.reference text").textContent = say(text.reference_of, { ...reference, value: write(value, data.scale) });
      }
    }
    data.rowsDrawn ??= [...svg.querySelectorAll(".row")];
    const folded = whole ? 0 : svg.querySelector(".rest").querySelectorAll(".row").length;
    data.rowsDrawn.slice(0, data.rowsDrawn.length - folded).forEach((row, i) => {
      const plot = row.querySelector(".plot");
      // A group without images has nothing that could move.
      if (!plot) return;
      const [n, events, value, low, high] = [1, 2, 3, 4, 5].map((column) => valueOf(data, i, column));
      if (events !== null) {
        row.querySelector(".n").textContent = say(text.of, { events: write(events, "count"), n: write(n, "count") });
      }
      plot.innerHTML = value === null ? "" : whisker(axis, value, low, high, row.matches(".noted, .insufficient-evidence, .not-estimable"));
      const [first, last] = row.querySelector(".num").children;
      first.textContent = write(value, data.scale);
      if (last) last.textContent = interval(low, high, data.scale);
    });
  },
  table({ data, table }) {
    if (showAgain.has(table)) showAgain.get(table)();
    else [...table.tBodies[0].rows].forEach((row, i) => writeRow(data, table, row, i));
  },
  heatmap({ figure, data }) {
    const values = data.rows.map((_, i) => valueOf(data, i, 3));
    const most = Math.max(0, ...data.rows.map((row) => row[3] ?? 0), ...values.map((value) => value ?? 0));
    figure.querySelector(".legend text:last-child").textContent = write(most, "percent");
    const cells = (name) => figure.querySelectorAll(`.cells ${name}`);
    const rects = cells("rect"), told = cells(".value"), ends = cells(".ends");
    values.forEach((value, i) => {
      if (value === null) return;
      rects[i].setAttribute("fill-opacity", most ? DARKEST * value / most : 0);
      told[i].textContent = write(value, "percent");
      ends[i].textContent = interval(valueOf(data, i, 4), valueOf(data, i, 5), "percent");
    });
  },
  confusion({ figure, data }) {
    [...figure.querySelector("tbody").rows].forEach((row, i) => {
      const values = [1, 2].map((column) => valueOf(data, i, column)), of = values[0] + values[1];
      [...row.cells].slice(1).forEach((cell, j) => {
        cell.querySelector("b").textContent = write(values[j], "count");
        const share = cell.querySelector(".share");
        if (share) share.textContent = say(text.of_row, { share: write(values[j] / of, "percent") });
      });
    });
  },
  curve({ figure, data }) {
    const told = figure.querySelectorAll(".item.line .told");
    data.series.filter((series) => series.x.length).forEach((series, i) => {
      if (told[i]) told[i].textContent = ` ${readout(data, series).join(" ")}`;
    });
  },
  distribution() {},
};
// The cells of a table that moved as they were audited, to go back to.
const asAudited = new WeakMap();
function writeRow(data, table, row, i) {
  [...table.tHead.rows[0].cells].forEach(({ dataset: { column } }, j) => {
    if (!(column in data.moves)) return;
    const cell = row.cells[j], value = valueOf(data, i, column);
    if (at === audited) {
      if (asAudited.has(cell)) cell.replaceChildren(...asAudited.get(cell));
      return;
    }
    if (!asAudited.has(cell)) asAudited.set(cell, [...cell.childNodes]);
    cell.textContent = value === null && data.kinds[column] === "text" ? "" : write(value, data.kinds[column]);
  });
}

// --- What is told, as alt_text.py does ------------------------------------------------------
function readout({ kind }, { x, y, low, high }) {
  const i = nearest(x, grid[at]);
  return [write(y[i], kind), interval(low?.[i], high?.[i], kind)].filter(Boolean);
}

function told(data) {
  const { frame, kind, notes } = data.told;
  if (data.series) {
    const lines = data.series.filter(({ x }) => x.length).slice(0, frame.most).map((series) => {
      const [value, ends] = readout(data, series);
      return say(text.read_curve_at, { name: series.name, value: ends ? `${value} (${ends})` : value });
    });
    return capitalised(`${frame.marker}: ${exact(grid[at])}. ${say(text.read_curve, { ...frame, lines: lines.join(", ") })}`);
  }
  const { names, value, low, high } = data.cite;
  const rows = data.rows.map((row, i) => ({
    group: names.map((column) => row[column]).join(" × "), small: notes?.[i],
    told: [value, low, high].map((column) => valueOf(data, i, column)),
  }));
  const known = rows.filter((row) => row.told[0] !== null), large = known.filter(({ small }) => !small);
  if (!known.length) return capitalised(say(text.read_none, frame));
  const among = [...(large.length ? large : known)].sort((a, b) => a.told[0] - b.told[0]);
  const first = among[0], last = among.findLast(() => true);
  const top = among.find((row) => row.told[0] === last.told[0]);
  const how = among.length === 1 ? "_one" : first.told[0] === last.told[0] ? "_alike" : "";
  const missing = rows.length - known.length;
  return capitalised(say(text[`read_${kind}${how}`], {
    ...frame, low_value: write(first.told[0], data.cite.kind), low: withInterval(...first.told, data.cite.kind),
    low_group: first.group, high: withInterval(...top.told, data.cite.kind), high_group: top.group,
    missing: missing ? say(text.read_missing, { n: missing }) : "",
  })).trim();
}

// Rows that are folded away wait until they are asked for, or until the threshold rests.
function paint(one, all = false) {
  const whole = all || !one.figure.querySelector("svg.folds:not(.all)");
  if (one.at === at && (one.whole || !whole)) return;
  if (!(one.data ??= tables[one.key])) {
    numbers(one.key).then(repaint);
    return;
  }
  const { figure, data } = one, moved = at !== audited;
  Object.assign(one, { at, whole });
  figure.classList.toggle("moved", moved);
  const mark = figure.querySelector(".shown-at");
  if (mark) {
    mark.hidden = !moved;
    mark.textContent = atThreshold();
  }
  one.paint(one);
  if (data.told && !one.table) {
    const words = told(data), reads = figure.querySelector(".reads");
    if (reads) reads.textContent = words;
    figure.querySelector("svg.figure").setAttribute("aria-label", words);
  }
}

// --- The marker of curves and distributions, which is a handle where it moves the threshold --
const markers = [...document.querySelectorAll("[data-marker]")].map((figure) => {
  const [left, width] = figure.dataset.marker.split(" ").map(Number);
  return { line: figure.querySelector(".body .marker"), told: figure.querySelector(".item.marker text"), label: figure.dataset.label, left, width };
});
const handles = [...document.querySelectorAll("[data-handle]")].map((place) => {
  const label = place.closest("figure").dataset.label;
  const handle = make("input", { type: "range", class: "handle", min: 0, max: 1, step: "any", "aria-label": label });
  handle.addEventListener("input", () => moveTo(nearest(grid, Number(handle.value))));
  handle.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -5, PageUp: 5, Home: -Infinity, End: Infinity }[event.key];
    if (!step) return;
    event.preventDefault();
    moveTo(Math.min(Math.max(at + step, 0), grid.length - 1));
    settle();
  });
  place.append(handle);
  return handle;
});

let frame = 0;
function showThreshold(all = false) {
  const value = exact(grid[at] ?? 0), moved = at !== audited;
  const spoken = say(moved ? text.at_threshold : text.at_audited, { value });
  for (const slider of document.querySelectorAll("[data-slider]")) slider.value = at;
  for (const handle of handles) handle.value = grid[at];
  for (const slider of [...document.querySelectorAll("[data-slider]"), ...handles]) slider.setAttribute("aria-valuetext", spoken);
  if (bar) {
    const says = { value, audited: exact(grid[audited]) };
    bar.classList.toggle("moved", moved);
    bar.querySelector("[data-value]").textContent = value;
    bar.querySelector("[data-told]").textContent = say(moved ? text.moved : text.unmoved, says);
    bar.querySelector("[data-reset]").hidden = !moved;
  }
  for (const { line, told, label, left, width } of markers) {
    for (const end of ["x1", "x2"]) line.setAttribute(end, percent(left + width * grid[at]));
    told.textContent = `${label}: ${value}`;
  }
  for (const one of moving) if (all || inView.has(one.figure)) paint(one, all);
}
const repaint = () => { frame ||= requestAnimationFrame(() => { frame = 0; showThreshold(); }); };
const moveTo = (place) => {
  at = Number(place);
  repaint();
};

const watchFigures = new IntersectionObserver((seen) => {
  for (const { isIntersecting, target } of seen) {
    if (isIntersecting) inView.add(target);
    else inView.delete(target);
  }
  if (seen.some(({ isIntersecting }) => isIntersecting)) repaint();
}, { rootMargin: "200px" });
for (const figure of document.querySelectorAll("[data-moves]")) {
  addMoving({ figure, key: figure.dataset.moves, paint: painters[figure.dataset.kind], table: figure.querySelector("table") });
}

// When it rests, it is told once, kept in the address, and what is out of sight follows.
function settle() {
  const told = at === audited ? text.told_audited : text.told_moved;
  const status = bar?.querySelector("[role=status]");
  if (status && status.textContent !== told && (status.textContent || at !== audited)) status.textContent = told;
  const kept = address(placeInAddress());
  history.replaceState(history.state, "", kept ? `#${kept}` : location.pathname + location.search);
  followLater();
}
let following = 0;
function followLater() {
  cancelIdle(following);
  following = whenIdle(async () => {
    const place = at, next = moving.find((one) => one.at !== at || !one.whole);
    if (!next) return;
    await numbers(next.key);
    if (place !== at) return;
    paint(next, true);
    followLater();
  });
}
// A machine that is never idle gets one every half second all the same.
const whenIdle = (work) => window.requestIdleCallback?.(work, { timeout: 500 }) ?? setTimeout(work, 20);
const cancelIdle = (id) => (window.cancelIdleCallback ?? clearTimeout)(id);

function readAddress() {
  const wanted = parseFloat(inAddress().find((part) => part.startsWith("t="))?.slice(2));
  if (grid.length && wanted >= 0 && wanted <= 1) moveTo(nearest(grid, wanted));
  if (at !== audited) settle();
}
for (const slider of document.querySelectorAll("[data-slider]")) {
  slider.addEventListener("input", () => moveTo(slider.value));
}
for (const slider of [...document.querySelectorAll("[data-slider]"), ...handles]) slider.addEventListener("change", settle);
if (bar) {
  bar.hidden = false;
  bar.querySelector("[data-reset]").addEventListener("click", () => {
    moveTo(audited);
    settle();
    bar.querySelector("input").focus();
  });
  // What is reached by link or by keyboard must not lie below the bar.
  new ResizeObserver(() => {
    document.documentElement.style.scrollPaddingTop = `${bar.offsetHeight}px`;
  }).observe(bar);
}
addEventListener("hashchange", readAddress);
readAddress();
