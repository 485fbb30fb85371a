"""A server that writes down every byte that arrives and answers with bytes it was given.

The variable TAPE holds one JSON object:

  log      a file that gets one line of hex for each message that arrived
  script   a file with a JSON object: SHA-256 of a message (hex) -> the bytes to answer (hex, a list),
           over stdio with the ends of lines, over HTTP the body after its content type
  gather   answer only when this many scripted messages are here, then in the opposite order
  split    write so many bytes at a time
  quirk    "stubborn" (ends neither with stdin nor with SIGTERM, and has a child),
           "exit" (a call ends it with code 7), "crash" (a call kills it), "chatty" (speaks on stderr)
  pids     a file for the ids of its processes
  port     listen there with HTTP, at /mcp; absent: stdio

What has no script gets the answer of an honest server with one tool, one prompt and one resource.
"""

import hashlib
import json
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

CONFIG = json.loads(os.environ["TAPE"])
SCRIPT = json.loads(pathlib.Path(CONFIG["script"]).read_text()) if CONFIG.get("script") else {}
LOCK = threading.Lock()
SHOWN = {
    "tools": [{"name": "echo", "description": "Says it again.", "inputSchema": {"type": "object"}}],
    "prompts": [{"name": "greeting", "description": "A greeting."}],
    "resources": [{"uri": "tape://one", "name": "one"}],
    "resourceTemplates": [],
}
INFO = {"name": "tape", "version": "1.0.0"}
CAPABILITIES = {"tools": {}, "prompts": {}, "resources": {}, "logging": {}}
MODERN = "2026-07-28"


def record(message):
    if CONFIG.get("log"):
        with LOCK, open(CONFIG["log"], "a") as file:
            file.write(message.hex() + "\n")


def scripted(message):
    """The bytes that were given for a message; None if there are none."""
    answer = SCRIPT.get(hashlib.sha256(message).hexdigest())
    return None if answer is None else [bytes.fromhex(part) for part in answer]


def honest(message):
    """The answer of an honest server; None where there is none to give."""
    try:
        message = json.loads(message)
    except ValueError:
        return None
    if not isinstance(message, dict) or "id" not in message or "method" not in message:
        return None
    params = message.get("params") or {}
    modern = "io.modelcontextprotocol/protocolVersion" in (params.get("_meta") or {})
    result = result_of(message["method"], params, modern)
    if result is None:
        error = {"code": -32601, "message": "Method not found"}
        return json.dumps({"jsonrpc": "2.0", "id": message["id"], "error": error}).encode()
    if modern:
        result = {"resultType": "complete", "ttlMs": 60000, "cacheScope": "public", **result}
    return json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": result}).encode()


def result_of(method, params, modern):
    if method == "initialize" and not modern:
        version = min(params.get("protocolVersion", "2025-11-25"), "2025-11-25")
        return {"protocolVersion": version, "capabilities": CAPABILITIES, "serverInfo": INFO}
    if method == "server/discover" and modern:
        meta = {"io.modelcontextprotocol/serverInfo": INFO}
        return {"supportedVersions": [MODERN], "capabilities": CAPABILITIES, "_meta": meta}
    lists = {"tools/list": "tools", "prompts/list": "prompts", "resources/list": "resources",
             "resources/templates/list": "resourceTemplates"}
    if method in lists:
        return {lists[method]: SHOWN[lists[method]]}
    if method == "tools/call":
        return {"content": [{"type": "text", "text": json.dumps(params.get("arguments"))}]}
    return {} if method == "ping" else None


def write_split(out, data):
    size = CONFIG.get("split") or len(data) or 1
    for start in range(0, len(data), size):
        out.write(data[start : start + size])
        out.flush()


def over_stdio():
    quirk = CONFIG.get("quirk")
    out = sys.stdout.buffer
    gathered = []
    for line in sys.stdin.buffer:
        message = line.rstrip(b"\r\n")
        record(message)
        if b'"tools/call"' in message:
            act(quirk)
        answer = scripted(message)
        if answer is None:
            answer = honest(message)
            if answer is not None:
                write_split(out, answer + b"\n")
        elif CONFIG.get("gather"):
            gathered.append(answer)
            if len(gathered) == CONFIG["gather"]:
                for parts in reversed(gathered):
                    write_split(out, b"".join(parts))
        else:
            write_split(out, b"".join(answer))
    while quirk == "stubborn":
        time.sleep(1)


def act(quirk):
    if quirk == "exit":
        sys.exit(7)
    if quirk == "crash":
        os.kill(os.getpid(), signal.SIGKILL)


class Endpoint(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self):
        message = self.rfile.read(int(self.headers["Content-Length"]))
        record(message)
        answer = scripted(message)
        if answer is not None:
            kind, body = answer
            return self.reply(200, kind.decode(), body)
        body = honest(message)
        self.reply(202 if body is None else 200, "application/json", body or b"")

    def do_GET(self):
        self.reply(405, None, b"")

    def reply(self, status, kind, body):
        self.send_response(status)
        if body:
            self.send_header("Content-Type", kind)
        if kind == "text/event-stream":
            self.send_header("Connection", "close")
            self.end_headers()
            write_split(self.wfile, body)
            self.close_connection = True
            return
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


def main():
    quirk = CONFIG.get("quirk")
    pids = [os.getpid()]
    if quirk == "stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        pids.append(subprocess.Popen(["sleep", "600"], stdout=subprocess.DEVNULL).pid)
    if quirk == "chatty":
        print("the tape speaks", file=sys.stderr, flush=True)
    if CONFIG.get("pids"):
        pathlib.Path(CONFIG["pids"]).write_text(" ".join(map(str, pids)))
    if "port" in CONFIG:
        server = ThreadingHTTPServer(("127.0.0.1", CONFIG["port"]), Endpoint)
        server.daemon_threads = True
        server.serve_forever()
    over_stdio()


main()
