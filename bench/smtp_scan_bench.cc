// How fast content is scanned: DataScanner against the byte-by-byte state machine that every mail
// server begins with, and against a memchr loop that looks at line ends only (it sees neither bare
// CRs nor NULs nor 8-bit bytes, so it is a bound, not a rival). Input sizes are those of what a
// read brings; the text has lines of 76 bytes, as base64 has, or short ones.
#include <benchmark/benchmark.h>

#include <cstddef>
#include <cstring>
#include <string>
#include <string_view>

#include "engine/smtp/scan.h"

namespace {

std::string make_text(std::size_t size, std::size_t line) {
  std::string text;
  while (text.size() + line + 2 <= size) text.append(line, 'x').append("\r\n");
  text.append(size - text.size(), 'y');
  return text;
}

void set_rates(benchmark::State& state, std::string_view text) {
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) * static_cast<std::int64_t>(text.size()));
}

void data_scanner(benchmark::State& state) {
  const std::string text =
      make_text(static_cast<std::size_t>(state.range(0)), static_cast<std::size_t>(state.range(1)));
  for (auto _ : state) {
    sluice::smtp::DataScanner scanner;
    benchmark::DoNotOptimize(scanner.scan(text));
    benchmark::DoNotOptimize(scanner.flags());
  }
  set_rates(state, text);
}

void text_checker(benchmark::State& state) {
  const std::string text =
      make_text(static_cast<std::size_t>(state.range(0)), static_cast<std::size_t>(state.range(1)));
  for (auto _ : state) {
    sluice::smtp::TextChecker checker;
    checker.check(text);
    benchmark::DoNotOptimize(checker.flags());
  }
  set_rates(state, text);
}

// The same answers, a byte at a time.
void byte_by_byte(benchmark::State& state) {
  const std::string text =
      make_text(static_cast<std::size_t>(state.range(0)), static_cast<std::size_t>(state.range(1)));
  for (auto _ : state) {
    unsigned place = 2;  // 0 inside, 1 behind CR, 2 line start, 3 dot, 4 dot CR
    bool bare = false;
    bool nul = false;
    bool eight_bit = false;
    std::size_t end = 0;
    for (std::size_t i = 0; i < text.size() && end == 0; ++i) {
      const char c = text[i];
      nul |= c == '\0';
      eight_bit |= (static_cast<unsigned char>(c) & 0x80U) != 0;
      if (c == '\n') {
        if (place == 4) end = i;
        bare |= place != 1 && place != 4;
        place = place == 1 ? 2 : 0;
      } else {
        bare |= place == 1 || place == 4;
        place = c == '\r' ? (place == 3 ? 4 : 1) : (c == '.' && place == 2) ? 3 : 0;
      }
    }
    benchmark::DoNotOptimize(bare);
    benchmark::DoNotOptimize(nul);
    benchmark::DoNotOptimize(eight_bit);
    benchmark::DoNotOptimize(end);
  }
  set_rates(state, text);
}

void memchr_lines(benchmark::State& state) {
  const std::string text =
      make_text(static_cast<std::size_t>(state.range(0)), static_cast<std::size_t>(state.range(1)));
  for (auto _ : state) {
    const char* at = text.data();
    const char* const end = at + text.size();
    bool ended = false;
    while (at < end && !ended) {
      const void* lf = std::memchr(at, '\n', static_cast<std::size_t>(end - at));
      if (lf == nullptr) break;
      at = static_cast<const char*>(lf) + 1;
      ended = end - at >= 3 && at[0] == '.' && at[1] == '\r' && at[2] == '\n';
    }
    benchmark::DoNotOptimize(ended);
  }
  set_rates(state, text);
}

void sizes(benchmark::internal::Benchmark* bench) {
  for (const int size : {1024, 4096, 65536, 1 << 20}) bench->Args({size, 76});
  bench->Args({65536, 20});
}

BENCHMARK(data_scanner)->Apply(sizes);
BENCHMARK(text_checker)->Apply(sizes);
BENCHMARK(byte_by_byte)->Apply(sizes);
BENCHMARK(memchr_lines)->Apply(sizes);

}  // namespace

BENCHMARK_MAIN();
