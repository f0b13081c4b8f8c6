// The app as a web page: logs in, plays a camera's live picture, and opens SFrame
// with the browser's own WebRTC and WebCrypto. Nothing of it is ours on the other
// side. `arguments[0]` is what to do; the last argument takes the outcome.
"use strict";

const SUITE = "AES_128_GCM_SHA256_128";
// What a base key is wrapped for.
const INFO = new TextEncoder().encode("lightleak sframe base key 1");

const hex = (octets) =>
  [...new Uint8Array(octets)].map((o) => o.toString(16).padStart(2, "0")).join("");
const octets = (text) => Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));
const utf8 = (text) => new TextEncoder().encode(text);
const concat = (...parts) => {
  const all = parts.map((part) => new Uint8Array(part));
  const out = new Uint8Array(all.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of all) {
    out.set(part, at);
    at += part.length;
  }
  return out;
};

// HPKE (RFC 9180): base mode, DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-128-GCM.
const KEM = concat(utf8("KEM"), [0x00, 0x20]);
const HPKE = concat(utf8("HPKE"), [0x00, 0x20, 0x00, 0x01, 0x00, 0x01]);

async function hmac(key, message) {
  const usage = { name: "HMAC", hash: "SHA-256" };
  const imported = await crypto.subtle.importKey("raw", key, usage, false, ["sign"]);
  return new Uint8Array(await crypto.subtle.sign("HMAC", imported, message));
}

const labeledExtract = (suite, salt, label, ikm) =>
  // A key of HMAC that is empty is one of zeros.
  hmac(salt.length ? salt : new Uint8Array(32), concat(utf8("HPKE-v1"), suite, utf8(label), ikm));

async function labeledExpand(suite, prk, label, info, length) {
  const labeled = concat([length >> 8, length & 255], utf8("HPKE-v1"), suite, utf8(label), info);
  // None of ours is longer than one block.
  return (await hmac(prk, concat(labeled, [1]))).slice(0, length);
}

async function unwrap(pair, enc, sealed, info, associated) {
  const none = new Uint8Array(0);
  const theirs = await crypto.subtle.importKey("raw", enc, "X25519", false, []);
  const dh = await crypto.subtle.deriveBits(
    { name: "X25519", public: theirs },
    pair.privateKey,
    256,
  );
  const ours = await crypto.subtle.exportKey("raw", pair.publicKey);
  const prk = await labeledExtract(KEM, none, "eae_prk", new Uint8Array(dh));
  const shared = await labeledExpand(KEM, prk, "shared_secret", concat(enc, ours), 32);
  const context = concat(
    [0],
    await labeledExtract(HPKE, none, "psk_id_hash", none),
    await labeledExtract(HPKE, none, "info_hash", info),
  );
  const secret = await labeledExtract(HPKE, shared, "secret", none);
  const key = await labeledExpand(HPKE, secret, "key", context, 16);
  const iv = await labeledExpand(HPKE, secret, "base_nonce", context, 12);
  const aead = await crypto.subtle.importKey("raw", key, "AES-GCM", false, ["decrypt"]);
  const gcm = { name: "AES-GCM", iv, additionalData: associated };
  return new Uint8Array(await crypto.subtle.decrypt(gcm, aead, sealed));
}

