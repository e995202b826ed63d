// Symbols by keyboard: N and P step through what is drawn in view, the worst first; Enter opens its card.
// What is in view is read off the tiles when a key asks: no symbol has an element of its own.
(() => {
  const { make } = riskmap;
  const PAUSE = 120; // ms: a key that is held down asks for the last name only
  const LOW = 150; // px from the lower edge, where words would lie on the symbol
  const STEPS = { KeyN: 1, KeyP: -1 };

  riskmap.parts.push((map, config) => {
    let symbols = [], stale = true, current = null, ring = null, asked = null, timer = null;

    const gather = () => {
      const { x: width, y: height } = map.getSize(), frame = map.getContainer().getBoundingClientRect();
      const covers = [...map.getContainer().querySelectorAll(".leaflet-control")].map((control) => control.getBoundingClientRect());
      const seen = ({ x, y }) =>
        x >= 0 && y >= 0 && x < width && y < height &&
        !covers.some((c) => x >= c.left - frame.left && x <= c.right - frame.left && y >= c.top - frame.top && y <= c.bottom - frame.top);
      symbols = (riskmap.raisedDrawn?.() ?? [...riskmap.points.drawn(), ...riskmap.shapesDrawn(map)]).filter(seen);
      symbols.sort((a, b) => riskmap.weight(b.rank) - riskmap.weight(a.rank) || a.y - b.y || a.x - b.x);
      stale = false;
    };

    const end = () => {
      clearTimeout(timer);
      asked?.abort();
      ring?.remove();
      ring = null;
      map.getContainer().classList.remove("rm-stepping");
    };

    const say = async (symbol, n) => {
      const { id, rank, layer, count } = symbol;
      asked = new AbortController();
      const words = { tier: config.ranks[rank].title, layer: config.layers[layer]?.title, n: riskmap.number(n + 1), total: riskmap.number(symbols.length), count: riskmap.number(count) };
      let name = "";
      try {
        const { card } = await riskmap.getJSON(`${riskmap.view.points}/${id}?${new URLSearchParams({ lang: config.lang })}`, asked.signal);
        name = card.name || card.code;
      } catch (problem) {
        if (problem.name === "AbortError") return;
        name = riskmap.say("card_failed");
      }
      riskmap.announce(count > 1 ? riskmap.say("step_several", { ...words, name }) : riskmap.say("step", { ...words, name }));
    };

    const step = (by) => {
      if (stale || riskmap.raisedDrawn?.()) gather(); // those of a storm change by the hour
      end();
      if (!symbols.length) {
        riskmap.announce(riskmap.say("step_none"));
        return;
      }
      const from = current ? symbols.findIndex(({ id }) => id === current.id) : -1;
      const n = from < 0 ? (by > 0 ? 0 : symbols.length - 1) : (from + by + symbols.length) % symbols.length;
      const symbol = symbols[n];
      current = { ...symbol, at: map.containerPointToLatLng([symbol.x, symbol.y]) };
      ring = L.marker(current.at, { interactive: false, keyboard: false, pane: "steps", icon: L.divIcon({ className: "rm-place-icon", html: make("span", { class: "rm-step" }), iconSize: null }) }).addTo(map);
      map.getContainer().classList.add("rm-stepping");
      map.getContainer().classList.toggle("rm-low", symbol.y > map.getSize().y - LOW);
      timer = setTimeout(() => say(symbol, n), PAUSE);
    };

    /** Open the card of the symbol that was stepped to; returns whether there is one. */
    riskmap.openStep = () => {
      if (!ring) return false;
      riskmap.openCard(current.id, current.at, current.count > 1);
      return true;
    };

    const pane = map.createPane("steps");
    pane.style.zIndex = 480;
    pane.style.pointerEvents = "none";
    map.on("moveend riskmap:painted riskmap:complete", () => { stale = true; });
    riskmap.followers.push(() => { stale = true; current = null; end(); });
    map.getContainer().addEventListener("keydown", (event) => {
      if (riskmap.drawing || event.target !== map.getContainer() || event.ctrlKey || event.metaKey || event.altKey) return;
      if (STEPS[event.code]) {
        event.preventDefault();
        step(STEPS[event.code]);
      } else if (event.key === "Escape" || event.key.startsWith("Arrow")) end(); // Enter means the cross again
    });
  });
})();
