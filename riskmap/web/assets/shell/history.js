// One step of a person is one step of history. Streamlit adds an entry for each thing that changes in the address:
// a link to another page adds three (the query on the old page, the new page, what that page adds by itself).
// So an entry is added where somebody did something since the last one, else the last one is corrected.
(() => {
  const add = history.pushState;
  let step = false;
  const began = () => { step = true; };
  for (const kind of ["pointerdown", "keydown", "click", "input", "change", "riskmap:step"]) addEventListener(kind, began, true);
  addEventListener("popstate", () => { step = false; }, true);
  // Another language says the same thing.
  const said = (address) => {
    const query = new URLSearchParams(address.search);
    query.delete("lang");
    return `${address.pathname}?${query}`;
  };
  history.pushState = (state, title, address) => {
    const same = said(new URL(address, location.href)) === said(location);
    (step && !same ? add : history.replaceState).call(history, state, title, address);
    if (!same) step = false;
  };
})();
