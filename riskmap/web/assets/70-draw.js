// Draw a polygon to select: click or tap the corners, double-click or Enter closes it, Esc gives up.
(() => {
  const { make } = riskmap;
  const LINE = { color: "#0b4f9e", weight: 2.2, fillColor: "#0b4f9e", fillOpacity: 0.08, interactive: false, pane: "drawn" };
  const NEAR = 12; // pixels from the first corner that close the polygon

  const Draw = L.Control.extend({
    options: { position: "topleft" },

    onAdd(map) {
      this._corners = [];
      this._button = make("button", {
        class: "rm-tool", attributes: { type: "button", title: riskmap.say("draw_start"), "aria-label": riskmap.say("draw_start"), "aria-pressed": "false" },
        on: { click: () => (riskmap.drawing ? this.cancel() : this.begin()) },
      }, [riskmap.icon("M5 8 12 4l7 5-3 10H7z", "M5 8h.01M12 4h.01M19 9h.01M16 19h.01M7 19h.01")]);
      this._clear = make("button", {
        class: "rm-tool", attributes: { type: "button", title: riskmap.say("draw_clear"), "aria-label": riskmap.say("draw_clear"), hidden: "" },
        on: { click: () => riskmap.messenger.send("clear") },
      }, [riskmap.icon("M6 6l12 12M18 6 6 18")]);
      this._home = make("button", {
        class: "rm-tool", attributes: { type: "button", title: riskmap.say("home"), "aria-label": riskmap.say("home") },
        on: { click: () => riskmap.goHome() },
      }, [riskmap.icon("M4 11 12 4l8 7v9h-5v-6H9v6H4z")]);
      this._hint = make("div", { class: "rm-hint", attributes: { role: "status", hidden: "" } });
      map.getContainer().append(this._hint);
      this._button.hidden = Boolean(riskmap.config.embedded); // there is no selection to draw on a part of a page
      const box = make("div", { class: "leaflet-bar rm-tools" }, [this._home, this._button, this._clear]);
      L.DomEvent.disableClickPropagation(box);
      return box;
    },

    begin() {
      const map = this._map;
      riskmap.drawing = true;
      map.closePopup();
      this._corners = [];
      this._button.setAttribute("aria-pressed", "true");
      map.getContainer().classList.add("rm-drawing");
      map.doubleClickZoom.disable();
      this._sketch = L.polygon([], { ...LINE, dashArray: "6 5" }).addTo(map);
      this._dots = L.layerGroup().addTo(map);
      map.on("click", this._click, this).on("mousemove", this._move, this).on("dblclick", this._double, this);
      this._keys = (event) => this._key(event);
      map.getContainer().addEventListener("keydown", this._keys, true);
      map.getContainer().focus({ preventScroll: true });
      this._say();
    },

    _end() {
      const map = this._map;
      this._sketch.remove();
      this._dots.remove();
      this._button.setAttribute("aria-pressed", "false");
      map.getContainer().classList.remove("rm-drawing");
      map.off("click", this._click, this).off("mousemove", this._move, this).off("dblclick", this._double, this);
      map.getContainer().removeEventListener("keydown", this._keys, true);
      this._hint.hidden = true;
      // The second click of a closing double-click must neither zoom nor open a card.
      setTimeout(() => { riskmap.drawing = false; map.doubleClickZoom.enable(); }, 350);
    },

    cancel() {
      this._end();
    },

    _click({ latlng }) {
      if (!riskmap.drawing) return;
      const map = this._map, at = map.latLngToContainerPoint(latlng);
      const away = (corner) => map.latLngToContainerPoint(corner).distanceTo(at);
      if (this._corners.length > 2 && away(this._corners[0]) < NEAR) return this._finish();
      if (this._corners.length && away(this._corners.at(-1)) < 4) return; // the second click of a double-click
      this._corners.push(latlng);
      L.circleMarker(latlng, { radius: 4, color: "#0b4f9e", weight: 2, fillColor: "#fff", fillOpacity: 1, interactive: false, pane: "drawn" }).addTo(this._dots);
      this._move({ latlng });
      this._say();
    },

    _double(event) {
      L.DomEvent.stop(event.originalEvent);
      this._finish();
    },

    _move({ latlng }) {
      if (this._corners.length) this._sketch.setLatLngs([...this._corners, latlng]);
    },

    _key(event) {
      const does = {
        Enter: () => this._finish(), Escape: () => this.cancel(), " ": () => this._click({ latlng: this._map.getCenter() }),
        Backspace: () => { this._corners.pop(); this._dots.removeLayer(this._dots.getLayers().at(-1)); this._sketch.setLatLngs(this._corners); this._say(); },
      }[event.key];
      if (!does) return;
      event.preventDefault();
      event.stopPropagation();
      does();
    },

    _finish() {
      if (this._corners.length < 3) return;
      const ring = this._corners.map(({ lng, lat }) => [+lng.toFixed(6), +lat.toFixed(6)]);
      const [[x0, y0], [x1, y1]] = ring;
      if (ring.every(([x, y]) => Math.abs((x1 - x0) * (y - y0) - (y1 - y0) * (x - x0)) < 1e-12)) return; // on one line
      this._end();
      riskmap.selection(ring);
      riskmap.messenger.send("polygon", { ring });
    },

    _say() {
      const n = this._corners.length;
      this._hint.textContent = riskmap.say(n === 0 ? "draw_first" : n < 3 ? "draw_more" : "draw_close");
      this._hint.hidden = false;
    },
  });

  riskmap.parts.push((map) => {
    const pane = map.createPane("drawn");
    pane.style.zIndex = 455;
    pane.style.pointerEvents = "none";
    const draw = new Draw().addTo(map);
    let drawn = null;

    /** Show the polygon of the selection, or none. */
    riskmap.selection = (ring) => {
      drawn?.remove();
      drawn = ring ? L.polygon(ring.map(([lon, lat]) => [lat, lon]), LINE).addTo(map) : null;
      draw._clear.hidden = !ring;
    };
    riskmap.followers.push((view) => riskmap.selection(view.polygon));
  });
})();
