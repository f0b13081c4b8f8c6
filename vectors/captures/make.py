#!/usr/bin/python3
"""Makes the captures of this folder anew, each with the sidecar that says what must be
found in it, from programs that are not ours. Run by hand, as root, on Debian 12:

    apt-get install bind9-dnsutils coturn curl dnsmasq-base ethtool ffmpeg iproute2 \\
        gir1.2-gst-rtsp-server-1.0 gstreamer1.0-plugins-bad gstreamer1.0-plugins-good \\
        gstreamer1.0-plugins-ugly gstreamer1.0-tools libnginx-mod-rtmp mosquitto \\
        mosquitto-clients nginx-light openssh-server openssl openvpn python3-aiortc \\
        python3-gi python3-websockets tshark wireguard-go wireguard-tools zip zstd
    python3 -m venv VENV && VENV/bin/pip install aioquic scapy
    AIOQUIC=VENV/bin/python vectors/captures/make.py [NAME-GLOB ..]

It goes into a network of its own, where only what it starts is recorded. The sidecars
are written from what is known of the programs and from tshark's count of flows;
lightleak has no part in it.
"""

import fnmatch
import os
import pathlib
import struct
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
INSIDE = "LIGHTLEAK_CAPTURES"
if INSIDE not in os.environ:
    os.execvpe("unshare", ["unshare", "-n", sys.executable, *sys.argv], os.environ | {INSIDE: "1"})
# An address that is not loopback's, for those that shun it; its packets go over `lo`.
subprocess.run(
    "ip link set lo up mtu 1500; ethtool -K lo tso off gso off gro off >/dev/null 2>&1;"
    "ip tuntap add dev here mode tun; ip addr add 192.0.2.11/24 dev here; ip link set here up", shell=True)

from making import CASES, broken, media, odd, plain, record, sealed  # noqa: E402, F401

OUT = record.OUT


