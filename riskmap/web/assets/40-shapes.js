// What is drawn as it is: boundaries and hillshade below, grids and lines of the ledger above them.
(() => {
  const pane = (map, name, order) => {
    map.createPane(name).style.zIndex = order;
    map.getPane(name).style.pointerEvents = "none";
    return name;
  };

  riskmap.parts.push((map, config) => {
    if (config.painted) riskmap.afterPoints(() => fetch(config.painted).catch(() => {}));
    if (config.basemap) {
      L.tileLayer(config.basemap.url, { maxZoom: 20, maxNativeZoom: config.basemap.maxZoom, minNativeZoom: config.basemap.minZoom }).addTo(map);
    }
    if (config.hillshade) {
      const [west, south, east, north] = config.hillshade.bounds;
      const relief = L.imageOverlay(config.hillshade.url, [[south, west], [north, east]], {
        pane: pane(map, "relief", 210), opacity: 0.42, alt: "", interactive: false,
      });
      riskmap.afterPoints(() => relief.addTo(map));
    }
  });

  // Boundaries: the district's edge, its sub-districts and their names, and a veil over what lies outside.
  riskmap.parts.push((map, config) => {
    if (!config.boundaries) return;
    pane(map, "veil", 220);
    pane(map, "borders", 230);
    pane(map, "names", 460);
    const DISTRICT = { color: "#2f4a6d", weight: 2.4, opacity: 0.9, fill: false };
    const STREET = { color: "#5c7391", weight: 1.1, opacity: 0.75, dashArray: "5 4", fill: false };
    const CHOSEN = { color: "#123a66", weight: 3.6, opacity: 1, dashArray: null };
    const WORLD = [[-85, -180], [-85, 180], [85, 180], [85, -180]];
    const rings = ({ geometry }) =>
      (geometry.type === "Polygon" ? [geometry.coordinates] : geometry.coordinates).map(([outer]) => outer.map(([lon, lat]) => [lat, lon]));
    const style = ({ properties }) => (properties.kind === "district" ? DISTRICT : STREET);
    let veil = null, district = [], alone = "[]";

    /** Let the streets that the filter names stand out: all else lies under the veil. */
    const single = (streets) => {
      if (alone === JSON.stringify(streets)) return;
      alone = JSON.stringify(streets);
      const chosen = riskmap.places.filter(({ name }) => streets.includes(name));
      veil.setLatLngs([WORLD, ...(chosen.length ? chosen.flatMap(({ layer }) => rings(layer.feature)) : district)]);
      for (const place of riskmap.places) {
        const one = chosen.includes(place);
        place.layer.setStyle(one ? CHOSEN : STREET);
        if (one) place.layer.bringToFront();
        place.text.classList.toggle("rm-pale", chosen.length > 0 && !one);
      }
    };
    riskmap.followers.push((view) => { if (veil) single(view.streets ?? []); });

    const draw = (shapes) => {
      district = shapes.features.filter((feature) => feature.properties.kind === "district").flatMap(rings);
      veil = L.polygon([WORLD, ...district], { pane: "veil", stroke: false, fillColor: "#eef1f4", fillOpacity: 0.72, interactive: false }).addTo(map);
      const borders = L.geoJSON(shapes, { pane: "borders", style, interactive: false, renderer: L.svg({ pane: "borders" }) }).addTo(map);
      riskmap.places = borders.getLayers().filter((layer) => layer.feature.properties.label).map((layer) => {
        const { name, label: [lon, lat], area } = layer.feature.properties;
        return { name, at: [lat, lon], area, layer, text: riskmap.make("span", { class: "rm-place", text: name }) };
      });
      riskmap.places.forEach(({ text, at }) => {
        L.marker(at, {
          pane: "names", interactive: false, keyboard: false, icon: L.divIcon({ className: "rm-place-icon", html: text, iconSize: null }),
        }).addTo(map);
      });
      single(riskmap.view?.streets ?? []);
      riskmap.onPlaces();
    };
    riskmap.afterPoints(() => riskmap.getJSON(config.boundaries).then(draw).catch(() => {}));
    const fade = () => map.getContainer().classList.toggle("rm-near", map.getZoom() >= 16);
    map.on("zoomend", fade);
    fade();
  });

  // Polygons and lines of the ledger: those in view, filled by tier, asked for again when the view moves.
  riskmap.parts.push((map, config) => {
    if (!config.layers.some((layer) => layer.geometry !== "point")) return;
    map.createPane("shapes").style.zIndex = 420;
    const group = L.geoJSON(null, {
      pane: "shapes", interactive: false, renderer: L.canvas({ pane: "shapes", padding: 0.3 }),
      style: ({ properties }) => {
        const colour = config.ranks[properties.rank].colour;
        return { color: colour, weight: 1.6, opacity: 0.95, fillColor: colour, fillOpacity: 0.22 };
      },
    }).addTo(map);
    let asked = null, url = null, shown = "";
    const follow = async () => {
      if (!url) return;
      const box = map.getBounds().pad(0.2);
      const query = `${url}${url.includes("?") ? "&" : "?"}bbox=${box.toBBoxString()}&z=${map.getZoom()}`;
      asked?.abort();
      asked = new AbortController();
      try {
        const shapes = await riskmap.getJSON(query, asked.signal);
        const text = JSON.stringify([shapes.zoom, shapes.features.map(({ properties }) => [properties.id, properties.rank])]);
        if (text !== shown) { // with the zoom: each has its own simplification
          shown = text;
          group.clearLayers();
          group.addData(shapes);
          riskmap.shapeFeatures = shapes.features;
        }
      } catch (problem) {
        if (problem.name === "AbortError") return;
        riskmap.shapeFeatures = [];
      }
      map.fire("riskmap:complete");
    };
    riskmap.shapeFeatures = [];
    map.on("moveend", follow);
    riskmap.followers.push((view) => {
      if (url === view.shapes) return;
      const first = url === null;
      url = view.shapes;
      shown = "";
      if (!url) {
        group.clearLayers();
        riskmap.shapeFeatures = [];
      } else if (first) riskmap.afterPoints(follow);
      else follow();
    });
  });

  const inRing = (ring, lon, lat) => {
    let inside = false;
    for (let i = 0, j = ring.length - 1; i < ring.length; j = i++) {
      const [xi, yi] = ring[i], [xj, yj] = ring[j];
      if (yi > lat !== yj > lat && lon < ((xj - xi) * (lat - yi)) / (yj - yi) + xi) inside = !inside;
    }
    return inside;
  };

  /** Every line and polygon in view, as `riskmap.points.drawn` has the symbols; a place on it stands for it. */
  riskmap.shapesDrawn = (map) =>
    (riskmap.shapeFeatures || []).map(({ properties, geometry }) => {
      let line = geometry.coordinates;
      while (Array.isArray(line[0]?.[0])) line = line[0];
      const { x, y } = map.latLngToContainerPoint(middle(line));
      const layer = riskmap.config.layers.findIndex(({ id }) => id === properties.layer);
      return { id: properties.id, rank: properties.rank, layer, count: 1, x, y };
    });

  // Of a ring the centre of its box, of a line the corner in its middle.
  const middle = (line) => {
    const [first, last] = [line[0], line.at(-1)];
    if (first[0] !== last[0] || first[1] !== last[1]) return [...line[line.length >> 1]].slice(0, 2).reverse();
    return L.latLngBounds(line.map(([lon, lat]) => [lat, lon])).getCenter();
  };

  /** The polygon of the ledger under a place, or null. */
  riskmap.shapeAt = ({ lng, lat }) => {
    for (const feature of riskmap.shapeFeatures || []) {
      const { type, coordinates } = feature.geometry;
      const parts = type === "Polygon" ? [coordinates] : type === "MultiPolygon" ? coordinates : [];
      for (const [outer, ...holes] of parts) {
        if (inRing(outer, lng, lat) && !holes.some((hole) => inRing(hole, lng, lat))) return feature;
      }
    }
    return null;
  };
})();
