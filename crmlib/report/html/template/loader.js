(async () => {
  "use strict";
  const form = document.querySelector("form.form");
  if (form) {
    const button = form.querySelector("button");
    const name = button.textContent;
    form.addEventListener("submit", () => {
      button.textContent = button.dataset.busy;
      form.setAttribute("aria-busy", "true");
    });
    window.addEventListener("pageshow", (event) => {
      if (!event.persisted) return;
      button.textContent = name;
      form.removeAttribute("aria-busy");
    });
  }
  const packed = document.getElementById("vega");
  if (!packed || !window.DecompressionStream) return;
  const unpacked = (element) => {
    const bytes = Uint8Array.from(atob(element.textContent), (c) => c.charCodeAt(0));
    return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).text();
  };
  const script = document.createElement("script");
  script.textContent = await unpacked(packed);
  document.head.append(script);
  const vega = window.crmlibVega;
  if (!vega) return;
  const names = document.getElementById("time-locale");
  const locale = vega.locale(null, names ? JSON.parse(names.textContent) : null);
  const refuse = () => Promise.reject(new Error("a report fetches nothing"));
  const loader = { load: refuse, sanitize: refuse, http: refuse, file: refuse };
  const tip = document.createElement("div");
  tip.className = "tip";
  tip.hidden = true;
  document.body.append(tip);
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") tip.hidden = true; });
  const point = (handler, event, item, value) => {
    tip.replaceChildren();
    tip.hidden = value === null || value === undefined || value === "";
    if (tip.hidden) return;
    const rows = typeof value === "object" ? Object.entries(value) : [["", value]];
    for (const [name, text] of rows) {
      const row = document.createElement("div");
      const label = document.createElement("span");
      label.textContent = name;
      row.append(label, String(text));
      tip.append(row);
    }
    const right = event.clientX + 14 + tip.offsetWidth > window.innerWidth;
    tip.style.left = Math.max(4, right ? event.clientX - 14 - tip.offsetWidth : event.clientX + 14) + "px";
    tip.style.top = Math.max(4, Math.min(event.clientY + 14, window.innerHeight - tip.offsetHeight - 4)) + "px";
  };
  // a label beside a mark that would leave the picture: the drawing gives way
  const room = async (view, live) => {
    const before = view.padding();
    const base = typeof before === "number" ? { left: before, right: before, top: before, bottom: before } : before;
    let right = base.right;
    for (let n = 0; n < 4; n += 1) {
      const edge = live.querySelector("svg").getBoundingClientRect().right;
      const texts = [...live.querySelectorAll("svg text")].map((t) => t.getBoundingClientRect());
      const over = Math.max(0, ...texts.filter((t) => t.width > 0).map((t) => t.right - edge));
      if (over < 1 || right > 160) return;
      right += over * 1.5;
      await view.padding({ ...base, right }).resize().runAsync();
    }
  };
  const draw = async (holder) => {
    const anchor = holder.id.slice(0, -"-chart".length);
    const source = document.getElementById(anchor + "-spec");
    const spec = JSON.parse("packed" in source.dataset ? await unpacked(source) : source.textContent);
    const still = holder.querySelector(".picture");
    const live = document.createElement("div");
    live.className = "picture waiting";
    holder.append(live);
    const fits = spec.autosize && spec.autosize.type === "fit-x";
    const view = new vega.View(vega.parse(spec, null, { ast: true }), {
      renderer: "svg", loader, locale, expr: vega.expressionInterpreter, hover: true,
    });
    view.tooltip(point);
    const wide = () => holder.clientWidth;
    if (fits && wide() > 0) view.width(wide());
    view.initialize(live, document.getElementById(anchor + "-controls"));
    await view.runAsync();
    if (fits) await room(view, live);
    live.setAttribute("role", "img"); // Vega has called it a document to be read part by part
    live.setAttribute("aria-label", still.getAttribute("aria-label"));
    live.removeAttribute("aria-roledescription");
    still.remove();
    live.classList.remove("waiting");
    holder.dataset.drawn = "yes";
    if (!fits) return;
    let last = wide();
    new ResizeObserver(() => {
      const now = wide();
      if (now > 0 && Math.abs(now - last) > 1) {
        last = now;
        view.padding(0).width(now).runAsync().then(() => room(view, live));
      }
    }).observe(holder);
  };
  for (const holder of document.querySelectorAll(".chart[id]")) {
    if (!document.getElementById(holder.id.slice(0, -6) + "-spec")) continue;
    try {
      await draw(holder);
    } catch (error) {
      holder.querySelectorAll(".waiting").forEach((e) => e.remove());
      holder.dataset.drawn = "no";
      console.warn(error);
    }
  }
  document.documentElement.dataset.drawn = "yes";
})();
