// Tables that sort, filter and download; curves that are drawn when they come into view.
"use strict";
(() => {
  const { name, text, tables, curves } = JSON.parse(document.getElementById("data").textContent);
  const say = (template, values) => template.replace(/\{(\w+)\}/g, (_, key) => values[key]);
  const make = (tag, attributes, content = "") => {
    const element = document.createElement(tag);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    element.textContent = content;
    return element;
  };
  const FOLD_FROM = 26, FOLD_TO = 20, FILTER_FROM = 9, PICTURES = 12;

  // Spreadsheets run cells that begin like a formula; an apostrophe keeps them text.
  const csvCell = (value) => {
    if (value === null) return "";
    const cell = typeof value === "string" && /^[=+\-@\t\r]/.test(value) ? "'" + value : String(value);
    return /[",\n\r]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
  };

  function download(data, rows) {
    const lines = [data.columns, ...rows].map((row) => row.map(csvCell).join(","));
    const blob = new Blob(["\ufeff" + lines.join("\r\n") + "\r\n"], { type: "text/csv" });
    const file = `${name} ${data.title}`.replace(/[^\p{L}\p{N}]+/gu, "-").slice(0, 80) + ".csv";
    const link = make("a", { href: URL.createObjectURL(blob), download: file });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }

  function csvButton(data, rows) {
    const button = make("button", { type: "button", "aria-label": say(text.csv_label, data) }, text.csv);
    button.addEventListener("click", () => download(data, rows()));
    return button;
  }

  const compare = (a, b) => (typeof a === "string" || typeof b === "string"
    ? String(a).localeCompare(String(b), undefined, { numeric: true })
    : a - b);

  function enrich(table) {
    const data = tables[table.dataset.table];
    const body = table.tBodies[0];
    const place = table.closest(".scroll");
    const tools = make("div", { class: "tools" });
    place.before(tools);
    if (table.hasAttribute("data-fixed")) {
      tools.append(csvButton(data, () => data.rows));
      return;
    }
    const entries = [...body.rows].map((row, i) => ({ row, values: data.rows[i], words: null }));
    const total = entries.length;
    const shown = make("span", { class: "rows", role: "status" });
    let more = null, folded = total >= FOLD_FROM;

    const fold = () => {
      let seen = 0;
      for (const { row } of entries) {
        if (row.classList.contains("filtered")) continue;
        row.classList.toggle("folded", folded && ++seen > FOLD_TO);
      }
      if (more) {
        more.textContent = say(folded ? text.show_all : text.show_fewer, { all: total });
        more.hidden = folded && seen <= FOLD_TO;
      }
    };
    const order = (column, direction) => {
      // What has no value stays last, whichever way the rest is sorted.
      const missing = ({ values }) => values[column] === null;
      entries.sort((a, b) => missing(a) - missing(b)
        || (missing(a) ? 0 : direction * compare(a.values[column], b.values[column])));
      body.append(...entries.map(({ row }) => row));
      fold();
    };
    const filter = (wanted) => {
      let left = 0;
      for (const entry of entries) {
        entry.words ??= entry.row.textContent.toLowerCase();
        const hit = entry.words.includes(wanted);
        entry.row.classList.toggle("filtered", !hit);
        left += hit;
      }
      shown.textContent = wanted ? say(text.rows, { shown: left, all: total }) : "";
      fold();
    };

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
        order(column, next === "ascending" ? 1 : -1);
      });
    }
    if (total >= FILTER_FROM) {
      const input = make("input", {
        type: "search", placeholder: text.filter, "aria-label": say(text.filter_label, data),
      });
      input.addEventListener("input", () => filter(input.value.trim().toLowerCase()));
      tools.append(input);
    }
    tools.append(csvButton(data, () => entries
      .filter(({ row }) => !row.classList.contains("filtered")).map(({ values }) => values)), shown);
    if (folded) {
      more = make("button", { type: "button", class: "more" });
      more.addEventListener("click", () => { folded = !folded; fold(); });
      place.after(more);
      fold();
    }
  }

  function foldList(list) {
    const items = [...list.children];
    if (items.length <= PICTURES) return;
    let folded = true;
    const more = make("button", { type: "button", class: "more" });
    const fold = () => {
      items.forEach((item, i) => item.classList.toggle("folded", folded && i >= PICTURES));
      more.textContent = say(folded ? text.show_all_items : text.show_fewer, { all: items.length });
    };
    more.addEventListener("click", () => { folded = !folded; fold(); });
    list.after(more);
    fold();
  }

  // Curves
  const style = () => getComputedStyle(document.documentElement);
  const drawn = new Set();

  function loadPlotly() {
    if (window.Plotly) return;
    const script = document.createElement("script");
    script.textContent = document.getElementById("plotly-source").textContent;
    document.head.append(script);
  }

  function draw(place) {
    loadPlotly();
    const { figure, marker } = curves[place.dataset.curve];
    const css = style(), colour = (key) => css.getPropertyValue(`--${key}`).trim();
    const size = parseFloat(css.fontSize);
    const at = Number(place.dataset.at || marker);
    const data = figure.data.map((trace) => {
      const own = colour(`series-${trace.meta % 8}`);
      return { ...trace, type: "scatter", line: { ...trace.line, color: own }, fillcolor: own + "26" };
    });
    const axis = {
      gridcolor: colour("grid"), linecolor: colour("line"), zeroline: false, automargin: true,
      title: { standoff: size * 0.6, font: { size: size * 0.8125 } },
    };
    const { xaxis, yaxis, shapes } = figure.layout;
    Plotly.react(place, data, {
      xaxis: { ...axis, ...xaxis, title: { ...axis.title, ...xaxis.title } },
      yaxis: { ...axis, ...yaxis, title: { ...axis.title, ...yaxis.title } },
      shapes: shapes.map((shape) => ({
        ...shape,
        ...(shape.name === "marker" ? { x0: at, x1: at } : {}),
        line: { color: colour(shape.name === "marker" ? "ink" : "soft"), width: 1.5, dash: "dot" },
      })),
      font: { family: css.getPropertyValue("--sans"), size: size * 0.8125, color: colour("soft") },
      paper_bgcolor: "transparent", plot_bgcolor: "transparent",
      margin: { l: 8, r: 12, t: 12, b: 8 }, hovermode: "x unified", dragmode: false,
      hoverlabel: { bgcolor: colour("raised"), bordercolor: colour("line"), font: { color: colour("ink") } },
      // The table below is the legend: it names every line with its colour and dashes.
      showlegend: false,
    }, { displayModeBar: false, responsive: true });
    drawn.add(place);
  }

  const percent = (value) => `${(100 * value).toFixed(value > 0 && value < 0.001 ? 2 : 1)}\u202f%`;
  const nearest = (places, at) => {
    let best = 0;
    places.forEach((x, i) => { if (Math.abs(x - at) < Math.abs(places[best] - at)) best = i; });
    return best;
  };

  // All sliders of a page stand for the same threshold, so all move together.
  function moveTo(at) {
    const value = Number(at.toPrecision(3)).toString();
    for (const slider of document.querySelectorAll("[data-slider]")) {
      const key = slider.dataset.slider, curve = curves[key];
      const write = (v) => (v === null || v === undefined ? "–"
        : curve.percent ? percent(v) : v.toFixed(Math.abs(v) < 1 ? 3 : 2));
      const [low, high] = range(curve);
      slider.value = Math.round((1000 * (at - low)) / (high - low));
      slider.setAttribute("aria-valuetext", say(text.at, { value }));
      document.querySelector(`[data-output="${key}"]`).textContent = say(text.at, { value });
      const rows = document.querySelector(`[data-readout="${key}"]`).tBodies[0].rows;
      curve.series.filter((series) => series.x.length).forEach((series, i) => {
        const k = nearest(series.x, at);
        rows[i].cells[1].textContent = write(series.y[k]);
        const ends = [series.low?.[k], series.high?.[k]];
        if (rows[i].cells[2]) rows[i].cells[2].textContent = ends.some((end) => end === null || end === undefined)
          ? "" : `${write(ends[0]).replace("\u202f%", "")}–${write(ends[1])}`;
      });
      document.querySelector(`[data-readout="${key}"] caption`).textContent = say(text.at, { value });
      const place = document.querySelector(`[data-curve="${key}"]`);
      place.dataset.at = at;
      if (drawn.has(place)) {
        const i = curves[key].figure.layout.shapes.findIndex((shape) => shape.name === "marker");
        Plotly.relayout(place, { [`shapes[${i}].x0`]: at, [`shapes[${i}].x1`]: at });
      }
    }
  }
  const range = (curve) => {
    const places = curve.series.flatMap((series) => series.x);
    return [Math.min(...places), Math.max(...places)];
  };

  for (const table of document.querySelectorAll("table[data-table]")) enrich(table);
  for (const list of document.querySelectorAll(".pictures")) foldList(list);
  for (const tools of document.querySelectorAll("[data-csv]")) {
    const data = tables[tools.dataset.csv];
    tools.append(csvButton(data, () => data.rows));
  }
  for (const slider of document.querySelectorAll("[data-slider]")) {
    const curve = curves[slider.dataset.slider], [low, high] = range(curve);
    slider.value = Math.round((1000 * (curve.marker - low)) / (high - low));
    slider.setAttribute("aria-valuetext", say(text.at, { value: curve.marker }));
    slider.addEventListener("input", () => moveTo(low + (slider.value / 1000) * (high - low)));
  }
  const places = [...document.querySelectorAll("[data-curve]")];
  const watch = new IntersectionObserver((seen) => {
    for (const { isIntersecting, target } of seen) {
      if (!isIntersecting) continue;
      watch.unobserve(target);
      draw(target);
    }
  }, { rootMargin: "1000px" });
  for (const place of places) watch.observe(place);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => drawn.forEach(draw));
  const opened = new Set();
  const paper = (on) => {
    if (on) {
      for (const place of document.querySelectorAll("details:not([open])")) opened.add(place);
    }
    for (const place of opened) place.open = on;
    if (!on) opened.clear();
    document.documentElement.classList.toggle("printing", on);
    (on ? places : [...drawn]).forEach(draw);
  };
  addEventListener("beforeprint", () => paper(true));
  addEventListener("afterprint", () => paper(false));

  // One section in every idle moment, so that the page answers while it is laid out.
  const sections = [...document.querySelectorAll(".check > .details, .appendix > section")];
  const whenIdle = window.requestIdleCallback ?? ((work) => setTimeout(work, 20));
  const layOut = () => {
    const section = sections.shift();
    if (!section) {
      document.documentElement.dataset.laidOut = "";
      return;
    }
    section.classList.add("laid-out");
    for (const place of section.querySelectorAll(".scroll")) {
      // What is wider than the page scrolls by keyboard too.
      if (place.scrollWidth > place.clientWidth) place.tabIndex = 0;
    }
    whenIdle(layOut, { timeout: 300 });
  };
  whenIdle(layOut, { timeout: 300 });

  // The contents show where the reader is.
  const links = new Map([...document.querySelectorAll(".contents a")].map((a) => [a.hash.slice(1), a]));
  const spy = new IntersectionObserver((seen) => {
    for (const { isIntersecting, target } of seen) {
      if (!isIntersecting) continue;
      for (const link of links.values()) link.removeAttribute("aria-current");
      links.get(target.id)?.setAttribute("aria-current", "true");
    }
  }, { rootMargin: "-10% 0px -80%" });
  for (const id of links.keys()) spy.observe(document.getElementById(id));
})();
