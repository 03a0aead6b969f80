#include "engine/dkim/signed_fields.h"

#include <algorithm>
#include <cstdint>

#include "engine/smtp/ascii.h"

namespace sluice::dkim {
namespace {

struct Row {
  std::string_view name;  // as h= has it
  bool oversigned = false;
};

// In the order of h=.
constexpr Row kTable[] = {
    {"from", true},
    {"to", true},
    {"cc", true},
    {"subject", true},
    {"date", true},
    {"message-id", true},
    {"reply-to", true},
    {"mime-version", true},
    {"content-type", true},
    {"content-transfer-encoding", true},
    {"content-disposition"},
    {"content-id"},
    {"content-description"},
    {"content-language"},
    {"sender"},
    {"author"},
    {"in-reply-to"},
    {"references"},
    {"resent-date"},
    {"resent-from"},
    {"resent-sender"},
    {"resent-to"},
    {"resent-cc"},
    {"resent-message-id"},
    {"list-id"},
    {"list-help"},
    {"list-unsubscribe"},
    {"list-unsubscribe-post"},
    {"list-subscribe"},
    {"list-post"},
    {"list-owner"},
    {"list-archive"},
    // Reports of feedback loops name it to the sender, and count only what is signed.
    {"feedback-id"},
};
constexpr std::size_t kRows = std::size(kTable);
constexpr std::size_t kFromRow = 0;

constexpr std::size_t kNameBytesMax = [] {
  std::size_t most = 0;
  for (const Row& row : kTable) most = std::max(most, row.name.size());
  return most;
}();

// By the first letter and the size of a name the first row of the table that it may be, or kRows: most fields are none
// of them, and go by one look.
constexpr auto kFirstRows = [] {
  std::array<std::array<std::uint8_t, kNameBytesMax + 1>, 26> rows{};
  for (auto& sizes : rows) sizes.fill(kRows);
  for (std::size_t row = kRows; row-- > 0;)
    rows[static_cast<std::size_t>(kTable[row].name.front() - 'a')][kTable[row].name.size()] = row;
  return rows;
}();

// kRows: none.
std::size_t row_of(std::string_view name) {
  const char first = to_lower(name.front());
  if (name.size() > kNameBytesMax || first < 'a' || first > 'z') return kRows;
  std::size_t row = kFirstRows[static_cast<std::size_t>(first - 'a')][name.size()];
  while (row < kRows && !smtp::equals_ignore_case(kTable[row].name, name)) ++row;
  return row;
}

}  // namespace

void SignedFields::select(std::string_view header) {
  static_assert(kRows <= kRowsMax);
  std::array<std::size_t, kRows> counts{};
  while (const auto field = take_field(header))
    if (const std::size_t row = row_of(field->name); row < kRows)
      found_[row][counts[row]++ % kFieldsOfANameMax] = *field;

  has_from_ = counts[kFromRow] > 0;
  names_.clear();
  fields_.clear();
  for (std::size_t row = 0; row < kRows; ++row) {
    const std::size_t count = std::min(counts[row], kFieldsOfANameMax);
    for (std::size_t i = 0; i < count; ++i) fields_.push_back(&found_[row][(counts[row] - 1 - i) % kFieldsOfANameMax]);
    const bool oversigned = kTable[row].oversigned && counts[row] <= kFieldsOfANameMax;
    names_.insert(names_.end(), count + (oversigned ? 1 : 0), kTable[row].name);
  }
}

}  // namespace sluice::dkim
