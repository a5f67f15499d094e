// A formula that is wider than the page scrolls, so the keyboard must reach it.
window.addEventListener("load", async () => {
  await window.MathJax?.startup?.promise;
  for (const formula of document.querySelectorAll("mjx-container[display]")) {
    if (formula.scrollWidth > formula.clientWidth) formula.tabIndex = 0;
  }
});

// The theme puts the name of the course above the side bar, outside of every landmark.
window.addEventListener("DOMContentLoaded", () => {
  const home = document.querySelector(".navbar-brand.logo")?.parentElement;
  home?.setAttribute("role", "navigation");
  home?.setAttribute("aria-label", "Home");
});
