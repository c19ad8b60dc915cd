// Pictures of one group or kind of error; of many, the first few.
const PICTURES = 12;

for (const tools of document.querySelectorAll(".filters")) {
  const [group, call] = tools.querySelectorAll("select"), told = tools.querySelector("[role=status]");
  const lists = [...tools.closest(".check").querySelectorAll("[data-gallery]")].map((list) => {
    const items = [...list.children], gallery = { items, folded: true };
    gallery.more = moreButton(list.closest(".scroll") ?? list, () => { gallery.folded = !gallery.folded; show(); });
    return gallery;
  });
  const fits = ({ dataset }) => (!group.value || JSON.parse(dataset.groups).includes(group.value))
    && (!call.value || dataset.call === call.value);
  const show = () => {
    let shown = 0;
    for (const { items, folded, more } of lists) {
      const left = items.filter(fits);
      for (const item of items) item.classList.toggle("filtered", !left.includes(item));
      left.forEach((item, i) => item.classList.toggle("folded", folded && i >= PICTURES));
      more.hidden = left.length <= PICTURES;
      more.textContent = say(folded ? text.show_all_items : text.show_fewer, { all: left.length });
      shown += left.length;
    }
    const all = lists.reduce((sum, { items }) => sum + items.length, 0);
    told.textContent = group.value || call.value ? say(text.images_shown, { shown, all }) : "";
  };
  tools.hidden = false;
  tools.addEventListener("change", show);
  show();
}
