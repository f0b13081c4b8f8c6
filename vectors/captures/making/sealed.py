"""What is sealed, and how it is not quite."""

import os
import random
import socket
import ssl
import threading
import time

from . import case
from .media import FFMPEG, LIVE, VIDEO, WORK, X264, clip, sink
from .record import pcap, run, spawn, wait_for

CERTIFICATE, KEY = WORK / "cert.pem", WORK / "key.pem"


def prepare():
    run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=camera.example", "-days", "30",
         "-keyout", KEY, "-out", CERTIFICATE])
    (WORK / "psk").write_text("00112233445566778899aabbccddeeff")


def openssl(port, server=(), client=(), data="clip.h264", seconds=15):
    """What s_client sends to s_server."""
    spawn(["openssl", "s_server", "-accept", port, "-cert", CERTIFICATE, "-key", KEY, "-quiet", *server], stdin=-1)
    if "-mtu" not in server:
        wait_for(port)
    else:
        time.sleep(0.5)
    with open(WORK / data, "rb") as file:
        run(["timeout", seconds, "openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-quiet", "-no_ign_eof", *client],
            stdin=file)


WEAK = "@SECLEVEL=0"
TLS = {
    "tls13": ("TLS 1.3", "tls1.3", ["-tls1_3"], "sealed", False),
    "tls12": ("TLS 1.2 with ECDHE and AES-GCM", "tls1.2", ["-tls1_2", "-cipher", "ECDHE-RSA-AES128-GCM-SHA256"], "sealed", False),
    "tls12-static-rsa": ("TLS 1.2 with static RSA", "tls1.2", ["-tls1_2", "-cipher", "AES128-SHA:" + WEAK], "sealed", True),
    "tls12-anonymous": ("TLS 1.2 without certificates", "tls1.2",
                        ["-tls1_2", "-cipher", "ADH-AES128-SHA256:" + WEAK], "sealed", True),
    "tls11": ("TLS 1.1", "tls1.1", ["-tls1_1", "-cipher", "ECDHE-RSA-AES128-SHA:" + WEAK], "sealed", True),
    "tls10": ("TLS 1.0", "tls1.0", ["-tls1", "-cipher", "AES128-SHA:" + WEAK], "sealed", True),
    "tls12-null": ("TLS 1.2 with a NULL cipher, H.264 inside", "*", ["-tls1_2", "-cipher", "NULL-SHA256:" + WEAK], "leak", None),
}
for name, (what, kind, options, label, weak) in TLS.items():
    @case(name, what, ["openssl"], [("tcp", 4433, label, kind, 5 if label == "leak" else 0)], weak=weak)
    def tls(options=options):
        openssl(4433, options, options)


@case("tls-odd-port", "TLS 1.3 at the port of RTSP", ["openssl"], [("tcp", 554, "sealed", "tls1.3", 0)])
def tls_odd():
    openssl(554, ["-tls1_3"], ["-tls1_3"])


@case("tls-https", "files over HTTPS", ["curl", "openssl"], [("tcp", 4434, "sealed", "tls", 0)])
def https():
    spawn(["openssl", "s_server", "-accept", "4434", "-cert", CERTIFICATE, "-key", KEY, "-WWW"], cwd=WORK)
    wait_for(4434)
    run(["curl", "-sk", "-o", "/dev/null", "https://127.0.0.1:4434/clip.mp4"])


@case("tls-starttls", "TLS after STARTTLS", ["openssl"], [("tcp", 2526, "sealed", "*", 0)])
def starttls():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE, KEY)
    server = socket.create_server(("127.0.0.1", 2526))

    def answer():
        peer, _ = server.accept()
        peer.sendall(b"220 mx.example ESMTP\r\n")
        while line := peer.recv(1000):
            if line.upper().startswith(b"STARTTLS"):
                peer.sendall(b"220 2.0.0 ready\r\n")
                break
            peer.sendall(b"250-mx.example\r\n250 STARTTLS\r\n")
        with context.wrap_socket(peer, server_side=True) as sealed:
            while sealed.recv(65536):
                sealed.sendall(b"250 ok\r\n")

    threading.Thread(target=answer, daemon=True).start()
    with open(WORK / "clip.jpg", "rb") as file:
        run(["timeout", "15", "openssl", "s_client", "-starttls", "smtp", "-connect", "127.0.0.1:2526", "-quiet", "-no_ign_eof"], stdin=file)
    server.close()


