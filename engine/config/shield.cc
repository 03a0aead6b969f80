#include "engine/config/sections.h"

namespace sluice::config {

void read_shield(const ConfigNode* table, ConfigDiagnostics& diagnostics, ShieldConfig& shield) {
  constexpr std::int64_t kFailuresMax = 1'000'000;
  constexpr std::int64_t kWindowMaxS = 24 * 3600;
  constexpr std::int64_t kDelayMaxMs = 30'000;
  constexpr std::int64_t kEntriesMin = 64;
  constexpr std::int64_t kEntriesMax = 10'000'000;
  ConfigSection section(table, "shield", "shield", diagnostics);
  section.heading("Against the guessing of passwords. See what it does with: sluicectl shield list");
  section.about("false: nothing is counted, refused or slowed.");
  section.boolean("enabled", shield.enabled);
  section.about(
      "So many failed logins within the last window_s, counted by all cores together: from one address (IPv6: "
      "limits.ipv6_prefix), or from its network (/24; IPv6: /56), and further logins from there get 454, whatever the "
      "password. The same wrong password again, for the same account from the same network, counts once; but by SCRAM "
      "each time, as no two proofs of one password are alike: a device that goes on with an old password there may "
      "have its address refused.");
  section.integer("address_failures", shield.address_failures, 1, kFailuresMax);
  section.integer("network_failures", shield.network_failures, 1, kFailuresMax);
  section.about(
      "So many at one account, or at all together: then each check waits slow_ms first. Nobody is refused for these: "
      "who guesses could lock others out. An account that has logged in from a network goes on from there as if none "
      "of these limits were reached; only what fails at this account in this network slows it.");
  section.integer("account_failures", shield.account_failures, 1, kFailuresMax);
  section.integer("overall_failures", shield.overall_failures, 1, kFailuresMax);
  section.milliseconds("slow_ms", shield.slow, 0, kDelayMaxMs);
  section.seconds("window_s", shield.window, 1, kWindowMaxS);
  section.about(
      "Every refused login is answered so long after AUTH (where the check takes longer: after a whole multiple of "
      "it), so that the time does not tell an unknown name from a wrong password. 2 s as in Dovecot "
      "(auth_failure_delay): more than a check takes. 0: at once.");
  section.milliseconds("refused_after_ms", shield.refused_after, 0, kDelayMaxMs);
  section.about(
      "How many addresses, networks, accounts, pairs of account and network that logged in well, and wrong passwords "
      "are remembered at most, of each; about 200 bytes each. What was longest unused is forgotten.");
  section.integer("entries", shield.entries, kEntriesMin, kEntriesMax);
  section.about(
      "Networks that are exempt: webmail hosts and the like, from which all customers log in. Default: this machine. A "
      "list of your own replaces it.");
  std::vector<Network> trusted;
  section.example(R"(["127.0.0.0/8", "::1"])");
  section.list("trusted", trusted, kNetworkAllowed, Network::parse);
  if (section.has("trusted")) shield.trusted = std::move(trusted);
}

}  // namespace sluice::config
