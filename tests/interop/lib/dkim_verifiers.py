"""Two verifiers of DKIM that know nothing of the relay: dkimpy and OpenDKIM's library.  RECORDS: what the DNS would say, by
name ("s1._domainkey.example.com")."""

import base64
import ctypes
import os
import re
import subprocess
import tempfile

import dkim

from lib import dkim_verdict
from lib.harness import expect_equal

DKIM_OP_SETOPT, DKIM_OPTS_QUERYMETHOD, DKIM_OPTS_QUERYINFO, DKIM_QUERY_FILE, DKIM_STAT_OK = 1, 6, 7, 1, 0
FIELD = re.compile(rb".+?\r\n(?![ \t])", re.DOTALL)
KINDS = {"rsa": ["RSA", "-pkeyopt", "rsa_keygen_bits:2048"], "ed25519": ["ED25519"]}


def make_key(path, kind, form="PEM"):
    """A private key in PATH, and the record of its public half."""
    run = {"check": True, "capture_output": True, "timeout": 60}
    subprocess.run(["openssl", "genpkey", "-outform", form, "-out", path, "-algorithm", *KINDS[kind]], **run)
    os.chmod(path, 0o600)
    public = subprocess.run(["openssl", "pkey", "-inform", form, "-in", path, "-pubout", "-outform", "DER"], **run).stdout
    # RFC 8463 4: of Ed25519 the 32 bytes alone.
    public = public[-32:] if kind == "ed25519" else public
    return f"v=DKIM1; k={kind}; p={base64.b64encode(public).decode()}"


class KeyDirectory:
    """A directory of keys, as dkim.key_directory names one: for each of ROWS (domain, selector, kind, form of the file) one
    in PATH, and their RECORDS."""

    def __init__(self, path, rows):
        self.path, self.records = path, {}
        for domain, selector, kind, form in rows:
            os.makedirs(os.path.join(path, domain), exist_ok=True)
            file = os.path.join(path, domain, f"{selector}.{form.lower()}")
            self.records[f"{selector}._domainkey.{domain}"] = make_key(file, kind, form)

    def stop(self):
        """Its folder goes with the script's."""


def dkimpy_verdict(text, records):
    """Of the first signature in TEXT."""

    def record(name, timeout=5):
        name = name.decode() if isinstance(name, bytes) else name
        value = records.get(name.rstrip("."))
        return None if value is None else value.encode()

    try:
        return "good" if dkim.DKIM(text).verify(0, dnsfunc=record) else "bad"
    except (dkim.DKIMException, ValueError) as error:
        return f"bad: {error!r}"


class OpenDkim:
    """libopendkim, which gets the keys from a file in place of the DNS."""

    def __init__(self, records):
        library = self.library = ctypes.CDLL("libopendkim.so.11")
        for name in ("dkim_init", "dkim_verify"):
            getattr(library, name).restype = ctypes.c_void_p
        library.dkim_getresultstr.restype = library.dkim_geterror.restype = ctypes.c_char_p
        self.handle = ctypes.c_void_p(library.dkim_init(None, None))
        self.file = tempfile.NamedTemporaryFile(mode="w", encoding="utf-8")
        for name, record in records.items():
            self.file.write(f"{name} {record}\n")
        self.file.flush()
        method = ctypes.c_int(DKIM_QUERY_FILE)
        path = ctypes.create_string_buffer(self.file.name.encode(), 1024)
        expect_equal(library.dkim_options(self.handle, DKIM_OP_SETOPT, DKIM_OPTS_QUERYMETHOD, ctypes.byref(method), ctypes.c_size_t(4)), 0, "QUERYMETHOD")
        expect_equal(library.dkim_options(self.handle, DKIM_OP_SETOPT, DKIM_OPTS_QUERYINFO, path, ctypes.c_size_t(1024)), 0, "QUERYINFO")

    def verdict(self, text):
        """Of TEXT, which has one signature."""
        library, status = self.library, ctypes.c_int(0)
        header, found, body = text.partition(b"\r\n\r\n")
        header += b"\r\n" if found else b""
        one = ctypes.c_void_p(library.dkim_verify(self.handle, b"test", None, ctypes.byref(status)))
        try:
            for field in FIELD.findall(header):
                result = library.dkim_header(one, field[:-2], ctypes.c_size_t(len(field) - 2))
                if result != DKIM_STAT_OK:
                    return f"bad: header: {library.dkim_getresultstr(result).decode()}"
            result = library.dkim_eoh(one)
            if result == DKIM_STAT_OK and body:
                result = library.dkim_body(one, body, ctypes.c_size_t(len(body)))
            if result == DKIM_STAT_OK:
                result = library.dkim_eom(one, None)
            why = library.dkim_geterror(one) or b""
            return "good" if result == DKIM_STAT_OK else f"bad: {library.dkim_getresultstr(result).decode()}: {why.decode()}"
        finally:
            library.dkim_free(one)

    def stop(self):
        self.library.dkim_close(self.handle)


def signatures_of(text):
    """The DKIM-Signature fields of a message, and the message without them."""
    header, end, body = text.partition(b"\r\n\r\n")
    fields = FIELD.findall(header + b"\r\n")
    found = [field for field in fields if field.lower().startswith(b"dkim-signature:")]
    rest = b"".join(field for field in fields if field not in found)
    return found, rest + end[2:] + body


def tags_of(field):
    """As dkim_verdict.tags_of(), of a field with its name."""
    return dkim_verdict.tags_of(field.partition(b":")[2])
