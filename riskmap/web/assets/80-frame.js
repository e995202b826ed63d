// Around the map: where it opens, the address bar, the legend, scale, keyboard, the approval number.
(() => {
  const { make, page } = riskmap;

  // The address wins; without one the map opens where it was left in this tab (another page lay between).
  const path = page?.location.pathname;
  const KEPT = `riskmap.at ${path}`;
  const fromAddress = (kept = sessionStorage.getItem(KEPT)) => {
    const text = page && (new URLSearchParams(page.location.search).get("at") || kept);
    const parts = (text || "").split(",").map(Number);
    const [lat, lon, zoom] = parts;
    const sound = parts.length === 3 && parts.every(Number.isFinite) && Math.abs(lat) <= 85 && Math.abs(lon) <= 180;
    return sound ? { center: [lat, lon], zoom: Math.min(20, Math.max(3, Math.round(zoom))) } : null;
  };

  const STREETS = "riskmap.streets";
  // Streets that the map went to, and what was seen before: another page or another language makes a new map.
  const keptStreets = () => JSON.parse((page && sessionStorage.getItem(STREETS)) || "null");
  const keepStreets = (kept) => {
    if (!page) return;
    if (kept) sessionStorage.setItem(STREETS, JSON.stringify(kept));
    else sessionStorage.removeItem(STREETS);
  };

  const toAddress = (map) => {
    if (page?.location.pathname !== path) return; // another page is being opened: what it says is its own
    const { lat, lng } = map.getCenter();
    const at = `${lat.toFixed(5)},${lng.toFixed(5)},${map.getZoom()}`;
    sessionStorage.setItem(KEPT, at);
    const address = new URL(page.location.href);
    if (address.searchParams.get("at") === at) return;
    address.searchParams.set("at", at);
    page.history.replaceState(page.history.state, "", address.toString().replaceAll("%2C", ","));
  };

  const MOST_NEAR = 17; // a street with one record is not shown nearer than that

  riskmap.parts.push((map, config) => {
    const [west, south, east, north] = config.bounds;
    const district = L.latLngBounds([south, west], [north, east]);
    map.setMinZoom(3);
    map.setMaxBounds(district.pad(2.5));
    const start = config.embedded ? null : fromAddress(); // the address is that of the page around it
    // What stays in view while the pane changes its size, until somebody moves the map; a form's `home` before it.
    let held = start ? null : district;
    let moved = Boolean(start); // then the address says where the map stands
    const sent = start && new URLSearchParams(page.location.search).has("at");
    const fit = (box) => {
      held = box;
      map.fitBounds(box, { padding: [10, 10], maxZoom: box === district ? undefined : MOST_NEAR, animate: false });
    };
    const hold = () => (riskmap.home ? riskmap.home() : fit(held));
    map.invalidateSize({ pan: false });
    if (start) map.setView(start.center, start.zoom, { animate: false });
    else hold();
    let size = map.getSize();
    new ResizeObserver(() => {
      map.invalidateSize({ animate: false }); // what was in the middle stays there
      if (map.getSize().equals(size)) return;
      size = map.getSize();
      if (held) hold();
    }).observe(map.getContainer());
    riskmap.goHome = () => fit(district);

    // The streets that the filter names: the map goes there and, without them, back to what was seen before.
    let shown = null, away = false, before = null; // streets as text; whether the map went; a view, null for the district
    const here = () => (held === district ? null : { center: map.getCenter(), zoom: map.getZoom() });
    const goTo = (focus) => {
      if (!away) before = here();
      moved = away = true;
      fit(L.latLngBounds(focus));
    };
    const goBack = () => {
      moved = true;
      away = false;
      held = null;
      if (before) map.setView(before.center, before.zoom, { animate: false });
      else fit(district);
    };
    riskmap.followers.push((view) => {
      const streets = JSON.stringify(view.streets);
      if (!view.streets || streets === shown) return; // null: a page without such a filter
      const [w, s, e, n] = view.focus || [], focus = view.focus && [[s, w], [n, e]];
      const kept = shown === null ? keptStreets() : null; // what an earlier map of this tab left
      if (kept) [away, before] = [true, kept.before];
      if (shown === null && start && (sent || kept?.shown === streets)) away = Boolean(focus); // as it was seen or sent
      else if (focus) goTo(focus);
      else if (away) goBack();
      shown = streets;
      keepStreets(away ? { shown, before } : null);
    });

    const touched = (event) => {
      if (event.type === "wheel" && !map.scrollWheelZoom.enabled()) return; // the page around it scrolls
      held = null;
      moved = true;
    };
    for (const event of ["pointerdown", "keydown", "wheel"]) {
      map.getContainer().addEventListener(event, touched, { capture: true, passive: true });
    }
    if (config.embedded) {
      // Whoever scrolls the page past a map within it wants to read on: the wheel is the map's once it has the focus.
      map.scrollWheelZoom.disable();
      map.on("focus", () => map.scrollWheelZoom.enable());
      map.on("blur", () => map.scrollWheelZoom.disable());
      return;
    }
    map.on("moveend", () => { if (moved) toAddress(map); });
    // Streamlit writes the address when a filter changes and knows an older view: put ours back.
    setInterval(() => { if (moved) toAddress(map); }, 700);
    // Somebody goes back: the view that the address kept is shown again.
    const gone = new AbortController();
    addEventListener("pagehide", () => gone.abort());
    page?.addEventListener("popstate", () => {
      const back = page.location.pathname === path && fromAddress("");
      if (back) map.setView(back.center, back.zoom, { animate: false });
    }, { signal: gone.signal });
  });

  riskmap.parts.push((map, config) => {
    const container = map.getContainer();
    container.setAttribute("role", "application");
    container.setAttribute("aria-label", riskmap.say("map_label"));
    if (page) window.frameElement?.setAttribute("title", riskmap.say("map_title"));
    const live = make("div", { class: "rm-live", attributes: { "aria-live": "polite" } });
    container.append(live, make("div", { class: "rm-keys", text: riskmap.say("keys"), attributes: { "aria-hidden": "true" } }));
    riskmap.announce = (text) => {
      live.textContent = text;
      live.classList.add("rm-shown");
      clearTimeout(riskmap.announce.timer);
      riskmap.announce.timer = setTimeout(() => live.classList.remove("rm-shown"), 4000);
    };
    map.zoomControl?.setPosition("topleft");
    const zoomIn = container.querySelector(".leaflet-control-zoom-in");
    const zoomOut = container.querySelector(".leaflet-control-zoom-out");
    for (const [button, key] of [[zoomIn, "zoom_in"], [zoomOut, "zoom_out"]]) {
      button?.setAttribute("title", riskmap.say(key));
      button?.setAttribute("aria-label", riskmap.say(key));
    }
    const Notes = L.Control.extend({
      options: { position: "bottomright" },
      onAdd: () =>
        make("div", { class: "rm-notes" }, [
          config.demo ? make("b", { text: riskmap.say("demo_mark") }) : null,
          make("span", { text: riskmap.say("approval", { number: config.approval || riskmap.say("approval_none") }) }),
        ]),
    });
    map.attributionControl.remove();
    new Notes().addTo(map);
    L.control.scale({ imperial: false, maxWidth: 120, position: "bottomright" }).addTo(map);
  });

  riskmap.parts.push((map, config) => {
    const Legend = L.Control.extend({
      options: { position: "bottomleft" },
      onAdd() {
        const roomy = () => map.getSize().x > 800;
        let open = roomy() && !config.embedded;
        this._tiers = make("ul", { class: "rm-legend-tiers" });
        this._grades = make("ul", { class: "rm-legend-grades" }); // of what is no risk
        this._layers = make("ul", { class: "rm-legend-layers" });
        this._note = make("p", { class: "rm-legend-note" });
        const details = make("details", { class: "rm-legend", attributes: open ? { open: "" } : {} }, [
          make("summary", { text: riskmap.say("legend") }), this._tiers, this._grades, this._layers, this._note,
        ]);
        map.on("resize", () => {
          if (roomy() !== open) details.open = open = roomy(); // else it stays as somebody left it
        });
        L.DomEvent.disableClickPropagation(details);
        L.DomEvent.disableScrollPropagation(details);
        return details;
      },
      show(view) {
        // Each number says which figure it is, of the records that the map shows.
        const row = (badge, title, n, figure, part = "") =>
          make("li", { class: n === 0 ? "rm-zero" : "" }, [badge, make("span", { text: title }), make("b", {
            text: riskmap.number(n), attributes: { "data-figure": figure, "data-within": `map ${part}`.trim() },
          })]);
        const tier = (rank) => `points.tiers.${config.ranks[rank].id}`;
        this._tiers.replaceChildren(...config.order.map((rank) =>
          row(riskmap.badge("circle", config.ranks[rank].colour, 5, riskmap.strong(rank)), config.ranks[rank].title, view.tiers[rank] ?? 0, tier(rank))));
        this._grades.replaceChildren(...config.grades.filter((rank) => view.tiers[rank]).map((rank) =>
          row(riskmap.badge("circle", config.ranks[rank].colour, 5), config.ranks[rank].title, view.tiers[rank], "records.layer", `tier == ${config.ranks[rank].id}`)));
        const sign = ({ geometry, symbol }) => (geometry === "line" ? riskmap.lineBadge("#7b8797") : riskmap.badge(symbol, "#7b8797", 4.6));
        this._layers.replaceChildren(...config.layers.flatMap((layer, i) =>
          layer.placed
            ? [row(sign(layer), layer.title, view.layers[i] ?? 0, `records.layer.${layer.id}`), ...layer.classes.flatMap(({ title, colour }, k) => {
                const n = view.classes?.[layer.id]?.[k] ?? 0; // a class that nothing has needs no line
                return n ? [Object.assign(row(riskmap.badge(layer.symbol, colour, 4), title, n, `records.layer.${layer.id}`, title), { className: "rm-class" })] : [];
              })]
            : []));
        const notes = [];
        if (riskmap.overview) notes.push({ text: riskmap.say("overview_hint") });
        if (view.unlocated) notes.push({ text: riskmap.say("legend_unlocated", { n: riskmap.number(view.unlocated) }) });
        if (view.note) notes.push({ text: view.note, class: view.alarm ? "rm-alarm" : "" });
        this._note.replaceChildren(...notes.map((note) => make("span", note)));
        this.getContainer().hidden = Boolean(view.planned); // these are no records of the ledger
      },
    });
    const legend = new Legend().addTo(map);
    riskmap.followers.push((view) => legend.show(view));
    riskmap.legendNote = () => legend.show(riskmap.view);
  });
})();
