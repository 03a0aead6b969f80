"""Relays whose customers and accounts are in one PostgreSQL server."""

from lib import databases
from lib.backends import AskingRelay, ran
from lib.harness import shared
from lib.hop import Hop
from lib.relay import authority, control, under

OUR_PASSWORD = "the relay's own"


class Postgresql(databases.Postgresql):
    """With a role of the relays', which owns databases, and may log in by its password alone."""

    def fill(self):
        ran(*self.psql(), "postgres", said=f"CREATE ROLE relay LOGIN PASSWORD '{OUR_PASSWORD.replace(chr(39), chr(39) * 2)}';\n")
        self.create("mail")

    def create(self, name):
        ran(*self.psql(), "postgres", said=f"CREATE DATABASE {name} OWNER relay;\n")


@shared
def server():
    return Postgresql()


@shared
def next_hop():
    return Hop()


def password_file(password=OUR_PASSWORD):
    path = under(f"password-{len(password)}")
    with open(path, "w", encoding="utf-8") as file:
        file.write(password + "\n")
    return path


def keys(database="mail", port=None, **more):
    return {"server": [f"127.0.0.1:{port or server().port}"], "tls": "implicit", "ca_file": authority().ca_file, "database": database,
            "user": "relay", "password_file": password_file(), **more}  # fmt: skip


class SharingRelay(AskingRelay):
    def __init__(self, start=True, **store):
        super().__init__(next_hop(), [], start=False)
        del self.config["backend"]
        self.config["store"] = store or keys()
        self.write_config()
        if start:
            self.start()


def copied(*words, config, wanted=0):
    return control("store", "copy", *words, config=config, wanted=wanted)
