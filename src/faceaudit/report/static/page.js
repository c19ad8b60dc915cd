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
  (on ? places : [...drawn]).forEach(draw);
};
addEventListener("beforeprint", () => paper(true));
addEventListener("afterprint", () => paper(false));

// One section in every idle moment, so that the page answers while it is laid out; then one
// curve, so that pictures of the whole page and prints have all.
const sections = [...document.querySelectorAll(".check > .details, .appendix > section")];
// A machine that is never idle gets one every half second all the same.
const whenIdle = (work) =>
  window.requestIdleCallback?.(work, { timeout: 500 }) ?? setTimeout(work, 20);
const layOut = () => {
  const section = sections.shift();
  if (!section) {
    document.documentElement.dataset.laidOut = "";
    const next = places.find((place) => !drawn.has(place));
    if (next) {
      draw(next);
      whenIdle(layOut);
    }
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
