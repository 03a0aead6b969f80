#include "engine/cli/hosts.h"

#include <algorithm>
#include <vector>

#include "engine/cli/moment.h"
#include "engine/io/process.h"
#include "engine/text/did_you_mean.h"
#include "engine/text/json_text.h"
#include "engine/text/quoted.h"
#include "engine/text/table_text.h"
#include "engine/tls/host_review.h"

namespace sluice::cli {
namespace {

using Reviews = std::vector<tls::HostReview>;

std::string pair_json(const tls::HostReview& host, const tls::PairReview& pair) {
  std::string json = "{\"host\": " + text::json_string(host.host) + ", \"file\": " + text::json_string(pair.file);
  if (pair.loaded) {
    json += ", \"key\": " + text::json_string(tls::key_kind_name(pair.kind)) +
            ", \"issuer\": " + text::json_string(pair.issuer) + ", \"names\": [";
    for (const std::string& name : pair.names) json += (json.ends_with('[') ? "" : ", ") + text::json_string(name);
    json += "], \"expires\": " + text::json_string(tls::date_text(pair.expires)) +
            ", \"days_left\": " + std::to_string(pair.days_left);
  }
  return json + ", \"problems\": " + std::to_string(pair.faults.size() + host.faults.size()) + "}";
}

void print_list(const Reviews& hosts, const HostCommand& command, std::ostream& out) {
  if (command.json) {
    std::string array;
    for (const tls::HostReview& host : hosts)
      for (const tls::PairReview& pair : host.pairs) array += (array.empty() ? "\n " : ",\n ") + pair_json(host, pair);
    out << "[" << array << "\n]\n";
    return;
  }
  constexpr WallMillis kMillis = 1000;
  const auto end_text = [&command](const tls::PairReview& pair) {
    return command.time ? moment_text(pair.expires * kMillis, *command.time) : tls::date_text(pair.expires);
  };
  text::Table table{.names = {"host", "key", "issuer", "expires", "days left", "problems", "file"}, .rows = {}};
  for (const tls::HostReview& host : hosts)
    for (const tls::PairReview& pair : host.pairs)
      table.rows.push_back({host.host, pair.loaded ? tls::key_kind_name(pair.kind) : "", pair.issuer,
                            pair.loaded ? end_text(pair) : "", pair.loaded ? std::to_string(pair.days_left) : "",
                            std::uint64_t{pair.faults.size() + host.faults.size()}, pair.file});
  out << text::as_text(table);
}

struct Problem {
  std::string_view host;
  std::string_view problem;
};

std::vector<Problem> problems_of(const Reviews& hosts) {
  std::vector<Problem> problems;
  for (const tls::HostReview& host : hosts) {
    for (const std::string& fault : host.faults) problems.push_back({host.host, fault});
    for (const tls::PairReview& pair : host.pairs)
      for (const std::string& fault : pair.faults) problems.push_back({host.host, fault});
  }
  return problems;
}

// Whether nothing is wrong.
bool print_check(const Reviews& hosts, bool json, std::ostream& out) {
  const std::vector<Problem> problems = problems_of(hosts);
  if (json) {
    text::Table table{.names = {"host", "problem"}, .rows = {}};
    for (const Problem& each : problems) table.rows.push_back({each.host, each.problem});
    out << text::as_json(table);
  } else {
    for (const Problem& each : problems)
      out << text::printable(each.host) << ": " << text::printable(each.problem) << "\n";
    if (problems.empty()) out << hosts.size() << (hosts.size() == 1 ? " host" : " hosts") << ": nothing is wrong\n";
  }
  return problems.empty();
}

}  // namespace

int run_host_command(const HostCommand& command, const std::string& path, WallMillis now, std::ostream& out,
                     std::ostream& err) {
  constexpr int kFailed = 1;
  const auto failed = [&](const std::string& why) {
    err << "sluicectl: " << text::printable(why) << "\n";
    return kFailed;
  };
  const io::PathAccess access = io::look_at_path(path);
  if (access.state != io::PathState::directory || !access.readable)
    return failed(path + ": is not a directory that can be looked into");
  tls::CertificateDirectory directory(path);
  std::vector<std::string> names = directory.list();
  if (!command.host.empty()) {
    if (std::ranges::find(names, command.host) == names.end()) {
      const std::vector<std::string_view> known(names.begin(), names.end());
      const std::string_view meant = text::did_you_mean(command.host, known);
      return failed(text::in_quotes(command.host) + ": " + path + " has no folder of that name with a certificate" +
                    (meant.empty() ? "" : "; did you mean " + text::in_quotes(meant) + "?"));
    }
    names = {command.host};
  }
  Reviews hosts;
  for (const std::string& name : names) hosts.push_back(tls::review_host(directory, name, now, command.days));
  if (command.verb == HostCommand::Verb::check) return print_check(hosts, command.json, out) ? 0 : kFailed;
  print_list(hosts, command, out);
  return 0;
}

}  // namespace sluice::cli
