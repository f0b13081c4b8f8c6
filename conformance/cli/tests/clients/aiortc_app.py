"""aiortc watches: aiortc_app.py URL CA-FILE USER PASSWORD KEY SIGNATURE PICTURES

An app whose ICE (aioice), DTLS (OpenSSL) and SRTP (libsrtp) are others than the
camera's. The first line of standard output is the camera's answer to KEY, which
the owner's SIGNATURE enrols, and the session; behind it come so many access units
as they are carried (ITU-T H.264 Annex B), each behind its length (4 octets). What
went wrong goes to standard error.
"""

import asyncio
import json
import ssl
import sys
import urllib.request
from urllib.parse import urlsplit

import aioice.ice
from aiortc import RTCPeerConnection, RTCRtpReceiver, RTCSessionDescription, rtcrtpreceiver

SECONDS = 30


class Signalling:
    """What is asked for over HTTPS."""

    def __init__(self, url, authority):
        parts = urlsplit(url)
        self.origin = f"{parts.scheme}://{parts.netloc}"
        self.path = parts.path
        self.context = ssl.create_default_context(cafile=authority)
        self.token = None

    def ask(self, path, body, media_type="application/json"):
        request = urllib.request.Request(self.origin + path, body.encode(), {"Content-Type": media_type})
        if self.token:
            request.add_header("Authorization", f"Bearer {self.token}")
        with urllib.request.urlopen(request, context=self.context, timeout=SECONDS) as answer:
            return answer.headers.get("Location"), answer.read().decode()

    def log_in(self, user, password):
        _, answer = self.ask("/login", json.dumps({"user": user, "password": password}))
        self.token = json.loads(answer)["token"]


class Units:
    """Takes access units where a decoder would."""

    def __init__(self, wanted, done):
        self.wanted, self.done, self.taken = wanted, done, []

    def decode(self, frame):
        if len(self.taken) < self.wanted:
            self.taken.append(bytes(frame.data))
            if len(self.taken) == self.wanted:
                self.done()
        return []


class Silence:
    """In the place of a decoder of sound."""

    def decode(self, _frame):
        return []


async def watch(signalling, key, signature, pictures):
    # The camera is on the loopback interface, which is left out otherwise.
    aioice.ice.get_host_addresses = lambda use_ipv4, use_ipv6: ["127.0.0.1"]
    loop, done = asyncio.get_running_loop(), asyncio.Event()
    units = Units(pictures, lambda: loop.call_soon_threadsafe(done.set))
    rtcrtpreceiver.get_decoder = lambda codec: units if codec.name == "H264" else Silence()

    connection = RTCPeerConnection()
    for kind, name in (("video", "video/H264"), ("audio", "audio/PCMU")):
        transceiver = connection.addTransceiver(kind, direction="recvonly")
        codecs = RTCRtpReceiver.getCapabilities(kind).codecs
        transceiver.setCodecPreferences([codec for codec in codecs if codec.mimeType == name])
    connection.on("track", lambda track: None)
    await connection.setLocalDescription(await connection.createOffer())
    offer = connection.localDescription.sdp
    session, answer = signalling.ask(signalling.path, offer, "application/sdp")
    keys = json.dumps({"viewer_key": key, "signature": signature})
    _, keys = signalling.ask(f"{session}/key", keys)
    await connection.setRemoteDescription(RTCSessionDescription(answer, "answer"))
    try:
        await asyncio.wait_for(done.wait(), SECONDS)
    except asyncio.TimeoutError:
        sys.exit(f"{len(units.taken)} of {pictures} pictures in {SECONDS} s")
    finally:
        await connection.close()
    return {"session": session, **json.loads(keys)}, units.taken


def main():
    url, authority, user, password, key, signature, pictures = sys.argv[1:]
    signalling = Signalling(url, authority)
    signalling.log_in(user, password)
    answer, units = asyncio.run(watch(signalling, key, signature, int(pictures)))
    sys.stdout.buffer.write(json.dumps(answer).encode() + b"\n")
    for unit in units:
        sys.stdout.buffer.write(len(unit).to_bytes(4, "big") + unit)


main()
