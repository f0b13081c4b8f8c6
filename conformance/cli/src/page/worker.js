// Opens the frames of one receiver (SFrame, RFC 9605), and lets through nothing
// that was not opened.
"use strict";

// How long frames of an epoch are still opened after the first one of the next,
// in milliseconds: what was on the way arrives.
const GRACE = 2000;
// How far a frame may come behind others, in counters.
const WINDOW = 256n;
// How often the page is told, in milliseconds.
const PAUSE = 250;
// How often a key frame is asked for, and how late a frame may come without that,
// in milliseconds.
const KEY_FRAME_PAUSE = 500;
const LATE = 200;

const utf8 = (text) => new TextEncoder().encode(text);
// By KID.
const keys = new Map();
const counts = { opened: 0, refused: 0, clear: 0, reason: "", kid: null, epoch: null, suite: "" };

// Nk, Nn, Nt and the hash of the suites that the page takes (RFC 9605 8.1).
const SUITES = {
  AES_128_GCM_SHA256_128: { value: 4, bits: 128, hash: "SHA-256" },
  AES_256_GCM_SHA512_128: { value: 5, bits: 256, hash: "SHA-512" },
};

const number = (value, size) => {
  const out = new Uint8Array(size);
  for (let at = size - 1; at >= 0; at--, value >>= 8n) out[at] = Number(value & 255n);
  return out;
};

// RFC 9605 4.4.2
const add = async (kid, epoch, suite, base) => {
  const { value, bits, hash } = SUITES[suite];
  const material = await crypto.subtle.importKey("raw", base, "HKDF", false, ["deriveBits"]);
  const derive = (label, length) => {
    const info = new Uint8Array([...utf8(label), ...number(kid, 8), 0, value]);
    const salt = new Uint8Array(0);
    return crypto.subtle.deriveBits({ name: "HKDF", hash, salt, info }, material, length);
  };
  const key = await derive("SFrame 1.0 Secret key ", bits);
  const salt = new Uint8Array(await derive("SFrame 1.0 Secret salt ", 96));
  const aead = await crypto.subtle.importKey("raw", key, "AES-GCM", false, ["decrypt"]);
  keys.set(kid, { aead, salt, epoch, suite, highest: -1n, seen: new Set() });
};

// RFC 9605 4.3
const header = (frame) => {
  let at = 1;
  const field = (nibble) => {
    if (nibble < 8) return BigInt(nibble);
    let value = 0n;
    for (let left = nibble - 7; left > 0; left--) value = value << 8n | BigInt(frame[at++] ?? 0);
    return value;
  };
  const kid = field(frame[0] >> 4);
  const ctr = field(frame[0] & 15);
  if (at > frame.length) throw new Error("a frame that ends in its header");
  return { kid, ctr, length: at };
};

const open = async (frame, metadata) => {
  const { kid, ctr, length } = header(frame);
  const key = keys.get(kid);
  if (!key) throw new Error(`no key for key ID ${kid}`);
  if (key.seen.has(ctr) || ctr + WINDOW <= key.highest) throw new Again("a frame that was here before");
  const iv = number(ctr, 12).map((octet, at) => octet ^ key.salt[at]);
  const additionalData = new Uint8Array([...frame.subarray(0, length), ...metadata]);
  const gcm = { name: "AES-GCM", iv, additionalData };
  let opened;
  try {
    opened = await crypto.subtle.decrypt(gcm, key.aead, frame.subarray(length));
  } catch {
    throw new Error("a frame that this key does not open");
  }
  // Only what is authentic counts (RFC 9605 9.3).
  note(kid, key, ctr);
  return { opened, key, ctr };
};

// The order of video. Frames are shown in the order of their time stamps, which
// are the server's; it has to be the order in which they were sealed. Behind one that
// is missing the others wait, in case it is on its way; then they can't be decoded
// until a key frame comes.
class Order {
  #latest = null;
  #missing = new Set();
  #waiting = [];
  #isLost = false;
  #patience;

  // `show` is called with each frame that is to be shown, `ask` when a key frame is
  // needed.
  constructor(show, ask) {
    this.show = show;
    this.ask = ask;
  }

