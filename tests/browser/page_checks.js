// What a person would notice on a page.
window.checks = (() => {
  const visible = (element) => element.checkVisibility({ visibilityProperty: true });

  const texts = () => {
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const found = [];
    while (walker.nextNode()) {
      const node = walker.currentNode;
      const parent = node.parentElement;
      if (!node.data.trim() || parent.closest("title") || !visible(parent)) continue;
      const range = document.createRange();
      range.selectNodeContents(node);
      for (const box of range.getClientRects()) {
        if (box.width > 1 && box.height > 1) found.push({ node, parent, box });
      }
    }
    return found;
  };

  const overlaps = (tolerance) => {
    const all = texts();
    const found = [];
    for (let i = 0; i < all.length; i += 1) {
      for (let j = i + 1; j < all.length; j += 1) {
        const [a, b] = [all[i].box, all[j].box];
        const width = Math.min(a.right, b.right) - Math.max(a.left, b.left);
        const height = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
        if (width > tolerance && height > tolerance) found.push([all[i].node.data.trim(), all[j].node.data.trim()]);
      }
    }
    return found;
  };

  const outside = () =>
    texts()
      .filter(({ parent, box }) => {
        const card = (parent.closest(".card, .verdict") ?? document.body).getBoundingClientRect();
        return box.left < card.left || box.right > card.right + 0.5;
      })
      .map(({ node }) => node.data.trim());

  const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const paint = (colors) => {
    canvas.clearRect(0, 0, 1, 1);
    for (const color of colors) {
      canvas.fillStyle = color;
      canvas.fillRect(0, 0, 1, 1);
    }
    return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const luminance = (rgb) => {
    const [red, green, blue] = rgb.map((value) => {
      const share = value / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const lowContrast = (least, leastOfLarge, large) => {
    const found = new Set();
    for (const { node, parent } of texts()) {
      const backgrounds = [];
      for (let each = parent; each; each = each.parentElement) {
        backgrounds.unshift(getComputedStyle(each).backgroundColor);
      }
      const style = getComputedStyle(parent);
      const color = parent instanceof SVGElement ? style.fill : style.color;
      const [one, other] = [luminance(paint(backgrounds)), luminance(paint([...backgrounds, color]))];
      const contrast = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
      if (contrast < (parseFloat(style.fontSize) >= large ? leastOfLarge : least)) {
        found.add(`${node.data.trim()}: ${contrast.toFixed(2)}`);
      }
    }
    return [...found];
  };

  const plots = () =>
    [...document.querySelectorAll("svg.plot")].map((plot) => {
      const box = plot.getBoundingClientRect();
      const shapes = [...plot.querySelectorAll("rect, circle")].filter((shape) => {
        const { width, height } = shape.getBoundingClientRect();
        return width > 0.5 && height > 0.5 && visible(shape);
      });
      return {
        title: plot.querySelector("title")?.textContent,
        label: plot.getAttribute("aria-label"),
        width: box.width,
        height: box.height,
        shapes: shapes.length,
        hasTable: plot.closest(".card").querySelector("details table") !== null,
      };
    });

  return { overlaps, outside, lowContrast, plots };
})();
