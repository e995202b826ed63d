// Where an import would put its points, before it is committed: by what would become of each, and from where it would come.
(() => {
  const CELL = 3; // CSS pixels: one dot a cell, of the kind that must be seen most
  const LINE_CELL = 26; // of forty thousand ways that are alike these few show where to
  const NEAR = 3; // CSS pixels: a shorter way is no line

  const arrow = (context, x0, y0, x1, y1, head) => {
    const turn = Math.atan2(y1 - y0, x1 - x0);
    context.moveTo(x0, y0);
    context.lineTo(x1, y1);
    for (const side of [2.6, -2.6]) {
      context.moveTo(x1, y1);
      context.lineTo(x1 + head * Math.cos(turn + side), y1 + head * Math.sin(turn + side));
    }
  };

  /** Read the points (their bytes are described in riskmap/actions/import_outlook.py). */
  const read = (buffer) => {
    const head = new DataView(buffer), n = head.getUint32(0, true), m = head.getUint32(4, true);
    const ints = (k) => new Int32Array(buffer, 8 + 4 * k, k < 2 * n ? n : m);
    return {
      n, m, lon: ints(0), lat: ints(n), fromLon: ints(2 * n), fromLat: ints(2 * n + m), toLon: ints(2 * n + 2 * m), toLat: ints(2 * n + 3 * m),
      kind: new Uint8Array(buffer, 8 + 4 * (2 * n + 4 * m), n),
    };
  };

  const Planned = riskmap.Canvas.extend({
    options: { pane: "planned" },
    show(data, colours) { this._data = data; this._colours = colours; this.redraw(); },

    paint(context, view) {
      this._drawn = { points: 0, lines: 0 };
      if (!this._data) return;
      context.scale(view.ratio, view.ratio);
      this._dots(context, view);
      this._lines(context, view);
    },

    _lines(context, { at, holds, size }) {
      const { m, fromLon, fromLat, toLon, toLat } = this._data, first = riskmap.firstInCell(size, LINE_CELL);
      context.beginPath();
      for (let i = 0; i < m; i++) {
        const a = [fromLon[i] / 1e7, fromLat[i] / 1e7], b = [toLon[i] / 1e7, toLat[i] / 1e7];
        if (!holds(...a) && !holds(...b)) continue;
        const [x0, y0] = at(...a), [x1, y1] = at(...b), way = Math.hypot(x1 - x0, y1 - y0);
        if (way < NEAR || !first(x1, y1)) continue;
        arrow(context, x0, y0, x1, y1, Math.min(6, way / 2));
        this._drawn.lines += 1;
      }
      for (const [colour, width] of [["rgba(255, 255, 255, .9)", 3.6], ["#10253f", 1.3]]) {
        context.strokeStyle = colour;
        context.lineWidth = width;
        context.stroke();
      }
    },

    _dots(context, { at, holds, size, zoom }) {
      const { n, lon, lat, kind } = this._data, first = riskmap.firstInCell(size, CELL);
      const chosen = [], radius = Math.max(2.2, Math.min(6, 2.6 + (zoom - 12) * 0.5));
      for (let i = n - 1; i >= 0; i--) { // the last kind must be seen most
        if (!holds(lon[i] / 1e7, lat[i] / 1e7)) continue;
        const [x, y] = at(lon[i] / 1e7, lat[i] / 1e7);
        if (first(x, y)) chosen.push([x, y, kind[i]]);
      }
      context.lineWidth = 0.8;
      context.strokeStyle = "rgba(255, 255, 255, .85)";
      for (const [x, y, k] of chosen.reverse()) {
        context.beginPath();
        context.arc(x, y, radius, 0, 2 * Math.PI);
        context.fillStyle = this._colours[k];
        context.fill();
        context.stroke();
        this._drawn.points += 1;
      }
    },
  });

  riskmap.parts.push((map, config) => {
    if (config.embedded !== "planned") return;
    map.createPane("planned").style.zIndex = 456;
    map.getPane("planned").style.pointerEvents = "none";
    const layer = new Planned();
    let url = null;
    riskmap.followers.push(({ planned }) => {
      if (!planned || url === planned.url) return;
      url = planned.url;
      const [west, south, east, north] = planned.bounds;
      riskmap.home = () => map.fitBounds([[south, west], [north, east]], { maxZoom: 17, padding: [16, 16], animate: false });
      map.setMaxBounds(null); // points in a wrong datum, or with the axes turned, may lie anywhere
      riskmap.home();
      fetch(url).then((answer) => (answer.ok ? answer.arrayBuffer() : Promise.reject(new Error(String(answer.status))))).then((buffer) => {
        if (url !== planned.url) return;
        if (!map.hasLayer(layer)) layer.addTo(map);
        layer.show(read(buffer), planned.colours);
        riskmap.planned = layer;
      }).catch((problem) => riskmap.announce(riskmap.say("planned_failed", { problem: problem.message })));
    });
  });
})();
