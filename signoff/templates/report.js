"use strict";
(() => {
  const table = document.getElementById("table");
  const gates = [...table.tBodies];
  const search = document.getElementById("search");
  const filters = [...document.querySelectorAll(".filter")];
  const weight = { FAIL: 0, UNVERIFIED: 1, WAIVED: 2, PASS: 3 };
  let verdict = "ALL";

  const show = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const gate of gates) {
      const text = gate.textContent.toLowerCase();
      const fits = (verdict === "ALL" || gate.dataset.verdict === verdict) && words.every((w) => text.includes(w));
      gate.hidden = !fits;
      shown += fits;
    }
    document.getElementById("none").hidden = shown > 0;
  };
  const choose = (name) => {
    verdict = name;
    filters.forEach((f) => f.classList.toggle("on", f.dataset.verdict === name));
    show();
  };
  const toggle = (gate, open) => {
    const head = gate.querySelector(".head");
    const detail = gate.querySelector(".detail");
    detail.hidden = open === undefined ? !detail.hidden : !open;
    head.setAttribute("aria-expanded", String(!detail.hidden));
  };
  const value = (gate, key) => {
    if (key === "verdict") return weight[gate.dataset.verdict];
    const number = Number(gate.dataset[key]);
    return Number.isNaN(number) ? gate.dataset[key] : number;
  };
  const sort = (header) => {
    const key = header.dataset.key;
    const up = header.getAttribute("aria-sort") !== "ascending";
    table.querySelectorAll("th").forEach((th) => th.removeAttribute("aria-sort"));
    header.setAttribute("aria-sort", up ? "ascending" : "descending");
    gates.sort((a, b) => {
      const [x, y] = [value(a, key), value(b, key)];
      const order = x < y ? -1 : x > y ? 1 : a.dataset.order - b.dataset.order;
      return up ? order : -order;
    });
    gates.forEach((gate) => table.appendChild(gate));
  };

  search.addEventListener("input", show);
  filters.forEach((f) => f.addEventListener("click", () => choose(f.dataset.verdict)));
  document.querySelectorAll(".chip").forEach((chip) => chip.addEventListener("click", () => {
    choose(chip.dataset.verdict);
    document.getElementById("gates").scrollIntoView();
  }));
  table.querySelectorAll("th[data-key]").forEach((th) => th.querySelector("button").addEventListener("click", () => sort(th)));
  gates.forEach((gate) => {
    const head = gate.querySelector(".head");
    head.addEventListener("click", () => toggle(gate));
    head.addEventListener("keydown", (event) => {
      if (event.key === "Enter" || event.key === " ") { event.preventDefault(); toggle(gate); }
    });
  });
  const open = (id) => {
    const gate = document.getElementById("gate-" + id);
    if (gate) { choose("ALL"); toggle(gate, true); gate.scrollIntoView(); }
  };
  document.querySelectorAll("[data-open]").forEach((a) => a.addEventListener("click", (event) => {
    event.preventDefault();
    open(a.dataset.open);
  }));
  const viewer = document.getElementById("viewer");
  const enlarge = (image) => {
    viewer.querySelector("img").src = image.src;
    viewer.querySelector("figcaption").textContent = image.alt;
    viewer.showModal();
  };
  document.querySelectorAll(".pictures img, .findings img, .die img").forEach((image) => {
    image.tabIndex = 0;
    image.addEventListener("click", () => enlarge(image));
    image.addEventListener("keydown", (event) => { if (event.key === "Enter") enlarge(image); });
  });
  document.querySelectorAll(".findings li").forEach((item) => {
    const image = item.querySelector("img");
    if (image) item.querySelector("summary").addEventListener("click", (event) => { event.preventDefault(); enlarge(image); });
  });
  viewer.addEventListener("click", () => viewer.close());
  if (location.hash.startsWith("#gate-")) open(location.hash.slice(6));
})();
