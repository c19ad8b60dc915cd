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
      const places = files.map(() => document.createElement("div"));
      $("cards").prepend(...places);
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
          place.innerHTML = html; // escaped by the server
          place.replaceWith(...place.childNodes);
          done += 1;
          if (done < total) tell(`${done} of ${total} judged`);
        }
      };
      await Promise.all(Array.from({ length: AT_ONCE }, work));
      for (const place of places) place.remove();
      if (stopping === control) $("stop").hidden = true;
      if (done === total || stopping === control && done) {
        tell(`${done} of ${total} judged` + (left_out.length ? `; ${left_out.length} more than ${most} were left out` : ""));
      }
    }
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
  });

  // --- samples ----------------------------------------------------------------------------
  if ($("load-samples")) {
    $("load-samples").textContent = "The models are being loaded";
    fetchPart("/samples").then(async (response) => { $("samples").innerHTML = await response.text(); });
  }

  // --- audits -----------------------------------------------------------------------------
  const scores = $("scores");
  if (scores) dropZone(scores.closest(".drop"), scores, (files) => { scores.files = files; });

  const follow = document.querySelector("[data-follow]");
  const running = () => ["waiting", "running"].includes(follow.firstElementChild.dataset.state);
  if (follow && running()) {
    const timer = setInterval(async () => {
      follow.innerHTML = await (await fetchPart(follow.dataset.follow)).text();
      if (!running()) clearInterval(timer);
    }, 400);
  }
})();
