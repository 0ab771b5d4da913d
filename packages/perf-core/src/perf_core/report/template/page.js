"use strict";
(async () => {
  const chart = document.getElementById("chart");
  const status = document.getElementById("chart-status");
  const logLatency = document.getElementById("log-latency");
  status.textContent = "Unpacking the figure …";

  const element = (id) => document.getElementById(id).textContent;
  try {
    const packed = Uint8Array.from(atob(element("plotly").trim()), (c) => c.charCodeAt(0));
    const unpacked = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
    const script = document.createElement("script");
    script.textContent = await new Response(unpacked).text();
    document.head.append(script);
  } catch (error) {
    status.textContent = `This browser could not unpack the figure (${error}); the tables below show the same run.`;
    return;
  }

  const figure = JSON.parse(element("figure"));
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const coarse = matchMedia("(pointer: coarse)");
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  // Over two decades or more, plotly would label twos and fives by their digit alone.
  function decades() {
    const values = figure.data.filter((trace) => trace.yaxis === "y").flatMap((trace) => trace.y).filter((value) => value > 0);
    const largest = values.reduce((a, b) => Math.max(a, b), 0);
    const smallest = values.reduce((a, b) => Math.min(a, b), Infinity);
    return largest > 100 * smallest ? { dtick: 1 } : {};
  }

  function layout() {
    const own = structuredClone(figure.layout);
    const axis = { gridcolor: colour("--grid"), linecolor: colour("--edge"), zerolinecolor: colour("--edge") };
    for (const key of Object.keys(own)) {
      if (/^[xy]axis/.test(key)) Object.assign(own[key], axis);
      if (/^legend/.test(key)) own[key].bgcolor = "rgba(0,0,0,0)";
    }
    Object.assign(own.xaxis, { showspikes: true, spikemode: "across", spikethickness: 1, spikedash: "dot", spikecolor: colour("--soft") });
    if (logLatency.checked) Object.assign(own.yaxis, { type: "log", rangemode: "normal", ...decades() });
    for (const shape of own.shapes) shape.fillcolor = colour(shape.name);
    return Object.assign(own, {
      width: chart.clientWidth,
      height: 90 + 60 + 150 * Number(chart.dataset.rows),
      margin: { l: 60, r: 12, t: 90, b: 60 },
      font: { family: getComputedStyle(document.body).fontFamily, size: 12, color: colour("--text") },
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      hoverlabel: { bgcolor: colour("--raised"), bordercolor: colour("--edge"), font: { color: colour("--text") } },
      uirevision: "keep the zoom when redrawn",
      // On a touch screen a drag must scroll the page, not zoom the figure.
      dragmode: coarse.matches ? false : "zoom",
    });
  }

  function traces() {
    return figure.data.map((trace) => trace.meta.scale
      ? { ...trace, colorscale: trace.meta.scale.map(([share, name]) => [share, colour(name)]) }
      : { ...trace, line: { ...trace.line, color: colour(trace.meta.colour) }, marker: { ...trace.marker, color: colour(trace.meta.colour) } });
  }

  // A stage's name is horizontal where its band is wide enough, else vertical, and left out where even that would touch
  // its neighbour.
  function placeStageLabels(own) {
    const [start, end] = own.xaxis.range;
    const pixels = (chart.clientWidth - own.margin.l - own.margin.r) / (end - start);
    let standing = false;
    own.annotations.filter((note) => note.name === "stage").forEach((note, index) => {
      const band = own.shapes[index];
      const width = (band.x1 - band.x0) * pixels;
      const flat = width > 7 * note.text.length + 6;
      note.visible = width > 13;
      note.textangle = flat ? 0 : -90;
      standing ||= note.visible && !flat;
    });
    own.margin.t = standing ? 120 : 54;
    return own;
  }

  async function draw() {
    const own = placeStageLabels(layout());
    await Plotly.react(chart, traces(), own, { displayModeBar: false });
  }

  status.hidden = true;
  await draw();
  logLatency.disabled = false;
  logLatency.addEventListener("change", draw);
  dark.addEventListener("change", draw);
  let width = chart.clientWidth;
  addEventListener("resize", () => {
    if (chart.clientWidth !== width) { width = chart.clientWidth; draw(); }
  });
})();
