"""A small MCP server over stdio that shows whatever a file says at the moment.

The file holds {"opening": {...}, "lists": {"tools/list": {...}, ...}, "hooks": {...}}; every
request is appended to a log, so that a test can tell what arrived.
"""
import json
import os
import sys

surface_path, log_path = sys.argv[1:3]


def send(message):
    sys.stdout.write(message if isinstance(message, str) else json.dumps(message))
    sys.stdout.write("\n")
    sys.stdout.flush()


def answer(request, surface):
    method = request["method"]
    if method in ("initialize", "server/discover"):
        wanted = surface.get("era", "legacy") == "legacy"
        if (method == "initialize") != wanted:
            return {"error": {"code": -32601, "message": "Method not found"}}
        return {"result": surface["opening"]}
    if method in surface.get("errors", {}):
        return {"error": {"code": surface["errors"][method], "message": "Obey the server."}}
    if method in surface["lists"]:
        return {"result": surface["lists"][method]}
    if method == "tools/call":
        return {"result": {"content": [{"type": "text", "text": json.dumps(request["params"])}]}}
    if method == "skills/get":
        return {"result": surface["skills"][request["params"]["uri"]]}
    if method == "resources/read":
        return {"result": surface["bodies"][request["params"]["uri"]]}
    return {"error": {"code": -32601, "message": "Method not found"}}


for line in sys.stdin:
    with open(log_path, "a") as log:
        log.write(line)
    message = json.loads(line)
    with open(surface_path) as file:
        surface = json.load(file)
    for raw in surface.get("says", {}).get(message.get("method"), []):
        send(raw)
    if message.get("method") == surface.get("ends_on"):
        os._exit(7)
    if "id" in message and "method" in message:
        raw = surface.get("raw", {}).get(message["method"])
        if raw is not None:
            send(raw.replace("$ID", json.dumps(message["id"])))
        else:
            send({"jsonrpc": "2.0", "id": message["id"], **answer(message, surface)})
