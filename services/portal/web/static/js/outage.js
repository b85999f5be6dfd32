// An outage's chart: availability by minute as a line, the outage as an area; tickets, changes and hours of cost below.
// Times are those of the reader's clock, given as if they were UTC. Colours are the tokens themselves, so that theme and paper change them without drawing again.

const FONT = { fontFamily: "inherit", fontSize: 12 };

function lane(name, marks, height, symbol, color) {
  return {
    name,
    type: "scatter",
    xAxisIndex: 1,
    yAxisIndex: 1,
    symbol,
    symbolSize: 10,
    itemStyle: { color },
    data: marks.map((one) => ({ value: [one.at, height], name: one.title })),
    tooltip: { formatter: (point) => window.echarts.format.encodeHTML(point.name) },
  };
}

function option(chart, narrow) {
  const { words } = chart;
  const all = chart.minutes.map(([at]) => at);
  const first = Math.min(chart.start, ...all);
  const last = Math.max(chart.end, ...all);
  // On a phone every other time stands alone.
  const time = (at, place) => (narrow && place % 2 ? "" : window.echarts.time.format(at, "{HH}:{mm}", true));
  const line = { lineStyle: { color: "var(--line)" } };
  return {
    animation: false,
    useUTC: true,
    textStyle: FONT,
    aria: { enabled: true },
    tooltip: { trigger: "item", confine: true },
    legend: { top: 0, left: 0, itemGap: 18, textStyle: { color: "var(--ink-2)" } },
    grid: [
      { top: narrow ? 76 : 46, left: 52, right: 24, bottom: 104 },
      { height: 64, left: 52, right: 24, bottom: 26 },
    ],
    xAxis: [
      { type: "time", min: first, max: last, axisLabel: { show: false }, axisLine: line },
      { type: "time", gridIndex: 1, min: first, max: last, axisLine: line, axisLabel: { color: "var(--ink-2)", formatter: time, hideOverlap: true } },
    ],
    yAxis: [
      { type: "value", min: 0, max: 100, axisLabel: { color: "var(--ink-2)", formatter: "{value}%" }, splitLine: line },
      { type: "value", gridIndex: 1, min: -0.5, max: 2.5, show: false },
    ],
    series: [
      {
        name: words.availability,
        type: "line",
        showSymbol: chart.minutes.length < 60,
        data: chart.minutes,
        lineStyle: { color: "var(--efficiency)" },
        itemStyle: { color: "var(--efficiency)" },
        markArea: {
          silent: true,
          itemStyle: { color: "var(--bad-mark)", opacity: 0.14 },
          data: [[{ name: words.outage, xAxis: chart.start, label: { color: "var(--ink-2)" } }, { xAxis: chart.end }]],
        },
      },
      lane(words.costs, chart.costs, 2, "rect", "var(--bad-mark)"),
      lane(words.tickets, chart.tickets, 1, "circle", "var(--warn-mark)"),
      lane(words.changes, chart.changes, 0, "diamond", "var(--ink-2)"),
    ],
  };
}

for (const element of document.querySelectorAll("[data-outage]")) {
  const chart = JSON.parse(element.dataset.outage);
  element.hidden = false;
  const name = element.getAttribute("aria-label");
  const drawn = window.echarts.init(element, null, { renderer: "svg", locale: chart.language === "zh" ? "ZH" : "EN" });
  drawn.setOption(option(chart, element.clientWidth < 480));
  element.setAttribute("aria-label", name);
  new ResizeObserver(() => drawn.resize()).observe(element);
}
