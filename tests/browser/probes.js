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

  // WCAG's contrast of a drawing's texts with what is painted under their middle.
  function contrast() {
    const channel = part => (part /= 255) <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    const light = colour => { const [r, g, b] = parts(colour).map(channel); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
    const found = [];
    for (const text of all("svg text")) {
      const shape = ground(text, text.ownerSVGElement);
      let under = shape ? style(shape).fill : null;
      for (let each = text.ownerSVGElement; !under && each; each = each.parentElement)
        if (opaque(style(each).backgroundColor)) under = style(each).backgroundColor;
      const [dark, bright] = [light(under || "rgb(255, 255, 255)"), light(style(text).fill)].sort((a, b) => a - b);
      const ratio = (bright + 0.05) / (dark + 0.05);
      if (!(ratio >= 4.5)) found.push(`${say(text)}: ${style(text).fill} on ${under} is ${ratio.toFixed(2)}:1`);
    }
    return found;
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

  return { sideways, clipped, drawings, smallest, contrast, contents, paper, rows, headings };
})();