@case("tls-secrets", "TLS 1.3 whose secrets are in the file", ["openssl", "editcap"], [("tcp", 4436, "leak", "*", 1)], suffix="pcapng")
def tls_secrets():
    keys = WORK / "secrets"
    run(["rm", "-f", keys])
    openssl(4436, ["-tls1_3"], ["-tls1_3", "-keylogfile", keys])

    def inject(frames):
        (WORK / "in").write_bytes(pcap(frames))
        run(["editcap", "--inject-secrets", f"tls,{keys}", WORK / "in", WORK / "out"])
        return clip("out")
    return inject


DTLS = {
    "dtls10": ("DTLS 1.0", "sealed", ["-cipher", "AES128-SHA:" + WEAK]),
    "dtls12": ("DTLS 1.2", "sealed", []),
    "dtls12-psk": ("DTLS 1.2 with a shared key", "sealed", ["-psk", "00112233445566778899aabbccddeeff", "-cipher", "PSK-AES128-GCM-SHA256"]),
    "dtls12-null": ("DTLS 1.2 with a NULL cipher, H.264 inside", "leak", ["-cipher", "NULL-SHA256:" + WEAK]),
}
for name, (what, label, options) in DTLS.items():
    @case(name, what, ["openssl"], [("udp", 4435, label, "dtls" if label == "sealed" else "*", 0)])
    def dtls(options=options, name=name):
        options = ["-dtls1" if name == "dtls10" else "-dtls1_2", *options]
        openssl(4435, [*options, "-mtu", "1200"], [*options, "-mtu", "1200"])


WEBRTC = """
import asyncio, sys
from aiortc import RTCPeerConnection, RTCSessionDescription
from aiortc.contrib.media import MediaPlayer, MediaBlackhole
async def call():
    camera, viewer = RTCPeerConnection(), RTCPeerConnection()
    player = MediaPlayer(sys.argv[1], loop=True)
    camera.addTrack(player.video)
    sink = MediaBlackhole()
    viewer.on("track", sink.addTrack)
    await camera.setLocalDescription(await camera.createOffer())
    await viewer.setRemoteDescription(camera.localDescription)
    await viewer.setLocalDescription(await viewer.createAnswer())
    await camera.setRemoteDescription(viewer.localDescription)
    await sink.start()
    await asyncio.sleep(2)
    await camera.close(); await viewer.close()
asyncio.run(call())
"""


@case("dtls-srtp", "a call of WebRTC: STUN, DTLS and SRTP", ["python3"], [("udp", "*", "sealed|other", "*", 0)],
      fewest={"sealed": 1}, notes=["the flow with DTLS is sealed; candidates that were not chosen carry STUN alone"])
def webrtc():
    run(["/usr/bin/python3", "-c", WEBRTC, WORK / "clip.mp4"], 15)


# The same, with its secrets written down by the camera's OpenSSL.
LOGGED = """
import sys
from aiortc import rtcdtlstransport
of = rtcdtlstransport.RTCCertificate._create_ssl_context
def logged(self, *arguments, **named):
    context = of(self, *arguments, **named)
    context.set_keylog_callback(lambda _, line: open(sys.argv[2], "ab").write(line + b"\\n"))
    return context
rtcdtlstransport.RTCCertificate._create_ssl_context = logged
""" + WEBRTC


@case("dtls-srtp-secrets", "a call of WebRTC whose secrets are in the file", ["python3", "editcap"],
      [("udp", "*", "leak|other", "*", 0)], suffix="pcapng", fewest={"leak": 1},
      notes=["secrets of DTLS, from which those of SRTP are derived (RFC 5764 4.2)"])
