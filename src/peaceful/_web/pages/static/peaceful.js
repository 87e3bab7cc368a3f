/* What pages do besides what their HTML says: clocks that tick, the tab, the diagram, the keyboard,
   questions as dialogs. Everything works without it, by links, forms and reloads. */
"use strict";

(() => {
  const $ = (selector, root = document) => root.querySelector(selector);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];

  // ---- times, in the zone of whoever reads them

  const day = (moment) => moment.toLocaleDateString("sv-SE");
  const clock = (moment) => moment.toLocaleTimeString("sv-SE");

  function localise(root) {
    for (const each of all("time[datetime]", root)) {
      const moment = new Date(each.dateTime);
      const today = day(moment) === day(new Date());
      const text = each.dataset.form === "time" || today ? clock(moment) : `${day(moment)} ${clock(moment)}`;
      if (each.textContent !== text) each.textContent = text;
    }
  }

  function duration(seconds) {
    const tenths = Math.round(Math.max(0, seconds) * 10);
    if (tenths < 100) return `${Math.floor(tenths / 10)}.${tenths % 10} s`;
    const whole = Math.round(seconds);
    const two = (number) => String(number).padStart(2, "0");
    if (whole < 60) return `${whole} s`;
    if (whole < 3600) return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`;
    return `${Math.floor(whole / 3600)} h ${two(Math.floor((whole % 3600) / 60))} min`;
  }

  // The two clocks may differ: what counts is the one that wrote the times.
  const written = $("[data-now][data-execution]");
  const ahead = written ? Date.parse(written.dataset.now) - Date.now() : 0;

  function tick() {
    for (const each of all("[data-since]")) {
      const text = duration((Date.now() + ahead - Date.parse(each.dataset.since)) / 1000);
      if (each.textContent !== text) each.textContent = text;
    }
  }

  // ---- an execution: its tab, its diagram

  function showTab() {
    const head = $("#head");
    if (!head || !head.dataset.tab) return;
    if (document.title !== head.dataset.tab) document.title = head.dataset.tab;
    const icon = $("#icon");
    if (icon && icon.getAttribute("href") !== head.dataset.icon) icon.href = head.dataset.icon;
  }

  function paint() {
    const stands = new Map(all("#rows tr[data-item]").map((row) => [row.dataset.item, row.dataset.stand]));
    for (const node of all(".diagram [data-item]")) {
      const stand = stands.get(node.dataset.item);
      if (stand && node.dataset.status !== stand) node.dataset.status = stand;
    }
  }

  function connection(now, text) {
    const shown = $("#connection");
    if (!shown) return;
    shown.dataset.now = now;
    if (shown.textContent !== text) shown.textContent = text;
  }

  // ---- questions, as dialogs over the page

  async function ask(link) {
    const dialog = $("#dialog");
    const answer = await fetch(link.href, { headers: { "HX-Request": "true" } });
    const text = await answer.text();
    const problem = answer.headers.get("HX-Retarget");
    if (problem) {
      $("#problem").outerHTML = text;
      return;
    }
    dialog.innerHTML = text;
    htmx.process(dialog);
    dialog.showModal();
  }

  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-dialog]");
    if (link && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
      event.preventDefault();
      ask(link).catch(() => { location.href = link.href; });
    }
    const close = event.target.closest("[data-close]");
    if (close && close.closest("dialog")) {
      event.preventDefault();
      close.closest("dialog").close();
    }
  });

  // ---- what is typed is not lost by leaving the page

  const settings = $("#settings");
  if (settings) {
    const typed = () => new URLSearchParams(new FormData(settings)).toString();
    const first = typed();
    let sent = false;
    settings.addEventListener("submit", () => { sent = true; });
    addEventListener("beforeunload", (event) => { if (!sent && typed() !== first) event.preventDefault(); });
    addEventListener("pageshow", () => { sent = false; });
  }

  // ---- the keyboard

  const keys = $("#keys");
  const remembered = "peaceful.keys";
  if (keys) {
    keys.closest(".keys").hidden = false;
    keys.checked = localStorage.getItem(remembered) !== "off";
    keys.addEventListener("change", () => localStorage.setItem(remembered, keys.checked ? "on" : "off"));
  }

  document.addEventListener("keydown", (event) => {
    if (!keys || !keys.checked || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    if (event.target.closest("input:not([type=checkbox]), select, textarea, dialog")) return;
    const button = $(`[data-key="${CSS.escape(event.key.toLowerCase())}"]`);
    if (button && !button.disabled && button.checkVisibility()) {
      event.preventDefault();
      button.click();
    }
  });

  function say(button, text) {
    const face = $(".face", button);
    button.textContent = text;
    if (face) button.prepend(face);
  }

  function busy(button) {
    button.dataset.label = button.textContent.trim();
    say(button, button.dataset.busy);
  }

  const asksToInterrupt = (element) => Boolean(element?.matches?.(".needs-interrupt"));

  // The answer to a click on Interrupt is what the page is sent next: until that shows that it is no
  // longer running, its button stays as clicked, also where it is shown anew.
  let asked = false;

  function keepBusy() {
    if ($("#head")?.dataset.state !== "running") asked = false;
    const button = asked && $("#head .needs-interrupt button:enabled");
    if (!button) return;
    busy(button);
    button.disabled = true;
  }

  // A button that was clicked says at once that it is at work.
  document.addEventListener("submit", (event) => {
    const button = event.submitter;
    if (!button || !button.dataset.busy) return;
    busy(button);
    asked ||= asksToInterrupt(event.target) && Boolean($("#head")?.contains(event.target));
    // Not before the browser has taken the form.
    setTimeout(() => { button.disabled = true; }, 0);
  });

  // At once, so that the second click of two does nothing.
  document.addEventListener("htmx:before:request", (event) => {
    const { sourceElement } = event.detail.ctx;
    if (asksToInterrupt(sourceElement)) $("button", sourceElement).disabled = true;
  });

  // Where nothing came of it, it can be clicked again.
  document.addEventListener("htmx:finally:request", (event) => {
    const { sourceElement, response } = event.detail.ctx;
    if (!sourceElement.isConnected || !asksToInterrupt(sourceElement)) return; // The page knows better.
    if (response?.status < 400) { $("#problem").textContent = ""; return; }
    if (!response) $("#problem").textContent = "The server did not answer. Try again.";
    asked = false;
    const button = $("button", sourceElement);
    if (button.dataset.label) say(button, button.dataset.label);
    setTimeout(() => { button.disabled = false; }, 0);
  });

  document.addEventListener("htmx:after:request", (event) => {
    const dialog = $("#dialog[open]");
    if (dialog && dialog.contains(event.detail.ctx.sourceElement)) dialog.close();
  });

  // What is asked on a page of something that has ended need not be answered any more.
  function takeBack() {
    const question = $("#dialog[open] .needs-interrupt");
    const head = $("#head");
    if (question && head && !$("#note a.needs-interrupt")) $("#dialog").close();
    // A click that was lost is of no matter once another one has come through.
    if (head?.dataset.state === "interrupting" && $("#problem").textContent) $("#problem").textContent = "";
  }

  // Whoever used a button that is gone is taken to where it now says what happens.
  let inParts = false;
  document.addEventListener("focusin", (event) => { inParts = Boolean(event.target.closest("#head, #note, #dialog")); });

  function keepFocus() {
    const active = document.activeElement;
    if (!inParts || (active && active !== document.body && !active.disabled)) return;
    inParts = false;
    const title = $("#head h1");
    if (title) title.focus({ preventScroll: true });
  }

  // ---- the connection

  document.addEventListener("htmx:sse:after:connection", () => connection("live", "live"));
  document.addEventListener("htmx:sse:error", (event) => {
    connection("away", "reconnecting…");
    if (event.detail?.status === 401) {
      $("#problem").textContent = "The server was started anew, and asks who you are: open the address that it printed.";
    }
  });
  // A connection that was never there is not looked after by whoever keeps it.
  for (const name of ["htmx:error", "htmx:response:error"]) {
    document.addEventListener(name, (event) => {
      const live = $("#live");
      if (!live || event.target !== live || live._htmx?.sse) return;
      connection("away", "reconnecting…");
      setTimeout(() => htmx.ajax("GET", live.getAttribute("hx-sse:connect"), { source: live }), 2000);
    });
  }
  document.addEventListener("htmx:sse:before:connection", (event) => {
    if (document.hidden) connection("away", "paused");
    else if (event.detail?.connection?.attempt > 0) connection("away", "reconnecting…");
  });
  document.addEventListener("htmx:sse:close", (event) => {
    if (event.detail?.reason === "message") connection("ended", "ended");
  });

  // ---- a tab in the background holds no connection: it asks now and then, for its title

  const execution = $("[data-execution]");
  let asking = 0;

  async function look() {
    const answer = await fetch(`${location.pathname}?part=head`, { headers: { Accept: "text/html" } });
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const head = $("#head", page);
    if (document.hidden && head) {
      document.title = head.dataset.tab;
      $("#icon").href = head.dataset.icon;
    }
  }

  document.addEventListener("visibilitychange", () => {
    clearInterval(asking);
    if (document.hidden && execution && $("#live") && $("#connection").dataset.now !== "ended") connection("away", "paused");
    if (document.hidden && execution && $("#live")) asking = setInterval(() => look().catch(() => {}), 5000);
    else showTab();
  });

  // ---- whenever something changes

  function refresh() {
    localise(document);
    showTab();
    paint();
    tick();
    keepBusy();
    takeBack();
    keepFocus();
  }

  let due = false;
  new MutationObserver(() => {
    if (due) return;
    due = true;
    requestAnimationFrame(() => { due = false; refresh(); });
  }).observe($("main"), { subtree: true, childList: true, attributes: true, attributeFilter: ["data-stand", "data-tab"] });
  setInterval(tick, 100);
  refresh();
})();
