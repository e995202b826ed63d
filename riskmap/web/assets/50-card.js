// A click opens a card at once; what it says comes from /points and is set as text.
(() => {
  const { make } = riskmap;

  const heading = (card) => {
    const layer = riskmap.layersById.get(card.layer);
    const rank = riskmap.config.ranks[card.rank];
    return make("header", { class: "rm-card-head" }, [
      make("div", { class: "rm-card-title" }, [
        riskmap.badge(layer ? layer.symbol : "circle", rank.colour, 6, riskmap.strong(card.rank)),
        make("h2", { text: card.name || card.code }),
      ]),
      make("div", { class: "rm-card-tier" }, [
        make("span", { class: `rm-tier rm-tier-${rank.id}`, text: rank.title }),
        card.score ? make("span", { class: "rm-score", text: riskmap.say("card_score", { score: card.score }) }) : null,
      ]),
      make("p", { class: "rm-card-sub", text: [card.layer_title, card.code, card.subdistrict].filter(Boolean).join(" · ") }),
    ]);
  };

  const section = (title, children) =>
    children.length ? make("section", {}, [make("h3", { text: title }), ...children]) : null;

  const table = (rows) =>
    make("dl", {}, rows.flatMap(([term, value]) => [make("dt", { text: term }), make("dd", { text: value })]));

  const reasons = (card) => {
    const most = Math.max(...card.why.map(({ contribution }) => Math.abs(contribution)), 1e-9);
    return card.why.map(({ title, value, contribution, text }) => {
      const bar = make("i", { class: contribution >= 0 ? "up" : "down" });
      bar.style.width = `${Math.max(3, (100 * Math.abs(contribution)) / most)}%`;
      return make("div", { class: "rm-why" }, [
        make("span", { text: title }), make("span", { class: "rm-why-value", text: value }),
        make("span", { class: "rm-why-bar" }, [bar]), make("span", { class: "rm-why-number", text }),
      ]);
    });
  };

  // A sensor's indicator: its last value, a day as a line (path data of ours), how old it is and what that means.
  const reading = ({ title, value, words, state, level, path, low, high }) => {
    const svg = path ? riskmap.icon(path) : null;
    svg?.setAttribute("viewBox", "0 0 240 40");
    svg?.setAttribute("preserveAspectRatio", "none");
    svg?.setAttribute("class", "");
    const edges = make("span", { class: "rm-sensor-edges" }, [make("i", { text: high }), make("i", { text: low })]);
    return make("div", { class: `rm-sensor rm-sensor-${state}` }, [
      make("b", { text: title }), make("span", { class: "rm-sensor-value", text: value }),
      svg ? make("div", { class: "rm-sensor-chart" }, [svg, edges]) : null,
      make("div", { class: level ? `rm-sensor-words rm-level-${level}` : "rm-sensor-words", text: words }),
    ]);
  };

  const scrolled = (children) => make("div", { class: "rm-card-body", attributes: { tabindex: "0" } }, children);

  const body = (card) => [
    card.flags.length ? make("p", { class: "rm-flags" }, card.flags.map((flag) => make("span", { text: flag }))) : null,
    card.missing.length ? make("p", { class: "rm-missing", text: riskmap.say("card_missing", { fields: card.missing.join(riskmap.say("comma")) }) }) : null,
    section(riskmap.say("card_readings"), card.readings.map(reading)),
    section(riskmap.say("card_why"), [...card.rules.map((rule) => make("p", { class: "rm-rule", text: rule })), ...reasons(card), ...card.model.map((line) => make("p", { class: "rm-model", text: line }))]),
    files(card),
    section(riskmap.say("card_contacts"), card.contacts.length ? [table(card.contacts)] : []),
    section(riskmap.say("card_fields"), card.fields.length ? [table(card.fields)] : []),
    section(riskmap.say("card_extra"), card.extra.length ? [table(card.extra)] : []),
  ];

  /** Pictures and documents of the record; a picture opens large, a document is handed over as a file. */
  const files = (card) =>
    section(riskmap.say("card_files"), card.files.length ? [make("div", { class: "rm-card-files" }, card.files.map((file) =>
      make("a", { attributes: { href: `../../${file.href}`, target: "_blank", rel: "noopener", title: `${file.name} · ${file.told}` } }, [
        file.thumb
          ? make("img", { attributes: { src: `../../${file.thumb}`, alt: file.name, loading: "lazy" } })
          : make("span", { class: "rm-card-document", text: `${file.kind.toUpperCase()} ${file.name}` }),
      ])))] : []);

  // Why a storm raises this record: sentences of ours with its numbers, from the page that shows a storm.
  const raised = (causes) =>
    section(riskmap.say("card_raised"), causes.map(({ rank, cause, when }) =>
      make("p", { class: `rm-rule rm-raised-${riskmap.config.ranks[rank].id}` }, [
        make("b", { text: riskmap.config.ranks[rank].title }), make("span", { text: ` ${cause}` }), make("small", { text: when }),
      ])));

  const way = (name, text, page, kind, properties) =>
    make("a", {
      class: name, text, attributes: { href: `../../${page}`, target: "_blank", rel: "noopener" },
      on: {
        click: (event) => {
          // What is typed in the form around an embedded map must not be lost: there the point opens in a tab of its own.
          if (riskmap.config.embedded || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
          event.preventDefault();
          riskmap.messenger.send(kind, properties);
        },
      },
    });

  // To the record's page, and to the form of each register in which something on it is reported.
  const link = ({ layer, code, page, position, reports }) =>
    make("footer", {}, [
      way("rm-open", riskmap.say("card_open"), page, "open", { layer, code }),
      make("span", { class: "rm-position", text: position }),
      ...reports.map(({ register, title, page: form }) => way("rm-report", title, form, "report", { register, layer, code })),
    ]);

  const list = (cards, total, choose) =>
    make("div", { class: "rm-list" }, [
      make("h2", { text: riskmap.say("card_several", { n: riskmap.number(total) }) }),
      scrolled([make("ul", {}, cards.map((card) =>
        make("li", {}, [
          make("button", { attributes: { type: "button" }, on: { click: () => choose(card) } }, [
            riskmap.badge(riskmap.layersById.get(card.layer)?.symbol, riskmap.config.ranks[card.rank].colour, 5, riskmap.strong(card.rank)),
            make("span", { text: card.name || card.code }),
            make("small", { text: card.layer_title }),
          ]),
        ]))),
      total > cards.length ? make("p", { class: "rm-more", text: riskmap.say("card_more", { n: riskmap.number(total - cards.length) }) }) : null]),
    ]);

  riskmap.parts.push((map, config) => {
    let popup = null, ring = null, asked = null;

    const close = () => {
      asked?.abort();
      popup?.remove();
      ring?.remove();
      popup = ring = null;
    };
    const open = (latlng, children) => {
      popup?.remove();
      const box = make("div", { class: "rm-card", attributes: { role: "dialog", tabindex: "-1", "aria-label": riskmap.say("card_label") } }, children);
      L.DomEvent.disableClickPropagation(box);
      L.DomEvent.disableScrollPropagation(box);
      popup = L.popup({ maxWidth: 340, minWidth: 240, offset: [0, -4], autoPanPaddingTopLeft: [20, 64], autoPanPaddingBottomRight: [20, 30], className: "rm-popup" })
        .setLatLng(latlng).setContent(box);
      const mine = popup;
      popup.on("remove", () => { if (popup === mine) { ring?.remove(); ring = null; popup = null; if (document.hasFocus()) map.getContainer().focus({ preventScroll: true }); } });
      popup.openOn(map);
      popup.getElement()?.querySelector(".leaflet-popup-close-button")?.setAttribute("aria-label", riskmap.say("close"));
      box.focus({ preventScroll: true });
      return box;
    };
    const mark = (latlng) => {
      ring?.remove();
      ring = L.circleMarker(latlng, { radius: 11, color: "#10253f", weight: 2.5, fill: false, interactive: false }).addTo(map);
    };

    /** Open the card of one record; `around` asks for those that share its cell, too. */
    riskmap.openCard = async (id, latlng, around = false) => {
      asked?.abort();
      asked = new AbortController();
      mark(latlng);
      const query = new URLSearchParams({ lang: config.lang, ...(around ? { z: map.getZoom() } : {}) });
      let answer;
      try {
        answer = await riskmap.getJSON(`${riskmap.view.points}/${id}?${query}`, asked.signal);
      } catch (problem) {
        if (problem.name !== "AbortError") open(latlng, [make("p", { class: "rm-missing", text: riskmap.say(problem.message === "404" ? "card_gone" : "card_failed") })]);
        return;
      }
      const causes = riskmap.whyRaised ? await riskmap.whyRaised(id).catch(() => []) : [];
      const full = (card, back) => [back, heading(card), scrolled([card.id === id || !back ? raised(causes) : null, ...body(card)]), link(card)];
      if (answer.others.length > 1) {
        const show = () => open(latlng, [list(answer.others, answer.total, async (brief) => {
          const { card } = await riskmap.getJSON(`${riskmap.view.points}/${brief.id}?${new URLSearchParams({ lang: config.lang })}`);
          const back = make("button", { class: "rm-back", text: riskmap.say("card_back"), attributes: { type: "button" }, on: { click: show } });
          open(latlng, full(card, back));
        })]);
        show();
      } else open(latlng, full(answer.card, null));
    };

    /** Open what lies at a place: a symbol, else a polygon; returns whether there was anything. */
    riskmap.pick = (latlng) => {
      const lifted = riskmap.raisedAt?.(map.latLngToContainerPoint(latlng));
      if (lifted) {
        riskmap.openCard(lifted.id, lifted.latlng);
        return true;
      }
      const point = riskmap.points.nearest(latlng);
      if (point) {
        riskmap.openCard(point.id, point.latlng, point.count > 1);
        return true;
      }
      const shape = riskmap.shapeAt(latlng);
      if (shape) riskmap.openCard(shape.properties.id, latlng);
      return Boolean(shape);
    };

    map.on("click", (event) => { if (!riskmap.drawing && !riskmap.placing) riskmap.pick(event.latlng) || close(); });
    map.getContainer().addEventListener("keydown", (event) => {
      if (riskmap.drawing) return;
      if (event.key === "Enter" && event.target === map.getContainer() && !riskmap.placing && !riskmap.openStep()) riskmap.pick(map.getCenter());
      if (event.key === "Escape" && popup) {
        event.stopImmediatePropagation(); // only the card goes
        close();
      }
    });
    map.on("resize", () => popup?.update());
    riskmap.followers.push(() => close());
  });
})();
