/* Tables, figures and downloads of the pages. Every text of the ledger is set as text, never as markup.
   Python sends {kind, …}; a click goes back as one trigger named "event". */
const make = (tag, cls, text) => {
  const node = document.createElement(tag);
  if (cls) node.className = cls;
  if (text !== undefined && text !== null) node.textContent = text;
  return node;
};

const plainClick = (event) => event.button === 0 && !(event.ctrlKey || event.metaKey || event.shiftKey || event.altKey);

/* A link that keeps its address (a new tab works) and is followed without loading the app again. */
const linked = (node, cell, send) => {
  if (!cell.href) return node;
  const link = make("a", "go");
  link.href = cell.href;
  link.target = "_self";
  link.append(...node.childNodes);
  link.addEventListener("click", (event) => {
    if (!plainClick(event)) return;
    event.preventDefault();
    event.stopPropagation();
    send({ href: cell.href });
  });
  node.append(link);
  return node;
};

/* Which figure a number is, for whoever reads the page: id, period, as-of, and of which part. */
const marked = (node, figure) => {
  if (!figure) return node;
  node.dataset.figure = figure.id;
  if (figure.period) node.dataset.period = figure.period;
  if (figure.as_of) node.dataset.asOf = figure.as_of;
  if (figure.within) node.dataset.within = figure.within;
  return node;
};

/* A few numbers as a line, in the order of time: its height is that of the largest. */
const lineNode = (numbers) => {
  const [w, h] = [84, 20], most = Math.max(...numbers), least = Math.min(...numbers), span = most - least || 1;
  const at = numbers.map((n, i) => [2 + (w - 4) * (numbers.length > 1 ? i / (numbers.length - 1) : 1), h - 3 - (h - 6) * (most === least ? 0.5 : (n - least) / span)]);
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", `0 0 ${w} ${h}`);
  svg.setAttribute("class", "line");
  svg.setAttribute("aria-hidden", "true");
  const line = document.createElementNS(svg.namespaceURI, "polyline");
  line.setAttribute("points", at.map((p) => p.map((v) => v.toFixed(1)).join(",")).join(" "));
  const end = document.createElementNS(svg.namespaceURI, "circle");
  end.setAttribute("cx", at.at(-1)[0]);
  end.setAttribute("cy", at.at(-1)[1]);
  end.setAttribute("r", 2.4);
  svg.append(line, end);
  return svg;
};

const cellNode = (column, cell, send) => {
  const td = make(cell.head ? "th" : "td", column.kind || "text");
  if (cell.head) td.scope = "row";
  const value = cell.tier ? make("span", `tier ${cell.tier}`, cell.text) : make("span", cell.quiet ? "quiet" : "", cell.text);
  td.append(cell.line ? lineNode(cell.line) : marked(value, cell.figure));
  if (column.field && !cell.figure) td.dataset.field = column.field;
  if (cell.shade) {
    const [ground, ink, grey, greyInk] = cell.shade;
    [td.style.background, td.style.color] = [ground, ink];
    td.style.setProperty("--grey", grey); // on paper (panel.css)
    td.style.setProperty("--grey-ink", greyInk);
    td.classList.add("shaded");
  }
  if (cell.note) td.append(make("small", "", cell.note));
  if (cell.act) {
    const button = make("button", "act", cell.text);
    button.type = "button";
    button.addEventListener("click", (event) => { event.stopPropagation(); send({ act: cell.act }); });
    td.replaceChildren(button);
    return td;
  }
  return linked(td, cell, send);
};

const headNode = (data, column, send) => {
  const th = make("th", column.kind || "text");
  th.scope = "col";
  const on = data.sort && data.sort.by === column.id;
  if (!column.sortable) {
    th.append(make("span", column.why ? "unsorted" : "", column.title));
    th.title = column.why || "";
    return th;
  }
  th.setAttribute("aria-sort", on ? (data.sort.descending ? "descending" : "ascending") : "none");
  const button = make("button", "sort", column.title);
  button.type = "button";
  button.title = data.texts.sort;
  button.append(make("i", on ? (data.sort.descending ? "down" : "up") : ""));
  button.addEventListener("click", () => send({ sort: column.id }));
  th.append(button);
  return th;
};

const pagerNode = (data, send) => {
  const { page, pages, label, total, figure } = data.pager;
  const bar = make("div", "pager");
  const step = (text, to, off) => {
    const button = make("button", "", text);
    button.type = "button";
    button.disabled = off;
    button.addEventListener("click", () => send({ page: to }));
    return button;
  };
  const words = make("span", "label", label[0]), rows = marked(make("span", "", total), figure);
  if (!figure) rows.dataset.field = "rows";
  words.append(rows, label[1]);
  bar.append(words);
  if (pages === 1) return bar;
  const moves = make("span", "moves");
  moves.append(
    step(data.texts.first, 0, page === 0),
    step(data.texts.previous, page - 1, page === 0),
    make("b", "", `${page + 1} / ${pages}`),
    step(data.texts.next, page + 1, page >= pages - 1),
    step(data.texts.last, pages - 1, page >= pages - 1),
  );
  bar.append(moves);
  return bar;
};

