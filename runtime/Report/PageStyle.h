//===- PageStyle.h - what a page of a run looks like, and its script --------------------------===//
#pragma once

#include <string_view>

namespace stc::runtime {

// Colours that can be told apart in grey and by colour-blind eyes, on light and dark.
inline constexpr std::string_view pageStyle = R"(
:root { color-scheme: light dark; --back: #ffffff; --text: #1c1f23; --faint: #667078;
  --rule: #d9dde1; --thin: #a9c4e0; --run0: #1f5fa8; --run1: #c4501b; --run2: #147a56;
  --run3: #83449c; --points: #c4501b; }
@media (prefers-color-scheme: dark) {
  :root { --back: #15181b; --text: #e3e6e9; --faint: #98a2ab;
    --rule: #363c42; --thin: #35526f; --run0: #7db4ee; --run1: #f0935f; --run2: #56c79c;
    --run3: #c99be0; --points: #f0935f; }
}
body { margin: 0; background: var(--back); color: var(--text);
  font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 52rem; margin: 0 auto; padding: 2rem 1rem 4rem; }
h1 { font-size: 1.6rem; margin: 0 0 1rem; overflow-wrap: anywhere; }
h2 { font-size: 1.15rem; margin: 2.5rem 0 0.5rem; }
h3 { font-size: 0.95rem; font-weight: 600; margin: 1.5rem 0 0.25rem; overflow-wrap: anywhere; }
p.note { color: var(--faint); margin: 0.5rem 0; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: 0.2rem 1.5rem 0.2rem 0; border-bottom: 1px solid var(--rule);
  vertical-align: top; overflow-wrap: anywhere; }
th { font-weight: normal; color: var(--faint); }
td.number, th.number { text-align: right; }
tr.differs td { font-weight: 600; }
summary { cursor: pointer; color: var(--faint); margin-top: 0.75rem; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; border: 1px solid var(--rule);
  padding: 0.75rem; margin: 0; font: 14px/1.45 ui-monospace, monospace; }
img { max-width: 100%; }
img.pixels { image-rendering: pixelated; min-width: 50%; }
img.picture { background: #ffffff; padding: 0.5rem; box-sizing: border-box; }
audio { width: 100%; }
input.axis { position: absolute; opacity: 0; }
label.axis { cursor: pointer; color: var(--faint); margin-right: 1rem; }
figure { margin: 0; }
output { display: block; min-height: 1.5em; font-size: 0.9rem; font-variant-numeric: tabular-nums; }
svg { display: block; width: 100%; height: auto; touch-action: pan-y; }
svg text { fill: var(--text); font: 12px system-ui, sans-serif; }
svg text.x { text-anchor: middle; }
svg text.y { text-anchor: end; }
svg text.note { text-anchor: end; fill: var(--faint); font-size: 11px; }
svg .grid { stroke: var(--rule); }
svg .axis { stroke: var(--faint); fill: none; }
svg .break { stroke: var(--faint); fill: none; stroke-dasharray: 2 3; }
svg .pointer { stroke: var(--faint); fill: none; }
svg .run0 { --line: var(--run0); }
svg .run1 { --line: var(--run1); --points: var(--run1); }
svg .run2 { --line: var(--run2); --points: var(--run2); }
svg .run3 { --line: var(--run3); --points: var(--run3); }
.several svg .run0 { --points: var(--run0); }
svg .thin { stroke: var(--thin); fill: none; }
svg .line { stroke: var(--line); fill: none; stroke-width: 1.75; stroke-linejoin: round; }
svg .run1 .line { stroke-dasharray: 7 2; }
svg .run2 .line { stroke-dasharray: 2 2; }
svg .run3 .line { stroke-dasharray: 9 2 2 2; }
svg circle.points { fill: var(--points); }
svg .bar { stroke: var(--points); stroke-width: 1.25; }
)";

// Shows, above each chart, the values of its curves next to the pointer. Neither < nor an ampersand
// stands in it, so that the page is XML, too. The hash is that of the page's security policy, which
// lets this script run and no other: the SHA-256 of these bytes in base64, which a test compares.
inline constexpr std::string_view pageScript = R"js(
const numbers = text => text.split(" ").map(Number);
const axis = () => document.querySelector("input.axis:checked").value;
for (const figure of document.querySelectorAll("figure")) {
  const svg = figure.querySelector("svg"), output = figure.querySelector("output");
  const pointer = svg.querySelector(".pointer");
  svg.addEventListener("pointermove", event => {
    const frame = svg.querySelector("[data-range].by-" + axis());
    const [low, high, from, to] = numbers(frame.dataset.range);
    const inside = new DOMPoint(event.clientX, event.clientY)
      .matrixTransform(svg.getScreenCTM().inverse());
    const at = low + (inside.x - from) / (to - from) * (high - low);
    const words = [];
    let shown = NaN;
    for (const series of svg.querySelectorAll(".series")) {
      const x = numbers(series.querySelector("[data-x].by-" + axis()).dataset.x);
      const y = series.dataset.y.split(" ");
      let best = -1;
      x.forEach((value, i) => {
        const near = best == -1 ? Infinity : Math.abs(x[best] - at);
        if (near > Math.abs(value - at)) best = i;
      });
      if (best == -1) continue;
      if (isNaN(shown)) shown = x[best];
      const elsewhere = Math.abs(x[best] - shown) > (high - low) / 100;
      words.push(series.dataset.name + " = " + y[best] + (elsewhere ? " (at " + x[best] + ")" : ""));
    }
    if (isNaN(shown)) return;
    const place = from + (shown - low) / (high - low) * (to - from);
    pointer.setAttribute("transform", "translate(" + place + " 0)");
    pointer.setAttribute("visibility", "visible");
    output.textContent = frame.dataset.label + " " + shown.toLocaleString("en") + ": " +
      words.join(", ");
  });
}
)js";
inline constexpr std::string_view pageScriptHash =
    "sha256-pfjXUtN03L18oYh4zDddtp0/zrynQ1eWVr+lPCKAXOI=";

} // namespace stc::runtime
