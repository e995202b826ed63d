// A canvas over the view, painted anew whenever the view moves: for points that come as degrees, not as tiles.
riskmap.Canvas = L.Layer.extend({
  onAdd(map) {
    this._canvas = L.DomUtil.create("canvas", `rm-canvas rm-${this.options.pane} leaflet-zoom-hide`, this.getPane());
    map.on("moveend resize zoomend", this.redraw, this);
    this.redraw();
  },
  onRemove(map) {
    map.off("moveend resize zoomend", this.redraw, this);
    this._canvas.remove();
  },

  /** Fit the canvas to the view and let `paint(context, view)` fill it; `view.at(lon, lat)` gives CSS pixels. */
  redraw() {
    if (!this._map || !this._canvas) return;
    const map = this._map, size = map.getSize(), ratio = window.devicePixelRatio || 1;
    const corner = map.containerPointToLayerPoint([0, 0]);
    L.DomUtil.setPosition(this._canvas, corner);
    this._canvas.width = Math.round(size.x * ratio);
    this._canvas.height = Math.round(size.y * ratio);
    this._canvas.style.width = `${size.x}px`;
    this._canvas.style.height = `${size.y}px`;
    const origin = map.getPixelOrigin(), scale = 256 * 2 ** map.getZoom(), bounds = map.getBounds().pad(0.05);
    const west = bounds.getWest(), east = bounds.getEast(), south = bounds.getSouth(), north = bounds.getNorth();
    const at = (lon, lat) => {
      const sine = Math.sin((lat * Math.PI) / 180);
      return [
        (lon / 360 + 0.5) * scale - origin.x - corner.x,
        (0.5 - Math.log((1 + sine) / (1 - sine)) / (4 * Math.PI)) * scale - origin.y - corner.y,
      ];
    };
    const holds = (lon, lat) => lon >= west && lon <= east && lat >= south && lat <= north;
    this.paint(this._canvas.getContext("2d"), { at, holds, size, ratio, zoom: map.getZoom() });
  },
});

/** Tell for places on the screen whether they are the first in their cell of some CSS pixels. */
riskmap.firstInCell = (size, cell) => {
  const columns = Math.ceil(size.x / cell) + 4, taken = new Uint8Array(columns * (Math.ceil(size.y / cell) + 4));
  return (x, y) => {
    const k = (Math.floor(y / cell) + 2) * columns + Math.floor(x / cell) + 2;
    if (k < 0 || k >= taken.length || taken[k]) return false;
    taken[k] = 1;
    return true;
  };
};
