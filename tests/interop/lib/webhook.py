"""A receiver of webhooks that a test can make do anything: Python's http.server.

It checks each signature as the libraries of Standard Webhooks do.  `on` is what it does with a request, in their order;
then it says 204: a status, a function of the handler, or (status, fields of the header).
"""

import base64
import hashlib
import hmac
import http.server
import json
import threading
import time

AGE_MAX = 300


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        receiver = self.server.receiver
        body = self.rfile.read(int(self.headers["content-length"]))
        with receiver.lock:
            receiver.requests.append((self.path, dict(self.headers), body))
            receiver.check(self.headers, body)
            step = receiver.on.pop(0) if receiver.on else receiver.usual
        if callable(step):
            step(self)
            return
        status, fields = step if isinstance(step, tuple) else (step, {})
        if status < 300:
            with receiver.lock:
                receiver.taken.append(json.loads(body))
        self.send_response(status)
        for name, value in {"Content-Length": "0", **fields}.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, _request, _client):
        """A client that hangs up is a part of the tests."""


class Webhook:
    """Running from its making until stop()."""

    def __init__(self, secret, tls=None):
        self.key = base64.b64decode(secret.removeprefix("whsec_"))
        self.lock = threading.Lock()
        self.on, self.usual, self.requests, self.taken, self.wrong = [], 204, [], [], []
        self.released = threading.Event()
        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.receiver = self
        if tls:
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.origin = f"{'https' if tls else 'http'}://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def check(self, header, body):
        name, stamp = header["webhook-id"], header["webhook-timestamp"]
        signed = f"{name}.{stamp}.".encode() + body
        wanted = "v1," + base64.b64encode(hmac.new(self.key, signed, hashlib.sha256).digest()).decode()
        if header["webhook-signature"] != wanted:
            self.wrong.append("the signature")
        if abs(time.time() - int(stamp)) > AGE_MAX:
            self.wrong.append("the timestamp")
        if json.loads(body)["id"] != name:
            self.wrong.append("the id")

    def hang(self, _handler):
        """Answers nothing until the test is over."""
        self.released.wait(60)

    def types(self):
        with self.lock:
            return [one["type"] for one in self.taken]

    def stop(self):
        self.released.set()
        self.server.shutdown()
        self.server.server_close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
