"""Media in clear, and what resembles them."""

import atexit
import base64
import http.server
import json
import pathlib
import random
import shutil
import socket
import tempfile
import threading
import time

from . import case, record
from .record import run, spawn, wait_for

WORK = pathlib.Path(tempfile.mkdtemp(prefix="captures-"))
atexit.register(shutil.rmtree, WORK, ignore_errors=True)
FFMPEG = ["ffmpeg", "-hide_banner", "-loglevel", "error", "-nostdin", "-y"]
VIDEO = ["-f", "lavfi", "-i", "testsrc=size=160x120:rate=5:duration=2"]
AUDIO = ["-f", "lavfi", "-i", "sine=440:duration=1"]
X264 = ["-c:v", "libx264", "-profile:v", "baseline", "-g", "5", "-pix_fmt", "yuv420p"]
HEVC = ["-c:v", "libx265", "-x265-params", "log-level=none:keyint=5"]


def prepare():
    """The clips."""
    for name, options in {
        "clip.h264": [*VIDEO, *X264, "-f", "h264"],
        "clip.h265": [*VIDEO, *HEVC, "-f", "hevc"],
        "clip.ts": [*VIDEO, *AUDIO, *X264, "-c:a", "aac", "-b:a", "32k"],
        "clip.mp4": [*VIDEO, *AUDIO, *X264, "-c:a", "aac", "-b:a", "32k", "-movflags", "+faststart"],
        "late.mp4": [*VIDEO, *X264],
        "frag.mp4": [*VIDEO, *X264, "-movflags", "frag_keyframe+empty_moov"],
        "clip.flv": [*VIDEO, *AUDIO, *X264, "-c:a", "aac", "-b:a", "32k"],
        "clip265.mp4": [*VIDEO, *HEVC],
        "clip.ul": ["-f", "lavfi", "-i", "sine=440:duration=2", "-ar", "8000", "-c:a", "pcm_mulaw", "-f", "mulaw"],
        "clip.mp3": ["-f", "lavfi", "-i", "sine=440:duration=3", "-c:a", "libmp3lame", "-b:a", "64k"],
        "typical.jpg": [*VIDEO, "-frames:v", "1", "-c:v", "mjpeg", "-huffman", "default", "-q:v", "5", "-pix_fmt", "yuvj420p"],
        "clip.jpg": [*VIDEO, "-frames:v", "1", "-q:v", "5"],
    }.items():
        run([*FFMPEG, *options, WORK / name])


def clip(name):
    return (WORK / name).read_bytes()


def sink(*ports):
    """Sockets that take datagrams, so that nothing comes back."""
    sockets = []
    for port in ports:
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.bind(("127.0.0.1", port))
        sockets.append(s)
    return sockets


def tcp(octets, port, answer=b"", piece=1400):
    """Sends octets over TCP to somebody who answers at the end."""
    server = socket.create_server(("127.0.0.1", port))

    def take():
        peer, _ = server.accept()
        while peer.recv(65536):
            pass
        peer.sendall(answer)
        peer.close()

    thread = threading.Thread(target=take)
    thread.start()
    client = socket.create_connection(("127.0.0.1", port))
    for at in range(0, len(octets), piece):
        client.sendall(octets[at : at + piece])
        time.sleep(0.003)
    client.shutdown(socket.SHUT_WR)
    while client.recv(65536):
        pass
    client.close()
    thread.join()
    server.close()


def udp(datagrams, port, pause=0.002, source=0):
    sinks = sink(port)
    client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    client.bind(("127.0.0.1", source))
    for datagram in datagrams:
        client.sendto(datagram, ("127.0.0.1", port))
        time.sleep(pause)
    return sinks


def serve(folder, port):
    """Python's server of files."""
    class Quiet(http.server.SimpleHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_):
            pass

    handler = lambda *a, **k: Quiet(*a, directory=folder, **k)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


