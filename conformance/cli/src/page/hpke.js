// HPKE (RFC 9180) in base mode: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256,
// AES-128-GCM; and what octets are written in.
"use strict";

const hex = (octets) =>
  [...new Uint8Array(octets)].map((octet) => octet.toString(16).padStart(2, "0")).join("");
const unhex = (text) =>
  Uint8Array.from(text.match(/../g) ?? [], (digits) => parseInt(digits, 16));
const utf8 = (text) => new TextEncoder().encode(text);
const joined = (...parts) => Uint8Array.from(parts.flatMap((part) => [...part]));

const hpke = (() => {
  const KEM = [...utf8("KEM"), 0x00, 0x20];
  const SUITE = [...utf8("HPKE"), 0x00, 0x20, 0x00, 0x01, 0x00, 0x01];
  const NONE = new Uint8Array(0);

  const hmac = async (key, message) => {
    const usage = { name: "HMAC", hash: "SHA-256" };
    const imported = await crypto.subtle.importKey("raw", key, usage, false, ["sign"]);
    return new Uint8Array(await crypto.subtle.sign("HMAC", imported, message));
  };

  // RFC 9180 4; HMAC takes an empty salt for one of zeros (RFC 5869 2.2).
  const extract = (suite, salt, label, secret) =>
    hmac(salt.length ? salt : new Uint8Array(32),
      joined(utf8("HPKE-v1"), suite, utf8(label), secret));

  // Nothing that is asked for is longer than one block.
  const expand = async (suite, key, label, info, length) => {
    const labeled = joined([length >> 8, length & 255], utf8("HPKE-v1"), suite, utf8(label), info);
    return (await hmac(key, joined(labeled, [1]))).slice(0, length);
  };

  // The one message of an envelope that was sealed to `pair`.
  const open = async (pair, enc, sealed, info, associated) => {
    const theirs = await crypto.subtle.importKey("raw", enc, "X25519", false, []);
    const with_theirs = { name: "X25519", public: theirs };
    const dh = new Uint8Array(await crypto.subtle.deriveBits(with_theirs, pair.privateKey, 256));
    const ours = new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey));
    const prk = await extract(KEM, NONE, "eae_prk", dh);
    const shared = await expand(KEM, prk, "shared_secret", joined(enc, ours), 32);
    const context = joined(
      [0],
      await extract(SUITE, NONE, "psk_id_hash", NONE),
      await extract(SUITE, NONE, "info_hash", info),
    );
    const secret = await extract(SUITE, shared, "secret", NONE);
    const key = await expand(SUITE, secret, "key", context, 16);
    const iv = await expand(SUITE, secret, "base_nonce", context, 12);
    const aead = await crypto.subtle.importKey("raw", key, "AES-GCM", false, ["decrypt"]);
    const gcm = { name: "AES-GCM", iv, additionalData: associated };
    return new Uint8Array(await crypto.subtle.decrypt(gcm, aead, sealed));
  };

  return { open };
})();
