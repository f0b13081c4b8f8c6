// The page: log in, choose a camera, watch, and see what is protected.
"use strict";

const WORKER = document.currentScript.dataset.worker;
const VERSIONS = { FEFF: "DTLS 1.0", FEFD: "DTLS 1.2", FEFC: "DTLS 1.3" };
// How often what is said of the hop is looked up, in milliseconds.
const LOOK = 1000;

const at = (id) => document.getElementById(id);
const say = (id, text, state = "") => {
  const place = at(id);
  // What has not changed is not read out again.
  if (place.textContent !== text) place.textContent = text;
  place.className = state;
};

let workerUrl;
let playback;
let token = sessionStorage.getItem("token");

// The worker's text, which is not run unless it has its hash.
const checkedWorker = async () => {
  const response = await fetch("/worker.js", { integrity: WORKER });
  const text = await response.blob();
  return URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
};

const show = (place) => {
  for (const id of ["log-in", "cameras", "live", "enrolment"]) at(id).hidden = true;
  for (const id of place) at(id).hidden = false;
  at("log-out").hidden = !token;
};

const logIn = async (event) => {
  event.preventDefault();
  const json = { "Content-Type": "application/json" };
  const [user, password] = [at("user").value, at("password").value];
  try {
    const login = await asked("POST", "/login", json, JSON.stringify({ user, password }));
    ({ token } = await login.json());
    sessionStorage.setItem("token", token);
    at("password").value = "";
    await cameras();
  } catch (error) {
    const wrong = { 401: "User or password is wrong.", 429: "Too many tries: wait a minute." };
    say("message", wrong[error.status] ?? `Not logged in: ${error.message}`);
  }
};

const loggedOut = (why) => {
  token = null;
  sessionStorage.removeItem("token");
  show(["log-in"]);
  say("message", why);
  at("user").focus();
};

const logOut = async () => {
  const bearer = { Authorization: `Bearer ${token}` };
  await stop();
  try {
    await asked("POST", "/logout", bearer);
  } catch {
    // Then the token was not good any more.
  }
  history.replaceState(null, "", "/");
  loggedOut("");
};

const cameras = async () => {
  let found;
  try {
    const answer = await asked("GET", "/cameras", { Authorization: `Bearer ${token}` });
    ({ cameras: found } = await answer.json());
  } catch (error) {
    return loggedOut(error.status === 401 ? "" : `The list of cameras does not come: ${error.message}`);
  }
  say("message", "");
  at("list").replaceChildren(...found.map(entry));
  await enrolment();
  show(["cameras", "enrolment"]);
  const wanted = found.find(({ id }) => id === location.hash.slice(1));
  if (wanted?.live) await watch(wanted);
};

const entry = (camera) => {
  const [item, name, id, button] = ["li", "span", "small", "button"].map((tag) => document.createElement(tag));
  name.textContent = camera.name;
  id.textContent = camera.live ? camera.id : `${camera.id}, not connected`;
  name.append(id);
  button.textContent = "Watch";
  button.setAttribute("aria-label", `Watch ${camera.name}`);
  button.disabled = !camera.live;
  button.onclick = () => watch(camera);
  item.append(name, button);
  return item;
};

const watch = async (camera) => {
  await stop();
  history.replaceState(null, "", `#${camera.id}`);
  say("live-title", camera.name);
  say("no-picture", "No picture yet.");
  at("no-picture").hidden = false;
  show(["live", "enrolment"]);
  const video = at("video");
  video.muted = true;
  at("sound").setAttribute("aria-pressed", "false");
  try {
    workerUrl ??= await checkedWorker();
    playback = new Playback({ camera: camera.id, token, video, workerUrl, changed });
    const first = playback;
    video.requestVideoFrameCallback(() => {
      if (playback !== first) return;
      performance.mark("first-picture");
      at("no-picture").hidden = true;
      changed(first);
    });
    changed(playback);
    await playback.play();
  } catch (error) {
    const no = {
      401: "You are logged out.",
      403: "The camera gives this browser no keys: its owner has not signed its key, or has revoked it.",
      404: "There is no such camera, or it is not connected.",
      504: "The camera does not answer.",
    };
    if (playback) playback.trouble = no[error.status] ?? `It can't be played: ${error.message}`;
    else say("message", `It can't be played: ${error.message}`);
    changed(playback);
  }
};

const stop = async () => {
  const last = playback;
  playback = null;
  await last?.stop();
};

const stopped = async () => {
  await stop();
  history.replaceState(null, "", "/");
  await cameras();
};

// Says what is known, and no more.
const changed = (of) => {
  if (!of || of !== playback) return;
  const { video, audio } = of.counts;
  const sum = (field) => (video?.[field] ?? 0) + (audio?.[field] ?? 0);
  const [opened, refused, clear] = ["opened", "refused", "clear"].map(sum);
  at("opened").textContent = opened;
  at("refused").textContent = refused ? `${refused} (last: ${video?.reason || audio?.reason})` : "0";
  const epoch = video?.epoch ?? null;
  at("end-suite").textContent = epoch === null ? "-" : `SFrame, ${video.suite}`;
  at("end-epoch").textContent = epoch ?? "-";
  at("end-key").textContent = epoch === null ? "-" : video.kid;

  const [good, why] = statement(of, { opened: video?.opened ?? 0, refused, clear });
  say("protected", why, good ? "good" : "bad");
  if (!at("no-picture").hidden && !good) say("no-picture", why);
};

const statement = ({ trouble, counts }, { opened, refused, clear }) => {
  if (trouble) return [false, trouble];
  if (clear) return [false, `${clear} frames came in clear and were refused: somebody between the camera and this browser took the protection off.`];
  if (opened) return [true, "End-to-end encrypted: the camera sealed what you see, and only viewers that its owner signed can open it."];
  if (refused) return [false, `No picture: ${refused} frames came that this browser's keys do not open (${counts.video?.reason || counts.audio?.reason}).`];
  return [false, "Nothing has come yet."];
};

const look = async () => {
  if (!playback) return;
  const { tlsVersion, dtlsCipher, srtpCipher } = await playback.hop();
  at("hop-protocol").textContent = tlsVersion ? VERSIONS[tlsVersion.toUpperCase()] ?? tlsVersion : "-";
  at("hop-handshake").textContent = dtlsCipher ?? "-";
  at("hop-suite").textContent = srtpCipher ?? "-";
};

const enrolment = async () => {
  const signature = await viewerKey.signature();
  at("viewer-key").textContent = await viewerKey.shown();
  at("signature").value = signature ?? "";
  say("enrolled", signature ? "A signature is kept for this key." : "No signature is kept for this key: cameras will give it nothing.");
};

const enrol = async (event) => {
  event.preventDefault();
  const text = at("signature").value.trim().toLowerCase();
  if (!/^[0-9a-f]{128}$/.test(text)) {
    say("enrolled", "A signature has 128 hexadecimal digits.", "bad");
    return;
  }
  await viewerKey.enrol(text);
  await enrolment();
};

at("log-in").onsubmit = logIn;
at("enrol").onsubmit = enrol;
at("log-out").onclick = logOut;
at("stop").onclick = stopped;
at("sound").onclick = ({ target }) => {
  at("video").muted = !at("video").muted;
  target.setAttribute("aria-pressed", String(!at("video").muted));
};
setInterval(look, LOOK);
addEventListener("pagehide", stop);

if (token) cameras();
else show(["log-in"]);