LIVE = [*FFMPEG, "-re"]
TO = "rtp://127.0.0.1:5004"
RTP = {
    "h264": [*VIDEO, *X264],
    "h265": [*VIDEO, *HEVC],
    "vp8": [*VIDEO, "-c:v", "libvpx", "-g", "5", "-deadline", "realtime"],
    "vp9": [*VIDEO, "-c:v", "libvpx-vp9", "-g", "5", "-strict", "experimental", "-deadline", "realtime"],
    "mpeg4": [*VIDEO, "-c:v", "mpeg4", "-g", "5"],
    "jpeg": [*VIDEO, "-c:v", "mjpeg", "-huffman", "default", "-q:v", "8", "-pix_fmt", "yuvj420p"],
    "h263": ["-f", "lavfi", "-i", "testsrc=size=176x144:rate=5:duration=2", "-c:v", "h263p", "-g", "5"],
    "mpeg2": [*VIDEO, "-r", "25", "-c:v", "mpeg2video", "-b:v", "80k"],
    "pcmu": [*AUDIO, "-ar", "8000", "-c:a", "pcm_mulaw"],
    "pcma": [*AUDIO, "-ar", "8000", "-c:a", "pcm_alaw"],
    "g722": [*AUDIO, "-ar", "16000", "-c:a", "g722"],
    "opus": [*AUDIO, "-c:a", "libopus", "-b:a", "32k"],
    "aac": [*AUDIO, "-c:a", "aac", "-b:a", "32k"],
    "mp3": [*AUDIO, "-c:a", "libmp3lame", "-b:a", "32k"],
    "speex": [*AUDIO, "-ar", "8000", "-c:a", "libspeex"],
    "l16": [*AUDIO, "-ar", "8000", "-c:a", "pcm_s16be"],
}
SOUND = ("pcmu", "pcma", "g722", "opus", "aac", "mp3", "speex", "l16")
for codec, options in RTP.items():
    is_sound = codec in SOUND
    # One report alone may be RTCP, and may be anything.
    # Sound of a dynamic payload type and without signalling: a form of its own, or none.
    sure = codec not in ("speex", "l16", "h263", "mpeg2", "g722", "mp3")

    @case(f"rtp-{codec}", f"{codec} in RTP without signalling", ["ffmpeg"],
          [("udp", 5004, "leak" if sure else "leak|undetermined", "rtp" if sure else "*", 5 if sure and not is_sound else 0),
           ("udp", 5005, "other|undetermined", "*", 0)])
    def rtp(options=options):
        sinks = sink(5004, 5005)
        run([*LIVE, *options, "-f", "rtp", TO])
        return sinks


@case("rtp-aac-latm", "aac in LATM in RTP without signalling", ["ffmpeg"],
      [("udp", 5004, "leak", "rtp", 0), ("udp", 5005, "other|undetermined", "*", 0)])
def rtp_latm():
    sinks = sink(5004, 5005)
    run([*LIVE, *AUDIO, "-c:a", "aac", "-b:a", "32k", "-f", "rtp", "-rtpflags", "latm", TO])
    return sinks


@case("rtp-red", "pcmu in RTP, each packet with the one before (RFC 2198)", ["gst-launch-1.0"],
      [("udp", 5004, "leak", "rtp/pcmu", 0)])
def rtp_red():
    sinks = sink(5004)
    run(["gst-launch-1.0", "audiotestsrc", "num-buffers=50", "is-live=true", "samplesperbuffer=160", "!",
         "audio/x-raw,rate=8000,channels=1", "!", "mulawenc", "!", "rtppcmupay", "max-ptime=20000000", "!",
         "rtpredenc", "pt=121", "distance=1", "allow-no-red-blocks=false", "!", "udpsink", "host=127.0.0.1", "port=5004"])
    return sinks


@case("sap-h264", "H.264 in RTP, of which SAP tells the parameter sets", ["ffmpeg"],
      [("udp", 5004, "leak", "rtp", 5), ("udp", 5005, "other|undetermined", "*", 0), ("udp", 9875, "other|undetermined", "*", 0)])
def sap():
    sinks = sink(5004, 5005, 9875)
    run([*LIVE, "-i", WORK / "clip.flv", "-an", "-c", "copy", "-f", "sap",
         "sap://127.0.0.1:5004?announce_addr=127.0.0.1&announce_port=9875"])
    return sinks


@case("rtp-ts", "a transport stream in RTP", ["ffmpeg"],
      [("udp", 5004, "leak", "*", 5), ("udp", 5005, "other|undetermined", "*", 0)])
def rtp_ts():
    sinks = sink(5004, 5005)
    run([*LIVE, "-i", WORK / "clip.ts", "-c", "copy", "-f", "rtp_mpegts", TO])
    return sinks


@case("rtp-h264-joined", "H.264 in RTP from its 8th packet on, with loss", ["ffmpeg"],
      [("udp", 5004, "leak", "rtp", 1)])
def rtp_joined():
    sinks = sink(5004, 5005)
    run([*LIVE, *VIDEO, *X264, "-f", "rtp", TO])
    return lambda frames: [f for n, f in enumerate(f for f in frames if b"\x13\x8c" == f[1][36:38]) if n > 6 and n % 5]


GST_SERVER = """
import gi, sys
gi.require_version("Gst", "1.0"); gi.require_version("GstRtspServer", "1.0"); gi.require_version("GstRtsp", "1.0")
from gi.repository import Gst, GstRtspServer, GstRtsp, GLib
Gst.init(None)
server = GstRtspServer.RTSPServer(); server.set_service(sys.argv[1]); server.set_address("127.0.0.1")
factory = GstRtspServer.RTSPMediaFactory()
factory.set_launch(sys.argv[2])
if sys.argv[3] == "savp": factory.set_profiles(GstRtsp.RTSPProfile.SAVP)
server.get_mount_points().add_factory("/cam", factory); server.attach(None)
GLib.MainLoop().run()
"""
PIPELINE = ("( videotestsrc num-buffers=15 ! video/x-raw,width=160,height=120,framerate=5/1 ! x264enc tune=zerolatency "
            "key-int-max=5 bitrate=120 ! rtph264pay name=pay0 pt=96 config-interval=1 )")


