// The map as one file. Rows lie in drawing order, the worst last; texts of the ledger are only ever set as text.
const { make, say, number } = riskmap;
const text = (id) => document.getElementById(id).textContent;
const facts = JSON.parse(text("facts"));
const config = (riskmap.config = { texts: {}, ranks: [] });
const UNRATED = 1, UNGRADED = 6, NONE = 255, ROW = 44, HIT = 14;
const whole = document.getElementById("whole");

const bytes = (id) => Uint8Array.from(atob(text(id)), (c) => c.charCodeAt(0));
const unpacked = (id) =>
  new Response(new Blob([bytes(id)]).stream().pipeThrough(new DecompressionStream("gzip"))).arrayBuffer();

/** Read the columns (riskmap/reports/map_page.py): blocks, each behind its length; numbers as wide as they fill it. */
const columns = (buffer) => {
  const view = new DataView(buffer), n = view.getUint32(0, true), west = view.getInt32(4, true), south = view.getInt32(8, true);
  let at = 12;
  const block = () => {
    const size = view.getUint32(at, true), part = buffer.slice(at + 4, at + 4 + size);
    at += 4 + size;
    return part;
  };
  const numbers = () => {
    const part = block();
    return n === 0 ? new Uint8Array() : new { 1: Uint8Array, 2: Uint16Array, 4: Uint32Array }[part.byteLength / n](part);
  };
  const words = () => (n ? new TextDecoder().decode(block()).split("\n") : (block(), []));
  const dx = numbers(), dy = numbers(), kind = numbers(), street = numbers(), name = words(), code = words();
  const more = facts.details.map(words);
  const nowhere = 2 ** (8 * (dx.BYTES_PER_ELEMENT || 1)) - 1;
  const px = new Float64Array(n), py = new Float64Array(n); // Web Mercator, 0 … 1
  for (let i = 0; i < n; i++) {
    if (dx[i] === nowhere) {
      px[i] = py[i] = NaN;
      continue;
    }
    [px[i], py[i]] = mercator((west + dx[i]) / 1e5, (south + dy[i]) / 1e5);
  }
  return { n, px, py, kind, street, name, code, more };
};

const mercator = (lon, lat) => {
  const sine = Math.sin((lat * Math.PI) / 180);
  return [lon / 360 + 0.5, 0.5 - Math.log((1 + sine) / (1 - sine)) / (4 * Math.PI)];
};
const degrees = (x, y) => [(x - 0.5) * 360, (360 / Math.PI) * Math.atan(Math.exp((0.5 - y) * 2 * Math.PI)) - 90];

const folded = (words) => words.normalize("NFKC").toLowerCase();

