// A viewer behind Janus: watches its mountpoint over its own signalling, and opens
// SFrame with a key that it is given, in the worker of the portal's page.
"use strict";

const transaction = () => Math.random().toString(36).slice(2);

async function told(path, message) {
  const body = JSON.stringify({ ...message, transaction: transaction() });
  const response = await fetch(path, { method: "POST", body });
  const answer = await response.json();
  if (answer.janus === "error") throw new Error(JSON.stringify(answer.error));
  return answer;
}

// The next event with a session description.
async function described(session) {
  for (;;) {
    const event = await (await fetch(`${session}?maxev=1`)).json();
    if (event.jsep) return event.jsep;
    if (event.plugindata?.data?.error) throw new Error(event.plugindata.data.error);
  }
}

async function watch({ script, kid, base }) {
  const made = await told("/janus", { janus: "create" });
  const session = `/janus/${made.data.id}`;
  const attached = await told(session, { janus: "attach", plugin: "janus.plugin.streaming" });
  const handle = `${session}/${attached.data.id}`;
  await told(handle, { janus: "message", body: { request: "watch", id: 1 } });
  const offer = await described(session);

  const connection = new RTCPeerConnection();
  const url = URL.createObjectURL(new Blob([script], { type: "text/javascript" }));
  const worker = new Worker(url);
  const suite = "AES_128_GCM_SHA256_128";
  const octets = Uint8Array.from(base.match(/../g), (digits) => parseInt(digits, 16));
  worker.postMessage({ epoch: 1, keys: [{ kid, suite, base: octets }] });
  const video = document.createElement("video");
  connection.ontrack = ({ receiver, track }) => {
    receiver.transform = new RTCRtpScriptTransform(worker, { kind: "video" });
    Object.assign(video, { autoplay: true, muted: true, srcObject: new MediaStream([track]) });
  };
  document.body.style.margin = 0;
  document.body.replaceChildren(video);
  await connection.setRemoteDescription(offer);
  await connection.setLocalDescription();
  while (connection.iceGatheringState !== "complete") {
    await new Promise((done) => setTimeout(done, 10));
  }
  const jsep = connection.localDescription.toJSON();
  await told(handle, { janus: "message", body: { request: "start" }, jsep });
  window.viewer = { connection, video, worker };
  return {};
}

async function look() {
  const { connection, video, worker } = window.viewer;
  const outcome = { width: video.videoWidth, height: video.videoHeight, frames_decoded: 0 };
  outcome.video = await new Promise((done) => {
    worker.onmessage = ({ data }) => done(data);
    worker.postMessage({ keys: [] });
  });
  for (const report of (await connection.getStats()).values()) {
    if (report.type === "inbound-rtp") outcome.frames_decoded = report.framesDecoded;
  }
  return outcome;
}

const [what, done] = [arguments[0], arguments[arguments.length - 1]];
({ watch, look })[what.step](what).then(done, (error) => done({ error: String(error) }));
