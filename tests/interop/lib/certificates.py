"""A certificate authority for one run of tests, made with openssl."""

import os
import ssl
import subprocess


def _openssl(*words):
    subprocess.run(["openssl", *words], check=True, capture_output=True, timeout=30)


# Kinds of keys.
ECDSA = ("ec", "-pkeyopt", "ec_paramgen_curve:P-256")
RSA = ("rsa:2048",)


class Authority:
    def __init__(self, folder):
        os.makedirs(folder, exist_ok=True)
        self.folder = folder
        self.ca_file = os.path.join(folder, "ca.pem")
        self.ca_key = os.path.join(folder, "ca.key")
        self.serial = 1
        self.between = None
        self._request(self.ca_key, self.ca_file, "/CN=CA of the tests", "-x509", "-days", "2",
                      "-addext", "keyUsage=critical,keyCertSign,cRLSign")  # fmt: skip

    def _request(self, key, out, subject, *more, kind=ECDSA):
        _openssl("req", "-newkey", *kind, "-nodes", "-keyout", key, "-out", out, "-subj", subject, *more)

    def _sign(self, request, extensions, out, issuer, days):
        self.serial += 1
        pem, key = issuer
        _openssl("x509", "-req", "-in", request, "-CA", pem, "-CAkey", key, "-days", str(days),
                 "-set_serial", str(self.serial), "-extfile", extensions, "-out", out)  # fmt: skip

    def intermediate(self):
        """The certificate and the key of an authority between this one and hosts."""
        if self.between is None:
            pem, key, request, extensions = (os.path.join(self.folder, "between." + end) for end in ("pem", "key", "req", "ext"))
            with open(extensions, "w", encoding="ascii") as file:
                file.write("basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\nsubjectKeyIdentifier=hash\n")
            self._request(key, request, "/CN=Intermediate of the tests")
            self._sign(request, extensions, pem, (self.ca_file, self.ca_key), 2)
            self.between = pem, key
        return self.between

    def issue(self, folder, *names, kind=ECDSA, suffix="", days=2, through=False):
        """Makes FOLDER/fullchain.pem and FOLDER/privkey.pem for the given host names and addresses.

        SUFFIX: ".rsa" for fullchain.rsa.pem. THROUGH: signed by the intermediate authority, which follows in the chain.
        """
        os.makedirs(folder, exist_ok=True)
        request = os.path.join(folder, "request.pem")
        chain = os.path.join(folder, f"fullchain{suffix}.pem")
        key = os.path.join(folder, f"privkey{suffix}.pem")
        extensions = os.path.join(folder, "extensions")
        with open(extensions, "w", encoding="ascii") as file:
            kinds = ("IP:" + n if n.replace(".", "").isdigit() or ":" in n else "DNS:" + n for n in names)
            file.write("subjectAltName=" + ",".join(kinds) + "\n")
            # Python 3.13 and later want what RFC 5280 says that there must be.
            file.write("basicConstraints=critical,CA:FALSE\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n")
        new_key = key + ".new"
        self._request(new_key, request, "/CN=" + names[0], kind=kind)
        issuer = self.intermediate() if through else (self.ca_file, self.ca_key)
        self._sign(request, extensions, chain + ".new", issuer, days)
        if through:
            with open(chain + ".new", "a", encoding="ascii") as file, open(issuer[0], encoding="ascii") as above:
                file.write(above.read())
        os.replace(new_key, key)
        os.replace(chain + ".new", chain)
        return chain, key

    def server_context(self, name, *more_names):
        """What a next hop of that name speaks TLS with."""
        chain, key = self.issue(os.path.join(self.folder, "hop-" + name), name, *more_names)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(chain, key)
        return context