def webrtc_logged():
    keys = WORK / "secrets"
    run(["rm", "-f", keys])
    run(["/usr/bin/python3", "-c", LOGGED, WORK / "clip.mp4", keys], 15)

    def inject(frames):
        (WORK / "in").write_bytes(pcap(frames))
        run(["editcap", "--inject-secrets", f"tls,{keys}", WORK / "in", WORK / "out"])
        return clip("out")
    return inject


SUITE = ["-srtp_out_suite", "AES_CM_128_HMAC_SHA1_80", "-srtp_out_params", "V2hhdCBhIHNlY3JldCB0aGlzIGlzLCBpc24ndCBp"]


@case("srtp-bare", "SRTP whose keys are not in the capture", ["ffmpeg"],
      [("udp", 5006, "undetermined", "srtp", 0), ("udp", 5007, "undetermined|other", "*", 0)])
def srtp_bare():
    sinks = sink(5006, 5007)
    run([*LIVE, *VIDEO, *X264, *SUITE, "-f", "rtp", "srtp://127.0.0.1:5006"])
    return sinks


def sdp(key, port, parameters=""):
    return ("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=door\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
            f"m=video {port} RTP/SAVP 96\r\na=rtpmap:96 H264/90000\r\n"
            f"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{key}{parameters}\r\n")


def message(first, cseq, body):
    kind = "Content-Type: application/sdp\r\n" if body else ""
    return (f"{first}\r\nVia: SIP/2.0/UDP 127.0.0.1:5062;branch=z9hG4bK776\r\nMax-Forwards: 70\r\n"
            "From: <sip:door@127.0.0.1>;tag=1928\r\nTo: <sip:phone@127.0.0.1>;tag=a6c8\r\nCall-ID: a84b4c76e66710\r\n"
            f"CSeq: 1 {cseq}\r\nContact: <sip:door@127.0.0.1:5062>\r\n{kind}Content-Length: {len(body)}\r\n\r\n{body}").encode()


def call(parameters=""):
    """A call of SIP in clear whose descriptions have the key, by hand."""
    phone = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    door = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    phone.bind(("127.0.0.1", 5060))
    door.bind(("127.0.0.1", 5062))

    door.sendto(message("INVITE sip:phone@127.0.0.1 SIP/2.0", "INVITE", sdp(SUITE[-1], 5010, parameters)), ("127.0.0.1", 5060))
    phone.sendto(message("SIP/2.0 200 OK", "INVITE", sdp("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwd", 5006, parameters)), ("127.0.0.1", 5062))
    door.sendto(message("ACK sip:phone@127.0.0.1 SIP/2.0", "ACK", ""), ("127.0.0.1", 5060))
    time.sleep(0.2)


@case("srtp-sdes-sip", "SRTP whose key stands in the SDP of a SIP call in clear", ["ffmpeg", "python3"],
      [("udp", 5060, "leak|other", "*", 0), ("udp", 5006, "leak", "*", 5), ("udp", 5007, "*", "*", 0)],
      notes=["the dialogue of SIP is written by hand"])
def srtp_sdes():
    sinks = sink(5006, 5007)
    call()
    run([*LIVE, *VIDEO, *X264, *SUITE, "-f", "rtp", "srtp://127.0.0.1:5006"])
    return sinks


AUTHENTICATED = """
import base64, socket, sys
from pylibsrtp import Policy, Session
from pylibsrtp._binding import ffi
policy = Policy(key=base64.b64decode(sys.argv[1]), ssrc_type=Policy.SSRC_ANY_OUTBOUND, srtp_profile=Policy.SRTP_PROFILE_AES128_CM_SHA1_80)
# sec_serv of srtp_crypto_policy_t: sec_serv_auth, which the binding has no name for.
ffi.cast("int *", ffi.addressof(policy._policy.rtp))[5] = 2
session, into, out = Session(policy=policy), *(socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
into.bind(("127.0.0.1", 5008))
out.bind(("127.0.0.1", 5010))
while True:
    out.sendto(session.protect(into.recv(2000)), ("127.0.0.1", 5006))
"""


