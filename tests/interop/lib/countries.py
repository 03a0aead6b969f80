"""A database of countries in MaxMind's format (MaxMind DB file format specification 2.0), as small as it gets."""

import ipaddress

RECORD_BYTES = 3
SEPARATOR = bytes(16)
TEXT, UINT16, UINT32, MAP, UINT64, ARRAY = 2, 5, 6, 7, 9, 11


def _field(kind, size, content=b""):
    """For fewer than 29 bytes or elements."""
    return (bytes([kind << 5 | size]) if kind <= 7 else bytes([size, kind - 7])) + content


def _text(text):
    return _field(TEXT, len(text), text.encode("ascii"))


def _number(kind, number):
    content = number.to_bytes((number.bit_length() + 7) // 8, "big")
    return _field(kind, len(content), content)


def _map(**fields):
    return _field(MAP, len(fields), b"".join(_text(key) + value for key, value in fields.items()))


def database(networks):
    """The bytes of a file.  NETWORKS: "192.0.2.0/24" -> "DE"; no two overlap."""
    nodes, data = [[None, None]], b""
    for name, country in networks.items():
        network = ipaddress.ip_network(name)
        bits = network.prefixlen + (96 if network.version == 4 else 0)
        key = int(network.network_address)
        node = 0
        for place in range(bits - 1):
            side = key >> (127 - place) & 1
            if nodes[node][side] is None:
                nodes[node][side] = len(nodes)
                nodes.append([None, None])
            node = nodes[node][side]
        nodes[node][key >> (128 - bits) & 1] = ("data", len(data))
        data += _map(country=_map(iso_code=_text(country)))

    def record(of):
        value = len(nodes) if of is None else of if isinstance(of, int) else len(nodes) + len(SEPARATOR) + of[1]
        return value.to_bytes(RECORD_BYTES, "big")

    tree = b"".join(record(left) + record(right) for left, right in nodes)
    metadata = _map(
        node_count=_number(UINT32, len(nodes)), record_size=_number(UINT16, 8 * RECORD_BYTES),
        ip_version=_number(UINT16, 6), database_type=_text("Test-Country"), languages=_field(ARRAY, 1, _text("en")),
        binary_format_major_version=_number(UINT16, 2), binary_format_minor_version=_number(UINT16, 0),
        build_epoch=_number(UINT64, 1_700_000_000), description=_map(en=_text("a test")))  # fmt: skip
    return tree + SEPARATOR + data + b"\xab\xcd\xefMaxMind.com" + metadata
