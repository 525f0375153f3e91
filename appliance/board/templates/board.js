"use strict";
// Says what changes, without a reload. Everything is in the page without it.
(() => {
  const pause = 1000, slow = 30000;
  const word = document.getElementById("live");
  let busy = false, again = false;

  const key = (node) => node.nodeType === 1 ? `${node.nodeName} ${node.id} ${node.getAttribute("class")}` : node.nodeName;

  const drop = (first, end) => {
    while (first !== end) {
      const next = first.nextSibling;
      first.remove();
      first = next;
    }
  };

  // Change no more than differs, so that whoever is somewhere in the page stays there.
  const align = (old, now) => {
    if (old.isEqualNode(now)) return;
    if (old.nodeType !== 1) { old.nodeValue = now.nodeValue; return; }
    for (const { name } of [...old.attributes]) if (!now.hasAttribute(name)) old.removeAttribute(name);
    for (const { name, value } of now.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
    let next = old.firstChild;
    for (const child of now.childNodes) {
      let twin = next;
      while (twin && child.nodeType === 1 && key(twin) !== key(child)) twin = twin.nextSibling;
      if (!twin || key(twin) !== key(child)) {
        old.insertBefore(document.importNode(child, true), next);
      } else {
        drop(next, twin);
        next = twin.nextSibling;
        align(twin, child);
      }
    }
    drop(next, null);
  };

  const refresh = async () => {
    if (busy || document.hidden) { again = true; return; }
    busy = true;
    again = false;
    try {
      const answer = await fetch(location.href, { cache: "no-store" });
      if (answer.ok) {
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        for (const id of ["content", "now"]) align(document.getElementById(id), page.getElementById(id));
        document.title = page.title;
      }
    } catch { word.textContent = "no answer, "; }
    setTimeout(() => { busy = false; if (again) refresh(); }, pause);
  };

  const stream = new EventSource("/api/v1/events");
  stream.onopen = () => { word.textContent = "live, "; refresh(); };
  stream.onerror = () => { word.textContent = stream.readyState === EventSource.CLOSED ? "" : "not connected, as of "; };
  stream.addEventListener("change", refresh);
  stream.addEventListener("progress", refresh);
  document.addEventListener("visibilitychange", () => { if (again) refresh(); });
  setInterval(refresh, slow);
})();
