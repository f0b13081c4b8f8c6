"""GStreamer pulls RTSP under TLS: gstreamer.py URL CA-FILE PICTURES [PROTOCOLS [MASK]]

PROTOCOLS is how media travel: tcp (interleaved, the default) or udp. MASK is a
number that is XORed on every SRTP master key of 16 octets that the camera told,
before the decoders get it; it ends when they have dropped so many packets as
there were to be pictures.

What gst-launch-1.0 does, but for the certificate authority (PEM): to rtspsrc it
is an object, and a command line can't name one. Raw pictures (I420) go to
standard output. What went wrong goes to standard error: what was amiss with the
certificate, then the message of GStreamer, or what the decoders dropped.
"""

import re
import sys

import gi

gi.require_version("Gst", "1.0")
from gi.repository import Gio, Gst

SECONDS = 30
# Nanoseconds between two looks at the decoders.
PAUSE = Gst.SECOND // 10
ENDS = Gst.MessageType.ERROR | Gst.MessageType.EOS
# Named here, before there are other threads: the bindings make a class at its first
# use, and a second thread that uses it meanwhile finds it without some of its names.
Caps, Event, EventType = Gst.Caps, Gst.Event, Gst.EventType
PadProbeReturn, PadProbeType = Gst.PadProbeReturn, Gst.PadProbeType
TlsCertificateFlags = Gio.TlsCertificateFlags


def refuse(_source, _connection, _certificate, errors):
    """Called for a certificate that did not verify, and only then."""
    flaws = [flag.first_value_nick for flag in TlsCertificateFlags.__flags_values__.values()
             if int(flag) and errors & flag]
    print("certificate:", " ".join(flaws), file=sys.stderr)
    return False


class Decoders:
    """The decoders of SRTP, on whose keys the mask is XORed."""

    def __init__(self, pipeline, mask):
        self.mask = mask
        # Each with the caps that it was given last.
        self.elements = {}
        pipeline.connect("deep-element-added", self.added)

    def added(self, _pipeline, _bin, element):
        if element.get_factory().get_name() == "srtpdec":
            self.elements[element] = None
            pad = element.get_static_pad("rtp_sink")
            pad.add_probe(PadProbeType.EVENT_DOWNSTREAM, self.change, element)
            # The last handler's word counts; the one before is that of rtspsrc.
            element.connect_after("request-key", lambda *_: self.elements[element])

    def change(self, pad, info, element):
        """Hands on changed caps in the place of those that came."""
        event = info.get_event()
        if event.type != EventType.CAPS or event.parse_caps() == self.elements[element]:
            return PadProbeReturn.OK
        # Key and salt, one behind the other.
        caps, keys = re.subn(
            r"(?<=srtp-key=\(buffer\))[0-9a-f]{32}",
            lambda key: f"{int(key[0], 16) ^ self.mask:032x}",
            event.parse_caps().to_string())
        if keys == 0:
            return PadProbeReturn.OK
        self.elements[element] = Caps.from_string(caps)
        pad.send_event(Event.new_caps(self.elements[element]))
        return PadProbeReturn.DROP

    def packets(self):
        """How many packets were dropped, and how many came."""
        stats = [element.get_property("stats") for element in self.elements]
        return [sum(of.get_value(name) for of in stats)
                for name in ("recv-drop-count", "recv-count")]


def wait(bus, decoders, packets):
    """The message that ends it; None if the decoders dropped so many packets
    before, or it takes too long."""
    for _ in range(SECONDS * Gst.SECOND // PAUSE):
        message = bus.timed_pop_filtered(PAUSE, ENDS)
        if message or decoders and decoders.packets()[0] >= packets:
            return message
    return None


def main(url, authority, pictures, protocols="tcp", mask=None):
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
    decoders = Decoders(pipeline, int(mask)) if mask else None
    pipeline.set_state(Gst.State.PLAYING)
    message = wait(pipeline.get_bus(), decoders, pictures)
    dropped = "srtp: dropped {} of {} packets".format(*decoders.packets()) if decoders else None
    pipeline.set_state(Gst.State.NULL)
    if message is None:
        sys.exit(dropped or f"neither an end nor an error in {SECONDS} seconds")
    if message.type == Gst.MessageType.ERROR:
        error, details = message.parse_error()
        sys.exit(f"{error.message}\n{details}")


Gst.init(None)
url, authority, pictures, *rest = sys.argv[1:]
main(url, authority, int(pictures), *rest)