def derived():
    """Other files and link types around a capture that was made."""
    magic = struct.Struct("<IHHiIII")

    def frames(name):
        octets, at = (OUT / f"{name}.pcap").read_bytes(), magic.size
        while at < len(octets):
            seconds, micros, length, _ = struct.unpack_from("<IIII", octets, at)
            yield seconds + micros / 1e6, octets[at + 16 : at + 16 + length]
            at += 16 + length

    def each(change):
        return lambda: record.pcap([(at, change(frame)) for at, frame in frames("rtp-h264")])

    def tool(*command):
        def make():
            record.run([*command[:1], *(str(OUT / "rtp-h264.pcap") if w == "IN" else w for w in command[1:])])
            return out.read_bytes()
        return make

    out = media.WORK / "out"
    rules = [r for name, _, _, r, _, _ in CASES if name == "rtp-h264"][0]
    mac = bytes.fromhex("02000000000102000000000a")
    sll = lambda f: struct.pack(">HHH8sH", 4, 772, 6, f[6:12] + bytes(2), 0x0800) + f[14:]
    sll2 = lambda f: struct.pack(">HHIHBB8s", 0x0800, 0, 1, 772, 4, 6, f[6:12] + bytes(2)) + f[14:]
    loopback = lambda f: struct.pack("<I", 2) + f[14:]
    # Radiotap without fields, then data from an access point, LLC and SNAP.
    radio = lambda f: struct.pack("<BBHI", 0, 0, 8, 0) + b"\x08\x02\0\0" + mac[:6] + mac + b"\x10\0\xaa\xaa\x03\0\0\0" + f[12:]
    tags = lambda *tags: lambda f: f[:12] + b"".join(struct.pack(">HH", t, n) for t, n in tags) + f[12:]
    ip = lambda protocol, body: struct.pack(">BBHHHBBHII", 0x45, 0, 20 + len(body), 1, 0, 64, protocol, 0, 0xC0000201, 0xC0000202) + body
    udp = lambda port, body: ip(17, struct.pack(">HHHH", 40000, port, 8 + len(body), 0) + body)
    ether = lambda kind, body: mac + struct.pack(">H", kind) + body
    inner = lambda f: mac + f[12:]
    around = {
        "gre": ("GRE", lambda f: ether(0x0800, ip(47, b"\0\0\x08\0" + f[14:]))),
        "erspan": ("ERSPAN type II", lambda f: ether(0x0800, ip(47, b"\x10\0\x88\xbe\0\0\0\1\x10\x07\0\1\0\0\0\0" + inner(f)))),
        "ipip": ("IP in IP", lambda f: ether(0x0800, ip(4, f[14:]))),
        "mpls": ("MPLS", lambda f: ether(0x8847, struct.pack(">II", 16 << 12 | 64, 17 << 12 | 0x100 | 64) + f[14:])),
        "pppoe": ("PPPoE", lambda f: ether(0x8864, struct.pack(">BBHHH", 0x11, 0, 7, len(f) - 12, 0x21) + f[14:])),
        "vxlan": ("VXLAN", lambda f: ether(0x0800, udp(4789, b"\x08\0\0\0\0\0\7\0" + inner(f)))),
        "gtp": ("GTP-U", lambda f: ether(0x0800, udp(2152, struct.pack(">BBHI", 0x30, 255, len(f) - 14, 99) + f[14:]))),
        "vlan": ("802.1Q", tags((0x8100, 7))),
        "qinq": ("802.1ad", tags((0x88A8, 7), (0x8100, 8))),
    }
    linked = {
        "raw": ("raw IP", 101, lambda f: f[14:]),
        "sll": ("Linux cooked", 113, sll),
        "sll2": ("Linux cooked, version 2", 276, sll2),
        "loopback": ("loopback", 0, loopback),
        "radiotap": ("802.11 with radiotap", 127, radio),
    }

    def fragments():
        for at, frame in frames("rtp-h264"):
            header, body = frame[14:34], frame[34:]
            for start in range(0, len(body), 480):
                part = body[start : start + 480]
                more = 0x2000 if start + 480 < len(body) else 0
                changed = struct.pack(">HHH", 20 + len(part), struct.unpack(">H", header[4:6])[0], more | start // 8)
                yield at, frame[:14] + header[:2] + changed + header[8:] + part

    changes = {f"link-{name}": (what, each(change), "pcap") for name, (what, change) in around.items()}
    changes |= {
        f"link-{name}": (what, lambda t=t, change=change: record.pcap([(a, change(f)) for a, f in frames("rtp-h264")], t), "pcap")
        for name, (what, t, change) in linked.items()
    }
    changes |= {
        "link-fragments": ("IPv4 in fragments", lambda: record.pcap(fragments()), "pcap"),
        "file-pcapng": ("pcapng", tool("editcap", "-F", "pcapng", "IN", out), "pcapng"),
        "file-nanosecond": ("pcap with nanoseconds", tool("editcap", "-F", "nsecpcap", "IN", out), "pcap"),
        "file-gzip": ("gzip around it", tool("sh", "-c", f"gzip -nc {OUT}/rtp-h264.pcap >{out}"), "pcap.gz"),
        "file-zstd": ("zstd around it", tool("sh", "-c", f"zstd -qc {OUT}/rtp-h264.pcap >{out}"), "pcap.zst"),
        "file-snapped": ("cut at 96 octets", tool("editcap", "-F", "pcap", "-s", "96", "IN", out), "pcap"),
    }
    for name, (what, make, suffix) in changes.items():
        if wanted(name):
            said = [(t, p, l, k, 0) for t, p, l, k, f in rules]
            if name == "file-snapped":
                said[0] = ("udp", 5004, "leak|undetermined", "*", 0)
            by_hand = ["ffmpeg's packets, with other headers around them by hand"]
            tool_of = {"file-gzip": "gzip", "file-zstd": "zstd"}.get(name, "editcap")
            tools, notes = (["ffmpeg", "python3"], by_hand) if name.startswith("link-") else (["ffmpeg", tool_of], ())
            record.write(name, make(), f"H.264 in RTP: {what}", said, tools, suffix, notes)
    esp()
    of = {name: tools for name, _, tools, *_ in CASES}
    # Joined after so many frames, or one side of it: (name, of, first frame, port whose side).
    for name, source, first, port, labels, kind in (
        ("cut-rtsp-joined", "rtsp-tcp", 16, None, "leak", "*"),
        ("cut-rtsp-one-side", "rtsp-tcp", 0, 8554, "leak", "*"),
        ("cut-rtmp-joined", "rtmp", 30, None, "leak|undetermined", "*"),
        ("cut-http-flv-joined", "http-flv", 12, None, "leak", "*"),
        ("cut-ts-tcp-joined", "ts-tcp", 8, None, "leak", "*"),
        ("cut-tls13-joined", "tls13", 8, None, "sealed", "tls"),
        ("cut-tls12-server", "tls12", 0, 4433, "sealed", "tls"),
        ("cut-dtls-joined", "dtls12", 8, None, "sealed|undetermined", "*"),
        ("cut-wireguard-joined", "wireguard", 4, None, "sealed|undetermined", "*"),
        ("cut-srtp-joined", "dtls-srtp", 8, None, "undetermined|sealed", "*"),
        ("cut-ssh-joined", "ssh", 30, None, "undetermined|sealed", "*"),
        ("cut-srt-joined", "srt", 10, None, "leak|undetermined", "*"),
    ):
        if wanted(name):
            kept = [(at, f) for at, f in list(frames(source))[first:]
                    if port is None or int.from_bytes(f[34:36], "big") == port]
            transport = "udp" if kept and kept[0][1][23] == 17 else "tcp"
            rules = [(transport, "*", labels, kind, 0)]
            record.write(name, record.pcap(kept), f"{source}, of which a part is missing", rules, [*of[source], "python3"])


ESP = """
import sys
from scapy.all import IP, Raw, raw, rdpcap, wrpcap
from scapy.layers.ipsec import AH, ESP, SecurityAssociation
source, out, mode = sys.argv[1:]
tunnel = IP(src="192.0.2.1", dst="192.0.2.2") if mode == "tunnel" else None
protocol = dict(proto=AH) if mode == "ah" else dict(proto=ESP, crypt_algo="NULL")
sa = SecurityAssociation(spi=0x1234, auth_algo="HMAC-SHA1-96", auth_key=b"a key of HMAC-SHA1..", tunnel_header=tunnel, **protocol)
sealed = []
for packet in rdpcap(source):
    inner = packet.payload
    inner.payload.chksum = None
    done = sa.encrypt(IP(raw(inner)))
    done.time = packet.time
    sealed.append(done)
wrpcap(out, sealed, linktype=101)
"""


def esp():
    """ESP and AH around a capture that was made, by scapy."""
    out, python = media.WORK / "out", os.environ.get("AIOQUIC", "/usr/bin/python3")
    for name, mode, what in (
        ("esp-null", "transport", "ESP in transport mode, NULL and HMAC-SHA1-96"),
        ("esp-null-tunnel", "tunnel", "ESP in tunnel mode, NULL and HMAC-SHA1-96"),
        ("ah", "ah", "AH with HMAC-SHA1-96"),
    ):
        if wanted(name):
            record.run([python, "-c", ESP, OUT / "rtp-h264.pcap", out, mode])
            rules = [("udp", 5004, "leak", "rtp", 5), ("udp", 5005, "other|undetermined", "*", 0)]
            record.write(name, out.read_bytes(), f"H.264 in RTP inside {what}", rules,
                         ["ffmpeg", "python3"], notes=["scapy puts it around ffmpeg's packets"])


def wanted(name):
    return not sys.argv[1:] or any(fnmatch.fnmatch(name, glob) for glob in sys.argv[1:])


def main():
    media.prepare()
    sealed.prepare()
    for name, what, tools, rules, more, make in CASES:
        if not wanted(name):
            continue
        recorder = record.Recorder()
        try:
            result = make()
        except Exception as error:  # One that can't be made here leaves the others.
            print(f"{name}: not made: {error!r}", flush=True)
            recorder.end()
            record.end_all()
            continue
        frames = recorder.end()
        record.end_all()
        if callable(result):
            frames = result(frames)  # Or the whole file.
        elif result:
            for socket in result:
                socket.close()
        octets = frames if isinstance(frames, bytes) else record.pcap(frames)
        record.write(name, octets, what, rules, tools, **more)
    derived()


main()
