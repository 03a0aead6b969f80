"""Strange messages, each from a number: what a DKIM signer and its verifiers may be given. In all of them lines end with
CRLF and with nothing else, as the relay passes none on that do not."""

import random

BLANKS = (b" ", b"\t", b"  ", b" \t ", b"\t\t")
SIGNED = (
    b"To", b"Cc", b"Subject", b"Date", b"Message-ID", b"Reply-To", b"MIME-Version", b"Content-Type", b"Content-Transfer-Encoding",
    b"Content-Disposition", b"Sender", b"In-Reply-To", b"References", b"Resent-From", b"Resent-To", b"Resent-Date", b"List-Id",
    b"List-Unsubscribe", b"List-Unsubscribe-Post", b"List-Help", b"List-Archive", b"Feedback-ID",
)  # fmt: skip
UNSIGNED = (b"Received", b"Return-Path", b"X-Any", b"Authentication-Results", b"DKIM-Signature-Not", b"Bcc", b"X", b"Comments")
OVERSIGNED = (b"From", b"To", b"Cc", b"Subject", b"Date", b"Message-ID", b"Reply-To", b"MIME-Version", b"Content-Type", b"Content-Transfer-Encoding")


# Which a relay wants to name a customer's own address, or removes where they name no host or its own.
NOT_RELAYED = (b"Sender", b"Resent-From", b"Authentication-Results")


class Message:
    """HEADER: whole lines and an empty one, or without that; BODY. What a receiver gets has a line end at its end. RELAYED: as a
    relay takes it of a customer and passes it on, but for its size: From is clear, and names alone who has sent it."""

    def __init__(self, seed, relayed=False):
        self.seed, self.relayed = seed, relayed
        self.chance = random.Random(seed)
        self.header = b"".join(field + b"\r\n" for field in self.fields())
        self.body = self.make_body()
        # Without a body there may be no empty line either.
        if self.body or self.chance.random() < 0.5:
            self.header += b"\r\n"

    def received(self):
        whole = self.header + self.body
        return whole if whole.endswith(b"\r\n") else whole + b"\r\n"

    def stuffed(self):
        """Header and body as DATA carries them."""
        stuff = lambda text: (b"\r\n" + text).replace(b"\r\n.", b"\r\n..")[2:]  # noqa: E731
        return stuff(self.header), stuff(self.body)

    # ------------------------------------------------------------------------------------------------ header

    def fields(self):
        chance = self.chance
        names = [b"From"]
        signed, unsigned = ([name for name in names if not self.relayed or name not in NOT_RELAYED] for names in (SIGNED, UNSIGNED))
        names += [chance.choice(signed) for _ in range(chance.randrange(0, 14))]
        names += [chance.choice(unsigned) for _ in range(chance.randrange(0, 8))]
        if self.seed % 50 == 7:
            names += [chance.choice((b"To", b"Resent-To", b"References"))] * 60
        chance.shuffle(names)
        fields = [self.field(name) for name in names]
        if self.seed == 111:
            fields += [b"X: %d" % i for i in range(100_000)]
        if self.seed == 212:
            fields += [b"To: %d@a.example" % i for i in range(100_000)]
        if self.seed == 313:
            fields.append(b"Subject:" + b" 0123456789abcdef" * 65_536)
        if self.seed == 414:
            fields.append(b"References:" + b"\r\n\t<0123456789@a.example>" * 40_000)
        return fields

    def field(self, name):
        chance = self.chance
        if chance.random() < 0.3:
            name = chance.choice((name.upper(), name.lower(), name.swapcase()))
        colon = chance.choice((b":", b": ", b": ", b":\t", b":  "))
        clear = self.relayed and name.lower() == b"from"
        if self.seed % 5 == 3 and not clear and chance.random() < 0.3:
            colon = chance.choice((b" ", b"   ")) + colon  # OpenDKIM's library takes no tab there
        if self.seed % 7 == 5 and chance.random() < 0.3:
            colon += b"\r\n "  # folded before anything comes
        return name + colon + (self.author() if name.lower() == b"from" else self.value())

    def author(self):
        """An address that OpenDKIM's library finds, without which it verifies nothing."""
        chance = self.chance
        space = lambda: chance.choice((b" ", b" ", *BLANKS, b"\r\n ", b" \r\n\t"))  # noqa: E731
        words = b"".join(chance.choice((b"Joe", b"of", b"Example", b'"a  b"')) + space() for _ in range(chance.randrange(0, 9)))
        return words + b"<joe@example.com>" + chance.choice((b"", b"", *BLANKS))

    def value(self):
        chance = self.chance
        if chance.random() < 0.05:
            return b""
        pieces = [self.word()]
        for _ in range(chance.randrange(0, chance.choice((3, 30)))):
            pieces.append(chance.choice((b" ", b" ", *BLANKS, b"\r\n ", b"\r\n\t", b" \r\n\t \t", b"\r\n  ")))
            pieces.append(self.word())
        if chance.random() < 0.2:
            pieces.append(chance.choice(BLANKS))
        return b"".join(pieces)

    def word(self):
        chance = self.chance
        kind = chance.random()
        if kind < 0.1:
            return "grüße".encode() if kind < 0.05 else bytes(chance.randrange(128, 256) for _ in range(4))
        if kind < 0.2:
            return chance.choice((b":", b";", b"=", b"<a@b.example>", b"=?utf-8?q?=C3=BC?=", b"b=", b"bh=x;", b".", b"\"a b\"", b"(c)"))
        return bytes(chance.choice(b"abcXYZ0189-_.") for _ in range(chance.randrange(1, 20)))

    # -------------------------------------------------------------------------------------------------- body

    def make_body(self):
        chance = self.chance
        kind = self.seed % 10
        if kind == 0:
            return b""
        if kind == 1:
            return b"\r\n" * chance.randrange(1, 5)
        if kind == 2:
            return b"".join(chance.choice(BLANKS + (b"",)) + b"\r\n" for _ in range(chance.randrange(1, 6)))
        lines = [self.line() for _ in range(chance.randrange(1, chance.choice((4, 40, 400))))]
        text = b"\r\n".join(lines)
        if kind == 3:
            return text  # no end
        if kind == 4:
            return text + chance.choice(BLANKS)  # blanks in place of one
        text += b"\r\n"
        if kind in (5, 6):
            text += b"".join(chance.choice((b"",) + BLANKS) + b"\r\n" for _ in range(chance.randrange(1, 9)))
        return text

    def line(self):
        chance = self.chance
        kind = chance.random()
        if kind < 0.2:
            return b""
        if kind < 0.3:
            return chance.choice(BLANKS)
        if kind < 0.4:
            return b"." * chance.randrange(1, 4) + (self.word() if chance.random() < 0.5 else b"")
        if kind < 0.5:
            return bytes(chance.choice(b"ABCDabcd0123+/") for _ in range(76))
        line = chance.choice((b"", b"", *BLANKS, b" " * 70, b"\t" * 5))
        for _ in range(chance.randrange(1, 20)):
            line += self.word() + chance.choice((b" ", b" ", b" ", *BLANKS))
        return line if chance.random() < 0.3 else line.rstrip(b" \t")
