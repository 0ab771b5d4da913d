"use strict";
(async () => {
  const chart = document.getElementById("chart");
  const status = document.getElementById("chart-status");
  const element = (id) => document.getElementById(id).textContent;
  try {
    const packed = Uint8Array.from(atob(element("plotly").trim()), (c) => c.charCodeAt(0));
    const unpacked = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
    const script = document.createElement("script");
    script.textContent = await new Response(unpacked).text();
    document.head.append(script);
  } catch (error) {
    status.textContent = `This browser could not unpack the figure (${error}); the table below has the same data.`;
    return;
  }

  const figure = JSON.parse(element("figure"));
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  function layout() {
    const result = structuredClone(figure.layout);
    const narrow = chart.clientWidth < 560;
    for (const key of Object.keys(result)) {
      if (/^[xy]axis/.test(key)) {
        Object.assign(result[key], { gridcolor: colour("--grid"), linecolor: colour("--edge"), zerolinecolor: colour("--edge"), fixedrange: true });
        if (narrow && key.startsWith("y")) result[key].ticktext = result[key].ticktext.map((label) => label.replace(/,? (?=\S+ \S+$|\S+$)/, "<br>"));
        // Labels keep their size on a narrow page, so they need a larger share of the axis.
        if (narrow && key === "xaxis") Object.assign(result[key], { range: [0, result[key].range[1] * 1.5], nticks: 4 });
        if (narrow && key === "xaxis2") Object.assign(result[key], { range: [result[key].range[0], result[key].range[1] + 2.5], dtick: 2 });
      }
    }
    return Object.assign(result, {
      width: chart.clientWidth,
      height: 760,
      margin: { l: narrow ? 86 : 150, r: 12, t: narrow ? 100 : 64, b: 36 },
      // On a narrow page, the legend takes two lines and is above the title instead of beside it.
      legend: { orientation: "h", x: 1, xanchor: "right", y: narrow ? 1.05 : 1, yanchor: "bottom", bgcolor: "rgba(0,0,0,0)", itemclick: false, itemdoubleclick: false },
      font: { family: getComputedStyle(document.body).fontFamily, size: 13, color: colour("--text") },
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      hoverlabel: { bgcolor: colour("--raised"), bordercolor: colour("--edge"), font: { color: colour("--text") } },
      dragmode: false,
    });
  }

  function traces() {
    return figure.data.map((trace) => {
      if (!trace.meta) return trace;
      const copy = { ...trace, marker: { ...trace.marker, color: colour(trace.meta.colour) } };
      if (trace.line) copy.line = { ...trace.line, color: colour(trace.meta.colour) };
      if (trace.error_x) copy.error_x = { ...trace.error_x, color: colour(trace.meta.colour) };
      return copy;
    });
  }

  const draw = () => Plotly.react(chart, traces(), layout(), { displayModeBar: false });
  status.hidden = true;
  await draw();
  dark.addEventListener("change", draw);
  let width = chart.clientWidth;
  addEventListener("resize", () => {
    if (chart.clientWidth !== width) { width = chart.clientWidth; draw(); }
  });
})();