RAW = ("( videotestsrc num-buffers=6 ! video/x-raw,format=UYVY,width=64,height=48,framerate=5/1 ! "
       "rtpvrawpay name=pay0 pt=96 )")


def gst_rtsp(how, pipeline=PIPELINE):
    spawn(["/usr/bin/python3", "-c", GST_SERVER, "8554", pipeline, "avp"])
    wait_for(8554)
    run([*FFMPEG, "-rtsp_transport", how, "-i", "rtsp://127.0.0.1:8554/cam", "-t", "2", "-c", "copy", "-f", "null", "-"], 15)


@case("rtsp-tcp", "RTSP with interleaved H.264", ["ffmpeg"], [("tcp", 8554, "leak", "rtsp", 5)])
def rtsp_tcp():
    gst_rtsp("tcp")


@case("rtsp-raw", "RTSP with interleaved uncompressed video (RFC 4175)", ["gst-launch-1.0", "ffmpeg"],
      [("tcp", 8554, "leak", "rtsp", 2)])
def rtsp_raw():
    gst_rtsp("tcp", RAW)


@case("rtsp-record-h265", "RTSP with ANNOUNCE and RECORD, H.265 whose parameter sets the description alone has", ["ffmpeg"],
      [("tcp", 8554, "leak", "rtsp", 5)])
def rtsp_record_h265():
    spawn([*FFMPEG, "-rtsp_flags", "listen", "-i", "rtsp://127.0.0.1:8554/up", "-f", "null", "-"])
    wait_for(8554)
    run([*LIVE, "-i", WORK / "clip265.mp4", "-c", "copy", "-f", "rtsp", "-rtsp_transport", "tcp", "rtsp://127.0.0.1:8554/up"])


@case("rtsp-tcp-jpeg", "RTSP with interleaved JPEG, announced and recorded", ["ffmpeg"], [("tcp", 8554, "leak", "rtsp", 5)])
def rtsp_jpeg():
    spawn([*FFMPEG, "-rtsp_flags", "listen", "-i", "rtsp://127.0.0.1:8554/up", "-f", "null", "-"])
    wait_for(8554)
    run([*LIVE, *RTP["jpeg"], "-f", "rtsp", "-rtsp_transport", "tcp", "rtsp://127.0.0.1:8554/up"])


@case("rtsp-http-tunnel", "RTSP tunnelled in HTTP, H.264", ["ffmpeg"], [("tcp", 8554, "leak|other", "*", 0)],
      fewest={"leak": 1}, notes=["the GET carries the pictures, the POST requests in base64"])
def rtsp_tunnel():
    gst_rtsp("http")


@case("rtsp-udp", "RTSP, and H.264 over UDP", ["ffmpeg"],
      [("tcp", 8554, "leak", "rtsp", 0), ("udp", "*", "leak|other", "rt", 0)],
      fewest={"leak": 2}, notes=["of the two UDP flows one is RTP and leaks, the other is RTCP"])
def rtsp_udp():
    gst_rtsp("udp")


@case("rtsp-record", "RTSP with ANNOUNCE and RECORD, H.264 and AAC", ["ffmpeg"], [("tcp", 8554, "leak", "rtsp", 5)])
def rtsp_record():
    spawn([*FFMPEG, "-rtsp_flags", "listen", "-i", "rtsp://127.0.0.1:8554/up", "-f", "null", "-"])
    wait_for(8554)
    run([*LIVE, "-i", WORK / "clip.flv", "-c", "copy", "-f", "rtsp", "-rtsp_transport", "tcp", "rtsp://127.0.0.1:8554/up"])


@case("rtsp-srtp-mikey", "RTSP with SRTP whose keys are given with MIKEY in clear", ["gst-launch-1.0"],
      [("tcp", 8554, "leak", "*", 5)])
def rtsp_mikey():
    spawn(["/usr/bin/python3", "-c", GST_SERVER, "8554", PIPELINE, "savp"])
    wait_for(8554)
    run(["gst-launch-1.0", "rtspsrc", "location=rtsp://127.0.0.1:8554/cam", "protocols=tcp", "!", "fakesink"], 6)


def pushed(url, port, *options):
    spawn([*FFMPEG, "-listen", "1", "-f", "flv", "-i", url, "-f", "null", "-"])
    wait_for(port)
    run([*LIVE, "-i", WORK / "clip.flv", "-c", "copy", *options, "-f", "flv", url])


@case("rtmp", "RTMP, H.264 and AAC published", ["ffmpeg"], [("tcp", 1935, "leak", "rtmp", 5)])
def rtmp():
    pushed("rtmp://127.0.0.1:1935/live/cam", 1935)


NGINX = f"""daemon off; pid {WORK}/nginx.pid; error_log /dev/null; load_module modules/ngx_rtmp_module.so;
events {{}} rtmp {{ server {{ listen 127.0.0.1:19350; application live {{ live on; }} }} }}"""


