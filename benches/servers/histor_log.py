"""Appends labels to a log of HISTOR (PyPI aimarket-histor) in SQLite: one and 256 a transaction, a
signed head after each. Prints appends per second, one line each. `histor_log.py SECONDS FOLDER`"""

import sys
import time
from pathlib import Path

from awr import SigningKey
from histor.db import open_backend
from histor.logbook import Logbook
from histor.migrations import apply_migrations
from histor.store import Store


def label(number):
    """A label of some 1.1 kB, as the service makes them, already signed."""
    return {
        "@context": ["https://www.w3.org/ns/credentials/v2"],
        "type": "McpTrustLabel",
        "id": f"urn:label:{number}",
        "issuer": "did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK",
        "validFrom": "2026-11-25T12:00:00Z",
        "credentialSubject": {
            "method": {"id": "histor/1"},
            "verdict": "pass",
            "verifiedWork": {"digestSRI": f"sha256-{number:044}"},
            "mcpTrustLabel": {"observedAt": "2026-11-25T12:00:00Z", "tools": "x" * 400},
        },
        "signature": {"type": "Ed25519", "value": "A" * 86},
    }


def rate(folder, batch, seconds):
    folder.mkdir(parents=True)
    db = open_backend(folder / "histor.sqlite")
    apply_migrations(db)
    book = Logbook(Store(db), SigningKey.from_seed(b"7" * 32))
    number, began = 0, time.monotonic()
    while time.monotonic() - began < seconds:
        with db.transaction() as tx:
            for _ in range(batch):
                book.append(tx, label(number), target_id=None)
                number += 1
        book.publish_sth()
    return number / (time.monotonic() - began)


if __name__ == "__main__":
    seconds, folder = float(sys.argv[1]), Path(sys.argv[2])
    for batch in (1, 256):
        print(batch, rate(folder / str(batch), batch, seconds))
