// What all parts of the script share: the data of the page, its words, and how numbers read.
const { name, text, tables, curves, thresholds } = JSON.parse(document.getElementById("data").textContent);

const say = (template, values) => template.replace(/\{(\w+)\}/g, (_, key) => values[key]);
const make = (tag, attributes, content = "") => {
  const element = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.textContent = content;
  return element;
};

// The threshold that is shown, as its place among those that can be.
const { values: grid, audited } = thresholds;
let at = audited;
const exact = (value) => Number(value.toPrecision(6)).toString();
const atThreshold = () => say(text.at_threshold, { value: exact(grid[at]) });

// The value of a table's cell at the threshold that is shown; null where it has none there.
function valueOf(data, i, column) {
  const moved = at === audited || !data.moves ? undefined : data.moves[column];
  return moved === undefined ? data.rows[i][column] : moved && moved[at][i];
}

// As numbers.py writes them; what the threshold moves is rounded already.
function write(value, kind) {
  if (value === null || value === undefined) return "–";
  if (typeof value !== "number") return String(value);
  const size = Math.abs(value);
  switch (kind) {
    case "count": return value.toLocaleString("en-US");
    case "percent": {
      const fine = (size > 0 && size < 0.00095) || (value > 0.99905 && value < 1);
      return `${signed((100 * value).toFixed(fine ? 2 : 1))}\u202f%`;
    }
    case "points": {
      const points = (100 * value).toFixed(1);
      return `${Number(points) ? signed(value > 0 ? `+${points}` : points) : "0.0"}\u202fpts`;
    }
    default: {
      if (size > 0 && size < 0.001) return signed(value.toPrecision(2));
      const decimals = size < 1 ? 3 : size < 10 ? 2 : size < 100 ? 1 : 0;
      return signed(value.toFixed(decimals));
    }
  }
}
const signed = (number) => number.replace("-", "−");

function interval(low, high, kind) {
  if (low === null || low === undefined || high === null || high === undefined) return "";
  const first = write(low, kind), last = write(high, kind);
  const unit = last.replace(/^[+0-9.,−]+/, "");
  const between = kind === "points" || low < 0 ? ` ${text.to} ` : "–";
  return `${unit ? first.replace(unit, "") : first}${between}${last}`;
}