@case("rtmp-nginx", "RTMP published to nginx-rtmp, and played from it", ["nginx", "ffmpeg"],
      [("tcp", 19350, "leak", "rtmp", 1)])
def rtmp_nginx():
    (WORK / "nginx.conf").write_text(NGINX.replace("modules/", "/usr/lib/nginx/modules/"))
    spawn(["nginx", "-c", WORK / "nginx.conf"])
    wait_for(19350)
    url = "rtmp://127.0.0.1:19350/live/cam"
    play = spawn([*FFMPEG, "-i", url, "-f", "null", "-"])
    run([*LIVE, "-stream_loop", "1", "-i", WORK / "clip.flv", "-c", "copy", "-an", "-f", "flv", url])
    play.terminate()


def fetched(name, type_, port, *options, source="clip.ts"):
    spawn([*LIVE, "-i", WORK / source, "-c", "copy", *options, "-content_type", type_, "-listen", "1",
           f"http://127.0.0.1:{port}/{name}"])
    wait_for(port)
    run(["curl", "-s", "-o", "/dev/null", f"http://127.0.0.1:{port}/{name}"])


@case("http-flv", "HTTP-FLV", ["ffmpeg", "curl"], [("tcp", 8080, "leak", "http", 5)])
def http_flv():
    fetched("live.flv", "video/x-flv", 8080, "-bsf:a", "aac_adtstoasc", "-f", "flv")


@case("http-ts", "a transport stream over HTTP", ["ffmpeg", "curl"], [("tcp", 8080, "leak", "http", 5)])
def http_ts():
    fetched("live.ts", "video/mp2t", 8080, "-f", "mpegts")


@case("ts-udp", "a transport stream over UDP", ["ffmpeg"], [("udp", 5500, "leak", "*", 5)])
def ts_udp():
    sinks = sink(5500)
    run([*LIVE, "-i", WORK / "clip.ts", "-c", "copy", "-f", "mpegts", "udp://127.0.0.1:5500?pkt_size=1316"])
    return sinks


@case("ts-tcp", "a transport stream over TCP", ["ffmpeg"], [("tcp", 5501, "leak", "*", 5)])
def ts_tcp():
    spawn([*FFMPEG, "-i", "tcp://127.0.0.1:5501?listen=1", "-f", "null", "-"])
    wait_for(5501)
    run([*LIVE, "-i", WORK / "clip.ts", "-c", "copy", "-f", "mpegts", "tcp://127.0.0.1:5501"])


@case("rist", "RIST, simple profile", ["ffmpeg"],
      [("udp", 6000, "leak", "*", 5)])
def rist():
    spawn([*FFMPEG, "-i", "rist://@127.0.0.1:6000?rist_profile=simple", "-f", "null", "-"])
    time.sleep(0.7)
    run([*LIVE, "-i", WORK / "clip.ts", "-c", "copy", "-f", "mpegts", "rist://127.0.0.1:6000?rist_profile=simple"], 6)


def srt(options):
    spawn([*FFMPEG, "-i", f"srt://127.0.0.1:7000?mode=listener{options}", "-f", "null", "-"])
    time.sleep(0.7)
    run([*LIVE, "-i", WORK / "clip.ts", "-c", "copy", "-f", "mpegts", f"srt://127.0.0.1:7000?mode=caller{options}"], 8)


@case("srt", "SRT without passphrase", ["ffmpeg"], [("udp", 7000, "leak", "srt", 5)])
def srt_clear():
    srt("")


@case("srt-passphrase", "SRT with a passphrase", ["ffmpeg"], [("udp", 7000, "sealed", "srt", 0)])
def srt_sealed():
    srt("&passphrase=abcdefghijkl&pbkeylen=16")


def listed(options, name, source="clip.ts"):
    folder = WORK / "site"
    run(["rm", "-rf", folder])
    folder.mkdir()
    run([*FFMPEG, "-i", WORK / source, "-c", "copy", *options, name], cwd=folder)
    return folder


@case("hls", "HLS with transport streams", ["ffmpeg"], [("tcp", 8081, "leak|other", "http", 0)],
      fewest={"leak": 1}, notes=["the flow with the segments leaks; the playlist may have one of its own"])
def hls():
    folder = listed(["-f", "hls", "-hls_time", "1", "-hls_list_size", "0"], "index.m3u8")
    server = serve(folder, 8081)
    run([*FFMPEG, "-i", "http://127.0.0.1:8081/index.m3u8", "-f", "null", "-"])
    server.shutdown()


@case("hls-aes128", "HLS with AES-128, and its key over HTTP", ["ffmpeg"], [("tcp", 8081, "leak|other", "*", 0)],
      fewest={"leak": 1}, notes=["the flows with the key and with the segments leak"])
