// One record in a form: a click or a drag says where it lies; a line or an area is only shown.
(() => {
  const { make } = riskmap;
  const CLOSE = 17; // zoom at which a single house is seen
  const OUTLINE = { color: "#0b4f9e", weight: 3, fillColor: "#0b4f9e", fillOpacity: 0.12, interactive: false, pane: "drawn" };

  riskmap.parts.push((map, config) => {
    if (config.embedded !== "place") return;
    let pin = null, outline = null, hint = null, known = null;

    const tell = ({ lng, lat }) => riskmap.messenger.send("place", { lon: +lng.toFixed(6), lat: +lat.toFixed(6) });
    const put = (latlng) => {
      if (pin) return pin.setLatLng(latlng);
      pin = L.marker(latlng, {
        draggable: true, autoPan: true, keyboard: false, zIndexOffset: 1000, title: riskmap.say("place_drag"),
        icon: L.divIcon({ className: "rm-pin", html: riskmap.icon("M12 23C7 16.5 4.5 13 4.5 9.5a7.5 7.5 0 0 1 15 0C19.5 13 17 16.5 12 23z", "M12 12.2a2.7 2.7 0 1 0 0-5.4 2.7 2.7 0 0 0 0 5.4z"), iconSize: [36, 36], iconAnchor: [18, 35] }),
      }).addTo(map);
      pin.on("dragend", () => tell(pin.getLatLng()));
      return pin;
    };
    const choose = (latlng) => {
      if (!riskmap.placing) return;
      put(latlng);
      tell(latlng);
    };
    map.on("click", ({ latlng }) => choose(latlng));
    map.getContainer().addEventListener("keydown", (event) => {
      if (event.key === "Enter" && event.target === map.getContainer()) choose(map.getCenter());
    });

    /** Bring into view what is new there: at first close up, later only where it lies outside. */
    const see = (place) => {
      const text = JSON.stringify(place);
      if (text === known) return;
      const first = known === null;
      known = text;
      const box = outline ? outline.getBounds() : place.at && L.latLng(place.at[1], place.at[0]).toBounds(60);
      if (!box) return;
      if (first) riskmap.home = () => map.fitBounds(box, { maxZoom: CLOSE, padding: [30, 30], animate: false });
      if (first) riskmap.home();
      else if (!map.getBounds().pad(-0.05).contains(box.getCenter())) map.panTo(box.getCenter(), { animate: false });
    };

    riskmap.followers.push(({ place }) => {
      riskmap.placing = place.movable;
      map.getContainer().classList.toggle("rm-placing", place.movable);
      if (place.movable) map.getContainer().setAttribute("aria-label", riskmap.say("place_label"));
      outline?.remove();
      outline = place.shape ? L.geoJSON(place.shape, { style: OUTLINE, pane: "drawn", interactive: false }).addTo(map) : null;
      if (place.at && place.movable) put([place.at[1], place.at[0]]);
      else { pin?.remove(); pin = null; }
      hint ??= map.getContainer().appendChild(make("div", { class: "rm-hint", attributes: { role: "status" } }));
      hint.hidden = !place.movable || Boolean(place.at);
      hint.textContent = riskmap.say("place_pick");
      see(place);
    });
  });
})();
