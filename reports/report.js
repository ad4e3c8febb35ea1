// Filters the findings that the page shows already; without it all are there.
(() => {
  "use strict";
  const filter = document.getElementById("filter");
  const words = document.getElementById("words");
  const shown = document.getElementById("shown");
  const boxes = [...filter.querySelectorAll("input[type=checkbox]")];
  const count = (finding) => Number(finding.element.dataset.count);

  // Each rule with its findings, and the text that is searched.
  const rules = [...document.querySelectorAll(".rule")].map((element) => {
    const own = [...element.children].filter((part) => !part.classList.contains("finding"));
    return {
      element,
      section: element.closest("details"),
      severity: element.dataset.severity,
      text: own.map((part) => part.textContent).join(" ").toLowerCase(),
      findings: [...element.querySelectorAll(".finding")].map((finding) => ({
        element: finding,
        text: finding.textContent.toLowerCase(),
      })),
    };
  });
  const total = rules.flatMap((rule) => rule.findings).reduce((sum, finding) => sum + count(finding), 0);

  const apply = () => {
    const wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean);
    const severities = new Set(boxes.filter((box) => box.checked).map((box) => box.value));
    const isFiltered = wanted.length > 0 || severities.size < boxes.length;
    let left = 0;
    for (const rule of rules) {
      const isOfSeverity = severities.has(rule.severity);
      let isAny = false;
      for (const finding of rule.findings) {
        const isShown = isOfSeverity && wanted.every((word) => rule.text.includes(word) || finding.text.includes(word));
        finding.element.hidden = !isShown;
        if (isShown) {
          isAny = true;
          left += count(finding);
        }
      }
      rule.element.hidden = !isAny;
      if (isAny && wanted.length > 0 && rule.section) {
        rule.section.open = true;
      }
    }
    shown.textContent = isFiltered ? `${left} of ${total} findings` : `${total} findings`;
  };

  let waiting = 0;
  words.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(apply, 120);
  });
  boxes.forEach((box) => box.addEventListener("change", apply));
  filter.hidden = false;
  apply();
})();