// Runs in a worker: opens the frames of one receiver (RFC 9605).
const WORKER = `"use strict";
const utf8 = (text) => new TextEncoder().encode(text);
const keys = new Map();
const counts = { opened: 0, refused: 0, reason: "" };

function number(value, size) {
  const out = new Uint8Array(size);
  for (let at = size - 1; at >= 0; at--, value >>= 8n) out[at] = Number(value & 255n);
  return out;
}

async function add(kid, base) {
  const ikm = await crypto.subtle.importKey("raw", base, "HKDF", false, ["deriveBits"]);
  const derive = (label, bits) => crypto.subtle.deriveBits({
    name: "HKDF", hash: "SHA-256", salt: new Uint8Array(0),
    info: new Uint8Array([...utf8(label), ...number(kid, 8), 0, 4]),
  }, ikm, bits);
  const key = await derive("SFrame 1.0 Secret key ", 128);
  const salt = new Uint8Array(await derive("SFrame 1.0 Secret salt ", 96));
  const aead = await crypto.subtle.importKey("raw", key, "AES-GCM", false, ["decrypt"]);
  keys.set(kid, { aead, salt });
}

function header(frame) {
  let at = 1;
  const field = (nibble) => {
    if (nibble < 8) return BigInt(nibble);
    let value = 0n;
    for (let left = nibble - 7; left > 0; left--) value = value << 8n | BigInt(frame[at++]);
    return value;
  };
  const kid = field(frame[0] >> 4), ctr = field(frame[0] & 15);
  if (at > frame.length) throw new Error("the frame ends in its header");
  return { kid, ctr, length: at };
}

async function open(frame, metadata) {
  const { kid, ctr, length } = header(frame);
  const key = keys.get(kid);
  if (!key) throw new Error("no key for kid " + kid);
  const iv = number(ctr, 12).map((octet, at) => octet ^ key.salt[at]);
  const additionalData = new Uint8Array([...frame.subarray(0, length), ...metadata]);
  const gcm = { name: "AES-GCM", iv, additionalData };
  return new Uint8Array(await crypto.subtle.decrypt(gcm, key.aead, frame.subarray(length)));
}

// The NAL unit that holds the frame: behind the last start code with its header.
function carried(unit) {
  for (let at = unit.length - 6; at >= 3; at--) {
    const [z0, z1, one, nal, s0, s1] = unit.subarray(at - 3, at + 3);
    if (z0 || z1 || one !== 1 || (nal !== 0x65 && nal !== 0x61)) continue;
    if (s0 !== 0x82 || s1 !== 0x08 || unit[unit.length - 1] !== 0x80) break;
    const frame = [];
    let zeros = 0;
    for (const octet of unit.subarray(at + 3, unit.length - 1)) {
      if (zeros === 2 && octet === 3) { zeros = 0; continue; }
      zeros = octet === 0 ? zeros + 1 : 0;
      frame.push(octet);
    }
    return { frame: new Uint8Array(frame), metadata: [nal, s0, s1] };
  }
  throw new Error("a clear frame, or none of ours: " + unit.length + " octets");
}

onmessage = async ({ data }) => {
  if (data.base) await add(BigInt("0x" + data.kid), data.base);
  postMessage(counts);
};

onrtctransform = ({ transformer: { readable, writable, options } }) => {
  readable.pipeThrough(new TransformStream({
    async transform(frame, controller) {
      const data = new Uint8Array(frame.data);
      try {
        const sealed = options.kind === "video" ? carried(data) : { frame: data, metadata: [] };
        frame.data = (await open(sealed.frame, sealed.metadata)).buffer;
        counts.opened++;
        controller.enqueue(frame);
      } catch (error) {
        counts.refused++;
        counts.reason = String(error);
      }
    },
  })).pipeTo(writable);
};
`;

