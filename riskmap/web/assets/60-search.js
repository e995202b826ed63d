// Find a record by name, code or address, the worst first, and fly to it.
(() => {
  const { make } = riskmap;
  const PAUSE = 160; // ms after the last key

  riskmap.parts.push((map, config) => {
    if (config.embedded === "planned") return;
    const Search = L.Control.extend({
      options: { position: "topleft" },

      onAdd() {
        const label = riskmap.say("search_label");
        this._input = make("input", {
          class: "rm-search-input",
          attributes: {
            type: "search", placeholder: riskmap.say("search_hint"), "aria-label": label, role: "combobox",
            "aria-expanded": "false", "aria-controls": "rm-found", "aria-autocomplete": "list", autocomplete: "off", spellcheck: "false", maxlength: "80",
          },
          on: { input: () => this._later(), keydown: (event) => this._key(event), focus: () => this._later(), blur: () => this._show([]) },
        });
        this._list = make("ul", { class: "rm-found", attributes: { id: "rm-found", role: "listbox", "aria-label": label, hidden: "" }, on: { mousedown: (event) => event.preventDefault() } });
        this._said = make("span", { class: "rm-unseen", attributes: { role: "status" } });
        const box = make("div", { class: "rm-search leaflet-bar", attributes: { role: "search" } }, [
          riskmap.icon("M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13z", "M15.5 15.5 20 20"), this._input, this._list, this._said,
        ]);
        L.DomEvent.disableClickPropagation(box);
        L.DomEvent.disableScrollPropagation(box);
        map.on("click movestart", (event) => { if (!event.hard) this._show([]); });
        return box;
      },

      _later() {
        clearTimeout(this._timer);
        this._timer = setTimeout(() => this._ask(), PAUSE);
      },

      async _ask() {
        clearTimeout(this._timer);
        const text = this._input.value.trim();
        this._asked?.abort();
        this._text = null;
        if (!text) return this._show([]);
        const asked = (this._asked = new AbortController());
        try {
          const query = new URLSearchParams({ q: text, lang: config.lang });
          const { found, more } = await riskmap.getJSON(`${riskmap.view.search}&${query}`, asked.signal);
          this._text = text;
          this._show(found, this._words(found.length, more));
        } catch (problem) {
          if (problem.name !== "AbortError") this._show([], [riskmap.say("search_failed")]);
        }
      },

      /** What is said of an answer: the first is heard, the last stands below the list. */
      _words(n, more) {
        if (!n) return [riskmap.say("search_none")];
        return [riskmap.say("search_found", { n }), ...(more ? [riskmap.say("search_more", { n })] : [])];
      },

      _row(card, i) {
        const rank = config.ranks[card.rank];
        const where = [card.layer_title, card.code, card.subdistrict, card.shown ? "" : riskmap.say("search_hidden")];
        return make("li", { attributes: { role: "option", id: `rm-found-${i}`, "aria-selected": "false" }, on: { click: () => this._go(i) } }, [
          riskmap.badge(riskmap.layersById.get(card.layer)?.symbol, rank.colour, 5, riskmap.strong(card.rank)),
          make("span", { text: card.name || card.code }),
          make("b", { class: `rm-tier rm-tier-${rank.id}`, text: rank.title }),
          make("small", { text: where.filter(Boolean).join(" · ") }),
        ]);
      },

      _show(found, words = []) {
        this._found = found;
        this._at = -1;
        const rows = found.map((card, i) => this._row(card, i));
        if (words.length && (!found.length || words.length > 1)) rows.push(make("li", { class: "rm-none", text: words.at(-1) }));
        this._list.replaceChildren(...rows);
        this._list.scrollTop = 0;
        this._list.hidden = !rows.length;
        this._said.textContent = words.join(" ");
        this._input.setAttribute("aria-expanded", String(rows.length > 0));
        this._input.removeAttribute("aria-activedescendant");
      },

      _key(event) {
        event.stopPropagation();
        const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
        if (step && this._found?.length) {
          event.preventDefault();
          this._at = (this._at + step + this._found.length) % this._found.length;
          [...this._list.children].forEach((row, i) => row.setAttribute("aria-selected", String(i === this._at)));
          this._input.setAttribute("aria-activedescendant", `rm-found-${this._at}`);
          this._list.children[this._at].scrollIntoView({ block: "nearest" });
        } else if (event.key === "Enter") {
          event.preventDefault();
          this._enter();
        } else if (event.key === "Escape") {
          event.preventDefault(); // the browser would empty the field
          if (this._list.hidden) map.getContainer().focus();
          else this._show([]);
        }
      },

      /** Go to the chosen record, else the first; what was typed since the last answer is asked for first. */
      async _enter() {
        const typed = this._input.value.trim();
        if (this._text !== typed) await this._ask();
        if (this._text === typed && this._found.length) this._go(Math.max(0, this._at));
      },

      _go(i) {
        const card = this._found[i];
        this._show([]);
        this._input.value = card.name || card.code;
        this._text = null;
        if (card.lon === null) return riskmap.announce(riskmap.say("search_unlocated", { name: card.name || card.code }));
        const place = L.latLng(card.lat, card.lon);
        map.once("moveend", () => riskmap.openCard(card.id, place));
        const zoom = Math.max(map.getZoom(), 16);
        if (map.getCenter().equals(place, 1e-7) && map.getZoom() === zoom) map.fire("moveend");
        else map.flyTo(place, zoom, { duration: 0.6, animate: riskmap.mayMove() });
      },
    });
    new Search().addTo(map);
  });
})();