def hls_key():
    (WORK / "hls.key").write_bytes(random.randbytes(16))
    (WORK / "hls.keyinfo").write_text(f"http://127.0.0.1:8081/hls.key\n{WORK}/hls.key\n")
    folder = listed(["-f", "hls", "-hls_time", "1", "-hls_list_size", "0", "-hls_key_info_file", WORK / "hls.keyinfo"],
                    "index.m3u8")
    (folder / "hls.key").write_bytes((WORK / "hls.key").read_bytes())
    server = serve(folder, 8081)
    run([*FFMPEG, "-i", "http://127.0.0.1:8081/index.m3u8", "-f", "null", "-"])
    server.shutdown()


@case("dash", "DASH with fragmented MP4", ["ffmpeg"], [("tcp", 8081, "leak|other", "http", 0)],
      fewest={"leak": 1}, notes=["the flows with segments leak"])
def dash():
    folder = listed(["-f", "dash", "-seg_duration", "1"], "index.mpd", "clip.mp4")
    server = serve(folder, 8081)
    run([*FFMPEG, "-i", "http://127.0.0.1:8081/index.mpd", "-f", "null", "-"])
    server.shutdown()


def downloaded(name, *options):
    server = serve(WORK, 8082)
    run(["curl", "-s", *options, "-o", "/dev/null", f"http://127.0.0.1:8082/{name}"])
    server.shutdown()


for file, frames in (("clip.mp4", 10), ("late.mp4", 10), ("frag.mp4", 10), ("clip.jpg", 1)):
    @case("http-" + file.replace(".", "-"), f"{file} over HTTP/1.1", ["ffmpeg", "curl"],
          [("tcp", 8082, "leak", "*" if file.endswith("mp4") else "http", frames)])
    def download(file=file):
        downloaded(file)


NGINX_H2C = f"""daemon off; pid {WORK}/nginx.pid; error_log /dev/null; events {{}}
http {{ access_log off; types {{ video/mp4 mp4; image/jpeg jpg; }} server {{ listen 127.0.0.1:8086 http2; root {WORK}; }} }}"""


@case("h2c-mp4", "MP4 over HTTP/2 in clear", ["nginx", "curl"], [("tcp", 8086, "leak", "*", 1)])
def h2c():
    (WORK / "nginx.conf").write_text(NGINX_H2C)
    spawn(["nginx", "-c", WORK / "nginx.conf"])
    wait_for(8086)
    run(["chmod", "-R", "a+rX", WORK])
    run(["curl", "-s", "--http2-prior-knowledge", "-o", "/dev/null", "http://127.0.0.1:8086/frag.mp4"])


def licence(kid, key):
    """A licence of ClearKey (W3C Encrypted Media Extensions 9.1.4)."""
    of = lambda octets: base64.urlsafe_b64encode(bytes.fromhex(octets)).decode().rstrip("=")
    return json.dumps({"keys": [{"kty": "oct", "k": of(key), "kid": of(kid)}], "type": "temporary"})


KID, CONTENT_KEY = "10000000100010001000100000000001", "3a2a1b68dd2bd9b2eeb25e84c4776668"
for name, what, given in (("clearkey", "an encrypted movie in MP4, and the licence of ClearKey in clear", True),
                          ("clearkey-sealed", "an encrypted movie in MP4, and a licence for another one", False)):
    @case(name, what, ["ffmpeg", "curl"], [("tcp", 8082, "leak" if given else "sealed|other", "http", 0)],
          fewest={"leak": 2} if given else {"sealed": 1, "other": 1},
          notes=["ffmpeg encrypts (cenc), and opens with this key and no other; the licence is written by hand"])
    def clearkey(given=given):
        folder = WORK / "clearkey"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        run([*FFMPEG, *VIDEO, *X264, "-movflags", "+faststart", "-encryption_scheme", "cenc-aes-ctr",
             "-encryption_key", CONTENT_KEY, "-encryption_kid", KID, folder / "movie.mp4"])
        (folder / "licence").write_text(licence(KID if given else KID[::-1], CONTENT_KEY))
        server = serve(folder, 8082)
        for name in ("licence", "movie.mp4"):
            run(["curl", "-s", "-o", "/dev/null", f"http://127.0.0.1:8082/{name}"])
        server.shutdown()


@case("jpeg-form", "a picture as base64 in a form", ["curl"], [("tcp", 8083, "leak", "http", 1)])
def jpeg_form():
    (WORK / "form").write_text(base64.b64encode(clip("clip.jpg")).decode())
    server = serve(WORK, 8083)
    run(["curl", "-s", "-o", "/dev/null", "-d", "camera=1", "--data-urlencode", f"picture@{WORK}/form", "http://127.0.0.1:8083/"])
    server.shutdown()


@case("rtp-h264-ipv6", "H.264 in RTP over IPv6", ["ffmpeg"], [("udp", 5004, "leak", "rtp", 5), ("udp", 5005, "other|undetermined", "*", 0)])
def rtp_ipv6():
    sinks = []
    for port in (5004, 5005):
        sinks.append(socket.socket(socket.AF_INET6, socket.SOCK_DGRAM))
        sinks[-1].bind(("::1", port))
    run([*LIVE, *VIDEO, *X264, "-f", "rtp", "rtp://[::1]:5004"])
    return sinks


