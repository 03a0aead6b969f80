#include "engine/server/named_families.h"

#include <algorithm>
#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/session/end_reason.h"

namespace sluice::server {
namespace {

using Cores = std::span<const CoreMetrics>;
using metrics::Family;
using FamilyKind = metrics::Kind;

// A stage of sessions, attempts or the disk.
struct StageRow {
  std::string_view name;
  std::string_view help;
  const StageTimes& (*of)(const CoreMetrics&);
};
constexpr StageRow kStageRows[] = {
    {"sluice_policy_seconds",
     "How long limits took to be asked about the recipients of a command, with the pace of those that slow.",
     [](const CoreMetrics& m) -> const StageTimes& { return m.counters.sessions.policy; }},
    {"sluice_content_seconds", "From the first byte of a message's content to its 250.",
     [](const CoreMetrics& m) -> const StageTimes& { return m.counters.sessions.content; }},
    {"sluice_next_hop_connect_seconds", "How long connections to next hops took to be there, of those that came to be.",
     [](const CoreMetrics& m) -> const StageTimes& { return m.counters.hops.connect; }},
    {"sluice_next_hop_tls_handshake_seconds", "TLS handshakes with next hops, of those that succeeded.",
     [](const CoreMetrics& m) -> const StageTimes& { return m.counters.hops.tls_handshake; }},
    {"sluice_next_hop_reply_seconds", "From the end of a message's content to the next hop's answer.",
     [](const CoreMetrics& m) -> const StageTimes& { return m.counters.hops.final_reply; }},
    {"sluice_sign_seconds",
     "How long a message's signatures took, with the look-up of keys and the wait for a thread; the hashes of its body "
     "are made before.",
     [](const CoreMetrics& m) -> const StageTimes& { return m.counters.signing.took; }},
    {"sluice_spool_sync_seconds", "Writes to the spool, from the start of each to the moment it is on the disk.",
     [](const CoreMetrics& m) -> const StageTimes& { return m.counters.spool_log.sync; }},
};

struct QueueRow {
  std::string_view name;
  std::string_view help;
  const QueueTimes& (*of)(const CoreMetrics&);
};
constexpr QueueRow kQueueRows[] = {
    {"sluice_queue_first_attempt_seconds",
     "From the arrival of a message to the queue's first attempt at a destination, where none was made by cut-through.",
     [](const CoreMetrics& m) -> const QueueTimes& { return m.counters.queue.first_attempt; }},
    {"sluice_queue_delivery_seconds",
     "From the arrival of a message to the moment at which the queue had delivered it to a recipient.",
     [](const CoreMetrics& m) -> const QueueTimes& { return m.counters.queue.delivered; }},
};

double count_of(std::uint64_t count) { return static_cast<double>(count); }

std::string named(std::string_view text) { return std::string(text); }

Family counter_of(std::string_view name, std::string_view help) {
  return {.name = name, .kind = FamilyKind::counter, .help = help, .samples = {}, .histograms = {}};
}

Family histogram_of(std::string_view name, std::string_view help) {
  return {.name = name, .kind = FamilyKind::histogram, .help = help, .samples = {}, .histograms = {}};
}

template <const auto& kBounds>
void add_to(metrics::Histogram& sum, const SpanHistogram<kBounds>& one) {
  sum.add(one.counts(), one.sum_seconds());
}

Family ends_of_sessions(Cores cores) {
  Family ended =
      counter_of("sluice_sessions_ended", "Sessions that ended, by reason, as session_ended in the log has it.");
  for (std::size_t i = 0; i < session::kEndReasons; ++i) {
    double sum = 0;
    for (const CoreMetrics& core : cores) sum += count_of(core.counters.sessions.ended[i]);
    const std::string_view reason = session::end_reason_row(static_cast<session::EndReason>(i)).name;
    ended.samples.push_back({.labels = {{.name = "reason", .value = named(reason)}}, .value = sum});
  }
  return ended;
}

// ------------------------------------------------------------------------------------------ logins

// All of a back end from the start, as a count that begins at 1 is no increase.
Family logins_of(Cores cores) {
  std::map<std::string, session::LoginCounters::ByResult> by_backend;
  for (const CoreMetrics& core : cores) {
    const std::vector<std::string> names = auth::source_names(core.backends);
    for (const std::string& name : names) by_backend[name];
    const auto& by_source = core.counters.sessions.by_login.by_source;
    for (std::size_t source = 0; source < by_source.size(); ++source) {
      session::LoginCounters::ByResult& sums = by_backend[names[source < names.size() ? source : auth::kNoSource]];
      for (std::size_t i = 0; i < sums.size(); ++i) sums[i] += by_source[source][i];
    }
  }
  Family logins = counter_of("sluice_logins",
                             "Attempts to log in, by who has answered (the store, a back end, from the cache, too; "
                             "none: nobody was asked) and result.");
  for (const auto& [backend, sums] : by_backend)
    for (std::size_t i = 0; i < sums.size(); ++i)
      logins.samples.push_back(
          {.labels = {{"backend", backend},
                      {"result", named(session::auth_result_name(static_cast<session::AuthResult>(i)))}},
           .value = count_of(sums[i])});
  return logins;
}

Family login_times_of(Cores cores) {
  Family times = histogram_of("sluice_login_seconds",
                              "From AUTH to its reply, by result; of refused ones with the delay of that.");
  for (std::size_t i = 0; i < session::kAuthResults; ++i) {
    metrics::Histogram sum(metrics::kStageSeconds);
    for (const CoreMetrics& core : cores) add_to(sum, core.counters.sessions.by_login.took[i]);
    times.histograms.push_back(
        {.labels = {{"result", named(session::auth_result_name(static_cast<session::AuthResult>(i)))}},
         .value = std::move(sum)});
  }
  return times;
}

// Each core has the same ones.
void append_backends(std::vector<Family>& families, Cores cores) {
  Family checks =
      counter_of("sluice_backend_checks", "Passwords and tokens that a back end was asked about, by result.");
  Family times = histogram_of("sluice_backend_check_seconds", "How long back ends took to answer.");
  const std::vector<auth::BackendCounters>& backends = cores.front().backends;
  for (std::size_t i = 0; i < backends.size(); ++i) {
    const metrics::Label name{.name = "backend", .value = backends[i].name};
    metrics::Histogram took(metrics::kStageSeconds);
    for (const CoreMetrics& core : cores) add_to(took, core.backends.at(i).took);
    times.histograms.push_back({.labels = {name}, .value = std::move(took)});
    for (std::size_t kind = 0; kind < auth::Verdict::kKinds; ++kind) {
      double sum = 0;
      for (const CoreMetrics& core : cores) sum += count_of(core.backends.at(i).by_kind[kind]);
      const auto result = auth::Verdict::kind_name(static_cast<auth::Verdict::Kind>(kind));
      checks.samples.push_back({.labels = {name, {"result", named(result)}}, .value = sum});
    }
  }
  families.push_back(std::move(checks));
  families.push_back(std::move(times));
}

// ------------------------------------------------------------------------------------------ limits and TLS

Family limits_of(Cores cores) {
  std::map<std::vector<std::string>, std::uint64_t> sums;
  for (const CoreMetrics& core : cores)
    core.counters.limits.for_each([&sums](policy::Subject subject, policy::Quantity quantity, policy::Span span,
                                          policy::Action action, std::uint64_t count) {
      sums[{named(policy::subject_name(subject)), named(policy::quantity_name(quantity)),
            named(policy::span_name(span)), named(policy::action_name(action))}] += count;
    });
  Family limits = counter_of("sluice_limits_reached",
                             "Times that a limit had no room for what was asked, or was passed, and what was done.");
  for (const auto& [labels, count] : sums)
    limits.samples.push_back(
        {.labels = {{"subject", labels[0]}, {"quantity", labels[1]}, {"window", labels[2]}, {"effect", labels[3]}},
         .value = count_of(count)});
  return limits;
}

void add_tls(Family& family, std::string_view side, const TlsCounts& counts) {
  const auto add = [&](const std::string& version, const std::string& group, std::uint64_t count) {
    family.samples.push_back(
        {.labels = {{"side", named(side)}, {"version", version}, {"group", group}}, .value = count_of(count)});
  };
  for (const TlsCounts::Kind& kind : counts.kinds())
    add(kind.version, kind.group.empty() ? "none" : kind.group, kind.count);
  if (counts.others() > 0) add("other", "other", counts.others());
}

Family tls_of(Cores cores) {
  TlsCounts clients;
  TlsCounts next_hops;
  for (const CoreMetrics& core : cores) {
    clients.add(core.counters.sessions.tls);
    next_hops.add(core.counters.hops.tls);
  }
  Family tls = counter_of("sluice_tls_connections",
                          "Connections that were secured, by whom they are with, version and group of the key "
                          "exchange (none: that of an earlier session, or one without a group).");
  add_tls(tls, "client", clients);
  add_tls(tls, "next_hop", next_hops);
  return tls;
}

// ------------------------------------------------------------------------------------------ signatures

Family signatures_of(Cores cores) {
  using signing::SigningCounters;
  Family family = counter_of(
      "sluice_signatures",
      "DKIM signatures, by algorithm and result (made; failed, in the library; used_again, for "
      "another destination or try), messages that neither their author's domain nor "
      "one in its place has signed (without_key; key_unavailable: it cannot be read or used), and those that come with "
      "one of it that is broken (broken_before).");
  const auto add = [&](std::string_view algorithm, std::string_view result, auto count) {
    double sum = 0;
    for (const CoreMetrics& core : cores) sum += count_of(count(core.counters.signing));
    family.samples.push_back({.labels = {{"algorithm", named(algorithm)}, {"result", named(result)}}, .value = sum});
  };
  for (const auto algorithm : dkim::kAlgorithms) {
    const auto i = static_cast<std::size_t>(algorithm);
    add(dkim::name(algorithm), "made", [i](const SigningCounters& c) { return c.made[i]; });
    add(dkim::name(algorithm), "failed", [i](const SigningCounters& c) { return c.failed[i]; });
    add(dkim::name(algorithm), "used_again", [i](const SigningCounters& c) { return c.used_again[i]; });
  }
  add("none", "broken_before", [](const SigningCounters& c) { return c.broken_before; });
  add("none", "without_key", [](const SigningCounters& c) { return c.without_key; });
  add("none", "key_unavailable", [](const SigningCounters& c) { return c.without_key_now; });
  return family;
}

}  // namespace

void append_named_families(std::vector<Family>& families, Cores cores) {
  families.push_back(ends_of_sessions(cores));
  families.push_back(logins_of(cores));
  families.push_back(login_times_of(cores));
  append_backends(families, cores);
  families.push_back(limits_of(cores));
  families.push_back(tls_of(cores));
  families.push_back(signatures_of(cores));
  for (const StageRow& row : kStageRows) {
    metrics::Histogram sum(metrics::kStageSeconds);
    for (const CoreMetrics& core : cores) add_to(sum, row.of(core));
    families.push_back(histogram_of(row.name, row.help));
    families.back().histograms.push_back({.labels = {}, .value = std::move(sum)});
  }
  for (const QueueRow& row : kQueueRows) {
    metrics::Histogram sum(metrics::kSecondsOf<kQueueBounds>);
    for (const CoreMetrics& core : cores) add_to(sum, row.of(core));
    families.push_back(histogram_of(row.name, row.help));
    families.back().histograms.push_back({.labels = {}, .value = std::move(sum)});
  }
}

}  // namespace sluice::server
