"""Media in carriages that few use, and what is sealed or no media beside them."""

import re
import struct

from . import case
from .media import AUDIO, FFMPEG, LIVE, TO, VIDEO, WORK, X264, clip, sink, tcp, udp
from .record import run, spawn

GST = ["gst-launch-1.0", "-q"]


def gst(*pipeline):
    """What ends in datagrams to port 5004."""
    sinks = sink(5004)
    run([*GST, *" ".join(pipeline).split(), "!", "udpsink", "host=127.0.0.1", "port=5004"], 15)
    return sinks


def cut(octets, length):
    return [octets[at : at + length] for at in range(0, len(octets), length)]


def program_stream():
    run([*FFMPEG, "-r", "5", "-i", WORK / "clip.h264", "-c:v", "copy", "-f", "vob", WORK / "clip.mpg"])
    return clip("clip.mpg")


def rtp(payload_type, payloads, step):
    return [struct.pack(">BBHII", 0x80, payload_type, n, n * step, 0x1EAC) + payload for n, payload in enumerate(payloads)]


@case("udp-aac", "AAC in ADTS over UDP, cut anywhere", ["ffmpeg"], [("udp", 5510, "leak", "*", 0)])
def udp_aac():
    sinks = sink(5510)
    run([*LIVE, *AUDIO, "-c:a", "aac", "-b:a", "32k", "-f", "adts", "udp://127.0.0.1:5510?pkt_size=400"])
    return sinks


@case("udp-flv", "Flash video over UDP, cut anywhere", ["ffmpeg"], [("udp", 5511, "leak", "*", 5)])
def udp_flv():
    sinks = sink(5511)
    run([*LIVE, *VIDEO, *X264, "-f", "flv", "udp://127.0.0.1:5511?pkt_size=900"])
    return sinks


@case("ts-datagram", "a datagram of a transport stream, from its middle", ["ffmpeg", "python3"],
      [("udp", 5500, "leak", "ts", 0)])
def ts_datagram():
    packets = cut(clip("clip.ts"), 188)
    of_video = [p for p in packets if p[1:3] == b"\x01\x00" and not p[3] & 0x20]
    for first in range(len(of_video)):
        seven = of_video[first : first + 7]
        if all((a[3] + 1) & 15 == b[3] & 15 for a, b in zip(seven, seven[1:])):
            return udp([b"".join(seven)], 5500)


@case("ps-tcp", "a program stream over TCP", ["ffmpeg"], [("tcp", 9006, "leak", "*", 5)])
def ps_tcp():
    tcp(program_stream(), 9006)


@case("ps-tcp-vendor", "a program stream over TCP, behind a header of a vendor's every 4096 octets", ["ffmpeg", "python3"],
      [("tcp", 9006, "leak", "*", 0)])
def ps_tcp_vendor():
    parts = cut(b"IMKH" + bytes(36) + program_stream(), 4096)
    tcp(b"".join(struct.pack(">IIII", len(part) + 16, n, 0, 0x30) + part for n, part in enumerate(parts)), 9006)


@case("rtp-ps", "a program stream in RTP as GB/T 28181 has it, a pack for each picture", ["ffmpeg", "python3"],
      [("udp", 5004, "leak", "rtp", 5)])
def rtp_ps():
    packs = re.split(rb"(?=\x00\x00\x01\xba)", program_stream())[1:]
    packets = [(n, part) for n, pack in enumerate(packs) for part in cut(pack, 1400)]
    return udp([struct.pack(">BBHII", 0x80, 96, s, n * 3600, 7) + part for s, (n, part) in enumerate(packets)], 5004)


@case("rtp-ps-cut", "a program stream in RTP, cut anywhere", ["ffmpeg", "python3"], [("udp", 5004, "leak", "rtp", 5)])
def rtp_ps_cut():
    return udp(rtp(96, cut(program_stream(), 1400), 900), 5004)


@case("rtp-h264-slices", "H.264 in RTP, every slice a packet", ["ffmpeg"],
      [("udp", 5004, "leak", "rtp", 5), ("udp", 5005, "other", "rtcp", 0)])
def rtp_slices():
    sinks = sink(5004, 5005)
    run([*LIVE, *VIDEO, *X264, "-slices", "4", "-rtpflags", "h264_mode0", "-f", "rtp", TO])
    return sinks


@case("rtp-few", "four packets of PCMU in RTP", ["ffmpeg", "python3"], [("udp", 5004, "leak", "rtp/pcmu", 0)])
def rtp_few():
    run([*FFMPEG, *AUDIO, "-ar", "8000", "-f", "mulaw", WORK / "clip.ul"])
    return udp(rtp(0, cut(clip("clip.ul"), 160)[9:13], 160), 5004, 0.02)


@case("rtp-theora", "Theora in RTP", ["gst-launch-1.0"], [("udp", 5004, "leak", "rtp", 0)])
def rtp_theora():
    return gst("videotestsrc num-buffers=12 is-live=true ! video/x-raw,width=160,height=120,framerate=10/1 ! theoraenc",
               "! rtptheorapay config-interval=1")


@case("rtp-vorbis", "Vorbis in RTP", ["gst-launch-1.0"], [("udp", 5004, "leak", "rtp", 0)])
def rtp_vorbis():
    return gst("audiotestsrc num-buffers=100 is-live=true ! vorbisenc ! rtpvorbispay config-interval=1")


@case("rtp-ac3", "AC-3 in RTP", ["gst-launch-1.0"], [("udp", 5004, "leak", "rtp", 0)])
def rtp_ac3():
    return gst("audiotestsrc num-buffers=60 is-live=true ! avenc_ac3 bitrate=64000 ! rtpac3pay")


@case("rtp-raw", "samples of video in RTP", ["gst-launch-1.0"], [("udp", 5004, "leak", "rtp", 0)])
def rtp_raw():
    return gst("videotestsrc num-buffers=4 is-live=true ! video/x-raw,width=64,height=48,framerate=5/1,format=UYVY ! rtpvrawpay")


@case("rist-secret", "RIST, main profile with a passphrase", ["ffmpeg"], [("udp", 6000, "sealed", "rist", 0)])
def rist_secret():
    secret = ["-rist_profile", "main", "-secret", "not a secret at all", "-encryption", "128"]
    spawn([*FFMPEG, *secret, "-i", "rist://@127.0.0.1:6000", "-f", "null", "-"])
    run([*LIVE, *VIDEO, *X264, "-f", "mpegts", *secret, "rist://127.0.0.1:6000"])


@case("mavlink", "heartbeats of MAVLink 1", ["python3"], [("udp", 14550, "other", "mavlink", 0)], notes=["made by hand"])
def mavlink():
    def heartbeat(number):
        octets = struct.pack("<BBBBBIBBBBB", 9, number, 1, 1, 0, 0, 2, 3, 81, 4, 3)
        total = 0xFFFF
        for octet in octets + b"\x32":
            low = (octet ^ total) & 0xFF
            low = (low ^ low << 4) & 0xFF
            total = total >> 8 ^ low << 8 ^ low << 3 ^ low >> 4
        return b"\xfe" + octets + struct.pack("<H", total)

    return udp(map(heartbeat, range(8)), 14550)
