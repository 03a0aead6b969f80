"""An authenticator as nginx's mail module asks one (auth_http), and that nginx in front of it."""

import http.server
import os
import socket
import subprocess
import tempfile
import threading
import urllib.parse

from lib import wire
from lib.harness import Skipped, until
from lib.relay import folder, free_port
from lib.sinks import answers, end

NGINX = "/usr/sbin/nginx"
MODULE = "/usr/lib/nginx/modules/ngx_mail_module.so"
CONFIG = """\
load_module {module};
daemon off;
master_process off;
error_log {path}/log info;
pid {path}/pid;
events {{}}
mail {{
  server_name mail.relay.test;
  auth_http 127.0.0.1:{authenticator}/auth;
  xclient off;
  smtp_auth plain login;
  smtp_greeting_delay 0;
  server {{ protocol smtp; listen 127.0.0.1:{clear}; }}
  server {{ protocol smtp; listen 127.0.0.1:{implicit} ssl; ssl_certificate {chain}; ssl_certificate_key {key}; }}
}}
"""


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def setup(self):
        super().setup()
        self.server.owner.kept.append(self.connection)

    def do_GET(self):
        owner = self.server.owner
        # Bytes, as they came: the module reads them as Latin-1.
        asked = [(name, value.encode("latin-1").decode()) for name, value in self.headers.items()]
        owner.requests.append((self.path, asked))
        owner.connections.add(self.client_address)
        name, secret = (urllib.parse.unquote(dict(asked).get(field, "")) for field in ("Auth-User", "Auth-Pass"))
        fields = owner.extra.get(name) or owner.answer(name, secret)
        self.send_response(200)
        for field, value in {"Content-Length": "0", **fields}.items():
            self.send_header(field, value)
        self.end_headers()

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, *_):
        """A client that has hung up."""


class Authenticator:
    """Running from its making until stop(); start() begins again on the same port.

    USERS: name -> password.  MAILS: the port at 127.0.0.1 that nginx is to hand the client on to.  EXTRA: the fields of an
    answer for a name, whatever the password.
    """

    def __init__(self, users, mails=25, tls=None, fields=None, extra=None):
        self.users, self.mails, self.tls = users, mails, tls
        self.fields = fields or {}  # in the answer to all that are right
        self.extra = extra or {}
        self.requests, self.connections, self.kept = [], set(), []
        self.port = free_port()
        self.name = f"127.0.0.1:{self.port}"
        self.start()

    def answer(self, name, secret):
        if secret and self.users.get(name) == secret:
            return {"Auth-Status": "OK", "Auth-Server": "127.0.0.1", "Auth-Port": str(self.mails), **self.fields}
        return {"Auth-Status": "Invalid login or password", "Auth-Wait": "1", "Auth-Error-Code": "535 5.7.8"}

    def start(self):
        self.server = Server(("127.0.0.1", self.port), Handler)
        self.server.owner = self
        if self.tls:
            self.server.socket = self.tls.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
        for connection in self.kept:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self.thread.join()

    def asked(self, of):
        """The request about a name: its path and fields."""
        return [(path, fields) for path, fields in self.requests if dict(fields).get("Auth-User") == of][-1]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


class Nginx:
    """Its mail module in front of an authenticator: in clear and in TLS."""

    def __init__(self, authenticator, files):
        if not (os.path.exists(NGINX) and os.path.exists(MODULE)):
            raise Skipped("there is no nginx with its mail module here: tools/deps test")
        self.path = tempfile.mkdtemp(prefix="nginx-", dir=folder().path)
        self.ports = {"clear": free_port(), "implicit": free_port()}
        config = os.path.join(self.path, "nginx.conf")
        with open(config, "w", encoding="utf-8") as file:
            file.write(CONFIG.format(path=self.path, module=MODULE, authenticator=authenticator.port,
                                     chain=files[0], key=files[1], **self.ports))  # fmt: skip
        with open(os.path.join(self.path, "errors"), "wb") as errors:
            self.process = subprocess.Popen([NGINX, "-p", self.path, "-c", config, "-e", self.path + "/early"],
                                            stdin=subprocess.DEVNULL, stdout=errors, stderr=errors)  # fmt: skip
        try:
            until(lambda: answers(self.ports["clear"]), f"nginx answers: {self.said()}")
        except Exception:
            self.stop()
            raise

    def said(self):
        text = ""
        for name in ("errors", "early", "log"):
            try:
                with open(os.path.join(self.path, name), encoding="utf-8", errors="replace") as file:
                    text += file.read()
            except FileNotFoundError:
                pass
        return text[-2000:]

    def connect(self, listener, **options):
        return wire.Client(self.ports[listener], **options)

    def stop(self):
        end(self.process)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
