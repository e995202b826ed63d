/* The strip above every page: what runs for this person, how far it is, Cancel, and what came of it.
   It asks the server by itself, so it shows, and stops work, also while Streamlit draws a page. What it is told is
   set as text, never as markup. Once work has ended the page is drawn anew, when it is not being drawn anyway. */
const PACE_MS = 500, DRAWING_MS = 150, PATIENCE_MS = 10_000, ROW_PX = 44;

const make = (tag, cls, text = "") => Object.assign(document.createElement(tag), { className: cls, textContent: text });

const drawing = () => document.querySelector("[data-test-script-state=running]") !== null;

class Strip {
  rows = new Map(); // name → { row, node, draw }, as they are drawn
  seen = new Set(); // what was seen under way in this tab
  fetched = new Set();
  told = new Set(); // what the page was drawn anew for
  waits = false; // whether the page is to be drawn anew

  constructor() {
    this.root = document.body.appendChild(make("div", "rm-running"));
    this.root.setAttribute("role", "status");
    this.root.dataset.field = "action"; // its numbers are of one action
    setTimeout(() => this.pace(), PACE_MS);
    document.addEventListener("visibilitychange", () => this.look());
  }

  /* Work begins while a page is drawn: it is looked for more often then. */
  pace() {
    this.look();
    setTimeout(() => this.pace(), drawing() ? DRAWING_MS : PACE_MS);
  }

  /* The page says under which address, in which words, and how it is drawn anew. */
  follow({ href, texts }, again) {
    this.again = again;
    if (this.href === href) return;
    Object.assign(this, { href, texts, refused: false, shown: null }); // in other words, perhaps: drawn anew
    this.look();
  }

  ask(method, path = "") {
    return fetch(this.href + path, { method, credentials: "same-origin", signal: AbortSignal.timeout(PATIENCE_MS) });
  }

  /* Who does not look needs no news, unless a file is to come. */
  get resting() {
    return this.refused || this.asking || (document.hidden && ![...this.rows.values()].some(({ row }) => !row.over));
  }

  async look() {
    if (!this.resting) {
      this.asking = true;
      const href = this.href;
      try {
        const answer = await this.ask("GET");
        this.refused = !answer.ok && this.href === href; // its day is over: the next page has a new address
        if (answer.ok && this.href === href) this.show((await answer.json()).rows);
      } catch { /* the server is away or busy: what is shown stays, and it is asked again */ }
      this.asking = false;
    }
    if (this.waits && !drawing()) {
      this.waits = false;
      this.again();
    }
  }

  show(rows) {
    const shown = rows.map(({ name, over }) => `${name} ${over}`).join();
    if (shown !== this.shown) {
      this.shown = shown;
      this.rows = new Map(rows.map((row) => [row.name, row.over ? this.ended(row) : this.underWay(row)]));
      this.root.replaceChildren(...[...this.rows.values()].map(({ node }) => node));
      document.documentElement.style.setProperty("--rm-running", `${rows.length * ROW_PX}px`);
    }
    for (const row of rows) {
      Object.assign(this.rows.get(row.name), { row }).draw(row);
      if (row.over) this.end(row);
      else this.seen.add(row.name);
    }
  }

  line(row, parts) {
    const node = make("div", `rm-running-row ${row.tone ?? ""}`), text = make("p", "");
    node.append(text, ...parts);
    const draw = (now) => { text.textContent = text.title = now.text; };
    return { row, node, draw };
  }

  underWay(row) {
    const bar = Object.assign(make("progress", ""), { max: 1 }), cancel = make("button", "", this.texts.cancel);
    const stop = () => { cancel.disabled = true; this.ask("POST", `/${row.name}`).then(() => this.look(), () => { cancel.disabled = false; }); };
    cancel.addEventListener("click", stop);
    const { node, draw } = this.line(row, [bar, cancel]);
    return { row, node, draw: (now) => { draw(now); bar.value = now.share; cancel.disabled ||= now.stopping; } };
  }

  ended(row) {
    const close = make("button", "", "✕");
    close.title = this.texts.close;
    close.setAttribute("aria-label", this.texts.close);
    close.addEventListener("click", () => this.ask("DELETE", `/${row.name}`).then(() => this.look(), () => {}));
    return this.line(row, row.file ? [this.link(row), close] : [close]);
  }

  link(row) {
    return Object.assign(make("a", "", this.texts.save), { href: `${this.href}/${row.name}`, download: row.file });
  }

  /* A file comes to the tab that asked for it, once; the page of whoever waited is drawn anew, once. */
  end(row) {
    if (row.file && row.mine && !this.fetched.has(row.name)) {
      this.fetched.add(row.name);
      this.root.append(this.link(row));
      this.root.lastChild.click();
      this.root.lastChild.remove();
    }
    if ((row.mine || this.seen.has(row.name)) && !this.told.has(row.name)) {
      this.told.add(row.name);
      this.waits = true;
    }
  }
}

export default function ({ data, setTriggerValue }) {
  window.riskmapStrip ??= new Strip();
  window.riskmapStrip.follow(data, () => setTriggerValue("event", { over: true }));
}
