// The explorer. Without this its form and links work, and there is no drawing beside the table.
"use strict";
(() => {
  const FRAGMENT = { "X-Faceaudit-Fragment": "1" };
  const $ = (id) => document.getElementById(id);
  const explorer = $("explorer");

  // --- the drawing ------------------------------------------------------------------------
  function draw() {
    const place = $("plot");
    if (!place) return;
    const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
    const { data, layout } = JSON.parse(place.dataset.figure);
    const [ink, soft, accent] = ["--ink", "--soft", "--accent"].map(colour);
    const axis = { gridcolor: colour("--grid"), linecolor: colour("--line"), zerolinecolor: colour("--line") };
    const font = { family: getComputedStyle(document.body).fontFamily, size: 13, color: ink };
    const text = { ...font, color: soft, size: 12 };
    layout.template = { layout: {
      font, paper_bgcolor: "transparent", plot_bgcolor: "transparent",
      xaxis: { ...axis, tickfont: text }, yaxis: axis,
      hoverlabel: { bgcolor: colour("--raised"), bordercolor: colour("--line"), font, align: "left" },
      annotationdefaults: { font: text },
    } };
    layout.colorway = [accent];
    (layout.shapes ??= []).forEach((line, i) => { line.line.color = i ? colour("--fail") : soft; });
    const [points] = data;
    points.marker.line = { color: accent, width: 2 };
    Object.assign(points.error_x, { thickness: 2, width: 0 });
    const chosen = points.customdata.indexOf(place.dataset.chosen);
    if (chosen >= 0) {
      layout.shapes.push({ type: "rect", xref: "paper", x0: 0, x1: 1, y0: chosen - .5, y1: chosen + .5, layer: "below", fillcolor: colour("--accent-soft"), line: { width: 0 } });
    }
    layout.dragmode = false;
    Plotly.react(place, data, layout, { displayModeBar: false, responsive: true });
    if (place.dataset.listens) return;
    place.dataset.listens = "yes";
    place.on("plotly_click", ({ points: [point] }) => choose(point.customdata));
  }

  // --- the view, which is the address -------------------------------------------------------
  let asked = null;
  async function show(search, { keepForm = false, focus = null } = {}) {
    asked?.abort();
    const control = asked = new AbortController();
    $("results").setAttribute("aria-busy", "true");
    let text;
    try {
      text = await (await fetch(`/explore${search}`, { headers: FRAGMENT, signal: control.signal })).text();
    } catch (error) {
      if (!control.signal.aborted) $("results").textContent = `The server does not answer (${error.message}).`;
      return;
    }
    if (control !== asked) return; // another view was asked for meanwhile
    const template = document.createElement("template");
    template.innerHTML = text; // escaped by the server
    const old = $("plot"), fresh = template.content.getElementById("plot");
    if (old && fresh) { // the drawing moves instead of being drawn anew
      old.dataset.figure = fresh.dataset.figure;
      old.dataset.chosen = fresh.dataset.chosen;
      old.setAttribute("aria-label", fresh.getAttribute("aria-label"));
      fresh.replaceWith(old);
    }
    const held = focus ?? document.activeElement?.id;
    if (keepForm) $("results").replaceWith(template.content.getElementById("results") ?? template.content);
    else explorer.replaceChildren(template.content);
    if (held && document.activeElement?.id !== held) $(held)?.focus({ preventScroll: !focus });
    $("said").textContent = explorer.querySelector("#problem, #results > .sentence")?.textContent ?? "";
    draw();
  }

  function search(changed) {
    const given = new URLSearchParams(new FormData($("view")));
    const kept = new URLSearchParams();
    for (const [name, value] of given) if (value && !(name in changed)) kept.append(name, value);
    for (const [name, value] of Object.entries(changed)) if (value) kept.append(name, value);
    return `?${kept}`;
  }

  function go(address, options) {
    // Enter in a field tells of it twice: that it changed, and that the form is sent.
    if (address !== location.search) history.pushState(null, "", `/explore${address}`);
    return show(address, options);
  }

  const choose = (group) => go(search({ group }), { focus: "pictures-title" });

  explorer.addEventListener("submit", (event) => {
    event.preventDefault();
    if (event.submitter?.name === "group") choose(event.submitter.value);
    else go(search({}));
  });
  explorer.addEventListener("click", (event) => {
    const link = event.target.closest("a[href^='/explore?']");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    go(link.search, { focus: link.closest("#pictures") ? "pictures-title" : null });
  });
  explorer.addEventListener("change", ({ target }) => {
    if (!target.closest("#view")) return;
    // A group of other tags is none of these, and another table has other tags.
    if (target.id === "table") go(`?${new URLSearchParams({ table: target.value })}`);
    else if (target.id === "tag" || target.id === "second") go(search({ group: "" }));
    else go(search({}), { keepForm: target.id === "slider" });
  });
  explorer.addEventListener("input", ({ target }) => {
    if (target.id !== "slider") return;
    $("threshold").value = target.value;
    follow();
  });
  // Not one answer for each step of the slider: the latest place, when the last answer is there.
  let following = false, moved = false;
  async function follow() {
    moved = true;
    if (following) return;
    following = true;
    while (moved) {
      moved = false;
      await show(search({}), { keepForm: true });
    }
    following = false;
  }
  addEventListener("popstate", () => show(location.search));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  draw();
})();
