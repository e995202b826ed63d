// What everything drawn in a browser shares. Text that comes from the ledger is only ever set as text.
const riskmap = (window.riskmap = {});

/** Make an element: class, text, attributes, children. There is no way to pass markup. */
riskmap.make = (tag, options = {}, children = []) => {
  const node = document.createElement(tag);
  if (options.class) node.className = options.class;
  if (options.text !== undefined && options.text !== null) node.textContent = String(options.text);
  for (const [key, value] of Object.entries(options.attributes || {})) node.setAttribute(key, value);
  for (const [key, value] of Object.entries(options.on || {})) node.addEventListener(key, value);
  node.append(...children.filter(Boolean));
  return node;
};

const SVG = "http://www.w3.org/2000/svg";
/** A line icon of 24 × 24 from path data of ours. */
riskmap.icon = (...paths) => {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("class", "rm-icon");
  for (const d of paths) {
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("d", d);
    svg.append(path);
  }
  return svg;
};

/** Whether a rank is one of the worst tiers: it gets a white rim and is seen from afar. */
riskmap.strong = (rank) => rank === 3 || rank === 4;

/** How much a rank must be seen: the worst highest, every grade below every tier (vocabulary.WEIGHT_OF). */
riskmap.weight = (rank) => riskmap.config.ranks[rank].weight;

/** Whether things may move on the screen. */
riskmap.mayMove = () => !matchMedia("(prefers-reduced-motion: reduce)").matches;

/** 12345 → "12,345": the same grouping in both languages. */
riskmap.number = (value) => Number(value).toLocaleString("en-US");

/** Fill {name} places of one of our own texts. */
riskmap.say = (key, values = {}) =>
  String(riskmap.config.texts[key] ?? key).replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ""));
