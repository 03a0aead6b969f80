"""Postfix for the benchmarks: one of its own below the bed's directory, which relays all that loopback sends."""
import os
import pathlib
import subprocess

import bed

MAIN_CF = """
compatibility_level = 3.6
queue_directory = {path}/queue
data_directory = {path}/data
maillog_file = {path}/log
maillog_file_prefixes = /
mynetworks = 127.0.0.0/8
myhostname = postfix.bench.example
mydestination =
relayhost = [127.0.0.1]:{sink}
smtpd_recipient_restrictions = permit_mynetworks, reject
smtpd_client_connection_count_limit = 0
smtpd_client_connection_rate_limit = 0
default_destination_concurrency_limit = 100
smtp_destination_concurrency_limit = 100
initial_destination_concurrency = 20
max_use = 1000000
max_idle = 3600
disable_dns_lookups = yes
smtputf8_enable = no
inet_protocols = ipv4
alias_maps =
{main_cf}
"""
MASTER_CF = """
127.0.0.1:{port} inet n - n - 300 smtpd
{services}
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - 100 smtp
error unix - - n - - error
retry unix - - n - - error
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
showq unix n - n - - showq
"""


def start(test, next_hop_port, main_cf='', milters=()):
    """(its first process, ports): the first port is of smtpd alone, and one each follows for `milters` ("inet:127.0.0.1:8891"),
    which see the mail that comes in there. `main_cf`: further lines of it."""
    path, ports = os.path.join(test.directory, 'postfix'), [bed.free_port() for _ in range(1 + len(milters))]
    for name in ('etc', 'queue', 'data'):
        os.makedirs(os.path.join(path, name))
    os.chmod(test.directory, 0o755)
    os.chmod(path, 0o755)
    subprocess.run(['chown', 'postfix', os.path.join(path, 'data')], check=True)
    services = [f'127.0.0.1:{port} inet n - n - 300 smtpd\n -o smtpd_milters={milter}' for port, milter in zip(ports[1:], milters)]
    pathlib.Path(path, 'etc', 'main.cf').write_text(MAIN_CF.format(path=path, sink=next_hop_port, main_cf=main_cf))
    pathlib.Path(path, 'etc', 'master.cf').write_text(MASTER_CF.format(port=ports[0], services='\n'.join(services)))
    place = ['-c', os.path.join(path, 'etc')]
    subprocess.run(['postfix', *place, 'check'], check=True, capture_output=True, timeout=60)
    return test.start(['/usr/lib/postfix/sbin/master', *place], ports[0]), ports
