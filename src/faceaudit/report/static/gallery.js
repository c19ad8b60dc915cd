// Pictures of one group or kind of error; of many, the first few.
const PICTURES = 12;

for (const tools of document.querySelectorAll(".filters")) {
  const [group, call] = tools.querySelectorAll("select"), told = tools.querySelector("[role=status]");
  const lists = [...tools.closest(".check").querySelectorAll("[data-gallery]")].map((list) => {
    const gallery = { list, items: [...list.children], total: Number(list.dataset.gallery), folded: true };
    gallery.more = moreButton(list.closest(".scroll") ?? list, () => { gallery.folded = !gallery.folded; show(); });
    return gallery;
  });
  const fits = ({ dataset }) => (!group.value || JSON.parse(dataset.groups).includes(group.value))
    && (!call.value || dataset.call === call.value);
  const show = () => {
    const all = !group.value && !call.value;
    let shown = 0;
    for (const { list, items, total, folded, more } of lists) {
      if (items.length < total && !(all && folded)) items.push(...furtherOf(list));
      const left = items.filter(fits), n = all ? total : left.length;
      const seen = folded ? left.slice(0, PICTURES) : left;
      list.replaceChildren(...seen);
      tellLeft(list, seen.length, total);
      more.hidden = n <= PICTURES;
      more.textContent = say(folded ? text.show_all_items : text.show_fewer, { all: n });
      shown += n;
    }
    told.textContent = all ? "" : say(text.images_shown, { shown, all: lists.reduce((sum, { total }) => sum + total, 0) });
  };
  tools.hidden = false;
  tools.addEventListener("change", show);
  show();
}
