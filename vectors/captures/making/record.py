"""Records what goes over the loopback interface, and writes captures with their sidecars."""

import functools
import json
import os
import pathlib
import re
import socket
import struct
import subprocess
import threading
import time

OUT = pathlib.Path(__file__).resolve().parent.parent
ETH_P_ALL = 3
PACKET_OUTGOING = 4
RUNNING = []
# UDP ports of VXLAN and GTP-U.
TUNNELS = (4789, 2152)


class Recorder:
    """Every frame of `lo`, once."""

    def __init__(self, interface="lo"):
        self.frames = []
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        self.socket.setsockopt(socket.SOL_SOCKET, 33, 32 << 20)  # receive buffer, forced
        self.socket.bind((interface, ETH_P_ALL))
        self.socket.settimeout(0.1)
        self.ended = False
        self.thread = threading.Thread(target=self.listen)
        self.thread.start()

    def listen(self):
        while not self.ended:
            try:
                frame, address = self.socket.recvfrom(70000)
            except TimeoutError:
                continue
            if address[2] != PACKET_OUTGOING:
                self.frames.append((time.time(), frame))

    def end(self):
        time.sleep(0.4)
        self.ended = True
        self.thread.join()
        self.socket.close()
        return self.frames


def pcap(frames, link_type=1):
    octets = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, link_type)
    for at, frame in frames:
        octets += struct.pack("<IIII", int(at), int(at % 1 * 1e6), len(frame), len(frame)) + frame
    return octets


def spawn(command, **options):
    """Starts a program that is ended after the capture."""
    options = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "stdin": subprocess.DEVNULL} | options
    process = subprocess.Popen([str(word) for word in command], **options)
    RUNNING.append(process)
    return process


def run(command, timeout=30, **options):
    """Runs a program to its end, or as long as it may; its output."""
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL} | options
    process = subprocess.Popen([str(word) for word in command], **options)
    try:
        output, said = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        output, said = process.communicate()
    if process.returncode not in (0, -9) and os.environ.get("VERBOSE"):
        print("   ", " ".join(map(str, command))[:150], "->", process.returncode, (said or b"")[-300:])
    return (output or b"").decode("utf-8", "replace")


def wait_for(port, seconds=5):
    """Until somebody listens at that TCP port, without asking him."""
    until = time.time() + seconds
    while time.time() < until:
        if f":{port} " in run(["ss", "-Hltn"]):
            return
        time.sleep(0.05)


def end_all():
    for process in RUNNING:
        process.terminate()
    for process in RUNNING:
        try:
            process.wait(3)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    RUNNING.clear()


def seen(file):
    """The flows of a capture as tshark counts them, and the protocols that it sees."""
    said = run(["tshark", "-n", "-o", "esp.enable_null_encryption_decode_heuristic:true", "-r", file, "-q", "-z", "conv,tcp", "-z", "conv,udp", "-z", "io,phs"])
    flows = []
    for part in said.split("=" * 80):
        transport = "tcp" if "TCP Conversations" in part else "udp"
        for match in re.finditer(r"^(\S+):(\d+)\s+<->\s+(\S+):(\d+)\s", part, re.M):
            a, a_port, b, b_port = match.groups()
            flows.append((transport, (a, int(a_port)), (b, int(b_port))))
    rows = re.findall(r"^(\s*)([\w.-]+)\s+frames:(\d+)", said, re.M)
    protocols = (f"{name}:{frames}" for _, name, frames in rows if name not in ("eth", "frame"))
    return flows, " ".join(protocols)


def text(end):
    address, port = end
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


@functools.cache
def version(program):
    flag = {"ffmpeg": "-version", "openssl": "version", "ssh": "-V", "dig": "-v", "wireguard-go": "--version"}
    shell = f"{program} {flag.get(program, '--version')} 2>&1 | head -1"
    said = run(["sh", "-c", shell]).strip()
    return re.sub(r" Copyright.*", "", said) or program


def write(name, octets, what, rules, tools, suffix="pcap", notes=(), fewest=None, weak=None):
    """Writes a capture and what must be found in it. A rule is (transport, port of the
    server, labels, prefix of the kind, fewest frames)."""
    file = OUT / f"{name}.{suffix}"
    file.write_bytes(octets)
    conversations, protocols = seen(file)
    flows = []
    unused = list(rules)
    for transport, a, b in conversations:
        if transport == "udp" and b[1] in TUNNELS:
            flows.append((transport, a, b, (transport, b[1], "other", "*", 0)))
            continue
        rule = next((r for r in rules if r[0] == transport and r[1] in (a[1], b[1])), None)
        rule = rule or next((r for r in rules if r[0] == transport and r[1] == "*"), None)
        if rule is None:
            raise SystemExit(f"{name}: nothing is said of {transport} {a} {b}")
        unused = [r for r in unused if r is not rule]
        flows.append((transport, a, b, rule))
    if unused:
        print(f"{name}: no flow for {unused}")
    lines = [f"what = {json.dumps(what)}"]
    lines += [f"made_with = {json.dumps([version(tool) for tool in tools])}"]
    lines += [f"tshark = {json.dumps(protocols)}"]
    lines += [f"notes = {json.dumps(list(notes))}"]
    if weak is not None:
        lines += [f"weak = {json.dumps(weak)}"]
    if fewest:
        lines += ["fewest = { " + ", ".join(f"{label} = {n}" for label, n in fewest.items()) + " }"]
    for transport, a, b, (_, port, labels, kind, frames) in flows:
        server = "a" if a[1] == port else "b"
        labels = labels.split("|")
        lines += ["", "[[flow]]", f'transport = "{transport}"', f'a = "{text(a)}"', f'b = "{text(b)}"']
        if port != "*":
            lines += [f'server = "{server}"']
        lines += [f"label = {json.dumps(labels)}", f'kind = "{kind}"', f"frames = {frames}"]
    (OUT / f"{name}.toml").write_text("\n".join(lines) + "\n")
    print(f"{name}: {len(octets)} octets, {len(flows)} flows", flush=True)
