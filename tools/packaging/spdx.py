#!/usr/bin/env python3
"""Prints what is inside the package as SPDX 2.3 (JSON):   spdx.py VERSION DATE WOLFSSL LIBURING DEPENDS

What is linked statically, with the versions that the program itself names, is contained; what it is linked with dynamically,
DEPENDS as dpkg-shlibdeps writes it, it depends on.  DATE: 2026-11-29T00:00:00Z.
"""

import hashlib
import json
import re
import sys


def package(name, version, license_, **more):
    return {
        "SPDXID": "SPDXRef-" + re.sub(r"[^A-Za-z0-9.]", "-", name),
        "name": name,
        "versionInfo": version,
        "downloadLocation": "NOASSERTION",
        "filesAnalyzed": False,
        "licenseConcluded": license_,
        "licenseDeclared": license_,
        "copyrightText": "NOASSERTION",
        **more,
    }


def relation(of, kind, to):
    return {"spdxElementId": of, "relationshipType": kind, "relatedSpdxElement": to}


def main(version, date, wolfssl, liburing, depends):
    own = package("sluice", version, "GPL-2.0-or-later", supplier="Organization: the Sluice developers")
    inside = [
        package("wolfSSL", wolfssl, "GPL-2.0-or-later", comment="linked statically; Debian's source with its security patches"),
        package("liburing", liburing, "MIT", comment="linked statically; Debian's source"),
    ]
    needed = []
    for name, wanted in re.findall(r"([a-z0-9][a-z0-9.+-]*)(?:\s+\(([^)]*)\))?", depends):
        needed.append(package(name, wanted or "NOASSERTION", "NOASSERTION", comment="linked dynamically"))
    relations = [relation("SPDXRef-DOCUMENT", "DESCRIBES", own["SPDXID"])]
    relations += [relation(own["SPDXID"], "CONTAINS", each["SPDXID"]) for each in inside]
    relations += [relation(own["SPDXID"], "DEPENDS_ON", each["SPDXID"]) for each in needed]
    packages = [own, *inside, *needed]
    name = hashlib.sha256(json.dumps(packages, sort_keys=True).encode()).hexdigest()
    document = {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": f"sluice-{version}",
        "documentNamespace": f"https://spdx.org/spdxdocs/sluice-{version}-{name[:32]}",
        "creationInfo": {"created": date, "creators": ["Tool: tools/package"]},
        "packages": packages,
        "relationships": relations,
    }
    print(json.dumps(document, indent=1))


if __name__ == "__main__":
    main(*sys.argv[1:])
