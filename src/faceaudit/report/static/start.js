// What all parts of the script share: the data of the page, its words, and how numbers read.
const { name, title, made, text, thresholds } = JSON.parse(document.getElementById("data").textContent);

const say = (template, values) => template.replace(/\{(\w+)\}/g, (_, key) => values[key]);
const make = (tag, attributes, content = "") => {
  const element = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.textContent = content;
  return element;
};
const capitalised = (words) => words.charAt(0).toUpperCase() + words.slice(1);

// The numbers of a detail lie packed in the page until somebody asks for them.
const tables = {}, asked = new Map();
function numbers(key) {
  if (!asked.has(key)) asked.set(key, unpack(key));
  return asked.get(key);
}
async function unpack(key) {
  const packed = atob(document.getElementById(`numbers-${key}`).textContent);
  const bytes = Uint8Array.from(packed, (letter) => letter.charCodeAt());
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return (tables[key] = JSON.parse(await new Response(stream).text()));
}

// The threshold that is shown, as its place among those that can be.
const { values: grid, audited } = thresholds;
let at = audited;
const exact = (value) => Number(value.toPrecision(6)).toString();
const atThreshold = () => say(text.at_threshold, { value: exact(grid[at]) });

// The value of a table's cell at a threshold; null where it has none there.
function valueOf(data, i, column, place = at) {
  const moved = place === audited || !data.moves ? undefined : data.moves[column];
  return moved === undefined ? data.rows[i][column] : moved && moved[place][i];
}

// As numbers.py writes them.
function write(value, kind) {
  if (value === null || value === undefined) return "–";
  if (typeof value === "boolean") return value ? text.yes : text.no;
  if (typeof value !== "number") return String(value);
  const size = Math.abs(value);
  switch (kind) {
    case "count": return value.toLocaleString("en-US");
    case "percent": {
      if (value > 0 && value < 0.00005) return "< 0.01\u202f%";
      const fine = (size > 0 && size < 0.00095) || (value > 0.99905 && value < 1);
      return `${signed(fixed(100 * value, fine ? 2 : 1))}\u202f%`;
    }
    case "points": {
      const points = fixed(100 * value, 1);
      return `${Number(points) ? signed(value > 0 ? `+${points}` : points) : "0.0"}\u202fpts`;
    }
    case "p": return value < 0.001 ? "< 0.001" : fixed(value, 3);
    case "ratio": return `${fixed(value, 2)}×`;
    default: {
      if (size > 0 && size < 0.001) return value > 0 ? "< 0.001" : "> −0.001";
      const decimals = size < 1 ? 3 : size < 10 ? 2 : size < 100 ? 1 : 0;
      return signed(fixed(value, decimals));
    }
  }
}
const signed = (number) => number.replace("-", "−");
// A tie goes to the even digit, as in Python; toFixed takes it upwards.
function fixed(value, digits) {
  const rounded = value.toFixed(digits);
  const tie = Math.abs(value * 2 ** (digits + 1) % 2) === 1;
  return tie && rounded.at(-1) % 2 ? (value * (1 - 2 ** -52)).toFixed(digits) : rounded;
}

function interval(low, high, kind) {
  if (low === null || low === undefined || high === null || high === undefined) return "";
  const first = write(low, kind), last = write(high, kind);
  if (first === last && /^[<>]/.test(first)) return first;
  const unit = last.replace(/^[<> +0-9.,−]+/, "");
  const between = kind === "points" || low < 0 ? ` ${text.to} ` : "–";
  return `${unit ? first.replace(unit, "") : first}${between}${last}`;
}
const withInterval = (value, low, high, kind) => {
  const ends = interval(low, high, kind);
  return write(value, kind) + (ends && ` (${ends})`);
};

const nearest = (places, wanted) => {
  let best = 0;
  places.forEach((x, i) => { if (Math.abs(x - wanted) < Math.abs(places[best] - wanted)) best = i; });
  return best;
};

// The address has a place and a threshold: #group-error-rates-2&t=0.28
const inAddress = () => location.hash.slice(1).split("&").filter(Boolean);
const placeInAddress = () => inAddress().find((part) => !part.startsWith("t=")) ?? "";
const address = (place) => [place, at !== audited && `t=${exact(grid[at])}`].filter(Boolean).join("&");
