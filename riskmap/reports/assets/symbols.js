// A layer is a shape, a tier is a colour. Symbols are drawn once per size and stamped as pixels.
(() => {
  const polygon = (n, turn) =>
    Array.from({ length: n }, (_, i) => {
      const angle = turn + (2 * Math.PI * i) / n;
      return [Math.cos(angle), Math.sin(angle)];
    });
  const UP = -Math.PI / 2;
  // Corner points in a unit circle; shapes without corners draw themselves below.
  const CORNERS = {
    triangle: [[0, -1.1], [1.05, 0.8], [-1.05, 0.8]],
    square: [[-0.85, -0.85], [0.85, -0.85], [0.85, 0.85], [-0.85, 0.85]],
    diamond: [[0, -1.15], [1.05, 0], [0, 1.15], [-1.05, 0]],
    house: [[0, -1.15], [1.1, -0.15], [0.8, -0.15], [0.8, 0.95], [-0.8, 0.95], [-0.8, -0.15], [-1.1, -0.15]],
    hexagon: polygon(6, 0),
    pentagon: polygon(5, UP),
  };

  /** Trace a symbol's outline on a canvas context, centre (x, y), radius r. */
  riskmap.trace = (context, symbol, x, y, r) => {
    context.beginPath();
    if (symbol === "drop") {
      context.moveTo(x, y - 1.3 * r);
      context.bezierCurveTo(x + 0.35 * r, y - 0.6 * r, x + 0.95 * r, y - 0.1 * r, x + 0.95 * r, y + 0.3 * r);
      context.arc(x, y + 0.3 * r, 0.95 * r, 0, Math.PI);
      context.bezierCurveTo(x - 0.95 * r, y - 0.1 * r, x - 0.35 * r, y - 0.6 * r, x, y - 1.3 * r);
    } else if (CORNERS[symbol]) {
      CORNERS[symbol].forEach(([px, py], i) => context[i ? "lineTo" : "moveTo"](x + px * r, y + py * r));
    } else {
      context.arc(x, y, r, 0, 2 * Math.PI);
    }
    context.closePath();
  };

  const RADIUS = [2.6, 2.9, 3.3, 4.6, 5.6, 3.1, 3.1, 3.1, 3.1, 3.1]; // by rank: low … major, then the grades
  // Far out the many low ones make a texture and the few bad ones stand above it; close up all grow.
  const near = (zoom) => Math.min(1, Math.max(0.5, 0.5 + (zoom - 11) * 0.17));
  const grow = (zoom) => Math.max(0, Math.min(2.4, (zoom - 14) * 0.8));

  /** Radius in CSS pixels of a symbol that stands for `count` records. */
  riskmap.radius = (rank, zoom, count = 1) => {
    const base = riskmap.strong(rank) ? RADIUS[rank] * Math.max(0.8, near(zoom)) : RADIUS[rank] * near(zoom);
    return Math.round(2 * (base + grow(zoom) + Math.min(1.6, Math.log2(count) * 0.26))) / 2;
  };

  /** How a symbol is set off from its ground at a zoom. */
  riskmap.look = (rank, zoom) => (riskmap.strong(rank) ? "strong" : zoom < 14 ? "plain" : "rim");

  /** How many CSS pixels nearer a symbol seems to a pointer: a worse one is caught from farther away. */
  riskmap.pull = (rank) => (rank < 5 ? rank * 0.8 : 0);

  const HALO = 1.3; // CSS pixels of rim around a symbol
  const cache = new Map();

  // `look`: "strong" with a white rim for the worst tiers, "rim" with a thin dark one, "plain" without.
  const paint = (symbol, colour, radius, ratio, look) => {
    const strong = look === "strong";
    const reach = Math.ceil((radius * 1.3 + HALO + 1) * ratio);
    const size = 2 * reach + 1;
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = size;
    const context = canvas.getContext("2d", { willReadFrequently: true });
    const centre = reach + 0.5;
    riskmap.trace(context, symbol, centre, centre, radius * ratio);
    context.lineJoin = "round";
    context.lineWidth = (strong ? 2 * HALO : 1.4) * ratio;
    context.strokeStyle = strong ? "#ffffff" : "rgba(38, 50, 66, .62)";
    if (look !== "plain") context.stroke();
    if (strong) {
      context.lineWidth = 1 * ratio;
      context.strokeStyle = "rgba(30, 20, 20, .75)";
      context.stroke();
    }
    context.fillStyle = colour;
    context.fill();
    return { canvas, reach, size };
  };

  /**
   * Return one stamp, ready to be laid over a tile: its pixels as offsets and RGBA, the `solid` ones that cover what is
   * under them first. It reaches `reach` pixels from its middle.
   */
  riskmap.stamp = (symbol, colour, radius, ratio, look) => {
    const key = `${symbol}|${colour}|${radius}|${ratio}|${look}`;
    if (cache.has(key)) return cache.get(key);
    const { canvas, reach, size } = paint(symbol, colour, radius, ratio, look);
    const pixels = new Uint32Array(canvas.getContext("2d").getImageData(0, 0, size, size).data.buffer);
    const solid = [], soft = [];
    pixels.forEach((value, i) => {
      if (value >>> 24 >= 8) (value >>> 24 === 255 ? solid : soft).push(i);
    });
    const all = [...solid, ...soft];
    const stamp = {
      reach,
      solid: solid.length,
      dx: Int8Array.from(all, (i) => (i % size) - reach),
      dy: Int8Array.from(all, (i) => Math.floor(i / size) - reach),
      rgba: Uint32Array.from(all, (i) => pixels[i]),
    };
    cache.set(key, stamp);
    return stamp;
  };

  const sprites = new Map();
  /** Return one symbol as a canvas, for layers that draw few enough of them one by one. */
  riskmap.sprite = (symbol, colour, radius, ratio) => {
    const key = `${symbol}|${colour}|${radius.toFixed(1)}|${ratio}`;
    if (!sprites.has(key)) sprites.set(key, paint(symbol, colour, radius, ratio, "strong").canvas);
    return sprites.get(key);
  };

  /** Lay a stamp over a picture of `width` × `width` pixels, clipped at its edges. */
  riskmap.press = (picture, width, stamp, x, y) => {
    const { dx, dy, rgba, solid, reach } = stamp, middle = y * width + x;
    if (x < reach || y < reach || x >= width - reach || y >= width - reach) {
      for (let k = 0; k < rgba.length; k++) {
        const px = x + dx[k], py = y + dy[k];
        if (px < 0 || py < 0 || px >= width || py >= width) continue;
        const j = py * width + px;
        picture[j] = k < solid ? rgba[k] : blend(rgba[k], picture[j]);
      }
      return;
    }
    for (let k = 0; k < solid; k++) picture[middle + dy[k] * width + dx[k]] = rgba[k];
    for (let k = solid; k < rgba.length; k++) {
      const j = middle + dy[k] * width + dx[k];
      picture[j] = blend(rgba[k], picture[j]);
    }
  };

  // In whole numbers, for it runs a million times a tile.
  const blend = (over, under) => {
    if (under === 0) return over;
    const alpha = over >>> 24, rest = ((under >>> 24) * (255 - alpha) + 127) / 255 | 0, sum = alpha + rest, half = sum >> 1;
    const red = ((over & 255) * alpha + (under & 255) * rest + half) / sum | 0;
    const green = ((over >>> 8 & 255) * alpha + (under >>> 8 & 255) * rest + half) / sum | 0;
    const blue = ((over >>> 16 & 255) * alpha + (under >>> 16 & 255) * rest + half) / sum | 0;
    return (sum << 24 | blue << 16 | green << 8 | red) >>> 0;
  };

  /** A small canvas with a piece of a line, for the legend. */
  riskmap.lineBadge = (colour) => {
    const ratio = Math.max(2, window.devicePixelRatio || 1), side = 14;
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = side * ratio;
    canvas.style.width = canvas.style.height = `${side}px`;
    canvas.className = "rm-badge";
    canvas.setAttribute("aria-hidden", "true");
    const pen = canvas.getContext("2d");
    pen.scale(ratio, ratio);
    Object.assign(pen, { strokeStyle: colour, lineWidth: 2.2, lineCap: "round", lineJoin: "round" });
    pen.beginPath();
    for (const [x, y] of [[1.5, 10.5], [5, 5], [9, 9], [12.5, 3.5]]) pen.lineTo(x, y);
    pen.stroke();
    return canvas;
  };

  /** A small canvas with one symbol, for the legend and the card. */
  riskmap.badge = (symbol, colour, radius = 5.5, strong = false) => {
    const ratio = Math.max(2, window.devicePixelRatio || 1);
    const { canvas, size } = paint(symbol, colour, radius, ratio, strong ? "strong" : "rim");
    canvas.style.width = canvas.style.height = `${size / ratio}px`;
    canvas.className = "rm-badge";
    canvas.setAttribute("aria-hidden", "true");
    return canvas;
  };
})();
