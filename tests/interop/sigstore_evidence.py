"""What the Python client of Sigstore says of evidence, offline.

Reads a file with a JSON array of cases, each with `evidence` (a bundle, or a PEP 740 attestation),
`identity`, `issuer` and `digest` (`sha256:…` or `sha512:…`); prints a JSON array of `"verified"` or of
why not. Its trusted root is the one that comes with it.
"""

import json
import pathlib
import sys

from pypi_attestations import Attestation
from sigstore.models import Bundle
from sigstore.verify import Verifier, policy


def verify(verifier, case):
    text = json.dumps(case["evidence"])
    if "verificationMaterial" in case["evidence"]:
        bundle = Bundle.from_json(text)
    else:
        bundle = Attestation.model_validate_json(text).to_bundle()
    who = policy.Identity(identity=case["identity"], issuer=case["issuer"])
    _, payload = verifier.verify_dsse(bundle, who)
    algorithm, _, digest = case["digest"].partition(":")
    subjects = json.loads(payload)["subject"]
    if not any(subject["digest"].get(algorithm) == digest for subject in subjects):
        raise ValueError("the statement is about another artefact")


def main():
    verifier = Verifier.production(offline=True)
    answers = []
    for case in json.loads(pathlib.Path(sys.argv[1]).read_text()):
        try:
            verify(verifier, case)
            answers.append("verified")
        except Exception as error:  # whatever it raises, it did not accept
            answers.append(f"{type(error).__name__}: {error}")
    json.dump(answers, sys.stdout)


main()
