"use strict";

// Fills in the page from the table. Each element says in data attributes which fact, group or text it shows.
class Picker {
  constructor(root, data) {
    this.root = root;
    this.table = new Table(data);
    this.presets = data.presets;
    this.start = data.start;
    this.form = root.querySelector("form");
    this.select = this.form.querySelector("select");
  }

  run() {
    for (const element of this.root.querySelectorAll("form, .copying")) element.hidden = false;
    this.form.addEventListener("change", ({ target }) => {
      const preset = target === this.select ? this.presets[target.value] : { [target.name]: target.value };
      if (preset) this.choose(preset);
    });
    this.form.addEventListener("submit", (event) => event.preventDefault());
    for (const button of this.each("copy")) button.addEventListener("click", () => this.copy(button));
    addEventListener("hashchange", () => {
      const found = this.fromAddress();
      if (Object.keys(found).length > 0) this.show(this.table.allowed({ ...this.start, ...found }));
    });
    this.show(this.table.allowed({ ...this.start, ...this.fromAddress() }));
  }

  // The choices that the address names; unknown ones are left to the table.
  fromAddress() {
    const named = new URLSearchParams(location.hash.slice(1));
    return Object.fromEntries(this.table.factors.flatMap(([name]) => (named.has(name) ? [[name, named.get(name)]] : [])));
  }

  address() {
    return `${location.href.split("#")[0]}#${new URLSearchParams(this.choices)}`;
  }

  choose(changed) {
    this.show(this.table.allowed({ ...this.choices, ...changed }));
    history.replaceState(null, "", this.address());
    this.say("changed", this.root.querySelector("[data-summary]").innerText.replace(/\s+/g, " "));
  }

  show(choices) {
    this.choices = choices;
    for (const input of this.form.elements) {
      if (input.type !== "radio") continue;
      input.checked = choices[input.name] === input.value;
      input.disabled = this.table.shut(input.name, input.value, choices);
    }
    const names = Object.keys(this.presets).filter((name) => this.same(this.presets[name]));
    this.select.value = names[0] ?? "";
    this.fill();
    this.bars();
    for (const drawing of this.each("fit")) this.fit(drawing);
  }

  same(preset) {
    return Object.entries(preset).every(([name, choice]) => this.choices[name] === choice);
  }

  fill() {
    const { table, choices } = this;
    for (const element of this.each("show")) element.hidden = table.value(element.dataset.show, choices) === null;
    for (const element of this.each("any")) element.hidden = !table.any(element.dataset.any, choices);
    for (const element of this.each("empty")) element.hidden = table.any(element.dataset.empty, choices);
    for (const element of this.each("value")) element.textContent = table.value(element.dataset.value, choices) ?? "";
    for (const element of this.each("count")) element.textContent = table.count(element.dataset.count, choices);
    for (const element of this.each("text")) element.textContent = table.text(element.dataset.text, choices);
    for (const element of this.each("usd")) element.textContent = usd(table.value(element.dataset.usd, choices) ?? 0);
    for (const element of this.each("sum")) element.textContent = usd(table.sum(element.dataset.sum, choices));
    for (const element of this.each("to")) element.setAttribute("href", table.value(element.dataset.to, choices) ?? "#main");
    for (const element of this.each("best")) {
      element.hidden = table.least(element.dataset.best.split(" "), choices) !== element.dataset.group;
    }
    // Parts of the drawing: what is not there is hidden, what is there gets the fact's value as an attribute.
    for (const element of this.each("mark")) {
      const [fact, attribute] = element.dataset.mark.split(" ");
      const value = table.value(fact, choices);
      element.toggleAttribute("hidden", value === null);
      element.setAttribute(attribute, value ?? "");
    }
  }

  // Amounts beside each other: a bar's length is its part of the largest.
  bars() {
    for (const body of this.each("amounts")) {
      const rows = [...body.querySelectorAll("[data-amount]")];
      const sums = rows.map((row) => this.table.sum(row.dataset.amount, this.choices));
      rows.forEach((row, i) => row.style.setProperty("--share", sums[i] / Math.max(1, ...sums)));
    }
  }

  // Cuts a drawing to what is shown of it.
  fit(region) {
    const margin = 8;
    const drawing = region.querySelector("svg");
    const { x, y, width, height } = drawing.getBBox();
    const size = [width + 2 * margin, height + 2 * margin];
    drawing.setAttribute("viewBox", [x - margin, y - margin, ...size].join(" "));
    drawing.setAttribute("width", size[0]);
    drawing.setAttribute("height", size[1]);
    drawing.style.setProperty("--natural", `${size[0]}px`);
    // Where it is wider than the screen, its first part is in the middle.
    const first = drawing.querySelector("[data-mark]:not([hidden])").getBoundingClientRect();
    const middle = region.getBoundingClientRect().left + region.clientWidth / 2;
    region.scrollLeft += first.left + first.width / 2 - middle;
  }

  async copy(button) {
    const source = this.root.getElementById(button.dataset.copy);
    const text = source ? source.textContent : this.address();
    const done = await this.toClipboard(text, source);
    this.say(button.dataset.say, done ? button.dataset.done : "Copying is not allowed here: press Ctrl+C.");
  }

  async toClipboard(text, source) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      if (!source) return false;
      getSelection().selectAllChildren(source);
      return false;
    }
  }

  // What a screen reader announces.
  say(where, text) {
    const region = this.root.getElementById(where);
    region.textContent = "";
    requestAnimationFrame(() => { region.textContent = text; });
  }

  each(name) {
    return this.root.querySelectorAll(`[data-${name}]`);
  }
}

new Picker(document, JSON.parse(document.getElementById("table").textContent)).run();
