"""What is neither media nor sealed, and looks like it."""

import gzip
import os
import pathlib
import random
import socket
import struct
import threading
import time

from . import case
from .media import WORK, clip, serve, sink, tcp, udp
from .record import run, spawn, wait_for


@case("dns", "DNS over UDP and TCP", ["dig", "dnsmasq"], [("udp", 5300, "other", "dns", 0), ("tcp", 5300, "other", "dns", 0)])
def dns():
    spawn(["dnsmasq", "-d", "-p", "5300", "--no-resolv", "--no-hosts", "-u", "root", "--address=/camera.example/192.0.2.7",
           "--address=/camera.example/2001:db8::7", "--txt-record=note.example,hello"])
    wait_for(5300)
    for more in (["camera.example"], ["camera.example", "AAAA"], ["note.example", "TXT"], ["+tcp", "camera.example"], ["nobody.test"]):
        run(["dig", "+tries=1", "-p", "5300", "@127.0.0.1", *more])


@case("ntp", "NTP", ["python3"], [("udp", 1230, "other", "ntp", 0)], notes=["its packets are written by hand"])
def ntp():
    server, = sink(1230)
    client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    client.bind(("127.0.0.1", 0))

    def now():
        at = time.time() + 2_208_988_800
        return struct.pack(">II", int(at), int(at % 1 * 2**32))

    for _ in range(4):
        sent = now()
        client.sendto(b"\x23\0\x06\xec" + bytes(36) + sent, ("127.0.0.1", 1230))
        _, address = server.recvfrom(100)
        server.sendto(b"\x24\x02\x06\xec" + struct.pack(">II", 1000, 700) + b"\xc0\0\2\1" + now() + sent + now() + now(), address)
        time.sleep(0.1)


@case("dhcp", "DHCP", ["python3"], [("udp", 67, "other", "dhcp", 0)], notes=["its packets are written by hand"])
def dhcp():
    server, client = sink(67, 68)
    mac, xid = bytes.fromhex("02000000000a"), random.randbytes(4)

    def message(op, kind, yours, options):
        fixed = bytes([op, 1, 6, 0]) + xid + bytes(8) + yours + bytes(8) + mac + bytes(10) + bytes(192)
        return fixed + b"\x63\x82\x53\x63" + bytes([53, 1, kind]) + options + b"\xff" + bytes(40)

    none, lease = bytes(4), bytes([192, 0, 2, 10])
    network = b"\x01\x04\xff\xff\xff\0" + b"\x03\x04\xc0\0\2\1" + b"\x33\x04\0\0\x0e\x10" + b"\x36\x04\xc0\0\2\1"
    for op, kind, yours, options in ((1, 1, none, b"\x0c\x06camera"), (2, 2, lease, network),
                                     (1, 3, none, b"\x32\x04" + lease), (2, 5, lease, network)):
        one, port = (client, 67) if op == 1 else (server, 68)
        one.sendto(message(op, kind, yours, options), ("127.0.0.1", port))


def fetch(name, octets):
    folder = WORK / "files"
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(octets)
    server = serve(folder, 8084)
    run(["curl", "-s", "-o", "/dev/null", f"http://127.0.0.1:8084/{name}"])
    server.shutdown()


TEXT = pathlib.Path(__file__).read_bytes()


def zipped(*options):
    run(["rm", "-f", WORK / "a.zip"])
    run(["zip", "-q", *options, WORK / "a.zip", __file__, "/bin/true"])
    return clip("a.zip")


FONT = next(iter(sorted(pathlib.Path("/usr/share/fonts").rglob("*.ttf"))), None)
FILES = {
    "http-text": ("page.html", lambda: b"<html>" + TEXT.replace(b"<", b"&lt;") + b"</html>"),
    "http-zip": ("a.zip", zipped),
    "http-zip-encrypted": ("b.zip", lambda: zipped("-P", "secret")),
    "http-gz": ("a.tar.gz", lambda: gzip.compress(TEXT * 5 + pathlib.Path("/bin/true").read_bytes())),
    "http-font": ("a.ttf", lambda: FONT.read_bytes()[:25_000] if FONT else TEXT),
    "http-random": ("a.bin", lambda: os.urandom(30_000)),
}
for name, (file, make) in FILES.items():
    @case(name, f"{file} over HTTP", ["curl", "zip"], [("tcp", 8084, "other|undetermined", "*", 0)])
    def download(file=file, make=make):
        fetch(file, make())


