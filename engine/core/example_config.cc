#include "engine/core/example_config.h"

namespace sluice::core {

const std::string_view kExampleConfig = R"toml(# Sluice: the configuration.
#
# A line that begins with "#key =" shows a default: take the "#" away to change it.
# Only one thing has to be said: where mail goes on to (the first lines of [[route]]).
# Check a change with `sluice check`, then bring it into force with `sluicectl reload`.
# Sessions that are open go on under the rules that they began with.

[server]
# The name in the greeting and in Received. Default: the machine's full name.
#hostname = "relay.example.net"

# Threads that relay mail, one on each CPU. 0: as many as there are CPUs. Needs a restart.
#cores = 0
# Threads for what would make a core wait: password hashes, the accounts' file, name look-ups.
# Needs a restart.
#workers = 4

# Whom to become after the ports are open, when started as root; an empty group is the user's
# own. Need a restart.
#user = "sluice"
#group = ""

# Where what must outlive a restart is kept, and the socket that sluicectl talks to. Need a restart.
#state_dir = "/var/lib/sluice"
#control = "/run/sluice/control.sock"

# A page that explains your policy. Refusals for a limit name it.
#policy_url = "https://www.example.net/mail-policy"

# At a stop, how long sessions may take to finish.
#drain_s = 30

[store]
# Customers, domains and accounts: a file that `sluicectl customer`, `domain` and `account` edit.
# This section needs a restart.
#accounts = "/var/lib/sluice/accounts.db"
# How many logins each core remembers, and for how long: right ones, wrong ones. What sluicectl
# changes is noticed within a second all the same.
#cached_logins = 32768
#granted_ttl_s = 300
#refused_ttl_s = 10

[tls]
# A directory as ACME clients write it: HOST/fullchain.pem and HOST/privkey.pem, a wildcard's
# under _.example.com. A certificate is loaded when its name is first asked for, and again when
# its files change.
#certificates = "/etc/sluice/tls"
# Whose certificate to show to a client that names no host, or one that is not known.
# Empty: such a client gets no TLS.
#default_host = "relay.example.net"
# "1.2" or "1.3".
#min_version = "1.2"
# Let clients resume a session without a full handshake.
#tickets = true
# How many certificates each core keeps loaded.
#hosts_loaded = 10000

[limits]
# The longest message, told by SIZE (RFC 1870). At least 65536.
#message_bytes = 52428800
# Recipients of one message, told by LIMITS RCPTMAX (RFC 9422). Those beyond get 452, so that a
# client sends the message again for them; after so many of those the session is closed.
#recipients_per_message = 50
#recipients_over = 1000
# The longest header of a message.
#header_bytes = 262144

# Sessions at one time: on each core, and from one client address on each core.
#sessions_per_core = 20000
#sessions_per_address = 200

# Commands that are wrong, that do nothing (NOOP, RSET, EHLO), and logins that fail, until a
# session is closed.
#bad_commands = 10
#idle_commands = 100
#auth_failures = 3

# Patience with a client, in seconds: between two commands; from the start until it has logged
# in; for the TLS handshake; between two pieces of a message; to read our replies.
#idle_s = 300
#unauthenticated_s = 120
#handshake_s = 30
#data_s = 180
#reply_s = 120

# Where clients come in. Without any [[listener]] these two are in force:
#
# [[listener]]
# address = ["0.0.0.0:25", "[::]:25", "0.0.0.0:587", "[::]:587", "0.0.0.0:5190", "[::]:5190"]
# tls = "starttls"
#
# [[listener]]
# address = ["0.0.0.0:465", "[::]:465"]
# tls = "implicit"
#
# Other addresses need a restart; the rest of a listener does not. All its keys:
#
#[[listener]]
#address = ["0.0.0.0:587", "[::]:587"]
# "starttls": plain at first, the client asks for TLS. "implicit": TLS from the first byte on.
# "none": never.
#tls = "starttls"
# Refuse everything before TLS, even from trusted networks.
#require_tls = false
# "tls": log in inside TLS only. "clear": without TLS too, for whoever listens in to read.
# "off": not at all.
#auth = "tls"
# true: whoever is not in `trusted` has to log in. false: nobody can, only `trusted` may send.
#require_auth = true
# Networks whose hosts need no login, and the domains that they may send as: "example.com" is
# that domain alone, "*.example.com" is all below it. No domains: any.
#trusted = ["192.0.2.0/24", "2001:db8::/32"]
#trusted_domains = ["example.com", "*.example.com"]
# Load balancers that speak the PROXY protocol (version 1 or 2): from these it is required, from
# all others it is refused.
#proxy = ["10.0.0.0/8"]
# Leave the client's address out of Received.
#hide_client = false
# Take lines of text that are longer than 998 octets (RFC 5322 section 2.1.1).
#long_lines = false
# Wait before the greeting, and refuse who talks first.
#greet_delay_ms = 0

# Where mail goes on to.
[[route]]
#name = "default"
# "HOST:PORT"; without a port, 25. Several are used in turn, and one that fails is left alone
# for a while.
hosts = ["mx1.farm.example:25", "mx2.farm.example:25"]
# Instead of hosts: keep all mail here, in a Maildir. For trying things out.
#maildir = ""

# "none"; "opportunistic": where the host offers it, whatever its certificate; "required": or
# nothing is sent.
#tls = "opportunistic"
# Where TLS is required: check the host's certificate, against these authorities ("": the system's).
#verify = true
#ca_file = ""
# Log in there. The password is the first line of the file. Needs tls = "required", unless all
# hosts are on this machine.
#login = ""
#password_file = ""

# Send with BDAT (RFC 3030) where the host offers it.
#chunking = true
# Connections to one host, from each core; messages on one connection (0: no limit); sessions of
# each core that may wait for a connection.
#connections_per_host = 20
#messages_per_connection = 0
#waiting = 1000
# Patience with a host, in seconds: to connect; for an idle connection to be of use; for its
# replies; for the go-ahead to send a message; to take a piece of it; for the last word on it.
#connect_s = 30
#idle_s = 60
#reply_s = 300
#data_s = 120
#block_s = 180
#final_s = 600

[log]
# "-" is standard error. A file is opened again at `sluicectl reload` and at SIGHUP.
#file = "-"
# "json" or "logfmt"; lines of this level and above: "debug", "info", "warning", "error".
#format = "json"
#level = "info"
)toml";

}  // namespace sluice::core