@case("srtp-unencrypted", "SRTP that is authenticated and not encrypted, as the SDP of a SIP call says", ["ffmpeg", "python3"],
      [("udp", 5060, "leak|other", "*", 0), ("udp", 5006, "leak", "*", 5), ("udp", 5008, "leak", "rtp", 5), ("udp", 5009, "*", "*", 0)],
      notes=["the dialogue of SIP is written by hand", "port 5008 is before libsrtp, which adds 10 octets of a tag and changes nothing"])
def srtp_unencrypted():
    sinks = sink(5006, 5009)
    call(" UNENCRYPTED_SRTP")
    spawn(["/usr/bin/python3", "-c", AUTHENTICATED, SUITE[-1]])
    time.sleep(1)
    run([*LIVE, *VIDEO, *X264, "-f", "rtp", "rtp://127.0.0.1:5008?pkt_size=1200"])
    return sinks


@case("srtp-sdes-tls-secrets", "SRTP whose key stands in SIP over TLS, and the secrets of TLS in the file", ["ffmpeg", "openssl", "editcap"],
      [("tcp", 5061, "sealed|other", "*", 0), ("udp", 5006, "leak", "*", 5), ("udp", 5007, "*", "*", 0)], suffix="pcapng",
      notes=["the request of SIP is written by hand"])
def srtp_sdes_secrets():
    keys = WORK / "secrets"
    run(["rm", "-f", keys])
    sinks = sink(5006, 5007)
    (WORK / "invite").write_bytes(message("INVITE sips:phone@127.0.0.1 SIP/2.0", "INVITE", sdp(SUITE[-1], 5006)))
    openssl(5061, ["-tls1_3"], ["-tls1_3", "-keylogfile", keys], data="invite", seconds=3)
    run([*LIVE, *VIDEO, *X264, *SUITE, "-f", "rtp", "srtp://127.0.0.1:5006"])

    def inject(frames):
        for socket in sinks:
            socket.close()
        (WORK / "in").write_bytes(pcap(frames))
        run(["editcap", "--inject-secrets", f"tls,{keys}", WORK / "in", WORK / "out"])
        return clip("out")
    return inject


@case("ssh", "a file over SSH", ["ssh"], [("tcp", 2222, "sealed", "ssh", 0)])
def ssh():
    run(["rm", "-f", WORK / "host", WORK / "user"])
    for key in ("host", "user"):
        run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", WORK / key])
    os.makedirs("/run/sshd", exist_ok=True)
    spawn(["/usr/sbin/sshd", "-D", "-p", "2222", "-h", WORK / "host", "-o", "ListenAddress=127.0.0.1",
           "-o", f"AuthorizedKeysFile={WORK}/user.pub", "-o", "StrictModes=no", "-o", "PermitRootLogin=yes", "-f", "/dev/null"])
    wait_for(2222)
    with open(WORK / "clip.h264", "rb") as file:
        run(["ssh", "-p", "2222", "-i", WORK / "user", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
             "127.0.0.1", "cat >/dev/null"], stdin=file)


@case("wireguard", "WireGuard", ["wireguard-go", "wg"], [("udp", 51820, "sealed", "wireguard", 0)])
def wireguard():
    keys = {}
    for name, port in (("wg0", 51820), ("wg1", 51821)):
        spawn(["wireguard-go", "-f", name])
        time.sleep(0.5)
        private = run(["wg", "genkey"]).strip()
        (WORK / name).write_text(private)
        keys[name] = run(["sh", "-c", f"echo {private} | wg pubkey"]).strip()
        run(["wg", "set", name, "listen-port", port, "private-key", WORK / name])
    for name, other, port, net in (("wg0", "wg1", 51821, "10.9.0"), ("wg1", "wg0", 51820, "10.8.0")):
        run(["wg", "set", name, "peer", keys[other], "endpoint", f"127.0.0.1:{port}", "allowed-ips", f"{net}.0/24"])
        run(["ip", "link", "set", name, "up"])
        run(["ip", "route", "add", f"{net}.0/24", "dev", name])
    run(["ip", "addr", "add", "10.8.0.1/32", "dev", "wg0"])
    run(["ip", "addr", "add", "10.9.0.1/32", "dev", "wg1"])
    for number in range(12):
        for net in ("10.9.0", "10.8.0"):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
                s.sendto(random.randbytes(100 + 60 * number), (f"{net}.77", 4000))
        time.sleep(0.1)


