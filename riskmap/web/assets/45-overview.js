// Far out over very many points every cell holds a bad one, and "worst on top" would paint the whole
// district red. There the map shows numbers per sub-district, and only the worst tiers as symbols.
(() => {
  const { make } = riskmap;
  const DENSE = 8; // records per symbol, over the tiles in view

  const label = (name, ranks, config, zoomIn) => {
    const total = ranks.reduce((sum, n) => sum + n, 0);
    const bar = make("i", { attributes: { "aria-hidden": "true" } }, config.order.map((rank) => {
      const part = make("em");
      part.style.background = config.ranks[rank].colour;
      part.style.flex = `${ranks[rank]} 0 ${ranks[rank] ? "2px" : "0"}`;
      return part;
    }));
    const worst = config.order.slice(0, 2).filter((rank) => ranks[rank]).map((rank) =>
      make("span", { class: `rm-sum-${config.ranks[rank].id}`, text: `${config.ranks[rank].title} ${riskmap.number(ranks[rank])}` }));
    return make("button", { class: "rm-sum", attributes: { type: "button" }, on: { click: zoomIn } }, [
      make("span", { text: name }), make("b", { text: riskmap.number(total) }), bar, make("small", {}, worst),
    ]);
  };

  riskmap.parts.push((map, config) => {
    const points = riskmap.points, labels = L.layerGroup(), known = new Map();
    let dense = false, url = null;

    const draw = () => {
      labels.clearLayers();
      const numbers = new Map((riskmap.view.overview || []).map(({ name, ranks }) => [name, ranks]));
      const shades = [];
      for (const place of riskmap.places || []) {
        const ranks = numbers.get(place.name) || config.ranks.map(() => 0);
        const total = ranks.reduce((sum, n) => sum + n, 0);
        shades.push([place, total / Math.max(place.area, 1e-9)]);
        if (!total) continue;
        const box = place.layer.getBounds();
        const node = label(place.name, ranks, config, () => map.flyToBounds(box, { duration: 0.5 }));
        L.DomEvent.disableClickPropagation(node);
        L.marker(place.at, { keyboard: false, pane: "sums", icon: L.divIcon({ className: "rm-place-icon", html: node, iconSize: null }) }).addTo(labels);
      }
      const most = Math.max(...shades.map(([, value]) => value), 1e-9);
      for (const [place, value] of shades) {
        place.layer.setStyle(dense ? { fill: true, fillColor: "#17406f", fillOpacity: 0.05 + 0.32 * Math.sqrt(value / most) } : { fill: false });
      }
    };

    const turn = (now) => {
      if (now !== dense) {
        dense = now;
        riskmap.overview = dense;
        map.getContainer().classList.toggle("rm-dense", dense);
        points.repaint();
        if (dense) labels.addTo(map);
        else labels.remove();
      }
      draw();
      riskmap.legendNote?.();
    };

    const weigh = () => {
      let symbols = 0, records = 0;
      for (const { el, current } of Object.values(points._tiles || {})) {
        if (!current || !el.points) continue;
        symbols += el.points.n;
        for (const n of el.points.count) records += n;
      }
      if (!symbols) return;
      known.set(map.getZoom(), records / symbols);
      turn(records / symbols >= DENSE && Boolean(riskmap.places?.length));
    };

    map.createPane("sums").style.zIndex = 470;
    points.on("load shown", weigh);
    map.on("zoomend", () => {
      const before = known.get(map.getZoom());
      if (before !== undefined) turn(before >= DENSE && Boolean(riskmap.places?.length));
    });
    riskmap.onPlaces = weigh;
    riskmap.followers.push((view) => {
      if (url !== view.tiles) known.clear();
      url = view.tiles;
      if (dense) draw();
    });
  });
})();
