// Fills the spool of a relay that does not run, for bench/queue_at_a_million: so many messages that came now, of which
// one in so many is due at once and the others in a day.
//
//   bench_fill_spool DIRECTORY MESSAGES ONE_DUE_IN
#include <charconv>
#include <cstdio>
#include <cstring>

#include "bench/large_spool.h"
#include "engine/io/real_door.h"
#include "engine/spool/directory.h"

namespace {

std::uint64_t number(const char* text) {
  std::uint64_t value = 0;
  std::from_chars(text, text + std::strlen(text), value);
  sluice::bench::must(value > 0, "a number above 0 is wanted");
  return value;
}

}  // namespace

int main(int argc, char** argv) {
  using namespace sluice;
  bench::must(argc == 4, "usage: bench_fill_spool DIRECTORY MESSAGES ONE_DUE_IN");
  constexpr WallMillis kDay = 86'400'000;
  const auto disk = io::make_real_disk();
  const auto clock = io::make_real_clock();
  const auto fine = spool::Directory::check(*disk, argv[1]);
  if (!fine) bench::must(false, fine.error().text.c_str());
  const WallMillis now = clock->wall();
  bench::write_spool(*disk, argv[1],
                     {.messages = number(argv[2]), .arrived = now, .one_due_in = number(argv[3]), .later = now + kDay});
}
