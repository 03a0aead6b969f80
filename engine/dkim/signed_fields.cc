#include "engine/dkim/signed_fields.h"

#include <algorithm>
#include <cstdint>

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

// Letters and hyphens alone, which differ in 0x20 from what is equal without regard to case, and from nothing else that
// a name may have in it.
static_assert(std::ranges::all_of(kTable, [](const Row& row) {
  return std::ranges::all_of(row.name, [](char c) { return c == '-' || (c >= 'a' && c <= 'z'); });
}));

bool is_row(std::string_view row_name, std::string_view name) {
  return std::ranges::equal(row_name, name, [](char c, char written) { return c == (written | 0x20); });
}

// kRows: none.
std::size_t row_of(std::string_view name) {
  const char first = static_cast<char>(name.front() | 0x20);
  if (name.size() > kNameBytesMax || first < 'a' || first > 'z') return kRows;
  std::size_t row = kFirstRows[static_cast<std::size_t>(first - 'a')][name.size()];
  while (row < kRows && !is_row(kTable[row].name, name)) ++row;
  return row;
}

}  // namespace

void SignedFields::select(std::string_view header) {
  static_assert(kRows <= kRowsMax);
  std::array<std::size_t, kRows> counts{};
  HeaderFieldReader reader(header);
  while (const auto field = reader.next())
    if (const std::size_t row = row_of(field->name); row < kRows)
      found_[row][counts[row]++ % kFieldsOfANameMax] = *field;

  has_from_ = counts[kFromRow] > 0;
  names_.clear();
  fields_.clear();
  for (std::size_t row = 0; row < kRows; ++row) {
    const std::size_t count = std::min(counts[row], kFieldsOfANameMax);
    for (std::size_t i = 0; i < count; ++i) fields_.push_back(&found_[row][(counts[row] - 1 - i) % kFieldsOfANameMax]);
    const bool oversigned = kTable[row].oversigned && counts[row] <= kFieldsOfANameMax;
    for (std::size_t i = 0; i < count + (oversigned ? 1 : 0); ++i) names_.push_back(kTable[row].name);
  }
}

}  // namespace sluice::dkim
