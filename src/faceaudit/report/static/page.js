// The page as a whole: printing, laying out bit by bit, the contents.
if (matchMedia("(max-width: 40rem)").matches) {
  for (const also of document.querySelectorAll(".also")) also.open = false;
}
const opened = new Set();
const paper = (on) => {
  if (on) {
    for (const place of document.querySelectorAll("details:not([open], .built, .menu, .numbers, .source, .check:not(.fails))")) opened.add(place);
    showThreshold(true);
  }
  for (const place of opened) place.open = on;
  if (!on) opened.clear();
  document.documentElement.classList.toggle("printing", on);
};
addEventListener("beforeprint", () => paper(true));
addEventListener("afterprint", () => paper(false));

// One figure in every idle moment, so that the page answers while it is laid out. What is
// folded waits until it is opened.
const waiting = new Set(document.querySelectorAll(".details > .detail, .appendix > section"));
addEventListener("toggle", ({ target }) => {
  if (target.open && target.matches(".check")) layOutSoon();
}, true);
// A table sorts once its numbers are unpacked.
const plain = [...document.querySelectorAll("table[data-table]")];
const layOut = async () => {
  const next = [...waiting].find((place) => !place.closest("details:not([open])"));
  if (next) {
    waiting.delete(next);
    next.classList.add("laid-out");
  } else if (plain.length) {
    const table = plain.shift();
    await numbers(table.dataset.table);
    enrich(table);
  } else {
    document.documentElement.dataset.laidOut = "";
    kept = null;
    return;
  }
  keepPlace();
  layOutSoon();
};
let layingOut = 0;
function layOutSoon() {
  cancelIdle(layingOut);
  layingOut = whenIdle(layOut);
}
layOutSoon();

// The contents show where the reader is: what the reading line, a fifth down the screen, is in.
// It goes down to the last line while the end of the page comes into sight.
const links = [...document.querySelectorAll(".contents a")];
const targets = links.map((link) => document.getElementById(link.hash.slice(1)));
let looking = 0;
function look() {
  looking = 0;
  const below = document.documentElement.scrollHeight - innerHeight - scrollY;
  const line = innerHeight * Math.max(0.2, 1 - 0.8 * below / innerHeight);
  const here = targets.findLastIndex((target) => target.getClientRects().length && target.getBoundingClientRect().top <= line);
  links.forEach((link, i) => {
    if (i === Math.max(here, 0)) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  });
}
const lookSoon = () => { looking ||= requestAnimationFrame(look); };
addEventListener("scroll", lookSoon, { passive: true });
addEventListener("resize", lookSoon);
lookSoon();

// What is linked to is not left folded.
const unfold = (place) => {
  for (let fold = place?.closest("details"); fold; fold = fold.parentElement.closest("details")) fold.open = true;
};
function reveal() {
  const place = document.getElementById(placeInAddress());
  // Where the address has a threshold too, the browser finds no place by itself.
  if (!place || (inAddress().length < 2 && !place.closest("details:not([open])"))) return;
  unfold(place);
  place.scrollIntoView();
}
addEventListener("hashchange", reveal);
reveal();

// Reloaded, the page is where it was, also while it is laid out, unless its reader moves on.
const spots = [...document.querySelectorAll(".answer, .check, .appendix > section, .detail")];
addEventListener("beforeunload", () => {
  const spot = Math.max(0, spots.findLastIndex((place) => place.getClientRects().length && place.getBoundingClientRect().top <= 1));
  history.replaceState({ ...history.state, spot, top: spots[spot].getBoundingClientRect().top }, "");
});
let kept = history.state?.spot === undefined ? null : history.state;
function keepPlace() {
  if (kept) scrollBy({ top: spots[kept.spot].getBoundingClientRect().top - kept.top, behavior: "instant" });
}
if (kept) {
  history.scrollRestoration = "manual";
  for (const moved of ["wheel", "touchstart", "pointerdown", "keydown"]) {
    addEventListener(moved, () => { kept = null; }, { passive: true, once: true });
  }
  unfold(spots[kept.spot]);
  keepPlace();
}