@case("http-multipart", "JPEG pictures as multipart over HTTP", ["ffmpeg", "curl"], [("tcp", 8080, "leak", "http", 5)])
def multipart():
    spawn([*LIVE, *VIDEO, "-c:v", "mjpeg", "-q:v", "16", "-f", "mpjpeg", "-content_type",
           "multipart/x-mixed-replace;boundary=ffmpeg", "-listen", "1", "http://127.0.0.1:8080/cam"])
    wait_for(8080)
    run(["curl", "-s", "-o", "/dev/null", "http://127.0.0.1:8080/cam"])


def without_tables(name):
    """The picture without its segments DHT. ffmpeg shows it as it did before."""
    picture, at = clip(name), 2
    kept = picture[:2]
    while picture[at + 1] != 0xDA:
        end = at + 2 + int.from_bytes(picture[at + 2 : at + 4], "big")
        kept += b"" if picture[at + 1] == 0xC4 else picture[at:end]
        at = end
    (WORK / "bare.jpg").write_bytes(kept + picture[at:])
    sums = [run([*FFMPEG, "-i", WORK / n, "-f", "framemd5", "-"]) for n in (name, "bare.jpg")]
    assert sums[0] == sums[1] and "0, " in sums[0], sums
    return clip("bare.jpg")


def answered(port, head, parts, client, pause=0):
    """Somebody who answers a request with a head and, one after the other, parts."""
    server = socket.create_server(("127.0.0.1", port))

    def answer():
        peer, _ = server.accept()
        peer.recv(65536)
        peer.sendall(head)
        for part in parts:
            peer.sendall(part)
            time.sleep(pause)
        peer.close()

    thread = threading.Thread(target=answer)
    thread.start()
    run(client)
    thread.join()
    server.close()


BY_HAND = ["python3 says what the camera would"]


@case("http-multipart-no-tables", "Motion JPEG without Huffman tables as multipart over HTTP", ["ffmpeg", "python3", "curl"],
      [("tcp", 8080, "leak", "http/jpeg", 3)], notes=["ffmpeg's picture, from which DHT was taken; ffmpeg shows it unchanged"])
def multipart_bare():
    picture = without_tables("typical.jpg")
    part = b"--cam\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%s\r\n" % (len(picture), picture)
    head = b"HTTP/1.0 200 OK\r\nContent-Type: multipart/x-mixed-replace;boundary=cam\r\n\r\n"
    answered(8080, head, [part] * 3, ["curl", "-s", "-o", "/dev/null", "http://127.0.0.1:8080/video.mjpg"])


@case("jpeg-tcp-no-tables", "Motion JPEG without Huffman tables over TCP, each picture behind its length", ["ffmpeg", "python3"],
      [("tcp", 9001, "leak", "*", 3)], notes=["ffmpeg's picture, from which DHT was taken; ffmpeg shows it unchanged"])
def tcp_bare():
    picture = without_tables("typical.jpg")
    tcp((len(picture).to_bytes(4, "big") + picture) * 3, 9001)


@case("http-audio-basic", "G.711 as audio/basic over HTTP, as long as it is heard", ["ffmpeg", "python3", "curl"],
      [("tcp", 8080, "leak", "http/pcmu", 0)], notes=BY_HAND)
def audio_basic():
    sound = clip("clip.ul")
    parts = [sound[at : at + 800] for at in range(0, len(sound), 800)]
    head = b"HTTP/1.0 200 OK\r\nContent-Type: audio/basic\r\n\r\n"
    answered(8080, head, parts, ["curl", "-s", "-o", "/dev/null", "http://127.0.0.1:8080/axis-cgi/audio/receive.cgi"], 0.1)


@case("http-audio-parts", "G.711 as parts of multipart/x-mixed-replace over HTTP", ["ffmpeg", "python3", "curl"],
      [("tcp", 8080, "leak", "http/pcmu", 0)], notes=BY_HAND)
def audio_parts():
    sound = clip("clip.ul")
    parts = [b"--cam\r\nContent-Type: audio/basic\r\n\r\n%s\r\n" % sound[at : at + 800] for at in range(0, len(sound), 800)]
    head = b"HTTP/1.0 200 OK\r\nContent-Type: multipart/x-mixed-replace;boundary=cam\r\n\r\n"
    answered(8080, head, parts, ["curl", "-s", "-o", "/dev/null", "http://127.0.0.1:8080/audio.cgi"])


@case("http-audio-posted", "G.711 posted to a camera as audio/basic", ["ffmpeg", "python3", "curl"],
      [("tcp", 8080, "leak", "http/pcmu", 0)])
def audio_posted():
    answered(8080, b"HTTP/1.0 200 OK\r\n\r\n", [], [
        "curl", "-s", "-H", "Content-Type: audio/basic", "-H", "Expect:", "--data-binary", f"@{WORK}/clip.ul", "-m", "2",
        "http://127.0.0.1:8080/axis-cgi/audio/transmit.cgi"], 0.5)