@case("random-tcp", "random octets over TCP", ["python3"], [("tcp", 9100, "undetermined", "*", 0)])
def random_tcp():
    tcp(os.urandom(40_000), 9100)


@case("random-udp", "random octets over UDP", ["python3"], [("udp", 9101, "undetermined", "*", 0)])
def random_udp():
    return udp([os.urandom(random.randrange(40, 1200)) for _ in range(40)], 9101)


@case("rtp-like", "datagrams with the first octet of RTP and nothing else of it", ["python3"],
      [("udp", 9102, "undetermined", "*", 0)])
def rtp_like():
    return udp([b"\x80\x60" + os.urandom(random.randrange(60, 1100)) for _ in range(60)], 9102)


@case("rtp-noise", "RTP headers that go on, before random octets", ["python3"], [("udp", 9103, "undetermined", "*", 0)])
def rtp_noise():
    ssrc = os.urandom(4)
    return udp([b"\x80\x60" + struct.pack(">HI", 1000 + n, 3000 * n) + ssrc + os.urandom(random.randrange(100, 1100))
                for n in range(60)], 9103)


@case("telemetry-counter", "datagrams with a counter and readings", ["python3"],
      [("udp", 9104, "undetermined|other", "*", 0)])
def counter():
    return udp([struct.pack(">BBHIIhhhh", 0x90, 0x21, n, n * 160, 77, *(random.randrange(-300, 300) for _ in range(4)))
                for n in range(80)], 9104)


def headers():
    picture = clip("clip.jpg")
    scan = picture.index(b"\xff\xda")
    return picture[: scan + 14]


@case("jpeg-headers-noise", "headers of JPEG before random octets, over TCP", ["ffmpeg"],
      [("tcp", 9105, "undetermined|other", "*", 0)])
def jpeg_noise():
    tcp((headers() + os.urandom(6000) + b"\xff\xd9") * 2, 9105)


@case("jpeg-headers-only", "headers of JPEG alone, over HTTP", ["ffmpeg", "curl"], [("tcp", 8084, "other|undetermined", "*", 0)])
def jpeg_headers():
    fetch("a.jpg", headers())


@case("nal-noise", "start codes before random octets", ["python3"], [("tcp", 9106, "undetermined", "*", 0)])
def nal_noise():
    tcp(b"".join(b"\0\0\0\1" + bytes([t]) + os.urandom(900).replace(b"\0", b"\1") for t in (0x67, 0x68, 0x65, 0x41, 0x41, 0x41)), 9106)


@case("ts-noise", "0x47 every 188 octets, random between", ["python3"], [("udp", 9107, "undetermined", "*", 0)])
def ts_noise():
    return udp([b"".join(b"\x47" + os.urandom(187) for _ in range(7)) for _ in range(20)], 9107)


@case("tcp-refused", "connections that nobody answers", ["curl"], [("tcp", 9999, "other", "tcp", 0)])
def refused():
    run(["curl", "-s", "http://127.0.0.1:9999/"])


@case("syslog", "log lines over UDP", ["logger"], [("udp", 5140, "other|undetermined", "*", 0)])
def syslog():
    sinks = sink(5140)
    for number in range(5):
        run(["logger", "-n", "127.0.0.1", "-P", "5140", "-d", "-t", "camera", f"motion {number} in the garden"])
    return sinks


@case("stun", "STUN without media", ["turnutils_stunclient"], [("udp", 3478, "other", "stun", 0)])
def stun():
    spawn(["turnserver", "-n", "-L", "127.0.0.1", "-p", "3478", "--no-cli", "--log-file", "/dev/null", "--pidfile", WORK / "turn.pid"])
    wait_for(3478)
    for _ in range(3):
        run(["turnutils_stunclient", "-p", "3478", "127.0.0.1"], 4)


@case("esp-udp", "ESP in UDP (RFC 3948) without its IKE", ["python3"], [("udp", 4500, "sealed|undetermined", "*", 0)],
      notes=["SPI and sequence number, then octets of AES-CBC size; no tool here makes ESP without its kernel"])
def esp():
    spi = os.urandom(4)
    return udp([spi + struct.pack(">I", n) + os.urandom(16 * random.randrange(4, 60) + 12) for n in range(1, 60)], 4500, source=4501)