const asked = async (method, path, headers, body) => {
  const response = await fetch(path, { method, headers, body });
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status}`);
  return response;
};

// Everything up to the key, which takes a signature by the owner's key.
async function connect({ user, password, path, rtc }) {
  const json = { "Content-Type": "application/json" };
  const login = await asked("POST", "/login", json, JSON.stringify({ user, password }));
  const bearer = { Authorization: `Bearer ${(await login.json()).token}` };

  const connection = new RTCPeerConnection(rtc);
  const url = URL.createObjectURL(new Blob([WORKER], { type: "text/javascript" }));
  const workers = {};
  const video = document.createElement("video");
  const streams = new MediaStream();
  for (const kind of ["video", "audio"]) {
    const { receiver } = connection.addTransceiver(kind, { direction: "recvonly" });
    workers[kind] = new Worker(url);
    receiver.transform = new RTCRtpScriptTransform(workers[kind], { kind });
    streams.addTrack(receiver.track);
  }
  Object.assign(video, { autoplay: true, muted: true, srcObject: streams });
  document.body.style.margin = 0;
  document.body.replaceChildren(video);

  await connection.setLocalDescription();
  while (connection.iceGatheringState !== "complete") {
    await new Promise((done) => setTimeout(done, 10));
  }
  const offer = connection.localDescription.sdp;
  const sdp = { ...bearer, "Content-Type": "application/sdp" };
  const created = await asked("POST", path, sdp, offer);
  await connection.setRemoteDescription({ type: "answer", sdp: await created.text() });
  const pair = await crypto.subtle.generateKey("X25519", true, ["deriveBits"]);
  window.app = {
    bearer: { ...bearer, ...json },
    connection,
    pair,
    resource: created.headers.get("Location"),
    video,
    workers,
  };
  return { viewer_key: hex(await crypto.subtle.exportKey("raw", pair.publicKey)) };
}

// Fetches the keys, and plays for so many milliseconds; if that is not enough for so
// many frames, as on a busy machine, for as long again at most.
async function watch({ viewer_key, signature, turned, time, frames }) {
  const { bearer, connection, pair, resource, video, workers } = window.app;
  const body = JSON.stringify({ viewer_key, signature });
  const response = await asked("POST", `${resource}/key`, bearer, body);
  const id = resource.split("/").pop();
  for (const { sender, suite, kid, enc, sealed } of (await response.json()).keys) {
    if (suite !== SUITE) throw new Error(`suite ${suite}`);
    // The value of the suite, the KID, and that none of its bits count ratchet steps.
    const associated = concat([0, 4], octets(kid), [0], utf8(`${id}/${sender}`));
    const base = await unwrap(pair, octets(enc), octets(sealed), INFO, associated);
    // Another key, where that is asked for.
    base[0] ^= turned;
    workers[sender]?.postMessage({ kid, base });
  }
  const decoded = async () => {
    const reports = [...(await connection.getStats()).values()];
    const video = reports.find(({ type, kind }) => type === "inbound-rtp" && kind === "video");
    return video?.framesDecoded ?? 0;
  };
  await new Promise((done) => setTimeout(done, time));
  for (let waited = 0; waited < time && (await decoded()) < frames; waited += 100) {
    await new Promise((done) => setTimeout(done, 100));
  }

  const outcome = { width: video.videoWidth, height: video.videoHeight };
  for (const [kind, worker] of Object.entries(workers)) {
    outcome[kind] = await new Promise((done) => {
      worker.onmessage = ({ data }) => done(data);
      worker.postMessage({});
    });
  }
  const reports = await connection.getStats();
  for (const report of reports.values()) {
    if (report.type === "inbound-rtp" && report.kind === "video") {
      outcome.frames_decoded = report.framesDecoded;
      outcome.frames_received = report.framesReceived;
    }
    if (report.type === "transport") {
      outcome.dtls_version = report.tlsVersion;
      outcome.dtls_cipher = report.dtlsCipher;
      outcome.srtp_cipher = report.srtpCipher;
      const pair = reports.get(report.selectedCandidatePairId);
      outcome.candidate = reports.get(pair.localCandidateId).candidateType;
    }
  }
  return outcome;
}

// Goes; what is still sent after that is counted for so many milliseconds.
async function leave({ time }) {
  const { bearer, connection, resource } = window.app;
  await asked("DELETE", resource, bearer);
  const received = async () => {
    let octets = 0;
    for (const report of (await connection.getStats()).values()) {
      if (report.type === "inbound-rtp") octets += report.bytesReceived;
    }
    return octets;
  };
  // What was on the way arrives.
  await new Promise((done) => setTimeout(done, 500));
  const before = await received();
  await new Promise((done) => setTimeout(done, time));
  return { octets_after: (await received()) - before };
}

const [what, done] = [arguments[0], arguments[arguments.length - 1]];
({ connect, watch, leave })[what.step](what).then(done, (error) => done({ error: String(error) }));
