// The key of this browser, whose private half nothing can read, and what the
// owner signed: both are kept in the browser.
"use strict";

const viewerKey = (() => {
  const STORE = "viewer";

  const store = () => new Promise((done, failed) => {
    const request = indexedDB.open("lightleak", 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE);
    request.onsuccess = () => done(request.result);
    request.onerror = () => failed(request.error);
  });

  const asked = async (mode, ask) => {
    const database = await store();
    try {
      return await new Promise((done, failed) => {
        const request = ask(database.transaction(STORE, mode).objectStore(STORE));
        request.onsuccess = () => done(request.result);
        request.onerror = () => failed(request.error);
      });
    } finally {
      database.close();
    }
  };

  // The key pair, which is made when it is first asked for.
  const pair = async () => {
    const kept = await asked("readonly", (keys) => keys.get("pair"));
    if (kept) return kept;
    const made = await crypto.subtle.generateKey("X25519", false, ["deriveBits"]);
    await asked("readwrite", (keys) => keys.put(made, "pair"));
    return made;
  };

  // What the owner is shown, in hexadecimal.
  const shown = async () => hex(await crypto.subtle.exportKey("raw", (await pair()).publicKey));

  const signature = () => asked("readonly", (keys) => keys.get("signature"));
  const enrol = (text) => asked("readwrite", (keys) => keys.put(text, "signature"));

  return { pair, shown, signature, enrol };
})();