QUIC = """
import asyncio, ssl, sys
from aioquic.asyncio import connect, serve
from aioquic.quic.configuration import QuicConfiguration
async def talk():
    server = QuicConfiguration(is_client=False, alpn_protocols=["cam"])
    server.load_cert_chain(sys.argv[1], sys.argv[2])
    await serve("127.0.0.1", 4437, configuration=server)
    client = QuicConfiguration(is_client=True, alpn_protocols=["cam"], verify_mode=ssl.CERT_NONE)
    async with connect("127.0.0.1", 4437, configuration=client) as connection:
        reader, writer = await connection.create_stream()
        writer.write(open(sys.argv[3], "rb").read())
        writer.write_eof()
        await asyncio.sleep(1)
asyncio.run(talk())
"""


@case("quic", "QUIC version 1, by aioquic", ["python3"], [("udp", 4437, "sealed", "quic", 0)])
def quic():
    python = os.environ.get("AIOQUIC", "/usr/bin/python3")
    run([python, "-c", QUIC, CERTIFICATE, KEY, WORK / "clip.h264"])


def openvpn(port, one, other, protocol="udp"):
    common = ["--dev", "null", "--ping", "1", "--verb", "0", "--local", "127.0.0.1"]
    if protocol == "udp":
        common += ["--lport", port]
        spawn(["openvpn", *common, *one])
        time.sleep(0.5)
        spawn(["openvpn", "--dev", "null", "--ping", "1", "--local", "127.0.0.1", "--lport", port + 1,
               "--remote", "127.0.0.1", port, *other])
    else:
        spawn(["openvpn", *common, "--lport", port, "--proto", "tcp-server", *one])
        wait_for(port)
        spawn(["openvpn", "--dev", "null", "--ping", "1", "--proto", "tcp-client", "--remote", "127.0.0.1", port, *other])
    time.sleep(7)


PARTS = ["--ca", CERTIFICATE, "--cert", CERTIFICATE, "--key", KEY]
for name, protocol in (("openvpn-tls", "udp"), ("openvpn-tls-tcp", "tcp")):
    @case(name, f"OpenVPN with TLS over {protocol.upper()}", ["openvpn"], [(protocol, 11940, "sealed", "openvpn", 0)])
    def openvpn_tls(protocol=protocol):
        openvpn(11940, ["--tls-server", "--dh", "none", *PARTS], ["--tls-client", *PARTS], protocol)


@case("openvpn-tls-crypt", "OpenVPN with tls-crypt", ["openvpn"], [("udp", 11960, "sealed", "openvpn", 0)])
def openvpn_crypt():
    run(["openvpn", "--genkey", "secret", WORK / "static.key"])
    crypt = ["--tls-crypt", WORK / "static.key"]
    openvpn(11960, ["--tls-server", "--dh", "none", *PARTS, *crypt], ["--tls-client", *PARTS, *crypt])


@case("openvpn-static", "OpenVPN with a static key", ["openvpn"], [("udp", 11950, "undetermined|sealed", "*", 0)],
      notes=["nothing but the form of the lengths tells: nobody can say what it is"])
def openvpn_static():
    run(["openvpn", "--genkey", "secret", WORK / "static.key"])
    shared = ["--secret", WORK / "static.key", "--cipher", "AES-256-CBC"]
    openvpn(11950, ["--remote", "127.0.0.1", 11951, *shared], shared)
