"""The liar over Streamable HTTP: sessions for legacy clients, none for modern ones."""

import json
import queue
import threading
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from over_stdio import acknowledgement, client_of, tagged, watch


def serve(liar):
    handler = type("Handler", (Endpoint,), {"liar": liar, "sessions": {}, "streams": [], "gate": threading.Lock()})
    server = ThreadingHTTPServer(("127.0.0.1", liar.config["port"]), handler)
    server.daemon_threads = True
    if liar.config.get("when") == "file":
        observer = liar.open_session({})
        threading.Thread(target=watch, args=(observer.lying, handler.announce), daemon=True).start()
    server.serve_forever()


class Endpoint(BaseHTTPRequestHandler):
    """One request."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        try:
            message = json.loads(body)
        except ValueError:
            return self.reply(400, {"jsonrpc": "2.0", "id": None, "error": {"code": -32700, "message": "Parse error"}})
        meta = (message.get("params") or {}).get("_meta") or {}
        modern = "io.modelcontextprotocol/protocolVersion" in meta
        session, opened = self.session(message, modern)
        if session is None:
            return self.reply(404, None)
        if "method" not in message or "id" not in message:
            return self.reply(202, None)
        if message["method"] == "subscriptions/listen" and session.speaks("subscriptions/listen", modern):
            self.liar.log(session, message)
            return self.stream(message)
        lied = session.lying()
        response = session.answer(message)
        if response is None:
            threading.Event().wait()
        refused = response.get("error", {}).get("code") == -32601
        self.reply((404 if modern else 200) if refused else 200, response, opened)
        if session.lying() and not lied:
            self.announce()

    def do_GET(self):
        if self.headers.get("Mcp-Session-Id") not in self.sessions:
            return self.reply(405, None)
        self.stream(None)

    def do_DELETE(self):
        self.sessions.pop(self.headers.get("Mcp-Session-Id"), None)
        self.reply(200, None)

    def session(self, message, modern):
        """The session of a request, and the id of one that it opened."""
        if modern:
            return self.liar_session(message), None
        if message.get("method") == "initialize":
            name = uuid.uuid4().hex
            self.sessions[name] = self.liar.open_session(client_of(message))
            return self.sessions[name], name
        return self.sessions.get(self.headers.get("Mcp-Session-Id")), None

    def liar_session(self, message):
        """Modern requests stand alone: the n-th client that is seen is the n-th session."""
        client = client_of(message)
        key = json.dumps(client, sort_keys=True)
        with self.gate:
            if key not in self.sessions:
                self.sessions[key] = self.liar.open_session(client)
            return self.sessions[key]

    def reply(self, status, message, session=None):
        body = b"" if message is None else self.liar.text(message)
        self.send_response(status)
        if session:
            self.send_header("Mcp-Session-Id", session)
        if body:
            self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def stream(self, listen):
        """Keeps a stream of events open until its reader goes."""
        events = queue.Queue()
        if listen is not None:
            events.put(tagged(acknowledgement(listen), listen["id"]))
        tag = None if listen is None else listen["id"]
        entry = (events, tag)
        self.streams.append(entry)
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Cache-Control", "no-store")
        self.send_header("Connection", "close")
        self.end_headers()
        try:
            while True:
                try:
                    event = self.liar.text(events.get(timeout=1))
                    self.wfile.write(b"data: " + event + b"\n\n")
                except queue.Empty:
                    self.wfile.write(b": still here\n\n")
                self.wfile.flush()
        except OSError:
            self.streams.remove(entry)
            self.close_connection = True

    @classmethod
    def announce(cls):
        for method in cls.liar.announcement():
            for events, tag in list(cls.streams):
                notification = {"jsonrpc": "2.0", "method": method}
                events.put(notification if tag is None else tagged(notification, tag))

    def log_message(self, *arguments):
        pass
