"""The certificate of the listener, in files that somebody renews."""

import ssl
from pathlib import Path

from services.kit.logging import error_name, logger
from services.kit.settings import InvalidSettings

log = logger(__name__)


class Certificate:
    """A certificate with its key, read again when one of the files has changed. TLS 1.2 at least."""

    def __init__(self, certificate: Path, key: Path) -> None:
        """Read them.

        Raises:
            InvalidSettings: they cannot be read, or do not belong together.

        """
        self._files = (certificate, key)
        try:
            self._stamp = self._now()
            self._context = self._read()
        except OSError as error:  # what the ssl module raises is one, too
            message = f"ONTHAAL_SMTP_TLS_CERTIFICATE, ONTHAAL_SMTP_TLS_KEY: cannot be used ({type(error).__name__})"
            raise InvalidSettings(message) from None

    def context(self) -> ssl.SSLContext:
        """Give what a connection is protected with: the files as they are now, or as they last were when they are no good."""
        try:
            stamp = self._now()
            if stamp != self._stamp:
                self._context, self._stamp = self._read(), stamp
                log.info("certificate of the mail listener was renewed")
        except OSError as error:
            log.warning("certificate of the mail listener cannot be read, the last one is used", error=error_name(error))
        return self._context

    def _now(self) -> tuple[tuple[int, int, int], ...]:
        return tuple((found.st_mtime_ns, found.st_ino, found.st_size) for found in (file.stat() for file in self._files))

    def _read(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(*self._files)
        return context
