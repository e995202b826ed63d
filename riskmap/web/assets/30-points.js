// The point layer: binary tiles painted on canvases. One symbol stands for one cell, the worst point in it.
(() => {
  const UNGRADED = 6;
  const HIT = 12; // CSS pixels around the pointer
  const { strong, pull } = riskmap;

  /** Read a tile (its bytes are described in riskmap/selection/tiles.py). */
  riskmap.readTile = (buffer) => {
    const n = new DataView(buffer).getUint32(0, true);
    const id = new Uint32Array(buffer, 4, n), count = new Uint32Array(buffer, 4 + 4 * n, n);
    const x = new Int16Array(buffer, 4 + 8 * n, n), y = new Int16Array(buffer, 4 + 10 * n, n);
    const kind = new Uint8Array(buffer, 4 + 12 * n, n), layer = kind.map((k) => k >> 3);
    const { layers } = riskmap.config; // of a layer that is no risk the grades follow the tiers; one with classes has no grade
    const rank = kind.map((k, i) => {
      const { risk, classes } = layers[layer[i]];
      return risk ? k & 7 : classes.length ? UNGRADED : (k & 7) + 5;
    });
    return { n, extent: 4096, id, count, x, y, layer, rank, kind };
  };

  const PointTiles = L.GridLayer.extend({
    options: { keepBuffer: 1, updateWhenZooming: false, maxZoom: 20, pane: "points" },

    initialize(options) {
      L.setOptions(this, options);
      this.on("tileunload", (event) => event.tile.asked?.abort());
    },

    /** Show another selection: fetch the tiles in view again and paint over them. */
    show(url) {
      if (this._url === url) return;
      this._url = url;
      if (!this._map) return;
      const waiting = Object.values(this._tiles).map(({ el, coords }) => this._load(el, coords).catch(() => {}));
      Promise.all(waiting).then(() => this.fire("shown"));
    },

    createTile(coords, done) {
      const ratio = window.devicePixelRatio || 1;
      const tile = L.DomUtil.create("canvas", "leaflet-tile");
      tile.width = tile.height = Math.round(this.getTileSize().x * ratio);
      this._load(tile, coords).then(
        () => done(null, tile),
        (problem) => done(problem.name === "AbortError" ? null : problem, tile),
      );
      return tile;
    },

    async _load(tile, coords) {
      tile.asked?.abort();
      tile.asked = new AbortController();
      const url = this._url;
      const answer = await fetch(L.Util.template(url, coords), { signal: tile.asked.signal });
      if (!answer.ok) throw new Error(`tile ${answer.status}`);
      tile.points = riskmap.readTile(await answer.arrayBuffer());
      tile.url = url;
      this._paint(tile, coords.z);
    },

    /** Paint what is here again, after the way of showing it has changed. */
    repaint() {
      for (const { el, coords } of Object.values(this._tiles || {})) if (el.points) this._paint(el, coords.z);
    },

    _paint(tile, zoom) {
      const { points } = tile;
      const width = tile.width, ratio = width / this.getTileSize().x, scale = width / points.extent;
      const context = tile.getContext("2d");
      const image = context.createImageData(width, width);
      const picture = new Uint32Array(image.data.buffer);
      const { layers, ranks } = riskmap.config;
      for (let i = 0; i < points.n; i++) { // in drawing order: the worst comes last and lies on top
        const rank = points.rank[i], { symbol, classes } = layers[points.layer[i]];
        if (riskmap.overview && !strong(rank)) continue;
        const colour = classes.length ? classes[points.kind[i] & 7].colour : ranks[rank].colour;
        const stamp = riskmap.stamp(symbol, colour, riskmap.radius(rank, zoom, points.count[i]), ratio, riskmap.look(rank, zoom));
        riskmap.press(picture, width, stamp, Math.round(points.x[i] * scale), Math.round(points.y[i] * scale));
      }
      context.putImageData(image, 0, 0);
      if (points.n) this.fire("painted");
    },

    /** Every symbol that is drawn, one by one: id, rank, layer, how many it stands for, where in the map's window. */
    *drawn() {
      if (!this._map) return;
      const side = this.getTileSize().x, origin = this._map.getPixelOrigin();
      for (const { el, coords, current } of Object.values(this._tiles)) {
        if (!current || !el.points || coords.z !== this._map.getZoom()) continue;
        const { n, extent, x, y, rank, layer, id, count } = el.points, scale = side / extent;
        const corner = this._map.layerPointToContainerPoint(L.point(coords.x, coords.y).multiplyBy(side).subtract(origin));
        for (let i = 0; i < n; i++) {
          if (x[i] < 0 || y[i] < 0 || x[i] >= extent || y[i] >= extent) continue; // the neighbour's own
          if (riskmap.overview && !strong(rank[i])) continue;
          yield { id: id[i], rank: rank[i], layer: layer[i], count: count[i], x: corner.x + x[i] * scale, y: corner.y + y[i] * scale };
        }
      }
    },

    /** The symbol nearest to a place, the worse one where two are as near; null where there is none. */
    nearest(latlng) {
      const zoom = this._tileZoom, side = this.getTileSize().x;
      const at = this._map.project(latlng, zoom);
      let best = null;
      for (const [dx, dy] of [[0, 0], [-HIT, 0], [HIT, 0], [0, -HIT], [0, HIT]]) {
        const tx = Math.floor((at.x + dx) / side), ty = Math.floor((at.y + dy) / side);
        const points = this._tiles[`${tx}:${ty}:${zoom}`]?.el.points;
        if (!points) continue;
        const scale = side / points.extent;
        for (let i = 0; i < points.n; i++) {
          if (riskmap.overview && !strong(points.rank[i])) continue;
          const x = tx * side + points.x[i] * scale, y = ty * side + points.y[i] * scale;
          const distance = Math.hypot(x - at.x, y - at.y) - pull(points.rank[i]);
          if (distance < HIT && (!best || distance < best.distance)) {
            best = { distance, id: points.id[i], count: points.count[i], latlng: this._map.unproject([x, y], zoom) };
          }
        }
      }
      return best;
    },
  });

  riskmap.parts.push((map) => {
    map.createPane("points").style.zIndex = 450;
    riskmap.points = new PointTiles();
    riskmap.points.on("painted load", () => map.fire("riskmap:painted"));
    riskmap.points.on("load shown", () => map.fire("riskmap:complete"));
    // The page made larger, or on another screen: a canvas has the pixels of the ratio it was made for.
    let ratio = window.devicePixelRatio;
    addEventListener("resize", () => {
      if (ratio === window.devicePixelRatio) return;
      ratio = window.devicePixelRatio;
      riskmap.points.redraw();
    });
    riskmap.followers.push((view) => {
      riskmap.points.show(view.tiles);
      if (!map.hasLayer(riskmap.points)) riskmap.points.addTo(map);
    });
  });
})();
