# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which certificates are trusted: those that the system trusts, wherever it keeps them."""

from __future__ import annotations

import functools
import os
import ssl

# Debian, Fedora, Alpine and openSUSE, each with its kin. A Python that was not built by the system looks elsewhere.
_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
    "/etc/ssl/ca-bundle.pem",
)


@functools.lru_cache(maxsize=1)
def trusting_context() -> ssl.SSLContext:
    """What every connection to the outside is made with; ``SSL_CERT_FILE`` replaces the system's bundle, as usual."""
    context = ssl.create_default_context()
    if not context.get_ca_certs() and "SSL_CERT_FILE" not in os.environ:
        bundle = next((path for path in _BUNDLES if os.path.exists(path)), None)
        if bundle:
            context.load_verify_locations(bundle)
    return context


@functools.lru_cache(maxsize=1)
def unquestioning_context() -> ssl.SSLContext:
    """One that takes any certificate: for this host's own front, asked on loopback by another name than its own."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
