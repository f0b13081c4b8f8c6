"""TLS in memory: octets in, octets out, and the secrets for the escrow."""

import os
import ssl
import tempfile


class TlsServer:
    def __init__(self, certificates, key):
        self.folder = tempfile.TemporaryDirectory()
        chain = os.path.join(self.folder.name, "chain.pem")
        with open(chain, "wb") as file:
            file.write(key + certificates)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_2
        self.context.set_ciphers("ECDHE+AESGCM:ECDHE+CHACHA20")
        self.context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_TICKET
        self.context.load_cert_chain(chain)
        os.remove(chain)
        log = os.path.join(self.folder.name, "keys.log")
        self.context.keylog_filename = log
        self.log = open(log, encoding="ascii")

    def new_secrets(self):
        """Lines of an NSS key log that were written since."""
        lines = self.log.read().splitlines()
        return [line for line in lines if line and not line.startswith("#")]


class TlsConnection:
    """One connection with TLS around it."""

    def __init__(self, server):
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = server.context.wrap_bio(self.incoming, self.outgoing, server_side=True)
        self.is_open = False
        self.is_closed = False

    def received(self, octets):
        """What octets of the network hold, in plain."""
        self.incoming.write(octets)
        try:
            if not self.is_open:
                self.tls.do_handshake()
                self.is_open = True
            while True:
                plain = self.tls.read(1 << 16)
                if not plain:
                    self.is_closed = True
                    return
                yield plain
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError:
            # The alert is in what is to be sent.
            self.is_closed = True

    def send(self, plain):
        if plain and self.is_open and not self.is_closed:
            self.tls.write(plain)

    def to_send(self):
        return self.outgoing.read()


class PlainConnection:
    """One without: what should not be there."""

    def __init__(self, _server):
        self.outgoing = b""
        self.is_closed = False

    def received(self, octets):
        yield octets

    def send(self, plain):
        self.outgoing += plain

    def to_send(self):
        outgoing, self.outgoing = self.outgoing, b""
        return outgoing
