#!/usr/bin/env python3
"""Configurations of Postfix, imported: those of Debian's package and the kinds that Postfix's documentation describes pass
`sluice check`; one of an ISP is started beside a real Postfix that has the same files, with one Dovecot behind both, and
whom Postfix refuses is refused."""

import getpass
import os
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from lib import mail, wire
from lib.dovecot import Dovecot
from lib.harness import TIMEOUT_FACTOR, Skipped, cases, expect, expect_equal, expect_in, expect_not_in, main, shared, test
from lib.hop import Hop
from lib.relay import PASSWORD, SLUICE, Relay, authority, certificates, client_tls, folder, free_port, under
from lib.sinks import OWN_CF, Postfix

IMPORT = os.path.join(os.path.dirname(SLUICE), "sluice-import-postfix")
DEBIAN = "/usr/share/postfix"
SMTP = "smtp inet n - y - - smtpd\n"
SUBMISSION = (
    "submission inet n - y - - smtpd\n  -o syslog_name=postfix/submission\n  -o smtpd_tls_security_level=encrypt\n"
    "  -o smtpd_sasl_auth_enable=yes\n  -o smtpd_relay_restrictions=permit_sasl_authenticated,reject\n"
)
SMTPS = SUBMISSION.replace("submission inet", "smtps inet").replace("security_level=encrypt", "wrappermode=yes")
DOVECOT = "smtpd_sasl_type = dovecot\nsmtpd_sasl_path = private/auth\n"
HOP_LOGIN = ("isp@hop.test", "the hop's: secret")
FAR = "ralph@far.test"


def imported(main_cf, master_cf, wanted=0):
    """(the configuration, what is said on standard error, the folder that it was written to)"""
    place = tempfile.mkdtemp(prefix="postfix-", dir=folder().path)
    os.chmod(place, 0o755)
    for name, text in (("main.cf", main_cf), ("master.cf", master_cf)):
        with open(os.path.join(place, name), "w", encoding="utf-8", errors="surrogateescape") as file:
            file.write(text.replace("@TABLES@", place))
    output = os.path.join(place, "written", "sluice.toml")
    done = subprocess.run([IMPORT, "--config-dir", place, "--output", output, "--user", getpass.getuser()],
                          capture_output=True, text=True, timeout=20 * TIMEOUT_FACTOR, check=False)  # fmt: skip
    expect_equal(done.returncode, wanted, f"exit status of the import, which said {done.stderr!r}")
    with open(output, encoding="utf-8") as file:
        return file.read(), done.stderr, os.path.dirname(output)


def placed(relay, text, certificate_directory):
    """TEXT with the places of this test's relay: its state, log and certificates are not Postfix's to say."""
    server = f'[server]\nuser = "{getpass.getuser()}"\nstate_dir = "{relay.at("state")}"\ncontrol = "{relay.at("control.sock")}"'
    text = text.replace("\n[server]\n", f"\n{server}\n", 1)
    text = text.replace("\n[tls]\n", f'\n[tls]\ncertificates = "{certificate_directory}"\n', 1)
    more = f'\n[log]\nfile = "{relay.log_file}"\nlevel = "debug"\n[spool]\nsegment_bytes = 8388608\nfree_bytes_min = 0\n'
    return text + more + "[shield]\nrefused_after_ms = 50\n"


def checked(text):
    relay = Relay("127.0.0.1:25", start=False)
    relay.write_config(placed(relay, text, certificates()))
    done = subprocess.run([SLUICE, "check", "--config", relay.config_file], capture_output=True, text=True,
                          timeout=20 * TIMEOUT_FACTOR, check=False)  # fmt: skip
    expect_equal(done.returncode, 0, f"exit status of sluice check, which said {done.stdout + done.stderr!r} of {text}")


# ------------------------------------------------------------------------------------ what passes `sluice check`


