// A map without a symbol says why, and offers the one click that brings some back.
(() => {
  const { make } = riskmap;

  riskmap.parts.push((map, config) => {
    if (config.storm) return; // there the eye follows the storm, wherever it is
    const box = make("div", { class: "rm-nothing", attributes: { role: "status" } });
    L.DomEvent.disableClickPropagation(box);
    map.getContainer().append(box);
    let told = "";

    const tell = (text, way, click) => {
      if (told === text) return;
      told = text;
      box.replaceChildren(...(text ? [make("span", { text }), make("button", { text: way, attributes: { type: "button" }, on: { click } })] : []));
    };

    const inView = ({ x, y }) => x >= 0 && y >= 0 && x < map.getSize().x && y < map.getSize().y;
    const anything = () => {
      if (riskmap.overview || riskmap.shapeFeatures?.length) return true;
      for (const symbol of riskmap.points.drawn()) if (inView(symbol)) return true;
      return false;
    };

    const look = () => {
      const { nothing } = riskmap.view;
      if (nothing) {
        const { records, words } = nothing;
        const text = records ? riskmap.say("nothing_located", { n: riskmap.number(records), words }) : riskmap.say("nothing_found", { words });
        tell(text, riskmap.say("nothing_reset"), () => riskmap.messenger.send("reset"));
      } else if (anything()) tell("");
      else tell(riskmap.say("nothing_here"), riskmap.say("home"), () => riskmap.goHome());
    };

    map.on("riskmap:complete", look);
    map.on("moveend", () => setTimeout(() => { if (!riskmap.points.isLoading()) look(); })); // the tiles move first
    riskmap.followers.push((view) => (view.nothing ? look() : tell("")));
  });
})();
