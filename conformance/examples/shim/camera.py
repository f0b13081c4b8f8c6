#!/usr/bin/env python3
"""A small camera that lightleak judges through standard input and output.

It serves `nvr.rtsps`: RTSP over TLS with Digest authentication, video and sound
interleaved. The protocol of lines is in conformance/schema/shim.md.

    lightleak run --target "shim:python3 camera.py" --path nvr.rtsps
    lightleak run --target "shim:python3 camera.py --leaking" --path nvr.rtsps

With --leaking it has the fault that this whole tool is about: the same stream is also
there without TLS, on the usual port of RTSP, for whoever knows to ask.
"""

import base64
import sys

from rtsp import Session
from tls import PlainConnection, TlsConnection, TlsServer

NOT_IMPLEMENTED = 89
PATHS = {"nvr.rtsps"}
# What lightleak does at that path, of which this camera need not know more.
STIMULI = {
    "honest",
    "no-credentials",
    "wrong-credentials",
    "guessable-credentials",
    "udp-setup",
    "tls10-offer",
    "weak-suites",
    "early-data",
    "blocked-tls",
    "port-sweep",
}
CLEAR_PORT = 554


def say(*words):
    print(*words, flush=False)


class Camera:
    def __init__(self, leaking):
        self.leaking = leaking
        self.connections = {}

    def start(self, path, *settings):
        if path not in PATHS:
            sys.exit(NOT_IMPLEMENTED)
        self.settings = dict(setting.split("=", 1) for setting in settings)
        if self.settings["protocol"] != "1":
            sys.exit(NOT_IMPLEMENTED)
        pem = [base64.b64decode(self.settings[key]) for key in ("certificates", "key")]
        self.tls = TlsServer(*pem)
        self.port = int(self.settings["port"])
        say("vendor Example")
        say("model shim in Python")
        say("firmware 1.0")
        say("listen tcp", self.port)
        say(f"url rtsps://{self.settings['address']}:{self.port}/main")
        if self.leaking:
            say("listen tcp", CLEAR_PORT)

    def stimulus(self, name):
        if name not in STIMULI:
            sys.exit(NOT_IMPLEMENTED)

    def accept(self, connection, port, _peer):
        kind = TlsConnection if int(port) == self.port else PlainConnection
        session = Session(self.settings["user"], self.settings["password"])
        self.connections[connection] = (kind(self.tls), session)

    def data(self, connection, octets=""):
        if connection not in self.connections:
            return
        carrier, session = self.connections[connection]
        for plain in carrier.received(base64.b64decode(octets)):
            carrier.send(session.received(plain))
        self.flush(connection)

    def end(self, connection):
        if self.connections.pop(connection, None):
            say("end", connection)

    def video(self, _number, milliseconds, octets):
        self.media("video", int(milliseconds), base64.b64decode(octets))

    def audio(self, _number, milliseconds, octets):
        self.media("audio", int(milliseconds), base64.b64decode(octets))

    def media(self, track, milliseconds, octets):
        for connection, (carrier, session) in list(self.connections.items()):
            carrier.send(session.media(track, milliseconds, octets))
            self.flush(connection)

    def flush(self, connection):
        carrier, session = self.connections[connection]
        outgoing = carrier.to_send()
        if outgoing:
            say("data", connection, base64.b64encode(outgoing).decode())
        if carrier.is_closed or session.is_over:
            self.end(connection)

    def stop(self):
        pass


def main():
    camera = Camera("--leaking" in sys.argv[1:])
    for line in sys.stdin:
        verb, *words = line.split()
        getattr(camera, verb)(*words)
        # Whoever judges has to be able to open what was sealed.
        for secret in camera.tls.new_secrets():
            say("secret", secret)
        say("done")
        sys.stdout.flush()
        if verb == "stop":
            return


if __name__ == "__main__":
    main()