def trusted_of(main_cf):
    """The clients that Postfix lets send, as its packages have set it: Debian 13's says other ones than Debian 12's."""
    own = dict(re.findall(r"(?m)^(\w+) *= *(.*)$", main_cf))
    ipv6 = "[::1]" in own["mynetworks"] if "mynetworks" in own else own.get("inet_protocols", "all") == "all"
    return '"127.0.0.0/8", "::1"' if ipv6 else '"127.0.0.0/8"'


@cases("main.cf.debian", "main.cf.dist", "main.cf.tls")
def debians_own(name):
    if not os.path.exists(os.path.join(DEBIAN, name)):
        raise Skipped("there is no Postfix here: tools/deps test")
    texts = []
    for each in (name, "master.cf.dist"):
        with open(os.path.join(DEBIAN, each), encoding="utf-8") as file:
            texts.append(file.read())
    text, _, _ = imported(*texts)
    expect_in(f"\ntrusted = [{trusted_of(texts[0])}]\n", text, "who may send")
    expect_in("\nmx = true\n", text, "where mail goes")
    expect_equal(text.count("\n[[listener]]\n"), 1, "listeners")
    checked(text)


# What the kinds of STANDARD_CONFIGURATION_README, SASL_README and TLS_README come to.
DOCUMENTED = {
    "alone_on_the_internet": ("myhostname = host.example.org\nmynetworks_style = host\nrelayhost =\n", SMTP),
    "null_client": (
        "myhostname = host.example.org\nmyorigin = $mydomain\nrelayhost = [mail.$mydomain]\ninet_interfaces = loopback-only\n"
        "mydestination =\n",
        SMTP,
    ),
    "on_a_local_network": ("myhostname = h.example.org\nmynetworks = 127.0.0.0/8 10.8.0.0/16\nrelayhost = $mydomain\n", SMTP),
    "firewall": (
        "mynetworks = 127.0.0.0/8 10.8.0.0/16\nrelay_domains = example.org\ntransport_maps = inline:{ example.org=smtp:[10.8.0.9] }\n"
        "parent_domain_matches_subdomains = debug_peer_list smtpd_access_maps\nlocal_transport = error:none here\n",
        SMTP,
    ),
    "intranet": (
        "myhostname = h.example.org\nrelayhost =\ntransport_maps = inline:{ { .example.org = smtp: } { * = smtp:[gate.example.org] } }\n",
        SMTP,
    ),
    "submission_by_dovecot": (DOVECOT + "smtpd_tls_auth_only = yes\nsmtpd_tls_security_level = may\n", SMTP + SUBMISSION + SMTPS),
    "submission_by_cyrus": (
        "smtpd_sasl_auth_enable = yes\nsmtpd_sasl_path = smtpd\nbroken_sasl_auth_clients = yes\nsmtpd_sasl_local_domain = x.example\n"
        "smtpd_relay_restrictions = permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination\n",
        SMTP,
    ),
    "client_of_a_provider": (
        "relayhost = [mail.isp.example]:submission\nsmtp_sasl_auth_enable = yes\nsmtp_tls_security_level = encrypt\n"
        "smtp_sasl_tls_security_options = noanonymous\nsmtp_sasl_password_maps = inline:{ [mail.isp.example]:submission=me:s3cret }\n",
        SMTP,
    ),
    "verified_tls": (
        "smtpd_tls_security_level = may\nsmtp_tls_security_level = secure\nrelayhost = [mail.example.org]\n"
        "smtp_tls_mandatory_protocols = >=TLSv1.3\nsmtpd_tls_mandatory_protocols = >=TLSv1.2\n"
        "smtp_tls_policy_maps = hash:/etc/postfix/tls_policy\nsmtpd_tls_loglevel = 1\nsmtp_tls_session_cache_database = btree:/x\n",
        SMTP,
    ),
    "dane": ("smtp_dns_support_level = dnssec\nsmtp_tls_security_level = dane\nsmtpd_tls_chain_files = /k.pem, /c.pem\n", SMTP),
    "postscreen_and_balancer": (
        "postscreen_upstream_proxy_protocol = haproxy\n",
        SMTP.replace("smtpd", "postscreen") + "smtpd pass - - y - - smtpd\n",
    ),
}


