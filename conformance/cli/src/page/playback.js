// The live picture of one camera: WHEP (draft-ietf-wish-whep), keys for every
// epoch, and a worker for each track that opens it.
"use strict";

// What a base key is wrapped for.
const KEY_INFO = utf8("lightleak sframe base key 1");
// Values of the suites that the worker opens (RFC 9605 8.1).
const SUITE_VALUES = { AES_128_GCM_SHA256_128: 4, AES_256_GCM_SHA512_128: 5 };
// How long the search for addresses may take, in milliseconds: those of this
// machine are there at once.
const GATHERING = 1000;

// What the server answers, if it is what was asked for.
const asked = async (method, path, headers, body, signal) => {
  const response = await fetch(path, { method, headers, body, signal });
  if (!response.ok) {
    const words = (await response.text()).trim();
    throw Object.assign(new Error(words || `status ${response.status}`), { status: response.status });
  }
  return response;
};

class Playback {
  // `workerUrl` is what was checked against its hash. `changed` is called with
  // this whenever there is news.
  constructor({ camera, token, video, workerUrl, changed }) {
    Object.assign(this, { camera, video, changed });
    this.bearer = { Authorization: `Bearer ${token}` };
    this.counts = {};
    this.trouble = "";
    this.ended = new AbortController();
    this.connection = new RTCPeerConnection({ bundlePolicy: "max-bundle" });
    this.workers = {};
    const stream = new MediaStream();
    for (const kind of ["video", "audio"]) {
      const transceiver = this.connection.addTransceiver(kind, { direction: "recvonly" });
      const worker = new Worker(workerUrl);
      worker.onmessage = ({ data }) => this.#counted(kind, data);
      transceiver.receiver.transform = new RTCRtpScriptTransform(worker, { kind });
      stream.addTrack(transceiver.receiver.track);
      this.workers[kind] = worker;
    }
    this.connection.onconnectionstatechange = () => this.#connected();
    video.srcObject = stream;
  }

  // Begins. Keys come first, so that the first picture is opened.
  async play() {
    await this.connection.setLocalDescription();
    await this.#gathered();
    const offer = this.connection.localDescription.sdp;
    const sdp = { ...this.bearer, "Content-Type": "application/sdp" };
    const path = `/whep/${encodeURIComponent(this.camera)}`;
    const created = await asked("POST", path, sdp, offer, this.ended.signal);
    this.session = created.headers.get("Location");
    const answer = await created.text();
    const [viewer_key, signature] = [await viewerKey.shown(), await viewerKey.signature()];
    const json = { ...this.bearer, "Content-Type": "application/json" };
    const body = JSON.stringify({ viewer_key, signature: signature ?? "" });
    const keys = await asked("POST", `${this.session}/key`, json, body, this.ended.signal);
    await this.#useKeys(await keys.json());
    await this.connection.setRemoteDescription({ type: "answer", sdp: answer });
    this.#follow();
  }

  // Ends; the server is told, if it still listens.
  async stop() {
    this.ended.abort();
    this.connection.close();
    this.video.srcObject = null;
    Object.values(this.workers).forEach((worker) => worker.terminate());
    if (!this.session) return;
    try {
      await fetch(this.session, { method: "DELETE", headers: this.bearer, keepalive: true });
    } catch {
      // It has ended there already.
    }
  }

  // Protocol and suites of the hop, as the browser has them.
  async hop() {
    const found = {};
    for (const report of (await this.connection.getStats()).values()) {
      if (report.type === "transport") {
        const { tlsVersion, dtlsCipher, srtpCipher } = report;
        Object.assign(found, { tlsVersion, dtlsCipher, srtpCipher });
      }
    }
    return found;
  }

  get isEnded() {
    return this.ended.signal.aborted;
  }

  // Keys of every epoch that begins, until there are none.
  async #follow() {
    while (!this.isEnded) {
      try {
        const path = `${this.session}/key?after=${this.epoch}`;
        const response = await asked("GET", path, this.bearer, undefined, this.ended.signal);
        if (response.status === 200) await this.#useKeys(await response.json());
      } catch (error) {
        if (this.isEnded) return;
        this.trouble = error.status === 403
          ? "The camera gives this browser no more keys."
          : `No more keys come: ${error.message}`;
        this.changed(this);
        return;
      }
    }
  }

  async #useKeys({ epoch, keys }) {
    const pair = await viewerKey.pair();
    for (const { sender, suite, kid, enc, sealed } of keys) {
      const value = SUITE_VALUES[suite];
      if (!value || !this.workers[sender]) continue;
      // The value of the suite, the KID, and that none of its bits count steps.
      const name = utf8(`${this.camera}/${sender}`);
      const associated = joined([0, value], unhex(kid), [0], name);
      let base;
      try {
        base = await hpke.open(pair, unhex(enc), unhex(sealed), KEY_INFO, associated);
      } catch {
        throw new Error("a key that was not sealed to this browser");
      }
      this.workers[sender].postMessage({ epoch, keys: [{ kid, suite, base }] });
    }
    this.epoch = epoch;
  }

  #counted(kind, counts) {
    this.counts[kind] = counts;
    this.changed(this);
  }

  #connected() {
    const state = this.connection.connectionState;
    if (state === "failed" || state === "disconnected") {
      this.trouble = "The connection is gone.";
    }
    this.changed(this);
  }

  async #gathered() {
    const { connection } = this;
    const late = performance.now() + GATHERING;
    while (connection.iceGatheringState !== "complete" && performance.now() < late) {
      await new Promise((done) => setTimeout(done, 5));
    }
  }
}
