#include "tools/import_postfix/access.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "engine/base/network.h"
#include "engine/smtp/ascii.h"
#include "tools/import_postfix/logical_lines.h"

namespace sluice::import_postfix {
namespace {

enum class Client : std::uint8_t { network, login };
// What a list of restrictions says of a client in the end.
enum class Passage : std::uint8_t {
  permits,  // by a permit of its own
  ends,     // nothing in it refuses
  refuses,
  unclear,  // something before the permit may refuse, and Sluice has no counterpart for it
};

// Checks of a message's form, which let any client relay that passes them.  Sluice has its own.
constexpr std::array<std::string_view, 12> kFormChecks{
    "reject_invalid_helo_hostname", "reject_invalid_hostname",      "reject_non_fqdn_helo_hostname",
    "reject_non_fqdn_hostname",     "reject_non_fqdn_recipient",    "reject_non_fqdn_sender",
    "reject_unauth_pipelining",     "reject_unknown_sender_domain", "reject_unknown_recipient_domain",
    "reject_unlisted_recipient",    "reject_unlisted_sender",       "reject_unknown_helo_hostname"};
constexpr std::array<std::string_view, 6> kEndings{
    "reject", "defer", "reject_unauth_destination", "defer_unauth_destination", "defer_if_permit", "defer_if_reject"};

bool is_one_of(std::string_view word, const auto& words) { return std::ranges::find(words, word) != std::end(words); }

bool takes_argument(std::string_view word) {
  return word.starts_with("check_") || word.starts_with("reject_rbl") || word.starts_with("reject_rhsbl") ||
         word.starts_with("permit_dnswl") || word.starts_with("permit_rhswl") || word == "sleep";
}

// What one list says.
class Walk {
 public:
  Walk(Client client, std::string_view list, Access& access) : client_(client), list_(list), access_(access) {}

  Passage run(std::string_view value) {
    const std::vector<std::string> words = words_of(value, Commas::separate);
    for (std::size_t i = 0; i < words.size(); ++i) {
      const std::string word = smtp::to_lower(without_braces(words[i]));
      const std::string verb = word.substr(0, word.find(' '));
      const bool warned = verb == "warn_if_reject";
      const std::size_t checked = warned && i + 1 < words.size() ? ++i : i;
      if (takes_argument(warned ? smtp::to_lower(words[checked]) : verb) && verb == word) ++i;
      if (warned || verb == "sleep") continue;
      if (const auto end = look_at(verb)) return *end;
    }
    return Passage::ends;
  }

 private:
  // Nothing: the next one counts.
  std::optional<Passage> look_at(const std::string& verb) {
    if (verb == "permit") return Passage::permits;
    if (verb == "permit_mynetworks") return client_ == Client::network ? std::optional(Passage::permits) : std::nullopt;
    if (verb == "permit_sasl_authenticated")
      return client_ == Client::login ? std::optional(Passage::permits) : std::nullopt;
    if (verb.starts_with("permit_")) {
      say(access_.notes, verb + " lets in clients for which there is no counterpart here: they have to log in");
      return std::nullopt;
    }
    if (is_one_of(verb, kEndings)) return Passage::refuses;
    if (is_one_of(verb, kFormChecks)) return std::nullopt;
    if (verb.ends_with("sender_login_mismatch") && client_ == Client::login) return std::nullopt;
    if (verb == "reject_authenticated_sender_login_mismatch") return std::nullopt;
    if (client_ == Client::network) return Passage::unclear;
    if (verb == "reject_plaintext_session") return std::nullopt;
    say(access_.decisions, verb + " may refuse clients that have logged in, and has no counterpart here");
    return std::nullopt;
  }

  void say(std::vector<std::string>& texts, const std::string& what) const {
    const std::string text = std::string(list_) + ": " + what;
    if (!is_one_of(text, texts)) texts.push_back(text);
  }

