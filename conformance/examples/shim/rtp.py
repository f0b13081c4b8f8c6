"""RTP (RFC 3550): H.264 (RFC 6184) and G.711 (RFC 3551), interleaved in RTSP."""

import re
import secrets

# Octets of a payload.
ROOM = 1400
IDR = 5
FRAGMENT = 28


class Stream:
    """One stream to one viewer."""

    def __init__(self, track, channel):
        self.track, self.channel = track, channel
        self.source = secrets.randbits(32)
        self.sequence = secrets.randbits(16)
        self.offset = secrets.randbits(32)
        self.begins = None

    def interleaved(self, milliseconds, octets):
        """The packets of an access unit (a byte stream) or packet of sound."""
        if self.track == "video":
            payloads = h264(octets)
            # Who comes in the middle waits for a picture that stands alone.
            if self.begins is None and not any(is_key(payload) for payload in payloads):
                return b""
        else:
            payloads = [octets]
        if self.begins is None:
            self.begins = milliseconds
        rate = 90 if self.track == "video" else 8
        stamp = (self.offset + (milliseconds - self.begins) * rate) & 0xFFFFFFFF
        return b"".join(
            self.packet(payload, stamp, number + 1 == len(payloads))
            for number, payload in enumerate(payloads)
        )

    def packet(self, payload, stamp, is_last):
        video = self.track == "video"
        kind = (96 | (is_last << 7)) if video else 0
        header = bytes([0x80, kind]) + self.sequence.to_bytes(2, "big")
        header += stamp.to_bytes(4, "big") + self.source.to_bytes(4, "big")
        self.sequence = (self.sequence + 1) & 0xFFFF
        length = len(header) + len(payload)
        return b"$" + bytes([self.channel]) + length.to_bytes(2, "big") + header + payload


def h264(stream):
    """Payloads of the NAL units of a byte stream: whole, or in fragments (FU-A)."""
    payloads = []
    for unit in re.split(b"\0\0\0?\1", stream):
        if not unit:
            continue
        if len(unit) <= ROOM:
            payloads.append(unit)
            continue
        body = unit[1:]
        for at in range(0, len(body), ROOM - 2):
            part = body[at : at + ROOM - 2]
            begins, ends = at == 0, at + len(part) == len(body)
            indicator = (unit[0] & 0xE0) | FRAGMENT
            header = (unit[0] & 0x1F) | (begins << 7) | (ends << 6)
            payloads.append(bytes([indicator, header]) + part)
    return payloads


def is_key(payload):
    kind = payload[0] & 0x1F
    return kind == IDR or (kind == FRAGMENT and payload[1] & 0x1F == IDR)
