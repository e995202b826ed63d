// What every part of the map in a page shares.

/** Decode what Python put into the page: base64 of UTF-8 JSON, so that nothing in it is ever a template. */
riskmap.decode = (packed) =>
  JSON.parse(new TextDecoder().decode(Uint8Array.from(atob(packed), (c) => c.charCodeAt(0))));

riskmap.getJSON = async (url, signal) => {
  const answer = await fetch(url, { signal, headers: { Accept: "application/json" } });
  if (!answer.ok) throw new Error(String(answer.status));
  return answer.json();
};

/** The page around the frame, which is ours; null where it is not reachable (embedded elsewhere): the map still works. */
riskmap.page = (() => {
  try {
    return window.parent.location.href ? window.parent : null;
  } catch {
    return null;
  }
})();

// st_folium returns the GeoJSON of a clicked layer to Python as last_active_drawing. Messages travel
// as such a feature; `at` makes each one new, because equal values are not sent again.
const Messenger = L.Layer.extend({
  onAdd() {},
  onRemove() {},
  send(kind, properties = {}) {
    riskmap.page?.dispatchEvent(new Event("riskmap:step")); // see shell/history.js: the page hears no click in here
    const feature = { type: "Feature", geometry: null, properties: { ...properties, kind, at: Date.now() } };
    this.fire("click", { layer: { toGeoJSON: () => feature } });
  },
});

/** Start the map that folium built. `packed` holds settings and texts (see riskmap/web/widgets/map.py). */
riskmap.start = (map, packed) => {
  riskmap.config = riskmap.decode(packed);
  riskmap.map = map;
  riskmap.messenger = new Messenger().addTo(map);
  riskmap.layersById = new Map(riskmap.config.layers.map((layer) => [layer.id, layer]));
  document.documentElement.lang = riskmap.config.lang === "zh" ? "zh-CN" : "en";
  map.attributionControl.setPrefix(false);
  for (const begin of riskmap.parts) begin(map, riskmap.config);
};

/** Run when the first points are painted (at the latest after a while): what lies below them can wait. */
riskmap.afterPoints = (what) => {
  const once = () => {
    clearTimeout(late);
    riskmap.map.off("riskmap:painted", once);
    requestAnimationFrame(() => setTimeout(what));
  };
  const late = setTimeout(once, 1500);
  riskmap.map.on("riskmap:painted", once);
};

/** Each part adds a function (map, config) that runs when the map starts, in this order. */
riskmap.parts = [];
/** Each part that follows the filter adds a function (view) that runs whenever the filter changes. */
riskmap.followers = [];

// What the filter shows right now comes through st_folium's feature group: a filter change swaps this
// layer, and the tiles behind it are painted over in place, without an empty moment.
const Showing = L.Layer.extend({
  initialize(view) {
    this._view = view;
  },
  onAdd() {
    riskmap.view = this._view;
    for (const follow of riskmap.followers) follow(this._view);
  },
  onRemove() {},
});
riskmap.showing = (packed) => new Showing(riskmap.decode(packed));