  Client client_;
  std::string_view list_;
  Access& access_;
};

Passage passage(const Parameters& parameters, Client client, std::string_view list, Access& access) {
  if (const auto setting = parameters.set(list); setting && !setting->error.empty()) return Passage::unclear;
  return Walk(client, list, access).run(parameters.value(list));
}

bool may_relay(const Parameters& parameters, Client client, Access& access) {
  constexpr std::array<std::string_view, 5> kOthers{"smtpd_client_restrictions", "smtpd_helo_restrictions",
                                                    "smtpd_sender_restrictions", "smtpd_data_restrictions",
                                                    "smtpd_end_of_data_restrictions"};
  const auto relay = parameters.set("smtpd_relay_restrictions");
  const bool no_relay_list = relay && relay->error.empty() && relay->value.empty();
  const Passage by_relay = passage(parameters, client, "smtpd_relay_restrictions", access);
  const Passage by_recipient = passage(parameters, client, "smtpd_recipient_restrictions", access);
  bool may = (no_relay_list ? by_recipient : by_relay) == Passage::permits &&
             (by_recipient == Passage::permits || by_recipient == Passage::ends);
  bool unclear = by_relay == Passage::unclear || by_recipient == Passage::unclear;
  for (const std::string_view list : kOthers) {
    const Passage by_other = passage(parameters, client, list, access);
    may = may && (by_other == Passage::permits || by_other == Passage::ends);
    unclear = unclear || by_other == Passage::unclear;
  }
  if (!may && unclear && client == Client::network)
    access.decisions.emplace_back(
        "a restriction that has no counterpart here stands before permit_mynetworks: the networks of mynetworks are "
        "not trusted, and their hosts have to log in");
  return may;
}

// "[2001:db8::]/32" is "2001:db8::/32".
std::string without_brackets(std::string_view word) {
  std::string text(word);
  std::erase_if(text, [](char c) { return c == '[' || c == ']'; });
  return text;
}

void drop_excluded(const std::vector<Network>& excluded, std::vector<Network>& networks, TrustedNetworks& trusted) {
  std::erase_if(networks, [&](const Network& network) {
    const bool meets = std::ranges::any_of(
        excluded, [&](const Network& other) { return network.covers(other) || other.covers(network); });
    if (meets)
      trusted.notes.push_back("mynetworks: " + network.to_string() +
                              ": left out, as an entry with \"!\" lies in it or around it");
    return meets;
  });
}

}  // namespace

Access access_of(const Parameters& parameters) {
  Access access;
  access.networks = may_relay(parameters, Client::network, access);
  access.logins = may_relay(parameters, Client::login, access);
  return access;
}

TrustedNetworks networks_of(const Parameters& parameters) {
  TrustedNetworks trusted;
  const auto setting = parameters.set("mynetworks");
  if (!setting) {
    trusted.networks = {"127.0.0.0/8", "::1"};
    trusted.notes.emplace_back(
        "mynetworks is not set: Postfix takes this machine's own addresses for it, or their networks; of these "
        "only loopback is written here");
    return trusted;
  }
  std::vector<Network> networks;
  std::vector<Network> excluded;
  bool lost_exclusion = false;
  for (const std::string& word : words_of(setting->value, Commas::separate)) {
    const bool exclusion = word.starts_with('!');
    const auto network = Network::parse(without_brackets(exclusion ? std::string_view(word).substr(1) : word));
    if (!network) {
      lost_exclusion = lost_exclusion || exclusion;
      trusted.notes.push_back("mynetworks: " + word +
                              ": left out: " + (word.contains(":/") ? "tables are not read" : network.error()));
    } else if (exclusion) {
      excluded.push_back(*network);
    } else if (network->prefix_bits() == 0) {
      trusted.notes.push_back("mynetworks: " + word + ": left out: it is everybody, an open relay");
    } else {
      networks.push_back(*network);
    }
  }
  if (lost_exclusion) {
    networks.clear();
    trusted.notes.emplace_back("mynetworks: an entry with \"!\" is not understood: no network is trusted");
  }
  drop_excluded(excluded, networks, trusted);
  for (const Network& network : networks) trusted.networks.push_back(network.to_string());
  return trusted;
}

}  // namespace sluice::import_postfix
