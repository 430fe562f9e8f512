"""A passkey in software: makes and uses one credential as a browser with an authenticator does (WebAuthn level 2)."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from fido2.cose import ES256
from fido2.utils import websafe_encode
from fido2.webauthn import AttestationObject, AttestedCredentialData, AuthenticatorData

PRESENT_AND_VERIFIED = AuthenticatorData.FLAG.UP | AuthenticatorData.FLAG.UV


@dataclass
class Authenticator:
    """The key, under the id `credential_id`, for pages of `origin` on `host`."""

    origin: str = "http://localhost"
    host: str = "localhost"
    credential_id: bytes = b"passkey of a test"
    flags: int = PRESENT_AND_VERIFIED
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    def create(self, options: dict[str, Any]) -> dict[str, Any]:
        """The answer of `navigator.credentials.create`, as the page posts it."""
        made = AttestedCredentialData.create(b"\0" * 16, self.credential_id, ES256.from_cryptography_key(self._public))
        data = AuthenticatorData.create(self._host_hash, self.flags | AuthenticatorData.FLAG.AT, 0, made)
        attestation = AttestationObject.create("none", data, {})
        client_data = self._client_data("webauthn.create", options)
        return self._answer(clientDataJSON=client_data, attestationObject=bytes(attestation))

    def get(self, options: dict[str, Any]) -> dict[str, Any]:
        """The answer of `navigator.credentials.get`."""
        data = AuthenticatorData.create(self._host_hash, self.flags, 0)
        client_data = self._client_data("webauthn.get", options)
        signature = self.key.sign(bytes(data) + sha256(client_data).digest(), ec.ECDSA(SHA256()))
        return self._answer(clientDataJSON=client_data, authenticatorData=bytes(data), signature=signature)

    @property
    def _public(self) -> ec.EllipticCurvePublicKey:
        return self.key.public_key()

    @property
    def _host_hash(self) -> bytes:
        return sha256(self.host.encode()).digest()

    def _client_data(self, type: str, options: dict[str, Any]) -> bytes:
        asked = {"type": type, "challenge": options["challenge"], "origin": self.origin, "crossOrigin": False}
        return json.dumps(asked).encode()

    def _answer(self, **parts: bytes) -> dict[str, Any]:
        id = websafe_encode(self.credential_id)
        response = {name: websafe_encode(part) for name, part in parts.items()}
        return {"id": id, "rawId": id, "type": "public-key", "response": response}
