#!/usr/bin/python3
"""Makes the captures of this folder anew, each with the sidecar that says what must be
found in it, from programs that are not ours. Run by hand, as root, on Debian 12:

    apt-get install bind9-dnsutils coturn curl dnsmasq-base ethtool ffmpeg iproute2 \\
        gir1.2-gst-rtsp-server-1.0 gstreamer1.0-plugins-bad gstreamer1.0-plugins-good \\
        gstreamer1.0-plugins-ugly gstreamer1.0-tools libnginx-mod-rtmp mosquitto \\
        mosquitto-clients nginx-light openssh-server openssl openvpn python3-aiortc \\
        python3-gi python3-websockets tshark wireguard-go wireguard-tools zip
    vectors/captures/make.py [NAME-GLOB ..]

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

from making import CASES, media, plain, record, sealed  # noqa: E402

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
            return pathlib.Path("/tmp/captures-work/out").read_bytes()
        return make

    out = "/tmp/captures-work/out"
    rules = [r for name, _, _, r, _, _ in CASES if name == "rtp-h264"][0]
    sll = lambda f: struct.pack(">HHH8sH", 4, 772, 6, f[6:12] + bytes(2), 0x0800) + f[14:]
    tags = lambda *tags: lambda f: f[:12] + b"".join(struct.pack(">HH", t, n) for t, n in tags) + f[12:]
    gre = lambda f: f[:14] + ip(47, b"\0\0\x08\0" + f[14:])
    ip = lambda protocol, body: struct.pack(">BBHHHBBHII", 0x45, 0, 20 + len(body), 1, 0, 64, protocol, 0, 0xC0000201, 0xC0000202) + body
    raw = [(at, frame[14:]) for at, frame in frames("rtp-h264")]
    changes = {
        "link-raw": ("raw IP", lambda: record.pcap(raw, 101), "pcap"),
        "link-sll": ("Linux cooked", lambda: record.pcap([(a, sll(f)) for a, f in frames("rtp-h264")], 113), "pcap"),
        "link-vlan": ("802.1Q", each(tags((0x8100, 7))), "pcap"),
        "link-qinq": ("802.1ad", each(tags((0x88A8, 7), (0x8100, 8))), "pcap"),
        "link-gre": ("GRE", each(gre), "pcap"),
        "file-pcapng": ("pcapng", tool("editcap", "-F", "pcapng", "IN", out), "pcapng"),
        "file-nanosecond": ("pcap with nanoseconds", tool("editcap", "-F", "nsecpcap", "IN", out), "pcap"),
        "file-gzip": ("gzip around it", tool("sh", "-c", f"gzip -nc {OUT}/rtp-h264.pcap >{out}"), "pcap.gz"),
        "file-snapped": ("cut at 96 octets", tool("editcap", "-F", "pcap", "-s", "96", "IN", out), "pcap"),
    }
    for name, (what, make, suffix) in changes.items():
        if wanted(name):
            said = [(t, p, l, k, 0) for t, p, l, k, f in rules]
            if name == "file-snapped":
                said[0] = ("udp", 5004, "leak|undetermined", "*", 0)
            record.write(name, make(), f"H.264 in RTP: {what}", said, ["editcap"], suffix)


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
            frames = result(frames)
        elif result:
            for socket in result:
                socket.close()
        record.write(name, record.pcap(frames), what, rules, tools, **more)
    derived()


main()
