// A storm played over the map: track, cone, wind rings, and the points that it raises, hour by hour.
// Everything comes in two answers when the storm is shown; playing asks for nothing.
(() => {
  const { make } = riskmap;
  const KM = 1 / 111.12; // degrees of latitude
  const STEP_MS = 320; // one hour of the storm while it plays
  const FORCES = { 7: ["#e0a800", 0.1], 10: ["#e06c00", 0.12], 12: ["#c4161c", 0.14] };
  // Grades of a cyclone by its mean wind, m/s: colours of the dots along its track.
  const GRADES = [[51, "#7a0177"], [41.5, "#c51b8a"], [32.7, "#d7191c"], [24.5, "#f07d1a"], [17.2, "#e0b400"], [0, "#5b87b8"]];
  const grade = (wind) => (Number.isFinite(wind) ? GRADES.find(([from]) => wind >= from)[1] : "#8a8f98");
  const CELL = 4; // CSS pixels: one symbol a cell, the worst in it

  /** Read the raised points (their bytes are described in riskmap/response/playback.py). */
  const readRaised = (buffer) => {
    const n = new DataView(buffer).getUint32(0, true);
    let at = 4;
    const take = (kind) => {
      const found = new kind(buffer, at, n);
      at += n * kind.BYTES_PER_ELEMENT;
      return found;
    };
    return {
      n, id: take(Uint32Array), lon: take(Float32Array), lat: take(Float32Array),
      start: take(Int16Array), stop: take(Int16Array), rank: take(Uint8Array), from: take(Uint8Array), layer: take(Uint8Array),
    };
  };

  const RaisedPoints = riskmap.Canvas.extend({
    options: { pane: "raised" },
    initialize() { this._hour = 0; this._data = null; },
    show(data) { this._data = data; this.redraw(); },
    hour(index) { if (index !== this._hour) { this._hour = index; this.redraw(); } },
    active(i) { return this._data.start[i] <= this._hour && this._hour < this._data.stop[i]; },

    paint(context, { at, holds, size, ratio, zoom }) {
      this._drawn = 0;
      const data = this._data;
      if (!data || !data.n) return;
      const grow = Math.max(0.8, Math.min(2, 1 + (zoom - 13) * 0.22)), first = riskmap.firstInCell(size, CELL);
      const chosen = [];
      for (let i = 0; i < data.n; i++) { // worst first: the first in a cell stays
        if (!this.active(i) || !holds(data.lon[i], data.lat[i])) continue;
        const [x, y] = at(data.lon[i], data.lat[i]);
        if (first(x, y)) chosen.push([i, x, y]);
      }
      for (const [i, x, y] of chosen.reverse()) {
        const rank = data.rank[i], badge = riskmap.sprite(riskmap.config.layers[data.layer[i]].symbol, riskmap.config.ranks[rank].colour, (rank >= 3 ? 5.2 : 3.6) * grow, ratio);
        context.drawImage(badge, Math.round(x * ratio - badge.width / 2), Math.round(y * ratio - badge.height / 2));
        this._drawn += 1;
      }
      this._chosen = chosen;
    },

    /** What is drawn, as `riskmap.points.drawn` has the symbols. */
    drawn() {
      return (this._chosen || []).map(([i, x, y]) => ({ id: this._data.id[i], rank: this._data.rank[i], layer: this._data.layer[i], count: 1, x, y }));
    },

    /** The raised point nearest to a place on the screen, the worst where several are as near. */
    nearest(point) {
      let best = null;
      for (const [i, x, y] of this._chosen || []) {
        const distance = Math.hypot(x - point.x, y - point.y) - this._data.rank[i];
        if (distance < 12 && (!best || distance < best.distance)) best = { i, distance };
      }
      return best && { id: this._data.id[best.i], latlng: L.latLng(this._data.lat[best.i], this._data.lon[best.i]) };
    },
  });

  const between = (track, t) => {
    const { time } = track;
    if (t < time[0] || t > time[time.length - 1]) return null;
    let k = 0;
    while (k < time.length - 2 && t > time[k + 1]) k += 1;
    const w = time.length === 1 ? 0 : (t - time[k]) / (time[k + 1] - time[k]);
    const mix = (list) => (list[k] === null || list[k + 1] === null || list[k + 1] === undefined ? list[k] : list[k] * (1 - w) + list[k + 1] * w);
    const radii = {};
    for (const [force, rows] of Object.entries(track.radii || {})) {
      const a = rows[k], b = rows[Math.min(k + 1, rows.length - 1)];
      radii[force] = a.map((v, q) => (v === null || b[q] === null ? v : v * (1 - w) + b[q] * w));
    }
    return { lat: mix(track.lat), lon: mix(track.lon), wind: mix(track.wind), pressure: mix(track.pressure), radii };
  };

  // A ring whose radius runs smoothly from quadrant to quadrant (NE, SE, SW, NW).
  const ring = (lat, lon, quadrants) => {
    const corners = [];
    for (let degree = 0; degree < 360; degree += 4) {
      const place = (degree - 45 + 360) / 90, k = Math.floor(place) % 4, w = place - Math.floor(place);
      const smooth = w * w * (3 - 2 * w);
      const a = quadrants[k], b = quadrants[(k + 1) % 4];
      if (a === null || b === null) return null;
      const radius = (a * (1 - smooth) + b * smooth) * KM, turn = (degree * Math.PI) / 180;
      corners.push([lat + radius * Math.cos(turn), lon + (radius * Math.sin(turn)) / Math.cos((lat * Math.PI) / 180)]);
    }
    return corners;
  };

  const graticule = (map) => {
    const lines = L.layerGroup();
    const draw = () => {
      lines.clearLayers();
      const zoom = map.getZoom();
      if (zoom > 8) return;
      const step = zoom >= 7 ? 1 : zoom >= 5 ? 5 : 10, box = map.getBounds().pad(0.2);
      const line = (points, text, at) => {
        L.polyline(points, { color: "#9fb0c3", weight: 0.7, interactive: false, pane: "storm" }).addTo(lines);
        L.marker(at, { interactive: false, keyboard: false, pane: "storm", icon: L.divIcon({ className: "rm-place-icon", html: make("span", { class: "rm-degree", text }), iconSize: null }) }).addTo(lines);
      };
      for (let lat = Math.ceil(Math.max(-80, box.getSouth()) / step) * step; lat < Math.min(80, box.getNorth()); lat += step) {
        line([[lat, box.getWest()], [lat, box.getEast()]], `${Math.abs(lat)}°${lat < 0 ? "S" : "N"}`, [lat, map.getBounds().getWest()]);
      }
      for (let lon = Math.ceil(box.getWest() / step) * step; lon < box.getEast(); lon += step) {
        line([[box.getSouth(), lon], [box.getNorth(), lon]], `${Math.abs(lon)}°${lon < 0 ? "W" : "E"}`, [map.getBounds().getSouth(), lon]);
      }
    };
    map.on("moveend", draw);
    draw();
    return lines;
  };

  const clock = (seconds) => {
    const beijing = new Date((seconds + 8 * 3600) * 1000);
    const two = (n) => String(n).padStart(2, "0");
    return `${two(beijing.getUTCMonth() + 1)}-${two(beijing.getUTCDate())} ${two(beijing.getUTCHours())}:00`;
  };

  riskmap.parts.push((map, config) => {
    if (!config.storm) return;
    map.createPane("storm").style.zIndex = 415;
    map.getPane("storm").style.pointerEvents = "none";
    map.createPane("raised").style.zIndex = 455;
    map.getPane("raised").style.pointerEvents = "none";
    map.getContainer().classList.add("rm-storm");
    const raised = new RaisedPoints(), fixed = L.layerGroup().addTo(map), moving = L.layerGroup().addTo(map);
    let storm = null, hour = 0, playing = null, url = null;

    const drawTracks = () => {
      fixed.clearLayers();
      graticule(map).addTo(fixed);
      if (storm.cone) L.polygon(storm.cone, { pane: "storm", stroke: true, color: "#7f8fa3", weight: 1, dashArray: "3 4", fillColor: "#ffffff", fillOpacity: 0.45, interactive: false }).addTo(fixed);
      storm.tracks.forEach((track, k) => {
        const main = k === 0;
        const path = track.lat.map((lat, i) => [lat, track.lon[i]]);
        L.polyline(path, { pane: "storm", color: main ? "#24384f" : "#7f8fa3", weight: main ? 2 : 1, opacity: main ? 0.9 : 0.55, interactive: false }).addTo(fixed);
        if (main) path.forEach((at, i) => L.circleMarker(at, { pane: "storm", radius: 3.4, stroke: true, color: "#fff", weight: 1, fillColor: grade(track.wind[i]), fillOpacity: 1, interactive: false }).addTo(fixed));
      });
    };

    const drawHour = () => {
      moving.clearLayers();
      const t = storm.times[hour];
      storm.tracks.forEach((track, k) => {
        const now = between(track, t);
        if (!now) return;
        if (k === 0) {
          for (const [force, [colour, opacity]] of Object.entries(FORCES)) {
            const corners = now.radii[force] && ring(now.lat, now.lon, now.radii[force]);
            if (corners) L.polygon(corners, { pane: "storm", color: colour, weight: 1.3, fillColor: colour, fillOpacity: opacity, smoothFactor: 0, interactive: false }).addTo(moving);
          }
        }
        L.circleMarker([now.lat, now.lon], { pane: "storm", radius: k === 0 ? 7 : 3, color: k === 0 ? "#fff" : "#5a6b80", weight: 2, fillColor: grade(now.wind), fillOpacity: 1, interactive: false }).addTo(moving);
      });
      for (const station of storm.rain || []) {
        const mm = station.mm[hour];
        if (!(mm > 0)) continue;
        L.circleMarker([station.lat, station.lon], { pane: "storm", radius: 3 + Math.min(14, Math.sqrt(mm) * 1.6), stroke: false, fillColor: "#2166ac", fillOpacity: 0.4, interactive: false }).addTo(moving);
      }
      raised.hour(hour);
      bar.tell();
    };

    const bar = (() => {
      const label = make("output", { class: "rm-storm-time", attributes: { for: "rm-storm-slider", "data-field": "at" } });
      const sums = make("span", { class: "rm-storm-sums", attributes: { "aria-live": "off" } });
      const slider = make("input", { attributes: { type: "range", id: "rm-storm-slider", min: 0, max: 0, step: 1, value: 0, "aria-label": riskmap.say("storm_time") } });
      const play = make("button", { class: "rm-storm-play", attributes: { type: "button", "aria-label": riskmap.say("storm_play"), title: riskmap.say("storm_play") } });
      const whole = make("button", { class: "rm-storm-whole", text: riskmap.say("storm_whole"), attributes: { type: "button" } });
      const box = make("div", { class: "rm-storm-bar" }, [play, make("div", { class: "rm-storm-line" }, [slider, make("div", { class: "rm-storm-words" }, [label, sums])]), whole]);
      L.DomEvent.disableClickPropagation(box);
      L.DomEvent.disableScrollPropagation(box);
      const face = (on) => {
        play.replaceChildren(on ? riskmap.icon("M8 5v14", "M16 5v14") : riskmap.icon("M7 4l13 8-13 8z"));
        const text = riskmap.say(on ? "storm_pause" : "storm_play");
        play.setAttribute("aria-label", text);
        play.title = text;
      };
      face(false);
      const stop = () => { clearInterval(playing); playing = null; face(false); };
      slider.addEventListener("input", () => { stop(); hour = Number(slider.value); drawHour(); });
      play.addEventListener("click", () => {
        if (playing) { stop(); return; }
        if (hour >= storm.times.length - 1) hour = 0;
        face(true);
        playing = setInterval(() => {
          if (hour >= storm.times.length - 1) { stop(); return; }
          hour += 1;
          slider.value = hour;
          drawHour();
        }, STEP_MS);
      });
      let far = false;
      whole.addEventListener("click", () => {
        far = !far;
        whole.textContent = riskmap.say(far ? "storm_district" : "storm_whole");
        if (far) map.fitBounds(L.latLngBounds(storm.tracks.flatMap((track) => track.lat.map((lat, i) => [lat, track.lon[i]]))).pad(0.1), { animate: false });
        else riskmap.goHome();
      });
      return {
        box, stop,
        begin() { slider.max = storm.times.length - 1; slider.value = hour; whole.hidden = !storm.tracks.length; box.hidden = storm.times.length < 2; },
        tell() {
          const t = storm.times[hour];
          label.textContent = `${clock(t)} ${riskmap.say("storm_beijing")}`;
          const now = storm.tracks.length ? between(storm.tracks[0], t) : null;
          const words = [];
          if (now && now.wind !== null) words.push(riskmap.say("storm_wind", { wind: now.wind.toFixed(0) }));
          if (now && now.pressure !== null) words.push(riskmap.say("storm_pressure", { pressure: now.pressure.toFixed(0) }));
          const counts = config.order.slice(0, 3).map((rank) => [rank, storm.counts[hour]?.[rank] || 0]).filter(([, n]) => n);
          sums.replaceChildren(...words.map((text) => make("span", { text, attributes: { "data-field": "track" } })), ...counts.map(([rank, n]) =>
            make("b", { class: `rm-tier rm-tier-${config.ranks[rank].id}`, text: `${config.ranks[rank].title} ${riskmap.number(n)}`,
              attributes: { "data-figure": `storm.raised.${config.ranks[rank].id}`, "data-within": clock(t) } })),
            ...(counts.length ? [] : [make("span", { text: riskmap.say("storm_none") })]));
          slider.setAttribute("aria-valuetext", label.textContent);
        },
      };
    })();
    bar.box.hidden = true;
    map.getContainer().append(bar.box);

    const load = async (address) => {
      bar.stop();
      const [found, bytes] = await Promise.all([
        riskmap.getJSON(address),
        fetch(address.replace(/\.json$/, ".bin")).then((answer) => answer.arrayBuffer()),
      ]);
      if (address !== url) return;
      storm = found;
      hour = storm.now;
      raised.show(readRaised(bytes));
      if (!map.hasLayer(raised)) raised.addTo(map);
      if (storm.tracks.length) map.setMaxBounds(null);
      drawTracks();
      bar.begin();
      raised.hour(-1);
      drawHour();
      riskmap.storm = { raised, get hour() { return hour; }, get data() { return storm; } };
    };

    riskmap.raisedDrawn = () => (storm ? raised.drawn() : null);
    riskmap.raisedAt = (point) => (storm ? raised.nearest(point) : null);
    riskmap.whyRaised = async (id) => {
      if (!storm) return [];
      const found = await riskmap.getJSON(`${url.replace(/\.json$/, `/${id}`)}?lang=${config.lang}`);
      return found.raised;
    };
    riskmap.followers.push((view) => {
      if (url === view.storm) return;
      url = view.storm;
      if (!url) { storm = null; bar.box.hidden = true; raised.remove(); fixed.clearLayers(); moving.clearLayers(); return; }
      load(url).catch((problem) => riskmap.announce(riskmap.say("storm_failed", { problem: problem.message })));
    });
  });
})();
