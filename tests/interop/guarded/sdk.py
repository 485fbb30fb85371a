"""A server of the MCP Python SDK whose `TokenVerifier` is PyJWT, as the two documentations have them.

    sdk.py PORT JWKS ISSUER
"""

import json
import sys
from pathlib import Path

import jwt
from mcp.server.auth.provider import AccessToken
from mcp.server.auth.settings import AuthSettings
from mcp.server.mcpserver import MCPServer
from pydantic import AnyHttpUrl

port, jwks, issuer = sys.argv[1:]
keys = jwt.PyJWKSet.from_dict(json.loads(Path(jwks).read_text()))
resource = f"http://127.0.0.1:{port}/mcp"


class Verifier:
    async def verify_token(self, token: str) -> AccessToken | None:
        try:
            key = keys[jwt.get_unverified_header(token)["kid"]]
            claims = jwt.decode(
                token,
                key,
                algorithms=["ES256"],
                audience=resource,
                issuer=issuer,
                options={"require": ["exp", "iss", "aud"]},
            )
        except (jwt.InvalidTokenError, KeyError):
            return None
        return AccessToken(
            token=token,
            client_id=claims.get("client_id", ""),
            scopes=claims.get("scope", "").split(),
            expires_at=claims["exp"],
            resource=resource,
            claims=claims,
        )


server = MCPServer(
    "guarded",
    token_verifier=Verifier(),
    auth=AuthSettings(
        issuer_url=AnyHttpUrl(issuer),
        resource_server_url=AnyHttpUrl(resource),
        required_scopes=["files:read"],
        validate_token_resource=True,
    ),
)
server.run(transport="streamable-http", host="127.0.0.1", port=int(port))
