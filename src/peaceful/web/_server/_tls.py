"""What a server encrypts with."""

from __future__ import annotations

import os
import ssl
import stat

from peaceful.app import Tls
from peaceful.errors import FileInaccessible, UsageError


def tls_context(tls: Tls) -> ssl.SSLContext:
    """What a server encrypts with: TLS 1.2 or later.

    Raises:
        UsageError: certificate and key cannot be used, or everybody may read the key.
        StorageError: they cannot be read.
    """
    for path in (tls.cert, tls.key):
        try:
            rights = stat.S_IMODE(path.stat().st_mode)
            path.read_bytes()
        except OSError as error:
            raise FileInaccessible(path, "read", error) from error
        if path == tls.key and os.name == "posix" and rights & 0o007:
            raise UsageError(
                f"Everybody may read the private key in {path}.",
                help=f"take that right away: chmod o= {path}; and make a new key, if anybody may "
                "have read it",
            )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        # Without a password given here, OpenSSL would ask for one on the terminal.
        context.load_cert_chain(tls.cert, tls.key, password="")
    except (ssl.SSLError, ValueError) as error:
        raise UsageError(
            f"The certificate in {tls.cert} and the key in {tls.key} cannot be used: {error}.",
            help="give two PEM files that belong together, the key without a password",
        ) from error
    return context
