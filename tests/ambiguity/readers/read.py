"""Reads corpus entries as Python programs do: `read.py json|jiter|ujson|cjson|sdk|body`.

One JSON entry a line on stdin; one JSON string a line on stdout: what was read, `null` where the
reader refuses, `""` where it has no part in the layer.
"""

import base64
import ctypes
import email
import io
import json
import math
import sys


def render(value):
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, float):
        if math.isfinite(value):
            return str(int(value)) if value == int(value) else repr(value)
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, (int, str)):
        return json.dumps(value)
    if isinstance(value, list):
        return "[" + ",".join(map(render, value)) + "]"
    members = sorted(value.items())
    return "{" + ",".join(json.dumps(k) + ":" + render(v) for k, v in members) + "}"


VIEW = {
    "jsonrpc": None, "id": None, "method": None,
    "params": {
        "name": None, "uri": None, "cursor": None, "arguments": None, "requestId": None,
        "_meta": {"io.modelcontextprotocol/protocolVersion": None, "progressToken": None},
        "ref": {"type": None, "name": None, "uri": None},
    },
    "result": {
        "tools": [{"name": None, "description": None, "inputSchema": None,
                   "annotations": {"destructiveHint": None}}],
    },
    "error": {"code": None, "message": None},
}


def view(value, shape=VIEW, get=dict.get):
    """The members that a program looks at; `null` and absent are the same to it."""
    if shape is None:
        return value
    if isinstance(value, list):
        inner = shape[0] if isinstance(shape, list) else shape
        return [view(element, inner, get) for element in value]
    if isinstance(shape, dict) and isinstance(value, dict):
        members = {key: view(get(value, key), inner, get) for key, inner in shape.items()}
        return {key: member for key, member in members.items() if member is not None}
    return value


class CJson(ctypes.Structure):
    pass


CJson._fields_ = [
    ("next", ctypes.POINTER(CJson)), ("prev", ctypes.POINTER(CJson)),
    ("child", ctypes.POINTER(CJson)), ("type", ctypes.c_int), ("valuestring", ctypes.c_char_p),
    ("valueint", ctypes.c_int), ("valuedouble", ctypes.c_double), ("string", ctypes.c_char_p),
]


def cjson(data):
    """cJSON (Debian `libcjson1`): keys without case, the first wins, strings end at NUL."""
    library = ctypes.CDLL("libcjson.so.1")
    library.cJSON_Parse.restype = ctypes.POINTER(CJson)
    library.cJSON_GetObjectItem.restype = ctypes.POINTER(CJson)
    library.cJSON_GetObjectItem.argtypes = [ctypes.POINTER(CJson), ctypes.c_char_p]
    root = library.cJSON_Parse(data)
    if not root:
        raise ValueError("cJSON refuses")

    def children(node):
        child = node.contents.child
        while child:
            yield child
            child = child.contents.next

    def text(raw):
        return raw.decode("utf-8", "surrogateescape")

    def whole(node, shape):
        kind = node.contents.type & 0xFF
        if kind in (1, 2):
            return kind == 2
        if kind == 8:
            return node.contents.valuedouble
        if kind == 16:
            return text(node.contents.valuestring)
        if kind == 32:
            inner = shape[0] if isinstance(shape, list) else shape
            return [whole(child, inner) for child in children(node)]
        if kind == 64 and isinstance(shape, dict):
            found = {}
            for key, inner in shape.items():
                member = library.cJSON_GetObjectItem(node, key.encode())
                if member and whole(member, inner) is not None:
                    found[key] = whole(member, inner)
            return found
        if kind == 64:
            return {text(child.contents.string): whole(child, None) for child in children(node)}
        return None

    return whole(root, VIEW)


def jiter(data):
    import pydantic_core
    return view(pydantic_core.from_json(data))


def ultra(data):
    import ujson
    return view(ujson.loads(data))


def sdk(data):
    """The official SDK (`mcp`): which role it sees, and what it keeps."""
    from mcp.types import jsonrpc_message_adapter
    message = jsonrpc_message_adapter.validate_json(data)
    role = type(message).__name__.removeprefix("JSONRPC")
    return [role, view(message.model_dump(by_alias=True))]


PARSERS = {"sdk": sdk, "json": lambda data: view(json.loads(data)), "jiter": jiter, "ujson": ultra,
           "cjson": cjson}


def calls(messages):
    """What a stream carries, message by message; what does not parse is skipped."""
    read = []
    for message in messages:
        try:
            read.append(render(view(json.loads(message))))
        except ValueError:
            pass
    return " ".join(read) or "nothing"


def sse(data):
    """httpx-sse 0.4.0, which the Python SDK of MCP used: lines by `str.splitlines`."""
    import httpx
    import httpx_sse
    response = httpx.Response(200, headers={"content-type": "text/event-stream"}, content=data)
    return calls(event.data for event in httpx_sse.EventSource(response).iter_sse() if event.data)


def header(entry, data):
    """Headers by the standard library, Base64 by its default."""
    text = "".join(f"{name}: {value}\r\n" for name, value in entry["headers"])
    headers = email.message_from_string(text + "\r\n")
    read = {}
    for name in ("MCP-Protocol-Version", "Mcp-Method", "Mcp-Name", "Mcp-Param-X"):
        value = headers.get(name)
        if value is not None:
            value = str(value).strip()
            if value.startswith("=?base64?") and value.endswith("?="):
                value = base64.b64decode(value[9:-2]).decode()
            read[name] = number(entry, name, value)
    return render(read)


def number(entry, name, value):
    is_number = name == "Mcp-Param-X" and "integer" in entry.get("schema", "")
    return float(value) if is_number else value


def body(entry, data):
    """What the headers of an entry must repeat."""
    message = json.loads(data)
    params = message["params"]
    read = {
        "MCP-Protocol-Version": params["_meta"]["io.modelcontextprotocol/protocolVersion"],
        "Mcp-Method": message["method"], "Mcp-Name": params["name"],
    }
    argument = params.get("arguments", {}).get("x")
    if argument is not None:
        read["Mcp-Param-X"] = str(argument).lower() if isinstance(argument, bool) else argument
    return render(read)


def read(parser, entry):
    data = base64.b64decode(entry["base64"]) if "base64" in entry else entry["bytes"].encode()
    layer = entry["layer"]
    if layer == "header":
        return {"json": header, "body": body}.get(parser, lambda *_: "")(entry, data)
    if parser == "body" or layer in ("lines", "sse") and parser != "json":
        return ""
    if layer == "lines":
        return calls(io.TextIOWrapper(io.BytesIO(data), encoding="utf-8"))
    return sse(data) if layer == "sse" else render(PARSERS[parser](data))


for line in sys.stdin:
    try:
        print(json.dumps(read(sys.argv[1], json.loads(line))))
    except (ValueError, RecursionError, ArithmeticError, KeyError):
        print("null")
