// What tests ask of a page that is laid out. Each probe answers sentences; none, where all is well.
window.probe = (() => {
  const SLACK = 1; // half pixels, and what fonts reach beyond their box
  const say = element => {
    const text = (element.getAttribute("aria-label") || element.textContent).trim().replace(/\s+/g, " ").slice(0, 50);
    return `${element.tagName.toLowerCase()}${element.id && "#" + element.id}.${element.getAttribute("class") || ""} "${text}"`;
  };
  const style = getComputedStyle;
  const scrolls = element => ["auto", "scroll"].includes(style(element).overflowX);
  const seen = element => element.checkVisibility({ visibilityProperty: true }) && element.getClientRects().length > 0;
  // Kept for those who listen, or until the keyboard reaches it.
  const hidden = element => element.closest("[class*=visually-hidden], .skip") !== null
    || style(element).clipPath !== "none" || (element.parentElement && hidden(element.parentElement));
  const all = selector => [...document.querySelectorAll(selector)].filter(seen);
  const region = element => element.closest("[role=region][tabindex='0']");
  const within = (inner, outer, slack = SLACK) => inner.left >= outer.left - slack && inner.right <= outer.right + slack
    && inner.top >= outer.top - slack && inner.bottom <= outer.bottom + slack;
  const ownText = element => [...element.childNodes].some(node => node.nodeType === 3 && node.data.trim());
  const frame = () => new Promise(resolve => requestAnimationFrame(resolve));

  // The page does not scroll sideways, and nothing reaches beyond it but inside a region that scrolls by itself,
  // has a name and is reached by the keyboard.
  function sideways() {
    const wide = document.documentElement.clientWidth, found = [];
    if (document.documentElement.scrollWidth > innerWidth) found.push(`the page is ${document.documentElement.scrollWidth} wide`);
    for (const element of all("body *")) {
      const { left, right, width } = element.getBoundingClientRect();
      if (width && (right > wide + SLACK || left < -SLACK) && !hidden(element)) {
        const around = element.parentElement.closest("svg") || element.parentElement;
        let scroller = around;
        while (scroller && !scrolls(scroller)) scroller = scroller.parentElement;
        if (!scroller || scroller === document.body) found.push(`${say(element)} reaches from ${left} to ${right}`);
      }
    }
    for (const element of all("body *").filter(scrolls)) {
      const reached = element.tabIndex === 0, name = element.getAttribute("aria-label") || element.getAttribute("aria-labelledby");
      if (element.scrollWidth > element.clientWidth + SLACK && !(reached && name && element.getAttribute("role")))
        found.push(`${say(element)} scrolls, and is no region with a name that the keyboard reaches`);
    }
    return found;
  }

  // No box cuts its text off.
  function clipped() {
    return all("body *").filter(element => {
      const { overflowX, overflowY } = style(element);
      const cutsX = ["hidden", "clip"].includes(overflowX), cutsY = ["hidden", "clip"].includes(overflowY);
      return !(element instanceof SVGElement) && element.textContent.trim() && !hidden(element)
        && ((cutsX && element.scrollWidth > element.clientWidth + SLACK)
          || (cutsY && element.scrollHeight > element.clientHeight + SLACK));
    }).map(element => `${say(element)} cuts its text off`);
  }

  // The shape that a text of a drawing is written on: the last one painted before it that is under its middle.
  function ground(text, of) {
    const box = text.getBoundingClientRect();
    return [...of.querySelectorAll("rect, circle, ellipse, path, polygon")].reverse().find(shape => seen(shape)
      && opaque(style(shape).fill) && shape.compareDocumentPosition(text) & Node.DOCUMENT_POSITION_FOLLOWING
      && covers(shape, (box.left + box.right) / 2, (box.top + box.bottom) / 2));
  }
  const parts = colour => (colour.match(/[\d.]+/g) || []).map(Number);
  const opaque = colour => colour.startsWith("rgb") && (parts(colour)[3] ?? 1) === 1;
  const covers = (shape, x, y) => shape.isPointInFill(new DOMPoint(x, y).matrixTransform(shape.getScreenCTM().inverse()));

  // Texts of a drawing lie inside of it, inside the shape that they are written on, and not on each other.
  function drawings() {
    const found = [];
    for (const svg of all("svg")) {
      const frame = svg.getBoundingClientRect();
      const texts = [...svg.querySelectorAll("text")].filter(seen).map(text => [text, text.getBoundingClientRect()]);
      texts.forEach(([text, box], number) => {
        if (!within(box, frame)) found.push(`${say(text)} leaves its drawing`);
        const shape = ground(text, text.parentElement), middle = (box.top + box.bottom) / 2;
        if (shape && !(covers(shape, box.left, middle) && covers(shape, box.right, middle)))
          found.push(`${say(text)} leaves its box`);
        for (const [other, its] of texts.slice(number + 1)) {
          const across = Math.min(box.right, its.right) - Math.max(box.left, its.left);
          const down = Math.min(box.bottom, its.bottom) - Math.max(box.top, its.top);
          if (across > SLACK && down > box.height / 3) found.push(`${say(text)} lies on ${say(other)}`);
        }
      });
    }
    return found;
  }

  // Texts of a drawing are as large on the screen as this, in pixels.
  const smallest = () => Math.min(Infinity, ...all("svg text").map(
    text => parseFloat(style(text).fontSize) * Math.hypot(text.getScreenCTM().a, text.getScreenCTM().b)));

  // WCAG's contrast of every text with what it stands on: of what the style sheet puts before and after elements too, and
  // as if the pointer, or the keyboard, were everywhere. Paper is white, whatever the ground on the screen.
  function contrast() {
    const paper = matchMedia("print").matches, found = new Map();
    const channel = part => (part /= 255) <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    const light = colour => { const [r, g, b] = parts(colour).map(channel); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
    const under = element => {
      const drawing = element.ownerSVGElement, shape = drawing && ground(element, drawing);
      if (shape) return style(shape).fill;
      for (let each = drawing || element; each && !paper; each = each.parentElement)
        if (opaque(style(each).backgroundColor)) return style(each).backgroundColor;
      return "rgb(255, 255, 255)";
    };
    const look = (elements, state) => {
      for (const element of elements)
        for (const pseudo of ["", "::before", "::after"]) {
          if (pseudo ? !/^"./.test(style(element, pseudo).content) : !ownText(element)) continue;
          const colour = style(element, pseudo)[element.ownerSVGElement ? "fill" : "color"];
          const its = pseudo && style(element, pseudo).backgroundColor, on = opaque(its) && !paper ? its : under(element);
          const [dark, bright] = [light(on), light(colour)].sort((a, b) => a - b), ratio = (bright + 0.05) / (dark + 0.05);
          if (!(ratio >= 4.5) && !found.has(colour + on) && !hidden(element))
            found.set(colour + on, `${say(element)}${pseudo}${state}: ${colour} on ${on} is ${ratio.toFixed(2)}:1`);
        }
    };
    look(all("body :not(title, desc, option)"), "");
    for (const [state, selector] of forced()) {
      document.querySelectorAll("*").forEach(element => element.setAttribute("data-forced", state));
      look(all(`:is(${selector}), :is(${selector}) *`), state);
    }
    document.querySelectorAll("*").forEach(element => element.removeAttribute("data-forced"));
    return [...found.values()];
  }

  // Copies the rules that give elements colours in a state such as :hover to [data-forced=":hover"]. Answers the states, and
  // what these rules select.
  function forced() {
    const states = new Map(), state = /(?<!"):(hover|active|focus|target)(-\w+)?/g;
    const copy = (rules, sheet) => [...rules].reverse().forEach(rule => {
      if (rule.cssRules?.length) copy(rule.cssRules, rule);
      const found = rule.selectorText?.match(state) ?? [];
      if (!found.length || ![...rule.style].some(name => /^(color|background-color|fill|--.*)$/.test(name))) return;
      for (const each of found)
        states.set(each, [...(states.get(each) ?? []), rule.selectorText.replace(state, "")]);
      sheet.insertRule(rule.cssText.replace(state, each => `[data-forced="${each}"]`), [...sheet.cssRules].indexOf(rule) + 1);
    });
    [...document.styleSheets].forEach(sheet => copy(sheet.cssRules, sheet));
    return states;
  }

  // Of each drawing: which groups hold each node, and what lies over something else or leaves it. Edges run straight
  // from the border of their source to that of their target, and through nothing.
  function layout() {
    const found = [], homes = {}, E = 0.01;
    for (const svg of all("svg.diagram")) {
      const id = svg.querySelector("title").id.replace(/-title$/, ""), { x, y, width, height } = svg.viewBox.baseVal;
      const part = (name, { x, y, width, height }) => ({ name, left: x, top: y, right: x + width, bottom: y + height });
      const grown = (of, by) => ({ left: of.left - by, top: of.top - by, right: of.right + by, bottom: of.bottom + by });
      const parts = (selector, name, shape) => [...svg.querySelectorAll(selector)].filter(seen)
        .map(each => part(name(each), (shape ? each.querySelector(shape) : each).getBBox()));
      const meets = (a, b) => a.left < b.right - E && b.left < a.right - E && a.top < b.bottom - E && b.top < a.bottom - E;
      const text = each => each.textContent, pairs = list => list.flatMap((one, i) => list.slice(i + 1).map(other => [one, other]));
      const nodes = parts("[data-node]", each => each.dataset.node, ".outline");
      const groups = parts(".group", each => each.dataset.lane ?? each.dataset.cloud, ".border");
      const pills = parts(".pill", each => each.parentNode.dataset.edge), titles = parts(".group > text", text);
      const onto = [...pairs([...nodes, ...pills]), ...pairs(groups), ...titles.flatMap(one => [...nodes, ...pills].map(other => [one, other]))];
      for (const [one, other] of onto) if (meets(one, other)) found.push(`${id}: ${one.name} lies on ${other.name}`);
      const seenOf = part("", { x, y, width, height });
      for (const each of [...nodes, ...pills, ...groups, ...titles])
        if (!within(each, seenOf, E)) found.push(`${id}: ${each.name} leaves the drawing`);
      homes[id] = Object.fromEntries(nodes.map(node => [node.name, groups.filter(group => within(node, group, E)).map(group => group.name)]));
      for (const edge of [...svg.querySelectorAll("[data-edge]")].filter(seen)) {
        const name = edge.dataset.edge, shaft = edge.querySelector(".shaft"), tip = part("", edge.querySelector(".head").getBBox());
        const ends = name.split(":").slice(0, 2).map(end => nodes.find(node => node.name === end));
        const way = Array.from({ length: Math.round(shaft.getTotalLength()) + 1 }, (_, at) => shaft.getPointAtLength(at));
        const spots = way.map(({ x, y }) => part("", { x, y, width: 0, height: 0 }));
        if (way.some((spot, i) => i && Math.abs(spot.x - way[i - 1].x) > E && Math.abs(spot.y - way[i - 1].y) > E))
          found.push(`${id}: ${name} is not straight`);
        const pill = pills.find(each => each.name === name);
        if (pill && !spots.some(spot => meets(spot, pill))) found.push(`${id}: the label of ${name} is beside it`);
        [spots[0], tip].forEach((end, i) => {
          if (!ends[i] || !meets(end, grown(ends[i], 1)) || meets(end, grown(ends[i], -1))) found.push(`${id}: ${name} misses its ${["source", "target"][i]}`);
        });
        for (const what of [...nodes, ...titles])
          if (spots.some(spot => meets(spot, what))) found.push(`${id}: ${name} goes through ${what.name}`);
      }
    }
    return { found, homes };
  }

  // Every entry of the table of contents brings its target into view.
  async function contents() {
    const found = [], links = all(".toc a[href^='#']");
    if (!links.length) found.push("no table of contents");
    for (const link of links) {
      link.click();
      await frame();
      const target = document.getElementById(decodeURIComponent(link.hash.slice(1)));
      const { top, bottom } = target.getBoundingClientRect();
      if (location.hash !== link.hash || top < -SLACK || top >= innerHeight || bottom <= 0)
        found.push(`${link.hash} is at ${Math.round(top)} of ${innerHeight}`);
    }
    scrollTo(0, 0);
    return found;
  }

  // On paper nothing scrolls, and what is looked at as one stays on one page, if it is shorter than one (`tall`, in px).
  function paper(tall) {
    const found = [];
    for (const element of all("body *").filter(scrolls))
      if (element.scrollWidth > element.clientWidth + SLACK) found.push(`${say(element)} is wider than the paper`);
    for (const element of all("tr, figure, svg")) {
      const inner = element.parentElement.closest("figure, svg");
      if (!inner && style(element).breakInside !== "avoid") found.push(`${say(element)} may be cut across pages`);
      if (element.getBoundingClientRect().height > tall) found.push(`${say(element)} is taller than a page`);
    }
    for (const heading of all("h2, h3, h4, h5, h6"))
      if (style(heading).breakAfter !== "avoid") found.push(`${say(heading)} may end a page`);
    return found;
  }

  const rows = () => all("tbody tr").map(row => row.innerText);
  const headings = () => all("h1, h2, h3").filter(heading => !hidden(heading)).map(heading => heading.innerText);

  return { sideways, clipped, drawings, layout, smallest, contrast, contents, paper, rows, headings };
})();
