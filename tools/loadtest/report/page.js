"use strict";
// Draws comparisons of two servers and the results of runs. Every run has a colour that is the same in all its charts;
// of the two servers of a comparison the first has the first colour.
(() => {
  const {runs: allRuns, comparisons} = JSON.parse(document.getElementById("results").textContent);
  const main = document.getElementById("main");
  const charts = [];
  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const colour = (index) => css(`--run${index % 6}`);

  const element = (name, attributes = {}, ...children) => {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children);
    return made;
  };
  const number = (value, digits) => value.toLocaleString("en", {maximumFractionDigits: digits, minimumFractionDigits: 0});
  const sensible = (value) => number(value, value >= 100 ? 0 : value >= 10 ? 1 : value >= 1 ? 2 : 3);
  const duration = (us) => us == null ? "–" : us >= 1e6 ? sensible(us / 1e6) + " s" : us >= 1e3 ? sensible(us / 1e3) + " ms" : sensible(us) + " µs";
  const bytes = (value) => value == null ? "–" : value >= 2 ** 30 ? sensible(value / 2 ** 30) + " GiB"
    : value >= 2 ** 20 ? sensible(value / 2 ** 20) + " MiB" : value >= 1024 ? sensible(value / 1024) + " KiB" : sensible(value) + " B";
  const rate = (value) => value == null ? "–" : sensible(value) + "/s";
  const percent = (value) => value == null ? "–" : sensible(value) + " %";

  const listed = (words) => words.length < 2 ? words.join("") : words.slice(0, -1).join(", ") + " and " + words.at(-1);
  function summary() {
    const scenarios = [...new Set(allRuns.map((run) => run.scenario))];
    const servers = comparisons.length > 0 ? `${comparisons[0].a} and ${comparisons[0].b}` : "";
    document.title = [servers, scenarios.length > 0 ? `Load test: ${scenarios.join(", ")}` : ""].filter((text) => text).join("; ");
    document.querySelector("h1").textContent = document.title;
    const {machine, start, version} = comparisons[0] ?? allRuns[0];
    const what = [...(comparisons.length > 0 ? [`${comparisons.flatMap((one) => one.scenarios).length} scenarios compared`] : []),
      ...(allRuns.length > 0 ? [allRuns.length === 1 ? "one run" : `${allRuns.length} runs`] : [])];
    document.getElementById("summary").textContent =
      `${listed(what)}, from ${start.replace("T", " ").replace("Z", " UTC")}; `
      + `${machine.processor}, ${machine.cores} cores, ${bytes(machine.memory_bytes)}, ${machine.system}; `
      + `tidemark ${version}, ${machine.build} build`;
  }

  function table(heads, rows) {
    const cell = (tag, value) => {
      const made = element(tag);
      if (value instanceof Node) made.append(value); else made.textContent = value;
      return made;
    };
    return element("div", {class: "scroll"}, element("table", {},
      element("thead", {}, element("tr", {}, ...heads.map((head) => cell("th", head)))),
      element("tbody", {}, ...rows.map((row) => element("tr", {}, ...row.map((value) => cell("td", value)))))));
  }
  const keepAll = (_, splits) => splits;
  // Powers of ten and, where there are few of them, 2 and 5 of each.
  const logSplits = (plot, axis, low, high) => {
    const steps = Math.log10(high / low) > 2.5 ? [1] : [1, 2, 5];
    const ticks = [];
    for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); ++power)
      for (const step of steps) {
        const tick = step * 10 ** power;
        if (tick >= low * 0.999 && tick <= high * 1.001) ticks.push(tick);
      }
    return ticks;
  };
  const logRange = (_, low, high) => {
    if (low == null) return [1, 1000];
    return [Math.max(low, 1) / 1.3, Math.max(high, 2) * 1.3];
  };

  // One chart in a card. `series` are {label, points: [[x, y]...], run, dash, fill}; what a run lacks at some x is a gap.
  function chart(parent, title, note, series, options) {
    series = series.filter((one) => one.points.some(([, y]) => y != null));
    if (series.length === 0) return;
    const card = element("div", {class: "card"}, element("h3", {}, title), element("p", {class: "note"}, note));
    parent.append(card);
    const joined = uPlot.join(series.map((one) => [one.points.map((point) => point[0]), one.points.map((point) => point[1])]));
    const axis = {stroke: () => css("--faint"), font: "12px system-ui, sans-serif", ticks: {stroke: () => css("--line"), width: 1},
      grid: {stroke: () => css("--grid"), width: 1}};
    const size = () => ({width: Math.max(card.clientWidth - 30, 240), height: 250});
    const plot = new uPlot({
      ...size(),
      cursor: {sync: options.sync ? {key: options.sync} : undefined, points: {size: 6}},
      scales: {x: {time: false, ...options.x}, y: options.y},
      axes: [
        {...axis, ...(options.xLog ? {splits: logSplits, filter: keepAll} : {}), label: options.xLabel, labelSize: 22, labelFont: "12px system-ui, sans-serif",
          values: (_, ticks) => ticks.map((tick) => tick == null ? "" : options.xText(tick))},
        {...axis, ...(options.yLog ? {splits: logSplits, filter: keepAll} : {}), size: 74, values: (_, ticks) => ticks.map((tick) => tick == null ? "" : options.yText(tick))},
      ],
      series: [
        {label: options.xName, value: (_, value) => value == null ? "–" : options.xText(value)},
        ...series.map((one) => ({
          label: one.label, stroke: () => colour(one.run), width: one.width ?? 1.75, dash: one.dash, spanGaps: false,
          fill: one.fill ? () => colour(one.run) + "33" : undefined, paths: one.fill ? uPlot.paths.stepped({align: 1}) : undefined,
          points: {show: one.points.length < 3}, value: (_, value) => value == null ? "–" : options.yText(value),
        })),
      ],
    }, joined, card);
    charts.push(plot);
    new ResizeObserver(() => plot.setSize(size())).observe(card);
  }

  const timeAxis = {xName: "time", xLabel: "seconds since the warm-up ended", xText: (x) => `${number(x, 1)} s`, sync: "time"};
  const fromZero = {range: (_, low, high) => [0, Math.max(high * 1.08, 1e-9)]};
  // The run's buckets are finer than a picture: 20 bins for each factor of ten, as shares of all answers.
  function bins(figures) {
    const perDecade = 20;
    const counts = new Map();
    for (const [value, count] of figures.histogram) {
      const bin = Math.floor(Math.log10(Math.max(value, 1)) * perDecade);
      counts.set(bin, (counts.get(bin) ?? 0) + count);
    }
    const used = [...counts.keys()];
    if (used.length === 0) return [];
    const points = [];
    const low = Math.min(...used) - 1, high = Math.max(...used) + 1;
    for (let bin = low; bin <= high; ++bin)
      points.push([10 ** (bin / perDecade), 100 * (counts.get(bin) ?? 0) / figures.count]);
    return points;
  }
  // The charts of one or more runs, in `place`.
  function drawRuns(runs, place) {
    // What tells the runs apart: the label, else the address.
    const names = runs.map((run, index) => {
      const name = run.label || run.server.address;
      const same = runs.filter((other) => (other.label || other.server.address) === name).length > 1;
      return same ? `${name} · run ${index + 1}` : name;
    });
    const commands = [...new Set(runs.flatMap((run) => run.commands.map((command) => command.name)))];
    const command = (run, name) => run.commands.find((one) => one.name === name);
    const runName = (index) => {
      const name = element("span", {}, element("span", {class: "dot", style: `background: var(--run${index % 6})`}), names[index]);
      return name;
    };
    const verdict = (run) => {
      const good = run.verdict.ok;
      const text = good ? (run.verdict.harness_was_bottleneck ? "well, but the harness was the limit" : "every answer right") : "failed";
      return element("span", {class: good ? "good" : "bad", title: run.verdict.reasons.join("; ")}, text);
    };
    const load = (run) => run.settings.loop === "open"
      ? `open, ${sensible(run.settings.rate)}/s` : `closed, ${number(run.settings.connections, 0)} connections`;

    function runTable() {
      const section = place.appendChild(element("section"));
      section.append(element("h2", {}, "Runs"), table(
        ["run", "server", "load", "measured", "operations", "server CPU / operation", "server memory, peak", "memory / connection",
          "harness CPU, most", "answers checked", "verdict"],
        runs.map((run, index) => {
          const total = run.commands.reduce((sum, one) => sum + one.count, 0);
          const use = run.server_use;
          return [runName(index), `${run.server.address} (${run.server.transport})`, load(run), `${sensible(run.settings.duration_seconds)} s`,
            number(total, 0), duration(use?.cpu_us_per_operation), bytes(use?.pss_bytes_peak), bytes(use?.bytes_per_connection),
            percent(run.harness.cpu_max * 100), number(run.checks.answers, 0), verdict(run)];
        })));
      for (const [index, run] of runs.entries()) {
        for (const text of [...run.verdict.reasons, ...run.checks.examples])
          section.append(element("p", {class: "bad"}, `${names[index]}: ${text}`));
      }
    }

    const overTime = (run, value) => run.seconds.map((second) => [second.t, value(second)]);
    const perRun = (value, label = "") => runs.map((run, index) => ({label: names[index] + label, run: index, points: overTime(run, value)}));

    function overview() {
      const parent = place.appendChild(element("section", {class: "charts"}));
      const total = (second) => Object.values(second.commands).reduce((sum, one) => sum + one.rate, 0);
      chart(parent, "Throughput", "operations that ended well, all commands, per second", perRun(total),
        {...timeAxis, y: fromZero, yText: rate});
      chart(parent, "Server CPU", "processor time used within each second; 100 % is one core", perRun((second) =>
        second.server_cpu_seconds == null ? null : second.server_cpu_seconds * 100), {...timeAxis, y: fromZero, yText: percent});
      chart(parent, "Server memory", "proportional set size of all its processes", perRun((second) => second.server_pss_bytes),
        {...timeAxis, y: fromZero, yText: bytes});
      chart(parent, "Connections", "open at the end of each second", perRun((second) => second.connections),
        {...timeAxis, y: fromZero, yText: (value) => number(value, 0)});
      if (runs.some((run) => run.seconds.some((second) => second.errors || second.wrong)))
        chart(parent, "Errors and wrong answers", "in each second", [...perRun((second) => second.errors, ", errors"),
          ...perRun((second) => second.wrong, ", wrong").map((one) => ({...one, dash: [5, 4]}))],
        {...timeAxis, y: fromZero, yText: (value) => number(value, 0)});
      chart(parent, "Harness", "the busiest thread of the load test, share of one core: near 100 % it, not the server, is measured",
        perRun((second) => second.harness_cpu * 100), {...timeAxis, y: {range: [0, 105]}, yText: percent});
    }

    function commandSections() {
      const parent = place.appendChild(element("section"));
      for (const name of commands) {
        parent.append(element("h2", {}, name));
        const rows = [];
        for (const [index, run] of runs.entries()) {
          const one = command(run, name);
          if (!one) continue;
          const errors = Object.entries(one.errors).map(([kind, count]) => `${kind} ${count}`).join(", ");
          const latency = one.latency_us;
          rows.push([runName(index), number(one.count, 0), rate(one.per_second), duration(latency.p50), duration(latency.p90), duration(latency.p99),
            duration(latency.p999), duration(latency.max), errors ? element("span", {class: "bad"}, errors) : "none"]);
        }
        parent.append(table(["run", "count", "rate", "p50", "p90", "p99", "p99.9", "max", "errors"], rows));
        const row = element("div", {class: "charts"});
        parent.append(row);
        const series = runs.flatMap((run, index) => [["p50", 2.25, undefined], ["p99", 1.75, [7, 4]], ["max", 1, [2, 3]]].map(([key, width, dash]) => ({
          label: runs.length > 1 ? `${names[index]} ${key}` : key, run: index, width, dash,
          points: overTime(run, (second) => second.commands[name] ? Math.max(second.commands[name][key], 1) : null)})));
        chart(row, `${name}: latency over time`, "solid p50, dashed p99, dotted maximum of each second; logarithmic", series,
          {...timeAxis, y: {distr: 3, range: logRange}, yText: duration, yLog: true});
        chart(row, `${name}: how long answers took`, "share of all answers; logarithmic, 20 bins for each factor of ten",
          runs.map((run, index) => ({label: names[index], run: index, fill: true, points: command(run, name) ? bins(command(run, name)) : []})),
          {xName: "latency", xLabel: "latency", xText: duration, x: {distr: 3}, y: fromZero, yText: percent, xLog: true});
      }
    }

    runTable();
    overview();
    commandSections();
  }

  // --- comparisons

  const figure = (value, unit) => unit === "us" ? duration(value) : unit === "bytes" ? bytes(value) : `${sensible(value)} ${unit}`;
  const times = (value) => value.toFixed(value >= 100 ? 0 : value >= 10 ? 1 : 2);
  const svg = (name, attributes = {}) => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    return made;
  };
  // What all rows of a table share: from the least to the most of their ratios, and 1 among them.
  function ratioScale(measures) {
    const low = Math.log(Math.min(0.8, ...measures.map((one) => one.ratio.least)));
    const high = Math.log(Math.max(1.25, ...measures.map((one) => one.ratio.most)));
    return (value) => 8 + 204 * (Math.log(value) - low) / (high - low);
  }
  // A dot for the median on a line from the least to the most; the upright line is 1: both are as good.
  function ratioMark(ratio, at) {
    const made = svg("svg", {class: "ratio", width: 220, height: 18, role: "img",
      "aria-label": `${times(ratio.median)}, from ${times(ratio.least)} to ${times(ratio.most)}`});
    const better = `var(--run${ratio.median >= 1 ? 1 : 0})`;
    made.append(svg("line", {x1: at(1), x2: at(1), y1: 0, y2: 18, stroke: "var(--faint)", "stroke-dasharray": "2 2"}),
      svg("line", {x1: at(1), x2: at(ratio.median), y1: 9, y2: 9, stroke: better, "stroke-width": 6, opacity: 0.3}),
      svg("line", {x1: at(ratio.least), x2: at(ratio.most), y1: 9, y2: 9, stroke: better, "stroke-width": 1.5}),
      svg("circle", {cx: at(ratio.median), cy: 9, r: 4, fill: better}));
    return made;
  }
  const server = (index, name) => element("span", {}, element("span", {class: "dot", style: `background: var(--run${index})`}), name);

  const verdictOf = (target, {ratio}) => {
    if (!target) return "";
    const [text, kind] = ratio.median >= target.aim ? ["aim met", "good"] : ratio.median >= target.floor ? ["floor met", ""] : ["below floor", "bad"];
    return element("span", {class: kind}, text);
  };
  // `rows` are [name or node, measure, target or nothing]. Columns for targets are there if one row has one.
  function measureTable(comparison, rows, at) {
    const hasTargets = rows.some(([, , target]) => target);
    const made = table(["", server(0, comparison.a), server(1, comparison.b), "ratio", "least–most", ...(hasTargets ? ["floor → aim", "reached"] : []),
      `${comparison.b} better →, logarithmic`],
    rows.map(([name, measure, target]) => {
      const {unit, a_median, b_median, ratio} = measure;
      return [name, figure(a_median, unit), figure(b_median, unit), element("b", {}, times(ratio.median)),
        `${times(ratio.least)}–${times(ratio.most)}`,
        ...(hasTargets ? [target ? `${target.floor} → ${target.aim}` : "", verdictOf(target, measure)] : []), ratioMark(ratio, at)];
    }));
    made.classList.add("measures");
    return made;
  }

  function drawScenario(comparison, scenario, isOnly) {
    const section = main.appendChild(element("section", {class: "scenario", id: anchorOf(comparison, scenario)}));
    section.append(element("h2", {}, scenario.name), element("p", {class: "note"},
      `${scenario.description}${scenario.description ? "; " : ""}${scenario.count === 1 ? "one pair" : `${scenario.count} pairs`}`
      + `${scenario.count < 5 ? ", fewer than a ratio should have" : ""}`));
    for (const text of scenario.reasons) section.append(element("p", {class: scenario.ok ? "note" : "bad"}, text));
    if (!scenario.a) return;
    section.append(measureTable(comparison, scenario.measures.map((one, index) => [one.name, one, index === 0 ? scenario.target : null]),
      ratioScale(scenario.measures)));
    // Figures of another program have no course to draw.
    if (scenario.a.seconds.length === 0) return;
    const details = element("details", {}, element("summary", {}, "charts of the typical pair"));
    section.append(details);
    // Hundreds of charts are drawn when they are looked at.
    details.addEventListener("toggle", () => {
      if (details.open && details.childElementCount === 1)
        drawRuns([{...scenario.a, label: comparison.a}, {...scenario.b, label: comparison.b}], details.appendChild(element("div")));
    });
    details.open = isOnly;
  }

  const anchorOf = (comparison, scenario) => `scenario-${comparisons.indexOf(comparison)}-${comparison.scenarios.indexOf(scenario)}`;
  function drawComparison(comparison) {
    if (comparison.notes.length > 0)
      main.append(element("ul", {class: "notes"}, ...comparison.notes.map((text) => element("li", {}, text))));
    const good = comparison.scenarios.filter((one) => one.measures.length > 0);
    if (good.length > 1) {
      const rows = good.map((one) => [element("span", {}, element("a", {href: `#${anchorOf(comparison, one)}`}, one.name), `: ${one.measures[0].name}`,
        ...(one.ok ? [] : [element("span", {class: "bad"}, " (failed)")])), one.measures[0], one.target]);
      main.append(element("h2", {}, "All scenarios"), element("p", {class: "note"},
        `The first measure of each, medians. A ratio above 1: ${comparison.b} is that many times better; the line is from the least to the most of the pairs.`),
      measureTable(comparison, rows, ratioScale(rows.map((one) => one[1]))));
    }
    const without = comparison.scenarios.filter((one) => one.measures.length === 0);
    if (without.length > 0)
      main.append(element("p", {class: "bad"}, `Without a figure: ${listed(without.map((one) => one.name))}; the reasons are below.`));
    for (const scenario of comparison.scenarios) drawScenario(comparison, scenario, comparison.scenarios.length === 1);
  }

  summary();
  for (const comparison of comparisons) drawComparison(comparison);
  if (allRuns.length > 0) drawRuns(allRuns, main);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => charts.forEach((plot) => plot.redraw(false, true)));
  document.body.dataset.charts = charts.length;
})();
