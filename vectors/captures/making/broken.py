"""Encryption that hides little: one keystream for two, block by block, the heads alone."""

import random
import time

from . import case, media
from .media import FFMPEG, LIVE, STANDS_FOR, WORK, clip, framed, sink, tcp, udp, units
from .record import run, spawn

KEY = "00112233445566778899aabbccddeeff"
SCENE = ["-f", "lavfi", "-i", "testsrc=size=96x64:rate=10:duration=24", *media.X264, "-f", "mpegts"]
# Slices of CABAC without B pictures, as cameras make them.
HIGH = [*media.VIDEO, "-c:v", "libx264", "-profile:v", "high", "-bf", "0", "-g", "5", "-pix_fmt", "yuv420p", "-f", "h264"]


def enciphered(octets, cipher, iv="0" * 32):
    (WORK / "plain").write_bytes(octets)
    options = [] if cipher.endswith("ecb") else ["-iv", iv]
    run(["openssl", "enc", f"-{cipher}", "-K", KEY, *options, "-in", WORK / "plain", "-out", WORK / "sealed"])
    return clip("sealed")


def made(name, options):
    if not (WORK / name).exists():
        run([*FFMPEG, *options, WORK / name])
    return clip(name)


for cipher, label, kind in (("ecb", "leak", "ecb"), ("cbc", "undetermined", "*")):
    @case(f"ts-{cipher}", f"a transport stream over TCP in AES-{cipher.upper()}", ["ffmpeg", "openssl"],
          [("tcp", 9010, label, kind, 0)])
    def transport(cipher=cipher):
        tcp(enciphered(made("scene.ts", SCENE), f"aes-128-{cipher}"), 9010)

    @case(f"rtp-ts-{cipher}", f"a transport stream in RTP, each payload in AES-{cipher.upper()}", ["ffmpeg", "openssl", "python3"],
          [("udp", 9011, label, kind, 0)], notes=["headers of RTP by hand"])
    def in_packets(cipher=cipher):
        stream = made("scene.ts", SCENE)
        datagrams = []
        for number, at in enumerate(range(0, len(stream), 1316)):
            header = bytes([0x80, 33]) + number.to_bytes(2, "big") + (number * 3600).to_bytes(4, "big") + b"\xca\xfe\xba\xbe"
            datagrams.append(header + enciphered(stream[at : at + 1316], f"aes-128-{cipher}", f"{number:032x}"))
        return udp(datagrams, 9011, 0.001)


@case("two-time-pad-ivs", "the two flows of two-time-pad under keystreams of their own", ["ffmpeg", "openssl"],
      [("tcp", 9007, "undetermined", "*", 0), ("tcp", 9008, "undetermined", "*", 0)])
def two_ivs():
    for iv, (name, port) in enumerate((("clip.h264", 9007), ("clip.ts", 9008))):
        tcp(enciphered(clip(name), "aes-128-ctr", f"{iv:032x}"), port)


@case("two-time-pad-ts", "two transport streams in two flows under one keystream", ["ffmpeg", "openssl"],
      [("tcp", 9007, "leak", "two-time-pad", 0), ("tcp", 9008, "leak", "two-time-pad", 0)])
def two_streams():
    for name, port in (("clip.ts", 9007), ("scene.ts", 9008)):
        tcp(enciphered(made(name, SCENE)[:24000], "aes-128-ctr"), port)


def secured(source, port, ssrc, seconds):
    """SRTP by ffmpeg, with a key that nobody tells."""
    return spawn([*LIVE, "-f", "lavfi", "-i", source, *seconds, "-ssrc", ssrc, "-seq", "4000",
                  "-f", "rtp", "-rtpflags", "skip_rtcp", "-srtp_out_suite", "AES_CM_128_HMAC_SHA1_80", "-srtp_out_params",
                  "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwd", f"srtp://127.0.0.1:{port}?pkt_size=400"])


VIDEO = ["-t", "4", *media.X264]
VOICE = ["-t", "2", "-ar", "8000", "-c:a", "pcm_mulaw"]
for name, sources, options, again, label, kind in (
    ("srtp-two-time-pad-h264", ("testsrc=size=320x240:rate=10", "mandelbrot=size=320x240:rate=10"), VIDEO, True, "leak", "two-time-pad"),
    ("srtp-two-ssrcs-h264", ("testsrc=size=320x240:rate=10", "mandelbrot=size=320x240:rate=10"), VIDEO, False, "undetermined", "*"),
    ("srtp-two-time-pad-pcmu", ("sine=440:beep_factor=4", "anoisesrc=amplitude=0.02"), VOICE, True, "leak", "two-time-pad"),
    ("srtp-two-ssrcs-pcmu", ("sine=440:beep_factor=4", "anoisesrc=amplitude=0.02"), VOICE, False, "undetermined", "*"),
):
    what = "with one key, SSRC and sequence numbers" if again else "with one key and SSRCs of their own"
    @case(name, f"SRTP of two sources {what}", ["ffmpeg"],
          [("udp", 9012, label, kind, 0), ("udp", 9014, label, kind, 0)], notes=["no signalling; the SSRC is a part of what makes the keystream (RFC 3711 4.1.1)"])
    def srtp(sources=sources, options=options, again=again):
        sinks = sink(9012, 9014)
        sending = [secured(source, port, 77 if again or not number else 78, options)
                   for number, (source, port) in enumerate(zip(sources, (9012, 9014)))]
        for process in sending:
            process.wait(20)
        time.sleep(0.2)
        return sinks


def hidden(unit, begin, length):
    """With random octets, none of them a zero, in place of some."""
    part = unit[begin : begin + length]
    return unit[:begin] + random.randbytes(len(part)).replace(b"\0", b"\1") + unit[begin + len(part) :]


@case("h264-heads-vendor", "NAL units of High profile behind lengths in a vendor's frames, key frames enciphered for 300 octets",
      ["ffmpeg", "python3"], [("tcp", 9013, "leak", "partly", 0)], notes=STANDS_FOR)
def heads_vendor():
    stream = b""
    for number, unit in enumerate(units(made("high.h264", HIGH) * 2)):
        unit = hidden(unit, 1, 300) if unit[0] & 31 == 5 else unit
        stream += b"VND1" + (len(unit) + 4).to_bytes(4, "little") + number.to_bytes(4, "little") + len(unit).to_bytes(4, "big") + unit
    tcp(stream, 9013)


for name, make in (("baseline", lambda: clip("clip.h264")), ("high", lambda: made("high.h264", HIGH))):
    @case(f"h264-slices-{name}", "an Annex B stream with the data of all slices enciphered, and their headers in clear",
          ["ffmpeg", "python3"], [("tcp", 9013, "undetermined", "*", 0)], notes=STANDS_FOR)
    def slices(make=make):
        stream = b""
        for unit in units(make() * 2):
            unit = hidden(unit, 1, 200) if unit[0] & 31 == 5 else hidden(unit, 12, 1 << 20) if unit[0] & 31 == 1 else unit
            stream += b"\0\0\0\1" + unit
        tcp(stream, 9013)