@case("icy-mp3", "SHOUTcast: MPEG sound with titles between", ["ffmpeg", "python3"], [("tcp", 8080, "leak", "http/mp3", 0)],
      notes=BY_HAND)
def icy():
    sound = clip("clip.mp3")
    title = b"StreamTitle='door';".ljust(32, b"\0")
    parts = [sound[at : at + 4096] + (b"\0" if at else b"\2" + title) for at in range(0, len(sound), 4096)]
    head = b"ICY 200 OK\r\nicy-name:door\r\ncontent-type:audio/mpeg\r\nicy-metaint:4096\r\n\r\n"
    answered(8080, head, parts, [*FFMPEG, "-i", "http://127.0.0.1:8080/", "-f", "null", "-"])


@case("http-audio-noise", "random octets as audio/basic over HTTP", ["python3", "curl"], [("tcp", 8080, "other|undetermined", "*", 0)])
def audio_noise():
    head = b"HTTP/1.0 200 OK\r\nContent-Type: audio/basic\r\n\r\n"
    answered(8080, head, [random.randbytes(40000)], ["curl", "-s", "-o", "/dev/null", "http://127.0.0.1:8080/a"])


@case("jpeg-mqtt", "a JPEG picture in MQTT", ["mosquitto_pub"], [("tcp", 18830, "leak", "*", 1)])
def mqtt():
    spawn(["mosquitto", "-p", "18830"])
    wait_for(18830)
    watch = spawn(["mosquitto_sub", "-p", "18830", "-t", "cam/#", "-C", "1"])
    time.sleep(0.3)
    run(["mosquitto_pub", "-p", "18830", "-t", "cam/door", "-f", WORK / "clip.jpg"])
    watch.wait(5)


@case("mqtt-text", "MQTT without pictures", ["mosquitto_pub"], [("tcp", 18830, "other|undetermined", "*", 0)])
def mqtt_text():
    spawn(["mosquitto", "-p", "18830"])
    wait_for(18830)
    for number in range(5):
        run(["mosquitto_pub", "-p", "18830", "-t", "house/temperature", "-m", f'{{"celsius": {20 + number}}}'])


@case("jpeg-smtp", "a JPEG picture in a mail", ["python3"], [("tcp", 2525, "leak", "*", 1)])
def smtp():
    import email.message
    import smtplib

    def answer():
        peer, _ = server.accept()
        file = peer.makefile("rwb")
        file.write(b"220 mx.example ESMTP\r\n")
        file.flush()
        in_data = False
        for line in file:
            if in_data:
                if line == b".\r\n":
                    in_data = False
                    file.write(b"250 2.0.0 queued\r\n")
            elif line.upper().startswith(b"DATA"):
                in_data = True
                file.write(b"354 go on\r\n")
            elif line.upper().startswith(b"QUIT"):
                file.write(b"221 bye\r\n")
            else:
                file.write(b"250 ok\r\n")
            file.flush()

    server = socket.create_server(("127.0.0.1", 2525))
    threading.Thread(target=answer, daemon=True).start()
    mail = email.message.EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "cam@example.org", "me@example.org", "motion"
    mail.set_content("Somebody is at the door.")
    mail.add_attachment(clip("clip.jpg"), maintype="image", subtype="jpeg", filename="door.jpg")
    with smtplib.SMTP("127.0.0.1", 2525) as client:
        client.send_message(mail)
    server.close()


@case("jpeg-websocket", "JPEG pictures in messages of WebSocket", ["python3"], [("tcp", 8090, "leak", "*", 1)])
def websocket():
    import asyncio

    import websockets

    async def talk():
        async def camera(socket_):
            await socket_.recv()
            for _ in range(3):
                await socket_.send(clip("clip.jpg"))

        async with websockets.serve(camera, "127.0.0.1", 8090, compression=None):
            async with websockets.connect("ws://127.0.0.1:8090/live", compression=None) as viewer:
                await viewer.send(clip("clip.jpg"))
                for _ in range(3):
                    await viewer.recv()

    asyncio.run(talk())


@case("jpeg-json", "a JPEG picture in base64 in JSON, posted", ["curl"], [("tcp", 8083, "leak", "*", 1)])
def json_():
    class Take(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 8083), Take)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    (WORK / "event.json").write_text(
        '{"event": "motion", "picture": "' + base64.b64encode(clip("clip.jpg")).decode() + '"}')
    run(["curl", "-s", "-H", "Content-Type: application/json", "--data-binary", f"@{WORK}/event.json",
         "http://127.0.0.1:8083/event"])
    server.shutdown()


@case("jpeg-tcp", "JPEG pictures over TCP, each behind its length", ["ffmpeg"], [("tcp", 9001, "leak", "*", 3)])
def jpeg_tcp():
    picture = clip("clip.jpg")
    tcp((len(picture).to_bytes(4, "big") + picture) * 3, 9001)


