"""A session of RTSP (RFC 2326) with interleaved RTP, for one viewer at a time."""

import hashlib
import hmac
import re
import secrets

from rtp import Stream

REALM = "camera"
LONGEST_REQUEST = 16 << 10
ALLOWED = "OPTIONS, DESCRIBE, SETUP, PLAY, GET_PARAMETER, TEARDOWN"


class Session:
    """Octets in, octets out."""

    def __init__(self, user, password):
        self.user, self.password = user, password
        self.nonce = secrets.token_hex(16)
        self.count = 0
        self.id = secrets.token_hex(8)
        self.streams = {}
        self.is_playing = False
        self.is_over = False
        self.octets = b""

    def received(self, octets):
        """Takes what a viewer says; what is to be answered."""
        self.octets += octets
        answers = b""
        while not self.is_over:
            if self.octets[:1] == b"$":
                # Reports of the viewer.
                length = 4 + int.from_bytes(self.octets[2:4], "big")
                if len(self.octets) < max(length, 4):
                    break
                self.octets = self.octets[length:]
                continue
            head, found, rest = self.octets.partition(b"\r\n\r\n")
            if not found:
                self.is_over = len(self.octets) > LONGEST_REQUEST
                break
            try:
                request, headers = parse(head.decode("ascii"))
                length = int(headers.get("content-length", 0))
            except ValueError:
                self.is_over = True
                break
            if len(rest) < length or length > LONGEST_REQUEST:
                self.is_over = length > LONGEST_REQUEST
                break
            self.octets = rest[length:]
            answers += self.answer(request, headers)
        return answers

    def media(self, track, milliseconds, octets):
        """What goes to the viewer of an access unit or packet of sound."""
        stream = self.streams.get(track)
        if not self.is_playing or not stream:
            return b""
        return stream.interleaved(milliseconds, octets)

    def answer(self, request, headers):
        method, url = request
        status, lines, body = self.result(method, url, headers)
        lines = [
            f"RTSP/1.0 {status}",
            f"CSeq: {headers.get('cseq', '0')}",
            *lines,
        ]
        if body:
            lines.append(f"Content-Length: {len(body)}")
        return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()

    def result(self, method, url, headers):
        if method == "OPTIONS":
            return "200 OK", [f"Public: {ALLOWED}"], ""
        if not self.is_authentic(method, headers.get("authorization", "")):
            challenge = f'Digest realm="{REALM}", nonce="{self.nonce}", algorithm=SHA-256, qop="auth"'
            return "401 Unauthorized", [f"WWW-Authenticate: {challenge}"], ""
        session = f"Session: {self.id};timeout=60"
        if method == "DESCRIBE":
            return "200 OK", [f"Content-Base: {url}/", "Content-Type: application/sdp"], description()
        if method == "SETUP":
            track = url.rstrip("/").rsplit("/", 1)[-1]
            transport = headers.get("transport", "")
            channel = re.search(r"interleaved=(\d+)", transport)
            if not transport.startswith("RTP/AVP/TCP") or not channel or "multicast" in transport:
                return "461 Unsupported Transport", [], ""
            if track not in ("video", "audio"):
                return "404 Not Found", [], ""
            stream = Stream(track, int(channel[1]))
            self.streams[track] = stream
            transport = f"Transport: RTP/AVP/TCP;unicast;interleaved={channel[1]}-{int(channel[1]) + 1}"
            return "200 OK", [session, f"{transport};ssrc={stream.source:08X}"], ""
        if method in ("PLAY", "GET_PARAMETER", "TEARDOWN"):
            if headers.get("session", "").split(";")[0] != self.id or not self.streams:
                return "454 Session Not Found", [], ""
            if method == "TEARDOWN":
                self.streams, self.is_playing = {}, False
                return "200 OK", [], ""
            self.is_playing = self.is_playing or method == "PLAY"
            return "200 OK", [session], ""
        return "405 Method Not Allowed", [f"Allow: {ALLOWED}"], ""

    def is_authentic(self, method, authorization):
        """Digest authentication (RFC 7616), each count once."""
        found = re.findall(r'(\w+)=(?:"([^"]*)"|([^",\s]+))', authorization)
        fields = {name: quoted or bare for name, quoted, bare in found}
        try:
            count = int(fields["nc"], 16)
            hashed = [
                digest(self.user, REALM, self.password),
                fields["nonce"],
                fields["nc"],
                fields["cnonce"],
                fields["qop"],
                digest(method, fields["uri"]),
            ]
            if fields["nonce"] != self.nonce or fields["username"] != self.user:
                return False
            if count <= self.count or not hmac.compare_digest(digest(*hashed), fields["response"]):
                return False
        except (KeyError, ValueError, TypeError):
            return False
        self.count = count
        return True


def parse(head):
    first, *lines = head.lstrip().split("\r\n")
    method, url, version = first.split(" ")
    if version != "RTSP/1.0":
        raise ValueError(version)
    headers = {}
    for line in lines:
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    return (method, url), headers


def digest(*parts):
    return hashlib.sha256(":".join(parts).encode()).hexdigest()


def description():
    lines = [
        "v=0",
        # Always of as many digits.
        f"o=- {(1 << 31) + secrets.randbits(31)} 1 IN IP4 0.0.0.0",
        "s=camera",
        "c=IN IP4 0.0.0.0",
        "t=0 0",
        "a=control:*",
        "m=video 0 RTP/AVP 96",
        "a=rtpmap:96 H264/90000",
        "a=fmtp:96 packetization-mode=1",
        "a=control:video",
        "m=audio 0 RTP/AVP 0",
        "a=rtpmap:0 PCMU/8000",
        "a=control:audio",
    ]
    return "\r\n".join(lines) + "\r\n"
