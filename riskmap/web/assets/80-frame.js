// Around the map: where it opens, the address bar, the legend, scale, keyboard, the approval number.
(() => {
  const { make } = riskmap;

  // The page around the frame is ours; where it is not reachable (embedded elsewhere) the map still works.
  const page = (() => {
    try {
      return window.parent.location.href ? window.parent : null;
    } catch {
      return null;
    }
  })();

  // The address wins; without one the map opens where it was left in this tab (another page lay between).
  const KEPT = "riskmap.at";
  const fromAddress = () => {
    const text = page && (new URLSearchParams(page.location.search).get("at") || sessionStorage.getItem(KEPT));
    const parts = (text || "").split(",").map(Number);
    const [lat, lon, zoom] = parts;
    const sound = parts.length === 3 && parts.every(Number.isFinite) && Math.abs(lat) <= 85 && Math.abs(lon) <= 180;
    return sound ? { center: [lat, lon], zoom: Math.min(20, Math.max(3, Math.round(zoom))) } : null;
  };

  const toAddress = (map) => {
    if (!page) return;
    const { lat, lng } = map.getCenter();
    const at = `${lat.toFixed(5)},${lng.toFixed(5)},${map.getZoom()}`;
    sessionStorage.setItem(KEPT, at);
    const address = new URL(page.location.href);
    if (address.searchParams.get("at") === at) return;
    address.searchParams.set("at", at);
    page.history.replaceState(page.history.state, "", address.toString().replaceAll("%2C", ","));
  };

  riskmap.parts.push((map, config) => {
    const [west, south, east, north] = config.bounds;
    const box = L.latLngBounds([south, west], [north, east]);
    map.setMinZoom(3);
    map.setMaxBounds(box.pad(2.5));
    const fit = () => map.fitBounds(box, { padding: [10, 10], animate: false });
    const start = fromAddress();
    map.invalidateSize({ pan: false });
    if (start) map.setView(start.center, start.zoom, { animate: false });
    else fit();
    // The whole district stays in view while the window changes, until somebody moves the map.
    let moved = Boolean(start), size = map.getSize();
    new ResizeObserver(() => {
      map.invalidateSize({ pan: false });
      if (map.getSize().equals(size)) return;
      size = map.getSize();
      if (!moved) fit();
    }).observe(map.getContainer());
    riskmap.goHome = fit;
    for (const event of ["pointerdown", "keydown", "wheel"]) {
      map.getContainer().addEventListener(event, () => { moved = true; }, { capture: true, passive: true });
    }
    map.on("moveend", () => { if (moved) toAddress(map); });
    // Streamlit writes the address when a filter changes and knows an older view: put ours back.
    setInterval(() => { if (moved) toAddress(map); }, 700);
  });

  riskmap.parts.push((map, config) => {
    const container = map.getContainer();
    container.setAttribute("role", "application");
    container.setAttribute("aria-label", riskmap.say("map_label"));
    const live = make("div", { class: "rm-live", attributes: { "aria-live": "polite" } });
    container.append(live);
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
        const open = map.getSize().x > 800;
        this._tiers = make("ul", { class: "rm-legend-tiers" });
        this._grades = make("ul", { class: "rm-legend-grades" }); // of what is no risk
        this._layers = make("ul", { class: "rm-legend-layers" });
        this._note = make("p", { class: "rm-legend-note" });
        const details = make("details", { class: "rm-legend", attributes: open ? { open: "" } : {} }, [
          make("summary", { text: riskmap.say("legend") }), this._tiers, this._grades, this._layers, this._note,
        ]);
        L.DomEvent.disableClickPropagation(details);
        L.DomEvent.disableScrollPropagation(details);
        return details;
      },
      show(view) {
        const row = (badge, title, n) =>
          make("li", { class: n === 0 ? "rm-zero" : "" }, [badge, make("span", { text: title }), make("b", { text: riskmap.number(n) })]);
        this._tiers.replaceChildren(...config.order.map((rank) =>
          row(riskmap.badge("circle", config.ranks[rank].colour, 5, riskmap.strong(rank)), config.ranks[rank].title, view.tiers[rank] ?? 0)));
        this._grades.replaceChildren(...config.grades.filter((rank) => view.tiers[rank]).map((rank) =>
          row(riskmap.badge("circle", config.ranks[rank].colour, 5), config.ranks[rank].title, view.tiers[rank])));
        this._layers.replaceChildren(...config.layers.map((layer, i) =>
          row(riskmap.badge(layer.symbol, "#7b8797", 4.6), layer.title, view.layers[i] ?? 0)));
        const notes = [];
        if (riskmap.overview) notes.push({ text: riskmap.say("overview_hint") });
        if (view.unlocated) notes.push({ text: riskmap.say("legend_unlocated", { n: riskmap.number(view.unlocated) }) });
        if (view.note) notes.push({ text: view.note, class: view.alarm ? "rm-alarm" : "" });
        this._note.replaceChildren(...notes.map((note) => make("span", note)));
      },
    });
    const legend = new Legend().addTo(map);
    riskmap.followers.push((view) => legend.show(view));
    riskmap.legendNote = () => legend.show(riskmap.view);
  });
})();
