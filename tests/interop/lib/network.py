"""A network of a script's own, made by the kernel for its process and all that it starts: what it adds there is gone
with it."""

import os
import subprocess
import sys

_MARK = "SLUICE_OWN_NETWORK"


def own_network(*routes):
    """Starts the script again inside of one, with its loopback up and ROUTES ("local fd00:5::/64 dev lo") added.  Where
    that is so already, does nothing.  False: this machine does not let one be made."""
    if os.environ.get(_MARK):
        return True
    if subprocess.run(["unshare", "--net", "true"], capture_output=True, check=False).returncode != 0:
        return False
    steps = ["ip link set lo up", *(f"ip {'-6 ' if ':' in route else ''}route add {route}" for route in routes), 'exec "$@"']
    os.environ[_MARK] = "1"
    os.execvp("unshare", ["unshare", "--net", "sh", "-ec", "\n".join(steps), "sh", sys.executable, *sys.argv])
