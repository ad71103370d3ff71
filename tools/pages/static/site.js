// The demos follow the theme that the page has: their style sheet knows it by JupyterLab's name for it.

const prefersDark = window.matchMedia("(prefers-color-scheme: dark)");

function follow() {
  const { theme } = document.body.dataset;
  const dark = theme === "dark" || (theme !== "light" && prefersDark.matches);
  document.body.dataset.jpThemeLight = String(!dark);
}

new MutationObserver(follow).observe(document.body, { attributes: true, attributeFilter: ["data-theme"] });
prefersDark.addEventListener("change", follow);
follow();
