"""An issuer of access tokens: its keys, its tokens, and the server that it shows its keys at and is asked about tokens."""

import base64
import http.server
import json
import ssl
import threading
import time
import urllib.parse

from jwcrypto import jwk, jwt

from lib.relay import authority

ISSUER = "https://issuer.test/"
AUDIENCE = "smtp.relay.test"
CLIENT = ("relay:1", "s e&cr=é%t")  # its id and its secret at the introspection endpoint


def new_key(key_id, kind="RSA"):
    return jwk.JWK.generate(kty="RSA", size=2048, kid=key_id) if kind == "RSA" else jwk.JWK.generate(kty="EC", crv="P-256", kid=key_id)


def claims(user, **other):
    """What a token of USER's says; None takes a claim away."""
    now = int(time.time())
    usual = {"iss": ISSUER, "aud": AUDIENCE, "exp": now + 600, "nbf": now - 5, "scope": "openid smtp", "email": user}
    return {name: value for name, value in {**usual, **other}.items() if value is not None}


def signed(key, user, algorithm="RS256", header=None, **other):
    token = jwt.JWT(header={"alg": algorithm, "kid": key.get("kid"), **(header or {})}, claims=claims(user, **other), algs=[algorithm])
    token.make_signed_token(key)
    return token.serialize()


def key_set(*keys):
    return json.dumps({"keys": [json.loads(key.export_public()) for key in keys]})


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.answered(self.server.owner.keys())

    def do_POST(self):
        owner = self.server.owner
        form = dict(urllib.parse.parse_qsl(self.rfile.read(int(self.headers["Content-Length"])).decode()))
        # RFC 6749 2.3.1: both are encoded as in a form.
        wanted = base64.b64encode(":".join(urllib.parse.quote(part, safe="") for part in CLIENT).encode()).decode()
        if self.headers["Authorization"] != "Basic " + wanted:
            self.answered("{}", 401)
        else:
            self.answered(json.dumps(owner.tokens.get(form["token"], {"active": False})))

    def answered(self, body, status=200):
        owner = self.server.owner
        owner.asked += 1
        if owner.mode == "hanging":
            owner.over.wait(60)
            return
        if owner.mode == "redirecting":
            status, body = 302, ""
        if owner.mode == "failing":
            status = 503
        body = body.encode() if owner.mode != "huge" else b" " * 8_000_000
        try:
            self.send_response(status)
            if owner.mode == "redirecting":
                self.send_header("Location", f"https://127.0.0.1:{owner.other.port}/keys")
            if owner.mode == "huge":  # without telling how huge
                self.send_header("Connection", "close")
                self.close_connection = True
            else:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        except OSError:
            pass  # the relay has seen enough

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        """A client that has hung up, or does not trust the certificate."""


class Issuer:
    def __init__(self, *keys, names=("127.0.0.1",)):
        self.shown = keys
        self.names = names
        self.mode = "right"
        self.tokens = {}  # what introspection says of each
        self.asked = 0
        self.other = None  # another issuer, to be redirected to
        self.port = 0
        self.start()

    def keys(self):
        return key_set(*self.shown)

    def start(self):
        self.over = threading.Event()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*authority().issue(f"{authority().folder}/issuer-{'-'.join(self.names)}", *self.names))
        self.server = Server(("127.0.0.1", self.port), Handler)
        self.server.owner = self
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.over.set()
        self.server.shutdown()
        self.server.server_close()

    def url(self, path="keys"):
        return f"https://127.0.0.1:{self.port}/{path}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
