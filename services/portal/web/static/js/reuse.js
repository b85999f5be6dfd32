// Reuse on the roadmap: resolutions with an article by month, and shares over the running total of them.

// The version of the page's own address goes on, so that no older file is mixed in.
const { draw, FONT } = await import(`./board.js${new URL(import.meta.url).search}`);

const LOOKS = {
  unaided: { symbol: "circle", color: "var(--experience-mark)", line: "solid" },
  helped: { symbol: "diamond", color: "var(--efficiency-mark)", line: [4, 3] },
};
const LABEL = { ...FONT, color: "var(--ink-2)" };
const AXIS = { axisTick: { show: false }, axisLine: { lineStyle: { color: "var(--line)" } } };
const LINES = { splitLine: { lineStyle: { color: "var(--line-soft)" } } };

function shell(narrow, formatter) {
  return {
    animation: false,
    textStyle: FONT,
    aria: { enabled: true },
    grid: { top: 16, left: narrow ? 44 : 64, right: 20, bottom: 44 },
    tooltip: {
      trigger: "item",
      renderMode: "richText",
      backgroundColor: "var(--surface)",
      borderColor: "var(--line)",
      padding: [8, 12],
      textStyle: { ...FONT, color: "var(--ink)", lineHeight: 18 },
      formatter,
    },
  };
}

function months(chart, narrow) {
  const { words } = chart;
  return {
    ...shell(narrow, ({ dataIndex: at }) =>
      [chart.months[at], `${words.used}  ${chart.used[at]}`, `${words.total}  ${chart.totals[at]}`].join("\n"),
    ),
    xAxis: {
      ...AXIS,
      type: "category",
      data: chart.months,
      axisLabel: { ...LABEL, hideOverlap: true },
    },
    yAxis: { type: "value", minInterval: 1, axisLabel: LABEL, splitNumber: 3, ...LINES },
    series: [
      {
        name: words.used,
        type: "bar",
        data: chart.used,
        barCategoryGap: "42%",
        itemStyle: { color: "var(--efficiency-mark)" },
        emphasis: { disabled: true },
      },
    ],
  };
}

function growth(chart, narrow) {
  const { words } = chart;
  return {
    ...shell(narrow, ({ data, seriesName }) => `${data.name}\n${seriesName}  ${data.value[1]} %\n${words.total}  ${data.value[0]}`),
    xAxis: {
      ...AXIS,
      type: "value",
      name: words.total,
      nameLocation: "middle",
      nameGap: 26,
      nameTextStyle: LABEL,
      minInterval: 1,
      scale: true,
      axisLabel: { ...LABEL, hideOverlap: true },
      splitLine: { show: false },
    },
    yAxis: { type: "value", min: 0, max: 100, axisLabel: { ...LABEL, formatter: "{value} %" }, interval: 25, ...LINES },
    series: Object.entries(LOOKS).map(([name, look]) => ({
      name: words[name],
      type: "line",
      symbol: look.symbol,
      symbolSize: 8,
      data: chart.totals
        .map((total, at) => ({ value: [total, chart.shares[name][at]], name: chart.months[at] }))
        .filter((one) => one.value[1] !== null),
      lineStyle: { color: look.color, width: 1.5, type: look.line },
      itemStyle: { color: look.color, opacity: 1 },
      emphasis: { disabled: true },
    })),
  };
}

const OPTIONS = { months, growth };
for (const element of document.querySelectorAll("[data-reuse]")) {
  draw(element, JSON.parse(element.dataset.reuse), OPTIONS[element.dataset.option]);
}