@case("jpeg-udp-fragments", "a JPEG picture in datagrams with a header of a vendor's", ["ffmpeg"],
      [("udp", 9002, "leak", "*", 1)])
def jpeg_udp():
    picture = clip("clip.jpg")
    pieces = [picture[at : at + 1000] for at in range(0, len(picture), 1000)]
    datagrams = [b"\x93\x01" + bytes([frame, number, len(pieces), 0]) + piece
                 for frame in range(3) for number, piece in enumerate(pieces)]
    return udp(datagrams, 9002)


@case("h264-tcp", "an Annex B stream over TCP", ["ffmpeg"], [("tcp", 9000, "leak", "*", 5)])
def h264_tcp():
    spawn([*FFMPEG, "-f", "h264", "-i", "tcp://127.0.0.1:9000?listen=1", "-f", "null", "-"])
    wait_for(9000)
    run([*LIVE, "-f", "h264", "-i", WORK / "clip.h264", "-c", "copy", "-f", "h264", "tcp://127.0.0.1:9000"])


@case("h265-tcp", "an Annex B stream of H.265 over TCP", ["ffmpeg"], [("tcp", 9000, "leak", "*", 5)])
def h265_tcp():
    tcp(clip("clip.h265"), 9000)


def units(stream):
    return [unit for unit in stream.replace(b"\0\0\0\1", b"\0\0\1").split(b"\0\0\1") if unit]


def framed(unit_of, magic=b"VND1"):
    """A vendor's framing: a word, a length, a counter."""
    stream = b""
    for number, unit in enumerate(units(clip("clip.h264"))):
        unit = unit_of(unit)
        stream += magic + len(unit).to_bytes(4, "little") + number.to_bytes(4, "little") + unit
    return stream


@case("avcc-vendor", "NAL units behind lengths in a vendor's frames", ["ffmpeg"], [("tcp", 9003, "leak", "*", 5)])
def avcc():
    tcp(framed(lambda unit: len(unit).to_bytes(4, "big") + unit), 9003)


TRANSFORMS = {
    "xor-5a": ("the same octets XOR 0x5a", lambda s: bytes(o ^ 0x5A for o in s)),
    "xor-key": ("XOR a word of eight octets", lambda s: bytes(o ^ b"s3cr3t!?"[n % 8] for n, o in enumerate(s))),
    "inverted": ("inverted", lambda s: bytes(o ^ 0xFF for o in s)),
    "swapped": ("octets swapped in pairs", lambda s: b"".join(bytes([b, a]) for a, b in zip(s[::2], s[1::2]))),
}
for name, (how, change) in TRANSFORMS.items():
    @case(f"h264-{name}", f"an Annex B stream over TCP, {how}", ["ffmpeg"], [("tcp", 9004, "leak", "*", 1)])
    def changed(change=change):
        tcp(change(clip("clip.h264") * 2), 9004)


@case("h264-heads-enciphered", "an Annex B stream whose key frames are random for 256 octets", ["ffmpeg", "python3"],
      [("tcp", 9005, "leak", "partly", 0)], notes=["random octets stand for the cipher's"])
def heads():
    stream = b""
    for unit in units(clip("clip.h264") * 2):
        if unit[0] & 31 == 5:
            unit = unit[:1] + random.randbytes(256).replace(b"\0", b"\1") + unit[257:]
        stream += b"\0\0\0\1" + unit
    tcp(stream, 9005)


STANDS_FOR = ["random octets stand for the cipher's"]


@case("h264-enciphered", "NAL units as random octets in a vendor's frames, as a stream cipher would leave them",
      ["ffmpeg", "python3"], [("tcp", 9005, "undetermined", "*", 0)], notes=STANDS_FOR)
def enciphered():
    tcp(framed(lambda unit: random.randbytes(len(unit))), 9005)


@case("ecb", "an Annex B stream with runs of filler, in AES-ECB", ["ffmpeg", "openssl"],
      [("tcp", 9006, "leak|undetermined", "ecb", 0)])
def ecb():
    stream = b"".join(b"\0\0\0\1" + unit + b"\0\0\0\1\x0c" + b"\xff" * 800 + b"\x80" for unit in units(clip("clip.h264")))
    (WORK / "plain").write_bytes(stream)
    run(["openssl", "enc", "-aes-128-ecb", "-K", "00112233445566778899aabbccddeeff", "-in", WORK / "plain", "-out", WORK / "ecb"])
    tcp(clip("ecb"), 9006)


@case("two-time-pad", "two flows under one key stream", ["ffmpeg", "openssl"],
      [("tcp", 9007, "leak", "two-time-pad", 0), ("tcp", 9008, "leak", "two-time-pad", 0)])
def two_time():
    for name, port in (("clip.h264", 9007), ("clip.ts", 9008)):
        run(["openssl", "enc", "-aes-128-ctr", "-K", "00112233445566778899aabbccddeeff", "-iv", "0" * 32,
             "-in", WORK / name, "-out", WORK / "ctr"])
        tcp(clip("ctr"), port)
