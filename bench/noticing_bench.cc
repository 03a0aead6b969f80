// What noticing costs a message of 4 KB: the sketch of its text, and all that is counted and judged; a recipient that
// is known, and an outcome; and a message of any of many accounts, without its sketch.
#include <benchmark/benchmark.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "policy/noticing/account_watch.h"
#include "policy/noticing/noticer.h"
#include "policy/noticing/text_loops.h"
#include "tests/support/noticing_text.h"

namespace {

using namespace sluice;
using namespace sluice::noticing;

constexpr std::size_t kMessageBytes = 4096;

std::string plain_text() {
  Draw draw(1);
  return some_words(draw, 1200).substr(0, kMessageBytes);
}

std::string html() {
  Draw draw(2);
  std::string text = "<html><head><style>p { color: black; }</style></head><body>\r\n";
  while (text.size() < kMessageBytes)
    text += "<p class=\"x\">" + some_words(draw, 12) + "</p><a href=\"http://host.example/\">" + some_words(draw, 2) +
            "</a>\r\n";
  return text.substr(0, kMessageBytes);
}

std::string base64() {
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const std::string plain = plain_text();
  std::string text;
  for (std::size_t i = 0; i + 3 <= plain.size() && text.size() < kMessageBytes; i += 3) {
    const auto byte = [&](std::size_t at) {
      return static_cast<std::uint32_t>(static_cast<unsigned char>(plain[i + at]));
    };
    const std::uint32_t three = byte(0) << 16 | byte(1) << 8 | byte(2);
    for (const int shift : {18, 12, 6, 0}) text += kAlphabet[three >> shift & 63];
    if (i % 57 == 54) text += "\r\n";
  }
  return text;
}

// With the loops of this machine, and with those of any.
template <std::string (*Content)()>
void sketch(benchmark::State& state) {
  const std::string content = Content();
  TextSketcher sketcher(all_text_loops()[static_cast<std::size_t>(state.range(0))]);
  for (auto _ : state) {
    sketcher.reset();
    sketcher.feed(content);
    benchmark::DoNotOptimize(sketcher.finish());
  }
}

// An account with a past: networks, texts, 300 known recipients.
struct Busy {
  Busy() {
    for (std::uint32_t i = 0; i < 300; ++i) {
      MessageFacts facts{.recipients = 1, .network = draw.next() % 20 << 50, .text = sketch_of(some_words(draw, 50))};
      addresses[i] = draw.next();
      static_cast<void>(noticer.recipient(state, addresses[i], now));
      static_cast<void>(noticer.message(state, facts, now));
    }
  }
  Draw draw{3};
  Noticer noticer{built_in_policy("list_server")};
  AccountState state;
  Instant now = Instant() + std::chrono::hours(1000);
  std::array<std::uint64_t, 300> addresses{};
};

// All that a message of one recipient costs: its sketch, its recipient, its turn, its verdict, its outcome.
template <std::string (*Content)()>
void whole_score(benchmark::State& state) {
  const std::string content = Content();
  Busy busy;
  TextSketcher sketcher;
  std::uint32_t i = 0;
  for (auto _ : state) {
    busy.now += std::chrono::seconds(1);
    static_cast<void>(busy.noticer.recipient(busy.state, busy.addresses[i++ % 300], busy.now));
    sketcher.reset();
    sketcher.feed(content);
    const MessageFacts facts{.recipients = 1, .network = std::uint64_t{i % 20} << 50, .text = sketcher.finish()};
    static_cast<void>(busy.noticer.wait(busy.state, 1, busy.now));
    benchmark::DoNotOptimize(busy.noticer.message(busy.state, facts, busy.now));
    busy.noticer.outcome(busy.state, {.kind = OutcomeKind::accepted, .recipient = i}, busy.now);
  }
}

void verdict_alone(benchmark::State& state) {
  Busy busy;
  const MessageFacts facts{.recipients = 1, .network = 1UL << 50, .text = sketch_of(plain_text())};
  for (auto _ : state) benchmark::DoNotOptimize(busy.noticer.message(busy.state, facts, busy.now));
}

// A message of one of so many accounts that no cache holds them, each of which knows 40 recipients; and where relays of
// a cluster are told of what accounts send.
void message_of_any_account(benchmark::State& state) {
  const auto accounts = static_cast<std::uint64_t>(state.range(0));
  const WatchedClass by{.name = "home", .policy = built_in_policy("home")};
  AccountWatch watch(AccountWatch::Key{});
  if (state.range(1) != 0) watch.share();
  constexpr std::array<std::string_view, 1> kNames{"another@far.example"};
  const Instant now = Instant() + std::chrono::hours(1000);
  const TextSketch text = sketch_of(plain_text());
  std::vector<std::uint64_t> known(40);
  const auto send = [&](std::uint64_t account, std::size_t recipients) {
    for (std::size_t i = 0; i < recipients; ++i) known[i] = (account + i * 1031) << 40;
    const MessageFacts facts{.recipients = static_cast<std::uint32_t>(recipients), .network = 1, .text = text};
    static_cast<void>(watch.wait(std::to_string(account), by, 1, now));
    return watch.message(std::to_string(account), by, facts, std::span(known).first(recipients), now,
                         {.network = "192.0.2.0/24", .recipients = kNames});
  };
  for (std::uint64_t account = 0; account < accounts; ++account) static_cast<void>(send(account, known.size()));
  Draw draw(5);
  std::uint32_t sent = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(send(draw.next() % accounts, 1));
    if (++sent % 1024 == 0) benchmark::DoNotOptimize(watch.news().take(4000, now));
  }
}

void known_recipient(benchmark::State& state) {
  KnownRecipients known;
  Draw draw(4);
  std::vector<std::uint64_t> addresses(static_cast<std::size_t>(state.range(0)));
  for (std::uint64_t& address : addresses) known.add(address = draw.next());
  std::size_t i = 0;
  for (auto _ : state) benchmark::DoNotOptimize(known.add(addresses[i++ * 7919 % addresses.size()]));
}

const auto kLoops = static_cast<std::int64_t>(all_text_loops().size());
BENCHMARK(sketch<plain_text>)->DenseRange(0, kLoops - 1);
BENCHMARK(sketch<html>)->DenseRange(0, kLoops - 1);
BENCHMARK(sketch<base64>)->DenseRange(0, kLoops - 1);
BENCHMARK(whole_score<plain_text>);
BENCHMARK(whole_score<html>);
BENCHMARK(whole_score<base64>);
BENCHMARK(verdict_alone);
BENCHMARK(message_of_any_account)->ArgsProduct({{100, 200'000}, {0, 1}});
BENCHMARK(known_recipient)->Arg(100)->Arg(4096);

}  // namespace

BENCHMARK_MAIN();
