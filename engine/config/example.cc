#include "engine/config/example.h"

#include <array>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "engine/config/config.h"
#include "engine/net/proxy_protocol.h"
#include "engine/smtp/limits.h"
#include "engine/text/figures.h"

namespace sluice::config {

namespace {

// What stands between "$(" and ")" is a figure, and is put in when the text is made; behind every number its range is.
constexpr std::string_view kText = R"toml(# Sluice: the configuration.
#
# A line that begins with "#key =" shows a default: take the "#" away to change it.
# Only one thing has to be said: where mail goes on to (the hosts of [[route]]).
# Behind each number is what it may be.
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

# The user to run as after the ports are open, when started as root; an empty group is the user's
# own. Members of the group may use the control socket. Need a restart.
#user = "sluice"
#group = ""

# Where what must outlive a restart is kept, and the socket that sluicectl talks to. Need a restart.
#state_dir = "/var/lib/sluice"
#control = "/run/sluice/control.sock"

# A page that explains your policy. Refusals for a limit name it.
#policy_url = "https://www.example.net/mail-policy"

# At a stop, how long sessions may take to finish; then clients get 421, or 250 where their message is kept.
#drain_s = 30

[store]
# Customers, domains and accounts: a file that `sluicectl customer`, `domain` and `account` edit.
# This section needs a restart.
# Default: "accounts.db" in server.state_dir.
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
# Whose certificate to show to a client that names no host, or one that is not known. Empty: that of
# server.hostname, or else of the first host in the directory, or else one that is made at the start
# and self-signed.
#default_host = "relay.example.net"
# "1.2" or "1.3": clients that speak no version from here on are refused. A route has its own, for next hops.
#min_version = "1.2"
# Let clients resume a session without a full handshake.
#tickets = true
# How many certificates are kept loaded.
#hosts_loaded = 10000

[limits]
# The longest message, announced by SIZE (RFC 1870). What is longer is read to its end and then refused with
# 552; $(surplus bytes) beyond the limit it is refused at once, and the session closed.
#message_bytes = 52428800
# Recipients of one message, announced by LIMITS RCPTMAX (RFC 9422). Those beyond get 452, so that a
# client sends the message again for them; after so many of those the session is closed.
#recipients_per_message = 50
#recipients_over = 1000
# The longest header of a message.
#header_bytes = 262144
# A message with so many Received fields goes in a loop: 554 5.4.6. RFC 5321 section 6.3 asks for at
# least 100.
#received_fields = 100

# Sessions at one time: on each core, and from one client address on each core. Those beyond get 421.
#sessions_per_core = 20000
#sessions_per_address = 200
# How many of them may be in an unfinished TLS handshake: fewer, so that there is room for others. Those beyond get 421,
# where they have not begun TLS yet.
#handshakes_per_core = 5000
#handshakes_per_address = 50
# So many bits of an IPv6 address are one client address, for these limits.
#ipv6_prefix = 64
# Connections to next hops at one time, on each core. Where the process may not have enough open
# files for these and for the sessions, both are reduced at the start, and the log says so.
#outgoing_per_core = 10000

# Commands that are wrong, that do nothing (NOOP, RSET, EHLO), and logins that fail, until a
# session is closed.
#bad_commands = 10
#idle_commands = 100
#auth_failures = 3

# Timeouts for a client, in seconds: between two commands; from the start until it has logged
# in; for the TLS handshake; for a command that was begun, to its end; between two pieces of a message; to read our
# replies. data_bytes_per_s is the pace that a message must keep, and may fall behind by data_s (0: any pace).
#idle_s = 300
#unauthenticated_s = 120
#handshake_s = 30
#command_s = 60
#data_s = 180
#data_bytes_per_s = 100
#reply_s = 120

# Where clients come in. Without any [[listener]] these two are in force:
#
# [[listener]]
# address = [$(starttls addresses)]
# tls = "starttls"
#
# [[listener]]
# address = [$(implicit addresses)]
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
# "tls": log in inside TLS only. "clear": without TLS too, readable by any eavesdropper.
# "off": not at all.
#auth = "tls"
# true: clients that are not in `trusted` have to log in. false: none can, only `trusted` may send.
#require_auth = true
# Networks whose hosts need no login, and the domains that they may send as: "example.com" is
# that domain alone, "*.example.com" is all below it. No domains: any.
#trusted = ["192.0.2.0/24", "2001:db8::/32"]
#trusted_domains = ["example.com", "*.example.com"]
# Load balancers that speak the PROXY protocol (version 1 or 2, up to $(proxy bytes) bytes behind the header
# of version 2): from these it is required, from all others it is refused.
#proxy = ["10.0.0.0/8"]
# Leave the client's address out of Received.
#hide_client = false
# Take lines of text that are longer than $(line bytes) bytes (RFC 5322 section 2.1.1). Default: true where a
# login is asked for, else false.
#long_lines = true
# A line that ends in LF without CR: "normalise": its end becomes CRLF before anything else looks at
# it; "refuse". A CR without LF is always refused, and nothing but CRLF.CRLF ends a message. Default:
# "normalise" where a login is asked for, else "refuse".
#line_ends = "normalise"
# A Sender, Author, Resent-From or Resent-Sender field that is not of the submitter's domains:
# "refuse" the message, or "drop" the field. Two Sender fields are refused.
#foreign_sender = "refuse"
# An address of another domain in the name or in a comment of From, where readers show it: "refuse"
# the message; "mark" it with a field X-Sluice-Foreign-Name; or "allow" it. One that is not in quotes
# is refused. So counts a name in a charset that is not known, and one whose letters are reordered.
#foreign_name = "refuse"
# Wait before the greeting, and refuse a client that talks first. 0: neither.
#greet_delay_ms = 0

# Where mail goes on to. Each recipient takes the first [[route]] in this file whose conditions all
# hold. The last has none, and takes what is left; it may be the only one. Others stand before it:
#
# [[route]]
# name = "partner"
# recipients = ["partner.example", "*.partner.example"]
# hosts = ["mx.partner.example"]
# tls = "required"
#
# [[route]]
# name = "direct"
# customers = ["Example Ltd"]
# mx = true
#
[[route]]
# Shown in the log and by sluicectl. Each route has its own.
#name = "default"

# Conditions, not in the last route: of each list that is there, one entry must hold. "example.com"
# is that domain alone, "*.example.com" is all below it, "[192.0.2.1]" is an address literal, and
# "<>" is the sender of reports. Customers are those who have logged in; `trusted` hosts are none.
#recipients = ["example.com", "*.example.com", "[192.0.2.1]"]
#senders = ["example.org", "<>"]
#customers = ["Example Ltd"]

# "HOST:PORT"; without a port, $(port). Several are used in turn, by their weight ($(weights), else $(weight)),
# and one that fails is left alone for a while: {host = "mx1.farm.example:25", weight = 3}
hosts = ["mx1.farm.example:25", "mx2.farm.example:25"]
# Instead of hosts: straight to the recipients' own servers, which DNS tells (MX records), at this
# port, by IPv6 where there is any.
#mx = false
#port = 25
#ipv6 = true
# Instead of hosts: keep all mail here, in a Maildir. For trying things out.
#maildir = ""

# When the client gets 250. "through": when the next hop has taken the message, where all its
# recipients share one; nothing is written to a disk. "store": when it is in the spool; delivered
# from there.
#mode = "through"
# With "through". "late": we answer for each recipient, and talk with the next hop once the message
# comes; a recipient that is refused then, where others are not, is reported to the sender. "eager": the next hop
# is asked before each recipient is answered, which takes its time.
#dialog = "late"
# With "through", a next hop that fails or says 4xx: true: the message goes to the spool, and is
# tried again from there. false: the client gets 451, and keeps it.
#fallback = true
# Pass the login on to the next hop: "auth" (the AUTH= of RFC 4954) or "xclient" (XCLIENT), where
# it offers that. Only for hosts of your own that take your word for it, and with tls = "required"
# unless the network in between is yours, too: else an eavesdropper learns your customers' logins.
#identify = "none"

# Transmissions at one time, and messages begun in a second (0: no limit), to one destination from
# each core. A destination is the route or, with mx = true, one recipients' domain: then the default
# is $(mx concurrency) at one time.
#concurrency = 20
#rate_per_s = 0

# "none"; "opportunistic": where the host offers it, whatever its certificate; "required": or
# nothing is sent.
#tls = "opportunistic"
# "1.2" or "1.3": with a host that speaks no version from here on, TLS fails.
#tls_min_version = "1.2"
# Where TLS is required: check the host's certificate, against these authorities ("": the system's).
#verify = true
#ca_file = ""
# Log in there. The password is the first line of the file. Needs tls = "required", unless all
# hosts are on this machine.
#login = ""
#password_file = ""

# Send with BDAT (RFC 3030) where the host offers it.
#chunking = true
# Text with bytes beyond ASCII, to a host that does not offer 8BITMIME: "convert" it to
# quoted-printable or base64, which no signature over it survives (that of a DKIM field, of
# multipart/signed); "pass" it on as it is; or "refuse" it. A message over 64 KB for such a host is
# written to the spool first, unless fallback = false.
#eight_bit = "convert"
# Connections to one host, from each core; messages on one connection (0: no limit); sessions of
# each core that may wait for a connection. After 10 messages on one connection Exim takes more, but
# leaves them to its next queue run; others close. Raise it for hosts of your own that do neither.
#connections_per_host = 20
#messages_per_connection = 10
#waiting = 1000
# Timeouts for a host, in seconds: to connect; for an idle connection to be of use; for its
# replies; for the go-ahead to send a message; to take a piece of it; for the last word on it.
#connect_s = 30
#idle_s = 60
#reply_s = 300
#data_s = 120
#block_s = 180
#final_s = 600

# Where messages are kept that are still to be delivered. This section needs a restart, but for
# when_full.
[spool]
# Default: "spool" in server.state_dir.
#directory = "/var/lib/sluice/spool"
# "synced": on the disk before a client gets 250. "unsynced": faster on slow disks, and a power
# loss or a crash of the machine loses mail that was answered 250, without a trace.
#durability = "synced"
# The size of its files, a multiple of $(block bytes). Each core has two at least: one is kept in
# reserve, so that a spool that is full can be emptied with no other space.
#segment_bytes = 67108864
# With less than this free on its disk, the spool takes no new messages until there is more.
#free_bytes_min = 536870912
# What becomes of new messages while the spool takes none, for this or because its disk is full:
# "refuse": MAIL gets 452; "cut_through": where a route has mode "through", they are passed on
# without the spool behind them, as with fallback = false: the next hop's answer to each recipient
# is the client's. All other recipients get 452.
#when_full = "refuse"
# What one message under way may hold in memory, until the next hop has taken it; beyond, it is
# written to the spool, unsynced.
#memory_bytes = 1048576

# When messages in the spool are tried again, and when no more.
[queue]
# Seconds to wait after each try that failed; the last one repeats.
#retry_s = [300, 900, 1800, 3600, 7200, 14400]
# Make each wait so much longer or shorter, by chance, so that messages do not come in crowds.
#jitter_percent = 20
# After this time ($(expire days) days) a message goes back to its sender.
#expire_s = 345600
# After this time the sender is told that it is late (0: never), if RFC 3461 NOTIFY lets us.
#delay_report_s = 14400
# Deliveries at one time, from each core.
#running = 500
# How long a destination is left alone when it fails: at first; at most, each time twice as long.
#suspend_first_s = 60
#suspend_max_s = 3600

# Reports to senders about what became of their mail (RFC 3464).
[reports]
# Their sender in From. Default: MAILER-DAEMON at server.hostname.
#from = "postmaster@relay.example.net"
# The most that the senders of one customer get in an hour.
#per_customer_hour = 200
# Which [[route]] they take, by its name, whatever conditions it has: a way back to your customers that does not
# depend on how their own mail leaves. They are kept and tried again like other mail. Default: the route of other
# mail of that customer that has the sender "<>".
#route = "default"

# For MX records and the addresses of next hops. This section needs a restart.
[dns]
# "IP" or "IP:PORT". Default: those of /etc/resolv.conf.
#servers = ["192.0.2.53:53"]
# How long to wait for a server's answer, and how often to ask.
#timeout_ms = 5000
#tries = 2
# Networks to which no mail goes, whatever a recipient's domain or an address literal names; an IPv4 address that is
# embedded in an IPv6 one counts too. Default: all special-purpose ranges of IANA: loopback, private, link-local,
# unique-local, shared, documentation, translated, multicast. A list of your own replaces all of them, so that hosts of
# your own private network can be reached. 0.0.0.0, :: and the addresses of this machine, as they are at the moment, are
# always this relay itself.
#unwanted = ["127.0.0.0/8", "::1", "169.254.0.0/16", "fe80::/10"]

[log]
# "-" is standard error. A file is opened again at `sluicectl reload`, at SIGHUP and at SIGUSR1, and
# by itself once it is renamed or removed.
#file = "-"
# "json" or "logfmt"; lines of this level and above: "debug", "info", "warning", "error". What became of messages and
# sessions, and the ids that replies showed, are of level "info".
#format = "json"
#level = "info"
)toml";

std::string count(std::int64_t number) { return std::to_string(number); }

// "8 MiB", where it is a whole number of such, else "65537".
std::string bytes(std::int64_t number) {
  constexpr std::array<std::string_view, 4> kUnits{" KiB", " MiB", " GiB", " TiB"};
  std::string_view unit;
  for (const std::string_view larger : kUnits) {
    if (number == 0 || number % 1024 != 0) break;
    number /= 1024;
    unit = larger;
  }
  return count(number) + std::string(unit);
}

std::string range_text(std::string_view key, const ConfigRange& range) {
  const bool of_bytes = key.ends_with("_bytes") || key.contains("_bytes_");
  return of_bytes ? bytes(range.min) + " to " + bytes(range.max) : count(range.min) + " to " + count(range.max);
}

std::string addresses(const ListenerConfig& listener) {
  std::string text;
  for (const io::Address& address : listener.addresses)
    text += (text.empty() ? "\"" : ", \"") + address.to_string() + "\"";
  return text;
}

// "limits" of "[limits]", "#[[listener]]"; empty for other lines.
std::string_view section_of(std::string_view line) {
  if (line.starts_with('#')) line.remove_prefix(1);
  if (!line.starts_with('[') || !line.ends_with(']')) return {};
  const std::size_t begin = line.find_first_not_of('[');
  return line.substr(begin, line.find(']') - begin);
}

// "idle_s" of "#idle_s = 300"; empty for other lines.
std::string_view key_of(std::string_view line) {
  if (line.starts_with('#')) line.remove_prefix(1);
  const std::size_t end = line.find(" = ");
  return end == std::string_view::npos || line.substr(0, end).contains(' ') ? std::string_view() : line.substr(0, end);
}

std::string with_ranges(std::string_view text) {
  const auto ranges = config_ranges();
  std::string result;
  std::string section;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end + 1);
    if (const std::string_view name = section_of(line); !name.empty()) section = name;
    result += line;
    const auto range = ranges.find(section + "." + std::string(key_of(line)));
    if (range != ranges.end()) result += "  # " + range_text(range->first, range->second);
    result += '\n';
  }
  return result;
}

std::string make_example() {
  const Config defaults = default_config();
  const auto weight = config_ranges().at("route.hosts.weight");
  const auto days = std::chrono::duration_cast<std::chrono::days>(defaults.queue.expire).count();
  return with_ranges(text::with_figures(kText, {{"starttls addresses", addresses(defaults.listeners.at(0))},
                                                {"implicit addresses", addresses(defaults.listeners.at(1))},
                                                {"line bytes", count(smtp::kTextLineBytesMax)},
                                                {"surplus bytes", bytes(smtp::kContentSurplusBytesMax)},
                                                {"proxy bytes", count(net::kProxyV2BodyBytesMax)},
                                                {"port", count(route::NextHopHost{}.port)},
                                                {"weights", range_text("weight", weight)},
                                                {"weight", count(route::NextHopHost{}.weight)},
                                                {"mx concurrency", count(kMxConcurrency)},
                                                {"block bytes", count(spool::kBlockBytes)},
                                                {"expire days", count(days)}}));
}

}  // namespace

const std::string kExampleConfig = make_example();

}  // namespace sluice::config