@cases(*DOCUMENTED)
def of_the_documentation(name):
    text, said, place = imported(*DOCUMENTED[name])
    checked(text)
    expect_not_in("s3cret", text + said, "what is written and said")
    if name == "client_of_a_provider":
        path = os.path.join(place, "default.password")
        expect_equal(os.stat(path).st_mode & 0o777, 0o600, "the mode of the password's file")
        with open(path, encoding="utf-8") as file:
            expect_equal(file.read(), "s3cret\n", "the password's file")


@test
def nothing_that_is_there_is_written_over():
    _, _, place = imported("", SMTP)
    above = os.path.dirname(place)
    done = subprocess.run([IMPORT, "--config-dir", above, "--output", os.path.join(place, "sluice.toml")],
                          capture_output=True, text=True, timeout=20 * TIMEOUT_FACTOR, check=False)  # fmt: skip
    expect_equal(done.returncode, 1, "exit status")
    expect_in("sluice.toml", done.stderr, "what it says")


@test
def no_control_character_comes_through():
    hostile = "a\x1b[2J\x07\u202eb\udcff"
    text, said, _ = imported(f"myhostname = {hostile}\nrelayhost = {hostile}\nmynetworks = {hostile}\n{hostile}\n",
                             SMTP + f"{hostile} inet n - y - - smtpd\n")  # fmt: skip
    for byte in ("\x1b", "\x07", "\u202e", "\udcff"):
        expect(byte not in text and byte not in said, f"{byte!r} came through")
    checked(text)


# ------------------------------------------------------------------------------------ an ISP's, beside Postfix itself

ISP = OWN_CF + """\
myhostname = mail.relay.test
mydestination =
mynetworks = 127.0.0.2/32, [::1]/128
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
alias_maps =
alias_database =
message_size_limit = 1000000
smtpd_tls_security_level = may
smtpd_tls_auth_only = yes
smtpd_tls_cert_file = {certificate}/fullchain.pem
smtpd_tls_key_file = {certificate}/privkey.pem
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = {dovecot}
smtpd_relay_restrictions = permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination
smtpd_sender_restrictions = reject_authenticated_sender_login_mismatch
smtpd_sender_login_maps = texthash:{path}/etc/senders
smtpd_client_message_rate_limit = 1000
relayhost = [127.0.0.1]:{hop}
smtp_sasl_auth_enable = yes
smtp_sasl_password_maps = texthash:{path}/etc/passwords
smtp_sasl_security_options = noanonymous
smtp_tls_security_level = encrypt
"""
SENDERS = "alice@example.com alice@example.com\nbob@example.net bob@example.net\n"


class Isp(Postfix):
    """A Postfix with an ISP's configuration, and a relay that was made of the same files."""

    def __init__(self):
        super(Postfix, self).__init__()
        expect_equal(getpass.getuser(), "root", "Postfix can be started by root only; this is")
        self.behind = Hop(tls=authority().server_context("localhost", "127.0.0.1"), login=HOP_LOGIN)
        self.dovecot = Dovecot({"alice@example.com": PASSWORD, "bob@example.net": "bob's"})
        self.make_folder()
        for name, text in (("senders", SENDERS), ("passwords", f"[127.0.0.1]:{self.behind.port} {':'.join(HOP_LOGIN)}\n")):
            self.write(name, text)
        self.main_cf = ISP.format(path=self.path, certificate=os.path.join(certificates(), wire.HOST), hop=self.behind.port,
                                  dovecot=self.dovecot.auth_socket)  # fmt: skip
        self.begin(self.main_cf)
        self.relay = self.imported_relay()

    def imported_relay(self):
        self.sluice_port = free_port()
        text, self.said, _ = imported(self.main_cf, f"127.0.0.1:{self.sluice_port} inet n - n - - smtpd\n")
        self.text = text
        relay = Relay("127.0.0.1:25", start=False)
        os.remove(relay.at("state", "accounts.db"))
        relay.write_config(placed(relay, text, certificates()))
        # What is to be done by hand stands in the configuration.
        commands = [line.split()[3:] for line in text.split("\n") if line.startswith("# $ sluicectl ")]
        expect_equal(len(commands), 4, "commands for the store")
        for words in commands:
            relay.control(*words)
        relay.start()
        return relay

    def stop(self):
        try:
            self.relay.stop()
        finally:
            super().stop()
            self.dovecot.stop()


