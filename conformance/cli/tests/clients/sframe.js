// HPKE and SFrame with the browser's own WebCrypto. Nothing of it is ours on the
// other side.
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
