"use strict";
// Draws the charts, and lets list, measure, shows and genres be chosen. Without it the tables are all there.
(() => {
  const read = (id) => JSON.parse(document.getElementById(id).textContent);
  const figures = read("figures");
  const drawings = read("drawings");
  const DAY = 86400000;
  const ERRORS = 1; // Vega warns of every chart that has no data yet.
  const SVG = "http://www.w3.org/2000/svg";
  const times = figures.days.map((day) => Date.parse(day + "T00:00:00Z"));
  const numbers = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });
  const dates = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" });
  const chosen = (name) => document.querySelector(`input[name="${name}"]:checked`).value;
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];

  // One tooltip for everything. Text only: nothing that TMDB sends becomes markup.
  const tip = document.getElementById("tip");
  const place = (x, y) => {
    const { offsetWidth: width, offsetHeight: height } = tip;
    tip.style.left = `${Math.max(8, Math.min(x + 14, document.documentElement.clientWidth - width - 8))}px`;
    tip.style.top = `${y - height - 12 < 8 ? y + 18 : y - height - 12}px`;
  };
  const showTip = (x, y, title, text) => {
    const strong = document.createElement("b");
    strong.textContent = title;
    tip.replaceChildren(...(title ? [strong] : []), document.createTextNode(text));
    tip.hidden = false;
    place(x, y);
  };
  const hideTip = () => { tip.hidden = true; };

  const MEASURES = {
    popularity: {
      lines: (list) => list.shows.map((line, key) => ({ ...line, key })),
      values: { popularity: (v) => `popularity ${numbers.format(v)}`, rank: (v) => `rank ${v}` },
    },
    genres: {
      lines: (list) => list.genres.map((line) => ({ ...line, key: line.id })),
      values: {
        share: (v) => `${numbers.format(v)} % of the list`,
        popularity: (v) => `mean popularity ${numbers.format(v)}`,
      },
    },
  };

  const pointsOf = (name, measure, keys, list) => {
    const say = MEASURES[name].values[measure];
    return MEASURES[name].lines(list).filter((line) => keys.has(line.key)).flatMap((line) => {
      const values = line[measure];
      return values.map((value, at) => ({
        t: times[at],
        // Ranks are drawn downwards, first place on top.
        v: value === null ? null : measure === "rank" ? -value : value,
        k: line.key, c: line.c, dashed: line.dashed, name: line.name,
        lone: value !== null && (values[at - 1] ?? null) === null && (values[at + 1] ?? null) === null,
        day: dates.format(times[at]), said: value === null ? "" : say(value),
      })).slice(list.first);
    });
  };
  const bandsOf = (list) => list.missing.map((day) => {
    const at = Date.parse(day + "T00:00:00Z");
    return { from: Math.max(times[0], at - DAY / 2), to: Math.min(times.at(-1), at + DAY / 2) };
  });
  const gapsSaid = (list) => {
    const days = list.missing.length;
    return days ? `Hatched: ${days === 1 ? "a day" : `${days} days`} without data.` : "";
  };

  // Places for names beside the ends of their lines: in their order, none over another, all within the height.
  const spread = (wanted, heights, bottom) => {
    const order = wanted.map((y, at) => at).sort((one, other) => wanted[one] - wanted[other]);
    const places = [];
    let top = 0;
    for (const at of order) {
      places[at] = Math.max(top + heights[at] / 2, wanted[at]);
      top = places[at] + heights[at] / 2;
    }
    for (const at of order.reverse()) {
      places[at] = Math.min(bottom - heights[at] / 2, places[at]);
      bottom = places[at] - heights[at] / 2;
    }
    return places;
  };

  class Chart {
    constructor(name, view) {
      this.name = name;
      this.view = view;
      this.points = [];
      this.plot = document.getElementById(`${name}-plot`);
      this.drawing = this.plot.parentElement;
      this.ends = this.drawing.querySelector(".ends");
      this.gaps = this.plot.closest("figure").querySelector("[data-gaps]");
      new ResizeObserver(() => this.nameEnds()).observe(this.drawing);
      this.view.addEventListener("pointermove", (_, item) => this.focus(item?.datum?.datum?.k ?? item?.datum?.k ?? -1));
      this.plot.addEventListener("pointerleave", () => { hideTip(); this.focus(-1); });
      this.listen();
    }
    static async make(name) {
      // The cell around a point holds the point; Vega-Lite makes the value of the cell's own fields, and has none.
      const tooltip = (_, event, item, value) => {
        const point = item?.datum?.datum ?? item?.datum;
        if (value && point) showTip(event.clientX, event.clientY, point.name, `${point.day}: ${point.said}`);
        else hideTip();
      };
      const options = { renderer: "svg", actions: false, defaultStyle: false, logLevel: ERRORS, tooltip };
      return new Chart(name, (await vegaEmbed(`#${name}-plot`, drawings[name], options)).view);
    }
    table() {
      return document.querySelector(`[data-list="${chosen("list")}"] table[data-chart="${this.name}"]`);
    }
    listen() {
      for (const row of all(`table[data-chart="${this.name}"] tr[data-key]`)) {
        const key = Number(row.dataset.key);
        row.addEventListener("change", () => { this.draw(); this.focus(key); });
        for (const on of ["pointerenter", "focusin"]) row.addEventListener(on, () => this.focus(key));
        for (const off of ["pointerleave", "focusout"]) row.addEventListener(off, () => this.focus(-1));
      }
    }
    focus(key) {
      const ticked = this.keys().has(key) ? key : -1;
      if (this.view.signal("focus") === ticked) return;
      this.view.signal("focus", ticked).runAsync();
      for (const row of all("tr[data-key]", this.table())) row.classList.toggle("lit", Number(row.dataset.key) === ticked);
      for (const end of all("[data-key]", this.ends)) end.classList.toggle("faded", ticked >= 0 && Number(end.dataset.key) !== ticked);
    }
    keys() {
      return new Set(all("tr[data-key]", this.table()).filter((row) => row.querySelector("input").checked).map((row) => Number(row.dataset.key)));
    }
    // Each line's name where it ends. Text only, as in the tooltip.
    nameEnds() {
      const bottom = this.ends.clientHeight;
      const [, top] = this.view.origin();
      const lasts = new Map(this.points.filter((point) => point.v !== null).map((point) => [point.k, point]));
      const lines = [...lasts.values()];
      const y = this.view.scale("y");
      const wanted = lines.map((point) => top + y(point.v));
      const ties = document.createElementNS(SVG, "svg");
      ties.setAttribute("class", "ties");
      const names = lines.map((point) => {
        const name = document.createElement("span");
        name.dataset.key = point.k;
        name.dir = "auto";
        name.title = name.textContent = point.name;
        return name;
      });
      this.ends.replaceChildren(ties, ...names);
      // A word that is wider than the room is no reason to break it: its name is shortened, the whole is its title.
      for (const name of names) name.classList.toggle("wide-word", name.scrollWidth > name.clientWidth);
      // Two lines a name where there is room, else one.
      const tall = () => names.map((name) => name.offsetHeight);
      this.ends.classList.remove("tight");
      if (tall().reduce((sum, height) => sum + height, 0) > bottom) this.ends.classList.add("tight");
      const places = spread(wanted, tall(), bottom);
      lines.forEach((point, at) => {
        names[at].style.top = `${places[at]}px`;
        const tie = document.createElementNS(SVG, "path");
        tie.dataset.key = point.k;
        tie.setAttribute("d", `M0 ${wanted[at]}H3L11 ${places[at]}H16`);
        tie.setAttribute("stroke", `var(--line-${point.c})`);
        if (point.dashed) tie.setAttribute("stroke-dasharray", "4 3");
        ties.append(tie);
      });
    }
    async draw() {
      const list = figures.lists[chosen("list")];
      this.drawing.hidden = list.days < 2;
      if (!this.drawing.hidden) this.view.width(this.plot.clientWidth);
      const measure = chosen(`${this.name}-measure`);
      this.view.signal("suffix", measure === "share" ? " %" : "");
      this.points = pointsOf(this.name, measure, this.keys(), list);
      this.view.data("points", this.points);
      this.view.data("missing", bandsOf(list));
      this.view.data("span", [{ t: times[list.first] }, { t: times.at(-1) }]);
      this.gaps.textContent = list.note || gapsSaid(list);
      await this.view.resize().runAsync();
      this.nameEnds();
    }
  }

  const calendarKeys = { ArrowUp: -1, ArrowDown: 1, ArrowLeft: -7, ArrowRight: 7 };
  const listenToCalendar = (svg) => {
    const days = all("rect", svg);
    const say = (day) => {
      const box = day.getBoundingClientRect();
      showTip(box.right, box.top, "", day.getAttribute("aria-label"));
    };
    svg.addEventListener("pointerover", (event) => (days.includes(event.target) ? say(event.target) : hideTip()));
    svg.addEventListener("pointerleave", hideTip);
    svg.addEventListener("focusin", (event) => event.target.matches(":focus-visible") && say(event.target));
    svg.addEventListener("focusout", hideTip);
    svg.addEventListener("keydown", (event) => {
      const next = days[days.indexOf(event.target) + (calendarKeys[event.key] ?? NaN)];
      if (event.key === "Escape") hideTip();
      if (!next) return;
      event.preventDefault();
      event.target.tabIndex = -1;
      next.tabIndex = 0;
      next.focus();
    });
  };

  // Offers by country and provider: the first rows that fit stand open, as many as without a filter; others a click away.
  const listenToOffers = () => {
    const filters = all("select[data-filter]");
    const panels = all(".panel.offers");
    if (!filters.length) return;
    const regions = new Intl.DisplayNames("en", { type: "region" });
    const countries = all('[data-filter="country"] option').filter((option) => /^[A-Z]{2}$/.test(option.value));
    for (const option of countries) option.textContent = regions.of(option.value);
    countries.sort((one, other) => one.textContent.localeCompare(other.textContent, "en"));
    countries.forEach((option) => option.parentElement.append(option));
    const value = (name) => filters.find((one) => one.dataset.filter === name).value;
    const filter = (panel) => {
      const country = value("country");
      const brand = value("brand");
      const rows = all("li", panel);
      const fits = (row) => (!country || row.dataset.countries.split(" ").includes(country)) && (!brand || row.dataset.brand === brand);
      const fitting = rows.filter(fits);
      const [first, ...folded] = all("ol", panel);
      const shown = Number(panel.dataset.shown);
      for (const row of rows) row.hidden = !fits(row);
      first?.append(...fitting.slice(0, shown));
      folded[0]?.append(...fitting.slice(shown), ...rows.filter((row) => row.hidden));
      for (const where of all(".where", panel)) where.hidden = Boolean(country);
      const details = panel.querySelector("details");
      const more = Math.max(0, fitting.length - shown);
      if (details) {
        details.hidden = !more;
        details.querySelector("summary").textContent = `${numbers.format(more)} more`;
      }
      panel.querySelector("[data-count]").textContent = numbers.format(fitting.length);
      panel.querySelector("[data-none]").hidden = fitting.length > 0;
    };
    // The page would be a quarter larger with every country written twice.
    for (const row of panels.flatMap((panel) => all("li", panel))) row.querySelector(".where").title = row.dataset.countries;
    const order = new Map(panels.flatMap((panel) => all("li", panel)).map((row, at) => [row, at]));
    const filterAll = () => panels.forEach((panel) => {
      const lists = all("ol", panel);
      if (!lists.length) return;
      // In their first order before they are parted anew.
      lists[0].append(...all("li", panel).sort((one, other) => order.get(one) - order.get(other)));
      filter(panel);
    });
    for (const one of filters) one.addEventListener("change", filterAll);
    filterAll();
  };

  const sayAge = () => {
    const line = document.querySelector(".age");
    const days = Math.floor((Date.now() - Date.parse(line.dataset.day + "T00:00:00Z")) / DAY);
    line.hidden = days < 1;
    line.textContent = days === 1 ? "This is yesterday’s report." : `This report is ${days} days old.`;
  };

  const start = async () => {
    document.documentElement.classList.add("js");
    sayAge();
    all(".calendars svg").forEach(listenToCalendar);
    listenToOffers();
    window.addEventListener("scroll", hideTip, { passive: true });
    window.addEventListener("beforeprint", () => all("details").forEach((one) => { one.open = true; }));
    const charts = await Promise.all(Object.keys(MEASURES).map(Chart.make));
    const chooseList = () => {
      for (const part of all("[data-list]")) part.hidden = part.dataset.list !== chosen("list");
      hideTip();
      return Promise.all(charts.map((chart) => chart.draw()));
    };
    const chooseSpan = () => {
      for (const part of all("[data-span]")) part.hidden = part.dataset.span !== chosen("span");
    };
    for (const input of all('input[name="list"]')) input.addEventListener("change", chooseList);
    for (const input of all('input[name="span"]')) input.addEventListener("change", chooseSpan);
    chooseSpan();
    for (const chart of charts)
      for (const input of all(`input[name="${chart.name}-measure"]`)) input.addEventListener("change", () => chart.draw());
    await chooseList();
    document.documentElement.dataset.drawn = "yes";
  };
  start();
})();
