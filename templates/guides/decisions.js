"use strict";

// Reads a decision table (guides/picker/decisions.py says what its parts are). It knows nothing of what the table is about.
class Table {
  constructor(data) {
    Object.assign(this, data);
    this.names = Object.keys(data.facts);
    this.digits = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
  }

  // The fact's value for these choices; null when it does not hold.
  value(fact, choices) {
    const [pattern, ...values] = this.facts[fact];
    const [on, cells] = this.patterns[pattern];
    let at = 0;
    for (const number of on) {
      const [name, possible] = this.factors[number];
      at = at * possible.length + possible.indexOf(choices[name]);
    }
    return this.values[values[this.digits.indexOf(cells[at])]];
  }

  holding(group, choices) {
    return this.groups[group].map((fact) => this.value(this.names[fact], choices)).filter((value) => value !== null);
  }

  any(group, choices) {
    return this.groups[group].some((fact) => this.value(this.names[fact], choices) !== null);
  }

  count(group, choices) {
    return this.holding(group, choices).length;
  }

  sum(group, choices) {
    return this.holding(group, choices).reduce((total, value) => total + value, 0);
  }

  // The group with the smallest sum; the first of equal ones.
  least(groups, choices) {
    return groups.reduce((best, group) => (this.sum(group, choices) < this.sum(best, choices) ? group : best));
  }

  text(name, choices) {
    return this.texts[name].map((part) => this.part(part, choices)).join("");
  }

  part(part, choices) {
    if (typeof part === "string") return this.value(part, choices) ?? "";
    const [group, text] = part;
    return this.any(group, choices) ? text : "";
  }

  // These choices, and where one is unknown or shut the first that is not.
  allowed(choices) {
    const found = { ...choices };
    for (const [name, possible] of this.factors) {
      const open = possible.filter((choice) => !this.shut(name, choice, found));
      if (!open.includes(found[name])) found[name] = open[0];
    }
    return found;
  }

  shut(name, choice, choices) {
    const fact = `shut/${name}/${choice}`;
    return fact in this.facts && this.value(fact, choices) !== null;
  }
}

// Micro-dollars as guides/prices/amounts.py shows dollars: to the cent, or to two figures below a cent.
function usd(micro) {
  const figures = String(micro).length, unit = micro < 10000 ? 10 ** Math.max(0, figures - 2) : 10000;
  const rounded = Math.floor((micro + unit / 2) / unit) * unit;
  return micro === 0 ? "0" : (rounded / 1000000).toFixed(micro < 10000 ? 8 - figures : 2);
}
