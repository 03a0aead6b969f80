// What has no counterpart: each line that no section has shown, with the reason.
#include <algorithm>
#include <array>
#include <optional>

#include "tools/import_postfix/sections.h"

namespace sluice::import_postfix {
namespace {

struct Reason {
  std::string_view names;  // with a "*" at its end: all that begin so
  std::string_view why;
  bool decide = false;  // the operator has to know
};

// The first that fits counts.
constexpr std::array kReasons{
    Reason{"smtpd_milters", "no milter is asked: what it checked or signed is not", true},
    Reason{"non_smtpd_milters", "no milter is asked", true},
    Reason{"milter_*", "no milter is asked"},
    Reason{"content_filter", "no filter is asked: what it checked is not", true},
    Reason{"smtpd_proxy_filter", "no filter is asked: what it checked is not", true},
    Reason{"header_checks", "content is not looked at by patterns", true},
    Reason{"mime_header_checks", "content is not looked at by patterns", true},
    Reason{"nested_header_checks", "content is not looked at by patterns", true},
    Reason{"body_checks", "content is not looked at by patterns", true},
    Reason{"smtp_header_checks", "content is not looked at by patterns"},
    Reason{"mydestination", "no mailbox is here: mail to these domains takes a [[route]] like all other"},
    Reason{"local_*", "no mailbox is here"},
    Reason{"mailbox_*", "no mailbox is here"},
    Reason{"home_mailbox", "no mailbox is here"},
    Reason{"mail_spool_directory", "no mailbox is here"},
    Reason{"alias_*", "no mailbox is here: recipients stay as they are"},
    Reason{"virtual_*", "no mailbox is here: recipients stay as they are"},
    Reason{"recipient_delimiter", "no mailbox is here"},
    Reason{"relocated_maps", "no mailbox is here"},
    Reason{"luser_relay", "no mailbox is here"},
    Reason{"relay_domains", "strangers' mail is not taken for any domain: customers log in"},
    Reason{"relay_recipient_maps", "strangers' mail is not taken for any domain"},
    Reason{"relay_transport", "strangers' mail is not taken for any domain"},
    Reason{"fallback_transport*", "no mailbox is here"},
    Reason{"smtp_fallback_relay", "what a host does not take now waits in the queue", true},
    Reason{"fallback_relay", "what a host does not take now waits in the queue", true},
    Reason{"sender_dependent_default_transport_maps", "see [[route]], senders", true},
    Reason{"smtp_sender_dependent_authentication", "a route has one login for all", true},
    Reason{"smtp_bind_address*", "the machine's routing picks the address", true},
    Reason{"canonical_*", "addresses stay as they are", true},
    Reason{"sender_canonical_*", "addresses stay as they are", true},
    Reason{"recipient_canonical_*", "addresses stay as they are", true},
    Reason{"smtp_generic_maps", "addresses stay as they are", true},
    Reason{"masquerade_*", "addresses stay as they are", true},
    Reason{"always_bcc", "no copy is made of messages", true},
    Reason{"sender_bcc_maps", "no copy is made of messages", true},
    Reason{"recipient_bcc_maps", "no copy is made of messages", true},
    Reason{"append_dot_mydomain", "addresses stay as they are"},
    Reason{"append_at_myorigin", "addresses stay as they are"},
    Reason{"swap_bangpath", "addresses stay as they are"},
    Reason{"allow_percent_hack", "addresses stay as they are"},
    Reason{"remote_header_rewrite_domain", "addresses stay as they are"},
    Reason{"local_header_rewrite_clients", "addresses stay as they are"},
    Reason{"myorigin", "addresses stay as they are"},
    Reason{"biff", "nobody is notified of new mail here"},
    Reason{"strict_rfc821_envelopes", "always so"},
    Reason{"disable_vrfy_command", "always so"},
    Reason{"smtpd_helo_required", "always so"},
    Reason{"smtpd_forbid_*", "always so: only CRLF.CRLF ends a message, and no bare CR or LF goes on"},
    Reason{"smtpd_delay_reject", "refusals come at the command that they are about"},
    Reason{"smtpd_reject_unlisted_*", "who receives mail is the next hop's matter"},
    Reason{"smtpd_banner", "the greeting has the host's name alone"},
    Reason{"smtpd_client_connection_rate_limit",
           "see limits.sessions_per_address, and limits of \"sessions\" in [[class]]"},
    Reason{"smtpd_client_new_tls_session_rate_limit", "see limits.handshakes_per_address"},
    Reason{"smtpd_client_auth_rate_limit", "see [shield]"},
    Reason{"smtpd_client_event_limit_exceptions", "hosts in `trusted` are not counted"},
    Reason{"smtpd_soft_error_limit", "see limits.bad_commands"},
    Reason{"smtpd_error_sleep_time", "see limits.bad_commands"},
    Reason{"smtpd_per_record_deadline", "see limits.data_bytes_per_s"},
    Reason{"smtpd_recipient_overshoot_limit", "see limits.recipients_over"},
    Reason{"smtpd_authorized_*", "no client may say who another client is"},
    Reason{"smtpd_sasl_authenticated_header", "the login is not shown in Received"},
    Reason{"broken_sasl_auth_clients", "\"AUTH=\" is not offered"},
    Reason{"smtpd_sasl_exceptions_networks", "logins are offered to all", true},
    Reason{"smtpd_sasl_*", "see [[backend]] and mechanisms of [[listener]]"},
    Reason{"smtpd_tls_ask_ccert", "see client_ca of [[listener]]"},
    Reason{"smtpd_tls_req_ccert", "see client_ca of [[listener]]: nobody gets in by a certificate alone", true},
    Reason{"smtpd_tls_CA*", "see client_ca of [[listener]]"},
    Reason{"smtpd_tls_fingerprint_digest", "see client_ca of [[listener]]"},
    Reason{"smtpd_tls_dh*", "finite-field Diffie-Hellman is not offered with files of one's own"},
    Reason{"smtpd_tls_*", "suites, tickets and the log of TLS are Sluice's own; see [tls]"},
    Reason{"smtp_tls_*", "suites, sessions and the log of TLS are Sluice's own; see tls of [[route]]"},
    Reason{"smtp_sasl_*", "a login at a next hop is by PLAIN or LOGIN, in TLS"},
    Reason{"tls_*", "suites, keys of tickets and random numbers are Sluice's own"},
    Reason{"tlsproxy_*", "there is no such process"},
    Reason{"postscreen_*", "no test of strangers: they have to log in"},
    Reason{"bounce_queue_lifetime", "reports expire as other mail does: see queue.expire_s"},
    Reason{"queue_run_delay", "each destination has a time of its own: see queue.retry_s"},
    Reason{"default_destination_*", "see concurrency and rate_per_s of [[route]]"},
    Reason{"smtp_destination_*", "see concurrency and rate_per_s of [[route]]"},
    Reason{"initial_destination_concurrency", "see concurrency of [[route]]"},
    Reason{"default_process_limit", "one thread a core serves all sessions: see limits.sessions_per_core"},
    Reason{"smtp_helo_name", "the name in EHLO is server.hostname"},
    Reason{"smtp_*", "see [[route]]"},
    Reason{"lmtp_*", "LMTP is not spoken"},
    Reason{"bounce_*", "see [reports]"},
    Reason{"notify_classes", "see [notify]"},
    Reason{"*_notice_recipient", "see [notify]"},
    Reason{"maillog_*", "see [log]"},
    Reason{"syslog_*", "see [log] and notify.syslog"},
    Reason{"parent_domain_matches_subdomains", "a domain below another is written as \"*.example.com\""},
    Reason{"mynetworks*", "see trusted of [[listener]]"},
    Reason{"smtpd_*", "there is no such setting"},
    Reason{"compatibility_level", "of Postfix itself"},
    Reason{"queue_directory", "of Postfix itself"},
    Reason{"mail_name", "of Postfix itself"},
    Reason{"mail_owner", "of Postfix itself: see server.user"},
    Reason{"setgid_group", "of Postfix itself"},
    Reason{"mail_version", "of Postfix itself"},
    Reason{"*_directory", "of Postfix itself"},
    Reason{"*_path", "of Postfix itself"},
    Reason{"debug*", "of Postfix itself"},
    Reason{"html_*", "of Postfix itself"},
    Reason{"default_database_type", "of Postfix itself"},
    Reason{"inet_protocols", "see address of [[listener]], and ipv6 of [[route]]"},
    Reason{"proxy_interfaces", "addresses of others count as no next hop here only if dns.unwanted names them"},
};

bool fits(std::string_view names, std::string_view name) {
  if (names.starts_with('*')) return name.ends_with(names.substr(1));
  if (names.ends_with('*')) return name.starts_with(names.substr(0, names.size() - 1));
  return name == names;
}

const Reason* reason_of(std::string_view name) {
  const auto* const found =
      std::ranges::find_if(kReasons, [&](const Reason& reason) { return fits(reason.names, name); });
  return found == kReasons.end() ? nullptr : &*found;
}

void write_parameter(const Parameter& parameter, const MainCf& main_cf, Document& document) {
  if (document.has_shown(parameter)) return;
  const Reason* const reason = reason_of(parameter.name);
  const bool overridden = main_cf.find(parameter.name) != &parameter;
  const bool known = is_known(parameter.name);
  // A parameter of the operator's own may hold a secret.
  document.from(parameter.place, known ? shown_setting(parameter.name, parameter.value) : parameter.name + " = ...");
  if (overridden) {
    document.note("  a later line counts in its place");
  } else if (reason == nullptr) {
    document.note(known ? "  has no part in this configuration" : "  is not known here, or the operator's own");
  } else if (reason->decide && !parameter.value.empty()) {
    document.decide(parameter.name + ": " + std::string(reason->why));
  } else {
    document.note("  " + std::string(reason->why));
  }
}

void write_service(const Service& service, Document& document) {
  document.from(service.place, service.name + " " + service.type + " ... " + service.command);
  if (service.type == "inet")
    document.decide(service.place + ": " + service.command + " listens there, and has no counterpart");
}

}  // namespace

bool is_known(std::string_view name) { return reason_of(name) != nullptr || !postfix_default(name).empty(); }

void write_rest(const Postfix& postfix, Document& document) {
  document.section("# What has no counterpart, and why");
  for (const Parameter& parameter : postfix.main_cf.parameters) write_parameter(parameter, postfix.main_cf, document);
  for (const Problem& problem : postfix.main_cf.problems) document.decide(problem.place + ": " + problem.what);
  document.section("# Services of master.cf that are Postfix's own");
  for (const Service& service : postfix.master_cf.services)
    if (!document.has_shown({.name = service.name, .value = {}, .place = service.place}))
      write_service(service, document);
  for (const Problem& problem : postfix.master_cf.problems) document.decide(problem.place + ": " + problem.what);
}

}  // namespace sluice::import_postfix
