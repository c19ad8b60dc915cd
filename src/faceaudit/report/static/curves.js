// Curves, drawn by plotly, each with what its lines say at the threshold that is shown.
const style = () => getComputedStyle(document.documentElement);
const places = [...document.querySelectorAll("[data-curve]")];
const drawn = new Set();

function loadPlotly() {
  if (window.Plotly) return;
  const script = document.createElement("script");
  script.textContent = document.getElementById("plotly-source").textContent;
  document.head.append(script);
}

// Plotly reads a subset of HTML in its texts; long names would push the drawing aside.
const plain = (label) => (label.length > 60 ? `${label.slice(0, 59)}…` : label)
  .replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

// Bands come first, to lie below all lines.
function traces(series, colour) {
  const bands = [], lines = [];
  series.forEach(({ name, dash, x, y, low, high }, i) => {
    const own = colour(`series-${i % 8}`);
    const common = { type: "scatter", mode: "lines", name: plain(name), x, fillcolor: own + "26" };
    if (low && high) {
      const edge = { ...common, hoverinfo: "skip", line: { width: 0, color: own } };
      bands.push({ ...edge, y: low }, { ...edge, y: high, fill: "tonexty" });
    }
    lines.push({ ...common, y, line: { width: 2.5, dash, color: own } });
  });
  return [...bands, ...lines];
}

// The rows of a curve's table, to be downloaded.
const pointsOf = ({ series }) => series.flatMap(({ name, x, y, low, high }) =>
  x.map((place, i) => [name, place, y[i], low ? low[i] : null, high ? high[i] : null]));

// The lines that are no data: the marker, and where both axes are equal.
function uprights({ marker, slider, diagonal, series }) {
  const lines = [];
  if (diagonal && series.length) {
    const ends = series.flatMap(({ x }) => x), low = Math.min(...ends), high = Math.max(...ends);
    lines.push({ name: "diagonal", ink: "soft", x0: low, y0: low, x1: high, y1: high });
  }
  if (marker !== null) {
    const x = slider ? grid[at] : marker;
    lines.push({ name: "marker", ink: "ink", x0: x, x1: x, y0: 0, y1: 1, yref: "paper" });
  }
  return lines;
}

function draw(place) {
  loadPlotly();
  const curve = curves[place.dataset.curve];
  const css = style(), colour = (key) => css.getPropertyValue(`--${key}`).trim();
  const size = parseFloat(css.fontSize);
  const axis = (title, more) => ({
    gridcolor: colour("grid"), linecolor: colour("line"), zeroline: false, automargin: true,
    title: { text: plain(title), standoff: size * 0.6, font: { size: size * 0.8125 } }, ...more,
  });
  Plotly.react(place, traces(curve.series.slice(0, curve.drawn), colour), {
    xaxis: axis(curve.x_title, { type: curve.x_scale }),
    yaxis: axis(curve.y_title, curve.y_percent
      ? { tickformat: ".0%", hoverformat: ".1%", rangemode: "tozero" } : {}),
    shapes: uprights(curve).map(({ ink, ...shape }) => ({
      type: "line", ...shape, line: { color: colour(ink), width: 1.5, dash: "dot" },
    })),
    font: { family: css.getPropertyValue("--sans"), size: size * 0.8125, color: colour("soft") },
    paper_bgcolor: "transparent", plot_bgcolor: "transparent",
    margin: { l: 8, r: 12, t: 12, b: 8 }, hovermode: "x unified", dragmode: false,
    hoverlabel: { bgcolor: colour("raised"), bordercolor: colour("line"), font: { color: colour("ink") } },
    // The table below is the legend: it names every line with its colour and dashes.
    showlegend: false,
  }, { displayModeBar: false, responsive: true });
  drawn.add(place);
}
const movesThreshold = (place) => curves[place.dataset.curve].slider;

const nearest = (places, wanted) => {
  let best = 0;
  places.forEach((x, i) => { if (Math.abs(x - wanted) < Math.abs(places[best] - wanted)) best = i; });
  return best;
};

function moveReadout(key) {
  const curve = curves[key], kind = curve.y_percent ? "percent" : "number", value = grid[at];
  document.querySelector(`[data-output="${key}"]`).textContent = atThreshold();
  const table = document.querySelector(`[data-readout="${key}"]`);
  table.caption.textContent = atThreshold();
  curve.series.filter((series) => series.x.length).forEach((series, i) => {
    const k = nearest(series.x, value), { cells } = table.tBodies[0].rows[i];
    cells[1].textContent = write(series.y[k], kind);
    if (cells[2]) cells[2].textContent = interval(series.low?.[k], series.high?.[k], kind);
  });
}

function moveMarker(place) {
  const shapes = place.layout.shapes, i = shapes.findIndex((shape) => shape.name === "marker");
  if (shapes[i].x0 === grid[at]) return;
  place.dataset.at = grid[at];
  Plotly.relayout(place, { [`shapes[${i}].x0`]: grid[at], [`shapes[${i}].x1`]: grid[at] });
}
