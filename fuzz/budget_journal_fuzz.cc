// Checks of the budgets' journal, for any bytes: what is read is what would be written; no record reads beyond its
// bytes; and a budget takes whatever a journal says.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "engine/base/check.h"
#include "policy/budget/shared_budget.h"

using sluice::policy::append_record;
using sluice::policy::SharedBudget;
using sluice::policy::take_record;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr sluice::WallMillis kNow = 1'795'900'000'000;
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  SharedBudget budget(1);
  for (;;) {
    const std::string_view before = rest;
    const auto record = take_record(rest);
    if (!record) {
      CHECK(rest == before);
      break;
    }
    std::string again;
    append_record(again, *record);
    CHECK(again == before.substr(0, before.size() - rest.size()));
    budget.restore(*record, kNow);
  }
  static_cast<void>(budget.restored(kNow));
  auto writing = budget.snapshot(kNow);
  budget.recorded(writing);
  return 0;
}
