// One transmission as a test drives it, and the check that no recipient is taken whom the next hop has not.
// Owned by one test; its thread only.
#pragma once

#include <algorithm>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/unit/relay/relay_fixture.h"

namespace sluice::relay {

using Kind = RecipientResult::Kind;

// The extensions that change how a message is sent.
struct Manner {
  const char* name;
  bool pipelining;
  bool chunking;
};
inline constexpr Manner kManners[] = {{"PIPELINING and CHUNKING", true, true},
                                      {"PIPELINING", true, false},
                                      {"CHUNKING", false, true},
                                      {"neither", false, false}};

inline void set_manner(Fixture& fixture, const Manner& manner) {
  fixture.hop().rules.pipelining = manner.pipelining;
  fixture.hop().rules.chunking = manner.chunking;
}

// Nothing is cut, late or ended early, so that calls can be counted.
inline sim::SimOptions exact() {
  sim::SimOptions options;
  options.segment_bytes_max = 1 << 20;
  options.send_buffer_bytes = 1 << 20;
  options.receive_buffer_bytes = 1 << 20;
  options.latency_min = options.latency_max = 1ms;
  options.late_percent = options.held_percent = options.early_end_percent = 0;
  return options;
}

class Sending {
 public:
  explicit Sending(Fixture& fixture, const std::vector<std::string>& recipients = {"bob@example.net"})
      : fixture_(fixture) {
    envelope.id = "Q1";
    envelope.reverse_path = "ann@example.com";
    for (const std::string& each : recipients) envelope.recipients.push_back({.forward_path = each});
  }

  // Late, in pieces; what became of each recipient.
  std::vector<Kind> send(std::string_view text, message::BodyForm form = message::BodyForm::literal,
                         std::size_t piece = SIZE_MAX) {
    run([&] { return whole(*this, text, form, piece); });
    return kinds();
  }
  static Task<void> whole(Sending& self, std::string_view text, message::BodyForm form, std::size_t piece) {
    self.make();
    self.envelope.content = facts_of(text, /*whole=*/true);
    co_await self.transmission->begin(form);
    while (!text.empty()) {
      Chain chain;
      chain.append_copy(text.substr(0, piece));
      text.remove_prefix(std::min(piece, text.size()));
      co_await self.transmission->feed(std::move(chain));
    }
    co_await self.transmission->finish();
  }
  void make() {
    std::vector<std::uint32_t> all(envelope.recipients.size());
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<std::uint32_t>(i);
    transmission.emplace(fixture_.pool(), Transmission::Request{.envelope = envelope,
                                                                .recipients = std::move(all),
                                                                .content_bytes = content_bytes,
                                                                .who = xclient_values(who)});
  }
  void run(const std::function<Task<void>()>& make_task) {
    testing::await_done(fixture_.platforms, fixture_.loop, make_task);
  }
  [[nodiscard]] std::vector<Kind> kinds() const {
    std::vector<Kind> all;
    for (const RecipientResult& each : transmission->results()) all.push_back(each.kind);
    return all;
  }
  [[nodiscard]] const RecipientResult& result(std::size_t i = 0) const { return transmission->results()[i]; }

  // Taken: in the next hop's ledger, answered 2xx, whole.  Refused or deferred without doubt: not in it.
  void expect_honest(std::string_view content) const {
    for (std::size_t i = 0; i < envelope.recipients.size(); ++i) {
      const std::string& to = envelope.recipients[i].forward_path;
      std::size_t answered = 0;
      std::size_t in_ledger = 0;
      for (const auto& hop : fixture_.hops) {
        for (const testing::HopMessage& each : hop->ledger) {
          if (std::ranges::find(each.recipients, to) == each.recipients.end()) continue;
          ++in_ledger;
          if (each.answered && each.content == content) ++answered;
        }
      }
      EXPECT_NE(result(i).kind, Kind::accepted);
      if (result(i).kind == Kind::taken) {
        EXPECT_GE(answered, 1U) << to;
      } else if (!transmission->maybe_taken() && result(i).code == 0) {
        EXPECT_EQ(in_ledger, 0U) << to << ": " << result(i).text;
      }
    }
  }

  message::Envelope envelope;
  std::optional<std::uint64_t> content_bytes;
  message::Submitter who;
  std::optional<Transmission> transmission;

 private:
  Fixture& fixture_;
};

}  // namespace sluice::relay
