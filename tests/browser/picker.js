// Drives the picker by its controls, and reads its answers from what is seen.
window.driver = (() => {
  // Chromium takes parts of a drawing for visible, whatever hides them.
  const seen = element => !element.closest("[hidden]") && element.checkVisibility();
  const all = (selector, within = document) => [...within.querySelectorAll(selector)].filter(seen);
  const control = (name, value) => document.querySelector(`input[name="${name}"][value="${value}"]`);
  const amount = text => Number(text.replace(/[^\d.]/g, ""));
  const number = name => Number(all(`dl [data-count="${name}"]`)[0].textContent);
  const tails = (attribute, prefix) => [...new Set(all(`[${attribute}^="${prefix}"]`)
    .map(element => element.getAttribute(attribute).split(" ")[0].slice(prefix.length)))];

  function choose(choices) {
    // A choice may open others further down: two rounds settle all.
    for (let round = 0; round < 2; round += 1)
      for (const [name, value] of Object.entries(choices))
        if (!control(name, value).checked && !control(name, value).disabled) control(name, value).click();
    return answers();
  }

  function answers() {
    const drawn = all("[data-mark^='node/']");
    const roles = new Set([...document.querySelectorAll("[data-show^='function/']")]
      .map(element => element.dataset.show.split("/")[2]));
    const where = Object.fromEntries(drawn.map(node => [node.dataset.mark.split(" ")[0].slice("node/".length), node.dataset.cloud]));
    return {
      clouds: [...new Set(all("[data-summary] [data-any^='holds/']").map(mark => mark.dataset.any.split("/")[1]))].sort(),
      stacks: document.querySelector("[data-text=stacks]").textContent.trim().split(/\s+/),
      functions: tails("data-show", "function/").sort(),
      drawn: drawn.map(node => [node.dataset.cloud, node.dataset.mark.split(" ")[0].slice("node/".length)])
        .filter(([, id]) => roles.has(id)).map(parts => parts.join("/")).sort(),
      endpoints: tails("data-show", "endpoint/").sort(),
      links: Object.fromEntries(tails("data-show", "link_is/").map(tail => tail.split("/").reverse())),
      remote: tails("data-show", "link_is/remote/").sort(),
      counts: Object.fromEntries(["function", "endpoint", "link_is/remote", "link_is/local"].map(name => [name, number(name)])),
      hops: Number(all("dl [data-value=hops]")[0].textContent),
      costs: [...document.querySelectorAll("[data-amounts] tr:first-child [data-sum]")].map(cell => amount(cell.textContent)),
      cheapest: amount(all("dl [data-best]")[0].querySelector("[data-sum]").textContent),
      yaml: document.getElementById("yaml").textContent,
      astray: all("[data-mark^='edge/']").filter(edge => {
        const [source, target] = edge.dataset.mark.split(" ")[0].slice("edge/".length).split(":").map(id => where[id]);
        return !source || !target || (edge.dataset.way === "remote") !== (source !== target && ![source, target].includes("outside"));
      }).map(edge => edge.dataset.mark),
    };
  }

  const choices = () => Object.fromEntries([...document.querySelectorAll("form input:checked")].map(({ name, value }) => [name, value]));
  const shut = () => [...document.querySelectorAll("form input:disabled")].map(({ name, value }) => `${name}/${value}`)
    .filter(each => !each.endsWith("/none"));

  // What has the focus, and how that is seen: an outline of it, or of the label around it.
  function focus() {
    const element = document.activeElement;
    if (!element || element === document.body) return null;
    const ring = [element, element.closest("label")].filter(Boolean).map(each => getComputedStyle(each))
      .filter(style => style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2);
    return { name: element.name || element.id || element.textContent.trim(), ring: ring.length ? ring[0].outlineColor : "" };
  }

  return { choose, answers, choices, shut, focus };
})();