/** Begin once the columns are there. */
const begin = (rows, shapes) => {
  const { n, px, py, kind, street, name, code, more } = rows;
  const ranks = facts.ranks, layers = facts.layers;
  const layerOf = kind.map((k) => k >> 3);
  // What a row is drawn as: of what is no risk the grades follow the tiers; where classes colour it, no model scores it.
  const rankOf = kind.map((k) => {
    const { risk, classes } = layers[k >> 3];
    return classes.length ? (risk ? UNRATED : UNGRADED) : (k & 7) + (risk ? 0 : 5);
  });
  const gateOf = kind.map((k, i) => (layers[k >> 3].standing ? rankOf[i] : NONE)); // what the tiers choose among
  const colourOf = (i) => {
    const { classes } = layers[layerOf[i]];
    return classes.length ? classes[kind[i] & 7].colour : ranks[rankOf[i]].colour;
  };
  const sought = name.map((words, i) => folded([words, code[i], ...more.map((column) => column[i])].join(" ")));

  // --- what is chosen
  const off = { ranks: new Set(), layers: new Set() };
  let lang = facts.lang, where = -1, wanted = "", shown = new Uint32Array(n), outlined = [], chosen = -1;
  const choose = () => {
    const words = folded(wanted).split(/\s+/).filter(Boolean), found = new Uint32Array(n);
    const on = new Uint8Array(n);
    let k = 0;
    for (let i = 0; i < n; i++) {
      if (where >= 0 && street[i] !== where) continue;
      if (off.layers.has(layerOf[i]) || off.ranks.has(gateOf[i])) continue;
      if (words.length && !words.every((word) => sought[i].includes(word))) continue;
      found[k++] = i;
      on[i] = 1;
    }
    shown = found.subarray(0, k);
    outlined = [...shapes.of].filter(([i]) => on[i]);
    riskmap.shown = shown;
  };
  choose();
  const untouched = () => !off.ranks.size && !off.layers.size && where < 0 && !wanted.trim();

  // --- the map
  const box = make("div", { attributes: { tabindex: "0" } });
  const card = make("section", { class: "mp-card", attributes: { role: "region", "aria-live": "polite", hidden: "", "data-field": "record" } });
  const nothing = make("div", { class: "rm-nothing", attributes: { role: "status" } });
  const mapPart = make("main", { class: "mp-map" }, [box, nothing, card]);
  const side = make("aside", { class: "mp-side" });
  const head = make("header", { class: "mp-head", attributes: { "data-field": "file" } });
  const skip = make("a", { class: "mp-skip", attributes: { href: "#records" }, on: { click: (event) => { event.preventDefault(); list.focus(); } } });
  whole.append(skip, head, mapPart, side);
  document.getElementById("needs").hidden = true;
  whole.hidden = false;

  const map = L.map(box, { zoomControl: true, attributionControl: false, preferCanvas: true, fadeAnimation: false, maxZoom: 20, minZoom: 3 });
  const [west, south, east, north] = facts.bounds;
  const district = L.latLngBounds([south, west], [north, east]);
  // Beside the legend, where there is room for both.
  const fit = (where) => map.fitBounds(where, { animate: false, maxZoom: 17, paddingTopLeft: [map.getSize().x > 700 ? 185 : 10, 10], paddingBottomRight: [10, 10] });
  fit(district);
  map.setMaxBounds(district.pad(2.5));
  const pane = (called, order) => {
    map.createPane(called).style.zIndex = order;
    map.getPane(called).style.pointerEvents = "none";
    return called;
  };
  pane("relief", 150);
  pane("borders", 230);
  pane("points", 450);
  pane("names", 460);
  pane("chosen", 470);

  const Points = L.GridLayer.extend({
    options: { tileSize: 512, updateWhenZooming: false, keepBuffer: 1, pane: "points", maxZoom: 20 },
    createTile(coords, done) {
      const ratio = window.devicePixelRatio || 1, tile = L.DomUtil.create("canvas", "leaflet-tile");
      tile.width = tile.height = Math.round(512 * ratio);
      owe(() => {
        paint(tile, coords, ratio);
        done(null, tile);
      });
      return tile;
    },
    /** Paint what is here again, after another choice. */
    repaint() {
      for (const { el, coords } of Object.values(this._tiles || {})) paint(el, coords, el.width / 512);
    },
  });

  // A drag brings a row of tiles at once: as many a frame as it has time for, or the drag stutters. On a map at rest they come soon.
  let moving = false;
  map.on("movestart", () => { moving = true; }).on("moveend", () => { moving = false; });
  const owed = [];
  const owe = (task) => {
    if (owed.push(task) === 1) requestAnimationFrame(pay);
  };
  const pay = () => {
    const until = performance.now() + (moving ? 6 : 60);
    do owed.shift()?.();
    while (owed.length && performance.now() < until);
    if (owed.length) requestAnimationFrame(pay);
  };

  // Symbols are pressed as pixels: paths of ten thousand circles take a tenth of a second a tile.
  const paint = (tile, coords, ratio) => {
    const context = tile.getContext("2d", { willReadFrequently: true }), scale = 256 * 2 ** coords.z, width = tile.width;
    const left = coords.x * 512, top = coords.y * 512, reach = 12;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, 512, 512);
    const image = outlines(context, scale, left, top) ? context.getImageData(0, 0, width, width) : context.createImageData(width, width);
    const picture = new Uint32Array(image.data.buffer);
    const west = (left - reach) / scale, east = (left + 512 + reach) / scale;
    const north = (top - reach) / scale, south = (top + 512 + reach) / scale;
    let now = -1, stamp = null;
    for (let k = 0; k < shown.length; k++) {
      const i = shown[k], x = px[i], y = py[i];
      if (!(x > west && x < east && y > north && y < south) || shapes.of.has(i)) continue;
      if (kind[i] !== now) {
        now = kind[i];
        const rank = rankOf[i];
        stamp = riskmap.stamp(layers[layerOf[i]].symbol, colourOf(i), riskmap.radius(rank, coords.z), ratio, riskmap.look(rank, coords.z));
      }
      riskmap.press(picture, width, stamp, Math.round((x * scale - left) * ratio), Math.round((y * scale - top) * ratio));
    }
    context.putImageData(image, 0, 0);
  };

  // Lines and polygons lie under the symbols: a wash of the tier within a line. Tells whether there was one.
  const outlines = (context, scale, left, top) => {
    let drawn = false;
    for (const [i, shape] of outlined) {
      const [w, n, e, s] = shape.box;
      if (e * scale < left - 4 || w * scale > left + 516 || s * scale < top - 4 || n * scale > top + 516) continue;
      drawn = true;
      trace(context, shape, scale, left, top);
      context.strokeStyle = context.fillStyle = colourOf(i);
      context.globalAlpha = 0.22;
      if (shape.closed) context.fill("evenodd");
      context.globalAlpha = 0.95;
      context.lineWidth = riskmap.strong(rankOf[i]) ? 2.4 : 1.6;
      context.stroke();
      context.globalAlpha = 1;
    }
    return drawn;
  };
  const trace = (context, shape, scale, left, top) => {
    context.beginPath();
    for (const ring of shape.rings) {
      for (let j = 0; j < ring.length; j += 2) context[j ? "lineTo" : "moveTo"](ring[j] * scale - left, ring[j + 1] * scale - top);
      if (shape.closed) context.closePath();
    }
  };

  const relief = text("relief").trim();
  if (relief) {
    const [w, s, e, n] = facts.relief;
    L.imageOverlay(`data:image/webp;base64,${relief}`, [[s, w], [n, e]], { pane: "relief", opacity: 0.42, alt: "", interactive: false }).addTo(map);
  }
  const WORLD = [[-85, -180], [-85, 180], [85, 180], [85, -180]];
  const latLngs = (rings) => rings.map((ring) => Array.from({ length: ring.length / 2 }, (_, j) => degrees(ring[2 * j], ring[2 * j + 1]).reverse()));
  // Veil and boundaries share a canvas: each layer over the whole map slows a drag.
  const edge = latLngs(shapes.district);
  const veil = edge.length ? L.polygon([WORLD, ...edge], { pane: "borders", stroke: false, fillColor: "#eef1f4", fillOpacity: 0.72, interactive: false }).addTo(map) : null;
  const places = shapes.streets.map((place) => {
    const text = make("span", { class: "rm-place", text: facts.streets[place.street] });
    L.marker(degrees(...place.label).reverse(), { pane: "names", interactive: false, keyboard: false, icon: L.divIcon({ className: "rm-place-icon", html: text, iconSize: null }) }).addTo(map);
    const line = L.polygon(latLngs(place.rings), { pane: "borders", color: "#5c7391", weight: 1.1, opacity: 0.75, dashArray: "5 4", fill: false, interactive: false }).addTo(map);
    return { ...place, text, line };
  });
  if (edge.length) L.polygon(edge, { pane: "borders", color: "#2f4a6d", weight: 2.4, opacity: 0.9, fill: false, interactive: false }).addTo(map);
  const points = new Points();
  points.once("load", () => requestAnimationFrame(() => { document.documentElement.dataset.ready = "yes"; }));
  points.addTo(map);
  riskmap.map = map;
  riskmap.points = points;

  /** The street that is chosen stands out, all else lies under the veil, and the map goes there. */
  const single = () => {
    const one = places.find((place) => place.street === where);
    veil?.setLatLngs([WORLD, ...(one ? latLngs(one.rings) : edge)]);
    for (const place of places) {
      place.line.setStyle(place === one ? { color: "#123a66", weight: 3.6, dashArray: null } : { color: "#5c7391", weight: 1.1, dashArray: "5 4" });
      place.text.classList.toggle("rm-pale", Boolean(one) && place !== one);
    }
    if (one) return fit(one.line.getBounds());
    const some = Array.from(shown).filter((i) => !Number.isNaN(px[i]));
    if (where < 0 || !some.length) return fit(district);
    return fit(L.latLngBounds(some.map((i) => degrees(px[i], py[i]).reverse())));
  };

  // --- one record
  const halo = L.circleMarker([0, 0], { pane: "chosen", radius: 13, color: "#10253f", weight: 3, fill: false, interactive: false });
  const strong = (i) => riskmap.strong(rankOf[i]);
  const badge = (i, size) => riskmap.badge(layers[layerOf[i]].symbol, colourOf(i), size, strong(i));
  const standing = (i) => {
    const { classes } = layers[layerOf[i]];
    if (classes.length) return make("span", { class: "rm-tier rm-tier-ungraded", text: classes[kind[i] & 7].title[lang] });
    if (gateOf[i] === NONE) return null;
    const rank = ranks[rankOf[i]];
    return make("span", { class: `rm-tier rm-tier-${rank.id}`, text: rank.title[lang] });
  };
  const layerTitle = (i) => layers[layerOf[i]].title[lang];

  let here = [], back = null;
  const show = (i, { fly = false, among = [i], from = null } = {}) => {
    chosen = i;
    here = among;
    if (from) back = from;
    const at = Number.isNaN(px[i]) ? null : degrees(px[i], py[i]);
    const told = [
      [say("layer"), layerTitle(i)], [say("code"), code[i]], [say("street"), facts.streets[street[i]]],
      [say("position"), at ? `${at[0].toFixed(5)}, ${at[1].toFixed(5)}` : say("unlocated")],
      ...facts.details.map(({ title }, k) => [title[lang], more[k][i].replaceAll("\u2028", "\n")]),
    ];
    const turn = (step, key) => make("button", { text: say(key), attributes: { type: "button" }, on: { click: () => show(here[(here.indexOf(i) + step + here.length) % here.length], { among: here }) } });
    card.replaceChildren(
      make("h2", {}, [badge(i, 6), make("span", { text: name[i] || code[i] })]),
      make("button", { class: "mp-close", text: "×", attributes: { type: "button", "aria-label": say("close") }, on: { click: shut } }),
      make("p", {}, [standing(i)]),
      make("dl", {}, told.filter(([, value]) => value).flatMap(([term, value]) => [make("dt", { text: term }), make("dd", { text: value })])),
    );
    if (here.length > 1) {
      card.append(make("p", { class: "mp-several" }, [make("span", { text: say("here", { n: here.length, i: here.indexOf(i) + 1 }) }), turn(-1, "previous"), turn(1, "next")]));
    }
    card.setAttribute("aria-label", name[i] || code[i]);
    card.hidden = false;
    if (at) {
      const place = L.latLng(at[1], at[0]), zoom = Math.max(map.getZoom(), 16);
      halo.setLatLng(place).addTo(map);
      if (fly) map.setView(place, zoom, { animate: riskmap.mayMove() && map.getZoom() >= 14 });
    } else halo.remove();
    rowsIn();
  };
  const shut = () => {
    chosen = -1;
    card.hidden = true;
    halo.remove();
    back?.focus();
    back = null;
    rowsIn();
  };
  card.addEventListener("keydown", (event) => { if (event.key === "Escape") shut(); });

  const inside = (ring, x, y) => {
    let within = false;
    for (let j = 0, l = ring.length - 2; j < ring.length; l = j, j += 2) {
      if (ring[j + 1] > y !== ring[l + 1] > y && x < ((ring[l] - ring[j]) * (y - ring[j + 1])) / (ring[l + 1] - ring[j + 1]) + ring[j]) within = !within;
    }
    return within;
  };
  const holds = (shape, x, y) => shape.closed && shape.rings.reduce((within, ring) => within !== inside(ring, x, y), false);

  /** The records at a place, the nearest first and of those as near the worse; a polygon where no symbol is. */
  const hits = ({ lng, lat }) => {
    const scale = 256 * 2 ** map.getZoom(), [x, y] = mercator(lng, lat), found = [], under = [];
    for (const [i, shape] of outlined) if (holds(shape, x, y)) under.push(i);
    for (const i of shown) {
      const distance = Math.hypot(px[i] - x, py[i] - y) * scale;
      if (distance <= HIT && !shapes.of.get(i)?.closed) found.push([distance ** 2 - 9 * ranks[rankOf[i]].weight, i]);
    }
    found.sort(([a, i], [b, j]) => a - b || j - i);
    return [...found.map(([, i]) => i), ...under];
  };
  map.on("click", (event) => {
    const found = hits(event.latlng);
    if (found.length) show(found[0], { among: found.slice(0, 50), from: box });
    else if (!card.hidden) shut();
  });
  box.addEventListener("keydown", (event) => { if (event.key === "Escape" && !card.hidden) shut(); });

  // --- what is listed: rows are made for what is in view only
  const room = make("div", { class: "mp-room" });
  const list = make("div", { class: "mp-list", attributes: { id: "records", tabindex: "0", role: "listbox" } }, [room]);
  const listed = (k) => shown[shown.length - 1 - k];
  let active = 0;
  const rowsIn = () => {
    const first = Math.max(0, Math.floor(list.scrollTop / ROW) - 3), last = Math.min(shown.length, first + Math.ceil(list.clientHeight / ROW) + 7);
    const made = [];
    for (let k = first; k < last; k++) {
      const i = listed(k), at = Number.isNaN(px[i]);
      const row = make("div", {
        class: "mp-row",
        attributes: { "data-field": "record", role: "option", id: `row-${k}`, "aria-selected": String(k === active), "aria-posinset": k + 1, "aria-setsize": shown.length },
        on: { click: () => go(k) },
      }, [
        badge(i, 5), make("span", { text: name[i] || code[i] }), standing(i) || make("i"),
        make("small", {}, [document.createTextNode([code[i], layerTitle(i), facts.streets[street[i]]].filter(Boolean).join(" · ")), at ? make("i", { text: ` · ${say("unlocated")}` }) : null]),
        ...[code[i], layerTitle(i), facts.streets[street[i]]].map((cell, c) => make("span", { class: `mp-cell mp-${c + 1}`, text: cell })),
      ]);
      row.style.top = `${k * ROW}px`;
      made.push(row);
    }
    header.style.paddingRight = `${14 + list.offsetWidth - list.clientWidth}px`; // beside the scrollbar
    room.style.height = `${shown.length * ROW}px`;
    if (!shown.length) made.push(make("p", { class: "mp-note", text: say(n ? "nothing" : "empty") }));
    room.replaceChildren(...made);
    if (shown.length) list.setAttribute("aria-activedescendant", `row-${active}`);
    else list.removeAttribute("aria-activedescendant");
  };
  const go = (k) => {
    active = k;
    const wide = whole.classList.contains("mp-wide");
    if (wide) table();
    show(listed(k), { fly: true, from: list });
  };
  const walk = (k) => {
    active = Math.max(0, Math.min(shown.length - 1, k));
    const top = active * ROW;
    if (top < list.scrollTop) list.scrollTop = top;
    if (top + ROW > list.scrollTop + list.clientHeight) list.scrollTop = top + ROW - list.clientHeight;
    rowsIn();
  };
  list.addEventListener("scroll", rowsIn);
  list.addEventListener("keydown", (event) => {
    const page = Math.max(1, Math.floor(list.clientHeight / ROW) - 1);
    const to = { ArrowDown: active + 1, ArrowUp: active - 1, PageDown: active + page, PageUp: active - page, Home: 0, End: shown.length - 1 }[event.key];
    if (to !== undefined) walk(to);
    else if (event.key === "Enter" || event.key === " ") { if (shown.length) go(active); }
    else if (event.key === "Escape") { if (!card.hidden) shut(); }
    else return;
    event.preventDefault();
  });

  // --- what is written around it, in the language that is chosen
  const table = () => {
    whole.classList.toggle("mp-wide");
    words();
    map.invalidateSize({ animate: false });
    rowsIn();
  };
  const reset = () => {
    off.ranks.clear();
    off.layers.clear();
    const went = where >= 0;
    [where, wanted] = [-1, ""];
    input.value = "";
    streets.value = "-1";
    changed();
    if (went) single();
    list.focus();
  };
  const input = make("input", { attributes: { type: "search", autocomplete: "off", spellcheck: "false", maxlength: "80" } });
  const streets = make("select");
  const tiers = make("fieldset"), grades = make("fieldset"), kinds = make("fieldset");
  const count = make("span", { attributes: { role: "status" } });
  const all = make("button", { attributes: { type: "button" }, on: { click: reset } });
  const wide = make("button", { attributes: { type: "button" }, on: { click: table } });
  const header = make("div", { class: "mp-columns", attributes: { "aria-hidden": "true" } });
  const about = make("footer", { class: "mp-about", attributes: { "data-field": "file" } });
  side.append(
    make("div", { class: "mp-chosen" }, [make("div", { class: "mp-find" }, [input, streets]), tiers, grades, kinds]),
    make("div", { class: "mp-count" }, [count, all, wide]), header, list, about,
  );
  let waiting = null;
  input.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => { wanted = input.value; changed(); }, 120);
  });
  input.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" && event.key !== "ArrowDown") return;
    event.preventDefault();
    clearTimeout(waiting);
    wanted = input.value;
    changed();
    if (event.key === "ArrowDown" || !shown.length) list.focus();
    else go(0);
  });
  streets.addEventListener("change", () => { where = Number(streets.value); changed(); single(); });

  const chip = (set, key, sign, title) =>
    make("button", {
      class: "mp-chip", attributes: { type: "button", "aria-pressed": String(!set.has(key)), "data-key": key },
      on: {
        click: (event) => {
          if (!set.delete(key)) set.add(key);
          event.currentTarget.setAttribute("aria-pressed", String(!set.has(key)));
          changed();
        },
      },
    }, [sign, make("span", { text: title })]);
  const sign = ({ symbol, geometry }) => (geometry === "line" ? riskmap.lineBadge("#7b8797") : riskmap.badge(symbol, "#7b8797", 4.6));
  const graded = new Set(gateOf.filter((rank) => rank !== NONE));
  const order = [4, 3, 2, 1, 0].filter((rank) => rank !== 1).concat(1); // the unrated behind the tiers

  /** Say which figure a count is (`part`: or a part of which): of all that is in the file; after a choice only what is shown. */
  const marks = (figure, part = "") => {
    if (!untouched()) return { "data-shown": figure, title: say("figure_shown", { figure }) };
    const records = part ? "" : decodeURIComponent((facts.addresses[figure] || "").replaceAll("+", " "));
    return { "data-figure": figure, ...(part && { "data-within": part }), title: say(records ? "figure_records" : "figure", { figure, records }) };
  };

  const Legend = L.Control.extend({
    options: { position: "bottomleft" },
    onAdd() {
      this.tiers = make("ul", { class: "rm-legend-tiers" });
      this.grades = make("ul", { class: "rm-legend-grades" });
      this.layers = make("ul", { class: "rm-legend-layers" });
      this.note = make("p", { class: "rm-legend-note" });
      this.title = make("summary");
      const details = make("details", { class: "rm-legend", attributes: map.getSize().x > 560 ? { open: "" } : {} }, [this.title, this.tiers, this.grades, this.layers, this.note]);
      L.DomEvent.disableClickPropagation(details);
      L.DomEvent.disableScrollPropagation(details);
      return details;
    },
    show() {
      const ofRank = new Array(ranks.length).fill(0), ofLayer = layers.map(() => 0), ofClass = layers.map(({ classes }) => classes.map(() => 0));
      let nowhere = 0;
      for (const i of shown) {
        if (gateOf[i] !== NONE) ofRank[gateOf[i]]++;
        ofLayer[layerOf[i]]++;
        if (ofClass[layerOf[i]].length) ofClass[layerOf[i]][kind[i] & 7]++;
        if (Number.isNaN(px[i])) nowhere++;
      }
      const row = (badge, title, n, figure, part = "") =>
        make("li", { class: n === 0 ? "rm-zero" : "" }, [badge, make("span", { text: title }), make("b", { text: number(n), attributes: marks(figure, part) })]);
      const ranked = (rank) => {
        const { id, title, colour } = ranks[rank], [figure, part] = rank < 5 ? [`points.tiers.${id}`] : ["records.layer", `tier == ${id}`];
        return row(riskmap.badge("circle", colour, 5, riskmap.strong(rank)), title[lang], ofRank[rank], figure, part);
      };
      this.title.textContent = say("legend");
      this.tiers.replaceChildren(...(layers.some(({ risk }) => risk) ? order.map(ranked) : []));
      this.grades.replaceChildren(...order.map((rank) => rank + 5).filter((rank) => ofRank[rank]).map(ranked));
      this.layers.replaceChildren(...layers.flatMap((layer, l) => [
        row(sign(layer), layer.title[lang], ofLayer[l], `records.layer.${layer.id}`),
        ...layer.classes.flatMap(({ title, colour }, k) =>
          ofClass[l][k] ? [Object.assign(row(riskmap.badge(layer.symbol, colour, 4), title[lang], ofClass[l][k], `records.layer.${layer.id}`, title.zh), { className: "rm-class" })] : []),
      ]));
      this.note.replaceChildren(...(nowhere ? [make("span", { text: say("legend_unlocated", { n: number(nowhere) }), attributes: marks("records.layer", "unlocated") })] : []));
      const located = shown.length - nowhere;
      nothing.replaceChildren();
      if (!located) {
        nothing.append(make("span", { text: say(!n ? "empty" : shown.length ? "nothing_located" : "nothing", { n: number(shown.length) }), attributes: marks("records.layer", "unlocated") }));
        if (!untouched()) nothing.append(make("button", { text: say("reset"), attributes: { type: "button" }, on: { click: reset } }));
      }
    },
  });
  const legend = new Legend().addTo(map);
  const Notes = L.Control.extend({ options: { position: "bottomright" }, onAdd: () => make("div", { class: "rm-notes", attributes: { "data-field": "file" } }) });
  const notes = new Notes().addTo(map);
  L.control.scale({ imperial: false, maxWidth: 120, position: "bottomright", updateWhenIdle: true }).addTo(map);

  const counted = () => {
    const values = { n: number(shown.length), total: number(n) };
    count.textContent = say(untouched() ? "shown_all" : "shown", values);
    for (const mark of ["data-figure", "data-shown"]) count.removeAttribute(mark);
    for (const [key, value] of Object.entries(marks("records.layer"))) count.setAttribute(key, value);
    all.hidden = untouched();
  };
  const changed = () => {
    choose();
    active = 0;
    list.scrollTop = 0;
    if (chosen >= 0 && !shown.includes(chosen)) { back = null; shut(); }
    points.repaint();
    legend.show();
    counted();
    for (const [set, buttons] of [[off.ranks, [...tiers.querySelectorAll("button"), ...grades.querySelectorAll("button")]], [off.layers, kinds.querySelectorAll("button")]]) {
      for (const one of buttons) one.setAttribute("aria-pressed", String(!set.has(Number(one.dataset.key))));
    }
    rowsIn();
  };

  /** Say everything in the language that is chosen. */
  const words = () => {
    config.texts = facts.texts[lang];
    document.documentElement.lang = lang === "zh" ? "zh-CN" : "en";
    const title = facts.title[lang];
    document.title = title;
    const told = [say("as_of", { day: facts.as_of }), say("filter", { filter: facts.filter[lang] }), facts.publisher && say("publisher", { name: facts.publisher }), say(facts.made_by ? "made_by" : "made", { at: facts.made_at, by: facts.made_by })];
    head.replaceChildren(
      make("h1", { text: title }),
      facts.demo ? make("span", { class: "mp-mark", text: say("demo_mark") }) : "",
      facts.details.length ? make("span", { class: "mp-mark mp-alarm", text: say("unmasked") }) : "",
      make("p", { text: told.filter(Boolean).join(" · ") }),
      make("button", { text: say("language"), attributes: { type: "button", lang: lang === "zh" ? "en" : "zh-CN" }, on: { click: turned } }),
    );
    skip.textContent = say("skip");
    box.setAttribute("aria-label", say("map"));
    box.setAttribute("role", "application");
    input.placeholder = say("search_hint");
    input.setAttribute("aria-label", say("search"));
    streets.setAttribute("aria-label", say("street"));
    streets.replaceChildren(make("option", { text: say("street_all"), attributes: { value: "-1" } }), ...facts.streets.map((title, i) => make("option", { text: title || facts.none[lang], attributes: { value: i } })));
    streets.value = String(where);
    const group = (set, title, chips) => set.replaceChildren(...(chips.length ? [make("legend", { text: title }), ...chips] : []));
    const ranked = (rank) => chip(off.ranks, rank, riskmap.badge("circle", ranks[rank].colour, 5, riskmap.strong(rank)), ranks[rank].title[lang]);
    group(tiers, say("tiers"), order.filter((rank) => graded.has(rank)).map(ranked));
    group(grades, say("grades"), order.map((rank) => rank + 5).filter((rank) => graded.has(rank)).map(ranked));
    group(kinds, say("layers"), layers.map((layer, l) => chip(off.layers, l, sign(layer), layer.title[lang])));
    for (const set of [tiers, grades, kinds]) set.hidden = !set.children.length;
    all.textContent = say("reset");
    wide.textContent = say(whole.classList.contains("mp-wide") ? "map" : "table");
    list.setAttribute("aria-label", say("list"));
    header.replaceChildren(...["", say("tier"), say("name"), say("code"), say("layer"), say("street")].map((cell) => make("span", { text: cell })));
    about.replaceChildren(
      ...(facts.details.length ? [make("p", { class: "mp-alarm", text: say("unmasked") })] : []),
      ...facts.differences.map((what) => make("p", { class: "mp-alarm", text: say("differences", { what: what[lang] }) })),
      make("details", {}, [
        make("summary", { text: say("about") }),
        facts.details.length ? null : make("p", { text: say("masked") }),
        facts.models[lang] ? make("p", { text: say("models", { models: facts.models[lang] }) }) : null,
      ]),
    );
    notes.getContainer().replaceChildren(
      facts.demo ? make("b", { text: say("demo_mark") }) : "",
      make("span", { text: say("approval", { number: facts.approval || say("approval_none") }) }),
    );
    for (const [name, key] of [["in", "zoom_in"], ["out", "zoom_out"]]) {
      const button = box.querySelector(`.leaflet-control-zoom-${name}`);
      button?.setAttribute("title", say(key));
      button?.setAttribute("aria-label", say(key));
    }
    legend.show();
    counted();
    rowsIn();
    if (chosen >= 0) show(chosen, { among: here });
  };
  const turned = () => {
    lang = lang === "zh" ? "en" : "zh";
    words();
    head.querySelector("button").focus();
  };

  words();
  let ratio = window.devicePixelRatio;
  new ResizeObserver(() => {
    map.invalidateSize({ animate: false });
    rowsIn();
    if (ratio !== window.devicePixelRatio) { ratio = window.devicePixelRatio; points.redraw(); }
  }).observe(whole);
};

