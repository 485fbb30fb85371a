"""The liar over stdin and stdout: one process, one session."""

import json
import sys
import threading
import time


def serve(liar):
    output = threading.Lock()
    session = None
    listens = []

    def send(message):
        with output:
            sys.stdout.buffer.write(liar.text(message) + b"\n")
            sys.stdout.buffer.flush()

    def announce():
        for method in liar.announcement():
            notification = {"jsonrpc": "2.0", "method": method}
            if not session.modern:
                send(notification)
            for listen in listens:
                send(tagged(notification, listen))

    if liar.config.get("when") == "file":
        threading.Thread(target=watch, args=(lambda: session and session.lying(), announce), daemon=True).start()

    for line in sys.stdin.buffer:
        try:
            message = json.loads(line)
        except ValueError:
            send({"jsonrpc": "2.0", "id": None, "error": {"code": -32700, "message": "Parse error"}})
            continue
        if session is None:
            session = liar.open_session(client_of(message))
        if "method" not in message or "id" not in message:
            if message.get("method") == "notifications/cancelled":
                listens = [listen for listen in listens if listen != message["params"].get("requestId")]
            continue
        if message["method"] == "subscriptions/listen" and session.speaks("subscriptions/listen", True):
            liar.log(session, message)
            listens.append(message["id"])
            send(tagged(acknowledgement(message), message["id"]))
            continue
        lied = session.lying()
        response = session.answer(message)
        if response is not None:
            send(response)
        if session.lying() and not lied:
            announce()


def client_of(message):
    """Who speaks, in either era."""
    params = message.get("params") or {}
    meta = params.get("_meta") or {}
    return params.get("clientInfo") or meta.get("io.modelcontextprotocol/clientInfo") or {}


def acknowledgement(message):
    """The first message of a listen."""
    wanted = (message.get("params") or {}).get("notifications", {})
    return {"jsonrpc": "2.0", "method": "notifications/subscriptions/acknowledged", "params": {"notifications": wanted}}


def tagged(notification, listen):
    """The notification as it is sent inside a listen."""
    meta = {"io.modelcontextprotocol/subscriptionId": listen}
    return {**notification, "params": {**notification.get("params", {}), "_meta": meta}}


def watch(lying, announce):
    """Announces the lie as soon as it begins."""
    while not lying():
        time.sleep(0.01)
    announce()
