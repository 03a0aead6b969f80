"""A certificate authority for one run of tests, made with openssl."""

import os
import ssl
import subprocess


def _openssl(*words):
    subprocess.run(["openssl", *words], check=True, capture_output=True, timeout=30)


class Authority:
    def __init__(self, folder):
        os.makedirs(folder, exist_ok=True)
        self.folder = folder
        self.ca_file = os.path.join(folder, "ca.pem")
        self.ca_key = os.path.join(folder, "ca.key")
        self.serial = 1
        self._request(self.ca_key, self.ca_file, "/CN=CA of the tests", "-x509", "-days", "2",
                      "-addext", "keyUsage=critical,keyCertSign,cRLSign")  # fmt: skip

    def _request(self, key, out, subject, *more):
        _openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                 "-keyout", key, "-out", out, "-subj", subject, *more)  # fmt: skip

    def issue(self, folder, *names):
        """Makes FOLDER/fullchain.pem and FOLDER/privkey.pem for the given host names and addresses."""
        os.makedirs(folder, exist_ok=True)
        self.serial += 1
        request = os.path.join(folder, "request.pem")
        chain = os.path.join(folder, "fullchain.pem")
        key = os.path.join(folder, "privkey.pem")
        extensions = os.path.join(folder, "extensions")
        with open(extensions, "w", encoding="ascii") as file:
            kinds = ("IP:" + n if n.replace(".", "").isdigit() or ":" in n else "DNS:" + n for n in names)
            file.write("subjectAltName=" + ",".join(kinds) + "\n")
            # Python 3.13 and later want what RFC 5280 says that there must be.
            file.write("basicConstraints=critical,CA:FALSE\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n")
        new_key = key + ".new"
        self._request(new_key, request, "/CN=" + names[0])
        _openssl("x509", "-req", "-in", request, "-CA", self.ca_file, "-CAkey", self.ca_key, "-days", "2",
                 "-set_serial", str(self.serial), "-extfile", extensions, "-out", chain + ".new")  # fmt: skip
        os.replace(new_key, key)
        os.replace(chain + ".new", chain)
        return chain, key

    def server_context(self, name, *more_names):
        """What a next hop of that name speaks TLS with."""
        chain, key = self.issue(os.path.join(self.folder, "hop-" + name), name, *more_names)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(chain, key)
        return context
