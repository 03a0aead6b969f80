"""A relay whose only class has the limits of a test, and what is sent through it."""

import json

from lib import mail
from lib.harness import shared
from lib.hop import Hop
from lib.mail import SENDER
from lib.relay import Relay


def limit(amount, of="account", quantity="recipients", window="day", **more):
    return {"of": of, "quantity": quantity, "window": window, "amount": amount, **more}


def table(value):
    """A table on one line, as TOML has it."""
    return "{" + ", ".join(f"{key} = {json.dumps(of)}" for key, of in value.items()) + "}"


class LimitedRelay(Relay):
    """Its only class has these limits."""

    def __init__(self, *limits, cores=2, fallback=False, hosts=None, maildir=None, **keys):
        super().__init__(hosts or next_hop(), start=False, server={"cores": cores}, limits={"sessions_per_address": 5000},
                         route={"fallback": fallback})  # fmt: skip
        del self.config["policy"]
        if maildir:
            self.config["route"] = [{"maildir": self.at(*maildir)}]
        self.limits = limits
        self.keys = keys
        self.write_config()
        self.start()

    def write_config(self, text=None):
        super().write_config(text)
        if text is not None or not hasattr(self, "limits"):
            return
        keys = "".join(f"{key} = {json.dumps(of)}\n" for key, of in self.keys.items())
        limits = ", ".join(table(each) for each in self.limits)
        with open(self.config_file, "a", encoding="utf-8") as file:
            file.write(f'[[class]]\nname = "limited"\n{keys}limit = [{limits}]\n')

    def usage(self, *words):
        return self.all_usage(*words)["windows"]

    def all_usage(self, *words):
        return json.loads(self.control("usage", *words, "--json"))

    def used(self, account=SENDER):
        rows = self.usage("--account", account)
        return rows[0]["used"] if rows else 0


@shared
def next_hop():
    return Hop()


def send(client, recipients=1, sender=SENDER, body=b"Hello.\r\n"):
    """The replies to RCPT, and the one to the message."""
    client.say(f"MAIL FROM:<{sender}>", "250")
    codes = [str(client.say(f"RCPT TO:<r{number}@far.test>"))[:3] for number in range(recipients)]
    if "250" not in codes:
        client.say("RSET", "250")
        return codes, None
    client.say("DATA", "354")
    client.send(mail.stuff(mail.compose(body, sender=sender)))
    return codes, str(client.reply())[:3]