const table = (root, data, send) => {
  const frame = make("div", "frame");
  if (data.height) frame.style.maxHeight = data.tall ? `max(${data.height}px, calc(100vh - 350px))` : `${data.height}px`;
  frame.tabIndex = 0;
  const grid = make("table", data.dense ? "dense" : "");
  if (data.caption) grid.append(make("caption", "", data.caption));
  const head = make("tr");
  data.columns.forEach((column) => head.append(headNode(data, column, send)));
  const thead = make("thead");
  thead.append(head);
  const body = make("tbody");
  data.rows.forEach((row, n) => {
    const tr = make("tr", row.total ? "total" : "");
    if (data.printed && n >= data.printed) tr.classList.add("screen");
    row.cells.forEach((cell, i) => tr.append(cellNode(data.columns[i], cell, send)));
    if (row.href) {
      tr.classList.add("open");
      tr.addEventListener("click", () => {
        if (String(window.getSelection())) return;
        send({ href: row.href });
      });
    }
    body.append(tr);
  });
  grid.append(thead, body);
  frame.append(grid);
  root.append(frame);
  if (!data.rows.length && data.empty) root.append(make("p", "empty", data.empty));
  if (data.pager) root.append(pagerNode(data, send));
};

const figures = (root, data, send) => {
  const strip = make("div", data.small ? "figures small" : "figures");
  data.figures.forEach((figure) => {
    const box = make("div", `figure ${figure.tier || ""}`);
    box.append(make("span", "name", figure.title));
    const value = make("div", "value");
    value.append(marked(make("b", "", figure.text), figure.figure));
    box.append(linked(value, figure, send));
    if (figure.note) box.append(make("small", "", figure.note));
    strip.append(box);
  });
  root.append(strip);
};

const fileName = (response, fallback) => {
  const said = /filename\*=UTF-8''([^;]+)/.exec(response.headers.get("Content-Disposition") || "");
  return said ? decodeURIComponent(said[1]) : fallback;
};

const save = (blob, name) => {
  const link = make("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
};

/* One export: the server makes the file first, so there is nothing to count until it answers. */
const fetchFile = async (button, item, note, texts) => {
  const began = performance.now();
  const fill = (text, seconds) => text.replace("{format}", item.title).replace("{s}", seconds);
  const elapsed = () => Math.round((performance.now() - began) / 1000);
  const tick = setInterval(() => { note.textContent = fill(texts.making, elapsed()); }, 1000);
  note.className = "note";
  note.textContent = fill(texts.making, 0);
  button.setAttribute("aria-busy", "true");
  try {
    const response = await fetch(item.href, { credentials: "same-origin" });
    if (!response.ok) {
      const said = await response.json().catch(() => ({}));
      throw new Error(said.error || texts.failed);
    }
    save(await response.blob(), fileName(response, item.name));
    note.className = "note done";
    note.textContent = fill(texts.done, elapsed());
  } catch (problem) {
    note.className = "note bad";
    note.textContent = problem instanceof TypeError ? texts.failed : problem.message;
  } finally {
    clearInterval(tick);
    button.removeAttribute("aria-busy");
  }
};

/* The page makes the file and shows how far it is; until it is drawn anew, a second click would make a second file. */
const askFor = (button, item, send) => {
  button.setAttribute("aria-busy", "true");
  setTimeout(() => button.removeAttribute("aria-busy"), 2000);
  send({ act: item.act });
};

const downloads = (root, data, send) => {
  const bar = make("div", "downloads");
  if (data.texts.label) bar.append(make("span", "label", data.texts.label));
  const note = make("span", "note");
  note.setAttribute("role", "status");
  data.items.forEach((item) => {
    const link = make("a", "button", item.title);
    link.title = item.help;
    if (!item.href) {
      link.setAttribute("aria-disabled", "true");
      bar.append(link);
      return;
    }
    link.href = item.href;
    link.download = "";
    link.addEventListener("click", (event) => {
      if (!plainClick(event)) return;
      event.preventDefault();
      if (bar.querySelector("[aria-busy]")) return;
      if (item.act) askFor(link, item, send);
      else fetchFile(link, item, note, data.texts);
    });
    bar.append(link);
  });
  bar.append(note);
  root.append(bar);
};

const print = (root, data) => {
  const button = make("button", "button print", data.title);
  button.type = "button";
  button.addEventListener("click", () => window.print());
  root.append(button);
};

/* A picture that the server drew; its links lead where those of tables do. */
const picture = (root, data, send) => {
  const box = make("div", "picture");
  box.innerHTML = data.svg;
  box.querySelectorAll("a").forEach((link) => {
    const href = link.getAttribute("href");
    link.addEventListener("click", (event) => {
      if (!plainClick(event)) return;
      event.preventDefault();
      send({ href });
    });
  });
  root.append(box);
};

const kinds = { table, figures, downloads, print, picture };

export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  const root = parentElement.querySelector(".root");
  const state = JSON.stringify(data);
  if (root.dataset.state === state) return; // a download under way keeps its note
  root.dataset.state = state;
  root.replaceChildren();
  kinds[data.kind](root, data, (value) => setTriggerValue("event", value));
}
