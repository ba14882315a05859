"""Sealing of raw messages: AES-GCM under the sandbox's key; the one form in which names and ids are stored."""

from collections.abc import Callable

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE_BYTES = 12  # as AES-GCM wants it


class Sealer:
    """Encrypts and decrypts with one key of 32 bytes; `nonce` gives fresh bytes (chance is an argument)."""

    def __init__(self, key: bytes, nonce: Callable[[int], bytes]) -> None:
        self._cipher = AESGCM(key)
        self._nonce = nonce

    def seal(self, plain: bytes, payment_id: str) -> bytes:
        """Encrypt; what is sealed for one payment does not open for another."""
        nonce = self._nonce(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, plain, payment_id.encode())

    def open(self, sealed: bytes, payment_id: str) -> bytes:
        """Decrypt; raises InvalidTag where it was not sealed by this key for this payment."""
        return self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], payment_id.encode())
