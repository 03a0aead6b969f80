"""The configuration of an nsd that lives in a folder of its own, started as root or by anybody, and answers one client as often as
it asks.  As a program, for tools/try:
becomes that nsd.

    nsd_config.py FOLDER PORT ZONE...      (their files are FOLDER/ZONE)
"""

import os
import sys

PROGRAM = "/usr/sbin/nsd"

CONFIG = """\
server:
  ip-address: 127.0.0.1@{port}
  do-ip6: no
  username: ""
  chroot: ""
  zonesdir: "{path}"
  database: ""
  pidfile: ""
  zonelistfile: "{path}/zone.list"
  xfrdfile: "{path}/xfrd.state"
  xfrdir: "{path}"
  cookie-secret-file: ""
  server-count: 1
  ipv4-edns-size: 1232
  hide-version: yes
  rrl-ratelimit: 0
remote-control:
  control-enable: no
"""
ZONE = """\
zone:
  name: "{zone}"
  zonefile: "{file}"
"""


def write_config(path, port, files):
    """Returns the command of an nsd that stays in the foreground.  FILES: zone files by zone."""
    place = os.path.join(path, "nsd.conf")
    with open(place, "w", encoding="utf-8") as file:
        file.write(CONFIG.format(port=port, path=path))
        for zone, name in files.items():
            file.write(ZONE.format(zone=zone, file=name))
    return [PROGRAM, "-d", "-c", place]


if __name__ == "__main__":
    folder, number, *zones = sys.argv[1:]
    start = write_config(folder, int(number), {zone: os.path.join(folder, zone) for zone in zones})
    os.execv(start[0], start)
