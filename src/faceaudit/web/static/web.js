// Pages work without this; with it pictures go one by one, and answers come without a new page.
"use strict";
(() => {
  const FRAGMENT = { "X-Faceaudit-Fragment": "1" };
  const AT_ONCE = 2; // the server judges one at a time; the second is on its way meanwhile
  const TRIES = 30;
  const $ = (id) => document.getElementById(id);
  document.documentElement.classList.add("scripted");

  async function fetchPart(address, options = {}) {
    for (let attempt = 1; ; attempt++) {
      const response = await fetch(address, { ...options, headers: FRAGMENT });
      // The server is busy with others: it says when to come back.
      if (response.status !== 503 || attempt === TRIES) return response;
      const seconds = Number(response.headers.get("Retry-After")) || 1;
      await new Promise((resolve) => setTimeout(resolve, 1000 * seconds));
    }
  }

  // Spreadsheets run cells that begin like a formula; an apostrophe keeps them text.
  function csvCell(value) {
    if (value === null || value === undefined) return "";
    const cell = typeof value === "string" && /^[=+\-@\t\r]/.test(value) ? `'${value}` : String(value);
    return /[",\n\r]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
  }

  function dropZone(zone, input, onFiles) {
    for (const kind of ["dragenter", "dragover"]) {
      zone.addEventListener(kind, (event) => { event.preventDefault(); zone.classList.add("over"); });
    }
    for (const kind of ["dragleave", "drop"]) {
      zone.addEventListener(kind, () => zone.classList.remove("over"));
    }
    zone.addEventListener("drop", (event) => {
      event.preventDefault();
      if (event.dataTransfer.files.length) onFiles(event.dataTransfer.files);
    });
    // A file that misses the zone would otherwise replace the page.
    for (const kind of ["dragover", "drop"]) addEventListener(kind, (event) => event.preventDefault());
  }

  // --- pictures ---------------------------------------------------------------------------
  const form = $("upload");
  if (form) {
    const input = $("pictures");
    const most = Number(form.dataset.most);
    let stopping = null;

    const submit = (files) => { if (files.length) judge([...files]).finally(() => { form.reset(); }); };
    form.addEventListener("submit", (event) => { event.preventDefault(); submit(input.files); });
    input.addEventListener("change", () => submit(input.files));
    dropZone(form.querySelector(".drop"), input, submit);
    addEventListener("paste", (event) => submit(event.clipboardData.files));
    $("stop").addEventListener("click", () => stopping?.abort());

    async function judge(files) {
      const left_out = files.splice(most);
      const fields = new FormData(form);
      fields.delete("pictures");
      stopping?.abort();
      const control = stopping = new AbortController();
      $("results").hidden = false;
      $("stop").hidden = false;
      $("results").scrollIntoView({ block: "start" });
      const total = files.length;
      // Answers may overtake each other; each has its place in the order of the files.
      const places = files.map(() => document.createElement("tbody"));
      $("judged").append(...places);
      let done = 0;
      const tell = (text) => { $("status").textContent = text; };
      tell(`Judging ${total === 1 ? files[0].name : `${total} pictures`} …`);
      const work = async () => {
        while (files.length && !control.signal.aborted) {
          const place = places[total - files.length];
          const body = new FormData();
          for (const [name, value] of fields) body.append(name, value);
          const file = files.shift();
          body.append("pictures", file, file.name);
          let html;
          try {
            html = await (await fetchPart("/", { method: "POST", body, signal: control.signal })).text();
          } catch (error) {
            if (!control.signal.aborted) tell(`The server does not answer (${error.message}).`);
            control.abort();
            return;
          }
          const answer = document.createElement("template");
          answer.innerHTML = html; // escaped by the server
          const row = answer.content.querySelector("tbody");
          if (!row) { // what is wrong is wrong with every one of them
            tell(answer.content.textContent.trim());
            control.abort();
            return;
          }
          open(row, total === 1);
          place.replaceWith(row);
          done += 1;
          if (done < total) tell(`${done} of ${total} judged`);
        }
      };
      await Promise.all(Array.from({ length: AT_ONCE }, work));
      for (const place of places) place.remove();
      arrange();
      if (stopping === control) $("stop").hidden = true;
      if (done === total || stopping === control && done) {
        tell(`${done} of ${total} judged` + (left_out.length ? `; ${left_out.length} more than ${most} were left out` : ""));
      }
    }

    // --- the table of what was judged: on this page alone -----------------------------------
    const table = $("judged");
    const rows = () => [...table.tBodies].filter((row) => row.dataset.picture);
    const told = (row) => JSON.parse(row.dataset.picture);
    const score = (picture, model) => picture.models[model]?.p_ai ?? null;
    // Where nothing is chosen: first what the models disagree on, last what was not judged.
    const SORTS = {
      name: (picture) => picture.name,
      model: (picture, head) => score(picture, head.dataset.model),
      apart: (picture) => (picture.apart === null ? null : picture.disagree + picture.apart),
    };
    const SHOWN = {
      all: () => true,
      disagree: (picture) => picture.disagree,
      ai: (picture) => Object.values(picture.models).some((one) => one.called === "ai"),
      real: (picture) => !picture.problem && Object.values(picture.models).every((one) => one.called === "real"),
      problem: (picture) => picture.problem !== null,
    };
    let by = table.querySelector("[data-sort=apart]"), down = true;

    function open(row, wide) {
      row.querySelector(".open").setAttribute("aria-expanded", wide);
      row.querySelector(".all").hidden = !wide;
    }

    function arrange() {
      if (by) {
        const keys = new Map(rows().map((row) => [row, SORTS[by.dataset.sort](told(row), by)]));
        const compare = (a, b) => (typeof a === "string" ? a.localeCompare(b, undefined, { numeric: true }) : a - b);
        const missing = (row) => keys.get(row) === null;
        table.append(...rows().sort((a, b) => missing(a) - missing(b)
          || (missing(a) ? 0 : (down ? -1 : 1) * compare(keys.get(a), keys.get(b)))));
        for (const head of table.tHead.rows[0].cells) head.removeAttribute("aria-sort");
        by.setAttribute("aria-sort", down ? "descending" : "ascending");
      }
      const all = rows(), part = $("filter").value.trim().toLowerCase();
      for (const row of all) {
        const picture = told(row);
        row.hidden = !picture.name.toLowerCase().includes(part) || !SHOWN[$("show").value](picture);
      }
      const shown = all.filter((row) => !row.hidden).length;
      $("shown").textContent = shown < all.length ? `${shown} of ${all.length} shown` : "";
      $("judged-tools").hidden = all.length === 0;
      $("results").hidden = all.length === 0;
    }

    for (const head of table.querySelectorAll("[data-sort]")) {
      const button = document.createElement("button");
      button.append(...head.childNodes);
      button.type = "button";
      head.append(button);
      button.addEventListener("click", () => {
        down = by === head ? !down : head.dataset.sort !== "name";
        by = head;
        arrange();
      });
    }
    table.addEventListener("click", (event) => {
      const button = event.target.closest(".open");
      if (button) open(button.closest("tbody"), button.getAttribute("aria-expanded") === "false");
    });
    $("filter").addEventListener("input", arrange);
    $("show").addEventListener("change", arrange);
    $("clear").addEventListener("click", () => {
      stopping?.abort();
      for (const row of rows()) row.remove();
      $("status").textContent = "";
      $("filter").value = "";
      $("show").value = "all";
      arrange();
      input.focus();
    });
    $("csv").addEventListener("click", () => {
      const models = [...table.querySelectorAll("[data-model]")].filter((cell) => cell.dataset.sort)
        .map((head) => head.dataset.model);
      const fields = ["name", "problem", "width", "height", "format", "bytes"];
      const said = ["called", "p_ai", "threshold", "worth"];
      const heads = [...fields, ...models.flatMap((model) => said.map((one) => `${model} ${one}`))];
      const lines = rows().filter((row) => !row.hidden).map(told).map((picture) => [
        ...fields.map((field) => picture[field]),
        ...models.flatMap((model) => said.map((one) => picture.models[model]?.[one])),
      ]);
      const text = [heads, ...lines].map((line) => line.map(csvCell).join(",")).join("\r\n");
      const blob = new Blob(["\ufeff", text, "\r\n"], { type: "text/csv" });
      const link = document.createElement("a");
      link.href = URL.createObjectURL(blob);
      link.download = "faceaudit-pictures.csv";
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 1000);
    });
    // The server keeps nothing, so what is lost here is lost.
    addEventListener("beforeunload", (event) => { if (rows().length) event.preventDefault(); });
    for (const row of rows()) open(row, rows().length === 1);
    arrange();
  }

  // --- what a prediction is worth ------------------------------------------------------------
  document.addEventListener("change", async (event) => {
    const whom = event.target.closest(".whom");
    if (!whom) return;
    const lines = whom.parentElement.querySelector(".measured-lines");
    const address = `/worth?${new URLSearchParams(new FormData(whom))}`;
    lines.setAttribute("aria-busy", "true");
    lines.dataset.asked = address;
    const html = await (await fetchPart(address)).text();
    if (lines.dataset.asked !== address) return; // another choice was made meanwhile
    lines.innerHTML = html; // escaped by the server
    lines.removeAttribute("aria-busy");
    for (const line of lines.querySelectorAll("[data-short]")) {
      const place = whom.closest("tbody") ?? whom.closest("article");
      for (const worth of place.querySelectorAll("[data-worth]")) {
        if (worth.dataset.worth === line.dataset.model) worth.textContent = line.dataset.short;
      }
      if (place.dataset.picture) {
        const picture = JSON.parse(place.dataset.picture);
        picture.models[line.dataset.model].worth = line.dataset.short;
        place.dataset.picture = JSON.stringify(picture);
      }
    }
  });

  // --- samples ----------------------------------------------------------------------------
  if ($("load-samples")) {
    $("load-samples").textContent = "The models are being loaded";
    fetchPart("/samples").then(async (response) => { $("samples").innerHTML = await response.text(); });
  }

  // --- audits -----------------------------------------------------------------------------
  const scores = $("scores");
  if (scores) {
    const send = () => { if (scores.files.length) scores.form.requestSubmit(); };
    scores.addEventListener("change", send);
    dropZone(scores.closest(".drop"), scores, (files) => { scores.files = files; send(); });
  }

  const settle = $("settle");
  if (settle) {
    let going = false, asked = null;
    // What is chosen stands in the address: the page can be loaded again, and left for a while.
    const address = () => `${settle.action}?${new URLSearchParams(new FormData(settle))}`;
    const narrow = () => {
      const own = settle.querySelector(".own-question");
      if (own) own.hidden = $("spec").selectedIndex > 0;
    };
    settle.addEventListener("change", async (event) => {
      history.replaceState(null, "", address());
      narrow();
      if (!event.target.closest("[data-reads]")) return;
      const here = asked = address(), focused = event.target.id;
      settle.setAttribute("aria-busy", "true");
      const html = await (await fetchPart(here)).text();
      if (asked !== here) return; // another choice was made meanwhile
      settle.innerHTML = html; // escaped by the server
      settle.removeAttribute("aria-busy");
      $(focused)?.focus();
      narrow();
    });
    settle.addEventListener("submit", () => { going = true; });
    addEventListener("pagehide", () => { if (!going) navigator.sendBeacon(`${settle.action}/leave`); });
    narrow();
  }

  const follow = document.querySelector("[data-follow]");
  const running = () => ["waiting", "running"].includes(follow.firstElementChild.dataset.state);
  if (follow && running()) {
    const timer = setInterval(async () => {
      follow.innerHTML = await (await fetchPart(follow.dataset.follow)).text();
      if (!running()) clearInterval(timer);
    }, 400);
  }
})();