@shared
def isp():
    return Isp()


def may_send(port, sender, login=None, tls=True, source=None, recipient=FAR):
    """Whether one recipient of a message is taken."""
    with wire.Client(port, source=source) as client:
        client.greeted()
        if tls:
            client.start_tls(client_tls())
        if login and str(client.say("AUTH PLAIN " + wire.b64(f"\0{login[0]}\0{login[1]}")))[:3] != "235":
            return False
        if str(client.say(f"MAIL FROM:<{sender}>"))[:3] != "250":
            return False
        return str(client.say(f"RCPT TO:<{recipient}>"))[:3] == "250"


ALICE = ("alice@example.com", PASSWORD)
ATTEMPTS = {
    "its_own_sender": (True, {"sender": "alice@example.com", "login": ALICE}),
    "a_trusted_network": (True, {"sender": "any@where.test", "source": "127.0.0.2"}),
    "a_stranger": (False, {"sender": "alice@example.com"}),
    "a_stranger_in_clear": (False, {"sender": "alice@example.com", "tls": False}),
    "a_stranger_with_a_trick": (False, {"sender": "alice@example.com", "recipient": "ralph%far.test@mail.relay.test"}),
    "anothers_sender": (False, {"sender": "bob@example.net", "login": ALICE}),
    "a_foreign_sender": (False, {"sender": "x@elsewhere.test", "login": ALICE}),
    "a_wrong_password": (False, {"sender": "alice@example.com", "login": (ALICE[0], "wrong")}),
    "an_unknown_name": (False, {"sender": "zoe@example.com", "login": ("zoe@example.com", PASSWORD)}),
    "a_login_in_clear": (False, {"sender": "alice@example.com", "login": ALICE, "tls": False}),
}


@cases(*ATTEMPTS)
def as_postfix_has_it(name):
    wanted, attempt = ATTEMPTS[name]
    expect_equal(may_send(isp().port, **attempt), wanted, "whether Postfix takes it")
    expect_equal(may_send(isp().sluice_port, **attempt), wanted, "whether Sluice takes it")


@test
def a_message_goes_through_with_the_login_of_the_route():
    text = isp().text
    expect_not_in(HOP_LOGIN[1], text + isp().said, "what is written and said")
    content = mail.compose()
    with wire.Client(isp().sluice_port) as client:
        client.greeted()
        client.start_tls(client_tls())
        client.log_in(*ALICE)
        client.submit(content)
    message = isp().behind.wait(1)[0]
    isp().behind.messages.clear()
    expect_equal((message.sender, message.recipients, message.tls), ("alice@example.com", [mail.RECIPIENT], True), "what came")
    expect_equal(message.login, HOP_LOGIN, "the login at the next hop")
    mail.expect_intact(message.content, content)


@test
def another_author_is_refused_behind_the_right_sender():
    with wire.Client(isp().sluice_port) as client:
        client.greeted()
        client.start_tls(client_tls())
        client.log_in(*ALICE)
        client.submit(mail.compose(sender="bob@example.net"), wanted="550")


@test
def its_limits_are_carried_over():
    for line in ("\nmessage_bytes = 1000000\n", 'quantity = "messages", window = "minute", amount = 1000, action = "defer"'):
        expect_in(line, isp().text, "what is written")


if __name__ == "__main__":
    main()
