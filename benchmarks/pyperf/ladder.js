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
    status.textContent = `This browser could not unpack the figure (${error}); the table below holds the same ladder.`;
    return;
  }

  const figure = JSON.parse(element("figure"));
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  function layout() {
    const own = structuredClone(figure.layout);
    const narrow = chart.clientWidth < 560;
    for (const key of Object.keys(own)) {
      if (/^[xy]axis/.test(key)) {
        Object.assign(own[key], { gridcolor: colour("--grid"), linecolor: colour("--edge"), zerolinecolor: colour("--edge"), fixedrange: true });
        if (narrow && key.startsWith("y")) own[key].ticktext = own[key].ticktext.map((words) => words.replace(/,? (?=\S+ \S+$|\S+$)/, "<br>"));
        // Words need the same room on a narrow page, which is a larger share of it.
        if (narrow && key === "xaxis") Object.assign(own[key], { range: [0, own[key].range[1] * 1.5], nticks: 4 });
        if (narrow && key === "xaxis2") Object.assign(own[key], { range: [own[key].range[0], own[key].range[1] + 2.5], dtick: 2 });
      }
    }
    return Object.assign(own, {
      width: chart.clientWidth,
      height: 760,
      margin: { l: narrow ? 86 : 150, r: 12, t: narrow ? 100 : 64, b: 36 },
      // On a narrow page the legend takes two lines and stands above the title instead of beside it.
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
      const own = { ...trace, marker: { ...trace.marker, color: colour(trace.meta.colour) } };
      if (trace.line) own.line = { ...trace.line, color: colour(trace.meta.colour) };
      if (trace.error_x) own.error_x = { ...trace.error_x, color: colour(trace.meta.colour) };
      return own;
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
