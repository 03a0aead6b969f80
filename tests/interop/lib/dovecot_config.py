"""The configuration of a Dovecot that lives in a folder of its own, for Dovecot 2.3 (Debian 12) and 2.4 (Debian 13), started
as root or by anybody.  As a program, for tools/try: writes it, with one user, and becomes that Dovecot.

    dovecot_config.py FOLDER POP3S-PORT CERTIFICATE KEY USER      (the password is read from standard input)
"""

import base64
import grp
import os
import pwd
import re
import subprocess
import sys

PROGRAM = "/usr/sbin/dovecot"

# What both versions read alike.  The penalty of anvil makes each wrong password from an address slower than the one before.
BOTH = """\
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
auth_verbose = yes
auth_debug = yes
auth_failure_delay = {failure_delay_s} secs
auth_mechanisms = {mechanisms}
protocols = {protocols}
listen = {address}
login_trusted_networks = {trusted}
ssl = {ssl}
mail_max_userip_connections = {connections_per_user}
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = {penalty_mode}
  }}
}}
service auth {{
  unix_listener auth-client {{
    mode = 0666
  }}
  unix_listener auth-userdb {{
    mode = 0777
  }}
  inet_listener auth-client {{
    port = {auth}
  }}
}}
"""
LOGIN_SERVICE = """\
service {protocol}-login {{
  chroot = {chroot}
  inet_listener {protocol} {{
    port = {clear}
  }}
  inet_listener {protocol}s {{
    port = {tls}
    ssl = yes
  }}
}}
"""
OF_2_3 = """\
disable_plaintext_auth = {clear_refused}
mail_location = maildir:~/Maildir
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%u {folder}/users
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={folder}/mail/%u
}}
"""
TLS_2_3 = """\
ssl_cert = <{certificate}
ssl_key = <{key}
"""
OF_2_4 = """\
auth_allow_cleartext = {clear_allowed}
mail_driver = maildir
mail_path = ~/Maildir
passdb passwd-file {{
  passwd_file_path = {folder}/users
  default_password_scheme = PLAIN
  auth_username_format = %{{user}}
}}
userdb static {{
  fields {{
    uid = {uid}
    gid = {gid}
    home = {folder}/mail/%{{user}}
  }}
}}
"""
VERSION_2_4 = """\
dovecot_config_version = 2.4.0
dovecot_storage_version = 2.4.0
"""
TLS_2_4 = """\
ssl_server_cert_file = {certificate}
ssl_server_key_file = {key}
"""
# All processes are the caller's own: nothing can be confined.
NOT_ROOT = """\
default_internal_user = {me}
default_internal_group = {group}
default_login_user = {me}
first_valid_uid = 1
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
"""


def version():
    """(2, 3) or (2, 4)."""
    said = subprocess.run([PROGRAM, "--version"], capture_output=True, text=True, check=True, timeout=30).stdout
    return tuple(int(number) for number in re.match(r"(\d+)\.(\d+)", said).groups())


def mechanisms():
    """Those of a Dovecot that is not told otherwise: 2.4 has no APOP."""
    return "plain login" if version() >= (2, 4) else "plain login apop"


def write_users(folder, users):
    """USERS: name -> password, or (password, extra fields of the passdb).  Read again by Dovecot when it changes."""
    lines = []
    for name, password in users.items():
        password, extra = password if isinstance(password, tuple) else (password, "")
        coded = base64.b64encode(password.encode()).decode()
        lines.append(f"{name}:{{PLAIN.b64}}{coded}::::::{extra}\n")
    with open(os.path.join(folder, "users.new"), "w", encoding="utf-8") as file:
        file.writelines(lines)
    os.chmod(file.name, 0o644)  # its auth process has a user of its own
    os.replace(file.name, os.path.join(folder, "users"))


def write_config(folder, ports, users, tls=None, **options):
    """Returns the command of a Dovecot that stays in the foreground.  PORTS: of pop3, pop3s, imap,
    imaps and auth; a protocol without any is left out.
    TLS: (certificate, key).  OPTIONS: see DEFAULTS."""
    defaults = {
        "address": "127.0.0.1",
        "mechanisms": mechanisms(),
        "trusted": "",  # networks whose clients may say who their own client is: XCLIENT, ID, rip=
        "clear_refused": False,  # passwords in clear, from another address than its own
        "failure_delay_s": 0,
        "connections_per_user": 10,  # from one address
        "penalty": False,
    }
    new = version() >= (2, 4)
    values = {**defaults, **options}
    root = os.geteuid() == 0
    mail_owner = pwd.getpwnam("nobody") if root else pwd.getpwuid(os.getuid())
    refused = values["clear_refused"]
    protocols = [name for name in ("pop3", "imap") if name in ports or name + "s" in ports]
    values.update(
        folder=folder, auth=ports.get("auth", 0), protocols=" ".join(protocols),
        ssl="yes" if tls else "no", certificate=tls and tls[0], key=tls and tls[1],
        uid=mail_owner.pw_uid, gid=mail_owner.pw_gid,
        me=pwd.getpwuid(os.getuid()).pw_name, group=grp.getgrgid(os.getgid()).gr_name,
        clear_refused="yes" if refused else "no", clear_allowed="no" if refused else "yes",
        penalty_mode="0600" if values["penalty"] else "0")  # fmt: skip
    parts = [VERSION_2_4] if new else []
    parts += [BOTH, OF_2_4 if new else OF_2_3]
    if tls:
        parts.append(TLS_2_4 if new else TLS_2_3)
    if not root:
        parts.append(NOT_ROOT)
    text = "".join(part.format(**values) for part in parts)
    for name in protocols:
        text += LOGIN_SERVICE.format(
            protocol=name, chroot="login" if root else "", clear=ports.get(name, 0), tls=ports.get(name + "s", 0)
        )
    for name in ("mail", "state"):
        os.makedirs(os.path.join(folder, name), exist_ok=True)
    if root:
        os.chown(os.path.join(folder, "mail"), mail_owner.pw_uid, mail_owner.pw_gid)
    write_users(folder, users)
    place = os.path.join(folder, "dovecot.conf")
    with open(place, "w", encoding="utf-8") as file:
        file.write(text)
    return [PROGRAM, "-F", "-c", place]


if __name__ == "__main__":
    place, port, certificate, key, user = sys.argv[1:]
    start = write_config(place, {"pop3s": int(port)}, {user: sys.stdin.readline().rstrip("\n")}, (certificate, key))
    os.execv(start[0], start)
