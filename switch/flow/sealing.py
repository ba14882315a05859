"""Sealing of raw messages: AES-GCM under the sandbox's key; the one form in which names and ids are stored."""

from collections.abc import Callable, Sequence

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE_BYTES = 12  # as AES-GCM wants it


class Sealer:
    """Encrypts and decrypts with one key of 32 bytes; `nonce` gives fresh bytes (chance is an argument)."""

    def __init__(self, key: bytes, nonce: Callable[[int], bytes]) -> None:
        self._cipher = AESGCM(key)
        self._nonce = nonce

    def seal(self, plain: bytes, payment_id: str) -> bytes:
        """Encrypt; what is sealed for one payment does not open for another."""
        return self.seal_all([(plain, payment_id)])[0]

    def seal_all(self, batch: Sequence[tuple[bytes, str]]) -> list[bytes]:
        """Encrypt a batch of (plain, payment id), each as by itself; its nonces are drawn at once."""
        encrypt, nonces, found = self._cipher.encrypt, self._nonce(_NONCE_BYTES * len(batch)), []
        for n, (plain, payment_id) in enumerate(batch):
            nonce = nonces[n * _NONCE_BYTES : (n + 1) * _NONCE_BYTES]
            found.append(nonce + encrypt(nonce, plain, payment_id.encode()))
        return found

    def open(self, sealed: bytes, payment_id: str) -> bytes:
        """Decrypt; raises InvalidTag where it was not sealed by this key for this payment."""
        return self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], payment_id.encode())