/** Outlines come as steps of 1e-5 degree; they leave as Web Mercator. */
const outlinesOf = (found) => {
  const ring = (steps) => {
    const made = new Float64Array(steps.length);
    let x = 0, y = 0;
    for (let j = 0; j < steps.length; j += 2) {
      [x, y] = [x + steps[j], y + steps[j + 1]];
      [made[j], made[j + 1]] = mercator(x / 1e5, y / 1e5);
    }
    return made;
  };
  const of = new Map(); // row → outline
  for (const [row, closed, parts] of found.records) {
    const rings = parts.map(ring);
    const box = [Infinity, Infinity, -Infinity, -Infinity];
    for (const part of rings) {
      for (let j = 0; j < part.length; j += 2) {
        box[0] = Math.min(box[0], part[j]);
        box[1] = Math.min(box[1], part[j + 1]);
        box[2] = Math.max(box[2], part[j]);
        box[3] = Math.max(box[3], part[j + 1]);
      }
    }
    of.set(row, { closed: Boolean(closed), rings, box });
  }
  const streets = found.streets.map(([street, label, parts]) => ({ street, label: mercator(...label), rings: parts.map(ring) }));
  return { of, streets, district: found.district.map(ring) };
};

if (typeof DecompressionStream === "function") {
  Promise.all([unpacked("points"), unpacked("shapes")]).then(([table, drawn]) => {
    const rows = columns(table);
    riskmap.rows = rows;
    begin(rows, outlinesOf(JSON.parse(new TextDecoder().decode(drawn))));
  });
}
