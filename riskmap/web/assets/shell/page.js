// On every page, beside Streamlit's own scripts. `riskmapPage`: the language, the words of the skip link, and the
// cookie that keeps the language in this browser.
(({ lang, main, map, kept }) => {
  document.documentElement.lang = lang;
  document.cookie = kept;
  const frame = () => document.querySelector(".st-key-map-frame iframe")?.contentDocument?.getElementById("map_div");

  // The first thing that Tab reaches: past bar and sidebar, to what the page is about.
  let link = document.getElementById("rm-skip");
  if (!link) {
    link = document.createElement("a");
    link.id = "rm-skip";
    link.href = "#";
    document.body.prepend(link);
    // Where only pictures are taken, a tablet offers its camera before its files.
    document.addEventListener("click", ({ target }) => {
      if (target.type === "file" && target.closest('[class*="st-key-camera-"]')) target.accept = "image/*";
    }, true);
  }
  const name = () => { link.textContent = frame() ? map : main; };
  name();
  link.onfocus = name;
  link.onclick = (event) => {
    event.preventDefault();
    const content = document.querySelector('[data-testid="stMainBlockContainer"]');
    content?.setAttribute("tabindex", "-1");
    (frame() ?? content)?.focus({ preventScroll: true, focusVisible: true });
  };
})(riskmapPage);
