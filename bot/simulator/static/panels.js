/** Tabs beside the phones. */

import { page } from "./dom.js";

/** Lets the tabs open their panels; `opened` is called after one was. */
export function start(opened) {
  const tabs = [...page.querySelectorAll(".side-tabs [role=tab]")];
  function open(chosen) {
    for (const tab of tabs) {
      tab.setAttribute("aria-selected", tab === chosen);
      tab.tabIndex = tab === chosen ? 0 : -1;
      document.getElementById(tab.getAttribute("aria-controls")).hidden = tab !== chosen;
    }
    opened();
  }
  for (const tab of tabs) {
    tab.addEventListener("click", () => open(tab));
    tab.addEventListener("keydown", ({ key }) => {
      const step = { ArrowLeft: -1, ArrowRight: 1 }[key];
      if (!step) return;
      const other = tabs.at((tabs.indexOf(tab) + step) % tabs.length);
      open(other);
      other.focus();
    });
  }
}
