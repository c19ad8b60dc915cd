// The page as a whole: long lists, printing, laying out bit by bit, the contents.
const PICTURES = 12;

function foldList(list) {
  const items = [...list.children];
  if (items.length <= PICTURES) return;
  let folded = true;
  const more = moreButton(list, () => { folded = !folded; fold(); });
  const fold = () => {
    items.forEach((item, i) => item.classList.toggle("folded", folded && i >= PICTURES));
    more.textContent = say(folded ? text.show_all_items : text.show_fewer, { all: items.length });
  };
  fold();
}

for (const table of document.querySelectorAll("table[data-table]")) enrich(table);
for (const list of document.querySelectorAll(".pictures")) foldList(list);
for (const tools of document.querySelectorAll("[data-csv]")) {
  const key = tools.dataset.csv;
  tools.append(csvButton(tables[key], curves[key] && (() => pointsOf(curves[key]))));
}
const watch = new IntersectionObserver((seen) => {
  for (const { isIntersecting, target } of seen) {
    if (!isIntersecting) continue;
    watch.unobserve(target);
    if (!drawn.has(target)) draw(target);
  }
}, { rootMargin: "1000px" });
for (const place of places) watch.observe(place);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => drawn.forEach(draw));
const opened = new Set();
const paper = (on) => {
  if (on) {
    for (const place of document.querySelectorAll("details:not([open])")) opened.add(place);
    showThreshold(true);
  }
  for (const place of opened) place.open = on;
  if (!on) opened.clear();
  document.documentElement.classList.toggle("printing", on);
  (on ? places.filter((place) => place.checkVisibility()) : [...drawn]).forEach(draw);
};
addEventListener("beforeprint", () => paper(true));
addEventListener("afterprint", () => paper(false));

// One section in every idle moment, so that the page answers while it is laid out; then one
// curve, so that pictures of the whole page and prints have all.
const sections = [...document.querySelectorAll(".check > .details, .appendix > section")];
// A machine that is never idle gets one every half second all the same.
const whenIdle = (work) =>
  window.requestIdleCallback?.(work, { timeout: 500 }) ?? setTimeout(work, 20);
// What is wider than the page scrolls by keyboard too.
function scrollable(section) {
  for (const place of section.querySelectorAll(".scroll")) {
    if (place.scrollWidth > place.clientWidth) place.tabIndex = 0;
  }
}
function layOutNext() {
  const section = sections.shift();
  section.classList.add("laid-out");
  scrollable(section);
}
addEventListener("toggle", ({ target }) => { if (target.open) scrollable(target); }, true);
scrollable(document.querySelector(".answer"));
const layOut = () => {
  if (!sections.length) {
    document.documentElement.dataset.laidOut = "";
    const next = places.find((place) => !drawn.has(place) && place.checkVisibility());
    if (next) {
      draw(next);
      whenIdle(layOut);
    }
    return;
  }
  layOutNext();
  whenIdle(layOut, { timeout: 300 });
};
whenIdle(layOut, { timeout: 300 });

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
look();

// What is linked to is not left folded.
const unfold = (place) => {
  for (let fold = place?.closest("details"); fold; fold = fold.parentElement.closest("details")) fold.open = true;
};
function reveal() {
  const place = document.getElementById(location.hash.slice(1));
  if (!place?.closest("details:not([open])")) return;
  unfold(place);
  place.scrollIntoView();
}
addEventListener("hashchange", reveal);
reveal();

// Reloaded, the page is where it was: sections are laid out as they were before.
const spots = () => [...document.querySelectorAll(".answer, .check, .appendix > section, .detail")];
addEventListener("pagehide", () => {
  const spot = spots().findLastIndex((place) => place.getClientRects().length && place.getBoundingClientRect().top <= 1);
  const top = spot < 0 ? scrollY : spots()[spot].getBoundingClientRect().top;
  history.replaceState({ ...history.state, spot, top }, "");
});
if (history.state?.spot !== undefined) {
  const { spot, top } = history.state;
  history.scrollRestoration = "manual";
  const place = spots()[spot];
  unfold(place);
  while (sections.length) layOutNext();
  scrollTo({ top: place ? scrollY + place.getBoundingClientRect().top - top : top, behavior: "instant" });
}
