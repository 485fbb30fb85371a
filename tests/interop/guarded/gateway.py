"""A gateway of FastMCP (`create_proxy`) before a server, with `RemoteAuthProvider` and `JWTVerifier` as its
documentation has them.

    gateway.py PORT JWKS ISSUER UPSTREAM
"""

import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

from fastmcp.server import create_proxy
from fastmcp.server.auth import RemoteAuthProvider
from fastmcp.server.auth.providers.jwt import JWTVerifier
from pydantic import AnyHttpUrl

port, jwks, issuer, upstream = sys.argv[1:]
keys = Path(jwks).read_bytes()


class Keys(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(keys)

    def log_message(self, *_):
        pass


served = HTTPServer(("127.0.0.1", 0), Keys)
threading.Thread(target=served.serve_forever, daemon=True).start()
origin = f"http://127.0.0.1:{port}"
verifier = JWTVerifier(
    jwks_uri=f"http://127.0.0.1:{served.server_port}/jwks",
    issuer=issuer,
    audience=f"{origin}/mcp",
    algorithm="ES256",
    required_scopes=["files:read"],
)
auth = RemoteAuthProvider(
    token_verifier=verifier, authorization_servers=[AnyHttpUrl(issuer)], base_url=origin
)
proxy = create_proxy(upstream, name="gateway", auth=auth)
proxy.run(transport="http", host="127.0.0.1", port=int(port), show_banner=False)
