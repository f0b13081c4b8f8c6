"""GStreamer pulls RTSP under TLS: gstreamer.py URL CA-FILE PICTURES [PROTOCOLS [SECONDS]]

PROTOCOLS is how media travel: tcp (interleaved, the default) or udp. It waits
SECONDS for the pictures, 30 if it is not told.

What gst-launch-1.0 does, but for the certificate authority (PEM): to rtspsrc it
is an object, and a command line can't name one. Raw pictures (I420) go to
standard output. What went wrong goes to standard error: what was amiss with the
certificate, then the message of GStreamer.
"""

import sys

import gi

gi.require_version("Gst", "1.0")
from gi.repository import Gio, Gst


def refuse(_source, _connection, _certificate, errors):
    """Called for a certificate that did not verify, and only then."""
    flaws = [flag.first_value_nick for flag in Gio.TlsCertificateFlags.__flags_values__.values()
             if int(flag) and errors & flag]
    print("certificate:", " ".join(flaws), file=sys.stderr)
    return False


def main(url, authority, pictures, protocols="tcp", seconds=30):
    pipeline = Gst.parse_launch(
        f"rtspsrc name=source protocols={protocols}"
        " ! application/x-rtp,media=video ! rtph264depay ! avdec_h264"
        f" ! video/x-raw,format=I420 ! identity eos-after={pictures + 1}"
        " ! fdsink fd=1 sync=false"
    )
    source = pipeline.get_by_name("source")
    source.set_property("location", url)
    source.set_property("tls-database", Gio.TlsFileDatabase.new(authority))
    source.connect("accept-certificate", refuse)
    pipeline.set_state(Gst.State.PLAYING)
    message = pipeline.get_bus().timed_pop_filtered(
        seconds * Gst.SECOND, Gst.MessageType.ERROR | Gst.MessageType.EOS
    )
    pipeline.set_state(Gst.State.NULL)
    if message is None:
        sys.exit(f"neither an end nor an error in {seconds} seconds")
    if message.type == Gst.MessageType.ERROR:
        error, details = message.parse_error()
        sys.exit(f"{error.message}\n{details}")


Gst.init(None)
url, authority, pictures, *rest = sys.argv[1:]
protocols, seconds = (rest + ["tcp", "30"][len(rest):])[:2]
main(url, authority, int(pictures), protocols, int(seconds))
