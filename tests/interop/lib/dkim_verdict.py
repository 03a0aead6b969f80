"""Verifies a message's DKIM signatures with dkimpy, which knows nothing of the relay, and the keys that a name server on the
loopback has.  As a program, for tools/try: says it in words; exit status 1 unless the message has COUNT signatures, all good, and
none of them is with one byte of the body changed.

    dkim_verdict.py MESSAGE PORT COUNT
"""

import re
import sys

import dkim
import dns.exception
import dns.resolver

KINDS = {"rsa-sha256": "RSA", "ed25519-sha256": "Ed25519"}


class NameServer:
    def __init__(self, port):
        self.resolver = dns.resolver.Resolver(configure=False)
        self.resolver.nameservers, self.resolver.port = ["127.0.0.1"], port

    def text(self, name, timeout=5):
        """The TXT record, at the end of CNAMEs; nothing where there is none."""
        name = name.decode() if isinstance(name, bytes) else name
        try:
            answer = self.resolver.resolve(name, "TXT", lifetime=timeout)
        except dns.exception.DNSException:
            return None
        return b"".join(answer[0].strings)


def tags_of(field):
    """The tags of a signature's value, as text: {"d": "example.com", ...}."""
    pairs = (tag.partition(b"=") for tag in field.split(b";"))
    return {name.strip().decode(): re.sub(rb"\s", b"", value).decode() for name, _, value in pairs if name.strip()}


def verify(text, server):
    """[(tags, None or what is wrong), ...] of its signatures, in their order."""
    message = dkim.DKIM(text)
    fields = [value for name, value in message.headers if name.lower() == b"dkim-signature"]
    found = []
    for index, field in enumerate(fields):
        try:
            wrong = None if message.verify(index, dnsfunc=server.text) else "the signature does not fit the header"
        except dkim.DKIMException as error:
            wrong = str(error)
        found.append((tags_of(field), wrong))
    return found


def with_a_byte_changed(text):
    """The first byte of the body is another."""
    at = re.search(rb"\r?\n\r?\n", text).end()
    return text[:at] + bytes([text[at] ^ 1]) + text[at + 1 :]


def main():
    path, port, count = sys.argv[1:]
    with open(path, "rb") as file:
        text = file.read()
    server = NameServer(int(port))
    found = verify(text, server)
    for tags, wrong in found:
        print(f"{KINDS.get(tags.get('a'), tags.get('a'))} signature of {tags.get('d')} (selector {tags.get('s')}): {wrong or 'good'}")
    changed = [wrong for _, wrong in verify(with_a_byte_changed(text), server)]
    bad = [wrong.split(" (")[0] for wrong in changed if wrong]
    print(f"with one byte of the body changed: {len(bad)} of {len(changed)} bad" + "".join(f", {wrong}" for wrong in sorted(set(bad))))
    right = len(found) == int(count) == len(bad) and all(wrong is None for _, wrong in found)
    if not right:
        print(f"that is not what it should be: {count} signatures, good as the message came, and bad with a byte changed")
    sys.exit(0 if right else 1)


if __name__ == "__main__":
    main()
