#!/usr/bin/env python3
"""What a relay has recorded of a thief is replayed with other configurations, which say whom they would have touched;
one message that is described is tested.  Nothing of it needs a relay that runs."""

import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from lib import mail
from lib.harness import expect, expect_equal, expect_in, main, shared, test
from lib.hop import Hop
from lib.mail import SENDER
from lib.relay import BOB_PASSWORD, Relay, control, toml

OTHER = "bob@example.net"
MESSAGES = 12
RECIPIENTS = 20
DEAD = 6


def dead_are_unknown(dialog):
    return b"550 5.1.1 User unknown\r\n" if dialog.rcpt.startswith("dead") else None


class Recorded:
    """The log of a relay that let a thief go on, and the configuration of that relay."""

    def __init__(self):
        with Hop() as hop:
            hop.on["RCPT"] = dead_are_unknown
            relay = Relay(hop, server={"cores": 2}, policy={"default_class": "unlimited"})
            self.relay = relay
            with relay.client() as client:
                for number in range(MESSAGES):
                    self.steal(client, number)
            with relay.client(name=OTHER, password=BOB_PASSWORD) as client:
                client.submit(mail.compose(sender=OTHER), sender=OTHER, recipients=["friend@far.test"])
            relay.logged("message", account=OTHER)
            relay.stop()

    def steal(self, client, number):
        client.say(f"MAIL FROM:<{SENDER}>", "250")
        for name in range(RECIPIENTS):
            client.say(f"RCPT TO:<{'dead' if name < DEAD else 'r'}{number}.{name}@far.test>")
        client.say("DATA", "354")
        client.send(mail.stuff(mail.compose(sender=SENDER)))
        client.reply()

    def configuration(self, name, limits=(), **keys):
        """The relay's own, but for its only class."""
        config = {**self.relay.config, "policy": {"default_class": "home"}}
        text = toml(config) + toml({"class": [{"name": "home", "recipients_per_message": 100, **keys}]})
        for limit in limits:
            text += "[[class.limit]]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in limit.items())
        path = self.relay.at(name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def replay(self, config, *words, **more):
        return json.loads(control("policy", "replay", "--json", *words, config=config, **more))

    def stop(self):
        """The relay has been."""


recorded = shared(Recorded)


def day(amount, action="refuse"):
    return {"of": "account", "quantity": "recipients", "window": "day", "amount": amount, "action": action}


@test
def a_stricter_configuration_would_have_refused_the_thief_and_nobody_else():
    log = recorded()
    found = log.replay(log.configuration("strict.toml", [day(50)], notice="off"), log.relay.log_file)
    expect_equal([row["account"] for row in found["touched"]], [SENDER], "who is touched")
    thief = found["touched"][0]
    # What next hops refused at RCPT is not used up, so that there is room for some more.
    expect(thief["refused"] > 100, f"recipients refused: {thief}")
    expect_in(f"50 recipients a day of account {SENDER}", thief["figures"], "why")
    expect_equal((thief["reason"], thief["customer"], thief["policy_class"]), ("limit_reached", "acme", "home"), "what")
    expect_equal(found["accounts"], 2, "accounts")
    effects = {row["effect"]: row for row in found["effects"]}
    expect_equal(effects["all"]["messages"], MESSAGES + 1, "messages")
    expect_equal(effects["refused"]["accounts"], 1, "accounts that are refused something")
    shown = control("policy", "replay", log.relay.log_file, config=log.relay.at("strict.toml"))
    expect_in(f"{SENDER}  home", shown, "the page")
    expect(OTHER not in shown, f"who was not touched is shown: {shown}")


@test
def a_laxer_one_would_have_touched_nobody():
    log = recorded()
    lax = log.configuration("lax.toml", [day(10000)], notice="off")
    expect_equal(log.replay(lax, log.relay.log_file)["touched"], [], "who is touched")
    expect_in("nobody would have been touched", control("policy", "replay", log.relay.log_file, config=lax), "the page")


@test
def in_shadow_it_is_said_what_would_be():
    log = recorded()
    found = log.replay(log.configuration("shadow.toml", [day(50)], notice="off", shadow=True), log.relay.log_file)
    thief = found["touched"][0]
    expect_equal((thief["refused"], thief["effect_in_shadow"]), (0, 1), "what is refused")
    expect(thief["shadow"] > 100, f"recipients in shadow: {thief}")


@test
def the_thief_is_noticed_and_held():
    log = recorded()
    config = log.configuration("noticing.toml", notice="suspend")
    thief = log.replay(config, log.relay.log_file)["touched"][0]
    expect_equal(thief["account"], SENDER, "who is touched")
    expect(thief["held"] + thief["suspended"] > 0, f"nothing is held: {thief}")
    expect_in("unknown", thief["figures"], "why")


@test
def standard_input_and_lines_of_strangers_are_read_too():
    log = recorded()
    config = log.configuration("strict.toml", [day(50)], notice="off")
    with open(log.relay.log_file, encoding="utf-8") as file:
        text = file.read()
    found = log.replay(config, "-", said='{"event":"message"}\n' + "x" * 100000 + "\n" + text)
    expect_equal(found["malformed"], 2, "lines that cannot be read")
    expect_equal(found["touched"][0]["account"], SENDER, "who is touched")
    expect_in("log.format", control("policy", "replay", "-", config=config, said="time=now event=message\n", wanted=1),
              "what is said of a log in another format")  # fmt: skip
    expect_in("No such file", control("policy", "replay", "/nowhere/log", config=config, wanted=1), "of no file")


@test
def one_message_is_tested():
    log = recorded()
    config = log.configuration("tested.toml", [day(80)], notice="suspend")
    shown = control("policy", "test", "--account", SENDER, "--recipients", "100", config=config)
    expect_in("home (policy.default_class)", shown, "the class")
    expect_in("would pass to 80 of 100 recipients", shown, "the verdict")
    expect_in("sluicectl account limit", shown, "what would let it pass")
    expect_in("80 first-time recipients in a day", shown, "what the noticer thinks")
    found = json.loads(control("policy", "test", "--account", SENDER, "--recipients", "5", "--json", config=config))
    expect_equal((found["recipients_passed"], found["customer"], found["findings"]), (5, "acme", []), "what is found")
    expect_in("there is no class x", control("policy", "test", "--account", SENDER, "--recipients", "1", "--class", "x",
                                             config=config, wanted=1), "of a class that is not there")  # fmt: skip


if __name__ == "__main__":
    main()
