// The app as a web page: logs in, and plays a camera's live picture. Behind
// `sframe.js`; `arguments[0]` is what to do, the last argument takes the outcome.

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
      outcome.candidates = [pair.localCandidateId, pair.remoteCandidateId]
        .map((id) => reports.get(id).candidateType);
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