  // Takes a frame that was opened, sealed in an epoch with a counter.
  take(frame, epoch, ctr, isKey) {
    const time = frame.getMetadata().rtpTimestamp;
    const before = this.#latest;
    const isNew = before === null || epoch > before.epoch;
    const isLater = isNew || (epoch === before.epoch && ctr > before.ctr);
    // Time stamps wrap.
    if (!isNew && isLater !== (time - before.time | 0) > 0) {
      throw new Again("a frame out of its order");
    }
    if (!isLater) return this.#late(frame, ctr);
    this.#latest = { epoch, ctr, time };
    if (isKey) {
      this.#begin();
      return this.show(frame);
    }
    // An epoch begins with a key frame.
    if (isNew && before !== null) this.#lose();
    for (let at = isNew ? ctr : before.ctr + 1n; at < ctr; at++) {
      if (this.#missing.size >= WINDOW) break;
      this.#missing.add(at);
    }
    if (this.#isLost) return this.ask();
    if (!this.#missing.size) return this.show(frame);
    if (!this.#waiting.length) this.#patience = setTimeout(() => this.#lose(), LATE);
    this.#waiting.push(frame);
  }

  #late(frame, ctr) {
    this.show(frame);
    if (!this.#missing.delete(ctr) || this.#missing.size) return;
    const waiting = this.#waiting;
    this.#begin();
    waiting.forEach(this.show);
  }

  #begin() {
    clearTimeout(this.#patience);
    this.#missing.clear();
    this.#waiting = [];
    this.#isLost = false;
  }

  #lose() {
    this.#begin();
    this.#isLost = true;
    this.ask();
  }
}

const note = (kid, key, ctr) => {
  key.seen.add(ctr);
  if (ctr > key.highest) key.highest = ctr;
  for (const old of key.seen) {
    if (old + WINDOW > key.highest) break;
    key.seen.delete(old);
  }
  if (counts.epoch !== null && key.epoch > counts.epoch) {
    const ended = key.epoch;
    setTimeout(() => {
      for (const [kid, { epoch }] of keys) if (epoch < ended) keys.delete(kid);
    }, GRACE);
  }
  if (counts.epoch === null || key.epoch >= counts.epoch) {
    Object.assign(counts, { kid: kid.toString(16), epoch: key.epoch, suite: key.suite });
  }
};

// Whatever stands before the frame and is not one of its covers is in clear. A
// cover is of 16x16 pixels, and a browser may write its sequence parameter set anew.
const COVERS = new Set([7, 8, 9]);

// The frame of an access unit, which is one NAL unit (ITU-T H.264 Annex B, 7.4.1)
// behind its covers, and its metadata.
const carried = (unit) => {
  const starts = [];
  for (let at = 0; at + 3 < unit.length; at++) {
    if (unit[at] === 0 && unit[at + 1] === 0 && unit[at + 2] === 1) {
      starts.push(at + 3);
      at += 2;
    }
  }
  const last = starts.pop();
  const covers = starts.every((at) => COVERS.has(unit[at] & 31));
  const metadata = unit.subarray(last, last + 3);
  const [nal, first, second] = metadata;
  const sealed = (nal === 0x65 || nal === 0x61) && first === 0x82 && second === 0x08;
  if (last === undefined || !covers || !sealed || unit[unit.length - 1] !== 0x80) {
    throw new Clear("a frame in clear");
  }
  return { frame: unescaped(unit.subarray(last + 3, unit.length - 1)), metadata };
};

class Clear extends Error {}
// It is authentic, and not what comes next.
class Again extends Error {}

const unescaped = (escaped) => {
  const out = new Uint8Array(escaped.length);
  let [length, zeros] = [0, 0];
  for (const octet of escaped) {
    if (zeros === 2 && octet === 3) {
      zeros = 0;
      continue;
    }
    zeros = octet === 0 ? Math.min(zeros + 1, 2) : 0;
    out[length++] = octet;
  }
  return out.subarray(0, length);
};

onmessage = async ({ data: { keys: added, epoch } }) => {
  for (const { kid, suite, base } of added) await add(BigInt(`0x${kid}`), epoch, suite, base);
  postMessage(counts);
};

onrtctransform = ({ transformer }) => {
  const { readable, writable, options } = transformer;
  let [told, asked] = [0, 0];
  const tell = () => {
    if (performance.now() - told < PAUSE) return;
    told = performance.now();
    postMessage(counts);
  };
  // Behind a frame that is missing or was refused the browser shows nothing until a
  // key frame comes.
  const askForKeyFrame = () => {
    if (options.kind !== "video" || performance.now() - asked < KEY_FRAME_PAUSE) return;
    asked = performance.now();
    transformer.sendKeyFrameRequest().catch(() => {});
  };
  let order;
  readable.pipeThrough(new TransformStream({
    start(controller) {
      order = new Order((frame) => controller.enqueue(frame), askForKeyFrame);
    },
    async transform(frame, controller) {
      const data = new Uint8Array(frame.data);
      try {
        const { frame: sealed, metadata } =
          options.kind === "video" ? carried(data) : { frame: data, metadata: [] };
        const { opened, key, ctr } = await open(sealed, metadata);
        frame.data = opened;
        if (options.kind === "video") order.take(frame, key.epoch, ctr, metadata[0] === 0x65);
        else controller.enqueue(frame);
        counts.opened++;
      } catch (error) {
        counts.refused++;
        if (error instanceof Clear) counts.clear++;
        counts.reason = error.message;
        if (error instanceof Clear || error instanceof Again) askForKeyFrame();
      }
      tell();
    },
  })).pipeTo(writable);
};
