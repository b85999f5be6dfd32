// The board's chart: tickets a day as bars, broken promises and changes in lanes of their own under the same days.
// Colours are the tokens themselves, so that theme and paper change them without drawing again.

export const FONT = { fontFamily: "inherit", fontSize: 12 };
const SHAPES = {
  standard: { symbol: "circle", symbolSize: 9, color: "var(--pause-mark)" },
  normal: { symbol: "diamond", symbolSize: 12, color: "var(--ink-2)" },
  emergency: { symbol: "triangle", symbolSize: 12, color: "var(--warn-mark)" },
};
const OCTAGON = "path://M4 1h4l3 3v4l-3 3H4L1 8V4z";
// A4 less margins and the card's padding.
const PAPER_WIDTH = 630;

function bars(chart, name, color, opacity) {
  return {
    name: chart.words[name],
    type: "bar",
    stack: "tickets",
    data: chart[name],
    barCategoryGap: "42%",
    itemStyle: { color, opacity },
    emphasis: { disabled: true },
  };
}

function lane(name, data, height, look, label) {
  return {
    name,
    type: "scatter",
    xAxisIndex: 1,
    yAxisIndex: 1,
    data: data.map((one) => ({ ...one, value: [one.value, height] })),
    ...look,
    itemStyle: { color: look.color, opacity: 1 },
    label,
    emphasis: { disabled: true },
    cursor: "default",
  };
}

function option(chart, narrow) {
  const { words } = chart;
  const axis = { axisTick: { show: false }, axisLine: { lineStyle: { color: "var(--line)" } } };
  const count = chart.days.length;
  const broken = chart.breached
    .map((value, day) => ({ value: day + 0.5, count: value, alone: !chart.breached[day + 1], name: chart.days[day] }))
    .filter((one) => one.count > 0);
  const laneNames = [words.changes, words.breached];
  const changes = Object.entries(SHAPES).map(([kind, look]) => {
    const marks = chart.changes.filter((one) => one.kind === kind);
    return lane(words[kind], marks.map((one) => ({ value: one.at, name: one.title })), 0, look, { show: false });
  });
  const left = narrow ? 34 : 112;
  return {
    animation: false,
    textStyle: FONT,
    aria: { enabled: true },
    grid: [
      { top: 30, left, right: 14, bottom: 92 },
      { height: 48, left, right: 14, bottom: 30 },
    ],
    tooltip: {
      trigger: "axis",
      renderMode: "richText",
      backgroundColor: "var(--surface)",
      borderColor: "var(--line)",
      padding: [8, 12],
      textStyle: { ...FONT, color: "var(--ink)", lineHeight: 18 },
      axisPointer: { type: "shadow", shadowStyle: { color: "var(--hover)", opacity: 0.6 } },
      formatter: (points) => {
        const day = points.find((one) => one.axisIndex === 0)?.dataIndex ?? points[0].dataIndex;
        const rows = ["opened", "reopened", "resolved", "breached"].map((name) => `${words[name]}  ${chart[name][day]}`);
        const held = chart.changes.filter((one) => Math.floor(one.at) === day).map((one) => one.title);
        return [chart.days[day], ...rows, ...held].join("\n");
      },
    },
    xAxis: [
      {
        ...axis,
        type: "category",
        data: chart.labels,
        axisLabel: { show: false },
        splitLine: { show: false },
      },
      {
        ...axis,
        type: "value",
        gridIndex: 1,
        min: 0,
        max: count,
        axisLabel: { show: false },
        splitLine: { show: false },
        axisPointer: { show: false },
      },
      {
        type: "category",
        gridIndex: 1,
        position: "bottom",
        data: chart.labels,
        axisLine: { show: false },
        axisTick: { show: false },
        axisPointer: { show: false },
        axisLabel: { ...FONT, color: "var(--ink-2)", hideOverlap: true, interval: every(chart, narrow) },
      },
    ],
    yAxis: [
      {
        type: "value",
        name: words.tickets,
        minInterval: 1,
        nameGap: 12,
        nameTextStyle: { ...FONT, color: "var(--ink-2)", align: "right" },
        axisLabel: { ...FONT, color: "var(--ink-2)" },
        splitNumber: 3,
        splitLine: { lineStyle: { color: "var(--line-soft)" } },
      },
      {
        type: "category",
        gridIndex: 1,
        data: laneNames,
        axisLine: { show: false },
        axisTick: { show: false },
        axisLabel: narrow ? { show: false } : { ...FONT, color: "var(--ink-2)" },
        splitLine: { show: false },
      },
    ],
    series: [
      bars(chart, "opened", "var(--pause-mark)", 0.55),
      bars(chart, "reopened", "var(--ink-2)", 1),
      {
        name: words.resolved,
        type: "line",
        data: chart.resolved,
        symbol: "none",
        lineStyle: { color: "var(--ink-3)", width: 1.5, type: [4, 3] },
        itemStyle: { color: "var(--ink-3)" },
        emphasis: { disabled: true },
      },
      lane(words.breached, broken, 1, { symbol: OCTAGON, symbolSize: 11, color: "var(--bad-mark)" }, {
        show: !narrow && count <= 45,
        position: "right",
        distance: 2,
        ...FONT,
        fontSize: 11,
        color: "var(--bad)",
        formatter: (point) => (point.data.count > 1 && point.data.alone ? String(point.data.count) : ""),
      }),
      ...changes,
    ],
  };
}

// Which days carry a label: the first, every fifth of a month, fewer when there are many.
function every(chart, narrow) {
  const count = chart.days.length;
  if (count <= 10 && !narrow) return 0;
  if (count <= 45) return (place) => place % 5 === 0;
  const step = Math.ceil(count / (narrow ? 5 : 12));
  return (place) => place % step === 0;
}

export function draw(element, chart, make) {
  element.hidden = false;
  for (const key of element.parentElement.querySelectorAll(".chart-key")) key.hidden = false;
  const locale = chart.language === "zh" ? "ZH" : "EN";
  const drawn = window.echarts.init(element, null, { renderer: "svg", locale });
  const narrow = () => element.clientWidth < 560;
  let small = narrow();
  const name = element.getAttribute("aria-label");
  const named = () => element.setAttribute("aria-label", name);
  drawn.setOption(make(chart, small));
  named();
  new ResizeObserver(() => {
    if (narrow() !== small) {
      small = !small;
      drawn.setOption(make(chart, small), true);
      named();
    }
    drawn.resize();
  }).observe(element);
  window.addEventListener("beforeprint", () => drawn.resize({ width: PAPER_WIDTH }));
  window.addEventListener("afterprint", () => drawn.resize({ width: "auto" }));
}

for (const element of document.querySelectorAll("[data-chart]")) draw(element, JSON.parse(element.dataset.chart), option);
